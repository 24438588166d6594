"""How many tasks are enough: measures of chosen subsets against their size, beside random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, frame
from carps_lite.analysis.charts.scales import linear_axis, widened
from carps_lite.analysis.charts.shades import ACCENT, WARN
from carps_lite.analysis.charts.sheet import finite, nothing, title
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

CHOSEN, STRATIFIED = ACCENT, WARN


class Measure(NamedTuple):
    """One measure over K sizes: of the chosen subsets, of random ones and of stratified ones."""

    title: str
    chosen: Array  # (K,)
    random: Array  # (K, 3): 5 %, median, 95 %; or (K,), a mean
    stratified: Array | None = None  # the same
    bounds: Array | None = None  # (K, 2), an interval of the chosen ones
    limits: tuple[float, float] | None = None
    note: str = ""


def which_k(
    sizes_K: Array, measures: Sequence[Measure], *, recommended: int | None = None, width: float | None = None
) -> list[Axes]:
    """Draw a panel for each measure, such as discrepancy, Kendall's τ and agreement on the best, against the size.

    `sizes_K`: (K,), increasing; see `Measure` for shapes. Line with dots and bars: the chosen subsets and their
    interval; grey line and band: median and 5 to 95 % of random subsets; dotted: stratified ones. The vertical line
    marks the recommended size. A subset is worth its search where it stands outside the band.
    """
    made = _panels(max(1, len(measures)), width)
    if not measures or not len(sizes_K):
        return [nothing(axes, "no sizes") for axes in made]
    for axes, own in zip(made, measures, strict=True):
        _panel(axes, np.asarray(sizes_K, dtype=float), own)
        if recommended is not None:
            axes.axvline(recommended, color=INK, lw=0.9, ls=(0, (3, 2)), zorder=0)
    _key(made[0], any(m.stratified is not None for m in measures), recommended)
    return made


def _panel(axes: Axes, sizes: Array, own: Measure) -> None:
    title(axes, own.title, SMALL)
    frame(axes, "tasks in the subset", own.note)
    parts = [own.chosen, own.random, own.stratified, own.bounds]
    values = finite(np.concatenate([np.ravel(a) for a in parts if a is not None]))
    if not len(values):
        nothing(axes, f"{own.title}: not measured")
        return
    axes.set(xlim=widened(float(sizes[0]), float(sizes[-1]), False, 0.05))
    axes.set_ylim(own.limits or widened(float(values.min()), float(values.max()), False, 0.06))
    for values_K, colour, dash in ((own.random, MUTE, "-"), (own.stratified, STRATIFIED, (0, (1.5, 1.2)))):
        if values_K is None:
            continue
        middle = values_K if values_K.ndim == 1 else values_K[:, 1]
        axes.plot(sizes, middle, color=colour, lw=1.1, ls=dash)
        if values_K.ndim == 2 and colour == MUTE:
            axes.fill_between(sizes, values_K[:, 0], values_K[:, 2], color=colour, alpha=0.18, lw=0)
    for k, size in enumerate(sizes if own.bounds is not None else []):
        axes.plot([size, size], own.bounds[k], color=CHOSEN, lw=3, alpha=0.35, solid_capstyle="butt")  # type: ignore[index]
    axes.plot(sizes, own.chosen, "o-", color=CHOSEN, lw=1.5, ms=3.8, mew=0)
    linear_axis(axes, "x", 5, integer=True)
    linear_axis(axes, "y", 5)


def _key(axes: Axes, stratified: bool, recommended: int | None) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=CHOSEN, marker="o", ms=4, mew=0, lw=1.5),
        Patch(facecolor=MUTE, alpha=0.3, lw=0),
    ]
    words = ["chosen", "random, 5 to 95 %"]
    if stratified:
        handles.append(Line2D([], [], color=STRATIFIED, lw=1.1, ls=(0, (1.5, 1.2))))
        words.append("stratified, median")
    if recommended is not None:
        handles.append(Line2D([], [], color=INK, lw=0.9, ls=(0, (3, 2))))
        words.append(f"recommended: {recommended}")
    figure = axes.get_figure(root=True)
    if figure is not None:
        narrow = float(figure.get_size_inches()[0]) < 5
        figure.legend(handles, words, loc="upper left", frameon=False, fontsize=SMALL, labelcolor=INK,
                      ncols=2 if narrow else 4, handlelength=1.6, columnspacing=1.2, borderaxespad=0.2)  # fmt: skip


def _panels(n: int, width: float | None) -> list[Axes]:
    columns = min(3, n)
    lines = -(-n // columns)
    width = width or (COLUMN if columns == 1 else PAGE)
    side, tall, foot, head, top = 0.5, 1.45, 0.46, 0.24, 0.42 if columns == 1 else 0.28
    inner = (width - side * columns - 0.1) / columns
    total = top + (tall + foot + head) * lines
    figure = Figure(figsize=(width, total))
    made = []
    for k in range(n):
        bottom = total - top - (k // columns + 1) * (tall + foot + head) + foot
        left = side + k % columns * (inner + side)
        made.append(figure.add_axes((left / width, bottom / total, inner / width, tall / total)))
    return made
