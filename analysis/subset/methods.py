"""The three ways to several disjoint subsets: `sequential`, `split` and `joint`; see `select_subsets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from carps_lite.analysis.subset.anytime import Selection
from carps_lite.analysis.subset.dealing import Case, Rows
from carps_lite.errors import InputError

ROUNDS = 4
"""Rounds of the joint method where steps are limited and time is not; otherwise a round takes a sixth of the time."""


def _choose(
    case: Case, i: int, others: dict[int, Selection], seconds: float | None, seed: int, prove: bool | None = False
) -> Selection:
    """Subset `i` from what the others leave, such that the subsets that are still to come find enough."""
    rows = case.free([other.indices for other in others.values()], i)
    later = [j for j in range(len(case.sizes)) if j != i and j not in others]
    found = case.select(i, rows, seconds, seed, prove)
    if later:
        try:
            case.cover(case.free([found.indices, *(other.indices for other in others.values())]), later)
        except InputError:
            everything = case.free([other.indices for other in others.values()])
            own = case.cover(everything, [i, *later])[i]
            return case.with_bound(i, case.select(i, own, seconds, seed), rows)
    return found


def sequential(case: Case) -> list[Selection]:
    """One after the other, each with a proof where `select_subset` comes to one."""
    return _in_order(case, range(len(case.sizes)), case.seconds(1 / len(case.sizes)), case.seed, None)


def _in_order(
    case: Case, order: Sequence[int], seconds: float | None, seed: int, prove: bool | None = False
) -> list[Selection]:
    found: dict[int, Selection] = {}
    for i in order:
        found[i] = _choose(case, i, found, seconds, seed, prove)
    return [found[i] for i in range(len(case.sizes))]


def split(case: Case) -> list[Selection]:
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
    return [case.with_bound(i, found[i], case.free((), i)) for i in range(len(case.sizes))]


def _with(keeps: tuple[tuple[int, ...], ...], i: int, rows: Rows, size: int) -> tuple[tuple[int, ...], ...]:
    """Let subset `i` also keep these rows, if it has room for them all."""
    both = tuple(sorted({*keeps[i], *rows.tolist()}))
    return (*keeps[:i], both, *keeps[i + 1 :]) if len(both) <= size else keeps


def _enough(case: Case, taken: Sequence[Sequence[int]], later: Sequence[int]) -> bool:
    try:
        case.cover(case.free(taken), later)
    except InputError:
        return False
    return True


def joint(case: Case) -> list[Selection]:
    """Rounds of turns; a subset as good as the best that its size reaches alone is proven."""
    n, began = len(case.sizes), case.clock()
    alone = [case.select(i, case.free((), i), case.seconds(0.2 / n), case.seed, None) for i in range(n)]
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
        replace(
            one,
            lower_bound=min(one.discrepancy, by_itself.lower_bound),
            proven=one.discrepancy <= by_itself.lower_bound + 1e-9,
            seconds=seconds,
        )
        for one, by_itself in zip(best, alone, strict=True)
    ]


def _polish(case: Case, found: list[Selection], alone: list[Selection], seed: int) -> list[Selection]:
    """Let the subsets, the relatively worst one first, choose again from what the others leave."""
    found = list(found)
    ratio = [one.discrepancy / max(by_itself.discrepancy, 1e-9) for one, by_itself in zip(found, alone, strict=True)]
    for i in sorted(range(len(found)), key=lambda i: -ratio[i]):
        rows = case.free([other.indices for j, other in enumerate(found) if j != i], i)
        again = case.select(i, rows, case.seconds(0.08 / len(found)), seed + 1)
        if again.discrepancy < found[i].discrepancy:
            found[i] = again
    return found
