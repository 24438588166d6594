"""Pareto fronts of one task and attainment surfaces; both objectives are minimised.

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
from carps_lite.analysis.charts.scales import linear_axis, widened
from carps_lite.analysis.charts.sheet import nothing
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

MOST = 6  # projections


def pareto_fronts(
    fronts: Mapping[str, Array],
    objectives: Sequence[str],
    reference: Array | None,
    looks: Looks,
    *,
    width: float | None = None,
) -> list[Axes]:
    """Draw the front of each optimizer: for two objectives as a staircase, for more as points of pairwise projections.

    `fronts`: optimizer -> (N, M), minimised, may be empty; `objectives`: M names with their units; `reference`: (M,),
    marked by a cross, points beyond which count for nothing, or None. Lower left is better; a front dominates what lies
    above and right of it. Of more than four objectives the first six projections are drawn.
    """
    names, m = list(fronts), len(objectives)
    made = _panels(names, list(combinations(range(m), 2))[:MOST], objectives, width)
    for axes, (i, j) in made:
        shown = {name: _clean(front)[:, [i, j]] for name, front in fronts.items()}
        if not any(len(front) for front in shown.values()):
            nothing(axes, "no feasible points")
            continue
        corner = None if reference is None else (float(reference[i]), float(reference[j]))
        _limits(axes, [*shown.values()], corner)
        for name, front in shown.items():
            if m == 2 and len(front):
                staircase(axes, front, looks[name].colour, looks[name].dash)
            axes.plot(*front.T, looks[name].marker, color=looks[name].colour, ms=4, mew=0, alpha=0.85, ls="none")
        if corner is not None and np.isfinite(corner).all():
            axes.plot(*corner, "x", color=INK, ms=5, mew=1.1, zorder=5)
            axes.annotate("reference", corner, xytext=(-5, -3), textcoords="offset points", ha="right", va="top",
                          fontsize=SMALL, color=MUTE)  # fmt: skip
    if made:
        key(made[0][0], names, looks, lines=m == 2)
    return [axes for axes, _ in made]


def attainment(
    surfaces: Mapping[str, tuple[Array, Array, Array]],
    objectives: Sequence[str],
    reference: Array | None,
    looks: Looks,
    *,
    width: float = COLUMN,
) -> Axes:
    """Draw what a quarter, half and three quarters of the runs attain in two objectives (Fonseca and Fleming 1996).

    `surfaces`: optimizer -> three staircases (N, 2), minimised, of the attainment levels 25, 50 and 75 %; `reference`:
    (2,) or None. The line is the median; the band lies between the quartiles: left below it nobody but the best quarter
    of runs has a point.
    """
    names = list(surfaces)
    axes = _panels(names, [(0, 1)], objectives, width)[0][0]
    cleaned = {name: [_clean(level) for level in three] for name, three in surfaces.items()}
    everything = [level for three in cleaned.values() for level in three]
    if not any(len(level) for level in everything):
        return nothing(axes, "no feasible points")
    corner = None if reference is None else (float(reference[0]), float(reference[1]))
    _limits(axes, everything, corner)
    for name, (first, median, third) in cleaned.items():
        if len(first) and len(third):
            _between(axes, first, third, looks[name].colour)
        if len(median):
            staircase(axes, median, looks[name].colour, looks[name].dash, 1.4)
            axes.plot(*median[len(median) // 2], looks[name].marker, color=looks[name].colour, ms=4.5, mew=0)
    key(axes, names, looks, lines=True)
    return axes


def staircase(axes: Axes, front: Array, colour: str, dash: object, width: float = 1.1) -> None:
    """Draw the border of what a front dominates, up to the limits of the axes."""
    x, y = _corners(axes, front)
    axes.plot(x, y, color=colour, lw=width, ls=dash, solid_joinstyle="miter", drawstyle="steps-post")


def _corners(axes: Axes, front: Array) -> tuple[Array, Array]:
    """Points of the border of the dominated region as a step function of the first objective, top left to right."""
    ordered = front[np.lexsort((front[:, 1], front[:, 0]))]
    low = np.minimum.accumulate(ordered[:, 1])
    return np.r_[ordered[0, 0], ordered[:, 0], axes.get_xlim()[1]], np.r_[axes.get_ylim()[1], low, low[-1]]


def _between(axes: Axes, first: Array, third: Array, colour: str) -> None:
    top = axes.get_ylim()[1]
    (x1, y1), (x3, y3) = (_corners(axes, f) for f in (first, third))
    x = np.unique(np.r_[x1, x3])

    def at(xs: Array, ys: Array) -> Array:
        index = np.searchsorted(xs, x, side="right") - 1
        return np.where(index >= 0, ys[np.maximum(index, 0)], top)

    axes.fill_between(x, at(x1, y1), at(x3, y3), step="post", color=colour, alpha=0.16, lw=0)


def _clean(front: Array) -> Array:
    front = np.atleast_2d(np.asarray(front, dtype=float))
    return front[np.isfinite(front).all(axis=1)] if front.size else front.reshape(0, max(2, front.shape[-1]))


def _limits(axes: Axes, fronts: Sequence[Array], corner: tuple[float, float] | None) -> None:
    points = np.concatenate([f for f in fronts if len(f)] + ([np.array([corner])] if corner else []))
    points = points[np.isfinite(points).all(axis=1)]
    for d, limit in ((0, axes.set_xlim), (1, axes.set_ylim)):
        limit(widened(float(points[:, d].min()), float(points[:, d].max()), False, 0.06))
    for which in ("x", "y"):
        linear_axis(axes, which, 4)


def _panels(
    names: Sequence[str], pairs: Sequence[tuple[int, int]], objectives: Sequence[str], width: float | None
) -> list[tuple[Axes, tuple[int, int]]]:
    n = len(pairs)
    columns = min(3, max(1, n))
    lines = -(-n // columns)
    width = width or (COLUMN if columns == 1 else PAGE)
    head, side = height(names, width) + 0.08, 0.56
    inner = (width - side * columns - 0.1) / columns
    tall = inner * (0.78 if columns == 1 else 0.95)
    total = head + (tall + 0.46) * lines
    figure = Figure(figsize=(width, total))
    made = []
    for k, (i, j) in enumerate(pairs):
        bottom = total - head - (k // columns + 1) * (tall + 0.46) + 0.42
        left = side + k % columns * (inner + side)
        axes = figure.add_axes((left / width, bottom / total, inner / width, tall / total))
        frame(axes, objectives[i], objectives[j])
        axes.spines["left"].set_visible(True)
        made.append((axes, (i, j)))
    return made
