"""What all figures share: sizes, axes, steps and bands. No global state of matplotlib is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import LINE, MUTE, Look

COLUMN, PAGE = 3.4, 6.9  # inches: a paper's column, and its page
SMALL, TEXT = 7.0, 8.0  # points
Looks = Mapping[str, Look]


def curve(axes: Axes, x: Array, y: Array, look: Look, width: float = 1.5, marks: int = 4) -> None:
    """Draw steps with a few markers: a value holds until the next one. What is not finite is left out."""
    y = np.where(np.isfinite(y), y, np.nan)
    every = max(1, len(x) // marks)
    at = np.arange(every // 2, len(x), every)
    axes.plot(x[at], y[at], look.marker, color=look.colour, ms=width * 2.6, mew=0)
    x, y = carried(x, axes), np.append(y, y[-1])
    kept = changes(y)
    style: Any = {"color": look.colour, "linestyle": look.dash, "linewidth": width}
    axes.plot(x[kept], y[kept], drawstyle="steps-post", solid_joinstyle="miter", **style)


def band(axes: Axes, x: Array, low: Array, high: Array, look: Look) -> None:
    """Shade between two step functions, where both are finite."""
    shown = np.isfinite(low) & np.isfinite(high)
    if not shown.any():
        return
    x, low, high = carried(x[shown], axes), *(np.append(y[shown], y[shown][-1]) for y in (low, high))
    kept = changes(low) | changes(high)
    axes.fill_between(x[kept], low[kept], high[kept], step="post", color=look.colour, alpha=0.14, lw=0)


def carried(x: Array, axes: Axes) -> Array:
    """Add a point a little past the budget, up to which the last value is drawn, so that its step can be seen."""
    first, last = float(x[0]), float(x[-1])
    if axes.get_xscale() == "log":
        return np.append(x, last * (last / first) ** 0.025 if last > first else last * 1.1)
    return np.append(x, last + 0.025 * (last - first) if last > first else last + 0.5)


def changes(y: Array) -> npt.NDArray[np.bool_]:
    """Where steps begin, and the two ends: all that a drawing of steps needs."""
    kept = np.ones(len(y), dtype=bool)
    kept[1:-1] = (y[1:-1] != y[:-2]) & ~(np.isnan(y[1:-1]) & np.isnan(y[:-2]))
    return kept


def frame(axes: Axes, xlabel: str, ylabel: str, rules: str = "y", size: float = SMALL) -> None:
    """Label the axes; thin rules, and no box around."""
    axes.set_xlabel(xlabel, fontsize=TEXT, color=MUTE)
    axes.set_ylabel(ylabel, fontsize=size if size < SMALL else TEXT, color=MUTE)
    axes.tick_params(labelsize=size, labelcolor=MUTE, color=LINE, length=2, which="both")
    (axes.yaxis if rules == "y" else axes.xaxis).grid(visible=True, color=LINE, lw=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)


def budget_axis(axes: Axes, budgets: Array, log: bool, few: bool = False) -> None:
    """Set up the axis of budgets; to be called before anything is drawn."""
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        nbins, whole = 4 if few else 7, bool(budgets[-1] > 3)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=nbins, integer=whole, steps=[1, 2, 5, 10]))
    alone = len(budgets) == 1
    axes.set_xlim(float(budgets[0]) * (0.9 if log and alone else 1) - 0.5 * alone, float(carried(budgets, axes)[-1]))


def short(name: str, limit: int = 12) -> str:
    """Cut a name that is too long for its place."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"
