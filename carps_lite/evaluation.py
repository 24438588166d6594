"""One trial: from the task's answer, whatever it is, to what the optimizer is told and what only the log keeps."""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from numbers import Real
from time import perf_counter_ns
from typing import Any, NamedTuple

from carps_lite.core import Problem, Task, Trial, TrialFailed
from carps_lite.errors import one_line

Verdict = tuple[str, float]  # how a watchdog found a trial ("timeout", "memory", "crash"), and the seconds it had taken


class Guard(NamedTuple):
    """What a piece of work hears from outside: failures found there, by the trial's number, whom to tell which trial is
    at work, and a reason to end after what is known.
    """

    verdicts: Mapping[int, Verdict] = {}
    watch: Callable[[int], None] | None = None
    ended: str | None = None


ALONE = Guard()  # nobody looks on
SINGLY = "singly"  # the verdict on a batch whose trials are to be evaluated one by one


def as_batch(first: int) -> int:
    """What `watch` is told while a batch is evaluated together, whose first trial is the `first`-th."""
    return -2 - first


def from_batch(told: int) -> int:
    """The inverse of `as_batch`."""
    return -2 - told


class BrokenRun(RuntimeError):
    """The optimizer or the task broke its contract; the run ends as failed."""


class Outcome(NamedTuple):
    """An evaluated trial before it is charged; `cost` is None where the task knows none.

    `cost` counts from the start of training; with `own_cost`, it is what this trial took by itself.
    """

    values: tuple[float, ...]
    constraints: tuple[float, ...]
    cost: float | None
    failure: str | None
    info: Mapping[str, Any]
    nanoseconds: int
    own_cost: bool = False


class Evaluator:
    """Evaluate trials of one run. A fault of the task is a failed trial; an answer of the wrong form raises BrokenRun.

    `verdicts` maps ask numbers to failures found from outside: those trials are not evaluated again. `watch` is called
    with the ask number before each evaluation and with -1 after it.
    """

    def __init__(
        self,
        task: Task,
        problem: Problem,
        *,
        measured_cost: bool,
        verdicts: Mapping[int, Verdict],
        watch: Callable[[int], None] | None,
    ) -> None:
        self.task, self.problem, self.measured_cost = task, problem, measured_cost
        self._objectives, self._constraints = problem.objectives, problem.constraints
        self.verdicts, self.watch = verdicts, watch or (lambda number: None)
        self._many = getattr(task, "evaluate_many", None)
        self._told = frozenset((*problem.objectives, *problem.constraints, "cost"))

    def one(self, number: int, trial: Trial, seed: int) -> Outcome:
        """Evaluate the `number`-th trial of the run."""
        kind, seconds = self.verdicts.get(number, (SINGLY, 0.0))
        if kind != SINGLY:
            return self._failed(kind, seconds if self.measured_cost else None, {}, int(seconds * 1e9), own_cost=True)
        self.watch(number)
        begin = perf_counter_ns()
        answer: Any
        try:
            answer = self.task.evaluate(dict(trial.config), self._fidelity(trial), seed)
        except (Exception, SystemExit) as error:
            answer = error
        took = perf_counter_ns() - begin
        self.watch(-1)
        return self._outcome(answer, took)

    def batch(self, first: int, trials: Sequence[Trial], seeds: Sequence[int]) -> list[Outcome]:
        """Evaluate trials together where the task can, one by one where it cannot or one of them has a verdict."""
        numbers = range(first, first + len(trials))
        if self._many is None or len(trials) == 1 or not self.verdicts.keys().isdisjoint(numbers):
            return [self.one(*item) for item in zip(numbers, trials, seeds, strict=True)]
        self.watch(as_batch(first))
        begin = perf_counter_ns()
        answers: Any
        try:
            answers = self._many([dict(t.config) for t in trials], [self._fidelity(t) for t in trials], list(seeds))
        except (
            Exception,
            SystemExit,
        ):  # too large a batch, perhaps: whose fault it is shows when each is evaluated by itself
            return [self.one(*item) for item in zip(numbers, trials, seeds, strict=True)]
        took = (perf_counter_ns() - begin) // len(trials)
        self.watch(-1)
        name = f"{type(self.task).__name__}.evaluate_many"
        if not isinstance(answers, Iterable) or isinstance(answers, Mapping | str):
            raise BrokenRun(f"{name} must return a list of dicts, got {type(answers).__name__}")
        answers = list(answers)
        if len(answers) != len(trials):
            raise BrokenRun(f"{name} returned {len(answers)} answers for {len(trials)} trials")
        return [self._outcome(answer, took) for answer in answers]

    def _fidelity(self, trial: Trial) -> float | None:
        """What a task is told: its full fidelity where the optimizer asked for none."""
        axis = self.problem.fidelity
        if axis is None:
            return None
        value = axis.high if trial.fidelity is None else trial.fidelity
        return int(value) if axis.integer else value

    def _outcome(self, answer: Any, took: int) -> Outcome:
        if isinstance(answer, BaseException):
            return self._raised(answer, took)
        names, constraint_names = self._objectives, self._constraints
        try:
            if len(answer) == 1 and len(names) == 1 and not constraint_names:  # most synthetic tasks
                value = answer[names[0]]
                if type(value) is float and math.isfinite(value):
                    return Outcome((value,), (), None, None, {}, took)
            values = tuple([_number(answer[name]) for name in names])
            constraints = tuple([_number(answer[name]) for name in constraint_names]) if constraint_names else ()
            cost = answer.get("cost")
            cost = None if cost is None else float(cost)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BrokenRun(self._complaint(answer, error)) from error
        self._check_cost(cost)
        info = {k: answer[k] for k in answer if k not in self._told} if len(answer) > len(names) else {}
        for name, value in zip((*names, *constraint_names), (*values, *constraints), strict=True):
            if not math.isfinite(value):
                return self._failed(f"{'nan' if math.isnan(value) else 'infinite'} {name}", cost, info, took)
        return Outcome(values, constraints, cost, None, info, took)

    def _check_cost(self, cost: Any) -> None:
        name = f"{type(self.task).__name__}.evaluate"
        if cost is None:
            return
        if isinstance(cost, bool) or not isinstance(cost, Real):
            raise BrokenRun(f"{name} gave a cost that is no number: {cost!r}")
        if not 0 <= float(cost) < math.inf:
            raise BrokenRun(f"{name} gave cost={cost}; it must be finite and >= 0")

    def _complaint(self, answer: Any, error: Exception) -> str:
        name = f"{type(self.task).__name__}.evaluate"
        if not isinstance(answer, Mapping):
            return f"{name} must return a dict, got {type(answer).__name__}"
        missing = [n for n in (*self.problem.objectives, *self.problem.constraints) if n not in answer]
        if missing:
            return f"{name} returned {', '.join(map(str, answer)) or 'nothing'}; missing: {', '.join(missing)}"
        return f"{name} returned something that is no number: {error}"

    def _raised(self, error: BaseException, took: int) -> Outcome:
        seconds = took * 1e-9 if self.measured_cost else None
        if isinstance(error, TrialFailed) and error.cost is not None:
            self._check_cost(error.cost)
            return self._failed(error.kind, float(error.cost), error.info, took)
        if isinstance(error, TrialFailed):
            return self._failed(error.kind, seconds, error.info, took, own_cost=True)
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
        # an object's address would make the log of a repeated run differ
        said = re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", one_line(error))[:500]
        return self._failed(f"{type(error).__name__}: {said}{where}", seconds, {}, took, own_cost=True)

    def _failed(
        self, kind: str, cost: float | None, info: Mapping[str, Any], took: int, own_cost: bool = False
    ) -> Outcome:
        nan = (math.nan,) * len(self.problem.objectives)
        return Outcome(nan, (math.nan,) * len(self.problem.constraints), cost, kind, info, took, own_cost)


def _number(x: Any) -> float:
    """A value as a float; text and truth values are none, though float() takes them."""
    if isinstance(x, str | bytes | bytearray | bool):
        raise TypeError(f"{x!r}")
    return float(x)


def evaluation_seed(run_seed: int, config: bytes, repeat: int) -> int:
    """The seed of an evaluation, in [0, 2^31): equal for every optimizer at one point, fresh for each repetition.

    It leaves the fidelity out, so that a configuration can be continued from a lower one.
    """
    text = b"%d/%d/" % (run_seed, repeat) + config
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") >> 1
