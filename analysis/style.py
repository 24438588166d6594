"""One look per optimizer, the same in every figure and table: colour, marker and line style.

Colours: Okabe and Ito's colour-blind-safe set (Okabe and Ito 2008, "Color Universal Design"), without its yellow, which
is too pale for lines on white. Past seven optimizers colours come again with other markers and line styles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

INK, MUTE, LINE = "#1a1d21", "#5c6570", "#e3e6ea"  # text, secondary text, rules: the page swaps them in the dark

COLOURS = (  # on white, and a lighter one of the same hue on black
    ("#0072b2", "#4ea8de"),
    ("#d55e00", "#f28740"),
    ("#009e73", "#33c79b"),
    ("#cc79a7", "#dd9bc0"),
    ("#e69f00", "#f0b93a"),
    ("#56b4e9", "#8fd0f5"),
    ("#1a1d22", "#e8eaec"),
)
BASELINE = ("#767677", "#a3a9b0")  # random search
MARKERS = ("o", "s", "^", "v", "P", "X", "p", "*", "h")
EVEN = {"*": 1.4, "X": 1.15}  # what makes a marker look as large as the others: a star has half the area of a cross
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))


@dataclass(frozen=True)
class Look:
    """How one optimizer is drawn."""

    colour: str
    dark: str
    marker: str
    dash: str | tuple[float, tuple[float, ...]]


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Give each optimizer its look, by the order of the names; random search is a grey diamond."""
    found: dict[str, Look] = {}
    baseline = next((n for n in sorted(names) if n == "random" or n.startswith(("random ", "random/"))), None)
    for i, name in enumerate(sorted(n for n in names if n != baseline)):
        dash = DASHES[i // len(COLOURS) % len(DASHES)]
        found[name] = Look(*COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], dash)
    if baseline is not None:
        found[baseline] = Look(*BASELINE, "D", "-")
    return found


def outline(marker: str, size: float = 4.2) -> str:
    """Return the SVG path of a marker around the origin."""
    if marker == "o":
        r = size * 0.95
        return f"M{-r:.2f} 0a{r:.2f} {r:.2f} 0 1 0 {2 * r:.2f} 0a{r:.2f} {r:.2f} 0 1 0 {-2 * r:.2f} 0z"
    corners = {
        "s": _polygon(4, size * 1.2, 45),
        "D": _polygon(4, size * 1.2, 0),
        "^": _polygon(3, size * 1.2, 90),
        "v": _polygon(3, size * 1.2, -90),
        "p": _polygon(5, size * 1.1, 90),
        "h": _polygon(6, size * 1.1, 90),
        "*": _star(5, size * 1.25, size * 0.55, 90),
        "P": _cross(size, 0),
        "X": _cross(size, 45),
    }[marker]
    return "M" + "L".join(f"{x:.2f} {-y:.2f}" for x, y in corners) + "z"


def _polygon(n: int, r: float, start: float) -> list[tuple[float, float]]:
    angles = [math.radians(start + 360 * i / n) for i in range(n)]
    return [(r * math.cos(a), r * math.sin(a)) for a in angles]


def _star(n: int, outer: float, inner: float, start: float) -> list[tuple[float, float]]:
    angles = [math.radians(start + 180 * i / n) for i in range(2 * n)]
    return [
        ((inner if i % 2 else outer) * math.cos(a), (inner if i % 2 else outer) * math.sin(a))
        for i, a in enumerate(angles)
    ]


def _cross(size: float, turn: float) -> list[tuple[float, float]]:
    a, b = size * 1.1, size * 0.4
    points = [
        (b, a),
        (b, b),
        (a, b),
        (a, -b),
        (b, -b),
        (b, -a),
        (-b, -a),
        (-b, -b),
        (-a, -b),
        (-a, b),
        (-b, b),
        (-b, a),
    ]
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(x * c - y * s, x * s + y * c) for x, y in points]
