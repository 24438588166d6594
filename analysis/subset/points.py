"""From results to points of the unit cube, a task a point and an optimizer a coordinate: 0 is good, 1 is bad.

Every run is placed between its task's references first and averaged over seeds afterwards; a run that failed or has no
result counts as 1, which is the task's `f_bad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.numbers import count, listing
from carps_lite.analysis.subset.performance import Performance, complete
from carps_lite.errors import InputError, unknown

Array = npt.NDArray[np.float64]

SCALES = {
    "raw": "regret between the references, cut off at 0 and 1",
    "log": "its logarithm, from a thousandth of the way (0) to the bad reference (1)",
    "rank": "its rank among the tasks, so that every coordinate is spread evenly",
}
DECADES = 3.0  # of regret that `log` spans
SAME = 1e-12


@dataclass(frozen=True)
class Points:
    """Tasks as points of the unit cube. `points`: (T, D); `axes`: the optimizers behind the D coordinates."""

    points: Array
    axes: tuple[str, ...]
    performance: Performance  # of the same tasks, all optimizers
    scale: str
    between: str
    notes: tuple[str, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, a row of `points` each."""
        return self.performance.tasks

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each task."""
        return self.performance.groups


def to_points(
    performance: Performance, optimizers: Sequence[str], scale: str = "rank", between: str = "references"
) -> Points:
    """Make the points of all tasks on which every one of `optimizers` has runs.

    `between`: `references` needs normalised values; `range` takes the best and the worst of these optimizers' means on
    each task, which changes when an optimizer is added; `none` takes values that lie in the unit cube already, as they
    are. Raises InputError on anything else, on fewer than two optimizers and where all points are equal.
    """
    _check(performance, optimizers, scale, between)
    scale = "none" if between == "none" else scale
    performance = complete(performance, optimizers)
    places = [performance.place(name) for name in optimizers]
    regret_OT = _between(performance.values_OTS[places], scale, between)
    points, notes = regret_OT.T, list(performance.notes)
    if scale == "rank":
        points = _ranked(points)
    if len(np.unique(points.round(12), axis=0)) == 1:
        raise InputError(
            f"all {len(points)} tasks of {performance.source} have the same point {_text(points[0])}: nothing can be "
            "chosen; use other optimizers, another budget or another scale"
        )
    points, axes = _without_constants(points, tuple(optimizers), notes)
    _duplicates(points, performance.tasks, notes)
    return Points(points, axes, performance, scale, between, tuple(notes))


def _check(performance: Performance, optimizers: Sequence[str], scale: str, between: str) -> None:
    if scale not in SCALES:
        raise unknown("no scale", scale, SCALES, "carps-lite subset --help")
    if between not in ("references", "range", "none"):
        raise unknown("between: no", between, ("references", "range", "none"), "carps-lite subset --help")
    if len(set(optimizers)) < 2:
        raise InputError(f"a subset needs at least two optimizers as axes, got {listing(list(optimizers)) or 'none'}")
    if between == "references" and not performance.normalised:
        raise InputError(f"{performance.source} has values without references; use between=range, or none for points")


def _between(values_OTS: Array, scale: str, between: str) -> Array:
    """Place every run between 0 and 1 and average over seeds: (O, T)."""
    if between == "none":
        return _seed_mean(_in_cube(values_OTS))
    regret = values_OTS if between == "references" else _of_range(values_OTS)
    regret = np.where(np.isinf(regret), 1.0, regret)
    if scale == "log":
        with np.errstate(divide="ignore"):
            regret = 1 + np.log10(np.maximum(regret, 10.0**-DECADES)) / DECADES
    if scale != "rank":
        regret = np.where(np.isnan(regret), np.nan, np.clip(regret, 0.0, 1.0))
    return _seed_mean(regret)


def _of_range(values_OTS: Array) -> Array:
    """Regret between the least and the largest mean of the optimizers on each task; 0 where they are equal."""
    finite = np.where(np.isinf(values_OTS), np.nan, values_OTS)
    n = (~np.isnan(finite)).sum(axis=2)
    means = np.where(n > 0, np.nansum(finite, axis=2) / np.maximum(n, 1), np.nan)
    low = np.where(np.isnan(means), np.inf, means).min(axis=0)
    high = np.where(np.isnan(means), -np.inf, means).max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return (values_OTS - np.where(np.isfinite(low), low, 0.0)[:, None]) / span[:, None]


def _in_cube(values: Array) -> Array:
    outside = np.isinf(values) | (values < 0) | (values > 1)
    if outside.any():
        raise InputError(
            f"between=none takes values from 0 to 1; {count(int(outside.sum()), 'value')} are outside, such as "
            f"{values[outside][0]:g}; use between=range"
        )
    return values


def _seed_mean(values_OTS: Array) -> Array:
    n = (~np.isnan(values_OTS)).sum(axis=2)
    return np.asarray(np.nansum(values_OTS, axis=2) / np.maximum(n, 1))


def _ranked(points: Array) -> Array:
    """Each coordinate's rank among the tasks as (rank − ½)/T; ties share theirs."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(points.round(12), axis=0) - 0.5) / len(points))


def _without_constants(points: Array, axes: tuple[str, ...], notes: list[str]) -> tuple[Array, tuple[str, ...]]:
    """Leave out coordinates that are the same for all tasks: no subset can change what they add."""
    varies = np.ptp(points, axis=0) > SAME
    for name, value in zip(np.array(axes)[~varies], points[0, ~varies], strict=True):
        notes.append(f"{name} is {value:.3g} on every task and was left out as a coordinate")
    return points[:, varies], tuple(np.array(axes)[varies].tolist())


def _duplicates(points: Array, tasks: Sequence[str], notes: list[str]) -> None:
    _, which, times = np.unique(points.round(12), axis=0, return_inverse=True, return_counts=True)
    shared = int((times[which.ravel()] > 1).sum())
    if shared:
        first = int(np.flatnonzero(times[which.ravel()] > 1)[0])
        same = [t for t, w in zip(tasks, which.ravel(), strict=True) if w == which.ravel()[first]]
        notes.append(f"{count(shared, 'task')} share their point with another, such as {listing(same)}")


def _text(point: npt.NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in point) + ")"
