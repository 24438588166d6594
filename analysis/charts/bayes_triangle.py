"""The posterior of a Bayesian comparison of two optimizers, as points in a triangle."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks
from carps_lite.analysis.charts.shades import HEAT
from carps_lite.analysis.charts.sheet import fitting, nothing, sheet
from carps_lite.analysis.numbers import chance
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

POINTS = 1500  # of the draws, evenly chosen, so that a vector file stays small
TOP = 3**0.5 / 2


def bayes_triangle(
    draws_N3: Array, probabilities: Array, names: tuple[str, str], looks: Looks, *, rope: str, width: float = COLUMN
) -> Axes:
    """Draw posterior draws of (first better, equivalent, second better) in the triangle that they span.

    `draws_N3`: (N, 3), rows that add up to 1, as `bayes.posterior` gives them; `probabilities`: (3,), the share of the
    draws for which each is the largest, written at the corners: first at the left, equivalent on top. At most 1,500
    draws are drawn. The lines part the triangle into what each corner's region is.
    """
    axes = sheet(width, width * 0.86, 0.1, 0.1, 0.42, 0.34)
    draws = draws_N3[np.isfinite(draws_N3).all(axis=1)]
    if not len(draws):
        return nothing(axes, "no common tasks")
    draws = draws[np.unique(np.linspace(0, len(draws) - 1, min(POINTS, len(draws))).round().astype(int))]
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.02, TOP + 0.02))
    axes.plot([0, 1, 0.5, 0], [0, 0, TOP, 0], color=MUTE, lw=1)
    for x, y in ((0.5, 0), (0.25, TOP / 2), (0.75, TOP / 2)):
        axes.plot([x, 0.5], [y, TOP / 3], color=MUTE, lw=0.8, ls=(0, (3, 2)))
    axes.plot(draws[:, 2] + draws[:, 1] / 2, draws[:, 1] * TOP, "o", color=HEAT, ms=2.2, mew=0, alpha=0.35)
    for side, (name, text) in enumerate(zip(names, fitting(names, 18), strict=True)):
        look, ha = looks[name], ("left", "right")[side]
        axes.plot(side, 0, look.marker, color=look.colour, ms=6, mew=0, zorder=5, clip_on=False)
        words = f"{text} better {chance(float(probabilities[2 * side]))}"
        at = ((side, 0), (-0.1 + 1.2 * side, 0))[1]
        axes.annotate(words, at, xytext=(0, -10 - 11 * side), textcoords="offset points", ha=ha, va="center",
                      fontsize=TEXT, color=INK, annotation_clip=False)  # fmt: skip
    words = f"equivalent within {rope} {chance(float(probabilities[1]))}"
    axes.annotate(words, (0.5, TOP), xytext=(0, 9), textcoords="offset points", ha="center", va="center",
                  fontsize=TEXT if len(words) < 45 else SMALL, color=INK, annotation_clip=False)  # fmt: skip
    return axes
