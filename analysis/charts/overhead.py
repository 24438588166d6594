"""Where the time goes: asking, evaluating, telling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, Looks
from carps_lite.analysis.charts.parts import Part, parts_key
from carps_lite.analysis.charts.rows import panels_of_rows
from carps_lite.analysis.charts.scales import widened
from carps_lite.analysis.charts.shades import HEAT
from carps_lite.analysis.charts.sheet import finite, nothing
from carps_lite.analysis.numbers import duration
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE

PHASES = (Part("ask", HEAT, 0.85), Part("evaluate", MUTE, 0.22), Part("tell", HEAT, 0.35))


def overhead(seconds_O3: Array, names: Sequence[str], looks: Looks, *, width: float = COLUMN) -> list[Axes]:
    """Draw the seconds a trial: at the left the optimizer's own (ask + tell) on a log axis, at the right the shares.

    `seconds_O3`: (O, 3), seconds a trial to ask, to evaluate and to be told; nan where nothing was measured. Bars
    stacked on a log axis would show sums as differences of logarithms; so the size is a point on a log axis, and what
    it consists of are shares from 0 to 100 %.
    """
    own, whole = panels_of_rows(names, ["own time a trial", "shares of all time"], per_line=2, width=width)
    mine = seconds_O3[:, 0] + seconds_O3[:, 2]
    positive = finite(mine)[finite(mine) > 0]
    if not len(positive):
        nothing(own, "no times")
        return [own, nothing(whole, "no times")]
    low, high = float(positive.min()), float(positive.max())
    own.set_xlim(widened(low, high, True, 0.12) if high > 20 * low else (low / 5, high * 5))
    own.set_xscale("log")
    own.minorticks_off()
    powers = np.arange(np.ceil(np.log10(own.get_xlim()[0])), np.log10(own.get_xlim()[1]))
    own.set_xticks(10.0 ** powers[:: max(1, -(-len(powers) // 2))])
    own.xaxis.set_major_formatter(lambda x, _: duration(x).replace(".0 ", " "))
    for o, name in enumerate(names):
        if mine[o] > 0:
            own.plot(mine[o], o, looks[name].marker, color=looks[name].colour, ms=5.2, mew=0)
        _shares(whole, o, seconds_O3[o])
    whole.set(xlim=(0, 1))
    whole.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    whole.get_xticklabels()[-1].set_horizontalalignment("right")
    parts_key(whole, PHASES)
    return [own, whole]


def _shares(axes: Axes, y: int, seconds: Array) -> None:
    total = float(seconds.sum())
    if not total > 0:
        axes.text(0.5, y, "not measured", ha="center", va="center", fontsize=SMALL, color=MUTE)
        return
    x = 0.0
    for part, own in zip(PHASES, seconds, strict=True):
        axes.add_patch(Rectangle((x, y - 0.36), own / total, 0.72, color=part.colour, alpha=part.alpha, lw=0))
        x += float(np.nan_to_num(own)) / total
