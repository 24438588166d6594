"""Better, practically equivalent or worse: three probabilities for each pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks
from carps_lite.analysis.charts.sheet import bare, fitting, footnote, inches, nothing, sheet, text_width, wrapped
from carps_lite.analysis.numbers import chance
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

PAIRS = 28  # all pairs of 8 optimizers; of more, the first against each other one
STRONG, NEUTRAL = 0.36, 0.13  # opacities that bear ink at a contrast of 4.5:1 on both grounds


def bayes_bars(
    better_OO: Array,
    equivalent_OO: Array,
    names: Sequence[str],
    looks: Looks,
    *,
    rope: str,
    pairs: Sequence[tuple[int, int]] | None = None,
    width: float = COLUMN,
) -> Axes:
    """Draw a bar for each pair, split into P(first better), P(practically equivalent) and P(second better).

    `better_OO`: (O, O), P(row better than column); `equivalent_OO`: (O, O), symmetric: together with the turned
    `better_OO` they add up to 1. `rope`: the region of practical equivalence in words, such as "0.01 of the range".
    `pairs`: indices to draw; by default all, or, beyond 28 pairs, the first optimizer against each other one. Coloured
    parts belong to the optimizer of that colour, the grey one to neither.
    """
    n = len(names)
    chosen = [(i, j) for i in range(n) for j in range(i + 1, n)] if pairs is None else list(pairs)
    if pairs is None and len(chosen) > PAIRS:
        chosen = [(0, j) for j in range(1, n)]
    shown = fitting(names, 12 if width < 5 else 26)
    left, right = (text_width([shown[p[side]] for p in chosen]) + 0.22 for side in (0, 1))
    width = max(width, left + right + 1.3)
    below = wrapped(f"in an optimizer's colour: it is better; grey: equivalent within {rope}", width - 0.12)
    foot = 0.1 + 0.13 * len(below.splitlines())
    axes = sheet(width, 0.05 + 0.24 * max(1, len(chosen)) + foot, left, right, foot, 0.05)
    if not chosen:
        return nothing(axes, "one optimizer: no pairs")
    axes.set(xlim=(0, 1), ylim=(len(chosen) - 0.5, -0.5), xticks=[], yticks=[])
    bare(axes)
    for y, (i, j) in enumerate(chosen):
        parts = (float(better_OO[i, j]), float(equivalent_OO[i, j]), float(better_OO[j, i]))
        _bar(axes, y, parts, (looks[names[i]].colour, MUTE, looks[names[j]].colour))
        for side, o in ((0, i), (1, j)):
            _end(axes, side, y, shown[o], names[o], looks)
    footnote(axes, below)
    return axes


def _bar(axes: Axes, y: float, parts: tuple[float, float, float], colours: tuple[str, str, str]) -> None:
    if not np.isfinite(parts).all():
        axes.text(0.5, y, "no common tasks", ha="center", va="center", fontsize=SMALL, color=MUTE)
        return
    x, wide = 0.0, inches(axes)[0]
    for part, colour, alpha in zip(parts, colours, (STRONG, NEUTRAL, STRONG), strict=True):
        axes.add_patch(Rectangle((x, y - 0.4), part, 0.8, color=colour, alpha=alpha, lw=0))
        words = chance(part)
        if part * wide > text_width([words], SMALL) + 0.05:
            axes.text(x + part / 2, y, words, ha="center", va="center", fontsize=SMALL, color=INK)
        x += part


def _end(axes: Axes, side: int, y: float, text: str, name: str, looks: Looks) -> None:
    look, outward = looks[name], -1 if side == 0 else 1
    style = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    axes.annotate(text, (side, y), xytext=(13 * outward, 0), ha="right" if side == 0 else "left", va="center",
                  fontsize=TEXT, color=INK, annotation_clip=False, **style)  # type: ignore[arg-type]  # fmt: skip
    wide = inches(axes)[0]
    axes.plot(side + outward * 0.09 / wide, y, look.marker, color=look.colour, ms=5, mew=0, clip_on=False)
