"""Pareto fronts of one task and attainment surfaces: points as they are minimised, axes as the objectives are shown.

Axes: N points of a front, M objectives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, Looks, frame
from carps_lite.analysis.charts.legend import height, key
from carps_lite.analysis.charts.naming import axis_name, y_axis_name
from carps_lite.analysis.charts.scales import linear_axis, log_axis, widened
from carps_lite.analysis.charts.sheet import nothing
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE
from carps_lite.shown import Shown

MOST = 6  # projections
Two = tuple[Shown, Shown]


def pareto_fronts(
    fronts: Mapping[str, Array],
    objectives: Sequence[str | Shown],
    reference: Array | None,
    looks: Looks,
    *,
    width: float | None = None,
) -> list[Axes]:
    """Draw the front of each optimizer: for two objectives as a staircase, for more as points of pairwise projections.

    `fronts`: optimizer -> (N, M), minimised, may be empty; `objectives`: M names with their units, or how they are
    shown; `reference`: (M,), minimised, marked by a cross, points beyond which count for nothing, or None. Lower left
    is better, but an axis on which larger is better runs the other way; a front dominates what lies on its worse side.
    Of more than four objectives the first six projections are drawn.
    """
    names, m = list(fronts), len(objectives)
    made = _panels(names, list(combinations(range(m), 2))[:MOST], objectives, width)
    for axes, (i, j) in made:
        own = {name: _clean(front)[:, [i, j]] for name, front in fronts.items()}
        if not any(len(front) for front in own.values()):
            nothing(axes, "no feasible points")
            continue
        two = _two(objectives, i, j)
        corner = None if reference is None else np.asarray(reference, dtype=float)[[i, j]]
        _limits(axes, [*own.values()], corner, two)
        for name, front in own.items():
            if m == 2 and len(front):
                staircase(axes, front, looks[name].colour, looks[name].dash, shown=two)
            drawn = [shown.of(values) for shown, values in zip(two, front.T, strict=True)]
            axes.plot(*drawn, looks[name].marker, color=looks[name].colour, ms=4, mew=0, alpha=0.85, ls="none")
        _cross(axes, corner, two)
    if made:
        key(made[0][0], names, looks, lines=m == 2)
    return [axes for axes, _ in made]


def attainment(
    surfaces: Mapping[str, tuple[Array, Array, Array]],
    objectives: Sequence[str | Shown],
    reference: Array | None,
    looks: Looks,
    *,
    width: float = COLUMN,
) -> Axes:
    """Draw what a quarter, half and three quarters of the runs attain in two objectives (Fonseca and Fleming 1996).

    `surfaces`: optimizer -> three staircases (N, 2), minimised, of the attainment levels 25, 50 and 75 %;
    `objectives`: two names, or how they are shown; `reference`: (2,), minimised, or None. The line is the median; the
    band lies between the quartiles: on its better side nobody but the best quarter of runs has a point.
    """
    names = list(surfaces)
    axes = _panels(names, [(0, 1)], objectives, width)[0][0]
    cleaned = {name: [_clean(level) for level in three] for name, three in surfaces.items()}
    everything = [level for three in cleaned.values() for level in three]
    if not any(len(level) for level in everything):
        return nothing(axes, "no feasible points")
    two = _two(objectives, 0, 1)
    corner = None if reference is None else np.asarray(reference, dtype=float)
    _limits(axes, everything, corner, two)
    for name, (first, median, third) in cleaned.items():
        if len(first) and len(third):
            _between(axes, first, third, looks[name].colour, two)
        if len(median):
            staircase(axes, median, looks[name].colour, looks[name].dash, 1.4, two)
            middle = [shown.of(x) for shown, x in zip(two, median[len(median) // 2], strict=True)]
            axes.plot(*middle, looks[name].marker, color=looks[name].colour, ms=4.5, mew=0)
    _cross(axes, corner, two)
    key(axes, names, looks, lines=True)
    return axes


def staircase(
    axes: Axes, front: Array, colour: str, dash: object, width: float = 1.1, shown: Two | None = None
) -> None:
    """Draw the border of what a front dominates, up to the limits of the axes."""
    x, y = _placed(axes, *_corners(front), shown or (Shown(""), Shown("")))
    axes.plot(x, y, color=colour, lw=width, ls=dash, solid_joinstyle="miter", drawstyle="steps-post")


def _corners(front: Array) -> tuple[Array, Array]:
    """Points of the border of the dominated region, minimised, as a step function of the first objective.

    It begins and ends in infinity, which is wherever the axes end.
    """
    ordered = front[np.lexsort((front[:, 1], front[:, 0]))]
    low = np.minimum.accumulate(ordered[:, 1])
    return np.r_[ordered[0, 0], ordered[:, 0], np.inf], np.r_[np.inf, low, low[-1]]


def _placed(axes: Axes, x: Array, y: Array, two: Two) -> tuple[Array, Array]:
    """Where points of a border are drawn: infinity at the worse end of its axis."""
    placed = []
    for values, shown, limits in zip((x, y), two, (axes.get_xlim(), axes.get_ylim()), strict=True):
        placed.append(np.where(np.isfinite(values), shown.of(values), limits[0 if shown.larger else 1]))
    return placed[0], placed[1]


def _between(axes: Axes, first: Array, third: Array, colour: str, two: Two) -> None:
    (x1, y1), (x3, y3) = (_corners(f) for f in (first, third))
    x = np.unique(np.r_[x1, x3])

    def at(xs: Array, ys: Array) -> Array:
        index = np.searchsorted(xs, x, side="right") - 1
        return np.where(index >= 0, ys[np.maximum(index, 0)], np.inf)

    (across, inner), (_, outer) = (_placed(axes, x, at(*own), two) for own in ((x1, y1), (x3, y3)))
    axes.fill_between(across, inner, outer, step="post", color=colour, alpha=0.16, lw=0)


def _clean(front: Array) -> Array:
    front = np.atleast_2d(np.asarray(front, dtype=float))
    return front[np.isfinite(front).all(axis=1)] if front.size else front.reshape(0, max(2, front.shape[-1]))


def _two(objectives: Sequence[str | Shown], i: int, j: int) -> Two:
    """How two of the objectives are shown: those that are only named, as they are minimised."""
    first, second = (Shown(own) if isinstance(own, str) else own for own in (objectives[i], objectives[j]))
    return first, second


def _label(objective: str | Shown) -> str:
    return objective if isinstance(objective, str) else objective.directed


def _cross(axes: Axes, corner: Array | None, two: Two) -> None:
    """Mark the reference point, where there is one, its name towards the better side."""
    if corner is None or not np.isfinite(corner).all():
        return
    x, y = (float(shown.of(value)) for shown, value in zip(two, corner, strict=True))
    axes.plot(x, y, "x", color=INK, ms=5, mew=1.1, zorder=5)
    right, up = two[0].larger, two[1].larger
    axes.annotate(
        "reference", (x, y), xytext=(5 if right else -5, 3 if up else -3), textcoords="offset points",
        ha="left" if right else "right", va="bottom" if up else "top", fontsize=SMALL, color=MUTE,
    )  # fmt: skip


def _limits(axes: Axes, fronts: Sequence[Array], corner: Array | None, two: Two) -> None:
    points = np.concatenate([f for f in fronts if len(f)] + ([] if corner is None else [corner[None]]))
    points = points[np.isfinite(points).all(axis=1)]
    for which, shown, values in zip("xy", two, points.T, strict=True):
        drawn = shown.of(values)
        axes.set(**{f"{which}lim": widened(float(drawn.min()), float(drawn.max()), shown.log, 0.06)})
        (log_axis if shown.log else linear_axis)(axes, which, 4)


def _panels(
    names: Sequence[str], pairs: Sequence[tuple[int, int]], objectives: Sequence[str | Shown], width: float | None
) -> list[tuple[Axes, tuple[int, int]]]:
    n = len(pairs)
    columns = min(3, max(1, n))
    lines = -(-n // columns)
    width = width or (COLUMN if columns == 1 else PAGE)
    head, side = height(names, width) + 0.08, 0.66
    inner = (width - side * columns - 0.1) / columns
    tall = inner * (0.78 if columns == 1 else 0.95)
    total = head + (tall + 0.46) * lines
    figure = Figure(figsize=(width, total))
    made = []
    for k, (i, j) in enumerate(pairs):
        bottom = total - head - (k // columns + 1) * (tall + 0.46) + 0.42
        left = side + k % columns * (inner + side)
        axes = figure.add_axes((left / width, bottom / total, inner / width, tall / total))
        frame(axes, axis_name(_label(objectives[i]), inner), y_axis_name(_label(objectives[j]), tall))
        axes.spines["left"].set_visible(True)
        made.append((axes, (i, j)))
    return made
