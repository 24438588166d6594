"""Comparisons after Friedman's test: Nemenyi and Conover, and the groups that a critical-difference diagram draws.

Labelled views beside the verdict, which is the paired Wilcoxon test with Holm's correction (`stats`): what these say of
two optimizers depends on who else is in the pool (Benavoli, Corani and Mangili 2016, JMLR 17).

Axes: T tasks, or groups of tasks (give the ranks averaged over each group, as `ranking` does for Friedman's test), O
optimizers. Scores are to be minimised; nan or infinity is a failure, worse than any value and equal to another failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.stats import Array, all_pairs, holm, mean_ranks, ranks

Flags = npt.NDArray[np.bool_]


class Conover(NamedTuple):
    """Conover's p values, raw and with Holm's correction over all pairs: (O, O), symmetric, ones on the diagonal."""

    p: Array
    p_holm: Array


def nemenyi(scores: npt.ArrayLike) -> Array:
    """Return Nemenyi's p values, (O, O); `scores`: (T, O). Corrected for all pairs by the studentized range.

    Nemenyi 1963; Demšar 2006 (JMLR 7), section 3.2.2. p < alpha is a difference above `stats.nemenyi_cd`.
    """
    from scipy.stats import studentized_range

    n, k = _shape(scores)
    means = mean_ranks(scores)
    q = [abs(means[a] - means[b]) * np.sqrt(12 * n / (k * (k + 1))) for a, b in all_pairs(k)]
    return _square(k, np.minimum(studentized_range.sf(np.asarray(q), k, np.inf), 1.0))


def conover(scores: npt.ArrayLike) -> Conover:
    """Test all pairs by Student's t on rank sums, (O, O); `scores`: (T, O).

    Conover and Iman 1979; Conover 1999, Practical Nonparametric Statistics, section 5.8, equation 6, ties included.
    Where all tasks agree on the order there is no variance left and p is 0.
    """
    from scipy.stats import t

    n, k = _shape(scores)
    r = ranks(scores)
    sums, squares = r.sum(axis=0), float((r**2).sum())
    degrees = (n - 1) * (k - 1)
    error = np.sqrt(max(0.0, 2 * (n * squares - float((sums**2).sum())) / degrees))
    gaps = np.array([abs(sums[a] - sums[b]) for a, b in all_pairs(k)])
    with np.errstate(divide="ignore", over="ignore"):
        statistic = np.divide(gaps, error, out=np.zeros_like(gaps), where=gaps > 0)
    p = 2 * t.sf(statistic, degrees)
    return Conover(_square(k, p), _square(k, holm(p)))


def cliques(mean_ranks_O: npt.ArrayLike, apart_OO: npt.ArrayLike) -> list[tuple[int, ...]]:
    """Return the largest sets of optimizers among whom no pair is told apart: the bars of a CD diagram.

    `apart_OO`: whether a test tells the pair apart, symmetric (`nemenyi(scores) < alpha`, or any verdicts). Sets and
    their members (indices) come in the order of the mean ranks; single optimizers are left out. Two optimizers share a
    bar exactly where they are not told apart. By Nemenyi a set has no gaps (Demšar 2006, figure 1); by a paired test
    one in the middle may be told apart from both its neighbours, so that a bar has to pass it by.
    """
    means = np.asarray(mean_ranks_O, dtype=float)
    order = [int(i) for i in np.argsort(means, kind="stable")]
    together = ~np.asarray(apart_OO, dtype=bool)[np.ix_(order, order)]
    np.fill_diagonal(together, False)
    found = sorted(c for c in _maximal(together, [], list(range(len(order))), []) if len(c) > 1)
    return [tuple(order[i] for i in clique) for clique in found]


def _maximal(linked: Flags, chosen: list[int], candidates: list[int], excluded: list[int]) -> Iterator[list[int]]:
    """Bron and Kerbosch 1973 (CACM 16), algorithm 457 with a pivot."""
    if not candidates:
        if not excluded:
            yield sorted(chosen)
        return
    pivot = max([*candidates, *excluded], key=lambda v: int(linked[v][candidates].sum()))
    for v in [c for c in candidates if not linked[pivot, c]]:
        near = [[u for u in part if linked[v, u]] for part in (candidates, excluded)]
        yield from _maximal(linked, [*chosen, v], *near)
        candidates = [c for c in candidates if c != v]
        excluded = [*excluded, v]


def _shape(scores: npt.ArrayLike) -> tuple[int, int]:
    n, k = np.shape(scores)
    if n < 2 or k < 2:
        raise ValueError(f"a test after Friedman's needs at least 2 tasks and 2 optimizers, got {n} and {k}")
    return n, k


def _square(k: int, upper: Sequence[float] | Array) -> Array:
    result = np.ones((k, k))
    for (a, b), p in zip(all_pairs(k), upper, strict=True):
        result[a, b] = result[b, a] = p
    return result
