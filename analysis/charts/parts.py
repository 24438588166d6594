"""Parts of stacked bars and the key to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from carps_lite.analysis.canvas import SMALL
from carps_lite.analysis.style import MUTE


class Part(NamedTuple):
    """What a part of a bar means and how it is filled; hatched ones can be told apart without colour."""

    name: str
    colour: str
    alpha: float
    hatch: str = ""


def parts_key(axes: Axes, parts: Sequence[Part]) -> None:
    """Explain the parts at the lower right of the figure."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    figure.legend(
        handles=[patch(part, label=part.name) for part in parts], loc="lower right", frameon=False, fontsize=SMALL,
        ncols=len(parts), labelcolor=MUTE, handlelength=0.9, handleheight=0.8, handletextpad=0.4, columnspacing=0.9,
        borderaxespad=0.1,
    )  # fmt: skip


def patch(part: Part, label: str = "") -> Patch:
    """Return a filled patch of a part's look."""
    return Patch(facecolor=part.colour, alpha=part.alpha, hatch=part.hatch, lw=0, edgecolor=part.colour, label=label)
