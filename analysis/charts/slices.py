"""The score of every configuration against one hyperparameter at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, frame, short
from carps_lite.analysis.charts.naming import y_axis_name
from carps_lite.analysis.charts.parameters import Parameter
from carps_lite.analysis.charts.scales import linear_axis, log_axis, widened
from carps_lite.analysis.charts.shades import HEAT
from carps_lite.analysis.charts.sheet import finite, inches, nothing, title
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK
from carps_lite.shown import Shown

MOST = 12  # panels
TALL = 1.25  # inches of a panel


def slices(
    values_ND: Array,
    scores_N: Array,
    parameters: Sequence[Parameter],
    *,
    ylabel: str,
    shown: Shown | None = None,
    log_y: bool = False,
    width: float | None = None,
) -> list[Axes]:
    """Draw a panel for each hyperparameter: its value along, the score up, a point a configuration; ringed: the best.

    `values_ND`: (N, D), in the parameters' own units, indices of choices, nan where inactive (left out of that panel);
    `scores_N`: (N,), lower is better, not finite for a failed trial (left out); `ylabel`: name and unit of the score;
    `shown`: how it is drawn, where that is not as it is minimised.
    Of more than 12 parameters the first 12 are drawn. The reader sees which values make good configurations possible;
    the cloud also shows where the optimizer looked.
    """
    drawn = list(parameters[:MOST])
    foot = 0.55 if any(_long(p) for p in drawn) else 0.3
    made = _panels(max(1, len(drawn)), width, foot)
    alive = np.isfinite(scores_N)
    best = int(np.argmin(scores_N[alive])) if alive.any() else 0
    scores = scores_N[alive] if shown is None else shown.of(scores_N[alive])
    if not drawn or not len(scores):
        return [nothing(axes, "no configurations with a score") for axes in made]
    log_y = log_y and bool(scores.min() > 0)
    limits = widened(float(scores.min()), float(scores.max()), log_y, 0.06)
    for d, (axes, p) in enumerate(zip(made, drawn, strict=True)):
        x = _scattered(values_ND[alive, d], p)
        there = np.isfinite(x)
        frame(axes, "", y_axis_name(ylabel, TALL) if d == 0 or (len(drawn) > 4 and d % 4 == 0) else "")
        axes.set_ylim(limits)
        if not len(finite(x)):
            nothing(axes, f"{p.name}: never active")
            continue
        _scale(axes, p)
        axes.plot(x[there], scores[there], "o", color=HEAT, ms=2.8, mew=0, alpha=0.55)
        if there[best]:
            axes.plot(x[best], scores[best], "o", mfc="none", mec=INK, ms=6.5, mew=1.1)
        (log_axis if log_y else linear_axis)(axes, "y", 5)
        if axes.get_ylabel() == "":
            axes.tick_params(labelleft=False)
        title(axes, short(p.name, int(inches(axes)[0] / 0.062)), SMALL)
    return made


def _scattered(x: Array, p: Parameter) -> Array:
    """Move the points of a choice a little apart, always in the same way."""
    if not p.choices:
        return x
    return np.asarray(x + np.random.default_rng(0).uniform(-0.26, 0.26, len(x)))


def _long(p: Parameter) -> bool:
    return max(map(len, p.choices), default=0) * len(p.choices) > 16


def _scale(axes: Axes, p: Parameter) -> None:
    if p.choices:
        n = len(p.choices)
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_xticks(range(n), [short(c, 10) for c in p.choices], fontsize=SMALL - 0.5)
        if _long(p):
            axes.tick_params(axis="x", rotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        return
    axes.set_xlim(widened(p.low, p.high, p.log, 0.04))
    (log_axis if p.log else linear_axis)(axes, "x", 3)


def _panels(n: int, width: float | None, foot: float) -> list[Axes]:
    columns = min(4, n)
    lines = -(-n // columns)
    width = width or (COLUMN if columns < 3 else PAGE)
    side, gap, tall, head = 0.55, 0.24, TALL, 0.24
    inner = (width - side - 0.08 - gap * (columns - 1)) / columns
    total = (tall + foot + head) * lines
    figure = Figure(figsize=(width, total))
    made = []
    for k in range(n):
        bottom = total - (k // columns + 1) * (tall + foot + head) + foot
        left = side + k % columns * (inner + gap)
        made.append(figure.add_axes((left / width, bottom / total, inner / width, tall / total)))
    return made
