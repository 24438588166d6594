"""A figure of given inches, names that fit, and words where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from carps_lite.analysis.canvas import SMALL, TEXT, short
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def sheet(width: float, height: float, left: float, right: float, bottom: float, top: float) -> Axes:
    """Return axes in a figure of width × height with these margins, all in inches."""
    box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    return Figure(figsize=(width, height)).add_axes(box)


def inches(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes in inches."""
    figure = axes.get_figure(root=True)
    size = figure.get_size_inches() if figure else (1.0, 1.0)
    box = axes.get_position()
    return float(box.width * size[0]), float(box.height * size[1])


@lru_cache(maxsize=4096)
def _extent(text: str, size: float) -> float:
    """Inches from a text's start to the end of its ink, with some air; the outline of a glyph is measured once."""
    prop = FontProperties(family=["DejaVu Sans"])
    font = get_font(findfont(prop))
    font.set_size(text_to_path.FONT_SCALE, text_to_path.DPI)
    placed, new, _ = text_to_path.get_glyphs_with_font(font, text, glyph_map=_GLYPHS, return_new_glyphs_only=True)
    for glyph, (points, codes) in new.items():
        _GLYPHS[glyph] = (points, codes)
        _ENDS[glyph] = float(Path(points, codes).get_extents().x1) if len(points) else -np.inf
    end = max((x + _ENDS[glyph] * scale for glyph, x, _, scale in placed), default=0.0)
    return max(0.0, float(end)) * size / text_to_path.FONT_SCALE / 72 * 1.06 + 0.02


_GLYPHS: dict[str, Any] = {}  # outlines
_ENDS: dict[str, float] = {}  # right ends of their ink


def text_width(texts: Sequence[str], size: float = TEXT) -> float:
    """Inches that the longest of these texts takes."""
    return max((_extent(text.replace("$", "S"), size) for text in texts if text.strip()), default=0.0)


def fitting(names: Sequence[str], limit: int) -> list[str]:
    """Cut names to `limit` letters, at the end or, where that makes two of them equal, in the middle or not at all."""
    head = max(1, limit // 2)
    middle = [n if len(n) <= limit else f"{n[:head]}…{n[len(n) - (limit - head - 1) :]}" for n in names]
    for cut in ([short(name, limit) for name in names], middle):
        if len(set(cut)) == len(set(names)):
            return cut
    return list(names)


def nothing(axes: Axes, words: str = "no data") -> Axes:
    """Say in the axes why nothing is drawn."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=TEXT, color=MUTE)
    return axes


def wrapped(words: str, width: float, size: float = SMALL) -> str:
    """Break words into lines of at most so many inches."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width([longer], size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def footnote(axes: Axes, words: str, left: float = 0.06, bottom: float = 0.05) -> None:
    """Write words at the lower left of the figure, this many inches from its edges."""
    figure = axes.get_figure(root=True)
    if figure is not None:
        width, height = map(float, figure.get_size_inches())
        figure.text(left / width, bottom / height, words, fontsize=SMALL, color=MUTE, va="bottom")


def name_x(axes: Axes, words: str, size: float = TEXT) -> None:
    """Name the horizontal axis: centred, or where it is longer than the axis up to its right end, in lines that fit."""
    figure = axes.get_figure(root=True)
    wide, room = inches(axes)[0], axes.get_position().x1 * (float(figure.get_size_inches()[0]) if figure else 1.0)
    long = text_width([words], size) > wide
    axes.set_xlabel(wrapped(words, room - 0.04, size), fontsize=size, color=MUTE, loc="right" if long else "center")


def title(axes: Axes, words: str, size: float = TEXT) -> None:
    """Write a small title over the axes, from their left end."""
    axes.set_title(words, fontsize=size, color=MUTE, loc="left", pad=4)


def bare(axes: Axes) -> None:
    """No box, no ticks."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)


def power(x: float, _: object = None) -> str:
    """Write a tick of a log axis: `0.01`, `1`, `1,000`, `10⁵`."""
    if x <= 0 or not np.isfinite(x):
        return ""
    exponent = float(np.log10(x))
    if -3 <= exponent < 4:
        return f"{x:,.0f}" if x >= 10 else f"{x:g}"
    digits = f"10{str(round(exponent)).translate(SUPERSCRIPTS)}"
    lead = x / 10.0 ** round(exponent)
    return digits if abs(lead - 1) < 1e-6 else f"{x:.0e}"


def finite(values: Array) -> Array:
    """What can be drawn of an array, flat."""
    return values[np.isfinite(values)]
