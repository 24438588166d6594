"""The command line: exit codes, one clear line for whatever is wrong, sweeps, and help that answers at once."""

import re
import subprocess
import sys

import pytest

from carps_lite.cli import COMMANDS, main
from carps_lite.store import Store

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["rn"], "no command 'rn'; did you mean 'run'?"),
        (["run", "bbob"], "'bbob' must be key=value; did you mean task=bbob?"),
        (["run", "tak=bbob"], "run has no option 'tak'; did you mean 'task'?"),
        (["run", "task=bbop/fid:1", "optimizer=tpe"], "no task named 'bbop'; did you mean 'bbob'?"),
        (["run", "task=quickstrat"], "did you mean 'quickstart'?"),
        (["run", "task=bbob/fid:25/dim:5"], "bbob: fid must be 1 to 24, got 25"),
        (["run", "task=bbob", "optimizer=tpe/multivariat:true"], "did you mean 'multivariate'?"),
        (["run", "task=bbob", "optimizer=random,tpp"], "no optimizer named 'tpp'"),
        (["run", "task=mixed", "optimizer=cmaes"], "cmaes cannot run on mixed/kind:bb: it handles"),
        (["run", "budget=10foo"], "no budget unit 'foo'"),
        (["run", "budget=ten"], "budget must be a number with a unit"),
        (["run", "seeds=many"], "seeds must be a count"),
        (["run", "n_workers=0"], "n_workers must be a whole number of at least 1, got 0"),
        (["run", "n_workers=two"], "n_workers must be a whole number"),
        (["run", "sync=1"], "sync must be true or false, got 1"),
        (["run", "overhead=some"], "overhead must be a number of seconds or 'measured'"),
        (["run", "device=gpu"], "device must be cpu, cuda or cuda:N, got 'gpu'"),
        (["run", "shard=9of8"], "shard must be KofN"),
        (["run", "rerun=stal"], "did you mean 'stale'?"),
        (["run", "trial_seconds=-1"], "trial_seconds must be a positive number or null"),
        (["run", "task=[bbob"], "cannot read 'task=[bbob'"),
        (["run", "task=3"], "task must be a name or a list of names"),
        (["run", "optimizer=no_such.Opt"], "cannot import 'no_such.Opt'"),
        (["run", "rerun=1"], "rerun must be stale, failed, all; got 1"),
        (["run", "~task"], "no option can be taken away"),
        (["run", "seeds=99999999999999999999"], "seeds must"),
        (["run", "seeds=18446744073709551617+1"], "seeds must lie below 2^31"),
        (["run", "seeds=[]"], "seeds must name at least one seed"),
        (["run", "results=/dev/null/x"], "cannot write to results=/dev/null/x: /dev/null is a file"),
        (["run", "results=/dev/null"], "results=/dev/null is a file"),
        (["run", "results=null"], "results must be the name of a folder"),
        (["run", "results="], "results must be the name of a folder"),
        (["run", "budget=3,5"], "budget takes one value, got '3,5'; a sweep over several needs -m"),
        (["run", "n_workers=1,4"], "n_workers takes one value"),
        (["run", "n_workers=1000000000000"], "n_workers must be at most"),
        (["run", "overhead=nan"], "overhead must be a number"),
        (["run", "trial_seconds=inf"], "trial_seconds must be a positive number"),
        (["run", "hydra/launcher=nope", "-m"], "run: "),
        (["run", "hydra.foo=1"], "run: "),
        (["run", "-x"], "run has no flag '-x'"),
        (["run", "--multirunn"], "did you mean '--multirun'?"),
        (["report", "seeds=[]"], "no store in"),
        (["report", "results=[a,b]"], "results must be the name of a folder"),
        (["list"], "list needs one of tasks, optimizers, suites"),
        (["list", "task"], "did you mean 'tasks'?"),
        (["list", "tasks", "zzz"], "no task matches 'zzz'"),
        (["list", "tasks", "a", "b"], "list takes one pattern"),
        (["list", "tasks", "--typ", "mf"], "list has no option '--typ'; did you mean '--type'?"),
        (["list", "tasks", "--type", "mff"], "no task type 'mff'; did you mean 'mf'?"),
        (["list", "tasks", "--type"], "--type needs a value, such as --type mf"),
        (["list", "tasks", "--type", "--no-data"], "--type needs a value"),
        (["list", "tasks", "--max-dim", "six"], "--max-dim must be a whole number of at least 1, got 'six'"),
        (["list", "tasks", "--min-dim=7", "--max-dim=6"], "--min-dim must not exceed --max-dim, got 7 and 6"),
        (["list", "tasks", "--no-data=1"], "--no-data takes no value"),
        (["list", "tasks", "--max-dim", "2", "--max-dim", "3"], "--max-dim is given twice"),
        (["list", "tasks", "sphere", "--type", "mf"], "no task passes all filters"),
        (["list", "optimizers", "--type", "mf"], "are for tasks, not for optimizers"),
        (["status"], "no store in 'results'"),
        (["status", "--fail"], "status takes results=FOLDER and --failed"),
        (["check", "optimizer"], "check needs optimizer or task, and a name"),
        (["check", "optimiser", "tpe"], "did you mean 'optimizer'?"),
        (["check", "optimizer", "tpp"], "did you mean 'tpe'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(carps, tmp_path, args, expected):
    code, out, err = carps(*args)
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="no task named"):
        main(["run", "task=bbop/fid:1", "--debug"])


def test_help_names_every_command_and_every_command_has_help(carps):
    code, out, _ = carps("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in out
        code, text, _ = carps(command, "--help")
        assert code == 0
        assert text.startswith(f"carps-lite {command}: ")
    assert carps()[1] == out
    assert re.fullmatch(r"carps-lite \d+\.\d+\.\d+\S*\n", carps("--version")[1])


def test_run_help_names_every_key(carps):
    from carps_lite.commands.arguments import defaults

    _, text, _ = carps("run", "--help")
    for key, value in defaults("run").items():
        shown = {None: "null", True: "true", False: "false"}.get(value, str(value))
        assert re.search(rf"\b{key}=({re.escape(shown)}|\S)", text), key


def test_a_run_says_what_it_does_and_repeated_that_it_is_there(carps):
    args = ("run", "task=sphere,brittle", "optimizer=random", "seeds=2", "budget=6", "processes=0")
    code, out, _ = carps(*args)
    assert code == 0
    assert "4 runs = 2 tasks × 1 optimizer × 2 seeds, 6 evaluations each, in this process → results/" in out
    assert re.search(r"done in .* s: 4 ran", out)
    code, out, _ = carps(*args)
    assert code == 0
    assert "kept 4, impossible 0, to run 0" in out


def test_hydra_overrides_and_lists_work(carps):
    code, _, _ = carps(
        "run", "task=[sphere,curve]", "optimizer=[random]", "seeds=[2,5]", "budget=7trials", "processes=0"
    )
    assert code == 0
    assert sorted(set(Store().runs()["seed"])) == [2, 5]
    assert Store().runs()["n_trials"].unique().tolist() == [7]


def test_a_sweep_runs_one_grid_after_the_other(carps, tmp_path):
    code, out, _ = carps(
        "run", "-m", "task=sphere", "optimizer=random", "seeds=1", "n_workers=1,3", "processes=0", "budget=5"
    )
    assert code == 0
    assert out.count("1 run = 1 task") == 2
    assert sorted(Store().runs()["n_workers"]) == [1, 3]
    assert {p.name for p in tmp_path.iterdir()} == {"results"}


def test_a_sweep_over_shards_does_every_run_once(carps):
    given = ("task=sphere/dim:2..5", "optimizer=random", "seeds=2", "processes=0", "budget=3")
    code, _, _ = carps("run", "-m", "shard=1of3,2of3,3of3", *given)
    assert code == 0
    assert len(Store().runs()) == 8


def test_wrong_input_in_a_sweep(carps):
    code, _, err = carps("run", "-m", "task=sphere,bbop", "optimizer=random", "seeds=1", "processes=0", "budget=3")
    assert code == 2
    assert "no task or suite named 'bbop'" in err


def test_hydra_shows_the_composed_config():
    done = subprocess.run([sys.executable, "-m", "carps_lite", "run", "seeds=3", "--cfg", "job"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "seeds: 3" in done.stdout


def test_a_failing_run_gives_exit_code_1_and_status_says_why(carps, tmp_path):
    (tmp_path / "sad_for_cli.py").write_text(
        "class Sad:\n    def __init__(self, problem, seed): pass\n    def ask(self): raise KeyError('gone')\n"
        "    def tell(self, trial, result): pass\n"
    )
    code, out, _ = carps("run", "task=sphere", "optimizer=sad_for_cli.Sad,random", "seeds=1", "budget=3", "processes=0")
    assert code == 1
    assert (
        "1 ran, 1 failed (sad_for_cli.Sad on sphere/dim:2, seed 0: KeyError: 'gone') → carps-lite status --failed"
        in out
    )
    code, out, _ = carps("status")
    assert code == 1
    assert re.search(r"random\s+1/1", out)
    assert re.search(r"sad_for_cli.Sad\s+0/1\s+–\s+1", out)
    code, out, _ = carps("status", "--failed")
    assert code == 1
    assert "raise KeyError('gone')" in out


def test_status_of_a_shard_tells_what_is_missing(carps):
    carps("run", "task=sphere/dim:2..5", "optimizer=random", "seeds=2", "processes=0", "budget=3", "shard=1of2")
    done = len(Store().runs())
    code, out, _ = carps("status")
    assert code == 0
    assert re.search(rf"random\s+{done}/8\s+–\s+–\s+–\s+{8 - done}", out)


def test_list(carps):
    _, out, _ = carps("list", "tasks")
    assert re.search(r"^bbob +bb +24 +from 2 +The 24", out, re.M)
    _, out, _ = carps("list", "optimizers", "tpe")
    assert "multivariate:false" in out
    assert "Bergstra" in out
    _, out, _ = carps("list", "tasks", "hpo*")
    assert [line.split()[0] for line in out.splitlines()][:3] == ["hpob", "hpobench_mlp", "hpolib"]
    _, out, _ = carps("list", "suites")
    assert re.search(r"^quickstart +16 tasks", out, re.M)


def test_filters_of_tasks_count_what_passes(carps):
    def lines(*filters):
        _, out, _ = carps("list", "tasks", *filters)
        *listed, total = [line for line in out.splitlines() if not line.startswith("[")]
        counts = {name: int(n.replace(",", "")) for name, _, n, *_ in (line.split() for line in listed)}
        assert int(total.split()[0].replace(",", "")) == sum(counts.values())
        assert f"in {len(counts)} famil" in total
        return counts

    mf = lines("--type", "mf", "--min-dim", "2", "--max-dim", "3")
    assert mf["mfhartmann"] == 4  # 3 dimensions, four biases
    assert mf["mfsynthetic"] == 2  # Branin and Currin, not Borehole in 8
    assert "bbob" not in mf
    assert lines("mfhartmann", "--max-dim=6") == {"mfhartmann": 8}
    assert lines("mixed", "--type", "mo,momf") == {"mixed": 2}
    everything, free = lines(), lines("--no-data")
    assert set(everything) - set(free) >= {"hpob", "yahpo"}
    assert free["bbob"] == 24
    by_group = lines("--group", "bbob/fid:1")
    assert (by_group["bbob"], by_group["sbox"]) == (1, 1)
    # a dimension that can be chosen: from 2 on
    assert "bbob" in lines("--min-dim", "90")
    assert "mabbob" not in lines("--min-dim", "101")
    assert "bbob" not in lines("--max-dim", "1")


def test_a_task_family_of_the_users_own_is_listed_and_filtered(carps, tmp_path):
    (tmp_path / "configs" / "tasks").mkdir(parents=True)
    (tmp_path / "configs" / "tasks" / "own.yaml").write_text(
        "_target_: carps_lite.tasks.synthetic.Sphere\ndim: 4\nmeta: {summary: mine, kinds: [bb], identity: [dim]}\n"
    )
    (tmp_path / "configs" / "tasks" / "broken.yaml").write_text("_target_: no_such_module.Task\n")
    _, out, _ = carps("list", "tasks", "own*", "--max-dim", "4")
    assert re.search(r"^own +bb +1 +from 1 +mine", out, re.M)
    _, out, _ = carps("list", "tasks")
    assert re.search(r"^own +bb +\? +\? +mine", out, re.M)
    assert re.search(r"^broken +\? +\? +\?", out, re.M)
    _, out, _ = carps("list", "tasks", "--type", "bb")
    assert "broken" not in out


def test_check_passes_the_shipped_and_names_what_is_wrong(carps, tmp_path):
    code, out, _ = carps("check", "optimizer", "random")
    assert code == 0
    assert "failed" not in out
    (tmp_path / "dice_for_cli.py").write_text(
        "import numpy as np\nfrom carps_lite import Trial\nclass Dice:\n"
        "    def __init__(self, problem, seed): self.space = problem.space\n"
        "    def ask(self): return Trial(self.space.sample(np.random.default_rng()))\n"
        "    def tell(self, trial, result): pass\n"
    )
    code, out, _ = carps("check", "optimizer", "dice_for_cli.Dice")
    assert code == 1
    assert re.search(r"^failed +same.*seed", out, re.M | re.I)
    code, out, _ = carps("check", "task", "sphere/dim:3")
    assert code == 0, out


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m carps_lite list tasks | head -1", shell=True, capture_output=True, text=True
    )
    assert done.stderr == ""


def test_the_settings_of_run_yaml_are_all_read(carps):
    """What stands in run.yaml and is read nowhere would be an option that does nothing."""
    from pathlib import Path

    import carps_lite
    from carps_lite.commands.arguments import defaults

    text = (Path(carps_lite.__file__).parent / "commands" / "settings.py").read_text()
    for key in defaults("run"):
        assert f'"{key}"' in text, key


@pytest.mark.parametrize("name", ["résultats", "a(b)", "it's", "~/x y"])
def test_folders_may_have_any_letters(carps, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = carps(
        "run", "task=sphere", "optimizer=random", "seeds=1", "budget=3", "processes=0", f"results={name}"
    )
    assert (code, err) == (0, "")
    assert (tmp_path / name.removeprefix("~/") / "store.json").exists()


def test_a_store_that_cannot_be_written_is_kept_as_it_is(carps, monkeypatch):
    args = ("run", "task=sphere", "optimizer=random", "seeds=1", "budget=3", "processes=0")
    carps(*args)

    def refuse(*args):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("carps_lite.commands.manifest.remember", refuse)
    code, out, _ = carps(*args)
    assert code == 0
    assert "kept 1" in out
    code, _, err = carps(*args[:-1], "processes=0", "rerun=all")
    assert code == 2
    assert "cannot write to results=results: Read-only file system" in err


def test_status_leaves_out_a_grid_whose_code_is_gone(carps, tmp_path):
    (tmp_path / "gone_for_cli.py").write_text(
        "from carps_lite import Trial\nclass Opt:\n    def __init__(self, problem, seed): self.s = problem.space\n"
        "    def ask(self): return Trial(self.s.default)\n    def tell(self, trial, result): pass\n"
    )
    carps("run", "task=sphere", "optimizer=gone_for_cli.Opt", "seeds=1", "budget=3", "processes=0")
    carps("run", "task=sphere", "optimizer=random", "seeds=1", "budget=3", "processes=0")
    (tmp_path / "gone_for_cli.py").unlink()
    sys.modules.pop("gone_for_cli")
    code, out, _ = carps("status")
    assert code == 0
    assert "a grid is left out: cannot import 'gone_for_cli.Opt'" in out
    assert re.search(r"random\s+1/1", out)


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_sweep_through_another_launcher(carps, launcher):
    """Each job is a grid in a process of the launcher's, with worker processes of its own."""
    pytest.importorskip(
        f"hydra_plugins.hydra_{launcher.split('_')[0]}_launcher", reason=f"needs hydra-{launcher}-launcher"
    )
    args = ["run", "-m", f"hydra/launcher={launcher}", "shard=1of2,2of2", "task=sphere/dim:2..4", "optimizer=random",
            "seeds=2", "budget=4", "processes=1"]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "carps_lite", *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(Store().runs()) == 6
