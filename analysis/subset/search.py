"""Choosing k of n points so that the discrepancy of the chosen ones is small: search, and a proof within reach.

`select_subset` runs one walk a core (`walk`), each from a random subset of its own. What is promised: with
`max_steps` and without `time_limit` the same arguments give the same result anywhere; a time limit only decides after
which step a walk ends, so that two runs of unequal length agree up to the shorter one's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from carps_lite.analysis.subset.anytime import Clock, Progress, Search, Selection
from carps_lite.analysis.subset.discrepancy import Points, as_points, attaining_box
from carps_lite.analysis.subset.limits import lower_bound
from carps_lite.errors import InputError, check_whole

if TYPE_CHECKING:
    from carps_lite.analysis.subset.walk import Walk

PROVABLE = (64, 16)
"""Up to this many different points to choose from and to choose, a proof is tried unless told otherwise."""


def select_subset(
    points: Any,
    k: int,
    *,
    seed: int = 0,
    time_limit: float | None = 10.0,
    max_steps: int | None = None,
    keep: Sequence[int] = (),
    n_processes: int = 1,
    prove: bool | None = None,
    progress: Progress | None = None,
    progress_every: float = 0.1,
    clock: Clock = perf_counter,
) -> Selection:
    """Choose `k` rows of `points` (n, d) in [0, 1] whose star discrepancy in the unit cube is as small as can be found.

    `time_limit` in seconds of `clock`, compilation apart; `max_steps` for each walk; one of the two is needed.
    `keep`: rows that must be among them. `n_processes`: walks side by side, one a core (threads outside the GIL).
    `prove`: also try to prove the optimum (needs ortools); None: where the case is small, ortools is there and time
    is limited. `progress` is told every `progress_every` seconds or after each chunk of steps, whatever is longer.
    Ctrl-C returns the best so far, marked `interrupted`. Raises InputError for points outside [0, 1] or not finite, k
    > n, equal points, or rows to keep that do not exist; MissingDependency without numba.
    """
    points = as_points(points)
    keep = _check(points, k, keep, time_limit, max_steps)
    check_whole("select_subset", "seed", seed, 0)
    check_whole("select_subset", "n_processes", n_processes, 1)
    if k == len(points) or k == len(keep):
        rows = tuple(range(k)) if k == len(points) else keep
        value = attaining_box(points[list(rows)]).discrepancy
        return Selection(rows, value, value, True, 0.0)
    walks = _walks(points, k, keep, seed, n_processes)
    proving = _proving(points, k, prove, time_limit)
    began = clock()
    bound = lower_bound(points, k, keep)
    search = Search(walks, bound, began, clock, progress, progress_every)
    share = 0.4 if proving and time_limit is not None else 1.0
    search.run(None if time_limit is None else began + share * time_limit, max_steps, patient=not proving)
    found = search.result()
    if proving and not found.proven and not found.interrupted:
        found = _prove(points, keep, found, search, None if time_limit is None else began + time_limit, seed)
    return replace(found, seconds=clock() - began)


def _check(
    points: Points, k: int, keep: Sequence[int], time_limit: float | None, max_steps: int | None
) -> tuple[int, ...]:
    check_whole("select_subset", "k", k, 1)
    n = len(points)
    if k > n:
        raise InputError(f"k must be at most the number of points, {n}, got {k}")
    if n > 1 and (points == points[0]).all():
        raise InputError(f"all {n} points are equal, {points[0].tolist()}: every subset is as good as any other")
    kept = tuple(sorted({int(row) for row in keep}))
    lost = [row for row in kept if not 0 <= row < n]
    if lost:
        raise InputError(f"keep: there is no row {lost[0]}; rows are 0 to {n - 1}")
    if len(kept) > k:
        raise InputError(f"keep: {len(kept)} rows are to be kept, more than k={k}")
    if time_limit is None and max_steps is None:
        raise InputError("give time_limit or max_steps: the search does not end by itself")
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit must be above 0 seconds, got {time_limit!r}")
    if max_steps is not None:
        check_whole("select_subset", "max_steps", max_steps, 1)
    return kept


def _walks(points: Points, k: int, keep: tuple[int, ...], seed: int, number: int) -> list[Walk]:
    """Walks from random subsets, compiled or loaded from the disk by a small case of the same number of dimensions."""
    from carps_lite.analysis.subset.walk import go_on, start

    small = start(np.eye(3, points.shape[1]), np.array([0]), 0, 0, 4)
    go_on(small, 3, 0.0)
    lower_bound(small.points, 1, (0,))
    free = np.setdiff1d(np.arange(len(points)), keep)
    walks = []
    for stream in np.random.SeedSequence(seed).spawn(number):
        rng = np.random.default_rng(stream)
        chosen = np.append(keep, rng.choice(free, k - len(keep), replace=False)).astype(np.int64)
        walks.append(start(points, chosen, len(keep), int(rng.integers(1 << 62))))
    return walks


def _proving(points: Points, k: int, prove: bool | None, time_limit: float | None) -> bool:
    if prove is not None:
        if prove:
            from carps_lite.analysis.subset.proof import solver

            solver()
        return prove
    from importlib.util import find_spec

    small = len(np.unique(points, axis=0)) <= PROVABLE[0] and k <= PROVABLE[1]
    return small and time_limit is not None and find_spec("ortools") is not None


def _prove(
    points: Points, keep: tuple[int, ...], found: Selection, search: Search, deadline: float | None, seed: int
) -> Selection:
    from carps_lite.analysis.subset.proof import prove_optimum

    seconds = None if deadline is None else max(0.05, deadline - search.clock())
    pool = search.walks[0].pool
    size = int(pool.size[0])
    boxes = np.column_stack([pool.corner[:size], pool.closed[:size]])
    try:
        proof = prove_optimum(
            points, found.indices, found.discrepancy, found.lower_bound, keep, boxes, seconds, seed, len(search.walks)
        )
    except KeyboardInterrupt:
        return replace(found, interrupted=True)
    return replace(
        found, indices=proof.indices, discrepancy=proof.discrepancy, lower_bound=proof.lower_bound, proven=proof.proven
    )
