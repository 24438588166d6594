"""Aggregated scores with their intervals: IQM, median, mean, probability of improvement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import SMALL, Looks
from carps_lite.analysis.charts.rows import dots, panels_of_rows
from carps_lite.analysis.charts.scales import linear_axis, log_axis, widened
from carps_lite.analysis.charts.sheet import finite, inches, name_x, nothing
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE


class Aggregate(NamedTuple):
    """One aggregate of all optimizers: `values`: (O,); `bounds`: (O, 2) or None; `note` says what is better."""

    title: str
    values: Array
    bounds: Array | None = None
    note: str = "lower is better"
    log: bool = False
    limits: tuple[float, float] | None = None
    reference: float | None = None  # a thin line, such as 0.5 for a probability


def aggregates(
    all_aggregates: Sequence[Aggregate],
    names: Sequence[str],
    looks: Looks,
    *,
    per_line: int = 4,
    width: float | None = None,
) -> list[Axes]:
    """Draw a panel for each aggregate and a row for each optimizer: the estimate, and its interval as a thick bar.

    The reader sees whether optimizers differ by more than their intervals, and whether the aggregates agree. Not a
    number: the row says so. One or two panels take a column, three or more a page's width.
    """
    made = panels_of_rows(names, [a.title for a in all_aggregates], per_line=per_line, width=width)
    for axes, own in zip(made, all_aggregates, strict=False):
        _panel(axes, own, names, looks)
    if not all_aggregates:
        nothing(made[0])
    return made


def _panel(axes: Axes, own: Aggregate, names: Sequence[str], looks: Looks) -> None:
    bounds = np.empty((0, 2)) if own.bounds is None else own.bounds
    values = finite(np.concatenate([own.values, bounds.ravel()]))
    log = own.log and len(values) > 0 and bool(values.min() > 0)
    if len(values):
        axes.set_xlim(own.limits or widened(float(values.min()), float(values.max()), log, 0.08))
    if own.reference is not None:
        axes.axvline(own.reference, color=MUTE, lw=0.8, ls=(0, (3, 2)))
    dots(axes, own.values, own.bounds, names, looks)
    (log_axis if log else linear_axis)(axes, "x", 3 if inches(axes)[0] < 1.1 else 4)
    name_x(axes, own.note, SMALL)
