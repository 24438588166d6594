"""Small drawings inside tables: an optimizer's mark, an interval of ranks, the curves of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import Look, outline

Colours = Mapping[str, str]  # colour -> CSS variable
WIDTH = 190


def key(look: Look, colours: Colours) -> Markup:
    """The mark of an optimizer."""
    path = f'<path d="{outline(look.marker)}" {_fill(look, colours)}/>'
    return Markup(f'<svg class="key" viewBox="-6 -6 12 12" aria-hidden="true">{path}</svg>')


def rank_interval(mean: float, of_seeds: Array, of_tasks: Array, n: int, look: Look, colours: Colours) -> Markup:
    """A mean rank on the scale from 1 to n: thick the interval over seeds, thin the one over tasks."""

    def x(rank: float) -> float:
        return 7 + (rank - 1) / max(1, n - 1) * (WIDTH - 14)

    marks = [1 + (n - 1) * i / (min(n, 6) - 1) for i in range(min(n, 6))] if n > 6 else range(1, n + 1)
    parts = [f'<line x1="{x(m):.1f}" x2="{x(m):.1f}" y1="2" y2="20" class="rule"/>' for m in marks]
    stroke = _fill(look, colours).replace("fill:", "stroke:")
    for bounds, width, opacity in ((of_tasks, 1.2, 1), (of_seeds, 6, 0.42)):
        if np.isfinite(bounds).all():
            ends = f'x1="{x(float(bounds[0])):.1f}" x2="{x(float(bounds[1])):.1f}" y1="11" y2="11"'
            parts.append(f'<line {ends} {stroke} stroke-width="{width}" opacity="{opacity}"/>')
    parts.append(f'<path transform="translate({x(mean):.1f} 11)" d="{outline(look.marker)}" {_fill(look, colours)}/>')
    return Markup(f'<svg class="iv" viewBox="0 0 {WIDTH} 22" aria-hidden="true">{"".join(parts)}</svg>')


def sparklines(curves: Sequence[Array], all_looks: Sequence[Look], colours: Colours, points: int = 24) -> Markup:
    """Median incumbents of one task, scaled to its own range by rank of value, best optimizer drawn last."""
    index = np.unique(np.linspace(0, len(curves[0]) - 1, points).round().astype(int))
    values = np.array([c[index] for c in curves])
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Markup("")
    levels = np.unique(finite)
    parts = []
    for own, look in reversed(list(zip(values, all_looks, strict=True))):
        shown = np.isfinite(own)
        if shown.any():
            x = 2 + 100 * np.arange(len(index))[shown] / max(1, len(index) - 1)
            y = 22 - 20 * np.searchsorted(levels, own[shown]) / max(1, len(levels) - 1)
            path = f"M{x[0]:.0f} {y[0]:.1f}" + "".join(f"H{a:.0f}V{b:.1f}" for a, b in zip(x[1:], y[1:], strict=True))
            stroke = _fill(look, colours).replace("fill:", "stroke:")
            parts.append(f'<path d="{path}" fill="none" {stroke} stroke-width="1.4"/>')
    return Markup(f'<svg class="sp" viewBox="0 0 104 24" aria-hidden="true">{"".join(parts)}</svg>')


def _fill(look: Look, colours: Colours) -> str:
    return f'style="fill:var({colours[look.colour]})"'
