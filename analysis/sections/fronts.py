"""Tasks with several objectives: hypervolume, IGD+ and epsilon of the fronts found, and what the runs attain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from carps_lite import spec
from carps_lite.analysis.charts.pareto_fronts import attainment, pareto_fronts
from carps_lite.analysis.indicators import attainment_surfaces, epsilon_additive, front, igd_plus, scaled
from carps_lite.analysis.labels import short_tasks
from carps_lite.analysis.numbers import count, value
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary
from carps_lite.errors import InputError
from carps_lite.locate import locate
from carps_lite.shown import Shown

DRAWN = 6  # tasks with a figure
MOST_ROWS = 12  # of a table that is not folded
MOST_LINES = 6  # optimizers in one figure, the best on the task


def build(s: Summary) -> Section | None:
    """Show the fronts of tasks with several objectives; None where there is none."""
    tasks = [t for t in range(len(s.pool.tasks)) if s.pool.measures[t].several and s.points.get(t)]
    if not tasks:
        return None
    rows = [row for t in tasks for row in _indicators(s, t)]
    with_points = [t for t in tasks if any(len(run) for own in s.points[t].values() for run in own)]
    blocks: list[Figure | Table] = [_figure(s, t, number) for number, t in enumerate(with_points[:DRAWN], 1)]
    blocks += [_table(rows)] if rows else []
    return Section("fronts", "Pareto fronts", tuple(blocks), _scope(s, tasks), s.caption_of(tasks)) if blocks else None


def _scope(s: Summary, tasks: list[int]) -> tuple[str, ...]:
    n_gap = sum(s.pool.measures[t].ideal is not None for t in tasks)
    gap = (
        "by the hypervolume gap: the share of the box between the ideal and the reference point, both kept with the "
        "task, that a front leaves undominated"
    )
    volume = "by their hypervolume up to the reference point, as no ideal point is kept with them"
    said = [f"{what} ({count(n, 'task')})" for n, what in ((n_gap, gap), (len(tasks) - n_gap, volume)) if n]
    drawn = f" The first {DRAWN} are drawn." if len(tasks) > DRAWN else ""
    return (f"Elsewhere in this report, tasks with several objectives are compared {', or '.join(said)}.{drawn}",)


def _figure(s: Summary, t: int, number: int) -> Figure:
    points = _planned(s, t)
    there = [name for name, runs in points.items() if any(map(len, runs))]
    names = sorted(there, key=lambda n: s.scores.medians_OTB[s.pool.names.index(n), t, -1])[:MOST_LINES]
    title, objectives = short_tasks(s.pool.tasks)[t], s.pool.measures[t].objectives_shown
    reference = _array(s.pool.measures[t].reference)
    if len(objectives) == 2:
        three = {n: _three(points[n]) for n in names}
        drawing = partial(attainment, three, objectives, reference, s.looks)
        how = (
            f"{title}: what half of the runs attain (line), between what a quarter and what three quarters do (band); "
            f"{_better(objectives)}; a lost run attains nothing.{_cross(reference)}{_rest(names, there)}"
        )
        label = f"Attainment surfaces on {title}"
        return Figure(f"front_{number}", drawing, label, how, False, s.caption_of([t]))
    merged = {n: front(np.concatenate(points[n])) for n in names}
    of_several = partial(pareto_fronts, merged, objectives, reference, s.looks)
    how = (
        f"{title}: the points of all runs that no other dominates, in pairs of objectives; {_better(objectives)}."
        f"{_rest(names, there)}"
    )
    return Figure(f"front_{number}", of_several, f"Pareto fronts on {title}", how, True, s.caption_of([t]))


def _three(runs: list[Array]) -> tuple[Array, Array, Array]:
    first, half, third = attainment_surfaces(runs)
    return first, half, third


def _better(objectives: Sequence[Shown]) -> str:
    """Which way is better on the axes."""
    larger = [own.larger for own in objectives]
    if not any(larger):
        return "lower left is better"
    if len(larger) == 2:
        return f"{'upper' if larger[1] else 'lower'} {'right' if larger[0] else 'left'} is better"
    return "up or right is better where a name bears ↑, down or left where it bears ↓"


def _cross(reference: Array | None) -> str:
    return "" if reference is None else " The cross is the reference point."


def _rest(names: list[str], there: list[str]) -> str:
    return f" The best {len(names)} of {len(there)} optimizers." if len(names) < len(there) else ""


def _planned(s: Summary, t: int) -> dict[str, list[Array]]:
    """The points of each optimizer's runs; a lost one, of which nothing is known, has none."""
    nothing = np.empty((0, len(s.pool.measures[t].objectives)))
    planned = {name: len(seeds) for name, seeds in zip(s.pool.names, s.pool.seeds, strict=True)}
    return {name: runs + [nothing] * (planned[name] - len(runs)) for name, runs in s.points[t].items()}


def _indicators(s: Summary, t: int) -> list[tuple[object, ...]]:
    """IGD+ and epsilon against the best front known of the task, in units of the box; medians over seeds."""
    points, measure = _planned(s, t), s.pool.measures[t]
    ideal, reference = _array(measure.ideal), _array(measure.reference)
    target, whose = _target(s, t)
    if ideal is None or reference is None or not len(target):
        return []
    goal = front(scaled(target, ideal, reference))
    rows: list[tuple[object, ...]] = []
    for o in (o for o in s.order if s.pool.ran_OT[o, t]):
        name = s.pool.names[o]
        runs = [
            scaled(run, ideal, reference) if len(run) else np.empty((0, len(ideal))) for run in points.get(name, [])
        ]
        near = _median([igd_plus(run, goal) for run in runs])
        epsilon = _median([epsilon_additive(run, goal) for run in runs])
        gap = float(s.scores.medians_OTB[o, t, -1])
        rows.append((s.pool.tasks[t], name, gap, near, epsilon, whose))
    return rows


def _target(s: Summary, t: int) -> tuple[Array, str]:
    """The task's own Pareto front where it can be had here, else what all runs found."""
    try:
        resolved = spec.resolve("tasks", s.pool.tasks[t])
        if hasattr(locate(resolved.target), "pareto_front"):
            found = spec.build(resolved).pareto_front()
            if found is not None:
                return np.asarray(found, dtype=float), "the front"
    except (InputError, ImportError):
        pass  # the task is not to be had here
    runs = [run for own in s.points[t].values() for run in own if len(run)]
    return (np.concatenate(runs), "all runs") if runs else (np.empty((0, 2)), "")


def _array(point: tuple[float, ...] | None) -> Array | None:
    return None if point is None else np.asarray(point, dtype=float)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else np.nan


def _table(rows: list[tuple[object, ...]]) -> Table:
    columns = ["task", "optimizer", "hypervolume gap", "IGD+", "ε+", "against"]
    frame = pd.DataFrame(rows, columns=columns).replace(np.inf, np.nan)
    how = (
        "Medians over seeds, lower is better; objectives scaled so that the task's ideal point is 0 and its reference "
        "point 1. Against: the task's own Pareto front, or, where none is known, the points of all runs compared here, "
        "which moves with who takes part. A dash: half of the runs or more have no point. Without an optimizer where "
        "it never ran."
    )
    formats = dict.fromkeys(columns[2:5], lambda x: value(x, 3))
    return Table("indicators", "Indicators", frame, how, formats, folded=len(frame) > MOST_ROWS)
