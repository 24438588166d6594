"""How much each hyperparameter matters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, frame
from carps_lite.analysis.charts.scales import linear_axis
from carps_lite.analysis.charts.shades import HEAT
from carps_lite.analysis.charts.sheet import finite, fitting, name_x, nothing, sheet, text_width
from carps_lite.analysis.numbers import count, fixed
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

MOST, ROW = 20, 0.2


def importance(
    values_D: Array,
    bounds_D2: Array | None,
    parameters: Sequence[str],
    *,
    xlabel: str = "share of variance explained",
    width: float = COLUMN,
) -> Axes:
    """Draw a bar for each hyperparameter, the most important on top, with its interval as a line.

    `values_D`: (D,), by fANOVA a share in [0, 1], by permutation an increase of the error; `bounds_D2`: (D, 2) or None;
    nan: it says so. Of more than 20 parameters the 20 most important are drawn, and a line says so.
    """
    order = [int(d) for d in np.argsort(-np.nan_to_num(values_D, nan=-np.inf), kind="stable")][:MOST]
    shown = fitting(parameters, 24)
    left = text_width([shown[d] for d in order]) + 0.12
    height = 0.48 + ROW * max(1, len(order))
    axes = sheet(max(width, left + 1.6), height, left, 0.42, 0.42, 0.06)
    bounds = np.empty((0, 2)) if bounds_D2 is None else bounds_D2
    drawn = finite(np.concatenate([values_D, bounds.ravel()]))
    if not len(drawn):
        return nothing(axes, "no importance could be estimated")
    frame(axes, "", "", rules="x")
    name_x(axes, xlabel)
    axes.set(xlim=(min(0.0, float(drawn.min())), max(float(drawn.max()), 1e-12) * 1.03), ylim=(len(order) - 0.5, -0.5))
    linear_axis(axes, "x", 5)
    axes.set_yticks(range(len(order)), [shown[d] for d in order], fontsize=TEXT, color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for y, d in enumerate(order):
        x = float(values_D[d])
        axes.annotate(fixed(x) if np.isfinite(x) else "none", (1.02, y), xycoords=("axes fraction", "data"),
                      fontsize=SMALL, color=INK if np.isfinite(x) else MUTE, va="center")  # fmt: skip
        if np.isfinite(x):
            axes.add_patch(Rectangle((min(0, x), y - 0.32), abs(x), 0.64, color=HEAT, alpha=0.75, lw=0))
        if bounds_D2 is not None and np.isfinite(bounds_D2[d]).all():
            axes.plot(bounds_D2[d], [y, y], color=INK, lw=1, solid_capstyle="butt")
    if len(parameters) > MOST:
        axes.annotate(f"and {count(len(parameters) - MOST, 'less important one')}", (1, 0), xytext=(0, -26),
                      xycoords="axes fraction", textcoords="offset points", ha="right", fontsize=SMALL,
                      color=MUTE)  # fmt: skip
    return axes
