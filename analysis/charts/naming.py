"""Names of axes that must fit beside small panels."""

from __future__ import annotations

from carps_lite.analysis.canvas import TEXT
from carps_lite.analysis.charts.sheet import text_width, wrapped

ARROWS = (" ↑", " ↓")
TURNED = str.maketrans("↑↓", "→←")  # up and down again once the text is turned a quarter to the left


def axis_name(words: str, room: float, size: float = TEXT) -> str:
    """Break the name of an axis into lines of at most so many inches; an arrow at its end stays with the last word."""
    arrow = words[-2:] if words.endswith(ARROWS) else ""
    return wrapped(words.removesuffix(arrow), room - text_width([arrow], size), size) + arrow


def y_axis_name(words: str, room: float, size: float = TEXT) -> str:
    """Likewise for the vertical axis, whose name is turned: its arrow is one that then points up or down."""
    name = axis_name(words, room, size)
    return name[:-1] + name[-1:].translate(TURNED)
