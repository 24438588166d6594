"""The key of optimizers above a figure whose marks cannot be labelled where they are."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from carps_lite.analysis.canvas import SMALL, Looks
from carps_lite.analysis.charts.sheet import fitting, text_width
from carps_lite.analysis.style import INK

LIMIT, LINE_HEIGHT = 22, 0.155


def _columns(names: Sequence[str], width: float) -> int:
    entry = text_width(fitting(names, LIMIT), SMALL) + 0.36
    return max(1, min(len(names), int((width - 0.1) / entry)))


def height(names: Sequence[str], width: float) -> float:
    """Inches that the key takes in a figure of this width."""
    return 0.12 + LINE_HEIGHT * -(-len(names) // _columns(names, width)) if names else 0.0


def key(axes: Axes, names: Sequence[str], looks: Looks, lines: bool = False) -> None:
    """Draw the key at the top of the figure, in as many columns as fit."""
    figure = axes.get_figure(root=True)
    if figure is None or not names:
        return
    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.dash if lines else "none", ms=4.2, lw=1.2, mew=0)
        for k in (looks[name] for name in names)
    ]
    figure.legend(
        handles, fitting(names, LIMIT), loc="upper left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=SMALL,
        ncols=_columns(names, float(figure.get_size_inches()[0])), labelcolor=INK, handlelength=1.7 if lines else 0.8,
        handletextpad=0.5, columnspacing=1.1, labelspacing=0.35, borderaxespad=0.15,
    )  # fmt: skip
