"""The run loop against loops, heaps, lists, threads and another simulator: order, information, budgets, replay."""

from __future__ import annotations

import functools
import heapq
import json
import threading
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from random import Random as Picker
from types import ModuleType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from carps_lite.core import Budget, Fidelity, Problem, Trial
from carps_lite.evaluation import BrokenRun
from carps_lite.loop import MEASURED, Deadlock, ReplayError
from carps_lite.space import Categorical, Float, Int, Space


def beside(name: str) -> ModuleType:
    """A module of this folder, by its path."""
    path = Path(__file__).parent / name
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


w = beside("worlds.py")
mfhpo = beside("data/make_mfhpo_schedules.py")

unhurried = settings(deadline=None, max_examples=60)
durations = st.lists(st.integers(1, 5), min_size=1, max_size=40)
few = st.integers(1, 6)
seeds = st.integers(0, 10**6)
LEVELS = (1, 3, 9, 27, None)


@pytest.fixture(autouse=True)
def _no_endless_loop():
    with w.time_limit(25):
        yield


def learner(seed: int, patience: float = 0.0, axis: Fidelity | None = w.EPOCHS):
    return w.Learner(seed, LEVELS if axis else (None,), patience)


# Order, information, work


@unhurried
@given(durations, few, st.booleans())
def test_tells_come_in_order_of_completion_and_ties_in_order_of_start(seconds, workers, sync):
    spy = w.Spy(w.Random())
    records = w.run(w.Timed(seconds), spy, f"{len(seconds)}trials", workers, sync=sync)
    assert [r.ask for r in records] == list(range(len(seconds)))
    assert [r.start for r in records] == sorted(r.start for r in records)
    if sync:  # batch after batch
        batches = [records[i : i + workers] for i in range(0, len(records), workers)]
    else:
        batches = [records]
    assert spy.tells == [r.ask for batch in batches for r in sorted(batch, key=lambda r: (r.end, r.ask))]


@unhurried
@given(seeds, few, st.sampled_from([0.0, 0.3, 0.8]), st.booleans(), st.booleans())
def test_an_ask_knows_exactly_what_was_finished_by_then(seed, workers, patience, sync, checkpoints):
    spy = w.Spy(learner(seed, patience))
    records = w.run(w.Chaos(w.EPOCHS), spy, "40trials", workers, sync=sync, checkpoints=checkpoints)
    assert len(records) == spy.asks == 40
    for number, told in spy.known_at():
        assert told == {r.ask for r in records if r.end <= records[number].start}


@pytest.mark.parametrize("workers", [2, 4, 7])
def test_all_results_of_one_moment_are_told_before_anything_is_asked(workers):
    spy = w.Spy(w.Random())
    w.run(w.Timed(), spy, f"{4 * workers}trials", workers)
    batch = ["ask"] * workers + ["tell"] * workers
    assert [what for what, _, _ in spy.events] == batch * 4


@unhurried
@given(durations, few, seeds)
def test_no_worker_idles_and_never_more_than_all_of_them_work(seconds, workers, seed):
    records = w.run(w.Timed(seconds), w.Random(seed), f"{len(seconds)}trials", workers)
    last_ask = records[-1].start
    for moment in {r.start for r in records} | {r.end for r in records}:
        working = sum(r.start <= moment < r.end for r in records)
        assert working <= workers
        assert working == workers or moment >= last_ask


@unhurried
@given(durations, few)
def test_synchronous_batches_are_full_and_begin_when_the_slowest_is_done(seconds, workers):
    records = w.run(w.Timed(seconds), w.Random(), f"{len(seconds)}trials", workers, sync=True)
    now = 0.0
    for first in range(0, len(seconds), workers):
        assert {r.start for r in records[first : first + workers]} == {now}
        now += max(seconds[first : first + workers])
    assert max(r.end for r in records) == now


def test_synchronous_batches_are_full_where_continuing_is_cheaper_than_starting():
    """After two trials at 9 of 27 epochs, 5/6 of a full evaluation is left, and going on to 27 takes 2/3."""
    script = [(0.1, 9), (0.2, 9), (0.1, 27), (0.2, 27)]
    for sync in (False, True):
        task = w.Timed(lambda x, epochs: epochs, w.EPOCHS)
        records = w.run(task, w.Script(*script, 0.3), 1.5, 2, sync=sync, checkpoints=True)
        assert [r.trial.fidelity for r in records] == [9, 9, 27, 27], f"sync={sync}"
        assert records[2].start == records[3].start, f"sync={sync}"


# Against plainer simulators


def sequential(task, optimizer, n_trials: int, seed: int):
    """The loop that everybody writes."""
    rows, now, times = [], 0.0, Counter()
    for _ in range(n_trials):
        trial = optimizer.ask()
        job = w.Job(trial, now, times[repr(trial.config), trial.fidelity or 27])
        times[repr(trial.config), trial.fidelity or 27] += 1
        part = float(Fraction(trial.fidelity or 27) / 27)
        w.charge(task, job, None, part, w.evaluation_seed(seed, w.key(trial), job.repeat))
        now = job.end
        rows.append((job.start, job.end, trial, repr(job.result)))
        optimizer.tell(trial, job.result)
    return rows


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_one_worker_is_the_sequential_loop(seed, sync):
    expected = sequential(w.Chaos(w.EPOCHS), learner(seed), 50, seed)
    records = w.run(w.Chaos(w.EPOCHS), learner(seed), "50trials", 1, seed, sync=sync)
    assert [(r.start, r.end, r.trial, repr(r.result)) for r in records] == expected


budgets = st.one_of(
    st.tuples(st.fractions(Fraction(1, 27), 12, max_denominator=27), st.just("full")),
    st.tuples(st.integers(1, 40).map(Fraction), st.just("trials")),
    st.tuples(st.fractions(1, 300, max_denominator=3), st.just("sim")),
)


@settings(deadline=None, max_examples=150)
@given(seeds, few, budgets, st.sampled_from([0.0, 0.5]), st.booleans(), st.booleans(), st.booleans())
def test_a_simulator_with_numbered_workers_does_the_same_whatever_their_numbers(
    seed, workers, budget, patience, noisy, checkpoints, with_axis
):
    axis = w.EPOCHS if with_axis else None
    text = Budget(float(budget[0]), budget[1])
    rules = {"noisy": noisy, "checkpoints": checkpoints}
    records = w.run(w.Chaos(axis), learner(seed, patience, axis), text, workers, seed, **rules)
    for pick in (min, max, Picker(seed).choice):
        log = w.by_hand(w.Chaos(axis), learner(seed, patience, axis), workers, budget, pick, seed=seed, **rules)
        w.same_as_by_hand(records, log)


def heap_schedule(seconds, workers):
    """Completion times of jobs that go, in order, to the worker that is free first."""
    free, ends = [0.0] * workers, []
    for d in seconds:
        end = heapq.heappop(free) + d
        heapq.heappush(free, end)
        ends.append(end)
    return ends


@unhurried
@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=50), st.integers(1, 9))
def test_random_search_takes_the_time_of_a_heap_schedule(seconds, workers):
    records = w.run(w.Timed(seconds), w.Random(), f"{len(seconds)}trials", workers)
    assert [r.end for r in records] == heap_schedule(seconds, workers)
    makespan, total = max(r.end for r in records), sum(seconds)
    assert total / workers <= makespan * (1 + 1e-12)
    assert makespan <= (total / workers + max(seconds)) * (1 + 1e-12)


@unhurried
@given(seeds)
def test_random_search_asks_the_same_for_every_number_of_workers(seed):
    asked = [
        Counter(r.trial.config["x"] for r in w.run(w.Chaos(), w.Random(seed), "30trials", workers, sync=sync))
        for workers in (1, 2, 5, 30, 99)
        for sync in (False, True)
    ]
    assert all(multiset == asked[0] for multiset in asked)


@pytest.mark.parametrize("workers", mfhpo.WORKERS)
@pytest.mark.parametrize("case", mfhpo.CASES)
def test_the_schedule_of_mfhpo_simulators_wrapper_mode(case, workers):
    """What version 1.4.6 did with real threads is kept beside the script that ran it."""

    class Task:
        problem = Problem(Space({"x": Float(0, 1)}), fidelity=Fidelity("epochs", 1, mfhpo.MAX_EPOCHS))

        def evaluate(self, config, fidelity, seed):
            return {"loss": mfhpo.loss(config["x"], fidelity), "cost": mfhpo.duration(config["x"], fidelity)}

    class Chooser:
        def __init__(self):
            self.inner = mfhpo.CASES[case]()

        def ask(self):
            x, epochs = self.inner.choose()
            return Trial({"x": x}, epochs)

        def tell(self, trial, result):
            self.inner.hear((trial.config["x"], int(trial.fidelity), result.values[0]))

    content = json.loads((Path(__file__).parent / "data/mfhpo_schedules.json").read_text(encoding="utf-8"))
    expected = content["schedules"][f"{case} {workers}"]
    assert len(expected) == mfhpo.TRIALS
    records = w.run(Task(), Chooser(), f"{mfhpo.TRIALS + workers}trials", workers, checkpoints=True, noisy=False)
    ended = sorted(records, key=lambda r: r.end)[: len(expected)]
    assert [[r.trial.config["x"], r.trial.fidelity, r.end] for r in ended] == expected


class Pool:
    """Real threads that sleep instead of training; an optimizer behind one lock."""

    def __init__(self, optimizer, seconds, scale: float, n_trials: int) -> None:
        self.optimizer, self.seconds, self.scale, self.left = optimizer, seconds, scale, n_trials
        self.turn = threading.Condition()
        self.asked: list[float] = []
        self.ended: list[float] = []

    def work(self) -> None:
        while True:
            with self.turn:
                trial = None
                while self.left and (trial := self.optimizer.ask()) is None:
                    self.turn.wait()
                if trial is None:
                    return
                self.left -= 1
                self.asked.append(trial.config["x"])
            x = trial.config["x"]
            time.sleep(self.scale * self.seconds(x, None))
            with self.turn:
                self.ended.append(x)
                self.optimizer.tell(trial, w.Result((x,), self.seconds(x, None)))
                self.turn.notify_all()

    def run(self, workers: int) -> None:
        threads = [threading.Thread(target=self.work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("make", "workers"),
    [(w.Random, 3), (w.Learner, 2), (lambda seed: w.Generations(4, seed), 3)],
    ids=["random search", "learning", "generations"],
)
def test_real_threads_do_the_same(make, workers):
    """The threads jitter, so of 300 seeds that one is taken whose events lie farthest apart for its length."""
    n_trials, gap = 8, 0.06

    def seconds(x, fidelity):
        return 0.5 + w.chance("seconds", x)

    def simulated(seed):
        return w.run(w.Timed(seconds), make(seed), f"{n_trials}trials", workers)

    def spread(seed):
        ends = sorted(r.end for r in simulated(seed))
        return min(b - a for a, b in pairwise(ends)) / ends[-1]

    best = max(range(300), key=spread)
    records = simulated(best)
    pool = Pool(make(best), seconds, gap / (spread(best) * max(r.end for r in records)), n_trials)
    pool.run(workers)
    assert pool.asked == [r.trial.config["x"] for r in records]
    assert pool.ended == [r.trial.config["x"] for r in sorted(records, key=lambda r: r.end)]


# Waiting, the end, deadlock


@pytest.mark.parametrize("workers", [1, 3, 4, 5, 8])
@pytest.mark.parametrize("sync", [False, True])
def test_generations_wait_for_their_slowest(workers, sync):
    spy = w.Spy(w.Generations(4))
    records = w.run(w.Chaos(failing=False), spy, "20trials", workers, sync=sync)
    for first in range(4, 20, 4):
        born = min(r.start for r in records[first : first + 4])
        assert born >= max(r.end for r in records[first - 4 : first])
        if workers >= 4 and not sync:
            assert born == max(r.end for r in records[first - 4 : first])
            assert {r.start for r in records[first : first + 4]} == {born}


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("workers", [1, 4])
def test_waiting_for_nothing_is_a_deadlock(workers, sync):
    with pytest.raises(Deadlock, match=r"Script.*None.*no result pending.*0"):
        w.run(w.Timed(), w.Script(None), 10, workers, sync=sync)
    simulation, seen = w.prepare(w.Timed(), w.Script(0.1, 0.2, 0.3, *[None] * 9), 10, workers, sync=sync), []
    with pytest.raises(Deadlock, match="at trial 3"):
        seen.extend(simulation)  # which keeps what came before the error
    assert len(seen) == 3
    assert isinstance(Deadlock("."), BrokenRun)


@pytest.mark.parametrize("sync", [False, True])
def test_waiting_is_no_deadlock_while_a_result_is_pending(sync):
    records = w.run(w.Timed([3, 1, 1]), w.Script(0.1, None, 0.2, None, 0.3), 10, 2, sync=sync)
    assert [(r.start, r.end) for r in records] == [(0, 3), (3, 4), (4, 5)]


def test_nothing_is_waited_for_after_the_last_trial_that_the_budget_affords():
    """An optimizer that would wait is not asked again, so the end is no deadlock."""
    script = w.Script(0.1, 0.2, None)
    assert len(w.run(w.Timed(), script, "2trials", 2)) == 2
    assert script.script == [None]


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 9])
def test_an_exhausted_optimizer_is_told_all_and_never_asked_again(workers, sync):
    script = w.Script(0.1, 0.2, 0.3)
    calls = []
    original = script.ask
    script.ask = lambda: calls.append(1) or original()
    simulation = w.prepare(w.Timed(), script, 100, workers, sync=sync)
    assert len(list(simulation)) == 3
    assert simulation.exhausted
    assert len(calls) == 4
    assert [t.config["x"] for t, _ in script.told] == [0.1, 0.2, 0.3]


def test_an_optimizer_with_nothing_to_ask_makes_an_empty_run():
    simulation = w.prepare(w.Timed(), w.Script(), 100, 4)
    assert list(simulation) == []
    assert simulation.exhausted


# Budgets


def test_a_budget_of_full_evaluations_is_exact():
    """27 trials at 1/27, which no float adds up to 1 exactly, make one full evaluation."""
    assert functools.reduce(float.__add__, [1 / 27] * 27) != 1  # Python 3.12's own sum corrects itself
    for budget, n_trials in ((1, 27), (1 / 27, 1), (2 / 27, 2), (1.5, 41), (10, 270)):
        for sync in (False, True):
            records = w.run(w.Timed(axis=w.EPOCHS), w.Learner(0, (1,)), budget, 3, sync=sync)
            assert len(records) == n_trials, f"budget={budget}, sync={sync}"
    records = w.run(w.Timed(axis=w.EPOCHS), w.Learner(0, (1,)), 1)
    assert [r.spent for r in records] == [i / 27 for i in range(1, 28)]


@pytest.mark.parametrize("whole", [7, 27, 49, 81, 100, 1000])
def test_a_budget_is_exact_on_an_axis_of_floats(whole):
    axis = Fidelity("fraction", 1 / whole, 1.0, integer=False)
    assert len(w.run(w.Timed(axis=axis), w.Learner(0, (1 / whole,)), 1)) == whole


def test_a_trial_that_begins_within_the_budget_is_done_in_full():
    records = w.run(w.Timed(axis=w.EPOCHS), w.Script((0.1, 27), (0.2, 26), (0.3, 27), (0.4, 27)), 2)
    assert [r.spent for r in records] == [1, 53 / 27, 80 / 27]


@pytest.mark.parametrize("low", [1e-7, 1e-9])
def test_the_cheapest_fidelity_costs_something(low):
    """Otherwise a run of cheap trials never ends."""
    axis = Fidelity("fraction", low, 1.0, integer=False)
    assert Problem(Space({"x": Float(0, 1)}), fidelity=axis).share(low) > 0
    axis = Fidelity("seconds", low / 100, low, integer=False)
    share = Problem(Space({"x": Float(0, 1)}), fidelity=axis).share(low / 100)
    assert float(share) == pytest.approx(0.01)


@pytest.mark.parametrize(("budget", "n_trials"), [("1trials", 1), ("7trials", 7), ("6.5trials", 7), ("0.1trials", 1)])
@pytest.mark.parametrize("sync", [False, True])
def test_a_budget_of_trials_counts_trials_of_any_fidelity(budget, n_trials, sync):
    assert len(w.run(w.Chaos(w.EPOCHS), learner(3), budget, 4, sync=sync)) == n_trials


@unhurried
@given(seeds, few, st.integers(1, 60), st.booleans())
def test_the_edge_of_a_budget_of_simulated_seconds(seed, workers, limit, sync):
    """What is asked began within the limit; what ends behind it is in the log and kept its worker busy."""
    spy = w.Spy(learner(seed, axis=None))
    records = w.run(w.Chaos(), spy, f"{limit}sim", workers, sync=sync)
    assert spy.asks == len(records)
    assert all(r.start < limit for r in records)
    longer = w.run(w.Chaos(), learner(seed, axis=None), f"{limit + 20}sim", workers, sync=sync)
    assert w.plain(longer, len(records)) == w.plain(records)
    assert all(r.start >= limit for r in longer[len(records) :])
    for moment in {r.start for r in records}:
        assert sum(r.start <= moment < r.end for r in records) == workers or sync
    for late in (r for r in records if r.end > limit):  # nobody took over its worker
        assert sum(r.start <= limit - 1e-9 < r.end for r in records) <= workers
        assert late.ask in {number for what, number, _ in spy.events if what == "tell"}


def test_a_trial_that_ends_behind_the_limit_shows_in_its_record():
    records = w.run(w.Timed([4, 100, 4, 4]), w.Random(), "10sim", 2)
    assert [(r.start, r.end) for r in records] == [(0, 4), (0, 100), (4, 8), (8, 12)]
    records = w.run(w.Timed([5, 5, 5]), w.Random(), "10sim")
    assert [(r.start, r.end) for r in records] == [(0, 5), (5, 10)]


class Clock:
    """A clock that moves only when something under test says so."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0
        for module in ("carps_lite.loop", "carps_lite.evaluation"):
            monkeypatch.setattr(f"{module}.perf_counter_ns", lambda: self.now)

    def taking(self, thing, **seconds):
        """Make the methods of `thing` take time."""
        for name, duration in seconds.items():
            setattr(thing, name, self._slow(getattr(thing, name), duration))
        return thing

    def _slow(self, function, seconds):
        def slow(*args):
            self.now += int(seconds * 1e9)
            return function(*args)

        return slow


@pytest.mark.parametrize("workers", [1, 4])
def test_a_budget_of_real_seconds_counts_asking_evaluating_and_telling(monkeypatch, workers):
    clock = Clock(monkeypatch)
    task, optimizer = clock.taking(w.Timed(), evaluate=3), clock.taking(w.Random(), ask=1, tell=0.5)
    simulation = w.prepare(task, optimizer, "20wall", workers)
    records = list(simulation)
    assert len(records) == 5  # the fifth is asked when 16 to 18 seconds are gone
    assert {r.nanoseconds[:2] for r in records} == {(10**9, 3 * 10**9)}
    assert sum(r.nanoseconds[2] for r in records) + simulation.tell_ns == 5 * 10**9 // 2
    # what an earlier attempt took counts, although it is not done again
    task, optimizer = clock.taking(w.Timed(), evaluate=3), clock.taking(w.Random(), ask=1, tell=0.5)
    again = w.run(task, optimizer, "40wall", workers, known=w.through_the_log(records))
    assert len(task.calls) == len(again) - 5
    assert again[:5] == records
    assert 4 * len(again) < 40 + 4


def covered(simulation):
    records = list(simulation)
    return records, simulation.covered


@unhurried
@given(seeds, few, budgets, st.floats(0.05, 1.0), st.sampled_from(["full", "trials", "sim"]), st.sampled_from([0, 0.5]))
def test_what_a_run_covers_is_what_a_run_of_that_budget_would_be(seed, workers, budget, part, unit, patience):
    def simulation(text):
        return w.prepare(w.Chaos(w.EPOCHS), learner(seed, patience), text, workers, seed, checkpoints=True)

    records, reach = covered(simulation(Budget(float(budget[0]), budget[1])))
    assert reach["trials"] == len(records)
    assert reach["full"] == records[-1].spent
    assert reach[budget[1]] >= float(budget[0])
    for amount in (part * reach[unit], reach[unit]):
        if amount > 0:
            shorter, _ = covered(simulation(Budget(amount, unit)))
            assert w.plain(shorter) == w.plain(records, len(shorter))
            if unit == "sim":
                assert all(r.start >= amount for r in records[len(shorter) :])


# Going on from a log


@settings(deadline=None, max_examples=120)
@given(
    seeds,
    st.sampled_from([1, 4]),
    budgets,
    st.floats(1, 3),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
)
def test_a_longer_run_goes_on_from_any_part_of_a_shorter_one(
    seed, workers, budget, factor, cut, sync, checkpoints, patience
):
    def run(amount, known=()):
        task, spy = w.Chaos(w.EPOCHS), w.Spy(learner(seed, patience))
        text = Budget(amount, budget[1])
        rules = {"sync": sync, "checkpoints": checkpoints}
        records = w.run(task, spy, text, workers, seed, known=known, **rules)
        return records, task.calls, spy.events

    short, _, _ = run(float(budget[0]))
    long, calls, events = run(factor * float(budget[0]))
    assert w.plain(long, len(short)) == w.plain(short)
    known = w.through_the_log(short[: round(cut * len(short))])
    again, fresh_calls, fresh_events = run(factor * float(budget[0]), known)
    assert w.plain(again) == w.plain(long)
    assert repr(fresh_events) == repr(events)
    kept = len(known)
    if sync:  # a batch is evaluated as a whole, or not at all
        starts = [i for i, r in enumerate(long) if i == 0 or long[i - 1].start != r.start]
        kept = max(i for i in [*starts, len(long)] if i <= kept)
    assert fresh_calls == calls[kept:]
    assert [r.nanoseconds for r in again[:kept]] == [r.nanoseconds for r in known[:kept]]


@pytest.mark.parametrize("sync", [False, True])
def test_a_log_longer_than_the_budget_is_used_as_far_as_it_goes(sync):
    long = w.run(w.Chaos(), learner(1, axis=None), "40trials", 4, sync=sync)
    task = w.Chaos()
    again = w.run(task, learner(1, axis=None), "12trials", 4, sync=sync, known=w.through_the_log(long))
    assert w.plain(again) == w.plain(long, 12)
    assert task.calls == []


def test_a_measured_overhead_is_taken_from_the_log():
    class Slow(w.Learner):
        def ask(self):
            time.sleep(0.001)
            return super().ask()

    short = w.run(w.Chaos(), Slow(), "10trials", 3, overhead=MEASURED)
    assert all(r.nanoseconds[0] >= 10**6 for r in short)
    long = w.run(w.Chaos(), Slow(), "20trials", 3, overhead=MEASURED, known=w.through_the_log(short))
    assert w.plain(long, 10) == w.plain(short)


class Dice(w.Random):
    """Another optimizer each time."""

    thrown = 0

    def ask(self):
        Dice.thrown += 1
        self.n += 1
        return Trial({"x": w.chance(Dice.thrown)})


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_optimizer_that_throws_dice_is_found_out(workers, sync):
    known = w.run(w.Timed(), Dice(), "8trials", workers, sync=sync)
    task = w.Timed()
    with pytest.raises(ReplayError, match=r"trial 0 is now .*Dice is not deterministic"):
        w.run(task, Dice(), "16trials", workers, sync=sync, known=w.through_the_log(known))
    assert task.calls == []
    assert issubclass(ReplayError, BrokenRun)


def replay(before, now, task=None, **options):
    """Log a run of one script, and go on from it with another. At x, a trial takes 10 (1 - x)."""
    task = task or w.Timed(lambda x, epochs: 10 * (1 - x), w.EPOCHS)
    known = w.run(task, w.Script(*before), "9trials", **options)
    return w.run(task, w.Script(*now), "9trials", known=w.through_the_log(known), **options)


def test_another_fidelity_is_another_trial():
    with pytest.raises(ReplayError, match="trial 1 is now"):
        replay([0.1, (0.2, 9)], [0.1, (0.2, 3)])
    with pytest.raises(ReplayError, match="trial 1 is now"):
        replay([0.1, (0.2, 9)], [0.1, (0.2, None)])


def test_true_is_another_choice_than_one():
    class Switch:
        problem = Problem(Space({"flag": Categorical((False, True, 1, 0))}))

        def evaluate(self, config, fidelity, seed):
            return {"loss": 1.0}

    for a, b in ((True, 1), (0, False)):
        with pytest.raises(ReplayError, match="trial 0 is now"):
            replay([Trial({"flag": a})], [Trial({"flag": b})], Switch())


def test_an_optimizer_that_ends_before_its_log_does_is_found_out():
    with pytest.raises(ReplayError):
        replay([0.1, 0.2, 0.3], [0.1, 0.2])


def test_an_optimizer_that_waits_where_its_log_does_not_is_found_out():
    """The trials are the same, and their times are not."""
    assert len(replay([0.1, 0.9, None, 0.3], [0.1, 0.9, None, 0.3], workers=2)) == 3
    with pytest.raises(ReplayError):
        replay([0.1, 0.9, None, 0.3], [0.1, None, 0.9, 0.3], workers=2)


# The optimizer's own time


@unhurried
@given(durations, st.integers(0, 5))
def test_a_constant_overhead_with_one_worker(seconds, overhead):
    records = w.run(w.Timed(seconds), w.Random(), f"{len(seconds)}trials", overhead=overhead)
    now = 0
    for r, d in zip(records, seconds, strict=True):
        assert (r.start, r.end) == (now + overhead, now + overhead + d)
        now += overhead + d


def test_an_optimizer_thinks_about_one_trial_at_a_time():
    """Four workers of 10 seconds and 3 seconds of thinking: they take turns."""
    records = w.run(w.Timed([10] * 8), w.Random(), "8trials", 4, overhead=3)
    assert [r.start for r in records] == [3, 6, 9, 12, 16, 19, 22, 25]


@unhurried
@given(seeds, few, st.integers(1, 5))
def test_an_ask_that_had_to_wait_for_the_optimizer_knows_what_ended_meanwhile(seed, workers, overhead):
    """A trial starts when its ask is done, so its ask began `overhead` before: then, all that was over was told."""
    spy = w.Spy(learner(seed, axis=None))
    records = w.run(w.Chaos(failing=False), spy, "30trials", workers, overhead=overhead)
    for number, told in spy.known_at():
        assert told == {r.ask for r in records if r.end <= records[number].start - overhead}


@unhurried
@given(seeds, few, st.integers(1, 5))
def test_no_ask_begins_behind_the_limit(seed, workers, overhead):
    records = w.run(w.Chaos(failing=False), w.Random(seed), "12sim", workers, overhead=overhead)
    assert all(r.start - overhead < 12 for r in records)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_measured_overhead_moves_the_clock_by_what_the_log_says(monkeypatch, workers):
    clock = Clock(monkeypatch)
    optimizer = clock.taking(w.Random(), ask=2)
    records = w.run(clock.taking(w.Timed([20] * 6), evaluate=50), optimizer, "6trials", workers, overhead=MEASURED)
    assert [r.start for r in records] == ([2, 24, 46, 68, 90, 112] if workers == 1 else [2, 4, 6, 24, 26, 28])
    assert {r.nanoseconds[0] for r in records} == {2 * 10**9}


def test_overhead_is_zero_by_default_and_seconds_are_logged_apart():
    class Slow(w.Random):
        def ask(self):
            time.sleep(0.002)
            return super().ask()

        def tell(self, trial, result):
            time.sleep(0.002)

    simulation = w.prepare(w.Timed([1] * 3), Slow(), "3trials")
    records = list(simulation)
    assert [r.start for r in records] == [0, 1, 2]
    assert all(r.nanoseconds[0] >= 2e6 for r in records)
    assert [r.nanoseconds[2] >= 2e6 for r in records] == [False, True, True]
    assert simulation.tell_ns >= 2e6
    assert simulation.wall == pytest.approx(sum(sum(r.nanoseconds) for r in records) * 1e-9)


# Optimizers that break the contract

AXES = Space({"x": Float(0, 1), "n": Int(1, 5), "c": Categorical(("a", "b")), "y": Float(0, 1, when={"c": ("a",)})})
LEGAL = {"x": 0.5, "n": 2, "c": "b"}


class Anything:
    """A task that takes anything, to show that nothing wrong gets as far as here."""

    def __init__(self, axis: Fidelity | None = w.EPOCHS) -> None:
        self.problem = Problem(AXES, fidelity=axis)
        self.calls: list[object] = []

    def evaluate(self, config, fidelity, seed):
        self.calls.append((config, fidelity))
        return {"loss": 1.0}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"x": 0.5, "n": 2},
        {**LEGAL, "z": 1},
        {**LEGAL, "x": 1.5},
        {**LEGAL, "x": float("nan")},
        {**LEGAL, "x": "0.5"},
        {**LEGAL, "x": True},
        {**LEGAL, "x": None},
        {**LEGAL, "n": 2.0},
        {**LEGAL, "n": 6},
        {**LEGAL, "n": True},
        {**LEGAL, "c": "d"},
        {**LEGAL, "c": "a"},
        {**LEGAL, "y": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("sync", [False, True])
def test_an_invalid_configuration_breaks_the_run(config, sync):
    task = Anything()
    simulation, seen = w.prepare(task, w.Script(Trial(LEGAL), Trial(config)), 9, sync=sync), []
    with pytest.raises(BrokenRun, match=r"^Script asked an impossible trial \(1\): [^\n]+$"):
        seen.extend(simulation)
    assert len(seen) == len(task.calls) == 1


@pytest.mark.parametrize("fidelity", [0, 28, -1, 0.5, 1.5, 26.999999, float("nan"), float("inf"), "9"])
def test_an_impossible_fidelity_breaks_the_run(fidelity):
    task = Anything()
    with pytest.raises(BrokenRun, match=r"^Script asked an impossible trial \(0\): [^\n]*epochs[^\n]*$"):
        w.run(task, w.Script(Trial(LEGAL, fidelity)), 9)
    assert task.calls == []


@pytest.mark.parametrize("fidelity", [1, 1.0, 27])
def test_a_fidelity_where_the_task_has_none_breaks_the_run(fidelity):
    with pytest.raises(BrokenRun, match="the task has none"):
        w.run(Anything(axis=None), w.Script(Trial(LEGAL, fidelity)), 9)


@pytest.mark.parametrize("asked", [LEGAL, "x", 3, (LEGAL, 9), Trial([1, 2]), Trial("x"), Trial(None), Trial], ids=repr)
def test_what_is_no_trial_breaks_the_run(asked):
    class Careless(w.Script):
        def ask(self):
            return asked

    with pytest.raises(BrokenRun, match="Careless"):
        w.run(Anything(), Careless(), 9)


class Upset(RuntimeError):
    """What an adapter may raise."""


@pytest.mark.parametrize("sync", [False, True])
def test_an_error_of_the_optimizer_ends_the_run_and_is_not_covered_up(sync):
    simulation, seen = w.prepare(w.Timed(), w.Script(0.1, 0.2, Upset("in ask")), 9, sync=sync), []
    with pytest.raises(Upset, match="in ask"):
        seen.extend(simulation)
    assert len(seen) == 2

    class Deaf(w.Random):
        def tell(self, trial, result):
            raise Upset("in tell")

    simulation, seen = w.prepare(w.Timed(), Deaf(), 9, 3, sync=sync), []
    with pytest.raises(Upset, match="in tell"):
        seen.extend(simulation)
    assert len(seen) == 3


def test_tell_gets_back_the_handle_that_ask_gave():
    optimizer = w.Script(*(Trial({"x": x / 10}, token=object()) for x in range(9)))
    tokens = [trial.token for trial in optimizer.script]
    w.run(w.Timed(list(range(9, 0, -1))), optimizer, 9, 4)
    assert {id(t.token) for t, _ in optimizer.told} == {id(t) for t in tokens}
    for trial, result in optimizer.told:
        assert result.values == (tokens.index(trial.token) / 10,)


def test_records_do_not_change_when_an_optimizer_uses_one_dict_for_all_its_trials():
    class Thrifty:
        def __init__(self):
            self.config = {"x": 0.0}

        def ask(self):
            self.config["x"] += 0.125
            return Trial(self.config)

        def tell(self, trial, result):
            pass

    records = w.run(w.Timed(), Thrifty(), 4)
    assert [r.trial.config["x"] for r in records] == [0.125, 0.25, 0.375, 0.5]


def test_a_thousand_workers():
    seconds = [1 + int(5 * w.chance(i)) for i in range(5000)]
    records = w.run(w.Timed(seconds), w.Random(), "5000trials", 1000)
    assert [r.end for r in records] == heap_schedule(seconds, 1000)


@pytest.mark.parametrize("sync", [False, True])
def test_the_problem_of_the_run_and_not_that_of_the_task_says_how_many_workers_there_are(sync):
    task = w.Timed()
    assert task.problem.n_workers == 1
    assert replace(task.problem, n_workers=3).n_workers == 3
    records = w.run(task, w.Random(), "9trials", 3, sync=sync)
    assert [r.start for r in records] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@unhurried
@given(st.integers(1, 26), st.integers(1, 200), few)
def test_hypothetical_budgets_at_one_fidelity_take_the_smallest_number_of_trials_that_fills_them(level, parts, workers):
    assume(parts * 27 <= 4000)
    budget = parts / 27
    records = w.run(w.Timed(axis=w.EPOCHS), w.Learner(0, (level,)), budget, workers)
    assert len(records) == -(-parts // level)


def test_a_simulated_budget_that_no_trial_spends_is_found_out(monkeypatch):
    monkeypatch.setattr("carps_lite.loop.STUCK", 50)
    with pytest.raises(BrokenRun, match="50 trials cost no time at all"):
        w.run(w.Timed(lambda x, epochs: 0.0), w.Random(), "5sim")
