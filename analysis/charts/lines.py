"""Step lines with bands, labelled at their ends: what anytime curves and distributions share.

Axes: O optimizers, X points along the horizontal axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, TEXT, Looks, band, carried, curve, frame
from carps_lite.analysis.charts.scales import linear_axis, log_axis, widened
from carps_lite.analysis.charts.sheet import finite, fitting, inches, name_x, nothing, sheet, text_width
from carps_lite.analysis.placement import spread
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

LEADER = 0.2  # inches between a line's end and its name


def step_lines(
    x: Array,
    y_OX: Array,
    bands_OX2: Array | None,
    names: Sequence[str],
    looks: Looks,
    *,
    labels: tuple[str, str],
    width: float = COLUMN,
    log_x: bool = False,
    log_y: bool = False,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw a step line an optimizer. `labels`: of the two axes; `limits`: of the vertical one, else from the data.

    Points that a logarithmic axis cannot show are left out.
    """
    shown_x = np.isfinite(x) & ((x > 0) | (not log_x))
    x, y_OX = x[shown_x], y_OX[:, shown_x]
    bands_OX2 = np.full((*y_OX.shape, 2), np.nan) if bands_OX2 is None else bands_OX2[:, shown_x]
    if log_y:
        y_OX, bands_OX2 = (np.where(a > 0, a, np.nan) for a in (y_OX, bands_OX2))
    shown = fitting(names, 14 if width < 5 else 24)
    axes = _sheet(shown, width)
    if not len(x) or not len(finite(y_OX)):
        return nothing(axes, "no values to draw")
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")
    for name, y, own in zip(names, y_OX, bands_OX2, strict=True):
        band(axes, x, own[:, 0], own[:, 1], looks[name])
        curve(axes, x, y, looks[name])
    _limits(axes, x, y_OX, bands_OX2, limits)
    frame(axes, *labels)
    name_x(axes, labels[0])
    end_labels(axes, float(carried(x, axes)[-1]), y_OX[:, -1], names, shown, looks)
    return axes


def end_labels(axes: Axes, x: float, ends_O: Array, names: Sequence[str], shown: Sequence[str], looks: Looks) -> None:
    """Write each name beside its line's end, moved apart where lines meet; limits and scales must be set before."""
    wide, tall = inches(axes)
    there = np.isfinite(ends_O)
    to_fraction = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_fraction.transform((x, y))[1]) if ok else 0.0 for y, ok in zip(ends_O, there, strict=True)]
    wanted = [min(1.0, max(0.0, y)) for y in wanted]
    gap = TEXT * 1.2 / 72 / tall
    for name, text, y, ok, place in zip(names, shown, ends_O, there, spread(wanted, gap, 0, 1), strict=True):
        look = looks[name]
        if ok:
            axes.plot(x, y, look.marker, color=look.colour, ms=4, mew=0, clip_on=False, zorder=5)
        leader: Any = {"arrowstyle": "-", "color": look.colour, "lw": 0.7, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            text if ok else f"{text}: none", (x, y if ok else 0), xytext=(1 + LEADER / wide, place),
            xycoords="data" if ok else "axes fraction", textcoords="axes fraction", va="center", fontsize=TEXT,
            color=INK if ok else MUTE, annotation_clip=False, arrowprops={**leader, "relpos": (0, 0.5)} if ok else None,
        )  # fmt: skip


def _sheet(shown: Sequence[str], width: float) -> Axes:
    height = max(2.3 if width < 5 else 2.7, 0.5 + TEXT * 1.25 / 72 * len(shown))
    right = LEADER + 0.1 + text_width([f"{name}: none" if len(name) < 8 else name for name in shown])
    return sheet(width, height, 0.6, right, 0.4, 0.1)


def _limits(axes: Axes, x: Array, y_OX: Array, bands_OX2: Array, limits: tuple[float, float] | None) -> None:
    log_x, log_y = axes.get_xscale() == "log", axes.get_yscale() == "log"
    alone = len(x) == 1
    axes.set_xlim(float(x[0]) * (0.9 if log_x and alone else 1) - 0.5 * (alone and not log_x), carried(x, axes)[-1])
    values = finite(np.concatenate([y_OX.ravel(), bands_OX2.ravel()]))
    axes.set_ylim(*(limits or widened(float(values.min()), float(values.max()), log_y)))
    for which, log in (("x", log_x), ("y", log_y)):
        (log_axis if log else linear_axis)(axes, which, 5 if which == "x" else 6)
