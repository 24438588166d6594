"""Where labels go when the lines they belong to end close together."""

from __future__ import annotations

from collections.abc import Sequence

Block = tuple[float, list[int]]  # centre, and members from low to high


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return the positions nearest to those wanted that are at least `gap` apart, within [low, high].

    Neighbours that collide are merged into a block around their mean, as in isotonic regression. Where there is no
    room for all, the gap shrinks.
    """
    n = len(wanted)
    gap = min(gap, (high - low) / max(1, n - 1))
    order = sorted(range(n), key=lambda i: wanted[i])
    blocks: list[Block] = []
    for i in order:
        blocks.append((wanted[i], [i]))
        while len(blocks) > 1 and _begin(blocks[-1], gap) < _end(blocks[-2], gap) + gap - 1e-12:
            (above, upper), (below, lower) = blocks.pop(), blocks.pop()
            n_all = len(lower) + len(upper)
            blocks.append(((below * len(lower) + above * len(upper)) / n_all, lower + upper))
    places = [_begin(block, gap) + k * gap for block in blocks for k in range(len(block[1]))]
    for k in range(n):  # push up what sticks out at the bottom, then down what sticks out at the top
        places[k] = max(places[k], low + k * gap)
    for k in range(n):
        places[n - 1 - k] = min(places[n - 1 - k], high - k * gap)
    return [place for _, place in sorted(zip(order, places, strict=True))]


def _begin(block: Block, gap: float) -> float:
    return block[0] - gap * (len(block[1]) - 1) / 2


def _end(block: Block, gap: float) -> float:
    return block[0] + gap * (len(block[1]) - 1) / 2
