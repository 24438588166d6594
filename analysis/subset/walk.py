"""Compiled: the local search for a subset of smaller discrepancy, by swaps that repair violated boxes.

The subset is to meet the constraints of `pool` for a threshold t just below the best discrepancy known. A step picks
a violated box at random and makes the swap that repairs it at the least weighted number of new violations; points
just swapped are tabu for a few steps, and boxes that stay violated gain weight (breakout, Morris 1993). Once no box
of the pool is violated, the exact discrepancy either finds new boxes or is the new best, and t goes below it. Boxes
with slack cannot be broken by one swap, so only those without slack are looked at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from carps_lite.analysis.subset.boxes import worst_box, worst_boxes
from carps_lite.analysis.subset.compiled import compiled
from carps_lite.analysis.subset.faces import Faces, make_faces
from carps_lite.analysis.subset.pool import GAP, Grid, Pool, add_box, below, lift, lower_threshold, make_grid, make_pool

ROOM = 1500
"""Boxes in the pool."""


class Walk(NamedTuple):
    """Where one search stands; every field is an array, so that a walk can be left and taken up again anywhere."""

    points: Any  # (n, d)
    chosen: Any  # (k,): the subset, those to keep first
    kept: Any  # (1,): how many those are
    member: Any  # (n,): whether a point is in the subset
    tabu: Any  # (n,): the step until which a point may not move
    coordinates: Any  # (k, d): of the subset
    best: Any  # (k,): the best subset so far
    value: Any  # (2,): its discrepancy; the threshold that is looked for
    step: Any  # (2,): steps made; exact discrepancies computed
    rng: Any  # (1,)
    pool: Pool
    grid: Grid
    faces: Faces
    rows: Any  # (4 k + 8, d + 2): boxes that the exact discrepancy found
    tight: Any  # (3, M): places of boxes: without slack, violated, with a slack of just 0
    cost: Any  # (2, n): of taking a point in; the same for one point going out


def start(points: Any, chosen: Any, kept: int, seed: int, room: int = ROOM) -> Walk:
    """A walk over `points` (n, d) from the subset `chosen` (k,), whose first `kept` members stay."""
    (n, d), k = points.shape, len(chosen)
    member = np.zeros(n, np.bool_)
    member[chosen] = True
    return Walk(
        points, np.array(chosen, np.int64), np.array([kept], np.int64), member, np.zeros(n, np.int64), points[chosen],
        np.array(chosen, np.int64), np.array([2.0, 1.0]), np.zeros(2, np.int64), np.array([seed | 1], np.uint64),
        make_pool(room, n, d), make_grid(points), make_faces(k, d), np.zeros((4 * k + 8, d + 2)),
        np.zeros((3, room), np.int64), np.zeros((2, n), np.int32),
    )  # fmt: skip


@compiled
def _sort_out(pool: Pool, tight: Any) -> Any:
    """List the boxes without slack; the numbers of all, of the violated, and of those at their limit."""
    n_tight, n_violated, n_exact = 0, 0, 0
    for b in range(pool.size[0]):
        if pool.slack[b] <= 0:
            tight[0, n_tight] = b
            n_tight += 1
            if pool.slack[b] < 0:
                tight[1, n_violated] = b
                n_violated += 1
            else:
                tight[2, n_exact] = b
                n_exact += 1
    return n_tight, n_violated, n_exact


@compiled
def _look(walk: Walk, target: float) -> bool:
    """No box of the pool is violated: ask the exact discrepancy; whether the target is reached."""
    k, d = walk.coordinates.shape
    pool, value = walk.pool, walk.value
    walk.step[1] += 1
    found = worst_boxes(walk.coordinates, walk.faces, value[1] + 0.01 * GAP, walk.rows)
    if found == 0:
        discrepancy = worst_box(walk.coordinates, walk.faces, walk.rows)
        if discrepancy < value[0]:
            value[0] = discrepancy
            walk.best[:] = walk.chosen
        value[1] = min(value[1], discrepancy - GAP)
        if value[0] <= target:
            return True
        lower_threshold(pool, k, value[1])
        found = worst_boxes(walk.coordinates, walk.faces, value[1] + 0.01 * GAP, walk.rows)
    rank, blocked = np.empty(d, np.int64), np.empty(d, np.int64)
    for q in range(found):
        volume = lift(walk.rows[q], k, value[1], walk.grid, rank, blocked, walk.rng)
        add_box(pool, walk.rows[q], volume, walk.points, walk.chosen, value[1], walk.step[0], walk.rng)
    return False


@compiled
def _cost_in(walk: Walk, n_tight: int) -> None:
    """What taking each point in costs: the weights of the boxes that it breaks less those that it helps."""
    pool, cost = walk.pool, walk.cost[0]
    cost[:] = 0
    for q in range(n_tight):
        b = walk.tight[0, q]
        pool.used[b] = walk.step[0]
        weight, held = pool.weight[b], pool.holds[b]
        if pool.closed[b]:
            for p in range(len(cost)):
                cost[p] += weight * np.int32(held[p])
        elif pool.slack[b] < 0:
            for p in range(len(cost)):
                cost[p] -= weight * np.int32(held[p])


@compiled
def _cost_out(walk: Walk, n_tight: int, out: int) -> int:
    """What letting the point `out` go costs by itself."""
    pool, cost = walk.pool, 0
    held_by = pool.held_by[out]
    for q in range(n_tight):
        b = walk.tight[0, q]
        if held_by[b]:
            if not pool.closed[b]:
                cost += pool.weight[b]
            elif pool.slack[b] < 0:
                cost -= pool.weight[b]
    return cost


@compiled
def _best_swap(walk: Walk, n_tight: int, n_exact: int, mended: int) -> Any:
    """The swap that helps the box `mended` at the least cost: (place in the subset or -1 for none, point, cost)."""
    pool, step = walk.pool, walk.step[0]
    wanted = pool.closed[mended]  # a point goes out that is in an overfull closed box, or is outside of an open one
    change, holds = walk.cost[1], pool.holds[mended]
    least, place, into, ties = 1 << 30, -1, -1, 0
    for s in range(walk.kept[0], len(walk.chosen)):
        out = walk.chosen[s]
        if holds[out] != wanted or walk.tabu[out] > step:
            continue
        gone = _cost_out(walk, n_tight, out)
        change[:] = walk.cost[0]
        held_by = pool.held_by[out]
        for q in range(n_exact):  # boxes at their limit take a point in for the one that goes out
            b = walk.tight[2, q]
            if held_by[b]:
                weight, held = pool.weight[b], pool.holds[b]
                for p in range(len(change)):
                    change[p] -= weight * np.int32(held[p])
        for p in range(len(change)):
            if gone + change[p] > least or walk.member[p] or holds[p] == wanted or walk.tabu[p] > step:
                continue
            if gone + change[p] < least:
                least, place, into, ties = gone + change[p], s, p, 1
            else:
                ties += 1
                if below(walk.rng, ties) == 0:
                    place, into = s, p
    return place, into, least


@compiled
def _swap(walk: Walk, place: int, into: int) -> None:
    pool, step = walk.pool, walk.step[0]
    out = walk.chosen[place]
    walk.chosen[place] = into
    walk.member[out], walk.member[into] = False, True
    walk.coordinates[place] = walk.points[into]
    gain, loss = pool.held_by[into], pool.held_by[out]
    for b in range(pool.size[0]):
        change = np.int32(gain[b]) - np.int32(loss[b])
        pool.inside[b] += change
        pool.slack[b] += change * (1 - 2 * pool.closed[b])
    walk.tabu[out] = step + 3 + below(walk.rng, 5)
    walk.tabu[into] = step + 2 + below(walk.rng, 3)


@compiled
def _weigh(walk: Walk, n_violated: int) -> None:
    """No swap helps: what is violated matters more from now on, and now and then all weights fade."""
    pool = walk.pool
    for q in range(n_violated):
        pool.weight[walk.tight[1, q]] += 1
    if below(walk.rng, 50) == 0:
        for b in range(pool.size[0]):
            if pool.weight[b] > 1:
                pool.weight[b] -= 1


@compiled
def go_on(walk: Walk, steps: int, target: float) -> bool:
    """Make `steps` steps, or as many as it takes to a discrepancy of at most `target`; whether that is reached."""
    for _ in range(steps):
        walk.step[0] += 1
        n_tight, n_violated, n_exact = _sort_out(walk.pool, walk.tight)
        if n_violated == 0:
            if _look(walk, target):
                return True
            continue
        _cost_in(walk, n_tight)
        mended = walk.tight[1, below(walk.rng, n_violated)]
        place, into, cost = _best_swap(walk, n_tight, n_exact, mended)
        if cost >= 0:
            _weigh(walk, n_violated)
        if place >= 0:
            _swap(walk, place, into)
    return False
