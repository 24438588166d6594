"""Successive halving, Hyperband and ASHA: published tables, a transcription of ASHA's algorithm, what is charged."""

from __future__ import annotations

import math
from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite import spec
from carps_lite.core import Budget, Fidelity, Problem, Result
from carps_lite.errors import InputError
from carps_lite.loop import Rules, Simulation
from carps_lite.optimizers.halving import ASHA, Hyperband, SuccessiveHalving, bracket_of, hyperband_brackets
from carps_lite.optimizers.random_search import RandomSearch
from carps_lite.optimizers.rungs import Rung, levels_of
from carps_lite.space import Float, Space
from carps_lite.tasks.synthetic import Curve, Mixed

NAN = math.nan
SPACE = Space({"x": Float(0, 1)})
SYNCHRONOUS = ("sh", "hyperband")
ALL = (*SYNCHRONOUS, "asha", "mo_asha")


def problem(low=1, high=9, integer=True, **kwargs):
    return Problem(SPACE, fidelity=Fidelity("epochs", low, high, integer), **kwargs)


def full(trial, high):
    return high if trial.fidelity is None else trial.fidelity


def rungs_asked(optimizer, high, n, value=lambda x, fidelity: x):
    """Fidelity and size of each rung, in the order of asking: what is asked in one go before the optimizer waits."""
    rungs, n_asked = [], 0
    while n_asked < n:
        rung = list(iter(optimizer.ask, None))
        for trial in rung:
            optimizer.tell(trial, Result((value(trial.config["x"], full(trial, high)),)))
        assert len({t.fidelity for t in rung}) == 1
        rungs.append((full(rung[0], high), len(rung)))
        n_asked += len(rung)
    return rungs


# Fidelities of the rungs


@pytest.mark.parametrize(
    ("low", "high", "integer", "eta", "expected"),
    [
        (1, 81, True, 3, [1, 3, 9, 27, None]),
        (1, 243, True, 3, [1, 3, 9, 27, 81, None]),  # log(243) / log(3) is just below 5
        (1, 50, True, 3, [2, 6, 17, None]),  # 1.85, 5.6, 16.7
        (1, 52, True, 4, [3, 13, None]),  # 3.25, 13
        (3, 10, True, 4, [None]),
        (1, 2, True, 2, [1, None]),
        (7, 7, True, 3, [None]),
        (0.5, 4, True, 2, [1, 2, None]),  # no whole number below 1
        (0.2, 0.8, True, 2, [None]),
        (0.1, 1, False, 3, [1 / 9, 1 / 3, None]),
        (1 / 27, 1, False, 3, [1 / 27, 1 / 9, 1 / 3, None]),
        (1, 100, False, 2.5, [100 / 2.5**5, 100 / 2.5**4, 6.4, 16, 40, None]),
    ],
)
def test_levels(low, high, integer, eta, expected):
    levels = levels_of(Fidelity("epochs", low, high, integer), eta)
    assert levels[-1] is None
    assert levels[:-1] == pytest.approx(expected[:-1], rel=1e-12)


@given(st.floats(1e-3, 1e4), st.floats(1, 1e5), st.booleans(), st.floats(2, 10))
@settings(deadline=None)
def test_levels_are_distinct_and_on_the_axis(low, ratio, integer, eta):
    axis = Fidelity("r", low, low * ratio, integer)
    *below, last = levels_of(axis, eta)
    assert last is None
    assert all(a < b for a, b in pairwise([*below, axis.high]))
    assert all(axis.low <= x <= axis.high for x in below)
    assert not integer or all(x == int(x) for x in below)
    if not integer:  # one more rung would lie below the axis
        assert axis.high / eta ** (len(below) + 1) < axis.low


# Sizes of brackets


def test_hyperband_has_the_brackets_of_the_paper():
    """Table 1 of Li et al. (2018): R = 81, eta = 3. (HpBandSter and the first preprint have 27, 9, 6, 5 instead.)"""
    table = [
        [(1, 81), (3, 27), (9, 9), (27, 3), (81, 1)],
        [(3, 34), (9, 11), (27, 3), (81, 1)],
        [(9, 15), (27, 5), (81, 1)],
        [(27, 8), (81, 2)],
        [(81, 5)],
    ]
    expected = [rung for bracket in table for rung in bracket]
    optimizer = Hyperband(problem(1, 81), 0)
    assert rungs_asked(optimizer, 81, sum(n for _, n in expected)) == expected
    assert rungs_asked(optimizer, 81, 81 + 27) == [(1, 81), (3, 27)]  # and from the start


def test_hyperband_has_the_brackets_of_mlr3hyperband():
    """The table of its manual: eta = 2, r_min = 1, r_max = 8."""
    assert hyperband_brackets(4, 2) == [(8, 4, 2, 1), (6, 3, 1), (4, 2), (4,)]


def test_powers_of_an_inexact_eta_are_taken_for_what_they_are():
    """The square of sqrt(5) is 5, and not 5.000000000000001, of which one more would have to begin."""
    eta = math.sqrt(5)
    assert eta**2 > 5
    assert hyperband_brackets(3, eta)[0] == (5, 2, 1)
    assert rungs_asked(SuccessiveHalving(problem(1, 5), 0, eta), 5, 8) == [(1, 5), (2, 2), (5, 1)]


@pytest.mark.parametrize(("eta", "n_rungs"), [(2, 1), (2, 10), (3, 6), (4, 5), (2.5, 5), (math.e, 6)])
def test_every_bracket_reaches_full_fidelity_and_costs_about_the_same(eta, n_rungs):
    for bracket in hyperband_brackets(n_rungs, eta):
        assert bracket[-1] >= 1
        assert all(b <= (a + 1) / eta for a, b in pairwise(bracket))
        cost = sum(n / eta**i for i, n in enumerate(bracket[::-1]))  # in full evaluations
        assert cost <= 2 * n_rungs  # the paper's B / R, but for the rounding up of n


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(1, 27), (3, 9), (9, 3), (27, 1)]),
        ({"n": 40}, [(1, 40), (3, 13), (9, 4), (27, 1)]),
        ({"n": 80}, [(1, 80), (3, 26), (9, 8), (27, 2)]),
        ({"early_stopping_rate": 1}, [(3, 9), (9, 3), (27, 1)]),
        ({"early_stopping_rate": 3, "n": 4}, [(27, 4)]),
        ({"eta": 5}, [(1, 25), (5, 5), (27, 1)]),
        ({"eta": 2}, [(2, 16), (3, 8), (7, 4), (14, 2), (27, 1)]),  # 1.7, 3.4, 6.75, 13.5
    ],
)
def test_successive_halving_promotes_one_in_eta(options, expected):
    n = sum(n for _, n in expected)
    two = rungs_asked(SuccessiveHalving(problem(1, 27), 0, **options), 27, 2 * n)
    assert two == expected * 2


def test_a_bracket_of_one_rung_is_random_search():
    for name in ALL:
        one = problem(7, 7)
        optimizer, reference = spec.make("optimizers", name, problem=one, seed=3), RandomSearch(one, 3)
        for _ in range(10):
            trial = optimizer.ask()
            assert trial == reference.ask()
            optimizer.tell(trial, Result((0.0,)))


# What is promoted


def test_synchronous_halving_keeps_the_best_where_curves_do_not_cross():
    optimizer, seen, reference = SuccessiveHalving(problem(1, 27), 5), [], RandomSearch(problem(1, 27), 5)
    drawn = [reference.ask().config["x"] for _ in range(27)]
    for _ in range(40):
        trial = optimizer.ask()
        seen.append((full(trial, 27), trial.config["x"]))
        optimizer.tell(trial, Result((trial.config["x"] ** 2 + 5 / full(trial, 27),)))
    by_value = sorted(drawn)
    for fidelity, n in ((1, 27), (3, 9), (9, 3), (27, 1)):
        assert sorted(x for f, x in seen if f == fidelity) == by_value[:n]
    assert seen[:27] == [(1, x) for x in drawn]
    assert [x for f, x in seen if f == 3] == by_value[:9]  # the best is asked first


def transcribed_asha(rungs, promoted, eta):
    """get_job of algorithm 2 (Li et al. 2020), line by line; `rungs[k]`: {configuration: loss}; None: a new one."""
    for k in range(len(rungs) - 2, -1, -1):
        n_candidates = math.floor(len(rungs[k]) / eta)
        candidates = sorted(rungs[k], key=lambda c: rungs[k][c])[:n_candidates]  # stable: the oldest of equals
        promotable = [c for c in candidates if c not in promoted[k] and rungs[k][c] < math.inf]
        if promotable:
            promoted[k].add(promotable[0])
            return promotable[0], k + 1
    return None


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.sampled_from([2, 3, 4]),
    st.booleans(),
    st.sampled_from([0, 0.3, 1]),
)
@settings(deadline=None, max_examples=60)
def test_asha_is_algorithm_2(seed, n_workers, eta, ties, failing):
    """Random results in random orders, with ties and failures."""
    rng = np.random.default_rng(seed)
    asha, reference = ASHA(problem(1, 27), 4, eta), RandomSearch(problem(1, 27), 4)
    levels = [27 / eta**k for k in range(math.floor(math.log(27) / math.log(eta) + 1e-9), -1, -1)]
    levels = [round(x) for x in levels]
    rungs, promoted, drawn, pending = [{} for _ in levels], [set() for _ in levels], [], []
    for _ in range(120):
        job = transcribed_asha(rungs, promoted, eta)
        if job is None:
            drawn.append(reference.ask().config["x"])
            job = len(drawn) - 1, 0
        trial = asha.ask()
        assert (trial.config["x"], full(trial, 27)) == (drawn[job[0]], levels[job[1]])
        pending.append((*job, trial))
        while len(pending) > rng.integers(n_workers):
            number, k, told = pending.pop(rng.integers(len(pending)))
            value = float(rng.integers(4)) if ties else float(rng.random())
            value = NAN if rng.random() < failing else value
            asha.tell(told, Result((value,)))
            rungs[k][number] = math.inf if math.isnan(value) else value
            rungs[k] = dict(sorted(rungs[k].items()))  # the oldest configuration first


def test_asha_by_hand():
    """eta = 3, rungs 1, 3 and 9, one worker, later configurations being better."""
    optimizer = ASHA(problem(1, 9), 0)
    order = []
    for number in range(16):
        trial = optimizer.ask()
        order.append((trial.token[0], full(trial, 9)))
        optimizer.tell(trial, Result((-float(number if trial.fidelity == 1 else trial.token[0]),)))
    assert order == [
        *((0, 1), (1, 1), (2, 1), (2, 3)),
        *((3, 1), (3, 3)),  # it is the best of four now, and one may leave
        *((4, 1), (4, 3), (4, 9)),  # three at epoch 3: one may leave
        *((5, 1), (5, 3), (5, 9)),
        *((6, 1), (6, 3), (6, 9), (7, 1)),
    ]


def test_a_rung_promotes_each_of_the_best_once():
    rung = Rung(2)
    for number, value in enumerate([5, 1, 4, 2, 3]):
        rung.add(number, Result((float(value),)))
    assert [rung.promote() for _ in range(3)] == [1, 3, None]
    rung.add(5, Result((0.0,)))
    assert [rung.promote(), rung.promote()] == [5, None]  # 3 of 6 may leave, and 1 and 3 have left


def test_equal_results_go_by_age_whatever_the_order_of_telling():
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        rung = Rung(2)
        for number in order:
            rung.add(number, Result((1.0,)))
        assert [rung.promote() for _ in range(3)] == [0, 1, None]


# Failures and constraints


def test_failed_trials_count_as_worst_and_are_never_promoted():
    rung = Rung(2)
    for number, value in enumerate([NAN, 2.0, NAN, 1.0, NAN, NAN, NAN, NAN]):
        rung.add(number, Result((value,)))
    assert [rung.promote() for _ in range(3)] == [3, 1, None]  # four might leave, and two succeeded


@pytest.mark.parametrize("n_failing", [5, 20, 26])
def test_a_bracket_goes_on_with_what_succeeded(n_failing):
    optimizer, asked, failed = SuccessiveHalving(problem(1, 27), 0), [], 0
    while True:
        trial = optimizer.ask()
        asked.append(trial)
        failed += trial.fidelity == 1
        value = NAN if trial.fidelity == 1 and failed <= n_failing else trial.config["x"]
        optimizer.tell(trial, Result((value,)))
        if trial.fidelity is None:
            break
    sizes = Counter(t.fidelity for t in asked)
    n_succeeded = 27 - n_failing
    assert [sizes[f] for f in (1, 3, 9, None)] == [27, min(9, n_succeeded), min(3, n_succeeded), 1]
    assert not {t.token for t in asked[27:]} & set(range(n_failing))


def test_a_bracket_without_success_ends():
    optimizer = SuccessiveHalving(problem(1, 27), 0)
    drawn = set()
    for _ in range(81):
        trial = optimizer.ask()
        assert trial.fidelity == 1
        drawn.add(trial.config["x"])
        optimizer.tell(trial, Result((NAN,)))
    assert len(drawn) == 81


def test_feasible_results_come_first_then_the_least_violation():
    results = [
        Result((0.0,), constraints=(2.0, -9.0)),
        Result((9.0,), constraints=(0.0, -1.0)),
        Result((5.0,), constraints=(0.5, 0.5)),
        Result((8.0,), constraints=(-1.0, -1.0)),
        Result((NAN,), constraints=(NAN, NAN)),
        Result((-9.0,), constraints=(NAN, -1.0)),
    ]
    rung = Rung(2)
    for number, result in enumerate([*results, *[Result((NAN,))] * 6]):
        rung.add(number, result)
    assert [rung.promote() for _ in range(6)] == [3, 1, 2, 0, 5, None]


# In the loop


def simulate(name, task, budget, workers=1, seed=0, **rules):
    wide = Problem(**{**vars(task.problem), "n_workers": workers})
    optimizer = name if not isinstance(name, str) else spec.make("optimizers", name, problem=wide, seed=seed)
    return list(Simulation(task, optimizer, wide, seed, Budget.parse(budget), Rules(**rules)))


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("name", ALL)
def test_a_continued_configuration_costs_its_last_rung(name, workers):
    """On a task with checkpoints; and on one without, all its rungs."""
    task = Curve(noise=0.0)
    for checkpoints in (True, False):
        records = simulate(name, task, "20", workers, checkpoints=checkpoints, noisy=False)
        charged, expected, epochs = Counter(), Counter(), Counter()
        for r in records:
            width, fidelity = float(r.trial.config["width"]), full(r.trial, 27)
            key, cost = tuple(r.trial.config.values()), fidelity * (0.5 + width / 64)
            charged[key] += r.result.cost
            expected[key] = max(expected[key], cost) if checkpoints else expected[key] + cost
            epochs[key] = max(epochs[key], fidelity) if checkpoints else epochs[key] + fidelity
        assert any(r.trial.fidelity is None for r in records)  # or it has no incumbent
        assert len(charged) < len(records)
        assert charged == pytest.approx(expected)
        assert records[-1].spent == pytest.approx(sum(epochs.values()) / 27)


class Unfinished:
    """Stands between the loop and a synchronous optimizer, and notes what is out when it waits."""

    def __init__(self, inner):
        self.inner, self.pending, self.waits = inner, [], []

    def ask(self):
        trial = self.inner.ask()
        if trial is None:
            self.waits.append([t.fidelity for t in self.pending])
        else:
            assert all(t.fidelity == trial.fidelity for t in self.pending)  # no rung begins before the last is done
            self.pending.append(trial)
        return trial

    def tell(self, trial, result):
        self.pending = [t for t in self.pending if t is not trial]
        self.inner.tell(trial, result)


@pytest.mark.parametrize("workers", [2, 4, 16])
@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_synchronous_ones_wait_only_for_the_rest_of_a_rung(name, workers):
    task = Curve()
    inner = spec.make("optimizers", name, problem=task.problem, seed=0)
    spy = Unfinished(inner)
    records = simulate(spy, task, "30", workers, checkpoints=True)
    assert spy.waits
    assert all(out and len(set(out)) == 1 and len(out) < workers for out in spy.waits)
    fidelities = [fidelity for fidelity, _ in groupby(r.trial.fidelity for r in records)]
    alone = simulate(spec.make("optimizers", name, problem=task.problem, seed=0), task, "30", checkpoints=True)
    assert fidelities[:4] == [f for f, _ in groupby(r.trial.fidelity for r in alone)][:4] == [1, 3, 9, None]


@pytest.mark.parametrize("name", ["asha", "mo_asha"])
def test_asynchronous_ones_keep_every_worker_busy(name):
    records = simulate(name, Curve(), "20", 8, checkpoints=True)
    last_start = max(r.start for r in records)
    for r in records:
        n_running = sum(o.start <= r.start < o.end for o in records if o.ask <= r.ask)
        assert n_running <= 8
    for at in sorted({r.end for r in records if r.end < last_start}):
        assert sum(r.start <= at < r.end for r in records) == 8


@pytest.mark.parametrize("name", [*ALL, "nsga2/population_size:4"])
def test_the_order_of_tells_of_one_moment_does_not_matter(name):
    task = Mixed("momf" if name.startswith(("mo", "nsga2")) else "mf")
    runs = []
    for permutation in (0, 1, 2):
        optimizer, asked = spec.make("optimizers", name, problem=task.problem, seed=1), []
        rng = np.random.default_rng(permutation)
        while len(asked) < 150:
            batch = []
            while len(batch) < 7 and (trial := optimizer.ask()) is not None:
                batch.append(trial)
            for i in rng.permutation(len(batch)):
                answer = task.evaluate(batch[i].config, batch[i].fidelity, 0)
                values = [round(answer[name], 1) for name in task.problem.objectives]  # ties
                failed = len(asked) % 4 == 0 and i == 2
                optimizer.tell(batch[i], Result((NAN,) * len(values) if failed else tuple(values)))
            asked += batch
        runs.append(asked)
    assert runs[0] == runs[1] == runs[2]


@given(st.floats(0.05, 20), st.floats(1, 200), st.booleans(), st.sampled_from([2, 3, 3.7]), st.sampled_from(ALL))
@settings(deadline=None, max_examples=40)
def test_every_axis_is_served(low, ratio, integer, eta, name):
    """The loop refuses fidelities that are off the axis."""
    axis = Fidelity("r", low, low * ratio, integer)
    if integer and math.ceil(low) > axis.high:
        return

    class Task:
        problem = Problem(SPACE, fidelity=axis)

        def evaluate(self, config, fidelity, seed):
            return {"loss": config["x"]}

    optimizer = spec.make("optimizers", f"{name}/eta:{eta}", problem=Task.problem, seed=0)
    simulate(optimizer, Task(), "60trials", 3, noisy=False)


def test_halving_finds_more_than_random_search_on_crossing_curves():
    """At 20 full evaluations, median of 11 seeds of the best mean loss at full fidelity."""

    def best(name, seed):
        records = simulate(name, Curve(), "20", 1, seed, checkpoints=True)
        return min(r.info["mean_loss"] for r in records if r.trial.fidelity is None)

    medians = {name: np.median([best(name, seed) for seed in range(11)]) for name in (*ALL, "random")}
    for name in ALL:
        assert medians[name] < medians["random"], medians


# Wrong input


@pytest.mark.parametrize("make", [ASHA, Hyperband, SuccessiveHalving])
@pytest.mark.parametrize("eta", [1, 1.9, 0, -3, NAN, math.inf, True, "3"])
def test_an_impossible_eta_is_named(make, eta):
    with pytest.raises(InputError, match="eta must be a number from 2, got"):
        make(problem(), 0, eta=eta)


@pytest.mark.parametrize("make", [ASHA, SuccessiveHalving])
@pytest.mark.parametrize("s", [-1, 3, 0.5, True])
def test_an_impossible_early_stopping_rate_is_named(make, s):
    with pytest.raises(InputError, match="early_stopping_rate must be a whole number from 0 to 2 on this task, got"):
        make(problem(), 0, early_stopping_rate=s)


@pytest.mark.parametrize("n", [0, 8, 9.0, True])
def test_too_few_configurations_are_refused(n):
    with pytest.raises(InputError, match="n must be a whole number from 9"):
        SuccessiveHalving(problem(), 0, n=n)
    assert bracket_of(9, 3, 3) == (9, 3, 1)


@pytest.mark.parametrize("make", [ASHA, Hyperband, SuccessiveHalving])
def test_a_problem_without_fidelity_is_refused(make):
    with pytest.raises(InputError, match="needs a task with a fidelity"):
        make(Problem(SPACE), 0)
