"""Compiled: lower bounds of the star discrepancy of large sets by threshold accepting.

After TA_improved of Gnewuch, Wahlström and Winzen (A new randomized algorithm to approximate the star discrepancy
based on threshold accepting, SIAM J. Numer. Anal. 50, 2012, section 4): a corner walks over the grid of coordinates,
and each candidate is judged by the best box with the same points in it: an open one is blown up until points
stop every face, a closed one shrinks to its points. Open and closed boxes have walks of their own. Where we differ:
steps are even in the coordinate's value, first corners have coordinates U^(1/d), so that their volume is not tiny in
many dimensions, and thresholds come from neighbours there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carps_lite.analysis.subset.compiled import compiled
from carps_lite.analysis.subset.pool import Grid, below


@compiled
def _uniform(rng: Any) -> float:
    return float(below(rng, 1 << 53) / float(1 << 53))


@compiled
def _shrink(points: Any, corner: Any, moved: Any) -> int:
    """Set `moved` to the largest coordinates of the points in the closed box; how many there are."""
    n, d = points.shape
    inside = 0
    moved[:] = 0.0
    for p in range(n):
        within = True
        for j in range(d):
            if points[p, j] > corner[j]:
                within = False
                break
        if within:
            inside += 1
            for j in range(d):
                moved[j] = max(moved[j], points[p, j])
    return inside


@compiled
def _blow_up(points: Any, corner: Any, moved: Any, rng: Any) -> int:
    """Set `moved` to a corner as far out as the points outside of the open box allow; how many are inside."""
    n, d = points.shape
    inside = 0
    moved[:] = 1.0
    first = below(rng, n)  # which points stop it first differs from call to call
    for q in range(n):
        p = q + first if q + first < n else q + first - n
        taken_in = True
        for j in range(d):
            if points[p, j] >= moved[j]:
                taken_in = False
                break
        if not taken_in:
            continue
        out, number = -1, 0
        for j in range(d):
            if points[p, j] >= corner[j]:
                number += 1
                if below(rng, number) == 0:
                    out = j
        if out < 0:
            inside += 1
        else:
            moved[out] = points[p, out]
    return inside


@compiled
def snap(points: Any, corner: Any, closed: bool, rng: Any, moved: Any) -> Any:
    """Set `moved` to the best box with the same points as `corner`; (discrepancy of that box, points in it)."""
    inside = _shrink(points, corner, moved) if closed else _blow_up(points, corner, moved, rng)
    volume = 1.0
    for j in range(len(corner)):
        volume *= moved[j]
    share = inside / len(points)
    return (share - volume if closed else volume - share), inside


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
    corner, other, moved = np.empty(d), np.empty(d), np.empty(d)
    thresholds = np.empty(rounds)
    for i in range(rounds):
        for j in range(d):
            corner[j] = _uniform(rng) ** (1.0 / d)
        _neighbour(corner, other, grid, 2, 0.5, rng)
        first, _ = snap(points, corner, closed, rng, moved)
        second, _ = snap(points, other, closed, rng, moved)
        thresholds[i] = -abs(first - second)
    thresholds.sort()
    value, inside = snap(points, corner, closed, rng, moved)
    best = -1.0
    for i in range(rounds):
        share = i / rounds
        moving = 2 + int(share * max(0, d - 2))
        for _ in range(rounds):
            _neighbour(corner, other, grid, moving, 0.5 * (1 - share) + 0.05, rng)
            new, inside = snap(points, other, closed, rng, moved)
            if new - value >= thresholds[i]:
                value = new
                corner[:] = other
                if value > best:
                    best = value
                    row[:d] = moved
                    row[d], row[d + 1] = 1.0 if closed else 0.0, inside
    return best
