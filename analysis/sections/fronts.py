"""Tasks with several objectives: hypervolume, IGD+ and epsilon of the fronts found, and what the runs attain."""

from __future__ import annotations

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

DRAWN = 6  # tasks with a figure
MOST_LINES = 6  # optimizers in one figure, the best on the task


def build(s: Summary) -> Section | None:
    """Show the fronts of tasks with several objectives; None where there is none."""
    tasks = [t for t in range(len(s.pool.tasks)) if s.pool.measures[t].several and s.points.get(t)]
    if not tasks:
        return None
    rows, blocks = [], []
    for t in tasks:
        rows += _indicators(s, t)
    for number, t in enumerate(tasks[:DRAWN], 1):
        blocks.append(_figure(s, t, number))
    scope = (
        f"{count(len(tasks), 'task')} with several objectives; elsewhere in this report they are compared by the "
        "hypervolume gap: the share of the box between the ideal and the reference point, both fixed with the task, "
        "that a front leaves undominated."
    )
    return Section("fronts", "Pareto fronts", (*blocks, _table(s, rows)), (scope,))


def _figure(s: Summary, t: int, number: int) -> Figure:
    points = s.points[t]
    there = [name for name, runs in points.items() if runs]
    names = sorted(there, key=lambda n: s.scores.medians_OTB[s.pool.names.index(n), t, -1])[:MOST_LINES]
    title, objectives = short_tasks(s.pool.tasks)[t], s.pool.measures[t].objectives
    reference = _array(s.pool.measures[t].reference)
    if len(objectives) == 2:
        three = {n: tuple(attainment_surfaces(points[n])) for n in names}
        axes = attainment(three, objectives, reference, s.looks)  # type: ignore[arg-type]
        how = (
            f"{title}: what half of the runs attain (line), between what a quarter and what three quarters do (band); "
            "lower left is better. The cross is the reference point."
        )
        return Figure(f"front_{number}", axes, f"Attainment surfaces on {title}", how, wide=False)
    merged = {n: front(np.concatenate(points[n])) for n in names}
    axes = pareto_fronts(merged, objectives, reference, s.looks)[0]
    how = f"{title}: the points of all runs that no other dominates, in pairs of objectives; lower left is better."
    return Figure(f"front_{number}", axes, f"Pareto fronts on {title}", how)


def _indicators(s: Summary, t: int) -> list[tuple[object, ...]]:
    """IGD+ and epsilon against the best front known of the task, in units of the box; medians over seeds."""
    points, measure = s.points[t], s.pool.measures[t]
    ideal, reference = _array(measure.ideal), _array(measure.reference)
    target, whose = _target(s, t)
    if ideal is None or reference is None or not len(target):
        return []
    goal = front(scaled(target, ideal, reference))
    rows: list[tuple[object, ...]] = []
    for o in s.order:
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
        found = spec.make("tasks", s.pool.tasks[t]).pareto_front()
        if found is not None:
            return np.asarray(found, dtype=float), "the front"
    except (InputError, AttributeError):
        pass
    runs = [run for own in s.points[t].values() for run in own if len(run)]
    return (np.concatenate(runs), "all runs") if runs else (np.empty((0, 2)), "")


def _array(point: tuple[float, ...] | None) -> Array | None:
    return None if point is None else np.asarray(point, dtype=float)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else np.nan


def _table(s: Summary, rows: list[tuple[object, ...]]) -> Table:
    columns = ["task", "optimizer", "hypervolume gap", "IGD+", "ε+", "against"]
    frame = pd.DataFrame(rows, columns=columns).replace(np.inf, np.nan)
    how = (
        "Medians over seeds, lower is better; objectives scaled so that the task's ideal point is 0 and its reference "
        "point 1. Against: the task's own Pareto front, or, where none is known, the points of all runs compared here, "
        "which moves with who takes part."
    )
    formats = dict.fromkeys(columns[2:5], lambda x: value(x, 3))
    return Table("indicators", "Indicators", frame, how, formats)
