"""Compiled: the box constraints that a subset of at most a given discrepancy must meet, made as they are needed.

A subset of k points has a discrepancy of at most t exactly if each closed box of volume v holds at most floor(k (v +
t)) of them, and each open box at least ceil(k (v - t)). Few of these constraints matter: those that a search met
violated, each **lifted**, which is to say moved over the grid of all coordinates (closed boxes outwards, open ones
inwards) as long as its limit stays the same whole number. A lifted box implies the one it came from, and many others.

Axes: M room for boxes, n points to choose from, d dimensions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from carps_lite.analysis.subset.compiled import compiled

GAP = 1e-9
"""A discrepancy counts as smaller if it is smaller by this much; so this is also the error of a proof."""
ROUNDING = 1e-12
"""Whole-number limits are taken as reached within this share: above the error of a volume, far below GAP."""


class Pool(NamedTuple):
    """The constraints and how a subset stands to them; M is fixed, and the longest unused make room for new ones."""

    corner: Any  # (M, d)
    closed: Any  # (M,): 1 or 0
    volume: Any  # (M,)
    holds: Any  # (M, n): 1 where the box holds the point
    held_by: Any  # (n, M): the same, turned
    inside: Any  # (M,): how many of the subset
    slack: Any  # (M,): how many more (closed) or fewer (open) there may be; negative: violated
    weight: Any  # (M,): grows while the box stays violated
    used: Any  # (M,): the last step at which it had no slack
    size: Any  # (1,): how many there are


class Grid(NamedTuple):
    """The distinct coordinates of all points, and 1."""

    value: Any  # (d, most)
    count: Any  # (d,)


def make_pool(room: int, n: int, d: int) -> Pool:
    """An empty pool."""
    return Pool(
        np.zeros((room, d)), np.zeros(room, np.int32), np.zeros(room), np.zeros((room, n), np.uint8),
        np.zeros((n, room), np.uint8), np.zeros(room, np.int32), np.zeros(room, np.int32), np.ones(room, np.int32),
        np.zeros(room, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip


def make_grid(points: Any) -> Grid:
    """The grid of `points` (n, d)."""
    axes = [np.unique(np.append(column, 1.0)) for column in points.T]
    value = np.ones((len(axes), max(map(len, axes))))
    for row, axis in zip(value, axes, strict=True):
        row[: len(axis)] = axis
    return Grid(value, np.array([len(axis) for axis in axes], np.int64))


@compiled
def below(rng: Any, n: int) -> Any:
    """A random whole number below `n` (xorshift64, Marsaglia 2003), so that a search can stop and go on anywhere."""
    x = rng[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    rng[0] = x
    return np.int64((x >> np.uint64(11)) % np.uint64(n))  # numba's int() of an unsigned number stays unsigned


@compiled
def limit(closed: int, volume: float, k: int, t: float) -> int:
    """How many of k points a box may hold (closed) or must hold (open) for a discrepancy of at most `t`."""
    if closed:
        return int(np.floor(k * (volume + t + ROUNDING)))
    return int(np.ceil(k * (volume - t - ROUNDING)))


@compiled
def _product(grid: Grid, rank: Any, moved: int, by: int) -> float:
    volume = 1.0
    for j in range(len(rank)):
        volume *= grid.value[j, rank[j] + (by if j == moved else 0)]
    return volume


@compiled
def lift(row: Any, k: int, t: float, grid: Grid, rank: Any, blocked: Any, rng: Any) -> float:
    """Move the corner in `row` (d coordinates, then 1 for closed) as far as its limit allows; its volume."""
    d = len(rank)
    closed = row[d] > 0.5
    by = 1 if closed else -1
    for j in range(d):
        rank[j] = np.searchsorted(grid.value[j, : grid.count[j]], row[j])
        blocked[j] = 0
    most = limit(closed, _product(grid, rank, -1, 0), k, t)
    left = d
    while left > 0:
        j = below(rng, d)
        if blocked[j]:
            continue
        inside = 0 <= rank[j] + by < grid.count[j]
        if inside and limit(closed, _product(grid, rank, j, by), k, t) == most:
            rank[j] += by
        else:
            blocked[j] = 1
            left -= 1
    for j in range(d):
        row[j] = grid.value[j, rank[j]]
    return _product(grid, rank, -1, 0)


@compiled
def hold(points: Any, row: Any, held: Any) -> None:
    """Set `held` (n,) to 1 for the points (n, d) within the box in `row`."""
    n, d = points.shape
    closed = row[d] > 0.5
    for p in range(n):
        within = 1
        for j in range(d):
            if points[p, j] > row[j] or (not closed and points[p, j] == row[j]):
                within = 0
                break
        held[p] = within


@compiled
def _slack(pool: Pool, b: int, k: int, t: float) -> None:
    most = limit(pool.closed[b], pool.volume[b], k, t)
    pool.slack[b] = most - pool.inside[b] if pool.closed[b] else pool.inside[b] - most


@compiled
def lower_threshold(pool: Pool, k: int, t: float) -> None:
    """Let the constraints be those of the discrepancy `t`."""
    for b in range(pool.size[0]):
        _slack(pool, b, k, t)


@compiled
def add_box(pool: Pool, row: Any, volume: float, points: Any, chosen: Any, t: float, step: int, rng: Any) -> None:
    """Put the box in `row` into the pool, in the place of one that has been slack for long where the pool is full."""
    room, d = pool.corner.shape
    b = pool.size[0]
    if b < room:
        pool.size[0] += 1
    else:
        b = below(rng, room)
        for _ in range(32):
            other = below(rng, room)
            if pool.used[other] < pool.used[b]:
                b = other
    for j in range(d):
        pool.corner[b, j] = row[j]
    pool.closed[b] = 1 if row[d] > 0.5 else 0
    pool.volume[b], pool.weight[b], pool.used[b] = volume, 1, step
    hold(points, row, pool.holds[b])
    for p in range(len(points)):
        pool.held_by[p, b] = pool.holds[b, p]
    inside = 0
    for p in chosen:
        inside += pool.holds[b, p]
    pool.inside[b] = inside
    _slack(pool, b, len(chosen), t)
