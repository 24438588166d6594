"""The run loop: simulated workers on one event heap, budgets with units, and replay of what a log already holds."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from time import perf_counter_ns
from typing import Any, NamedTuple

from carps_lite.charging import Key, Ledger, Share
from carps_lite.core import Budget, Exhausted, Optimizer, Problem, Result, Task, Trial
from carps_lite.evaluation import BrokenRun, Evaluator, Outcome, Verdict, evaluation_seed

MEASURED = "measured"
Asked = tuple[Trial, int]  # a trial and the nanoseconds that asking for it took


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
        self._idle_since: float | None = None  # when the budget first left a worker without work
        self._running: list[tuple[float, int, Record]] = []
        self._limit = Fraction(budget.amount).limit_denominator(10**9)
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
        if not affords and self._idle_since is None:
            self._idle_since = self.clock
        return affords

    def _stream(self) -> Iterator[list[Record]]:
        """Start trials while a worker is free, as an asynchronous pool does."""
        workers, running = self.problem.n_workers, self._running
        while len(running) < workers and not self.exhausted and self._affords():
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
            self.spent, self.asked = self.spent + self._ledger.share(asked[0].fidelity), self.asked + 1
        self.spent, self.asked = before
        if batch:
            yield self._start_batch(batch)

    def _ask(self, may_wait: bool) -> Asked | None:
        """Ask once. None where the optimizer waits or has nothing left."""
        begin = perf_counter_ns()
        try:
            trial = self.optimizer.ask()
        except Exhausted:
            self.exhausted = True
            return None
        self._ask_ns += perf_counter_ns() - begin
        if trial is None:
            if not may_wait:
                name = type(self.optimizer).__name__
                raise Deadlock(f"{name}.ask returned None with no result pending, at trial {self.asked}")
            return None
        wrong = self._fault(trial)
        if wrong is not None:
            raise BrokenRun(f"{type(self.optimizer).__name__} asked an impossible trial ({self.asked}): {wrong}")
        took, self._ask_ns = self._ask_ns, 0
        return trial, took

    def _fault(self, trial: Trial) -> str | None:
        wrong = self.problem.space.violation(trial.config)
        axis, fidelity = self.problem.fidelity, trial.fidelity
        if wrong is None and fidelity is not None:
            if axis is None:
                return f"fidelity {fidelity}, but the task has none"
            if not axis.low <= fidelity <= axis.high:
                return f"{axis.name}={fidelity} is outside [{axis.low}, {axis.high}]"
            if axis.integer and fidelity != int(fidelity):
                return f"{axis.name}={fidelity} is not a whole number"
        return wrong

    def _start(self, asked: Asked) -> Record:
        """Evaluate a trial, or take it from the log, and put it on the clock."""
        trial = asked[0]
        key = self._ledger.key(trial) if self._keyed else None
        if self.asked < len(self.known):
            return self._replay(self.known[self.asked], trial, key)
        return self._enter(asked, key, self._evaluator.one(self.asked, trial, self._seed(key)))

    def _start_batch(self, batch: list[Asked]) -> list[Record]:
        """The same for a batch, which a log holds as a whole or not at all."""
        trials = [trial for trial, _ in batch]
        keys = [self._ledger.key(trial) if self._keyed else None for trial in trials]
        logged = self.known[self.asked : self.asked + len(batch)]
        if len(logged) == len(batch):
            return [self._replay(*item) for item in zip(logged, trials, keys, strict=True)]
        outcomes = self._evaluator.batch(self.asked, trials, [self._seed(key) for key in keys])
        return [self._enter(*item) for item in zip(batch, keys, outcomes, strict=True)]

    def _seed(self, key: Key | None) -> int:
        return evaluation_seed(self.seed, *key) if key is not None and self.rules.noisy else 0

    def _enter(self, asked: Asked, key: Key | None, outcome: Outcome) -> Record:
        trial, ask_ns = asked
        share, cost = self._ledger.charge(self.asked, trial, key, outcome.cost, None)
        nanoseconds = (ask_ns, outcome.nanoseconds, self.tell_ns)
        result = Result(outcome.values, cost, outcome.constraints)
        return self._push(trial, result, share, outcome.failure, outcome.info, nanoseconds)

    def _replay(self, logged: Record, trial: Trial, key: Key | None) -> Record:
        if logged.trial != trial:
            raise ReplayError(
                f"trial {logged.ask} is now {trial}, but the log says {logged.trial}; "
                f"{type(self.optimizer).__name__} is not deterministic"
            )
        share, _ = self._ledger.charge(self.asked, trial, key, None, logged.result.cost)
        return self._push(trial, logged.result, share, logged.failure, logged.info, logged.nanoseconds)

    def _push(
        self,
        trial: Trial,
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
        record = Record(self.asked, begin, end, trial, result, float(self.spent), failure, info, nanoseconds)
        heapq.heappush(self._running, (end, self.asked, record))
        self.asked += 1
        return record

    def _advance(self) -> None:
        """Move the clock to the next event and tell all results of that moment before anything is asked."""
        running = self._running
        self.clock = max(running)[0] if self.rules.sync else running[0][0]
        while running and running[0][0] <= self.clock:
            record = heapq.heappop(running)[2]
            if self._ledger.checkpoints:
                self._ledger.finish(record.ask, record.failure is None)
            begin = perf_counter_ns()
            self.optimizer.tell(record.trial, record.result)
            self.tell_ns += perf_counter_ns() - begin
