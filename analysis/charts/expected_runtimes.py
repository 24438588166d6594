"""Expected runtimes (ERT) to targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, SMALL, Looks, frame
from carps_lite.analysis.charts.legend import height, key
from carps_lite.analysis.charts.scales import log_axis, widened
from carps_lite.analysis.charts.sheet import finite, fitting, name_x, nothing, sheet, text_width
from carps_lite.analysis.numbers import count
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, LINE, MUTE

MOST = 60  # rows
STRIP = 0.5  # inches for what was never reached


def expected_runtimes(
    ert_OR: Array, rows: Sequence[str], names: Sequence[str], looks: Looks, *, xlabel: str, width: float | None = None
) -> Axes:
    """Draw a row for each task or target, and on it the expected runtime of each optimizer, on a log axis.

    `ert_OR`: (O, R), positive, in the unit that `xlabel` names; infinite where no run reached the target (drawn in the
    strip at the right), nan where there is no run (not drawn). Further left is faster; ten times is one power of ten.
    Of more than 60 rows the first 60 are drawn, and a line says so.
    """
    shown, n = fitting(rows[:MOST], 34), min(len(rows), MOST)
    tall = 0.17 + 0.022 * max(0, len(names) - 4)
    left = text_width(shown, SMALL) + 0.12
    width = width or max(COLUMN, left + STRIP + 2.0)
    head = 0.2 + height(names, width)
    axes = sheet(width, 0.5 + tall * max(n, 1) + head, left, STRIP + 0.08, 0.44, head)
    values = finite(ert_OR[:, :n])
    values = values[values > 0]
    if not len(values) and not np.isinf(ert_OR[:, :n]).any():
        return nothing(axes, "no runtimes")
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 10.0)
    frame(axes, "", "", rules="x")
    name_x(axes, xlabel)
    axes.set(xlim=widened(low, high, True), ylim=(n - 0.5, -0.5))
    log_axis(axes, "x", 6)
    axes.set_yticks(range(n), shown, fontsize=SMALL, color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for r in range(n):
        axes.axhline(r, color=LINE, lw=0.5, zorder=0)
        _row(axes, r, ert_OR[:, r], names, looks, STRIP / (width - left - STRIP - 0.08))
    axes.annotate("never", (1, 1), xytext=(STRIP * 36, 4), xycoords="axes fraction", textcoords="offset points",
                  ha="center", fontsize=SMALL, color=MUTE)  # fmt: skip
    if len(rows) > MOST:
        axes.annotate(f"and {count(len(rows) - MOST, 'more row')}", (1, 0), xytext=(0, -26), xycoords="axes fraction",
                      textcoords="offset points", ha="right", fontsize=SMALL, color=MUTE)  # fmt: skip
    key(axes, names, looks)
    return axes


def _row(axes: Axes, r: int, ert_O: Array, names: Sequence[str], looks: Looks, strip: float) -> None:
    """Dots of one row; optimizers that never arrived stand beside each other in the strip."""
    never = [o for o in range(len(names)) if np.isposinf(ert_O[o])]
    n = len(names)
    for o, name in enumerate(names):
        look = looks[name]
        y = r + (0.5 * (o - (n - 1) / 2) / n if n > 1 else 0.0)
        if np.isfinite(ert_O[o]):
            axes.plot(ert_O[o], y, look.marker, color=look.colour, ms=4, mew=0, zorder=3)
        elif o in never:
            x = 1 + strip * (never.index(o) + 1) / (len(never) + 1)
            axes.plot(x, r, look.marker, color=look.colour, ms=4, mew=0, clip_on=False,
                      transform=axes.get_yaxis_transform(), gid="never")  # fmt: skip
