"""Several subsets at once (dev, test, ...) that share neither a task nor a group of tasks.

Instances of one function and runs on one data set are no independent tasks: a group has members in one subset at most.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from carps_lite.analysis.subset import methods
from carps_lite.analysis.subset.anytime import Clock, Progress, Selection
from carps_lite.analysis.subset.dealing import Case
from carps_lite.analysis.subset.discrepancy import Points, as_points
from carps_lite.errors import InputError, check_whole, nearest

METHODS: dict[str, Callable[[Case], list[Selection]]] = {
    "sequential": methods.sequential,
    "split": methods.split,
    "joint": methods.joint,
}


def select_subsets(
    points: Any,
    sizes: Sequence[int],
    groups: Sequence[Hashable],
    *,
    method: str = "joint",
    seed: int = 0,
    time_limit: float | None = 30.0,
    max_steps: int | None = None,
    keep: Sequence[Sequence[int]] | None = None,
    n_processes: int = 1,
    progress: Progress | None = None,
    clock: Clock = perf_counter,
) -> tuple[Selection, ...]:
    """Choose a subset of each of `sizes` from `points` (n, d), disjoint by row and by group: `groups` (n,).

    `sequential`: each subset from what its predecessors left, so the first is the best. `split`: one subset of the
    total size, which is then divided; rows whose group went to another part are replaced. `joint`: rounds in which
    the subsets take turns at the first choice and then improve on what the others leave, for the smallest largest
    ratio of a subset's discrepancy to what its size reaches alone. `keep`: for each subset the rows that it must
    hold. `time_limit` and `max_steps` (of each single search, with which alone the result is repeatable) are shared
    out; the rest as in `select_subset`. Bounds hold for each subset by itself, among all rows that are not kept for
    others; `proven` says that none of these is better. Of `sequential` subsets they are about the rows that its
    predecessors left. Never proven is that subsets are the best together. Raises InputError as `select_subset` does,
    and where the groups cannot be dealt out.
    """
    points = as_points(points)
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}, got {method!r}{nearest(method, METHODS)}")
    if time_limit is None and max_steps is None:
        raise InputError("give time_limit or max_steps: the search does not end by itself")
    keeps = _check(points, sizes, groups, keep)
    which = np.unique(np.array([repr(group) for group in groups]), return_inverse=True)[1]
    case = Case(points, tuple(sizes), which, keeps, seed, max_steps, n_processes, progress, clock, time_limit)
    case.cover(case.free(()), range(len(sizes)))
    return tuple(METHODS[method](case))


def _check(
    points: Points, sizes: Sequence[int], groups: Sequence[Hashable], keep: Sequence[Sequence[int]] | None
) -> tuple[tuple[int, ...], ...]:
    if not len(sizes):
        raise InputError("sizes must hold at least one size")
    for size in sizes:
        check_whole("select_subsets", "a size", size, 1)
    if sum(sizes) > len(points):
        raise InputError(f"sizes: {sum(sizes)} rows in all are more than the {len(points)} there are")
    if len(groups) != len(points):
        raise InputError(f"groups must name a group for each of {len(points)} rows, got {len(groups)}")
    keeps = tuple(
        tuple(sorted({int(row) for row in rows})) for rows in (keep if keep is not None else [()] * len(sizes))
    )
    if len(keeps) != len(sizes):
        raise InputError(f"keep must have rows for each of {len(sizes)} subsets, got {len(keeps)}")
    owner: dict[Hashable, int] = {}
    for i, rows in enumerate(keeps):
        lost = [row for row in rows if not 0 <= row < len(points)]
        if lost:
            raise InputError(f"keep: there is no row {lost[0]}; rows are 0 to {len(points) - 1}")
        if len(rows) > sizes[i]:
            raise InputError(f"keep: {len(rows)} rows are to be kept, more than k={sizes[i]}")
        for row in rows:
            if owner.setdefault(groups[row], i) != i:
                raise InputError(f"keep: group {groups[row]!r} has rows to keep in more than one subset")
    return keeps
