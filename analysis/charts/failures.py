"""Runs that are done, failed, missing or without a result, and why trials failed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from carps_lite.analysis.canvas import COLUMN, SMALL, TEXT, Looks
from carps_lite.analysis.charts.parts import Part, parts_key
from carps_lite.analysis.charts.rows import panels_of_rows
from carps_lite.analysis.charts.scales import linear_axis
from carps_lite.analysis.charts.shades import DEEPEST, HEAT, WARN
from carps_lite.analysis.charts.sheet import bare, fitting, nothing, sheet, text_width
from carps_lite.analysis.style import INK, LINE, MUTE

Counts = npt.NDArray[np.int64]
STATES = (
    Part("done", HEAT, 0.35),
    Part("failed", WARN, 0.95),
    Part("no result", WARN, 0.4),
    Part("missing", MUTE, 0.35),
)


def failures(counts_O4: Counts, names: Sequence[str], looks: Looks, *, width: float = COLUMN) -> Axes:
    """Draw a bar an optimizer, of the runs planned: done, failed, without a result, missing; lost ones counted.

    `counts_O4`: (O, 4), runs in this order. The reader sees who has gaps, of which kind, and out of how many runs.
    """
    del looks  # parts of a bar are states, not optimizers
    axes = panels_of_rows(names, [""], width=width)[0]
    figure, box = axes.get_figure(root=True), axes.get_position()
    words = [_lost(own) for own in counts_O4]
    room = (text_width(words, SMALL) + 0.1) / float(figure.get_size_inches()[0]) if figure else 0.0
    axes.set_position((box.x0, box.y0, max(0.1, box.width - room), box.height))
    most = int(counts_O4.sum(axis=1).max()) if counts_O4.size else 0
    if not most:
        return nothing(axes, "no runs planned")
    axes.set_xlim(0, most)
    linear_axis(axes, "x", 4, integer=True)
    for o, own in enumerate(counts_O4):
        x = 0
        for part, n in zip(STATES, own, strict=True):
            axes.add_patch(Rectangle((x, o - 0.36), int(n), 0.72, color=part.colour, alpha=part.alpha, lw=0))
            x += int(n)
        axes.annotate(words[o], (1, o), xytext=(4, 0), xycoords=("axes fraction", "data"), fontsize=SMALL,
                      textcoords="offset points", va="center", color=INK if own[1:].sum() else MUTE)  # fmt: skip
    parts_key(axes, [part for part, n in zip(STATES, counts_O4.sum(axis=0), strict=True) if n])
    return axes


def _lost(own: Counts) -> str:
    lost, planned = int(own[1:].sum()), int(own.sum())
    return f"{lost:,} of {planned:,} lost" if lost else f"all {planned:,} done" if planned else "none planned"


def failure_kinds(
    counts_KO: Counts, kinds: Sequence[str], names: Sequence[str], looks: Looks, *, width: float = COLUMN
) -> Axes:
    """Draw how many trials of each optimizer (column) failed in which way (row), deeper for more; empty for none.

    `counts_KO`: (K, O), trials; `kinds`: such as "timeout", "memory", "ValueError".
    """
    rows, heads = fitting(kinds, 28), fitting(names, 20)
    left = text_width(rows) + 0.1
    n, m = len(kinds), len(names)
    head = text_width(heads, SMALL) * 0.78 + 0.3
    cell = min(0.62, max(0.28, (width - left - 0.3) / max(1, m)))
    wide = left + cell * max(1, m) + 0.35
    axes = sheet(
        max(wide, 2.2), head + 0.2 * max(1, n) + 0.05, left, max(wide, 2.2) - left - cell * max(1, m), 0.05, head
    )
    if not n or not m or not counts_KO.any():
        return nothing(axes, "no trial failed")
    axes.set(xlim=(-0.5, m - 0.5), ylim=(n - 0.5, -0.5))
    bare(axes)
    axes.set_yticks(range(n), rows, fontsize=TEXT, color=INK)
    axes.xaxis.tick_top()
    axes.set_xticks(range(m), heads, fontsize=SMALL, color=INK, rotation=50, ha="left", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0, pad=8)
    for o, name in enumerate(names):
        axes.plot((o + 0.5) / m, 1 + 0.06 / (0.2 * n), looks[name].marker, color=looks[name].colour, ms=3.8, mew=0,
                  transform=axes.transAxes, clip_on=False)  # fmt: skip
    for k in range(n):
        axes.axhline(k + 0.5, color=LINE, lw=0.5)
        for o in np.flatnonzero(counts_KO[k]).tolist():
            depth = DEEPEST * np.log1p(counts_KO[k, o]) / np.log1p(counts_KO.max())
            axes.add_patch(Rectangle((o - 0.5, k - 0.5), 1, 1, facecolor=HEAT, alpha=float(depth), lw=0))
            axes.text(o, k, f"{counts_KO[k, o]:,}", ha="center", va="center", fontsize=SMALL, color=INK)
    return axes
