"""Figures of ranks and pairs: arrays in, axes out; nothing is computed here. Axes: O optimizers, B budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks, band, budget_axis, carried, curve, frame, short
from carps_lite.analysis.numbers import fixed, percent
from carps_lite.analysis.placement import spread
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, LINE, MUTE

LABEL = 20  # letters of a name at a line's end
CENTRED: Any = {"ha": "center", "va": "center"}


def anytime_ranks(
    budgets: Array,
    means_OB: Array,
    bands_OB2: Array,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str,
    log: bool = False,
) -> Axes:
    """Mean rank of each optimizer along the budgets, with its band (nan for none), labelled at the line's end."""
    width, height = COLUMN * 1.25, max(2.7, 0.3 + 0.2 * len(names))
    room = max(0.65, 0.3 + _label_width([short(name, LABEL) for name in names])) / width
    axes = Figure(figsize=(width, height)).add_axes((0.095, 0.4 / height, 0.905 - room, 1 - 0.48 / height))
    budget_axis(axes, budgets, log)
    for name, own in zip(names, bands_OB2, strict=True):
        band(axes, budgets, own[:, 0], own[:, 1], looks[name])
    for name, mean in zip(names, means_OB, strict=True):
        curve(axes, budgets, mean, looks[name])
    frame(axes, xlabel, "mean rank (1 is best)")
    axes.set_ylim(0.9, len(names) + 0.1)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    _end_labels(axes, float(carried(budgets, axes)[-1]), means_OB[:, -1], height, names, looks)
    return axes


def mean_ranks(means: Array, seed_intervals: Array, task_intervals: Array, names: Sequence[str], looks: Looks) -> Axes:
    """Mean ranks, best on top; thick: interval for other seeds on these tasks, thin: for other tasks of this kind."""
    n, height = len(names), 0.55 + 0.24 * len(names)
    left = _label_width(names) / COLUMN
    axes = Figure(figsize=(COLUMN, height)).add_axes((left, 0.36 / height, 0.88 - left, 1 - 0.42 / height))
    order = sorted(range(n), key=lambda o: (means[o], names[o]))
    for y, o in enumerate(order):
        look = looks[names[o]]
        axes.plot(task_intervals[o], [y, y], color=look.colour, lw=1, solid_capstyle="butt")
        axes.plot(seed_intervals[o], [y, y], color=look.colour, lw=4, alpha=0.45, solid_capstyle="butt")
        axes.plot(means[o], y, look.marker, color=look.colour, ms=5.5, mew=0)
        axes.annotate(
            fixed(means[o]), (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=TEXT, color=INK
        )
    frame(axes, "mean rank (1 is best)", "", rules="x")
    axes.set_yticks(range(n), [names[o] for o in order], fontsize=TEXT, color=INK)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(0.9, n + 0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return axes


def pairs(
    superiority_OO: Array,
    verdicts_OO: npt.NDArray[np.int64],
    notes: Sequence[Sequence[str]],
    names: Sequence[str],
    looks: Looks,
) -> Axes:
    """How often a run of the row beats one of the column, and a note; coloured where the verdict is 1 (better)."""
    n = len(names)
    cell, tall = (0.62 if n <= 6 else 0.5), 0.42
    width, height = _label_width(names) + cell * n + 0.1, tall * n + 0.32
    box = (1 - (cell * n + 0.05) / width, 0.02, cell * n / width, tall * n / height)
    axes = Figure(figsize=(width, height)).add_axes(box)
    for i, j in ((i, j) for i in range(n) for j in range(n) if i != j):
        better = verdicts_OO[i, j] == 1
        if better:
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=looks[names[i]].colour, alpha=0.3, lw=0))
        weight, colour = ("bold", INK) if better else ("normal", MUTE)
        axes.text(j, i - 0.13, percent(superiority_OO[i, j]), fontsize=TEXT, color=INK, weight=weight, **CENTRED)
        axes.text(j, i + 0.24, notes[i][j], fontsize=SMALL - 1.5, color=colour, **CENTRED)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axes.set_yticks(range(n), names, fontsize=TEXT, color=INK)
    axes.set_xticks(range(n), [short(name) for name in names], fontsize=SMALL, color=INK)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for i in range(n + 1):
        axes.axhline(i - 0.5, color=LINE, lw=0.6)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _end_labels(axes: Axes, x: float, ends: Array, height: float, names: Sequence[str], looks: Looks) -> None:
    """Write each name at its line's end, moved apart where lines meet, with a thin leader to the line."""
    bottom, top = axes.get_ylim()
    gap = (top - bottom) * (TEXT * 1.2 / 72) / (axes.get_position().height * height)
    places = spread([float(y) for y in ends], gap, bottom, top)
    for name, y, place in zip(names, ends, places, strict=True):
        look = looks[name]
        axes.plot(x, y, look.marker, color=look.colour, ms=4, mew=0, clip_on=False, zorder=5)
        leader = {"arrowstyle": "-", "color": look.colour, "lw": 0.7, "shrinkA": 0, "shrinkB": 3, "relpos": (0, 0.5)}
        axes.annotate(
            short(name, LABEL), (x, y), xytext=(1.06, place), textcoords=("axes fraction", "data"), va="center",
            fontsize=TEXT, color=INK, annotation_clip=False, arrowprops=leader,
        )  # fmt: skip


def _label_width(names: Sequence[str]) -> float:
    """Inches that the names take beside the axes."""
    return min(1.8, 0.15 + 0.062 * max(map(len, names)))
