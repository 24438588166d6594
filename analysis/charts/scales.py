"""Axes that are logarithmic only where that shows more."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from carps_lite.analysis.charts.sheet import power


def log_axis(axes: Axes, which: str, ticks: int = 6) -> None:
    """Make the `x` or `y` axis logarithmic with readable ticks; to be called after its limits are set."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    subs = (1.0, 2.0, 5.0) if high < 50 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=ticks))
    axis.set_major_formatter(FuncFormatter(power))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def linear_axis(axes: Axes, which: str, ticks: int = 6, integer: bool = False) -> None:
    """Give a linear axis at most so many round ticks."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=ticks, integer=integer, steps=[1, 2, 2.5, 5, 10]))


def widened(low: float, high: float, log: bool, by: float = 0.04) -> tuple[float, float]:
    """Limits a little beyond the data; equal ones are moved apart."""
    if log:
        ratio = high / low if high > low else 4.0
        return low / ratio**by, high * ratio**by
    span = high - low if high > low else max(abs(high), 1.0)
    return low - by * span, high + by * span
