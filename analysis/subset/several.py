"""Several subsets at once (dev, test, ...) that share neither a task nor a group of tasks.

Instances of one function and runs on one data set are no independent tasks: a group has members in one subset at most.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.subset.discrepancy import Points, as_points, attaining_box
from carps_lite.analysis.subset.search import Clock, Progress, Selection, select_subset
from carps_lite.errors import InputError, check_whole, nearest

METHODS = ("sequential", "split", "joint")
ROUNDS = 4
"""Rounds of the joint method where steps are limited and time is not; otherwise a round takes a sixth of the time."""

Rows = npt.NDArray[np.intp]


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
    out; the rest as in `select_subset`. Bounds hold for each subset by itself, and none is proven. Raises InputError
    as `select_subset` does, and where the groups cannot be dealt out.
    """
    points = as_points(points)
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}, got {method!r}{nearest(method, METHODS)}")
    if time_limit is None and max_steps is None:
        raise InputError("give time_limit or max_steps: the search does not end by itself")
    keeps = _check(points, sizes, groups, keep)
    which = np.unique(np.array([repr(group) for group in groups]), return_inverse=True)[1]
    case = _Case(points, tuple(sizes), which, keeps, seed, max_steps, n_processes, progress, clock, time_limit)
    case.cover(case.free(()), range(len(sizes)))
    ways: dict[str, Callable[[_Case], list[Selection]]] = {"sequential": _sequential, "split": _split, "joint": _joint}
    return tuple(ways[method](case))


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


@dataclass(frozen=True)
class _Case:
    points: Points
    sizes: tuple[int, ...]
    groups: Rows
    keeps: tuple[tuple[int, ...], ...]
    seed: int
    max_steps: int | None
    n_processes: int
    progress: Progress | None
    clock: Clock
    time_limit: float | None
    stopped: list[bool] = field(default_factory=list)

    def seconds(self, share: float) -> float | None:
        return None if self.time_limit is None else share * self.time_limit

    def free(self, others: Sequence[Sequence[int]], own: int | None = None) -> Rows:
        """The rows whose groups neither `others` hold nor a subset other than `own` keeps."""
        taken = [row for rows in others for row in rows]
        taken += [row for i, rows in enumerate(self.keeps) if i != own and own is not None for row in rows]
        return np.flatnonzero(~np.isin(self.groups, self.groups[taken]))

    def select(self, i: int, rows: Rows, seconds: float | None, seed: int) -> Selection:
        """Subset `i` from these rows, in the places of all rows."""
        points, k = self.points[rows], self.sizes[i]
        kept = np.searchsorted(rows, self.keeps[i]).tolist()
        if (points == points[0]).all():
            others = [row for row in range(len(rows)) if row not in kept]
            value = attaining_box(points[:k]).discrepancy
            chosen = sorted(rows[kept + others[: k - len(kept)]].tolist())
            return Selection(tuple(chosen), value, value, False, 0.0, bool(self.stopped))
        found = select_subset(
            points, k, seed=seed, time_limit=0.05 if self.stopped else seconds, max_steps=self.max_steps, keep=kept,
            n_processes=self.n_processes, prove=False, progress=self.progress, clock=self.clock,
        )  # fmt: skip
        if found.interrupted:
            self.stopped.append(True)  # Ctrl-C ends them all: what is left is done in a moment each
        found = replace(found, interrupted=bool(self.stopped), proven=False)
        return replace(found, indices=tuple(rows[list(found.indices)].tolist()))

    def cover(self, rows: Rows, subsets: Sequence[int]) -> dict[int, Rows]:
        """Deal the groups of these rows out so that each of these subsets has enough; InputError if none is found."""
        rng = np.random.default_rng([self.seed, 7])
        names, number = np.unique(self.groups[rows], return_counts=True)
        owner = {int(self.groups[row]): i for i in subsets for row in self.keeps[i]}
        for attempt in range(200):
            order = np.argsort(-number + (rng.uniform(0, 0.3 * attempt, len(number)) if attempt else 0), kind="stable")
            need, dealt = {i: self.sizes[i] for i in subsets}, dict(owner)
            for g in order:
                i = dealt.setdefault(int(names[g]), max(need, key=lambda j: need[j]))
                if i in need:
                    need[i] -= int(number[g])
            if max(need.values()) <= 0:
                return {i: rows[[dealt[int(g)] == i for g in self.groups[rows]]] for i in subsets}
        sizes = ", ".join(str(self.sizes[i]) for i in subsets)
        raise InputError(
            f"groups: no way found to give subsets of {sizes} rows groups of their own: {len(names)} groups"
        )


def _choose(case: _Case, i: int, others: dict[int, Selection], seconds: float | None, seed: int) -> Selection:
    """Subset `i` from what the others leave, such that the subsets that are still to come find enough."""
    rows = case.free([other.indices for other in others.values()], i)
    later = [j for j in range(len(case.sizes)) if j != i and j not in others]
    found = case.select(i, rows, seconds, seed)
    if later:
        try:
            case.cover(case.free([found.indices, *(other.indices for other in others.values())]), later)
        except InputError:
            everything = case.free([other.indices for other in others.values()])
            own = case.cover(everything, [i, *later])[i]
            return case.select(i, own, seconds, seed)
    return found


def _sequential(case: _Case) -> list[Selection]:
    return _in_order(case, range(len(case.sizes)), case.seconds(1 / len(case.sizes)), case.seed)


def _in_order(case: _Case, order: Sequence[int], seconds: float | None, seed: int) -> list[Selection]:
    found: dict[int, Selection] = {}
    for i in order:
        found[i] = _choose(case, i, found, seconds, seed)
    return [found[i] for i in range(len(case.sizes))]


def _split(case: _Case) -> list[Selection]:
    """One subset of the total size, of which each part takes its own; then what a part lacks, from all that is free."""
    kept = sorted(row for rows in case.keeps for row in rows)
    seconds = case.seconds(1 / (len(case.sizes) + 1))
    whole = replace(case, sizes=(sum(case.sizes),), keeps=(tuple(kept),))
    pool = np.array(whole.select(0, np.arange(len(case.points)), seconds, case.seed).indices)
    found: dict[int, Selection] = {}
    for i in range(len(case.sizes)):
        free = case.free([other.indices for other in found.values()], i)
        mine = np.intersect1d(free, pool)
        later = [j for j in range(len(case.sizes)) if j > i]
        if len(mine) >= case.sizes[i]:
            part = case.select(i, mine, seconds, case.seed)
            if not later or _enough(case, [part.indices, *(other.indices for other in found.values())], later):
                found[i] = part
                continue
        found[i] = _choose(replace(case, keeps=_with(case.keeps, i, mine, case.sizes[i])), i, found, seconds, case.seed)
    return [found[i] for i in range(len(case.sizes))]


def _with(keeps: tuple[tuple[int, ...], ...], i: int, rows: Rows, size: int) -> tuple[tuple[int, ...], ...]:
    """Let subset `i` also keep these rows, if it has room for them all."""
    both = tuple(sorted({*keeps[i], *rows.tolist()}))
    return (*keeps[:i], both, *keeps[i + 1 :]) if len(both) <= size else keeps


def _enough(case: _Case, taken: Sequence[Sequence[int]], later: Sequence[int]) -> bool:
    try:
        case.cover(case.free(taken), later)
    except InputError:
        return False
    return True


def _joint(case: _Case) -> list[Selection]:
    n, began = len(case.sizes), case.clock()
    alone = [case.select(i, case.free((), i), case.seconds(0.2 / n), case.seed) for i in range(n)]
    rng = np.random.default_rng([case.seed, 11])

    def score(found: list[Selection]) -> tuple[float, float]:
        ratios = [
            one.discrepancy / max(by_itself.discrepancy, 1e-9) for one, by_itself in zip(found, alone, strict=True)
        ]
        return max(ratios), sum(ratios)

    best: list[Selection] | None = None
    turn = 0
    while turn < ROUNDS if case.time_limit is None else turn == 0 or case.clock() - began < 0.95 * case.time_limit:
        order = list(range(n)) if turn == 0 else rng.permutation(n).tolist()
        seed = int(rng.integers(1 << 31))
        found = _in_order(case, order, case.seconds(0.08 / n), seed)
        found = _polish(case, found, alone, seed)
        if best is None or score(found) < score(best):
            best = found
        turn += 1
        if case.stopped:
            break
    assert best is not None
    seconds = case.clock() - began
    return [
        replace(one, lower_bound=min(one.discrepancy, by_itself.lower_bound), proven=False, seconds=seconds)
        for one, by_itself in zip(best, alone, strict=True)
    ]


def _polish(case: _Case, found: list[Selection], alone: list[Selection], seed: int) -> list[Selection]:
    """Let the subsets, the relatively worst one first, choose again from what the others leave."""
    found = list(found)
    ratio = [one.discrepancy / max(by_itself.discrepancy, 1e-9) for one, by_itself in zip(found, alone, strict=True)]
    for i in sorted(range(len(found)), key=lambda i: -ratio[i]):
        rows = case.free([other.indices for j, other in enumerate(found) if j != i], i)
        again = case.select(i, rows, case.seconds(0.08 / len(found)), seed + 1)
        if again.discrepancy < found[i].discrepancy:
            found[i] = again
    return found
