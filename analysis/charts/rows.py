"""Panels side by side whose rows are the optimizers: estimates with intervals, one row each.

Axes: O optimizers, P panels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, TEXT, Looks, frame
from carps_lite.analysis.charts.sheet import fitting, text_width, title, wrapped
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE, Look

ROW, HEAD, FOOT, GAP = 0.2, 0.26, 0.42, 0.16  # inches


def panels_of_rows(
    names: Sequence[str], titles: Sequence[str], *, per_line: int = 4, width: float | None = None, foot: float = FOOT
) -> list[Axes]:
    """Return one panel a title, at most `per_line` beside each other; rows 0 to O - 1 from the top, named at left."""
    n = max(1, len(titles))
    columns = min(per_line, n)
    lines = -(-n // columns)
    width = width or (COLUMN if columns < 3 else PAGE)
    shown = fitting(names, 16 if width < 5 else 28)
    left = text_width(shown) + 0.12
    inner = (width - left - 0.08 - GAP * (columns - 1)) / columns
    broken = [wrapped(words, inner) for words in titles]
    head = HEAD + 0.12 * (max((words.count("\n") for words in broken), default=0))
    block = head + ROW * max(1, len(names)) + foot
    figure = Figure(figsize=(width, block * lines))
    made = []
    for i in range(n):
        x, y = left + i % columns * (inner + GAP), block * (lines - 1 - i // columns) + foot
        box = (x / width, y / (block * lines), inner / width, ROW * max(1, len(names)) / (block * lines))
        axes = figure.add_axes(box)
        if titles:
            title(axes, broken[i], SMALL)
        _rows(axes, shown if i % columns == 0 else [], len(names))
        made.append(axes)
    return made


def _rows(axes: Axes, shown: Sequence[str], n: int) -> None:
    frame(axes, "", "", rules="x")
    axes.set_yticks(range(n), shown or [""] * n, fontsize=TEXT, color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(max(n, 1) - 0.5, -0.5)


def dot(axes: Axes, y: float, value: float, bounds: Array | None, look: Look, thin: Array | None = None) -> None:
    """Draw one estimate with its interval, and a second one as a thin line; words where there is no value."""
    if not np.isfinite(value):
        axes.text(0.02, y, "no value", transform=axes.get_yaxis_transform(), fontsize=SMALL, color=MUTE, va="center")
        return
    for own, width, alpha in ((thin, 1.0, 1.0), (bounds, 4.0, 0.45)):
        if own is not None and np.isfinite(own).all():
            axes.plot(own, [y, y], color=look.colour, lw=width, alpha=alpha, solid_capstyle="butt")
    axes.plot(value, y, look.marker, color=look.colour, ms=5.2, mew=0, zorder=3)


def dots(axes: Axes, values_O: Array, bounds_O2: Array | None, names: Sequence[str], looks: Looks) -> None:
    """Draw one estimate a row."""
    for o, name in enumerate(names):
        dot(axes, o, float(values_O[o]), None if bounds_O2 is None else bounds_O2[o], looks[name])
