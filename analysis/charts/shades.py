"""Colours of what is no optimizer: the page has them as CSS variables, for light and dark."""

from __future__ import annotations

from carps_lite.analysis.style import INK, LINE, MUTE

HEAT = "#4c9fd8"  # cells, bars and points; mixed into the ground by opacity, so that it works on white and black
WARN = "#a34f00"  # failures
GOOD = "#1b7f4d"
ACCENT = "#0b5cad"  # what was chosen
DEEPEST = 0.62  # opacity of the strongest cell that still bears ink at a contrast of 4.5:1 on both grounds

THEMED = {
    INK: "--ink",
    MUTE: "--mute",
    LINE: "--line",
    HEAT: "--heat",
    WARN: "--warn",
    GOOD: "--good",
    ACCENT: "--accent",
}
