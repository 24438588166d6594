"""The two figures of a parity study: differences in units of the seed's noise, and loss against loss.

Axes: T tasks, F formats, C configurations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from carps_lite.analysis.canvas import PAGE, SMALL, Looks, frame
from carps_lite.analysis.charts.rows import dot, panels_of_rows
from carps_lite.analysis.charts.sheet import finite, name_x, nothing, power, title
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, LINE, MUTE

STRETCH = 2.0  # deviations up to which the axis of differences is linear
JITTER = 0.26


def difference_rows(
    titles: Sequence[str],
    values_TF: Array,
    bounds_TF2: Array,
    points: Sequence[Sequence[Array]],
    names: Sequence[str],
    looks: Looks,
    rope: float,
) -> list[Axes]:
    """Draw a panel for each task and a row for each format: the mean difference, its interval, its configurations.

    All in standard deviations of the seed; the shaded band is the region of practical equivalence, ±`rope`. `points`:
    T × F arrays of the configurations' mean differences. Linear up to 2 deviations, logarithmic beyond.
    """
    made = panels_of_rows(names, titles, per_line=2, width=PAGE)
    for t, axes in enumerate(made):
        everything = np.concatenate([values_TF[t], bounds_TF2[t].ravel(), *points[t]])
        shown = finite(everything)
        low, high = (max(2 * STRETCH, 1.6 * float((side * shown).max(initial=0.0))) for side in (-1, 1))
        axes.set_xscale("symlog", linthresh=STRETCH, linscale=1.6)
        axes.set_xlim(-low, high)
        axes.set_xticks([-x for x in reversed(_ticks(low))] + [0.0, *_ticks(high)])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_signed))
        axes.axvspan(-rope, rope, color=LINE, lw=0, zorder=0)
        axes.axvline(0, color=MUTE, lw=0.8)
        for f, name in enumerate(names):
            own = points[t][f]
            spread = np.linspace(-JITTER, JITTER, len(own)) if len(own) > 1 else np.zeros(len(own))
            axes.plot(own, f + spread, ".", color=looks[name].colour, ms=4.5, alpha=0.5, mew=0)
            dot(axes, f, float(values_TF[t, f]), bounds_TF2[t, f], looks[name])
        name_x(axes, "difference in seed SDs (right: worse than 32 bits)", SMALL)
    return made


def loss_scatter(titles: Sequence[str], losses: Sequence[Array], names: Sequence[str], looks: Looks) -> list[Axes]:
    """Draw a panel for each task: each configuration's mean loss in a format against that in 32 bits, which is first.

    `losses`: T arrays (F, C), means over seeds, not finite where a training failed; such configurations stand at the
    upper edge, hollow. Both axes are logarithmic.
    """
    n = max(1, len(titles))
    figure = Figure(figsize=(PAGE, 2.9 * -(-n // 2)))
    made = [figure.add_subplot(-(-n // 2), 2, i + 1) for i in range(n)]
    for axes, words, own_FC in zip(made, titles, losses, strict=False):
        _scatter(axes, own_FC, names, looks)
        title(axes, words, SMALL)
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.24, hspace=0.5)
    return made


def _scatter(axes: Axes, losses_FC: Array, names: Sequence[str], looks: Looks) -> None:
    frame(axes, "loss in 32 bits", "loss in the other format", rules="both")
    shown = finite(losses_FC.ravel())
    if not shown.size:
        nothing(axes, "every training failed")
        return
    low, high = float(shown.min()), float(shown.max())
    edge = (high / low) ** 0.06 if high > low else 1.1
    low, high = low / edge, high * edge
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high * edge))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(power))
        axis.set_minor_formatter(FuncFormatter(power) if high < 8 * low else NullFormatter())
    axes.tick_params(which="minor", labelsize=SMALL - 1)
    axes.plot([low, high], [low, high], color=MUTE, lw=0.8, zorder=1)
    for name, own in zip(names[1:], losses_FC[1:], strict=True):
        look, known = looks[name], np.isfinite(losses_FC[0])
        good = known & np.isfinite(own)
        style: Any = {"color": look.colour, "marker": look.marker, "ls": "", "ms": 4.2, "label": name}
        axes.plot(losses_FC[0][good], own[good], alpha=0.75, mew=0, **style)
        lost = losses_FC[0][known & ~good]
        axes.plot(lost, np.full(len(lost), high), mfc="none", clip_on=False, **{**style, "label": None})
    if len(names) > 1:
        axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="lower right", handletextpad=0.2)


def _ticks(reach: float) -> list[float]:
    """1, 2 and at most two powers of ten beyond."""
    beyond = [float(10**k) for k in range(1, 13) if 2 * 10**k < reach]
    return [1.0, STRETCH, *beyond[:: -(-len(beyond) // 2) or 1]]


def _signed(x: float, _: object = None) -> str:
    return f"−{power(-x)}" if x < 0 else power(x) or "0"
