"""Figures as files (SVG, PNG, PDF) and as SVG inside the page, where colours follow light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from carps_lite.analysis.charts.shades import THEMED
from carps_lite.analysis.style import EVEN, Look

SCALE = 1.9  # CSS pixels for a point of a figure: its 8 pt text is as large as the text around it
_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # TrueType: text that a publisher's check accepts and a reader can select
    "ps.fonttype": 42,  # by which matplotlib 3.11 parts the glyphs of a PDF
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 8,
}
_NAMES = "figure|axes|patch|text|line2d|xtick|ytick|legend|matplotlib.axis|[A-Za-z0-9]*Collection"
_BARE_ID = re.compile(rf' id="(?:{_NAMES})_\d+"')
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"(?<![\w.#])-?\d+\.\d{3,}")
_HASHED = re.compile(r'(?<=["#])(?:[a-z]+|C[0-9a-f]+_[0-9a-f]+_)[0-9a-f]{10}(?=["\)])')  # ids of what is used again


def save(axes: Axes, folder: Path, name: str, dpi: int = 200, pdf: bool = False) -> str:
    """Write the figure of `axes` as `name`.svg and `name`.png and return the SVG text. Same figure, same bytes.

    `pdf`: also as `name`.pdf, with transparent ground and embedded fonts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError(f"{name}: these axes belong to no figure")
    with rc_context({**_SETTINGS, "svg.hashsalt": name}), evened(figure):
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        figure.savefig(folder / f"{name}.png", dpi=dpi, facecolor="white", metadata={"Software": None})
        if pdf:
            undated: Any = {"Creator": None, "Producer": None, "CreationDate": None}
            figure.savefig(folder / f"{name}.pdf", transparent=True, metadata=undated)
    svg = _settled(text.getvalue(), name)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return svg


@contextmanager
def evened(figure: Figure) -> Iterator[None]:
    """For the time of drawing, enlarge the markers that look smaller than others of the same size."""
    small = [
        (line, line.get_markersize(), EVEN[str(line.get_marker())])
        for line in figure.findobj(Line2D)
        if isinstance(line, Line2D) and str(line.get_marker()) in EVEN
    ]
    for line, size, factor in small:
        line.set_markersize(size * factor)
    try:
        yield
    finally:
        for line, size, _ in small:
            line.set_markersize(size)


def inline(svg: str, label: str, themed: Mapping[str, str]) -> str:
    """Turn an SVG file into an element of the page: scales with it, inherits its font, and takes its colours.

    `themed`: colour of the figure -> CSS variable; ink, secondary text, rules and `charts.shades` are added.
    """
    box = re.search(r'viewBox="([^"]+)"', svg)
    view = box[1] if box else "0 0 1 1"
    width = round(SCALE * float(view.split()[2]))
    opening = f'<svg viewBox="{view}" role="img" aria-label="{label}" style="max-width:{width}px">'
    body = svg[svg.index("<svg") :]
    for pattern in (r"<metadata>.*?</metadata>", r"<!--.*?-->", _BARE_ID, r"font-family: [^;\"]*;? ?"):
        body = re.sub(pattern, "", body, flags=re.S if isinstance(pattern, str) else 0)
    body = re.sub(r"<svg[^>]*>", opening, body, count=1, flags=re.S)
    body = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"font: (?:bold|700) ([0-9.]+)px [^;\"]*", r"font-weight: 700; font-size: \1px", body)
    for colour, variable in {**THEMED, **themed}.items():
        body = body.replace(colour, f"var({variable})")
    return re.sub(r"\n\s*", "\n", body).strip()


def _settled(svg: str, name: str) -> str:
    """Round numbers and count ids, in tags, never in labels.

    Matplotlib's ids are hashes of coordinates with all their digits, or of an object's address in older versions.
    """
    known: dict[str, str] = {}

    def counted(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"{name}-{len(known)}")

    return _TAG.sub(lambda tag: _HASHED.sub(counted, _NUMBER.sub(_rounded, tag[0])), svg)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def variables(looks: Mapping[str, Look]) -> tuple[dict[str, str], str, str]:
    """Give every colour a CSS variable: (colour -> variable, the declarations for light, those for dark)."""
    shades = dict(sorted({look.colour: look.dark for look in looks.values()}.items()))
    named = {colour: f"--c{i}" for i, colour in enumerate(shades)}
    light = ";".join(f"{named[c]}:{c}" for c in shades)
    dark = ";".join(f"{named[c]}:{d}" for c, d in shades.items())
    return named, light, dark
