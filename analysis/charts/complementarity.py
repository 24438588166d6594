"""Who wins where, what each optimizer adds to the others, and how few of them do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks, frame
from carps_lite.analysis.charts.legend import height, key
from carps_lite.analysis.charts.rows import panels_of_rows
from carps_lite.analysis.charts.scales import linear_axis
from carps_lite.analysis.charts.sheet import finite, fitting, name_x, nothing, sheet, text_width
from carps_lite.analysis.numbers import count, fixed, percent
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, LINE, MUTE


def wins(wins_GO: Array, groups: Sequence[str], names: Sequence[str], looks: Looks, *, width: float = COLUMN) -> Axes:
    """Draw a bar for each group of tasks, split by the optimizers that win there, with the optimizer's mark inside.

    `wins_GO`: (G, O), tasks won; a task that k optimizers share counts 1/k for each, so that a row adds up to its
    number of tasks, which stands at the right. The reader sees whether one optimizer wins everywhere or each has its
    kind of task.
    """
    rows = fitting(groups, 26)
    left, head = text_width(rows) + 0.12, height(names, width) + 0.08
    axes = sheet(width, 0.36 + 0.24 * max(1, len(rows)) + head, left, 0.62, 0.28, head)
    totals = np.nansum(wins_GO, axis=1) if wins_GO.size else np.zeros(0)
    if not len(totals) or not totals.any():
        return nothing(axes, "nobody has a result")
    frame(axes, "", "", rules="x")
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_yticks(range(len(rows)), rows, fontsize=TEXT, color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for g, total in enumerate(totals):
        axes.annotate(count(round(total), "task"), (1, g), xytext=(4, 0), textcoords="offset points", fontsize=SMALL,
                      va="center", color=MUTE, annotation_clip=False)  # fmt: skip
        if total > 0:
            _row(axes, g, np.nan_to_num(wins_GO[g]) / total, names, looks)
    key(axes, names, looks)
    return axes


def _row(axes: Axes, g: int, shares: Array, names: Sequence[str], looks: Looks) -> None:
    x = 0.0
    for name, share in zip(names, shares, strict=True):
        look = looks[name]
        axes.add_patch(Rectangle((x, g - 0.36), share, 0.72, color=look.colour, alpha=0.45, lw=0))
        if x:
            axes.plot([x, x], [g - 0.36, g + 0.36], color=look.colour, lw=0.8)
        if share > 0.06:
            axes.plot(x + share / 2, g, look.marker, color=look.colour, ms=4.5, mew=0)
        x += float(share)


def contributions(
    values_O: Array,
    bounds_O2: Array | None,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str = "regret that the virtual best gains without it",
    width: float = COLUMN,
) -> Axes:
    """Draw how much worse the virtual best optimizer is without each one, with its interval.

    `values_O`: (O,), at least 0, in the unit that `xlabel` names; `bounds_O2`: (O, 2) or None. At 0 the others do as
    well on every task; a long bar marks an optimizer that nobody replaces.
    """
    axes = panels_of_rows(names, [""], width=width)[0]
    bounds = np.empty((0, 2)) if bounds_O2 is None else bounds_O2
    drawn = finite(np.concatenate([values_O, bounds.ravel()]))
    if not len(drawn):
        return nothing(axes, "no results to compare")
    axes.set_xlim(min(0.0, float(drawn.min())), max(float(drawn.max()), 1e-12) * 1.08)
    linear_axis(axes, "x", 5)
    for o, name in enumerate(names):
        look, x = looks[name], float(values_O[o])
        if not np.isfinite(x):
            axes.text(0, o, " no value", fontsize=SMALL, color=MUTE, va="center")
            continue
        axes.add_patch(Rectangle((0, o - 0.3), x, 0.6, color=look.colour, alpha=0.45, lw=0))
        axes.plot(x, o, look.marker, color=look.colour, ms=4.8, mew=0, clip_on=False, zorder=4)
        if bounds_O2 is not None and np.isfinite(bounds_O2[o]).all():
            axes.plot(bounds_O2[o], [o, o], color=INK, lw=0.9, solid_capstyle="butt")
    name_x(axes, xlabel)
    return axes


def portfolio(
    gaps_K: Array,
    added: Sequence[str],
    looks: Looks,
    *,
    xlabel: str = "gap to the virtual best",
    within: float | None = None,
    share: bool = False,
    width: float = COLUMN,
) -> Axes:
    """Draw how close the best portfolio of 1, 2, ... optimizers comes to the virtual best of all.

    `gaps_K`: (K,), of portfolios that grow by one optimizer each, `added`, in this order; `within`: the gap aimed at,
    drawn as a line; `share`: whether gaps are shares, written in per cent. The reader sees how few optimizers are
    enough, and which.
    """
    shown = fitting([f"+ {name}" if k else name for k, name in enumerate(added)], 22)
    left = text_width([f"{k + 1}  {text}" for k, text in enumerate(shown)]) + 0.14
    n = len(added)
    axes = sheet(max(width, left + 1.9), 0.5 + 0.22 * max(1, n), left, 0.5, 0.42, 0.06)
    drawn = finite(gaps_K)
    if not n or not len(drawn):
        return nothing(axes, "no portfolio")
    frame(axes, "", "", rules="x")
    name_x(axes, xlabel)
    axes.set(xlim=(min(0.0, float(drawn.min())), max(float(drawn.max()), within or 0, 1e-12) * 1.06))
    axes.set_ylim(n - 0.5, -0.5)
    linear_axis(axes, "x", 5)
    if share:
        axes.xaxis.set_major_formatter(lambda x, _: percent(x))
    axes.set_yticks(range(n), [f"{k + 1}  {text}" for k, text in enumerate(shown)], fontsize=TEXT, color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    if within is not None:
        axes.axvline(within, color=INK, lw=0.9, ls=(0, (3, 2)))
    axes.plot(gaps_K, range(n), color=LINE, lw=1.2, zorder=1)
    for k, name in enumerate(added):
        if np.isfinite(gaps_K[k]):
            axes.plot(
                gaps_K[k], k, looks[name].marker, color=looks[name].colour, ms=5.4, mew=0, zorder=3, clip_on=False
            )
        words = "–" if not np.isfinite(gaps_K[k]) else percent(gaps_K[k]) if share else fixed(gaps_K[k], 3)
        axes.annotate(words, (1.03, k), xycoords=("axes fraction", "data"), fontsize=SMALL, color=INK, va="center")
    return axes
