"""Runs that another program made, as their readers find them, and what is known here of their tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from carps_lite import catalog, jobs, shown, spec
from carps_lite.core import Fidelity, Problem
from carps_lite.errors import InputError, one_line
from carps_lite.keys import RunKey
from carps_lite.space import Space


@dataclass(frozen=True)
class ForeignTrial:
    """One evaluation. `values`: one per objective, minimised, all nan where it failed; `cost`: what it took by itself.

    `where` is its place in the source, for messages: `runs.csv:12`. `start` and `end`, seconds on the run's own clock,
    and `spent`, full evaluations so far with this one, are worked out where they are None.
    """

    where: str
    config: Mapping[str, Any]
    values: tuple[float, ...]
    failure: str | None = None
    cost: float | None = None
    fidelity: float | None = None
    constraints: tuple[float, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    start: float | None = None
    end: float | None = None
    spent: float | None = None
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)  # real time of asking, evaluating, telling


@dataclass(frozen=True)
class ForeignRun:
    """The trials of one optimizer on one task with one seed, in the order in which they were asked."""

    task: str
    optimizer: str
    seed: int
    trials: Sequence[ForeignTrial]
    source: Mapping[str, Any]  # format, file and what else says where it comes from
    n_workers: int = 1
    objectives: tuple[str, ...] | None = None  # None: those of the task
    constraints: tuple[str, ...] = ()
    fidelity: str = "fidelity"  # the name of the axis, where a trial has a fidelity
    full_fidelity: float | None = None  # where the source knows it and no trial shows it
    measured: bool = False  # costs are seconds that were measured while the optimizer ran
    maximized: tuple[bool, ...] = ()  # which values were maximised at the source; none: nothing is known of it

    @property
    def where(self) -> str:
        """The place of its first trial."""
        return self.trials[0].where


@dataclass(frozen=True)
class ImportedKey(RunKey):
    """The key of an imported run. Its variant sets it apart, so that no grid ever keeps, extends or replays it."""

    @property
    def variant(self) -> str:
        """Always `imported`."""
        return "imported"


@dataclass(frozen=True)
class TaskFacts:
    """What the header of an imported run says of its task."""

    id: str
    problem: Problem
    group: str
    optimum: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)  # its version, by which its references are found
    cost: str = "evaluations"
    checkpoints: bool = False
    known: bool = False
    shown: Mapping[str, Any] = field(default_factory=dict)  # how a known task's objectives are shown


def facts_of(runs: Sequence[ForeignRun], full_fidelity: float | None = None) -> TaskFacts:
    """What is known of the task that all `runs` name: all of it where the package has it, else what they show.

    `full_fidelity` of a task that the package does not have is the highest that the runs show, unless it is given.
    Raises InputError where the task exists but its options do not, or its library or data are missing.
    """
    name = runs[0].task
    if name.split("/")[0] in catalog.names("tasks"):
        return _known(name, runs[0].where)
    levels = [t.fidelity for run in runs for t in run.trials if t.fidelity is not None]
    axis = None
    if levels:
        high = full_fidelity or max([*levels, *(run.full_fidelity for run in runs if run.full_fidelity is not None)])
        axis = Fidelity(runs[0].fidelity, min(levels), max(high, min(levels)), integer=all(map(_whole, levels)))
    objectives = runs[0].objectives or tuple(
        f"value{i}" if i else "value" for i in range(len(runs[0].trials[0].values))
    )
    measured = any(t.cost is not None for run in runs for t in run.trials)
    problem = Problem(Space({}), objectives, runs[0].constraints, axis)
    return TaskFacts(name, problem, group=name, cost="measured" if measured else "evaluations")


def _known(name: str, where: str) -> TaskFacts:
    try:
        resolved = spec.resolve("tasks", name)
        task = spec.build(resolved)
        optimum = getattr(task, "optimum", None)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except Exception as error:
        raise InputError(f"{where}: task {name} cannot be built: {type(error).__name__}: {one_line(error)}") from error
    return TaskFacts(
        resolved.id,
        task.problem,
        jobs.group(resolved),
        optimum,
        jobs.plain(resolved.options),
        {"version": resolved.meta["version"]} if "version" in resolved.meta else {},
        str(resolved.meta.get("cost", "evaluations")),
        bool(resolved.meta.get("checkpoints", False)),
        known=True,
        shown=shown.facts_of(resolved, task.problem.objectives),
    )


def _whole(x: float) -> bool:
    return math.isfinite(x) and float(x).is_integer()
