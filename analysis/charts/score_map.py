"""Scores of all optimizers on all tasks as coloured cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import PAGE, SMALL, Looks
from carps_lite.analysis.charts.shades import DEEPEST, HEAT, WARN
from carps_lite.analysis.charts.sheet import bare, fitting, nothing, sheet, text_width
from carps_lite.analysis.numbers import count, fixed, value
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, LINE, MUTE

MOST, ROW = 100, 0.17  # rows; inches


def score_map(
    scores_TO: Array,
    shades_TO: Array,
    tasks: Sequence[str],
    names: Sequence[str],
    looks: Looks,
    *,
    note: str,
    write: Callable[[float], str] = lambda x: value(x, 3),
) -> Axes:
    """Draw a cell for each task (row) and optimizer (column) with its score, shaded by how good it is; bold is best.

    `scores_TO`: (T, O), in whatever unit the rows have; nan: missing (a dash on a dashed cell), infinite: failed (the
    word, framed). `shades_TO`: (T, O), in [0, 1], 1 the deepest shade, which is to mean the best, such as 1 - regret
    or the reversed rank in its row. `note` says what is written and what the shade is. The figure is as wide as
    its words need, at most a page; where many columns leave no room, they get shorter (`.12`, ×) or are left out.
    Of more than 100 tasks the first 100 are drawn, and a line says so.
    """
    n, m = min(len(tasks), MOST), len(names)
    rows, heads = fitting(tasks[:MOST], 38 if m <= 12 else 26), fitting(names, 20)
    left = text_width(rows, SMALL) + 0.1
    texts, cell = _texts(scores_TO[:n], write, (PAGE - left - 0.1) / max(m, 1))
    turned = text_width(heads, SMALL) > cell - 0.06
    head = 0.22 + (text_width(heads, SMALL) * 0.78 + 0.08 if turned else 0.08)
    foot = 0.24 + 0.14 * (len(tasks) > MOST)
    overhang = text_width(heads[-1:], SMALL) * 0.6 if turned else 0.05
    width = left + cell * max(m, 1) + max(0.05, overhang - cell / 2)
    width = max(width, text_width([note], SMALL) + 0.1)
    axes = sheet(width, head + foot + ROW * max(n, 1), left, width - left - cell * max(m, 1), foot, head)
    if not n or not m:
        return nothing(axes, "no tasks")
    axes.set(xlim=(-0.5, m - 0.5), ylim=(n - 0.5, -0.5))
    bare(axes)
    for t in range(n):
        best = np.nanmin(np.where(np.isfinite(scores_TO[t]), scores_TO[t], np.inf)) if m else np.inf
        for o in range(m):
            _cell(axes, t, o, float(scores_TO[t, o]), float(shades_TO[t, o]), texts[t][o], best)
    axes.hlines(np.arange(n + 1) - 0.5, -0.5, m - 0.5, color=LINE, lw=0.4)
    axes.set_yticks(range(n), rows, fontsize=SMALL, color=INK)
    axes.xaxis.tick_top()
    axes.set_xticks(range(m), heads, fontsize=SMALL, color=INK)
    if turned:
        axes.set_xticks(range(m), heads, fontsize=SMALL, color=INK, rotation=50, ha="left", rotation_mode="anchor")
    for o, name in enumerate(names):  # the optimizer's mark over its column
        x = (o + 0.5) / m
        axes.plot(x, 1 + 0.045 / (ROW * n), looks[name].marker, color=looks[name].colour, ms=3.6, mew=0,
                  transform=axes.transAxes, clip_on=False)  # fmt: skip
    axes.tick_params(axis="x", length=0, pad=7)
    more = f"\nand {count(len(tasks) - MOST, 'more task')}" if len(tasks) > MOST else ""
    axes.text(0.05 / width, 0.05 / (head + foot + ROW * n), note + more, fontsize=SMALL, color=MUTE, va="bottom",
              transform=axes.get_figure(root=True).transFigure)  # type: ignore[union-attr]  # fmt: skip
    return axes


def _texts(scores_TO: Array, write: Callable[[float], str], room: float) -> tuple[list[list[str]], float]:
    """Words of all cells and the width of a cell: shorter numbers where many columns leave little room, then none."""
    wide, texts = 0.0, [[""]]
    for writer, failed in ((write, "failed"), (_brief, "failed"), (_brief, "×"), (lambda _: "", "×")):
        texts = [[_words(float(x), writer, failed) for x in row] for row in scores_TO]
        wide = max(0.25, text_width([text for row in texts for text in row], SMALL) + 0.05)
        if wide <= max(room, 0.27):
            break
    return texts, wide


def _brief(x: float) -> str:
    """Two decimals without the leading zero, or two significant digits: `.12`, `1.0`, `35`."""
    text = value(x, 2) if abs(x) >= 10 else fixed(x, 1 if abs(x) >= 0.995 else 2)
    return text.replace("0.", ".", 1) if text.startswith(("0.", "−0.")) else text


def _words(x: float, write: Callable[[float], str], failed: str) -> str:
    return "–" if np.isnan(x) else failed if np.isinf(x) else write(x)


def _cell(axes: Axes, t: int, o: int, x: float, shade: float, words: str, best: float) -> None:
    inner = ((o - 0.46, t - 0.42), 0.92, 0.84)
    if np.isnan(x):
        axes.add_patch(Rectangle(*inner, fill=False, edgecolor=MUTE, lw=0.6, ls=(0, (2, 2)), clip_on=False))
    elif np.isinf(x):
        axes.add_patch(Rectangle(*inner, fill=False, edgecolor=WARN, lw=0.9, clip_on=False))
    else:
        depth = DEEPEST * min(1.0, max(0.0, shade)) if np.isfinite(shade) else 0.0
        axes.add_patch(Rectangle((o - 0.5, t - 0.5), 1, 1, facecolor=HEAT, alpha=round(depth, 2), lw=0, clip_on=False))
    weight = "bold" if x == best else "normal"
    colour = MUTE if np.isnan(x) else WARN if np.isinf(x) else INK
    axes.text(o, t, words, ha="center", va="center_baseline", fontsize=SMALL, color=colour, weight=weight)
