"""How the values of tasks are shown: by their runs' own account, else by the catalog's, else as they are minimised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from carps_lite import catalog, spec
from carps_lite.analysis.stats import Array
from carps_lite.errors import InputError
from carps_lite.shown import Shown, of_header, of_task

if TYPE_CHECKING:
    from carps_lite.analysis.scores import Scores


class Bands(NamedTuple):
    """Curves with what lies below and above them, each (O, T, B) or (O, B); infinite where there is no result."""

    median: Array
    low: Array
    high: Array


def shown(runs: pd.DataFrame) -> dict[str, dict[str, Shown]]:
    """How the objectives of each task of `runs` are shown, those that somebody speaks of.

    Of runs whose logs say it differently the one that was started last counts. The catalog speaks for tasks whose logs
    say nothing, and for the version that it has.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for task, header in zip(runs["task"], runs["header"], strict=True):
        if task not in latest or _rank(header) > _rank(latest[task]):
            latest[task] = header
    return {task: of_header(header) or _installed(str(task), header) for task, header in latest.items()}


def version(header: Mapping[str, Any]) -> int:
    """The version of the task that a run was made with; 1 where the task declares none."""
    return int((header.get("task_identity") or {}).get("version", 1))


def of(s: Scores, t: int) -> Shown:
    """How the scores of a task are shown.

    In its own direction and unit where it declares them, else as regret where the optimum is known, else as they are.
    """
    if as_regret(s, t):
        return Shown("regret", offset=-float(s.pool.optima[t]))
    return s.pool.measures[t].metric_shown


def quartiles(s: Scores) -> Bands:
    """Medians and quartiles over seeds along the budgets, each task in its own direction and unit: (O, T, B) each.

    `low` is the smaller number; what is no result is infinite, on the worse side.
    """
    three = Bands(s.medians_OTB, s.quantile_OTB(0.25), s.quantile_OTB(0.75))
    for t in range(len(s.pool.tasks)):
        own = of(s, t)
        low, high = own.ordered(three.low[:, t], three.high[:, t])
        three.median[:, t], three.low[:, t], three.high[:, t] = own.of(three.median[:, t]), low, high
    return three


def as_regret(s: Scores, t: int) -> bool:
    """Whether the scores of a task are shown as their distance to the optimum."""
    return bool(s.regret_T[t]) and not s.pool.measures[t].declared


def best_known(s: Scores, t: int) -> float:
    """The optimum of a task as its scores are shown; nan where it is not known, or something better was found."""
    return float(of(s, t).of(s.pool.optima[t])) if s.regret_T[t] else float("nan")


def _rank(header: Mapping[str, Any]) -> tuple[bool, str]:
    return bool(header.get("shown")), str(header.get("started", ""))


def _installed(task: str, header: Mapping[str, Any]) -> dict[str, Shown]:
    try:
        if task.partition("/")[0] not in catalog.names("tasks"):
            return {}
        resolved = spec.resolve("tasks", task)
    except InputError:  # an option that is gone
        return {}
    if int(resolved.meta.get("version", 1)) != version(header):
        return {}
    return of_task(resolved, (header.get("problem") or {}).get("objectives") or ())
