"""The same things from Python: `make_task`, `make_optimizer`, and `run` for one run, in memory or into a store."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from carps_lite import spec
from carps_lite.core import Budget, Optimizer, Problem, Task, Trial
from carps_lite.errors import InputError
from carps_lite.evaluation import BrokenRun
from carps_lite.identity import identify
from carps_lite.jobs import Job, header, longest, perform, same_run
from carps_lite.loop import MEASURED, Record, Simulation, cut
from carps_lite.space import Config, Space
from carps_lite.spec import Resolved
from carps_lite.store import Store, peek

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Objective = Callable[[Config], float]


@dataclass(frozen=True)
class FunctionTask:
    """A plain function of a configuration as a task with one objective, `loss`."""

    function: Objective
    space: Space

    @property
    def problem(self) -> Problem:
        """One objective over the space."""
        return Problem(self.space)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Call the function."""
        return {"loss": self.function(config)}


@dataclass(frozen=True)
class Run:
    """A finished run: its records in ask order, and `header`, what it was made with."""

    records: list[Record]
    header: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def best(self) -> Incumbent:
        """The best feasible full-fidelity trial that ended within the budget.

        Raises InputError where there is none, or several objectives.
        """
        if len(self.header["problem"]["objectives"]) > 1:
            raise InputError("a run with several objectives has no single best trial; see its records")
        found = [r for r in self._counting() if r.result.feasible]
        if not found:
            raise InputError("no trial of this run succeeded at full fidelity")
        best = min(found, key=lambda r: r.result.values[0])
        return Incumbent(best.trial.config, best.result.values, best.ask, best.trial)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the best value so far over trials, as a step function."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(5, 3), layout="constrained").subplots()
        curve, best = [], math.inf
        full = {r.ask for r in self._counting()}
        for r in self.records:
            if r.ask in full and r.result.feasible:
                best = min(best, r.result.values[0])
            curve.append(best if math.isfinite(best) else math.nan)
        ax.step(range(1, len(curve) + 1), curve, where="post")
        ax.set(xlabel="trials", ylabel=f"best {self.header['problem']['objectives'][0]}")
        ax.set_title(f"{self.header['optimizer']} on {self.header['task']}", fontsize="medium")
        return ax

    def _counting(self) -> list[Record]:
        """Full-fidelity trials that ended before the limit of a budget in simulated seconds."""
        axis, budget = self.header["problem"]["fidelity"], Budget.parse(self.header["budget"])
        limit = budget.amount if budget.unit == "sim" else math.inf
        full = [r for r in self.records if r.trial.fidelity is None or (axis and r.trial.fidelity >= axis["high"])]
        return [r for r in full if r.end <= limit]


@dataclass(frozen=True)
class Incumbent:
    """The best trial of a run."""

    config: Config
    values: tuple[float, ...]
    ask: int
    trial: Trial = field(repr=False)


def make_task(spec_string: str) -> Task:
    """Build a task: `make_task("bbob/fid:3/dim:5")`. Raises InputError on what does not exist."""
    made: Task = spec.make("tasks", spec_string)
    return made


def make_optimizer(spec_string: str, problem: Problem, seed: int = 0) -> Optimizer:
    """Build an optimizer for a problem: `make_optimizer("tpe", task.problem, seed=0)`."""
    made: Optimizer = spec.make("optimizers", spec_string, problem=problem, seed=seed)
    return made


def run(
    task: str | Task | Objective,
    optimizer: str | Callable[..., Optimizer],
    *,
    seed: int = 0,
    budget: str | float | Budget = "default",
    n_workers: int = 1,
    sync: bool = False,
    overhead: float | str = 0.0,
    space: Space | None = None,
    store: Store | str | Path | None = None,
    name: str | None = None,
) -> Run:
    """Do one run in this process and return it.

    `task` is a spec, a task, or a plain function of a configuration together with `space`; `optimizer` is a spec or a
    class. With `store`, what is there is used again and the run is kept there; an object needs a `name` for its id.
    Raises InputError on wrong input, and BrokenRun where the optimizer or the task breaks its contract.
    """
    _check(seed, n_workers, sync, overhead, space, store)
    job = _job(task, optimizer, seed, budget, n_workers, sync, overhead, space, store is not None, name)
    built = job.build_task()
    job = replace(job, task_object=built)  # built once; its identity stays that of what was given
    problem = job.problem(built)
    reason = spec.mismatch(job.optimizer.meta, problem)
    if reason:
        raise InputError(f"{job.optimizer.id} cannot run on {job.task.id}: {reason}")
    ours = MappingProxyType(header(job, built, problem))
    if store is None:
        simulation = Simulation(built, job.build_optimizer(problem), problem, seed, job.budget, job.rules)
        return Run(list(simulation), ours)
    return Run(_stored(job, ours, store if isinstance(store, Store) else Store(store)), ours)


def _stored(job: Job, ours: Mapping[str, Any], store: Store) -> list[Record]:
    store.create()
    files = store.files(job.key)
    logs = [log for path in files.finished if (log := peek(path)) is not None and log.end is not None]
    own = [log for log in logs if same_run(ours, log.header)]
    if logs and not own:
        raise InputError(
            f"{store.root} has this run of {job.optimizer.id} on {job.task.id} (seed {job.seed}), made by other code, "
            "options or state; take another name or another store"
        )
    if not any(log.covers(job.budget) for log in own):
        summary = perform(job, store, uuid4().hex[:12], (*files.finished, *files.failed, *files.parts))
        if summary.state == "failed":
            raise BrokenRun(summary.error)
    return cut(longest(ours, store.files(job.key).finished), job.budget, job.rules)


def _job(
    task: str | Task | Objective,
    optimizer: str | Callable[..., Optimizer],
    seed: int,
    budget: str | float | Budget,
    n_workers: int,
    sync: bool,
    overhead: float | str,
    space: Space | None,
    stored: bool,
    name: str | None,
) -> Job:
    if space is not None and isinstance(task, str | Task):
        raise InputError("space= goes with a plain function; a task has its own")
    if not (isinstance(optimizer, str) or callable(optimizer)):
        raise InputError(f"an optimizer must be a spec or a class, got {optimizer!r}")
    task_object = None if isinstance(task, str) else _as_task(task, space)
    optimizer_class = None if isinstance(optimizer, str) else optimizer
    if stored and name is None and (task_object is not None or optimizer_class is not None):
        raise InputError("an object needs name=... to be kept in a store: it becomes its id")
    resolved_task = spec.resolve("tasks", task) if isinstance(task, str) else _named("tasks", task, name, task_object)
    if isinstance(optimizer, str):
        resolved_optimizer = spec.resolve("optimizers", optimizer)
    else:
        resolved_optimizer = _named("optimizers", optimizer, name if task_object is None else None, optimizer)
    default = resolved_task.meta.get("budget", 100) if budget == "default" else budget
    return Job(
        resolved_task,
        resolved_optimizer,
        seed,
        Budget.parse(default),
        _identity(resolved_task, task_object),
        _identity(resolved_optimizer, optimizer_class),
        n_workers=n_workers,
        sync=sync,
        overhead=overhead,
        task_object=task_object,
        optimizer_class=optimizer_class,
    )


def _identity(resolved: Resolved, made: Any) -> dict[str, Any]:
    """Code identity; of an object its state too, so that another one under its name is not taken for it."""
    subject = made.function if isinstance(made, FunctionTask) else made
    return identify(resolved, subject) | ({} if subject is None else {"state": _state(subject)})


def _state(made: Any) -> str:
    """A hash of what an object or a function carries beside its code."""
    if inspect.isroutine(made):
        closure = [cell.cell_contents for cell in getattr(made, "__closure__", None) or ()]
        carried: Any = (closure, getattr(made, "__defaults__", None), getattr(made, "__kwdefaults__", None))
    else:
        carried = None if inspect.isclass(made) else getattr(made, "__dict__", made)
    try:
        content = pickle.dumps(carried, protocol=4)
    except Exception:  # a lambda, an open file
        content = repr(carried).encode()
    return sha256(content).hexdigest()[:16]


def _check(seed: object, n_workers: object, sync: object, overhead: object, space: object, store: object) -> None:
    """Raise InputError on an argument of the wrong kind."""
    for name, value, least in (("seed", seed, 0), ("n_workers", n_workers, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
    if not isinstance(sync, bool):
        raise InputError(f"sync must be True or False, got {sync!r}")
    number = isinstance(overhead, int | float) and not isinstance(overhead, bool)
    if overhead != MEASURED and not (number and 0 <= float(overhead) < math.inf):  # type: ignore[arg-type]
        raise InputError(f"overhead must be a number of seconds or {MEASURED!r}, got {overhead!r}")
    if space is not None and not isinstance(space, Space):
        raise InputError(f"space must be a Space, got {space!r}")
    if store is not None and not isinstance(store, Store | str | Path):
        raise InputError(f"store must be a Store or a folder, got {store!r}")


def _as_task(given: Task | Objective, space: Space | None) -> Task:
    if isinstance(given, Task):
        return given
    if callable(given):
        if space is None:
            raise InputError("a plain function needs space=Space({...})")
        return FunctionTask(given, space)
    raise InputError(f"a task must be a spec, an object with problem and evaluate, or a function, got {given!r}")


def _named(kind: str, given: Any, name: str | None, made: Any) -> Resolved:
    """A stand-in for a spec, for an object given from Python."""
    own = getattr(given, "__name__", type(given).__name__)
    label = name or ("function" if own == "<lambda>" else own)
    meta = getattr(given, "meta", {})
    return Resolved(kind, label, label, "", {}, meta if isinstance(meta, Mapping) else {})
