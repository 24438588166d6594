"""Compiled: lower bounds of the star discrepancy of large sets by threshold accepting, as in TA_improved of Gnewuch, Wahlström
and Winzen (A new randomized algorithm to approximate the star discrepancy, SIAM J. Numer. Anal. 50, 2012, section 4).

A corner walks over the grid of coordinates. Each candidate is first snapped to the best box with the same points in it: an open
one is blown up until points stop every face, a closed one shrinks to its points. Open and closed boxes have walks of their own.
Where we differ: steps are even in the coordinate's value, and thresholds fall linearly from the sampled ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carps_lite.analysis.subset.compiled import compiled
from carps_lite.analysis.subset.pool import Grid, below


@compiled
def _uniform(rng: Any) -> float:
    return below(rng, 1 << 53) / float(1 << 53)


@compiled
def snap(points: Any, corner: Any, closed: bool, rng: Any) -> Any:
    """Move `corner` (d,) to the best box with the same points in it; (discrepancy of that box, points in it)."""
    n, d = points.shape
    inside, volume = 0, 1.0
    moved = np.zeros(d) if closed else np.ones(d)
    first = below(rng, n)
    for q in range(n):
        p = (q + first) % n
        out, number = -1, 0
        for j in range(d):
            if points[p, j] > corner[j] or (not closed and points[p, j] == corner[j]):
                number += 1
                if below(rng, number) == 0:
                    out = j
        if out < 0:
            inside += 1
            if closed:
                for j in range(d):
                    moved[j] = max(moved[j], points[p, j])
        elif not closed:
            taken_in = True
            for j in range(d):
                if points[p, j] >= moved[j]:
                    taken_in = False
                    break
            if taken_in:
                moved[out] = points[p, out]
    for j in range(d):
        corner[j] = moved[j]
        volume *= moved[j]
    return (inside / n - volume if closed else volume - inside / n), inside


@compiled
def _neighbour(corner: Any, other: Any, grid: Grid, moving: int, reach: float, rng: Any) -> None:
    """Write to `other` the corner with `moving` coordinates moved to a value of the grid within `reach`."""
    d = len(corner)
    other[:] = corner
    for _ in range(moving):
        j = below(rng, d)
        value = corner[j] + reach * (2 * _uniform(rng) - 1)
        rank = np.searchsorted(grid.value[j, : grid.count[j]], min(max(value, 0.0), 1.0))
        other[j] = grid.value[j, min(rank, grid.count[j] - 1)]


@compiled
def accept(points: Any, grid: Grid, closed: bool, rounds: int, rng: Any, row: Any) -> float:
    """Walk `rounds`² steps from a random corner; the best value, whose box goes to `row` (d + 2)."""
    d = points.shape[1]
    corner, other = np.empty(d), np.empty(d)
    thresholds = np.empty(rounds)
    for i in range(rounds):
        for j in range(d):  # corners of volume near 1/2 are where large sets are worst
            corner[j] = _uniform(rng) ** (1.0 / d)
        _neighbour(corner, other, grid, 2, 0.5, rng)
        first, _ = snap(points, corner, closed, rng)
        second, _ = snap(points, other, closed, rng)
        thresholds[i] = -abs(first - second)
    thresholds.sort()
    value, inside = snap(points, corner, closed, rng)
    best = -1.0
    for i in range(rounds):
        share = i / rounds
        moving = 2 + int(share * max(0, d - 2))
        for _ in range(rounds):
            _neighbour(corner, other, grid, moving, 0.5 * (1 - share) + 0.05, rng)
            new, inside = snap(points, other, closed, rng)
            if new - value >= thresholds[i]:
                value = new
                corner[:] = other
                if value > best:
                    best = value
                    row[:d] = corner
                    row[d], row[d + 1] = 1.0 if closed else 0.0, inside
    return best
