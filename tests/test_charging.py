"""What a trial is charged: exact shares of full evaluations, and increments where a task keeps checkpoints."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite.charging import Ledger
from carps_lite.core import Fidelity, Problem, Trial, TrialFailed
from carps_lite.evaluation import BrokenRun

_spec = spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
w = module_from_spec(_spec)
_spec.loader.exec_module(w)

unhurried = settings(deadline=None, max_examples=80)
levels = st.lists(st.integers(1, 27), min_size=1, max_size=8, unique=True).map(sorted)


@pytest.fixture(autouse=True)
def _no_endless_loop():
    with w.time_limit(10):
        yield


def charges(script, checkpoints=True, seconds=lambda x, epochs: 10.0 * epochs, workers=1, axis=w.EPOCHS, **rules):
    """Cost and full evaluations that each trial of a script is charged; at ten seconds an epoch."""
    task = w.Timed(seconds, axis)
    records = w.run(task, w.Script(*script), "1000trials", workers, checkpoints=checkpoints, **rules)
    spent = [0.0, *(r.spent for r in records)]
    return [r.result.cost for r in records], np.diff(spent)


STEPS = [(0.5, 1), (0.5, 2), (0.5, 3), (0.5, 4)]


def test_a_configuration_continued_through_four_epochs_pays_for_four():
    """10, 20, 30 and 40 seconds from the start: 10 each. (mfhpo-simulator's ask-and-tell mode says 10, 20, 40, 60.)"""
    cost, spent = charges(STEPS)
    assert cost == [10, 10, 10, 10]
    assert spent == pytest.approx([1 / 27] * 4)
    cost, spent = charges(STEPS, checkpoints=False)
    assert cost == [10, 20, 30, 40]
    assert spent == pytest.approx([1 / 27, 2 / 27, 3 / 27, 4 / 27])


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_clock_and_the_budget_go_by_what_is_charged(sync, noisy):
    records = w.run(
        w.Timed(lambda x, e: 10 * e, w.EPOCHS), w.Script(*STEPS), 9, checkpoints=True, sync=sync, noisy=noisy
    )
    assert [(r.start, r.end) for r in records] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert [r.spent for r in records] == [1 / 27, 2 / 27, 3 / 27, 4 / 27]
    steps = [(0.5, float(e)) for e in range(1, 28)] + [0.6]
    assert len(w.run(w.Timed(axis=w.EPOCHS), w.Script(*steps), 1, checkpoints=True, sync=sync, noisy=noisy)) == 27


@unhurried
@given(levels)
def test_any_ladder_costs_its_last_step_with_checkpoints_and_the_sum_without(ladder):
    script = [(0.5, level) for level in ladder]
    cost, spent = charges(script)
    assert sum(cost) == 10 * ladder[-1]
    assert sum(spent) == pytest.approx(ladder[-1] / 27)
    cost, spent = charges(script, checkpoints=False)
    assert sum(cost) == 10 * sum(ladder)
    assert sum(spent) == pytest.approx(sum(ladder) / 27)


@unhurried
@given(levels, st.lists(st.floats(1e-3, 1e3), min_size=27, max_size=27))
def test_costs_that_are_no_whole_numbers_add_up_within_rounding(ladder, epochs):
    total = np.cumsum(epochs)
    cost, _ = charges([(0.5, level) for level in ladder], seconds=lambda x, e: total[e - 1])
    assert min(cost) >= 0
    assert sum(cost) == pytest.approx(total[ladder[-1] - 1], rel=1e-12)


def test_another_configuration_begins_from_nothing():
    assert charges([(0.1, 3), (0.2, 9), (0.1, 9), (0.2, 27)])[0] == [30, 90, 60, 180]


def test_it_goes_on_from_the_highest_fidelity_below():
    assert charges([(0.1, 9), (0.1, 3), (0.1, 27)])[0] == [90, 30, 180]
    assert charges([(0.1, 27), (0.1, 9), (0.1, 3)])[0] == [270, 90, 30]


def test_none_is_the_full_fidelity():
    cost, spent = charges([(0.1, 9), (0.1, None)])
    assert cost == [90, 180]
    assert spent == pytest.approx([1 / 3, 2 / 3])


def test_nothing_goes_on_from_a_trial_that_is_still_running():
    """Two workers: the second asks for 27 epochs while 9 are running, a third time when they are done."""
    assert charges([(0.1, 9), (0.1, 27)], workers=2)[0] == [90, 270]
    assert charges([(0.1, 9), (0.2, 1), (0.1, 26), (0.3, 27), (0.1, 27)], workers=2)[0] == [90, 10, 260, 270, 10]
    assert charges([(0.1, 9), (0.2, 27), (0.1, 27)], workers=2)[0] == [90, 270, 180]


def test_what_ends_at_the_moment_of_an_ask_is_finished():
    assert charges([(0.1, 9), (0.2, 9), (0.2, 27), (0.1, 27)], workers=2)[0] == [90, 90, 180, 180]
    assert charges([(0.1, 9), (0.2, 9), (0.2, 27), (0.1, 27)], workers=2, sync=True)[0] == [90, 90, 180, 180]


class Fails:
    """At 10 s an epoch; `failures` maps (number of the evaluation) to an exception."""

    def __init__(self, failures):
        self.problem, self.failures, self.n, self.seeds = Problem(w.LINE, fidelity=w.EPOCHS), failures, 0, []

    def evaluate(self, config, fidelity, seed):
        self.n += 1
        self.seeds.append(seed)
        if self.n - 1 in self.failures:
            raise self.failures[self.n - 1]
        return {"loss": 1.0, "cost": 10.0 * fidelity}


def test_nothing_goes_on_from_a_failed_trial():
    task = Fails({0: TrialFailed("no", cost=40.0)})
    records = w.run(task, w.Script((0.1, 9), (0.1, 27)), 9, checkpoints=True)
    assert [r.result.cost for r in records] == [40, 270]
    assert [r.spent for r in records] == [1 / 3, 4 / 3]


def test_a_failure_on_the_way_costs_what_it_took_beyond_the_checkpoint():
    """A task counts from the start of training, in its failures too."""
    task = Fails({1: TrialFailed("no", cost=100.0)})
    records = w.run(task, w.Script((0.1, 9), (0.1, 27), (0.1, 27)), 9, checkpoints=True)
    assert [r.result.cost for r in records] == [90, 10, 270]  # the second attempt has other noise: from the start
    assert task.seeds[0] == task.seeds[1] != task.seeds[2]


@pytest.mark.parametrize("seconds", [7.0, 500.0])
def test_a_verdict_on_the_way_costs_the_seconds_that_passed(seconds):
    """A watchdog's seconds are those of this trial, not those from the start of training."""
    script = w.Script((0.1, 9), (0.1, 27))
    verdicts = {1: ("timeout", seconds)}
    records = w.run(Fails({}), script, 9, checkpoints=True, measured_cost=True, verdicts=verdicts)
    assert [r.result.cost for r in records] == [90, seconds]


def test_an_exception_on_the_way_costs_the_seconds_that_it_took(monkeypatch):
    now = [0]

    class Slow(Fails):
        def evaluate(self, *args):
            now[0] += 5 * 10**9
            return super().evaluate(*args)

    monkeypatch.setattr("carps_lite.evaluation.perf_counter_ns", lambda: now[0])
    script = w.Script((0.1, 9), (0.1, 27))
    records = w.run(Slow({1: ValueError("bad")}), script, 9, checkpoints=True, measured_cost=True)
    assert [r.result.cost for r in records] == [90, 5]


def test_it_goes_on_only_under_the_same_seed():
    """The second time at 9 epochs has other noise and another cost; each 27 continues its own."""

    class Noisy:
        problem = Problem(w.LINE, fidelity=w.EPOCHS)
        seeds = []

        def evaluate(self, config, fidelity, seed):
            if seed not in self.seeds:
                self.seeds.append(seed)
            return {"loss": 1.0, "cost": (10.0 + self.seeds.index(seed)) * fidelity}

    script = [(0.1, 9), (0.1, 9), (0.1, 27), (0.1, 27), (0.1, 27)]
    records = w.run(Noisy(), w.Script(*script), 9, checkpoints=True)
    assert [r.result.cost for r in records] == [90, 99, 180, 198, 324]
    assert [r.spent for r in records] == [1 / 3, 2 / 3, 4 / 3, 2, 3]


def test_a_cost_that_shrinks_with_fidelity_is_never_negative():
    cost, _ = charges([(0.1, 1), (0.1, 2), (0.1, 3)], seconds=lambda x, e: [20, 15, 30][e - 1])
    assert cost == [20, 0, 10]


def test_without_a_fidelity_there_is_nothing_to_continue():
    cost, spent = charges([0.1, 0.1, 0.1], axis=None, seconds=lambda x, e: 5)
    assert cost == [5, 5, 5]
    assert list(spent) == [1, 1, 1]


def test_a_task_that_knows_no_time_is_charged_its_increment_in_full_evaluations():
    class Timeless:
        problem = Problem(w.LINE, fidelity=w.EPOCHS)

        def evaluate(self, config, fidelity, seed):
            return {"loss": 1.0}

    records = w.run(Timeless(), w.Script((0.1, 9), (0.1, 27)), 9, checkpoints=True)
    assert [r.result.cost for r in records] == [9 / 27, 18 / 27]
    assert [r.end for r in records] == [9 / 27, 1]


@pytest.mark.parametrize("cut", range(6))
def test_what_a_log_holds_can_be_continued(cut):
    script = [(0.1, 3), (0.2, 9), (0.1, 9), (0.2, 27), (0.1, 27), (0.1, 27)]
    task = w.Timed(lambda x, e: 0.1 * e + 1 / 3, w.EPOCHS)
    whole = w.run(task, w.Script(*script), 9, 2, checkpoints=True)
    again = w.run(task, w.Script(*script), 9, 2, checkpoints=True, known=w.through_the_log(whole[:cut]))
    assert w.plain(again) == w.plain(whole)


# The ledger by itself


@unhurried
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 27), st.booleans(), st.booleans()), max_size=25))
def test_a_ledger_charges_as_a_list_of_all_finished_trials_would(story):
    """Each trial: configuration, fidelity, whether it succeeds, and whether it is finished before the next begins."""
    ledger = Ledger(Problem(w.LINE, fidelity=w.EPOCHS), checkpoints=True)
    finished, repeats = [], {}
    for number, (name, level, ok, at_once) in enumerate(story):
        trial = Trial({"x": 0.25 if name == "a" else 0.75}, level)
        key = ledger.key(trial)
        repeat = repeats[name, level] = repeats.get((name, level), -1) + 1
        assert key[1] == repeat
        below = [low for other, low, k in finished if (other, k) == (name, repeat) and low < level]
        share = ledger.share(trial, key)
        cost = ledger.cost(trial, key, share, 10.0 * level, own=False)
        ledger.begin(number, trial, key, cost)
        assert share == Fraction(level - max(below, default=0), 27)
        assert cost == 10 * (level - max(below, default=0))
        if at_once:
            ledger.finish(number, ok)
            finished += [(name, level, repeat)] if ok else []


@unhurried
@given(st.lists(st.integers(1, 81), min_size=1, max_size=60))
def test_shares_add_up_exactly(parts):
    ledger = Ledger(Problem(w.LINE, fidelity=Fidelity("epochs", 1, 81)), checkpoints=False)
    assert sum(ledger.share(Trial({}, p), None) for p in parts) == Fraction(sum(parts), 81)
    ledger = Ledger(Problem(w.LINE, fidelity=Fidelity("part", 1 / 81, 1.0, integer=False)), checkpoints=False)
    assert sum(ledger.share(Trial({}, p / 81), None) for p in parts) == Fraction(sum(parts), 81)


def test_a_full_evaluation_is_a_plain_one():
    """Adding fractions costs microseconds a trial."""
    for axis in (None, w.EPOCHS):
        share = Ledger(Problem(w.LINE, fidelity=axis), checkpoints=False).share(Trial({}), None)
        assert share == 1
        assert type(share) is int
    assert type(Ledger(Problem(w.LINE, fidelity=w.EPOCHS), checkpoints=False).share(Trial({}, 27), None)) is int


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.float64, np.float32, float], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("checkpoints", [False, True])
def test_numpys_numbers_are_fidelities_like_pythons(kind, checkpoints):
    script = [Trial({"x": 0.1}, kind(level)) for level in (1, 3, 9, 27)]
    plain = [Trial({"x": 0.1}, level) for level in (1, 3, 9, 27)]
    expected = charges(plain, checkpoints)
    try:
        cost, spent = charges(script, checkpoints)
    except BrokenRun:  # refused as an impossible trial, which is as good
        return
    assert cost == expected[0]
    assert list(spent) == list(expected[1])
