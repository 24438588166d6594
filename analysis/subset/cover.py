"""Compiled: certified upper bounds of the star discrepancy by a bracketing cover that is refined where it matters.

All corners between two, a <= q <= b, have at most the discrepancy max(vol(b) - #{p < a} / n, #{p <= b} / n - vol(a)):
the brackets of Thiémard (An algorithm to compute bounds for the star discrepancy, J. Complexity 17, 2001). Here the
brackets are ranges of ranks on the grid of coordinates, where the supremum is attained. The one with the largest
bound is halved, time after time; the largest bound left is an upper bound at any moment, and with nothing left to
halve the value is exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from carps_lite.analysis.subset.compiled import compiled
from carps_lite.analysis.subset.pool import Grid

ROOM = 1 << 20
"""Brackets that are kept at most."""


class Cover(NamedTuple):
    """A heap of brackets, the largest bound first."""

    low: Any  # (ROOM, d): ranks of a
    high: Any  # (ROOM, d): ranks of b
    bound: Any  # (ROOM,)
    size: Any  # (1,)


def make_cover(grid: Grid, room: int = ROOM) -> Cover:
    """A cover of one bracket, the whole cube."""
    d = len(grid.count)
    cover = Cover(np.zeros((room, d), np.int32), np.zeros((room, d), np.int32), np.zeros(room), np.ones(1, np.int64))
    cover.high[0], cover.bound[0] = grid.count - 1, 1.0
    return cover


@compiled
def _look(points: Any, grid: Grid, low: Any, high: Any) -> Any:
    """A bracket's upper bound, and the largest discrepancy at its two corners."""
    n, d = points.shape
    a, b = np.empty(d), np.empty(d)
    volume_a, volume_b = 1.0, 1.0
    for j in range(d):
        a[j], b[j] = grid.value[j, low[j]], grid.value[j, high[j]]
        volume_a *= a[j]
        volume_b *= b[j]
    below_a, upto_a, below_b, upto_b = 0, 0, 0, 0
    for p in range(n):
        in_a, on_a, in_b, on_b = 1, 1, 1, 1
        for j in range(d):
            x = points[p, j]
            if x > b[j]:
                in_a, on_a, in_b, on_b = 0, 0, 0, 0
                break
            if x == b[j]:
                in_b = 0
            if x >= a[j]:
                in_a = 0
                if x > a[j]:
                    on_a = 0
        below_a += in_a
        upto_a += on_a
        below_b += in_b
        upto_b += on_b
    at_a = max(volume_a - below_a / n, upto_a / n - volume_a)
    at_b = max(volume_b - below_b / n, upto_b / n - volume_b)
    return max(volume_b - below_a / n, upto_b / n - volume_a), max(at_a, at_b)


@compiled
def _swap(cover: Cover, i: int, j: int) -> None:
    for m in range(cover.low.shape[1]):
        cover.low[i, m], cover.low[j, m] = cover.low[j, m], cover.low[i, m]
        cover.high[i, m], cover.high[j, m] = cover.high[j, m], cover.high[i, m]
    cover.bound[i], cover.bound[j] = cover.bound[j], cover.bound[i]


@compiled
def _push(cover: Cover, low: Any, high: Any, bound: float) -> None:
    i = cover.size[0]
    cover.low[i], cover.high[i], cover.bound[i] = low, high, bound
    cover.size[0] += 1
    while i > 0 and cover.bound[(i - 1) // 2] < cover.bound[i]:
        _swap(cover, i, (i - 1) // 2)
        i = (i - 1) // 2


@compiled
def _pop(cover: Cover) -> None:
    cover.size[0] -= 1
    size = cover.size[0]
    _swap(cover, 0, size)
    i = 0
    while True:
        largest = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < size and cover.bound[child] > cover.bound[largest]:
                largest = child
        if largest == i:
            return
        _swap(cover, i, largest)
        i = largest


@compiled
def _halve(grid: Grid, low: Any, high: Any) -> Any:
    """The dimension to halve, where the corners differ by the largest ratio, and the rank at which."""
    chosen, most = -1, -1.0
    for j in range(len(low)):
        if low[j] < high[j]:
            ratio = grid.value[j, high[j]] / max(grid.value[j, low[j]], 1e-3)
            if ratio > most:
                chosen, most = j, ratio
    if chosen < 0:
        return -1, 0
    middle = 0.5 * (grid.value[chosen, low[chosen]] + grid.value[chosen, high[chosen]])
    rank = np.searchsorted(grid.value[chosen, : grid.count[chosen]], middle)
    return chosen, max(low[chosen], min(rank, high[chosen] - 1))


@compiled
def refine(points: Any, grid: Grid, cover: Cover, lower: float, times: int) -> float:
    """Halve the bracket of the largest bound `times` times, or until none is above `lower`; the new `lower`."""
    d = points.shape[1]
    low, high = np.empty(d, np.int32), np.empty(d, np.int32)
    for _ in range(times):
        if cover.size[0] == 0 or cover.bound[0] <= lower or cover.size[0] + 2 > len(cover.bound):
            break
        low[:], high[:] = cover.low[0], cover.high[0]
        _pop(cover)
        j, rank = _halve(grid, low, high)
        if j < 0:
            continue
        for half in range(2):
            first, last = low[j], high[j]
            if half == 0:
                high[j] = rank
            else:
                low[j] = rank + 1
            bound, value = _look(points, grid, low, high)
            lower = max(lower, value)
            if bound > lower:
                _push(cover, low, high, bound)
            low[j], high[j] = first, last
    return lower
