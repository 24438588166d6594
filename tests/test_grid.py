"""Grids: the same numbers whatever the processes and interruptions; whatever dies, hangs or eats memory is data."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from carps_lite.commands.arguments import defaults
from carps_lite.commands.run import run_grid
from carps_lite.errors import InputError
from carps_lite.store import Store

MEASURED = {"host", "pid", "started", "threads"}


pytestmark = pytest.mark.usefixtures("own_folder")


def grid(**given):
    return run_grid({**defaults("run"), "processes": 2, **given})


def trajectories(root="results"):
    """Every finished log without what is measured, by its path."""
    found = {}
    for path in sorted(Store(root).root.rglob("*.jsonl")):
        header, *rows = map(json.loads, path.read_text().splitlines())
        end = rows.pop()
        for row in rows:
            row.pop("measured_ns")
        header = {k: v for k, v in header.items() if k not in MEASURED}
        found[str(path.relative_to(Store(root).root))] = (
            header,
            rows,
            {k: v for k, v in end.items() if k not in ("tell_ns", "covered")},
        )
    return found


def leftovers(root="results"):
    return [p.name for p in Store(root).root.rglob("*") if p.name.endswith((".part", ".old"))]


def rows_of(task, root="results"):
    return [row for name, (_, rows, _) in trajectories(root).items() if name.startswith(task) for row in rows]


def front(*args):
    """Start a command that hears Ctrl-C, whether or not this process was started to ignore it."""
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from carps_lite.cli import main; raise SystemExit(main({list(args)}))"
    return subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(running):
    """Wait for a command; returns its exit code and what it said."""
    said = running.communicate(timeout=90)[0]
    return running.returncode, said


SLOW = """
import time
from carps_lite import Float, Problem, Space
class Slow:
    meta = {"deterministic": True, "noisy": True}
    problem = Problem(Space({"x": Float(0, 1), "y": Float(0, 1)}))
    def evaluate(self, config, fidelity, seed):
        time.sleep(0.02)
        return {"loss": config["x"] + 1e-6 * seed}
"""


@pytest.fixture
def slow(tmp_path):
    (tmp_path / "slow_task.py").write_text(SLOW)
    return "slow_task.Slow"


MANY = {
    "task": ["sphere", "curve", "brittle", "mixed/kind:momf"],
    "optimizer": ["random", "tpe"],
    "seeds": 2,
    "budget": 12,
}


@pytest.mark.parametrize("workers", [1, 4])
def test_serial_and_parallel_grids_are_identical(workers):
    for name, processes in (("serial", 0), ("one", 1), ("two", 2)):
        assert grid(**MANY, results=name, processes=processes, n_workers=workers) == 0
    assert trajectories("serial") == trajectories("one") == trajectories("two")
    assert len(trajectories("two")) == 16


def test_a_finished_grid_is_kept(capsys):
    grid(**MANY)
    before = {p: p.stat().st_mtime_ns for p in Store().root.rglob("*.jsonl")}
    assert grid(**MANY) == 0
    assert {p: p.stat().st_mtime_ns for p in Store().root.rglob("*.jsonl")} == before
    assert "kept 16, impossible 0, to run 0" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [1, 4])
def test_a_larger_budget_extends_by_replay(workers):
    grid(**{**MANY, "budget": 6}, n_workers=workers)
    grid(**MANY, n_workers=workers)
    grid(**MANY, n_workers=workers, results="at_once")
    assert trajectories() == trajectories("at_once")
    assert leftovers() == []


def wait_for(found, seconds=30):
    begin = time.monotonic()
    while not found():
        assert time.monotonic() - begin < seconds, "it did not happen"
        time.sleep(0.02)


def parts():
    return [p for p in Store().root.rglob("*.part") if p.stat().st_size > 3000]


def owner(part):
    return json.loads(part.read_text().splitlines()[0])["pid"]


def slow_grid(slow, **more):
    return [f"task={slow}", "optimizer=random,tpe", "seeds=2", "budget=60", *(f"{k}={v}" for k, v in more.items())]


def test_kill_9_of_a_worker_changes_nothing(slow):
    running = front("run", *slow_grid(slow))
    wait_for(parts)
    os.kill(owner(parts()[0]), signal.SIGKILL)
    code, said = finish(running)
    assert code == 0, said
    assert grid(task=slow, optimizer=["random", "tpe"], seeds=2, budget=60, results="calm") == 0
    assert trajectories() == trajectories("calm")
    assert leftovers() == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_grid_that_is_stopped_goes_on_from_there(slow, how):
    running = front("run", *slow_grid(slow))
    wait_for(parts)
    workers = [psutil.Process(owner(p)) for p in parts()]
    running.send_signal(how)
    code, said = finish(running)
    if how != signal.SIGKILL:
        assert code == 130
        assert re.search(r"stopped: \d of 4 runs are complete; the same command goes on from here", said)
    wait_for(lambda: not any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers))
    known = {p.parent.name: p.read_text().splitlines()[1:-1] for p in parts()}
    assert known
    again = front("run", *slow_grid(slow))
    again_code, again_said = finish(again)
    assert again_code == 0, again_said
    for p in Store().root.rglob("*.jsonl"):  # to the byte, the measured columns too
        lines = p.read_text().splitlines()[1:]
        kept = known.get(p.parent.name, [])
        assert not kept or lines[: len(kept)] == kept or "seed=1" in p.name
    assert grid(task=slow, optimizer=["random", "tpe"], seeds=2, budget=60, results="calm") == 0
    assert trajectories() == trajectories("calm")
    assert leftovers() == []


def test_a_trial_that_hangs_is_cut_off(capsys):
    assert grid(task="hostile/act:hang", optimizer="random", seeds=1, budget=25, trial_seconds=0.4) == 0
    rows = rows_of("hostile")
    assert len(rows) == 25
    failures = {row["failure"] for row in rows if "failure" in row}
    assert failures == {"timeout"}
    assert "trials failed" in capsys.readouterr().out


def test_a_trial_that_eats_memory_is_cut_off():
    assert grid(task="hostile/act:memory", optimizer="random", seeds=1, budget=25, memory_gb=0.6) == 0
    assert {row["failure"] for row in rows_of("hostile") if "failure" in row} == {"memory"}


def test_a_trial_that_kills_its_process_fails_the_second_time():
    assert grid(task="hostile/act:kill", optimizer=["random", "tpe"], seeds=2, budget=25) == 0
    rows = rows_of("hostile")
    assert len(rows) == 100
    assert {row["failure"] for row in rows if "failure" in row} == {"crash"}
    calm = {k: v for k, v in trajectories().items() if "random" in k}
    assert grid(task="hostile/act:kill", optimizer="random", seeds=2, budget=25, results="again") == 0
    assert calm == trajectories("again")


def test_a_run_over_its_limit_ends_as_failed_and_keeps_its_records(slow, capsys):
    assert grid(task=slow, optimizer="random", seeds=1, budget=500, run_seconds=0.8) == 1
    assert "time limit of 0.8 s for a run" in capsys.readouterr().out
    ((name, (_, rows, end)),) = trajectories().items()
    assert name.endswith("seed=0,failed.jsonl")
    assert len(rows) > 5
    assert end["state"] == "failed"


BAD = """
from carps_lite import Trial
class Bad:
    meta = {"kinds": ["bb", "mf"]}
    def __init__(self, problem, seed, good=3): self.space, self.left = problem.space, good
    def ask(self):
        self.left -= 1
        if self.left < 0: raise RuntimeError("no idea left")
        return Trial(self.space.default)
    def tell(self, trial, result): pass
"""


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "bad_opt.py").write_text(BAD)
    return tmp_path / "bad_opt.py"


def test_a_failed_run_keeps_its_traceback_and_is_not_tried_again_unasked(bad, capsys):
    given = {"task": "sphere", "optimizer": ["bad_opt.Bad", "random"], "seeds": 2, "budget": 5}
    assert grid(**given) == 1
    said = capsys.readouterr().out
    assert "2 ran, 2 failed (bad_opt.Bad on sphere/dim:2, seed 0: RuntimeError: no idea left" in said
    assert grid(**given) == 1
    assert "failed before 2 (rerun=failed tries them again)" in capsys.readouterr().out
    assert grid(**given, rerun="failed") == 1
    assert "2 failed" in capsys.readouterr().out
    code, said = finish(front("status", "--failed"))
    assert "raise RuntimeError" in said
    assert code == 1


def test_code_that_changed_makes_failures_run_afresh_and_finished_runs_stale(bad):
    args = ("run", "task=sphere", "optimizer=bad_opt.Bad", "seeds=2", "budget=5")
    assert finish(front(*args))[0] == 1
    bad.write_text(BAD.replace("good=3", "good=10"))
    code, said = finish(front(*args))
    assert code == 0
    assert "to run 2" in said
    bad.write_text(BAD.replace("good=3", "good=100"))
    code, said = finish(front(*args))
    assert code == 0
    assert "kept 0, impossible 0, to run 0, stale 2" in said
    assert Store().runs()["stale"].tolist() == [True, True]
    assert finish(front(*args, "rerun=stale"))[0] == 0
    assert len(trajectories()) == 2
    assert [name for name in leftovers() if name.endswith(".old")]
    assert "kept 2" in finish(front(*args))[1]


def test_a_comment_makes_nothing_stale(bad):
    args = ("run", "task=sphere", "optimizer=bad_opt.Bad/good:9", "seeds=2", "budget=5")
    finish(front(*args))
    bad.write_text('"""A docstring."""\n# and a comment\n' + BAD)
    assert "kept 2" in finish(front(*args))[1]


def test_other_options_under_the_same_name_are_refused(tmp_path):
    (tmp_path / "configs" / "optimizers").mkdir(parents=True)
    config = tmp_path / "configs" / "optimizers" / "mine.yaml"
    text = "_target_: carps_lite.optimizers.optuna_samplers.Optuna\nsampler: TPESampler\nn_startup_trials: {}\n"
    config.write_text(text.format(3) + "meta: {version: 1}\n")
    given = {"task": "sphere", "optimizer": "mine", "seeds": 1, "budget": 5}
    assert grid(**given) == 0
    config.write_text(text.format(44) + "meta: {version: 1}\n")
    with pytest.raises(InputError, match="n_startup_trials=3, now it is 44"):
        grid(**given)
    assert grid(**given, rerun="all") == 0


def test_shards_share_out_every_run_once():
    given = {"task": "sphere/dim:2..6", "optimizer": "random", "seeds": 4, "budget": 3}
    for k in (1, 2, 3):
        assert grid(**given, shard=f"{k}of3", results=f"part{k}") == 0
    names = [name for k in (1, 2, 3) for name in trajectories(f"part{k}")]
    assert len(names) == len(set(names)) == 20


def test_impossible_cells_are_listed_and_skipped_and_alone_are_an_error(capsys):
    assert grid(task=["sphere", "mixed"], optimizer=["cmaes", "random"], seeds=1, budget=5) == 0
    said = capsys.readouterr().out
    assert "impossible 1" in said
    assert "impossible: cmaes on mixed/kind:bb: it handles" in said
    with pytest.raises(InputError, match="cmaes cannot run on mixed/kind:bb"):
        grid(task="mixed", optimizer="cmaes", seeds=1, budget=5, results="nothing")
    assert not Store("nothing").root.exists()


def test_a_dry_run_writes_nothing(capsys):
    assert grid(**MANY, dry_run=True) == 0
    assert not Store().root.exists()
    assert "16 runs = 4 tasks × 2 optimizers × 2 seeds" in capsys.readouterr().out


def test_a_run_that_lives_elsewhere_is_left_alone(slow, capsys):
    running = front("run", f"task={slow}", "optimizer=random", "seeds=1", "budget=200")
    try:
        wait_for(parts)
        grid(task=slow, optimizer="random", seeds=1, budget=200)
        assert "at work elsewhere 1" in capsys.readouterr().out
    finally:
        running.send_signal(signal.SIGINT)
        finish(running)


TASK = """
import os, subprocess, sys, time
from carps_lite import Float, Problem, Space
kept = []
class Task:
    meta = {"deterministic": True, "noisy": False}
    def __init__(self, mode="calm", shift=0.0):
        self.mode, self.shift = mode, shift
        self.problem = Problem(Space({"x": Float(0, 1)}))
    def evaluate(self, config, fidelity, seed):
        x = config["x"]
        if self.mode == "exit" and x > 0.8: os._exit(0)
        if self.mode == "chdir": os.chdir("/")
        if self.mode == "leak": kept.append(bytearray(60_000_000))
        if self.mode == "child": subprocess.Popen(["sleep", "4321"]); time.sleep(30)
        if self.mode == "slow": time.sleep(0.05)
        if self.mode == "text": raise ValueError("half a pair: \\udcff")
        return {"loss": x + self.shift, "note": "\\udcff"}
    def evaluate_many(self, configs, fidelities, seeds):
        if self.mode == "batch":
            time.sleep(0.3 * len(configs))
            if any(c["x"] > 0.8 for c in configs): os.kill(os.getpid(), 9)
        return [self.evaluate(c, None, 0) for c in configs]
"""


@pytest.fixture
def odd(tmp_path):
    (tmp_path / "odd_task.py").write_text(TASK)
    return lambda mode: f"odd_task.Task/mode:{mode}"


def test_a_worker_that_ends_with_code_0_is_missed_too(odd):
    assert grid(task=odd("exit"), optimizer="random", seeds=1, budget=12, processes=1) == 0
    rows = rows_of("odd_task")
    assert {row["failure"] for row in rows if row["config"]["x"] > 0.8} == {"crash"}
    assert not any("failure" in row for row in rows if row["config"]["x"] <= 0.8)


def test_a_task_that_changes_the_directory_loses_nothing(odd):
    assert grid(task=odd("chdir"), optimizer="random", seeds=2, budget=3, processes=1) == 0
    assert len(trajectories()) == 2


def test_what_a_log_cannot_hold_is_written_as_it_can(odd):
    assert grid(task=odd("text"), optimizer="random", seeds=1, budget=3) == 0
    assert all(row["failure"].startswith("ValueError: half a pair: ?") for row in rows_of("odd_task"))
    assert grid(task=odd("calm"), optimizer="random", seeds=1, budget=3, results="calm") == 0
    assert all(row["info"] == {"note": "?"} for row in rows_of("odd_task", "calm"))


def test_memory_that_earlier_runs_left_is_not_charged_to_a_later_one(odd):
    given = {"task": odd("leak"), "optimizer": "random", "seeds": 8, "budget": 3, "processes": 1, "memory_gb": 0.5}
    assert grid(**given) == 0
    assert not any("failure" in row for row in rows_of("odd_task"))


def test_the_children_of_a_trial_that_is_cut_off_die_with_it(odd):
    assert grid(task=odd("child"), optimizer="random", seeds=1, budget=1, trial_seconds=0.5) == 0
    assert [row["failure"] for row in rows_of("odd_task")] == ["timeout"]
    wait_for(
        lambda: not any("4321" in p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"])
    )


def test_a_batch_that_is_cut_off_or_dies_blames_the_trial_whose_fault_it_is(odd):
    given = {"task": odd("batch"), "optimizer": "random", "seeds": 1, "budget": 8, "n_workers": 4, "sync": True}
    assert grid(**given, trial_seconds=1.0) == 0
    assert not any("failure" in row for row in rows_of("odd_task"))


def test_rerun_keeps_a_good_run_where_the_new_one_fails(odd):
    given = {"task": odd("slow"), "optimizer": "random", "seeds": 1, "budget": 20}
    assert grid(**given) == 0
    before = trajectories()
    assert grid(**given, rerun="all", run_seconds=0.3) == 1
    assert before.items() <= trajectories().items()
    assert grid(**given) == 0


def test_an_attempt_with_other_options_is_not_gone_on_from(tmp_path, odd):
    """The defaults of a YAML stand behind an id; a part of a run made with others is another run's."""
    (tmp_path / "configs" / "tasks").mkdir(parents=True)
    config = tmp_path / "configs" / "tasks" / "own.yaml"
    text = "_target_: odd_task.Task\nmode: slow\nshift: {}\nmeta: {{version: 1, identity: [mode], noisy: false}}\n"
    config.write_text(text.format(0.0))
    running = front("run", "task=own", "optimizer=random", "seeds=1", "budget=40", "processes=1")
    wait_for(lambda: [p for p in Store().root.rglob("*.part") if p.stat().st_size > 2000])
    running.kill()
    finish(running)
    config.write_text(text.format(1000.0))
    assert grid(task="own", optimizer="random", seeds=1, budget=40) == 0
    assert all(row["values"][0] >= 1000 for row in rows_of("own"))
    assert [name for name in leftovers() if name.endswith(".old")]
