"""The run loop: simulated workers on one event heap, budgets with units, and replay of what a log already holds."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from time import perf_counter_ns
from typing import Any, NamedTuple

import orjson

from carps_lite.charging import Key, Ledger, Share
from carps_lite.core import Budget, Exhausted, Optimizer, Problem, Result, Task, Trial
from carps_lite.evaluation import BrokenRun, Evaluator, Outcome, Verdict, evaluation_seed

MEASURED = "measured"
STUCK = 100_000  # trials without a tick of the simulated clock


class Record(NamedTuple):
    """One trial of a run: the `ask`-th asked; `start` and `end` on the simulated clock; `spent` with it included.

    `nanoseconds` (ask, evaluate, tell) are measured; tell counts the tells between the ask before and this one. All
    else is a function of the run's key where the task is deterministic.
    """

    ask: int
    start: float
    end: float
    trial: Trial
    result: Result
    spent: float  # full evaluations
    failure: str | None = None
    info: Mapping[str, Any] = {}
    nanoseconds: tuple[int, int, int] = (0, 0, 0)


class Asked(NamedTuple):
    """A trial as it is logged, its key where one is needed, what asking took, and what the optimizer gave."""

    trial: Trial
    key: Key | None
    nanoseconds: int
    given: Trial


class Deadlock(BrokenRun):
    """The optimizer waits although no result is pending."""


class ReplayError(BrokenRun):
    """The optimizer asked another trial than the log of its own run holds: it is not deterministic."""


@dataclass(frozen=True)
class Rules:
    """How a run is simulated: the part of its key that is neither task, optimizer, seed nor budget."""

    sync: bool = False  # ask a batch, evaluate it together, tell it when the slowest is done
    overhead: float | str = 0.0  # seconds that an ask takes on the simulated clock, or "measured"
    noisy: bool = True  # the task's values depend on the seed
    checkpoints: bool = False  # the task can go on from a lower fidelity
    measured_cost: bool = False  # the task's costs are real seconds


class Simulation:
    """Iterate over the records of one run, in ask order, until the budget is spent or the optimizer has nothing left.

    `known` are the records of an earlier attempt: the optimizer is asked and told again, and nothing in them is
    computed again. For `verdicts` and `watch` see `Evaluator`. Raises BrokenRun where the optimizer or the task breaks
    its contract, and whatever the optimizer raises.
    """

    def __init__(
        self,
        task: Task,
        optimizer: Optimizer,
        problem: Problem,
        seed: int,
        budget: Budget,
        rules: Rules = Rules(),
        known: Sequence[Record] = (),
        verdicts: Mapping[int, Verdict] | None = None,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self.optimizer, self.problem, self.seed = optimizer, problem, seed
        self.budget, self.rules, self.known = budget, rules, known
        self.clock = 0.0
        self.spent: Share = 0
        self.asked = 0
        self.exhausted = False
        self.wall = 0.0  # seconds of asking, evaluating and telling, those of earlier attempts included
        self.tell_ns = 0  # of the tells since the last record
        self._ask_ns = 0  # of the asks since the last record that were answered by None
        self._free = 0.0  # when the optimizer has done thinking, on the simulated clock
        self._moved = 0  # how many trials were asked when the clock last moved
        self._idle_since: float | None = None  # when the budget first left a worker without work
        self._running: list[tuple[float, int, Record, Trial]] = []
        limit = Fraction(budget.amount).limit_denominator(10**9)
        self._limit: Share = limit.numerator if limit.denominator == 1 else limit  # whole numbers compare faster
        self._ledger = Ledger(problem, rules.checkpoints)
        self._keyed = rules.noisy or self._ledger.checkpoints
        self._evaluator = Evaluator(
            task, problem, measured_cost=rules.measured_cost, verdicts=verdicts or {}, watch=watch
        )

    def __iter__(self) -> Iterator[Record]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Record]]:
        """Iterate over what belongs together in the log: a synchronous batch, or a single record."""
        fill = self._batch if self.rules.sync else self._stream
        while True:
            yield from fill()
            if not self._running:
                return
            self._advance()

    @property
    def covered(self) -> dict[str, float]:
        """How far the run goes, by unit: it is what a run of that budget would have been."""
        sim = self.budget.amount if self.budget.unit == "sim" else self._idle_since or 0.0
        return {"full": float(self.spent), "trials": self.asked, "sim": sim, "wall": self.wall}

    def _affords(self) -> bool:
        unit = self.budget.unit
        if unit == "full":
            affords = self.spent < self._limit
        elif unit == "trials":
            affords = self.asked < self._limit
        else:
            affords = (self.clock if unit == "sim" else self.wall) < self.budget.amount
        if unit == "sim" and self.asked - self._moved > STUCK:
            raise BrokenRun(f"{STUCK:,} trials cost no time at all: a budget of simulated seconds would never end")
        if not affords and self._idle_since is None:
            self._idle_since = self.clock
        return affords

    def _stream(self) -> Iterator[list[Record]]:
        """Start trials while a worker is free, as an asynchronous pool does."""
        workers, running = self.problem.n_workers, self._running
        while len(running) < workers and not self.exhausted:
            if self._free > self.clock:  # the optimizer thinks until then, and what ends meanwhile it knows
                self._tell_until(self._free)
            if not self._affords():
                return
            asked = self._ask(may_wait=bool(running))
            if asked is None:
                return
            yield [self._start(asked)]

    def _batch(self) -> Iterator[list[Record]]:
        """Ask a whole batch before any of it is evaluated."""
        batch: list[Asked] = []
        before = self.spent, self.asked
        while len(batch) < self.problem.n_workers and not self.exhausted and self._affords():
            asked = self._ask(may_wait=bool(batch))
            if asked is None:
                break
            batch.append(asked)
            self.spent, self.asked = self.spent + self._ledger.share(asked.trial, asked.key), self.asked + 1
        self.spent, self.asked = before
        if batch:
            yield self._start_batch(batch)

    def _ask(self, may_wait: bool) -> Asked | None:
        """Ask once. None where the optimizer waits or has nothing left."""
        begin = perf_counter_ns()
        try:
            given = self.optimizer.ask()
        except Exhausted:
            if self.asked < len(self.known):
                raise self._unlike_the_log("nothing", self.known[self.asked]) from None
            self.exhausted = True
            return None
        self._ask_ns += perf_counter_ns() - begin
        if given is None:
            if not may_wait:
                name = type(self.optimizer).__name__
                raise Deadlock(f"{name}.ask returned None with no result pending, at trial {self.asked}")
            return None
        trial = self._accept(given)
        key = self._ledger.key(trial) if self._keyed else None
        took, self._ask_ns = self._ask_ns, 0
        return Asked(trial, key, took, given)

    def _accept(self, given: object) -> Trial:
        """Check a trial and copy it, so that the log does not change with a dict that the optimizer uses again."""
        try:
            if not isinstance(given, Trial):
                raise ValueError(f"ask must return a Trial or None, got {given!r}")
            config: object = given.config
            if not isinstance(config, Mapping):
                raise ValueError(f"a configuration must be a dict, got {config!r}")
            fidelity = None if given.fidelity is None else self._accept_fidelity(given.fidelity)
            return Trial(self.problem.space.accept(config), fidelity)
        except ValueError as error:
            name = type(self.optimizer).__name__
            raise BrokenRun(f"{name} asked an impossible trial ({self.asked}): {error}") from None

    def _accept_fidelity(self, fidelity: Any) -> float:
        axis = self.problem.fidelity
        if axis is None:
            raise ValueError(f"fidelity {fidelity}, but the task has none")
        if isinstance(fidelity, bool) or not isinstance(fidelity, Real):
            raise ValueError(f"{axis.name}={fidelity!r} is no number")
        value = float(fidelity)
        if not axis.low <= value <= axis.high:
            raise ValueError(f"{axis.name}={fidelity} is outside [{axis.low}, {axis.high}]")
        if axis.integer and not value.is_integer():
            raise ValueError(f"{axis.name}={fidelity} is not a whole number")
        return int(value) if axis.integer else value

    def _start(self, asked: Asked) -> Record:
        """Evaluate a trial, or take it from the log, and put it on the clock."""
        if self.asked < len(self.known):
            return self._replay(self.known[self.asked], asked)
        return self._enter(asked, self._evaluator.one(self.asked, asked.trial, self._seed(asked.key)))

    def _start_batch(self, batch: list[Asked]) -> list[Record]:
        """The same for a batch, which a log holds as a whole or not at all."""
        logged = self.known[self.asked : self.asked + len(batch)]
        if len(logged) == len(batch):
            return [self._replay(*item) for item in zip(logged, batch, strict=True)]
        seeds = [self._seed(asked.key) for asked in batch]
        outcomes = self._evaluator.batch(self.asked, [asked.trial for asked in batch], seeds)
        return [self._enter(*item) for item in zip(batch, outcomes, strict=True)]

    def _seed(self, key: Key | None) -> int:
        return evaluation_seed(self.seed, *key) if key is not None and self.rules.noisy else 0

    def _enter(self, asked: Asked, outcome: Outcome) -> Record:
        share = self._ledger.share(asked.trial, asked.key)
        cost = self._ledger.cost(asked.trial, asked.key, share, outcome.cost, outcome.own_cost)
        nanoseconds = (asked.nanoseconds, outcome.nanoseconds, self.tell_ns)
        result = Result(outcome.values, cost, outcome.constraints)
        return self._push(asked, result, share, outcome.failure, outcome.info, nanoseconds)

    def _replay(self, logged: Record, asked: Asked) -> Record:
        share = self._ledger.share(asked.trial, asked.key)
        now = self._push(asked, logged.result, share, logged.failure, logged.info, logged.nanoseconds)
        # written out, because True == 1; the time too, because an optimizer that waited is another one
        if (dump_trial(now.trial), now.start) != (dump_trial(logged.trial), logged.start):
            raise self._unlike_the_log(now.trial, logged)
        return now

    def _unlike_the_log(self, now: object, logged: Record) -> ReplayError:
        name = type(self.optimizer).__name__
        return ReplayError(
            f"trial {logged.ask} is now {now}, but the log says {logged.trial} at {logged.start:g}; "
            f"{name} is not deterministic"
        )

    def _push(
        self,
        asked: Asked,
        result: Result,
        share: Share,
        failure: str | None,
        info: Mapping[str, Any],
        nanoseconds: tuple[int, int, int],
    ) -> Record:
        begin = self.clock
        if self.rules.overhead:  # the optimizer thinks about one trial at a time
            own = nanoseconds[0] * 1e-9 if self.rules.overhead == MEASURED else float(self.rules.overhead)
            begin = self._free = max(begin, self._free) + own
        self.spent += share
        self.wall += sum(nanoseconds) * 1e-9
        self.tell_ns = 0
        end = begin + result.cost
        record = Record(self.asked, begin, end, asked.trial, result, float(self.spent), failure, info, nanoseconds)
        if self._ledger.checkpoints:
            self._ledger.begin(self.asked, asked.trial, asked.key, result.cost)
        heapq.heappush(self._running, (end, self.asked, record, asked.given))
        self.asked += 1
        return record

    def _advance(self) -> None:
        """Move the clock to the next event: the end of a trial, or of the whole batch."""
        self._tell_until(max(self._running)[0] if self.rules.sync else self._running[0][0])

    def _tell_until(self, moment: float) -> None:
        """Tell all results up to a moment, in the order of their ends and asks, before anything is asked."""
        running = self._running
        if moment > self.clock:
            self.clock, self._moved = moment, self.asked
        while running and running[0][0] <= moment:
            _, _, record, given = heapq.heappop(running)
            if self._ledger.checkpoints:
                self._ledger.finish(record.ask, record.failure is None)
            begin = perf_counter_ns()
            self.optimizer.tell(given, record.result)
            self.tell_ns += perf_counter_ns() - begin


def cut(records: Sequence[Record], budget: Budget, rules: Rules) -> list[Record]:
    """The first records of a run: those that a run of this budget would have."""
    kept: list[Record] = []
    spent = wall = 0.0
    for r in records:
        thought = r.nanoseconds[0] * 1e-9 if rules.overhead == MEASURED else float(rules.overhead)
        before = {"full": spent, "trials": r.ask, "sim": r.start - thought, "wall": wall}[budget.unit]
        if before >= budget.amount:
            break
        kept.append(r)
        spent, wall = r.spent, wall + sum(r.nanoseconds) * 1e-9
    return kept


def dump_trial(trial: Trial) -> bytes:
    """A trial as text that tells True from 1."""
    return orjson.dumps([trial.config, trial.fidelity])
