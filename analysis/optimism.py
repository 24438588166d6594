"""What runs promised against what their recommendations were worth: arrays in, axes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, Looks, frame
from carps_lite.analysis.charts import legend
from carps_lite.analysis.charts.sheet import nothing, sheet
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE

FARTHEST = 2.0


def tuning_and_held_out(points_O: Sequence[tuple[Array, Array]], names: Sequence[str], looks: Looks) -> Axes:
    """Draw every run as a point, (tuning, held-out) normalised regret; on the line both are the same.

    `points_O`: for each optimizer the two values of its runs, (N,) each and finite; what is beyond 2 is drawn there.
    """
    head = legend.height(names, COLUMN)
    axes = sheet(COLUMN, COLUMN * 0.9 + head, 0.5, 0.12, 0.42, head + 0.06)
    everything = np.concatenate([np.concatenate(both) for both in points_O] or [np.empty(0)])
    if not len(everything):
        return nothing(axes, "no run was evaluated again")
    everything = np.minimum(everything, FARTHEST)
    room = 0.05 * max(float(np.ptp(everything)), 1e-9)
    ends = (float(everything.min()) - room, float(everything.max()) + room)
    frame(axes, "regret by the tuning value", "regret by the held-out value")
    axes.plot(ends, ends, color=MUTE, lw=0.8)
    for (x, y), name in zip(points_O, names, strict=True):
        look = looks[name]
        at = np.minimum(x, FARTHEST), np.minimum(y, FARTHEST)
        axes.plot(*at, look.marker, color=look.colour, ms=3.6, mew=0, alpha=0.7, ls="none")
    axes.set(xlim=ends, ylim=ends)
    legend.key(axes, names, looks)
    return axes
