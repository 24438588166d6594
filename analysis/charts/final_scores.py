"""The final scores of all runs on one task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, Looks
from carps_lite.analysis.charts.rows import panels_of_rows
from carps_lite.analysis.charts.scales import linear_axis, log_axis, widened
from carps_lite.analysis.charts.sheet import finite, name_x, nothing
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE, Look

MANY = 40  # seeds beyond which points are drawn paler and smaller


def final_scores(
    scores: Sequence[Array],
    quartiles_O3: Array,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str,
    log: bool = False,
    lost_O: Sequence[int] | None = None,
    width: float = COLUMN,
) -> Axes:
    """Draw every run of each optimizer as a point, over a box from the first to the third quartile with its median.

    `scores`: for each optimizer its runs' values (S,), in the unit that `xlabel` names; what is not finite is counted
    as lost unless `lost_O` counts it; `quartiles_O3`: (O, 3), first quartile, median, third; nan for none. The reader
    sees the spread over seeds, outliers, and how many runs have no value.
    """
    axes = panels_of_rows(names, [""], width=width)[0]
    everything = finite(np.concatenate([np.asarray(own, dtype=float) for own in scores] or [np.empty(0)]))
    if not len(everything):
        return nothing(axes, "no run has a result")
    log = log and bool(everything.min() > 0)
    axes.set_xlim(widened(float(everything.min()), float(everything.max()), log, 0.06))
    for o, (name, own) in enumerate(zip(names, scores, strict=True)):
        lost = int((~np.isfinite(own)).sum()) if lost_O is None else int(lost_O[o])
        _row(axes, o, np.sort(finite(np.asarray(own, dtype=float))), quartiles_O3[o], looks[name], lost)
    (log_axis if log else linear_axis)(axes, "x", 5)
    name_x(axes, xlabel)
    return axes


def _row(axes: Axes, o: int, values: Array, quartiles: Array, look: Look, lost: int) -> None:
    if np.isfinite(quartiles).all():
        first, median, third = map(float, quartiles)
        axes.add_patch(Rectangle((first, o - 0.34), third - first, 0.68, color=look.colour, alpha=0.22, lw=0))
        axes.plot([median, median], [o - 0.34, o + 0.34], color=look.colour, lw=2, solid_capstyle="butt")
    many = len(values) > MANY
    jitter = 0.22 * np.resize([0.0, 1.0, -1.0, 0.5, -0.5], len(values)) * (len(values) > 1)  # neighbours lie apart
    size, alpha = (2.2, 0.45) if many else (3.6, 0.8)
    axes.plot(values, o + jitter, look.marker, color=look.colour, ms=size, mew=0, alpha=alpha, ls="none")
    if lost:
        axes.annotate(
            f"{lost} lost", (1, o), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=SMALL,
            color=MUTE,
        )  # fmt: skip
