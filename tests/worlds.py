"""Tasks, optimizers and a second simulator for the tests of the run loop; loaded by path, see tests/test_loop.py.

Everything here is a function of hashes of what was seen, so that a difference anywhere spreads to all that follows.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import orjson

from carps_lite.core import Budget, Exhausted, Fidelity, Problem, Result, Task, Trial, TrialFailed
from carps_lite.evaluation import evaluation_seed
from carps_lite.loop import Record, Rules, Simulation
from carps_lite.rows import dump_record, load_record
from carps_lite.space import Float, Space

LINE = Space({"x": Float(0, 1)})
EPOCHS = Fidelity("epochs", 1, 27)


def chance(*seen: object) -> float:
    """A number in [0, 1) that depends on all that was seen."""
    return int.from_bytes(blake2b(repr(seen).encode(), digest_size=6).digest(), "big") / 2**48


class Timed:
    """`loss` is x and `cost` is `seconds[number of the evaluation]`, or what `seconds` says for (x, fidelity)."""

    def __init__(self, seconds: Any = lambda x, fidelity: 1.0, axis: Fidelity | None = None) -> None:
        self.problem = Problem(LINE, fidelity=axis)
        self.seconds = seconds
        self.calls: list[tuple[float, float | None, int]] = []

    def evaluate(self, config: Mapping[str, Any], fidelity: float | None, seed: int) -> dict[str, Any]:
        x = config["x"]
        seconds = self.seconds(x, fidelity) if callable(self.seconds) else self.seconds[len(self.calls)]
        self.calls.append((x, fidelity, seed))
        return {"loss": x, "cost": seconds}


class Chaos:
    """Values from the hash of all arguments, durations with many ties, and every fifth evaluation a failure."""

    def __init__(self, axis: Fidelity | None = None, failing: bool = True) -> None:
        self.problem = Problem(LINE, ("loss",), ("limit",), fidelity=axis)
        self.failing = failing
        self.calls: list[tuple[float, float | None, int]] = []

    def evaluate(self, config: Mapping[str, Any], fidelity: float | None, seed: int) -> dict[str, Any]:
        x = config["x"]
        self.calls.append((x, fidelity, seed))
        kind = chance("kind", x, fidelity, seed)
        seconds = (1 + int(4 * chance("cost", x))) * float(fidelity or 1)
        if self.failing and kind < 0.05:
            raise ArithmeticError(f"no luck with {x}")
        if self.failing and kind < 0.1:
            raise TrialFailed("diverged", cost=seconds / 2, info={"step": 7})
        loss = float("nan") if self.failing and kind < 0.2 else chance("loss", x, fidelity, seed)
        return {"loss": loss, "limit": chance("limit", x) - 0.5, "cost": seconds, "memory": 2 * x}


class Random:
    """Random search, deaf to all results."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.n = seed, 0

    def ask(self) -> Trial:
        self.n += 1
        return Trial({"x": chance(self.seed, self.n)}, token=self.n - 1)

    def tell(self, trial: Trial, result: Result) -> None:
        pass


class Learner:
    """Each trial depends on all results so far, their order and their costs.

    It comes back to earlier configurations, at the `levels` of fidelity, and waits now and then where `patience` > 0.
    """

    def __init__(self, seed: int = 0, levels: Sequence[float | None] = (None,), patience: float = 0.0) -> None:
        self.state, self.levels, self.patience = str(seed), levels, patience
        self.n = self.pending = self.calls = 0
        self.seen: list[float] = []

    def ask(self) -> Trial | None:
        self.calls += 1
        if self.pending and chance(self.state, self.calls, "wait") < self.patience:
            return None
        again = self.seen and chance(self.state, self.n, "again") < 0.5
        x = chance(self.state, self.n, "x")
        x = self.seen[int(x * len(self.seen))] if again else x
        self.seen.append(x)
        self.n, self.pending = self.n + 1, self.pending + 1
        level = self.levels[int(chance(self.state, self.n, "level") * len(self.levels))]
        return Trial({"x": x}, level, token=self.n - 1)

    def tell(self, trial: Trial, result: Result) -> None:
        self.pending -= 1
        self.state = str(chance(self.state, trial.token, trial.config, trial.fidelity, result))


class Script:
    """Ask what is written: x, (x, fidelity), a Trial, or None; then nothing is left. An exception is raised."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.told: list[tuple[Trial, Result]] = []

    def ask(self) -> Trial | None:
        if not self.script:
            raise Exhausted
        item = self.script.pop(0)
        if isinstance(item, Exception):
            raise item
        if isinstance(item, tuple):
            return Trial({"x": item[0]}, item[1])
        return Trial({"x": item}) if isinstance(item, float) else item

    def tell(self, trial: Trial, result: Result) -> None:
        self.told.append((trial, result))


class Generations:
    """Ask `size` trials, then wait for all of them."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size, self.seed = size, seed
        self.asked = self.told = 0

    def ask(self) -> Trial | None:
        if self.asked - self.told >= self.size - self.told % self.size:
            return None
        self.asked += 1
        return Trial({"x": chance(self.seed, self.asked)}, token=self.asked - 1)

    def tell(self, trial: Trial, result: Result) -> None:
        self.told += 1


class Spy:
    """Pass everything on to another optimizer and note it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.events: list[tuple[str, int, Result | None]] = []  # "ask" and "tell" with the ask number, and "wait"
        self.asks = 0

    def ask(self) -> Trial | None:
        trial = self.inner.ask()
        if trial is None:
            self.events.append(("wait", self.asks, None))
            return None
        self.events.append(("ask", self.asks, None))
        self.asks += 1
        return Trial(trial.config, trial.fidelity, token=(self.asks - 1, trial))

    def tell(self, trial: Trial, result: Result) -> None:
        number, inner = trial.token
        self.events.append(("tell", number, result))
        self.inner.tell(inner, result)

    @property
    def tells(self) -> list[int]:
        """Ask numbers in the order of the tells."""
        return [number for what, number, _ in self.events if what == "tell"]

    def known_at(self) -> Iterator[tuple[int, frozenset[int]]]:
        """Yield each ask's number and what had been told by then."""
        told: set[int] = set()
        for what, number, _ in self.events:
            if what == "ask":
                yield number, frozenset(told)
            elif what == "tell":
                told.add(number)


@contextmanager
def time_limit(seconds: float = 20.0) -> Iterator[None]:
    """Turn a loop that never ends into a failing test."""

    def overdue(signum: int, frame: Any) -> None:
        raise TimeoutError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def prepare(
    task: Any,
    optimizer: Any,
    budget: str | float = 100,
    workers: int = 1,
    seed: int = 0,
    known: Sequence[Record] = (),
    verdicts: Mapping[int, tuple[str, float]] | None = None,
    watch: Any = None,
    **rules: Any,
) -> Simulation:
    """A run of `task` and `optimizer` that is about to start."""
    problem = replace(task.problem, n_workers=workers)
    args = (task, optimizer, problem, seed, Budget.parse(budget), Rules(**rules), known, verdicts, watch)
    return Simulation(*args)


def run(*args: Any, **options: Any) -> list[Record]:
    """All records of a run that is made by `prepare`."""
    with time_limit():
        return list(prepare(*args, **options))


def plain(records: Sequence[Record], prefix: int | None = None) -> list[str]:
    """All columns of records but the measured ones, as text: equal text is equal bit for bit, nan included."""
    return [
        repr((*r[:3], sorted(r.trial.config.items()), r.trial.fidelity, r.result, r.spent, r.failure, dict(r.info)))
        for r in records[:prefix]
    ]


def through_the_log(records: Sequence[Record]) -> list[Record]:
    """Records as a later attempt reads them."""
    return [load_record(orjson.loads(dump_record(r))) for r in records]


class Job:
    """One trial of the simulator by hand."""

    def __init__(self, trial: Trial, start: float, repeat: int) -> None:
        self.trial, self.start, self.repeat = trial, start, repeat
        self.end = self.spent = self.reached = 0.0
        self.failed = self.finished = False
        self.result = Result(())


def by_hand(
    task: Task,
    optimizer: Any,
    workers: int,
    budget: tuple[Fraction, str],
    pick: Any = min,
    noisy: bool = True,
    checkpoints: bool = False,
    seed: int = 0,
) -> list[Job]:
    """The asynchronous run again, in the slowest and plainest way: numbered workers, and lists that are searched.

    `pick` takes one of the free workers. Budgets: (amount, unit).
    """
    desk: list[Job | None] = [None] * workers
    log: list[Job] = []
    now, spent, left = 0.0, Fraction(0), True
    axis = task.problem.fidelity

    def level(trial: Trial) -> float:
        return 1.0 if axis is None else axis.high if trial.fidelity is None else trial.fidelity

    def share(value: float) -> Fraction:
        return Fraction(value) / Fraction(1 if axis is None else axis.high)

    def affordable() -> bool:
        used = {"full": spent, "trials": len(log), "sim": Fraction(now)}
        return used[budget[1]] < budget[0]

    while True:
        while left and None in desk and affordable():
            try:
                trial = optimizer.ask()
            except Exhausted:
                left = False
                break
            if trial is None:
                break
            job = Job(trial, now, sum(trial.config == o.trial.config and level(trial) == level(o.trial) for o in log))
            same = [o for o in log if o.trial.config == trial.config and o.repeat == job.repeat]
            done = [o for o in same if o.finished and not o.failed and level(o.trial) < level(trial)]
            origin = max(done, key=lambda o: level(o.trial), default=None) if checkpoints and axis else None
            part = share(level(trial)) - (share(level(origin.trial)) if origin else 0)
            spent += part
            charge(task, job, origin, float(part), evaluation_seed(seed, key(trial), job.repeat) if noisy else 0)
            job.spent = float(spent)
            desk[pick([i for i, other in enumerate(desk) if other is None])] = job
            log.append(job)
        if not any(desk):
            return log
        now = min(job.end for job in desk if job)
        for job in [job for job in log if not job.finished and job.end == now]:
            optimizer.tell(job.trial, job.result)
            job.finished = True
            desk[desk.index(job)] = None


def key(trial: Trial) -> bytes:
    """The bytes of a configuration that its seed comes from."""
    return orjson.dumps(trial.config, option=orjson.OPT_SORT_KEYS)


def charge(task: Task, job: Job, origin: Job | None, part: float, seed: int) -> None:
    """Evaluate a job by hand and set its result, end and state."""
    axis, nan = task.problem.fidelity, float("nan")
    fidelity = None if axis is None else int(axis.high if job.trial.fidelity is None else job.trial.fidelity)
    try:
        answer = dict(task.evaluate(dict(job.trial.config), fidelity, seed))
    except TrialFailed as error:
        answer = {"loss": nan, "cost": error.cost}
    except ArithmeticError:
        answer = {"loss": nan}
    names = task.problem.constraints
    job.failed = answer["loss"] != answer["loss"]
    total = answer.get("cost")
    cost = part if total is None else max(0.0, total - (origin.reached if origin else 0.0))
    job.reached = (origin.reached if origin else 0.0) + cost
    limits = tuple(nan if job.failed else answer[name] for name in names)
    job.result = Result((answer["loss"],), cost, limits)
    job.end = job.start + cost


def same_as_by_hand(records: Sequence[Record], log: Sequence[Job]) -> None:
    """Assert that both simulators did the same, bit for bit."""
    ours = [(r.start, r.end, r.trial, repr(r.result), r.spent, r.failure is not None) for r in records]
    theirs = [(j.start, j.end, j.trial, repr(j.result), j.spent, j.failed) for j in log]
    assert ours == theirs
