"""Incumbents on the way, one panel a task: arrays in, axes out. Axes: O optimizers, T tasks, B budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, Looks, band, budget_axis, curve, frame
from carps_lite.analysis.charts.naming import y_axis_name
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE
from carps_lite.analysis.units import Bands

TALL = 1.0  # inches that a panel's height leaves to the name of its values
FLOOR = 1e-8  # regret below it is drawn there: COCO's final target, beyond which differences are rounding


class Panel(NamedTuple):
    """What is known of a task: its title, the name of its values, and one of these, else nan.

    `optimum`: the values are shown as regret, their distance to it; `best`: they are shown as they are, with a line at
    the best value known.
    """

    title: str
    measure: str
    optimum: float = np.nan
    best: float = np.nan


def incumbents(
    budgets: Array,
    curves: Bands,
    tasks: Sequence[Panel],
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str,
    log: bool = False,
) -> list[Axes]:
    """Draw the curves (O, T, B) of each task in a panel, in its own unit; regret on a logarithmic axis.

    The best value known, where there is one, is a dotted line.
    """
    n = len(tasks)
    columns = 3 if n in (3, 5, 6, 9) else min(4, n)
    rows = -(-n // columns)
    figure = Figure(figsize=(PAGE if columns > 2 else COLUMN * columns, 0.62 + 1.3 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for t, (axes, task) in enumerate(zip(panels, tasks, strict=False)):
        budget_axis(axes, budgets, log, few=True)
        _panel(axes, budgets, Bands(*(a[:, t] for a in curves)), task, names, looks)
        axes.set_title(task.title, fontsize=SMALL, color=INK, pad=3)
        repeated = t % columns > 0 and task.measure == tasks[t - 1].measure
        frame(axes, "", "" if repeated else y_axis_name(task.measure, TALL, SMALL - 0.5), size=SMALL - 0.5)
    for spare in panels[n:]:
        spare.set_axis_off()
    figure.supxlabel(xlabel, fontsize=SMALL, color=MUTE)
    _legend(figure, names, looks, per_row=6 if columns > 2 else 2 * columns)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not again for each file
    return panels[:n]


def _panel(axes: Axes, x: Array, curves: Bands, task: Panel, names: Sequence[str], looks: Looks) -> None:
    regret = bool(np.isfinite(task.optimum))
    if regret:
        curves = Bands(*(np.maximum(a - task.optimum, FLOOR) for a in curves))
    finite = curves.median[np.isfinite(curves.median)]
    log = regret or _wide(finite)
    if log:
        axes.set_yscale("log")
    for name, low, high in zip(names, curves.low, curves.high, strict=True):
        band(axes, x, low, high, looks[name])
    for name, median in zip(names, curves.median, strict=True):
        curve(axes, x, median, looks[name], width=1.1, marks=3)
    if log:
        _log_ticks(axes)
    elif len(finite):
        _settle(axes, curves.median)
    if np.isfinite(task.best) and len(finite):
        _mark(axes, task.best)


def _mark(axes: Axes, best: float) -> None:
    """Draw the best value known, where it is within sight or just outside."""
    low, high = axes.get_ylim()
    span = high - low
    if axes.get_yscale() == "linear" and low - 0.5 * span <= best <= high + 0.5 * span:
        low, high = min(low, best - 0.04 * span), max(high, best + 0.04 * span)
    axes.axhline(best, color=MUTE, lw=0.8, ls=(0, (1, 1.6)))
    axes.set_ylim(low, high)


def _log_ticks(axes: Axes) -> None:
    """Powers of ten; where the panel spans less than two of them, plain numbers between them too."""
    low, high = axes.get_ylim()
    axes.yaxis.set_minor_locator(NullLocator())
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}"))
    else:
        axes.yaxis.set_major_locator(LogLocator(numticks=5))


def _wide(values: Array) -> bool:
    """Whether values span so many powers of ten that only a log axis shows them."""
    return bool(len(values) and values.min() > 0 and values.max() / values.min() > 50)


def _settle(axes: Axes, medians: Array) -> None:
    """Leave the first few evaluations, which would flatten all the rest, out of the range shown."""
    skip = max(1, medians.shape[1] // 20) if medians.shape[1] > 4 else 0
    rest = medians[:, skip:][np.isfinite(medians[:, skip:])]
    if len(rest) and rest.max() > rest.min():
        room = 0.08 * (rest.max() - rest.min())
        axes.set_ylim(rest.min() - room, rest.max() + room)


def _legend(figure: Figure, names: Sequence[str], looks: Looks, per_row: int) -> None:
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, ls=look.dash, ms=4, lw=1.2, mew=0)
        for look in (looks[name] for name in names)
    ]
    figure.legend(
        handles, names, loc="outside upper left", ncols=min(len(names), per_row), frameon=False, fontsize=SMALL,
        labelcolor=INK, handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip
