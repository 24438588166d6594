"""The critical-difference diagram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks
from carps_lite.analysis.charts.sheet import bare, fitting, footnote, nothing, sheet, text_width, wrapped
from carps_lite.analysis.numbers import fixed
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

SCALE, FIRST, ROW, BAR = 0.42, 0.16, 0.19, 0.09  # inches: the scale's place, down to the bars, a name, a bar


def critical_difference(
    mean_ranks_O: Array,
    cliques: Sequence[Sequence[int]],
    names: Sequence[str],
    looks: Looks,
    *,
    cd: float | None = None,
    note: str = "depends on which optimizers are compared",
    width: float = COLUMN,
) -> Axes:
    """Draw Demšar's diagram (2006, figure 1): optimizers on a scale of mean ranks, bars over those not told apart.

    `mean_ranks_O`: (O,), 1 is best; `cliques`: sets of indices, as `posthoc.cliques` gives them, a dot on its bar for
    each member, as a bar may pass over an optimizer that is told apart; `cd`: the critical difference, drawn as a bar,
    or None where the sets come from another test. `note` stands below and says that the verdicts depend on the pool.
    """
    order = [int(o) for o in np.argsort(mean_ranks_O, kind="stable") if np.isfinite(mean_ranks_O[o])]
    half = -(-len(order) // 2)
    shown = dict(zip(names, fitting(names, 15 if width < 5 else 30), strict=True))
    texts = [f"{shown[names[o]]} 0.00" for o in order]
    side = (text_width(texts[:half]) + 0.1, text_width(texts[half:]) + 0.1)
    rows = SCALE + FIRST + BAR * len(cliques) + 0.12
    width = max(width, sum(side) + 1.3)
    below = wrapped(note, width - 0.12)
    height = rows + ROW * max(1, half) + 0.1 + 0.13 * len(below.splitlines())
    axes = sheet(width, height, side[0], max(side[1], 0.1), 0, 0)
    if not order:
        return nothing(axes, "no mean ranks")
    axes.set(xlim=(1, max(2, len(mean_ranks_O))), ylim=(height, 0))
    bare(axes)
    axes.set_yticks([])
    axes.set_xticks([])
    _scale(axes, cd)
    for level, clique in enumerate(cliques):
        members = np.sort(mean_ranks_O[list(clique)])
        y = SCALE + FIRST + BAR * level
        axes.plot(members[[0, -1]], [y, y], color=INK, lw=2.6, solid_capstyle="round", zorder=4)
        axes.plot(members, np.full(len(members), y), "o", color=INK, ms=4.2, mew=0, zorder=4)
    for place, o in enumerate(order):
        row = place if place < half else len(order) - 1 - place
        _name(axes, float(mean_ranks_O[o]), rows + ROW * row, place < half, names[o], shown[names[o]], looks)
    footnote(axes, below)
    return axes


def _scale(axes: Axes, cd: float | None) -> None:
    low, high = axes.get_xlim()
    axes.plot([low, high], [SCALE, SCALE], color=MUTE, lw=1, clip_on=False)
    step = max(1, round((high - low) / 6))
    for rank in np.arange(low, high + 1e-9, step):
        axes.plot([rank, rank], [SCALE - 0.05, SCALE], color=MUTE, lw=1, clip_on=False)
        axes.text(rank, SCALE - 0.07, f"{rank:.0f}", ha="center", va="bottom", fontsize=SMALL, color=MUTE)
    if cd is not None and np.isfinite(cd):
        y, end = 0.13, min(low + cd, high)
        axes.plot([low, end], [y, y], color=INK, lw=1.4, solid_capstyle="butt", clip_on=False)
        for x in (low, end) if low + cd <= high else (low,):
            axes.plot([x, x], [y - 0.035, y + 0.035], color=INK, lw=1.4, clip_on=False)
        beyond = "" if low + cd <= high else ", beyond the scale"
        axes.text(-0.02, y, f"CD {fixed(cd)}{beyond}", transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=SMALL, color=INK)  # fmt: skip
        if beyond:
            axes.texts[-1].set_horizontalalignment("left")
            axes.texts[-1].set_position((0, y - 0.075))


def _name(axes: Axes, rank: float, y: float, left: bool, name: str, text: str, looks: Looks) -> None:
    look, edge = looks[name], 0 if left else 1
    end = axes.get_xlim()[edge]
    axes.plot([rank, rank, end], [SCALE, y, y], color=look.colour, lw=1, ls=look.dash, clip_on=False)
    axes.plot(rank, SCALE, look.marker, color=look.colour, ms=5, mew=0, clip_on=False, zorder=5)
    words = f"{text} {fixed(rank)}" if left else f"{fixed(rank)} {text}"
    axes.annotate(
        words, (end, y), xytext=(-3 if left else 3, 0), textcoords="offset points", va="center",
        ha="right" if left else "left", fontsize=TEXT, color=INK, annotation_clip=False,
    )  # fmt: skip
