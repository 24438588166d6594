"""One trial: what a task may answer, what it is charged, what the optimizer is told and what only the record holds."""

from __future__ import annotations

import math
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite.core import Fidelity, Problem, Result, Trial, TrialFailed
from carps_lite.evaluation import SINGLY, BrokenRun, evaluation_seed, from_batch
from carps_lite.space import Categorical, Float, Int, Space

_spec = spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
w = module_from_spec(_spec)
_spec.loader.exec_module(w)


@pytest.fixture(autouse=True)
def _no_endless_loop():
    with w.time_limit(5):
        yield


class Says:
    """A task that gives one answer after the other; an exception is raised."""

    def __init__(self, *answers, objectives=("loss",), constraints=(), fidelity=None):
        self.problem = Problem(w.LINE, objectives, constraints, fidelity)
        self.answers, self.calls = list(answers), []

    def evaluate(self, config, fidelity, seed):
        self.calls.append((config, fidelity, seed))
        answer = self.answers[len(self.calls) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer


GOOD = {"loss": 0.5, "cost": 2.0}


def between(answer, budget="3trials", workers=1, verdicts=None, trials=(0.1, 0.2, 0.3), task=None, **rules):
    """Records of a good trial, the one under test, and a good one; and what the optimizer was told of the second."""
    script = w.Script(*trials)
    records = w.run(task or Says(GOOD, answer, GOOD), script, budget, workers, verdicts=verdicts, **rules)
    told = next(result for trial, result in script.told if trial.config["x"] == 0.2)
    return records, told


def is_failure(record, told, cost, kind=None):
    """Assert that a record is of a failed trial, and that the optimizer was told so and no more."""
    assert record.failure
    assert kind is None or record.failure == kind
    assert not told.ok
    assert not told.feasible
    assert all(math.isnan(v) for v in (*told.values, *told.constraints))
    assert told.cost == record.result.cost == cost
    assert repr(told) == repr(record.result)
    assert vars(told).keys() == {"values", "cost", "constraints"}


# What counts as an answer


@pytest.mark.parametrize(
    "answer",
    [
        {"loss": 1, "cost": 2},
        {"loss": 1.0, "cost": np.float32(2)},
        {"loss": np.float64(1), "cost": np.int64(2)},
        {"loss": np.array(1.0), "cost": 2.0},
        MappingProxyType({"loss": 1.0, "cost": 2.0}),
    ],
    ids=repr,
)
def test_numbers_of_any_kind_become_floats(answer):
    records, told = between(answer)
    assert repr(told) == repr(Result((1.0,), 2.0))
    assert records[1].failure is None


def test_a_task_that_knows_no_time_is_charged_in_full_evaluations():
    task = Says(*[{"loss": 1.0}] * 3, fidelity=w.EPOCHS)
    records = w.run(task, w.Script(0.1, (0.2, 9), (0.3, 1)), "3trials")
    assert [r.result.cost for r in records] == [1, 9 / 27, 1 / 27]
    assert [r.end for r in records] == [1, 1 + 9 / 27, 1 + 9 / 27 + 1 / 27]
    records = w.run(Says(*[{"loss": 1.0, "cost": None}] * 3), w.Random(), "3trials")
    assert [r.result.cost for r in records] == [1, 1, 1]


def test_a_free_trial_takes_no_time():
    records, told = between({"loss": 1.0, "cost": 0})
    assert [(r.start, r.end) for r in records] == [(0, 2), (2, 2), (2, 4)]
    assert told.cost == 0


EXTRA = {"test_loss": 0.1, "memory": 3e9, "model": "cnn", "optimum": 0.0}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("sync", [False, True])
def test_whatever_else_a_task_says_is_only_for_the_record(workers, sync):
    answer = {"a": 1.0, "b": 2.0, "c": -1.0, "cost": 5.0, **EXTRA}
    task = Says(answer, answer, answer, objectives=("b", "a"), constraints=("c",))
    records, told = between(None, task=task, workers=workers, sync=sync)
    assert repr(told) == repr(Result((2.0, 1.0), 5.0, (-1.0,)))
    assert vars(told).keys() == {"values", "cost", "constraints"}
    for record in records:
        assert record.info == EXTRA
        assert vars(record.trial).keys() == {"config", "fidelity", "token"}


@pytest.mark.parametrize("failure", [{"loss": math.nan, "cost": 4.0, **EXTRA}, TrialFailed("no", 4.0, EXTRA)], ids=str)
def test_the_same_holds_for_what_is_known_of_a_failure(failure):
    records, told = between(failure)
    is_failure(records[1], told, 4.0)
    assert records[1].info == EXTRA
    assert records[0].info == records[2].info == {}


def test_cost_may_be_an_objective_as_well():
    task = Says(*[{"loss": 1.0, "cost": 7.0, "x": 1}] * 3, objectives=("loss", "cost"))
    records, told = between(None, task=task)
    assert (told.values, told.cost, records[1].info) == ((1.0, 7.0), 7.0, {"x": 1})


def test_a_violated_constraint_is_no_failure():
    task = Says(*[{"loss": 1.0, "c": 3.0}] * 3, constraints=("c",))
    records, told = between(None, task=task)
    assert records[1].failure is None
    assert told.ok
    assert not told.feasible
    assert told.constraints == (3.0,)


# Failures are data


@pytest.mark.parametrize(
    ("value", "kind"), [(math.nan, "nan loss"), (math.inf, "infinite loss"), (-math.inf, "infinite loss")]
)
def test_a_value_that_is_not_finite_is_a_failure_that_is_charged_what_it_cost(value, kind):
    records, told = between({"loss": value, "cost": 3.0})
    is_failure(records[1], told, 3.0, kind)
    assert [(r.start, r.end) for r in records] == [(0, 2), (2, 5), (5, 7)]
    records, told = between({"loss": value})
    is_failure(records[1], told, 1.0, kind)


@pytest.mark.parametrize("bad", ["a", "b", "c", "d"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_value_or_constraint_that_is_not_finite_is_a_failure_of_all(bad, value):
    good = {"a": 1.0, "b": 2.0, "c": -1.0, "d": -1.0, "cost": 2.0}
    task = Says(good, {**good, bad: value}, good, objectives=("a", "b"), constraints=("c", "d"))
    records, told = between(None, task=task)
    is_failure(records[1], told, 2.0)
    assert len(told.values) == len(told.constraints) == 2
    assert bad in records[1].failure


def test_an_exception_is_a_failure_of_a_whole_evaluation():
    records, told = between(ZeroDivisionError("by\nzero"))
    is_failure(records[1], told, 1.0)
    assert records[1].failure.startswith("ZeroDivisionError: by zero (test_evaluation.py:")
    task = Says({"loss": 1.0}, ValueError("bad"), {"loss": 1.0}, fidelity=w.EPOCHS)
    records, told = between(None, task=task, trials=((0.1, 9), (0.2, 9), (0.3, 9)))
    is_failure(records[1], told, 9 / 27)
    assert [r.spent for r in records] == [9 / 27, 18 / 27, 1]


def test_an_exception_is_charged_the_seconds_it_took_where_cost_is_measured(monkeypatch):
    now = [0]

    class Slow(Says):
        def evaluate(self, *args):
            now[0] += 4 * 10**9
            return super().evaluate(*args)

    monkeypatch.setattr("carps_lite.evaluation.perf_counter_ns", lambda: now[0])
    for failure, cost in ((ValueError("late"), 4.0), (TrialFailed("late"), 4.0), (TrialFailed("late", 1.5), 1.5)):
        records, told = between(None, task=Slow(GOOD, failure, GOOD), measured_cost=True)
        is_failure(records[1], told, cost)
        assert [r.end for r in records] == [2, 2 + cost, 4 + cost]
        assert records[1].nanoseconds[1] == 4 * 10**9


def test_the_message_of_a_failure_is_the_same_in_every_process():
    class Thing:
        pass

    one, other = (between(ValueError(f"{Thing()!r}"))[0][1].failure for _ in range(2))
    assert one == other
    assert "0x..." in one


def test_a_very_long_message_is_cut():
    assert len(between(ValueError("a" * 10**6))[0][1].failure) < 1000


def test_a_task_says_what_failed_and_what_it_took():
    records, told = between(TrialFailed("diverged", cost=0.25, info={"epoch": 3}))
    is_failure(records[1], told, 0.25, "diverged")
    assert records[1].info == {"epoch": 3}
    assert [(r.start, r.end) for r in records] == [(0, 2), (2, 2.25), (2.25, 4.25)]
    records, told = between(TrialFailed("diverged"))
    is_failure(records[1], told, 1.0, "diverged")


def test_a_failure_keeps_its_worker_busy_for_its_time():
    task = Says(GOOD, TrialFailed("late", cost=10.0), GOOD, GOOD, GOOD)
    records = w.run(task, w.Random(), "5trials", 2)
    assert [(r.start, r.end) for r in records] == [(0, 2), (0, 10), (2, 4), (4, 6), (6, 8)]


def test_an_interruption_is_not_swallowed_and_an_exit_is_a_failure():
    with pytest.raises(KeyboardInterrupt):
        w.run(Says(GOOD, KeyboardInterrupt(), GOOD), w.Random(), "3trials")
    records = w.run(Says(GOOD, SystemExit(3), GOOD), w.Random(), "3trials")
    assert [r.failure and r.failure.split(" (")[0] for r in records] == [None, "SystemExit: 3", None]


@pytest.mark.parametrize("value", ["0.5", b"1", True])
def test_text_and_truth_values_are_no_numbers(value):
    with pytest.raises(BrokenRun, match="no number"):
        w.run(Says({"loss": value}), w.Random(), "1trials")


def test_a_verdict_on_a_batch_has_its_trials_evaluated_one_by_one():
    """Whose fault it was that a batch was cut off shows only then."""
    told = []
    task = Batch(lambda n: [GOOD] * n)
    records = w.run(task, w.Random(), "4trials", 4, sync=True, verdicts={0: (SINGLY, 0.0)}, watch=told.append)
    assert [r.failure for r in records] == [None] * 4
    assert told == [0, -1, 1, -1, 2, -1, 3, -1]
    told.clear()
    w.run(task, w.Random(), "8trials", 4, sync=True, watch=told.append)
    assert [from_batch(n) for n in told if n < -1] == [0, 4]


def test_a_task_cannot_change_what_the_optimizer_asked():
    class Vandal(Says):
        def evaluate(self, config, fidelity, seed):
            config.clear()
            return GOOD

    script = w.Script(0.1, 0.2)
    records = w.run(Vandal(), script, "2trials")
    assert [r.trial.config for r in records] == [t.config for t, _ in script.told] == [{"x": 0.1}, {"x": 0.2}]


# An answer of the wrong form is a bug of the task


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, r"Says\.evaluate must return a dict, got NoneType"),
        (0.5, "must return a dict, got float"),
        ([0.5], "must return a dict, got list"),
        ("loss", "must return a dict, got str"),
        ("l", "must return a dict, got str"),
        ((0.5, 2.0), "must return a dict, got tuple"),
        ({}, "returned nothing; missing: loss"),
        ({"lost": 0.5}, "returned lost; missing: loss"),
        ({"lost": 0.5, "cost": 1.0}, "returned lost, cost; missing: loss"),
        ({"loss": None}, "no number"),
        ({"loss": [1.0]}, "no number"),
        ({"loss": "low"}, "no number"),
        ({"loss": 1 + 2j}, "no number"),
        ({"loss": {}}, "no number"),
        ({"loss": 1.0, "cost": "dear"}, "no number"),
        ({"loss": 1.0, "cost": [1]}, "no number"),
        ({"loss": 1.0, "cost": math.nan}, "cost=nan"),
        ({"loss": 1.0, "cost": math.inf}, "cost=inf"),
        ({"loss": 1.0, "cost": -1.0}, r"cost=-1\.0"),
        ({"loss": math.nan, "cost": -1.0}, r"cost=-1\.0"),
        (TrialFailed("x", cost=-1.0), r"cost=-1\.0"),
        (TrialFailed("x", cost=math.nan), "cost=nan"),
        (TrialFailed("x", cost=math.inf), "cost=inf"),
        (TrialFailed("x", cost="dear"), "no number"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("sync", [False, True])
def test_a_wrong_answer_breaks_the_run(answer, message, sync):
    simulation, seen = w.prepare(Says(GOOD, answer, GOOD), w.Script(0.1, 0.2, 0.3), "3trials", sync=sync), []
    with pytest.raises(BrokenRun, match=message):
        seen.extend(simulation)
    assert len(seen) == 1


def test_a_number_beyond_floats_is_a_failure_or_breaks_the_run():
    try:
        records, told = between({"loss": 10**400})
    except BrokenRun:
        return
    is_failure(records[1], told, 1.0)


def test_a_missing_constraint_breaks_the_run():
    task = Says({"loss": 1.0, "c": -1.0}, {"loss": 1.0}, constraints=("c",))
    with pytest.raises(BrokenRun, match="returned loss; missing: c"):
        w.run(task, w.Script(0.1, 0.2), "2trials")


# Verdicts from outside


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("measured", "cost"), [(True, 7.5), (False, 1.0)])
def test_a_verdict_stands_for_the_evaluation(workers, sync, measured, cost):
    task = Says(GOOD, GOOD)
    records, told = between(
        None, "3trials", workers, {1: ("timeout", 7.5)}, task=task, sync=sync, measured_cost=measured
    )
    is_failure(records[1], told, cost, "timeout")
    assert [config["x"] for config, _, _ in task.calls] == [0.1, 0.3]
    assert records[1].end == records[1].start + cost
    assert records[1].nanoseconds[1] == 7.5e9
    assert [r.failure for r in records] == [None, "timeout", None]


def test_a_verdict_on_what_the_log_holds_changes_nothing():
    known = w.run(Says(GOOD, GOOD), w.Script(0.1, 0.2), "2trials")
    records, told = between(None, verdicts={1: ("crash", 9.0)}, task=Says(GOOD), known=w.through_the_log(known))
    assert records[1].failure is None
    assert told.ok


def test_the_watchdog_hears_which_trial_is_at_work():
    heard = []

    class Loud(Says):
        def evaluate(self, *args):
            heard.append("evaluate")
            return super().evaluate(*args)

    known = w.run(Says(GOOD), w.Script(0.1), "1trials")
    task = Loud(ValueError("bad"), GOOD)
    w.run(
        task,
        w.Script(*[i / 10 for i in range(1, 5)]),
        "4trials",
        known=known,
        verdicts={2: ("crash", 1)},
        watch=heard.append,
    )
    assert heard == [1, "evaluate", -1, 3, "evaluate", -1]


# Seeds


def seeds_of(script, axis=None, **options):
    """The seed that each trial of a script was evaluated with."""
    task = w.Timed(axis=axis)
    w.run(task, w.Script(*script), f"{len(script)}trials", **options)
    return [seed for _, _, seed in task.calls]


def test_a_point_has_one_seed_whatever_was_asked_before_it():
    a = seeds_of([0.1, 0.2, 0.3])
    b = seeds_of([0.3, 0.9, 0.8, 0.1], workers=3)
    c = seeds_of([0.7, 0.3, 0.1], sync=True, workers=2)
    assert a[0] == b[3] == c[2]
    assert a[2] == b[0] == c[1]
    assert len({*a, *b, *c}) == 6
    assert all(0 <= seed < 2**31 for seed in a)


def test_an_optimizer_is_not_a_part_of_the_seed():
    for make in (w.Random, w.Learner):
        task = w.Timed()
        w.run(task, make(), "10trials", seed=4)
        for x, _, seed in task.calls:
            assert seed in seeds_of([x, x, x, x, x], seed=4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=12), st.integers(1, 4), st.booleans())
def test_every_repetition_has_fresh_noise(xs, workers, sync):
    seeds = seeds_of(xs, workers=workers, sync=sync)
    assert len(set(seeds)) == len(seeds)
    for x in set(xs):  # and the k-th repetition of a point has the same everywhere
        mine = [seed for other, seed in zip(xs, seeds, strict=True) if other == x]
        assert mine == seeds_of([x] * len(mine))


def test_a_failed_trial_is_repeated_with_fresh_noise():
    task = Says(ValueError("bad"), GOOD)
    w.run(task, w.Script(0.1, 0.1), "2trials")
    assert task.calls[0][2] != task.calls[1][2]


def test_the_fidelity_does_not_change_the_seed():
    """So that a configuration can be continued; each fidelity counts its own repetitions."""
    first = seeds_of([(0.1, 1), (0.1, 9), (0.1, 27)], w.EPOCHS)
    assert len(set(first)) == 1
    again = seeds_of([(0.1, 9), (0.1, 3), (0.1, 9), (0.1, 3), (0.1, 9.0), 0.1], w.EPOCHS)
    assert again[0] == again[1] == again[5] == first[0]
    assert again[2] == again[3]
    assert len({again[0], again[2], again[4]}) == 3


def test_full_fidelity_by_its_number_is_the_same_point_as_by_none():
    """An evaluation and its repetition would share their noise otherwise."""
    assert len(set(seeds_of([0.1, (0.1, 27), 0.1], w.EPOCHS))) == 3


def test_the_seed_of_a_run_changes_all_seeds():
    xs = [i / 50 for i in range(50)]
    assert not set(seeds_of(xs, seed=1)) & set(seeds_of(xs, seed=2))


def test_equal_configurations_have_equal_seeds():
    """Whatever the order of their keys, and whether a whole real number is written 1 or 1.0."""
    space = Space({"x": Float(-1, 1), "n": Int(0, 3), "c": Categorical((True, 1, "a"))})

    class Task:
        problem = Problem(space)

        def __init__(self):
            self.seeds = []

        def evaluate(self, config, fidelity, seed):
            self.seeds.append(seed)
            return {"loss": 0.0}

    def seed(**config):
        task = Task()
        w.run(task, w.Script(Trial(config)), "1trials")
        return task.seeds[0]

    assert seed(x=1.0, n=2, c="a") == seed(c="a", n=2, x=1.0)
    assert seed(x=1.0, n=2, c=True) != seed(x=1.0, n=2, c=1)
    assert seed(x=1.0, n=2, c="a") == seed(x=1, n=2, c="a")
    assert seed(x=0.0, n=2, c="a") == seed(x=-0.0, n=2, c="a")


def test_an_equal_configuration_written_otherwise_is_a_repetition():
    task = w.Timed()
    w.run(task, w.Script(Trial({"x": 1.0}), Trial({"x": 1})), "2trials")
    assert task.calls[0][2] != task.calls[1][2]


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5)], ids=repr)
def test_numpy_numbers_are_handled_the_same_whether_a_task_is_noisy_or_not(number):
    """A configuration is taken, or refused as an impossible trial; never a third thing."""
    ends = set()
    for noisy in (True, False):
        try:
            w.run(w.Timed(), w.Script(Trial({"x": number})), "1trials", noisy=noisy)
            ends.add("taken")
        except BrokenRun:
            ends.add("refused")
    assert len(ends) == 1


def test_a_task_without_noise_gets_seed_zero():
    assert seeds_of([0.1, 0.1, 0.2], noisy=False) == [0, 0, 0]
    assert seeds_of([(0.1, 9), (0.1, 27)], w.EPOCHS, noisy=False, checkpoints=True) == [0, 0]


def test_seeds_spread():
    seeds = {evaluation_seed(0, b'{"x":0.5}', i) for i in range(20_000)}
    assert len(seeds) > 19_990
    assert 0.49 < np.mean([s / 2**31 for s in seeds]) < 0.51


@pytest.mark.parametrize(
    ("axis", "fidelity", "told"),
    [
        (None, None, None),
        (w.EPOCHS, None, 27),
        (w.EPOCHS, 9, 9),
        (w.EPOCHS, 9.0, 9),
        (Fidelity("share", 0.1, 1.0, integer=False), None, 1.0),
        (Fidelity("share", 0.1, 1.0, integer=False), 0.25, 0.25),
    ],
)
def test_what_a_task_is_told_of_the_fidelity(axis, fidelity, told):
    task = w.Timed(axis=axis)
    records = w.run(task, w.Script((0.5, fidelity)), "1trials")
    assert task.calls[0][1] == told
    assert type(task.calls[0][1]) is type(told)
    assert records[0].trial.fidelity == fidelity


# Batches


class Many(w.Chaos):
    """Chaos that can evaluate several; `calls` then holds the batches."""

    def __init__(self, axis=None, failing=True):
        super().__init__(axis, failing)
        self.single = w.Chaos(axis, failing)
        self.batches = []

    def evaluate_many(self, configs, fidelities, seeds):
        self.batches.append((configs, fidelities, seeds))
        answers = []
        for args in zip(configs, fidelities, seeds, strict=True):
            try:
                answers.append(self.single.evaluate(*args))
            except Exception as error:  # an answer of its own for each
                answers.append(error)
        return answers


@pytest.mark.parametrize("axis", [None, w.EPOCHS], ids=str)
@pytest.mark.parametrize("checkpoints", [False, True])
def test_a_batch_is_evaluated_as_a_whole_with_the_results_of_single_evaluations(axis, checkpoints):
    levels = (1, 9, None) if axis else (None,)
    many = Many(axis)
    rules = {"sync": True, "checkpoints": checkpoints}
    batched = w.run(many, w.Learner(3, levels), "30trials", 4, **rules)
    single = w.run(w.Chaos(axis), w.Learner(3, levels), "30trials", 4, **rules)
    assert w.plain(batched) == w.plain(single)
    assert {r.failure and r.failure.split()[0] for r in batched} > {None}
    assert [len(configs) for configs, _, _ in many.batches] == [4] * 7 + [2]
    assert many.calls == []
    asked = [(c["x"], f, s) for batch in many.batches for c, f, s in zip(*batch, strict=True)]
    plain = w.Chaos(axis)
    w.run(plain, w.Learner(3, levels), "30trials", 4, **rules)
    assert asked == plain.calls


def test_a_batch_of_one_is_no_batch_and_an_asynchronous_run_has_none():
    many = Many()
    w.run(many, w.Learner(), "5trials", 1, sync=True)
    w.run(many, w.Learner(), "5trials", 4)
    assert many.batches == []
    assert len(many.calls) == 10


class Batch(Says):
    """A task that answers to a batch what it is given; `many` may be a function of the number of trials."""

    def __init__(self, many):
        super().__init__(*[GOOD] * 99)
        self.many = many

    def evaluate_many(self, configs, fidelities, seeds):
        if isinstance(self.many, Exception):
            raise self.many
        return self.many(len(configs))


def test_an_exception_for_one_item_fails_that_trial_only():
    answers = [GOOD, ValueError("this one"), TrialFailed("that one", cost=5.0, info={"a": 1}), {"loss": math.nan}]
    script = w.Script(0.1, 0.2, 0.3, 0.4)
    records = w.run(Batch(lambda n: answers), script, "4trials", 4, sync=True)
    assert [r.failure for r in records] == [None, "ValueError: this one", "that one", "nan loss"]
    assert [r.result.cost for r in records] == [2.0, 1.0, 5.0, 1.0]
    assert [t.config["x"] for t, r in script.told if r.ok] == [0.1]
    assert records[2].info == {"a": 1}


def test_an_exception_for_the_batch_has_its_trials_evaluated_one_by_one():
    """A batch can be too large where each of its trials is not."""
    task = Batch(MemoryError("too many"))
    records = w.run(task, w.Random(), "4trials", 4, sync=True)
    alone = w.run(Batch(MemoryError("too many")), w.Random(), "4trials")
    assert [r.result for r in records] == [r.result for r in alone]


@pytest.mark.parametrize(
    "many",
    [
        lambda n: [GOOD] * (n - 1),
        lambda n: [GOOD] * (n + 1),
        lambda n: [],
        lambda n: None,
        lambda n: 3,
        lambda n: {"loss": [0.5] * n},
        lambda n: [GOOD] * (n - 1) + [None],
        lambda n: [GOOD] * (n - 1) + [{"cost": 1.0}],
        lambda n: [GOOD] * (n - 1) + [{"loss": 1.0, "cost": -1.0}],
    ],
)
def test_a_wrong_answer_to_a_batch_breaks_the_run(many):
    with pytest.raises(BrokenRun, match="Batch"):
        w.run(Batch(many), w.Random(), "8trials", 4, sync=True)


def test_a_batch_with_a_verdict_is_evaluated_one_by_one():
    many = Many(failing=False)
    verdicts = {5: ("memory", 3.0)}
    records = w.run(many, w.Random(), "12trials", 4, sync=True, verdicts=verdicts, measured_cost=True)
    assert [r.ask for r in records if r.failure] == [5]
    assert records[5].result.cost == 3.0
    assert [len(configs) for configs, _, _ in many.batches] == [4, 4]
    assert len(many.calls) == 3


def test_the_time_of_a_batch_is_shared_out(monkeypatch):
    now = [0]

    def many(n):
        now[0] += n * 10**9
        return [GOOD] * n

    monkeypatch.setattr("carps_lite.evaluation.perf_counter_ns", lambda: now[0])
    records = w.run(Batch(many), w.Random(), "8trials", 4, sync=True)
    assert [r.nanoseconds[1] for r in records] == [10**9] * 8
