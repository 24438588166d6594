"""Recommendations evaluated again on held-out seeds: deterministic, noisy, failing and multi-objective tasks."""

import math

import numpy as np
import pandas as pd
import pytest

import carps_lite
from carps_lite import heldout
from carps_lite.analysis.heldout import held_out_OTS, recorded_on_test_data
from carps_lite.analysis.pool import build
from carps_lite.analysis.scores import score
from carps_lite.cli import main
from carps_lite.core import Problem, Result, Trial, TrialFailed
from carps_lite.hypervolume import gap
from carps_lite.loop import Record
from carps_lite.references import Reference
from carps_lite.space import Float, Space


def a_record(ask, values, fidelity=None, constraints=(), end=0.0, failure=None):
    return Record(
        ask, 0.0, end, Trial({"x": ask / 100}, fidelity), Result(values, 1.0, constraints), ask + 1.0, failure
    )


def a_header(objectives=("loss",), fidelity=None, budget="100"):
    return {"problem": {"objectives": list(objectives), "fidelity": fidelity}, "budget": budget}


AXIS = {"name": "epochs", "low": 1, "high": 9}


def asks(header, *records):
    return [r.ask for r in heldout.recommended(header, records)]


def test_the_best_feasible_trial_in_full_is_recommended():
    records = [a_record(0, (5.0,)), a_record(1, (3.0,)), a_record(2, (3.0,)), a_record(3, (1.0,), constraints=(0.1,))]
    assert asks(a_header(), *records, a_record(4, (math.nan,), failure="nan")) == [1]
    assert asks(a_header(), a_record(0, (math.nan,), failure="nan")) == []
    assert asks(a_header(budget="10sim"), a_record(0, (1.0,), end=11.0), a_record(1, (2.0,), end=10.0)) == [1]
    low = [a_record(0, (1.0,), 1), a_record(1, (4.0,), 3), a_record(2, (3.0,), 3)]
    assert asks(a_header(fidelity=AXIS), *low) == [2]
    assert asks(a_header(fidelity=AXIS), *low, a_record(3, (9.0,), 9), a_record(4, (8.0,))) == [4]


def test_of_several_objectives_the_front_is_recommended():
    points = [(3.0, 3.0), (1.0, 4.0), (2.0, 2.0), (2.0, 2.0), (4.0, 0.5)]
    assert asks(a_header(("f", "g")), *(a_record(i, p) for i, p in enumerate(points))) == [1, 2, 4]
    many = [a_record(i, (float(i), -float(i))) for i in range(80)]
    assert asks(a_header(("f", "g")), *many) == list(range(30, 80))


class Shaky:
    """x, with noise from the seed; fails where asked to, on every other seed."""

    problem = Problem(Space({"x": Float(0, 1)}))

    def __init__(self, fails=False):
        self.fails, self.seeds = fails, []

    def evaluate(self, config, fidelity, seed):
        self.seeds.append(seed)
        if self.fails and len(self.seeds) % 2 == 0:
            raise TrialFailed("crash")
        return {"loss": config["x"] + (seed % 1000) / 1000}


def test_held_out_seeds_are_the_same_for_all_and_no_run_s_own():
    task, record = Shaky(), a_record(7, (1.0,))
    rows = list(heldout.evaluate(task, task.problem, [record], range(3)))
    assert [r["held_out_seed"] for r in rows] == [0, 1, 2]
    assert len(set(task.seeds)) == 3
    from carps_lite.evaluation import evaluation_seed

    assert not {evaluation_seed(s, b'{"x":0.07}', n) for s in range(50) for n in range(3)} & set(task.seeds)
    again = Shaky()
    later = list(heldout.evaluate(again, again.problem, [a_record(7, (2.0,))], range(5), rows))
    assert [r["held_out_seed"] for r in later] == [3, 4]
    failing = Shaky(fails=True)
    assert [r.get("failure") for r in heldout.evaluate(failing, failing.problem, [record], range(2))] == [None, "crash"]


@pytest.fixture
def filled(tmp_path):
    store = carps_lite.Store(tmp_path / "s")
    for optimizer in ("random", "tpe"):
        for seed in range(2):
            carps_lite.run("sphere/dim:2", optimizer, seed=seed, budget=6, store=store)
            carps_lite.run("curve", optimizer, seed=seed, budget=6, store=store)
    return store


def test_from_the_command_line_to_the_scores(filled, capsys):
    before = {p: p.read_bytes() for p in filled.root.rglob("*.jsonl")}
    assert main(["evaluate", f"results={filled.root}", "seeds=3"]) == 0
    assert capsys.readouterr().out == "8 runs evaluated (16 evaluations), 0 kept\n"  # 4 x 1 without noise, 4 x 3
    assert main(["evaluate", f"results={filled.root}", "seeds=3"]) == 0
    assert capsys.readouterr().out == "0 runs evaluated (0 evaluations), 8 kept\n"
    assert main(["evaluate", f"results={filled.root}", "seeds=5", "task=curve"]) == 0
    assert capsys.readouterr().out == "4 runs evaluated (8 evaluations), 0 kept\n"
    assert {p: p.read_bytes() for p in filled.root.rglob("*.jsonl")} == before
    runs, trials = filled.frames()
    assert len(runs) == 8
    s = score(build(runs), trials)
    evaluated = heldout.load(filled.root, runs)
    found = held_out_OTS(s, evaluated)
    t = s.pool.tasks.index("sphere/dim:2")
    assert found[:, t].tolist() == s.final_OTS[:, t].tolist()  # nothing is noisy there
    c = next(i for i, task in enumerate(s.pool.tasks) if task.startswith("curve"))
    assert np.isfinite(s.final_OTS[:, c]).all()
    assert found[:, c] == pytest.approx(s.final_OTS[:, c])  # both are without noise, of the same configuration
    shorter = score(build(runs), trials, budget=3)
    assert np.isnan(held_out_OTS(shorter, evaluated)).all()  # recommended after more than that


def test_a_run_that_was_done_again_is_evaluated_again(filled):
    main(["evaluate", f"results={filled.root}"])
    runs = filled.runs()
    header = {**runs["header"].iloc[0], "started": "later"}
    path = filled.root / runs["file"].iloc[0]
    assert heldout.read(path, runs["header"].iloc[0])
    assert heldout.read(path, header) == []
    heldout.path_of(path).write_bytes(b'{"torn')
    assert heldout.read(path, runs["header"].iloc[0]) == []


def test_what_is_no_recommendation_any_more_is_worth_nothing(filled):
    main(["evaluate", f"results={filled.root}"])
    runs, trials = filled.frames()
    s = score(build(runs), trials)
    evaluated = heldout.load(filled.root, runs)
    run = int(s.pool.run_OTS[0, 0, 0])
    evaluated.loc[evaluated["run"] == run, "failure"] = "crash"
    assert held_out_OTS(s, evaluated)[0, 0, 0] == np.inf


def test_test_scores_are_medians_over_runs_of_means_over_seeds(filled):
    runs, trials = filled.frames()
    s = score(build(runs), trials)
    cells = [(o, i, int(s.pool.run_OTS[o, 0, i])) for o in range(2) for i in range(2)]
    told = {run: (o + i, o + i + 1.0) for o, i, run in cells}  # by held-out seed
    rows = [(run, 0, n, {"test_error": x, "size": 9.0}) for run, both in told.items() for n, x in enumerate(both)]
    frame = pd.DataFrame(rows, columns=["run", "ask", "held_out_seed", "info"])
    found = recorded_on_test_data(s, frame)
    assert found[["score", "entrant", "runs"]].values.tolist() == [["test_error", 0, 2], ["test_error", 1, 2]]
    assert found["median"].tolist() == [1.0, 2.0]
    assert set(found["task"]) == {s.pool.tasks[0]}
    assert recorded_on_test_data(s, frame.assign(info=None)).empty
    assert recorded_on_test_data(s, frame.drop(columns="info")).empty
    front = pd.concat([frame, frame.assign(ask=1)])
    assert recorded_on_test_data(s, front).empty


def test_a_front_is_scored_by_its_gap_on_held_out_values():
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("p_frames", Path(__file__).with_name("test_pipeline.py"))
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    runs, trials = other.frames(*(other.a_front(o, "z", 0, [(1, 3), (3, 1)]) for o in "ab"))
    s = score(build(runs, references={"z": Reference("z", 1, "front", reference=(4.0, 4.0), ideal=(0.0, 0.0))}), trials)
    rows = [(0, 0, 0, [1.0, 3.0]), (0, 0, 1, [2.0, 3.0]), (0, 1, 0, [3.0, 1.0]), (0, 1, 1, [3.0, 1.0])]
    frame = pd.DataFrame(rows, columns=["run", "ask", "held_out_seed", "values"])
    frame = frame.reindex(columns=list(heldout.COLUMNS)).astype({"failure": object})
    found = held_out_OTS(s, frame)
    assert found[0, 0, 0] == pytest.approx(gap([[1.5, 3.0], [3.0, 1.0]], (4, 4), (0, 0)))
    assert np.isnan(found[1, 0, 0])


def test_bad_input_gets_one_line(filled, tmp_path, capsys):
    for args, line in (
        (["seeds"], "evaluate: 'seeds' must be key=value"),
        (["seed=5"], "evaluate has no option 'seed'; did you mean 'seeds'?"),
        (["task=spere"], "the store has no finished run of task 'spere'"),
        ([f"results={tmp_path / 'none'}"], "no store in"),
    ):
        given = args if args[0].startswith("results") else [f"results={filled.root}", *args]
        assert main(["evaluate", *given]) == 2
        assert capsys.readouterr().err.startswith(line)


def test_a_task_from_elsewhere_is_named_and_left_out(tmp_path, capsys):
    store = carps_lite.Store(tmp_path / "s")
    carps_lite.run(Shaky(), "random", seed=0, budget=3, store=store, name="mine")
    assert main(["evaluate", f"results={store.root}"]) == 1
    assert "mine: " in capsys.readouterr().out
