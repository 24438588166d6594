"""Tasks as points of the unit cube, and the subsets chosen from them, in projections to two optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, PAGE, SMALL, frame
from carps_lite.analysis.charts.shades import ACCENT, GOOD, HEAT, WARN
from carps_lite.analysis.charts.sheet import fitting, nothing
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import INK, MUTE

MOST = 6  # projections
RINGS = ("o", "s", "^", "D", "v")
SHADES = (ACCENT, WARN, GOOD, INK, HEAT)


def subset_points(
    points_TD: Array,
    chosen: Mapping[str, npt.NDArray[np.int64] | Sequence[int]],
    optimizers: Sequence[str],
    *,
    corner: Array | None = None,
    unit: str = "",
    width: float | None = None,
) -> list[Axes]:
    """Draw all tasks as grey dots and those of each subset as hollow marks, in every pair of coordinates.

    `points_TD`: (T, D), in [0, 1], 0 is good; `chosen`: subset -> indices of tasks; `optimizers`: the D coordinates;
    `corner`: (D,), the far corner of the box from the origin in which the discrepancy of the first subset is attained,
    drawn as a dashed frame; `unit`: what a coordinate is, added to the axes' names. At most six projections. A good
    subset is spread as all tasks are: of any box from the origin it holds nearly the same share.
    """
    d = len(optimizers)
    pairs = list(combinations(range(d), 2))[:MOST] if d > 1 else [(0, 0)][:d]
    made = _panels(max(1, len(pairs)), width, bool(chosen))
    if not pairs or not len(points_TD):
        return [nothing(axes, "no points") for axes in made]
    names = [f"{name}{f', {unit}' if unit else ''}" for name in fitting(optimizers, 24)]
    for axes, (i, j) in zip(made, pairs, strict=True):
        y = points_TD[:, j] if i != j else np.full(len(points_TD), 0.5)
        axes.plot(points_TD[:, i], y, "o", color=MUTE, ms=2.6, mew=0, alpha=0.5, clip_on=False)
        for k, members in enumerate(chosen.values()):
            own = np.asarray(members, dtype=int)
            axes.plot(points_TD[own, i], y[own], RINGS[k % 5], mfc="none", mec=SHADES[k % 5], mew=1.1, ls="none",
                      ms=5 + 2 * k, clip_on=False)  # fmt: skip
        if corner is not None:
            axes.add_patch(Rectangle((0, 0), float(corner[i]), float(corner[j]) if i != j else 1, fill=False,
                                     edgecolor=INK, lw=0.9, ls=(0, (3, 2))))  # fmt: skip
        frame(axes, names[i], names[j] if i != j else "")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1] if i != j else [])
        axes.set_xticklabels(["0", "0.5", "1"])
        if i != j:
            axes.set_yticklabels(["0", "0.5", "1"])
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(True)
    _key(made[0], list(chosen), len(points_TD), chosen, corner is not None)
    return made


def _key(
    axes: Axes, names: Sequence[str], n: int, chosen: Mapping[str, npt.NDArray[np.int64] | Sequence[int]], box: bool
) -> None:
    handles = [Line2D([], [], marker="o", color=MUTE, ms=3, mew=0, ls="none", alpha=0.6)]
    words = [f"all {n:,} tasks"]
    for k, name in enumerate(names):
        handles.append(Line2D([], [], marker=RINGS[k % 5], mfc="none", mec=SHADES[k % 5], mew=1.1, ms=5.5, ls="none"))
        words.append(f"{name} ({len(chosen[name])})")
    if box:
        handles.append(Line2D([], [], color=INK, lw=0.9, ls=(0, (3, 2))))
        words.append("box of the discrepancy")
    figure = axes.get_figure(root=True)
    if figure is not None:
        wide = float(figure.get_size_inches()[0])
        figure.legend(handles, words, loc="upper left", frameon=False, fontsize=SMALL, labelcolor=INK,
                      ncols=2 if wide < 5 else 4, handlelength=1.4, columnspacing=1.2, borderaxespad=0.2)  # fmt: skip


def _panels(n: int, width: float | None, subsets: bool) -> list[Axes]:
    columns = min(3, n)
    lines = -(-n // columns)
    width = width or (COLUMN if columns == 1 else PAGE if columns == 3 else PAGE * 0.72)
    side, foot, head = 0.5, 0.46, 0.5 if subsets else 0.28
    inner = (width - side * columns - 0.1) / columns
    total = head + (inner + foot) * lines
    figure = Figure(figsize=(width, total))
    made = []
    for k in range(n):
        bottom = total - head - (k // columns + 1) * (inner + foot) + foot
        left = side + k % columns * (inner + side)
        made.append(figure.add_axes((left / width, bottom / total, inner / width, inner / total)))
    return made
