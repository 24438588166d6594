"""Configurations as lines over parallel axes, one a hyperparameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import PAGE, SMALL, short
from carps_lite.analysis.charts.parameters import Parameter, ends, places
from carps_lite.analysis.charts.shades import HEAT
from carps_lite.analysis.charts.sheet import bare, nothing, sheet
from carps_lite.analysis.numbers import count, value
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE
from carps_lite.shown import Shown

MOST_LINES, MOST_AXES = 400, 14
INACTIVE = -0.14  # where lines go whose parameter is not active


def parallel_coordinates(
    values_ND: Array,
    scores_N: Array,
    parameters: Sequence[Parameter],
    *,
    measure: str,
    shown: Shown | None = None,
    width: float = PAGE,
) -> Axes:
    """Draw each configuration as a line through its values; the deeper, the better its score; the best one in ink.

    `values_ND`: (N, D), numbers in the parameters' own units, indices of choices, nan where a parameter is inactive
    (the line then passes below the axis); `scores_N`: (N,), lower is better, not finite for a failed trial (left out);
    `measure`: name and unit of the score; `shown`: how it is written, where that is not as it is minimised. Depth goes
    by the rank of the score. Of more than 400 configurations every so many-th by rank are drawn, of more than 14
    parameters the first 14. The reader sees where good configurations gather.
    """
    d = min(len(parameters), MOST_AXES)
    axes = sheet(width, 2.6, 0.62, 0.62, 0.22, 0.5)
    alive = np.flatnonzero(np.isfinite(scores_N))
    if not d or not len(alive):
        return nothing(axes, "no configurations with a score")
    order = alive[np.argsort(scores_N[alive], kind="stable")]
    drawn = order[np.unique(np.linspace(0, len(order) - 1, min(MOST_LINES, len(order))).round().astype(int))]
    y_ND = np.column_stack([places(values_ND[:, i], parameters[i]) for i in range(d)])
    y_ND = np.where(np.isfinite(y_ND), y_ND, INACTIVE)
    axes.set(xlim=(0, max(d - 1, 1)), ylim=(-0.2 if (y_ND == INACTIVE).any() else -0.06, 1.04))
    for k, n in reversed(list(enumerate(drawn[1:], 1))):
        axes.plot(range(d), y_ND[n], color=HEAT, lw=0.8, alpha=_depth(k, len(drawn)), clip_on=False)
    axes.plot(range(d), y_ND[drawn[0]], "o-", color=INK, lw=1.4, ms=3, clip_on=False, zorder=4)
    _axes(axes, parameters[:d], width, bool((y_ND == INACTIVE).any()))
    ends = scores_N[order[[-1, 0]]]
    worst, best = (value(float(x), 3) for x in (ends if shown is None else shown.of(ends)))
    more = "" if len(parameters) <= MOST_AXES else f"; {count(len(parameters) - MOST_AXES, 'more parameter')} not shown"
    words = f"{measure}: from {worst} (pale) to {best} (deep); in ink: the best of {len(alive):,}{more}"
    axes.text(0.1 / width, 1 - 0.05 / 2.6, words, transform=axes.get_figure(root=True).transFigure,  # type: ignore[union-attr]
              fontsize=SMALL, color=MUTE, va="top")  # fmt: skip
    return axes


def _depth(place: int, n: int) -> float:
    """Opacity by rank: the best tenth stands out."""
    return 0.06 + 0.8 * (1 - place / max(1, n - 1)) ** 5


def _axes(axes: Axes, parameters: Sequence[Parameter], width: float, inactive: bool) -> None:
    bare(axes)
    axes.set_yticks([INACTIVE] if inactive else [], ["inactive"] if inactive else [], fontsize=SMALL - 1, color=MUTE)
    room = int((width - 1.24) / max(len(parameters) - 1, 1) / 0.066)
    axes.set_xticks(range(len(parameters)), [short(p.name, min(18, max(6, room))) for p in parameters], fontsize=SMALL)
    axes.tick_params(axis="x", labelcolor=INK, top=False, labeltop=True, labelbottom=False, pad=10)
    for i, p in enumerate(parameters):
        axes.plot([i, i], [0, 1], color=MUTE, lw=0.8, clip_on=False)
        if not p.choices:
            for y, words, va in zip((-0.02, 1.02), ends(p), ("top", "bottom"), strict=True):
                axes.text(i, y, words, fontsize=SMALL - 1, color=MUTE, ha="center", va=va)
            continue
        for k, choice in enumerate(p.choices):
            y = (k + 0.5) / len(p.choices)
            axes.plot(i, y, "_", color=MUTE, ms=5, mew=0.8, clip_on=False)
            if len(p.choices) <= 9:
                axes.annotate(short(choice, 8), (i, y), xytext=(4, 4), textcoords="offset points",
                              fontsize=SMALL - 1, color=INK, va="center", annotation_clip=False)  # fmt: skip
