"""Ranks, the omnibus test and paired tests over tasks.

Axes: T tasks, O optimizers, P pairs of optimizers. Scores are to be minimised; nan or infinity is a failure, which is
worse than any value and equal to another failure. `docs/statistics.md` says why each method was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

EXACT_UP_TO = 300  # paired differences; beyond it the normal approximation cannot be told from the exact test


class Friedman(NamedTuple):
    """Friedman's chi-square with its p value, and Iman and Davenport's less conservative F with its own."""

    chi2: float
    p: float
    iman_davenport_f: float
    iman_davenport_p: float


class SignedRank(NamedTuple):
    """Wilcoxon's signed-rank test: two-sided p, rank sums of negative and positive differences, differences used."""

    p: float
    negative: float
    positive: float
    n: int


class Pair(NamedTuple):
    """One comparison: `first` against `second` (indices), raw and Holm-corrected p; `sign` -1 where first is better."""

    first: int
    second: int
    p: float
    p_holm: float
    sign: int
    n: int


def ranks(scores: npt.ArrayLike) -> Array:
    """Rank along the last axis, 1 is best; ties share their mean rank, failures the worst ones. Shape as given."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(_failures_last(scores), axis=-1), dtype=float)


def mean_ranks(scores: npt.ArrayLike) -> Array:
    """Return the mean rank of each optimizer over tasks. `scores`: (T, O). Result: (O,), in [1, O]."""
    return np.asarray(ranks(scores).mean(axis=0))


def friedman(scores: npt.ArrayLike) -> Friedman:
    """Test whether all optimizers are equal; `scores`: (T, O), at least two of each.

    Friedman 1937 with the correction for ties; Iman and Davenport 1980, as in Demšar 2006 (JMLR 7), section 3.2.2.
    """
    from scipy.stats import chi2 as chi2_distribution
    from scipy.stats import f as f_distribution

    r = ranks(scores)
    n, k = r.shape
    if n < 2 or k < 2:
        raise ValueError(f"Friedman's test needs at least 2 tasks and 2 optimizers, got {n} and {k}")
    within = ((r - (k + 1) / 2) ** 2).sum() / (k - 1)  # n k (k+1) / 12 where nothing ties
    if within == 0:
        return Friedman(0.0, 1.0, 0.0, 1.0)
    chi2 = float(((r.sum(axis=0) - n * (k + 1) / 2) ** 2).sum() / within)
    left = n * (k - 1) - chi2
    f = (n - 1) * chi2 / left if left > 1e-9 else np.inf
    return Friedman(
        chi2, float(chi2_distribution.sf(chi2, k - 1)), float(f), float(f_distribution.sf(f, k - 1, (k - 1) * (n - 1)))
    )


def nemenyi_cd(n_optimizers: int, n_tasks: int, alpha: float = 0.05) -> float:
    """Return the critical difference of mean ranks (Nemenyi 1963; Demšar 2006, section 3.2.2).

    It depends on how many optimizers are compared and not on the number of seeds: a labelled view, never the verdict.
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, n_optimizers, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(n_optimizers * (n_optimizers + 1) / (6 * n_tasks)))


def holm(p: npt.ArrayLike) -> Array:
    """Correct a family of p values for multiplicity (Holm 1979), in the order given. Shape (P,)."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(corrected, 1.0)
    return result


def signed_rank(differences: npt.ArrayLike, exact: bool = True) -> SignedRank:
    """Wilcoxon's signed-rank test of paired differences, two-sided; zeros are left out (Wilcoxon 1945). Shape (T,).

    The p value is exact with ties too: the distribution over all changes of sign of the mid-ranks, by convolution.
    SciPy's exact method holds without ties only, its permutation method visits all 2^T of them, and the normal
    approximation (`exact=False`, and beyond `EXACT_UP_TO`) calls four wins in four tasks significant (.046 for .125).
    """
    from scipy.stats import rankdata

    d = np.asarray(differences, dtype=float)
    d = d[d != 0]
    if not d.size:
        return SignedRank(1.0, 0.0, 0.0, 0)
    r = rankdata(np.abs(d))
    negative, positive = float(r[d < 0].sum()), float(r[d > 0].sum())
    if not exact or d.size > EXACT_UP_TO:
        z = (positive - negative) / math.sqrt(float((r**2).sum()))
        return SignedRank(math.erfc(abs(z) / math.sqrt(2)), negative, positive, d.size)
    doubled = np.rint(2 * r).astype(int)
    mass = np.zeros(doubled.sum() + 1)
    mass[0] = 1.0
    for step in doubled:
        mass[step:] = 0.5 * (mass[step:] + mass[: mass.size - step])
        mass[:step] *= 0.5
    tail = float(mass[: round(2 * min(negative, positive)) + 1].sum())
    return SignedRank(min(1.0, 2 * tail), negative, positive, d.size)


def smallest_p(n_tasks: int, n_pairs: int = 1) -> float:
    """Return the smallest Holm-corrected p that `n_tasks` can give the clearest of `n_pairs` comparisons."""
    return min(1.0, n_pairs * 2.0 ** (1 - n_tasks))


def tasks_needed(n_pairs: int, alpha: float = 0.05) -> int:
    """Return the least number of tasks with which one of `n_pairs` comparisons can be significant after Holm."""
    return next(n for n in range(1, 10_000) if smallest_p(n, n_pairs) <= alpha)


def compare(
    differences: Sequence[npt.ArrayLike], pairs: Sequence[tuple[int, int]], exact: bool = True
) -> tuple[Pair, ...]:
    """Test each pair's differences over tasks (negative where its first is better), Holm over all of `pairs`."""
    tests = [signed_rank(d, exact) for d in differences]
    corrected = holm([t.p for t in tests])
    return tuple(
        Pair(a, b, t.p, float(q), int(np.sign(t.positive - t.negative)), t.n)
        for (a, b), t, q in zip(pairs, tests, corrected, strict=True)
    )


def pairwise_wilcoxon(scores: npt.ArrayLike, exact: bool = True) -> tuple[Pair, ...]:
    """Compare all pairs of columns of `scores` (T, O) by the signed-rank test, Holm's correction over all pairs.

    `exact=False` takes the normal approximation, as SciPy does where values tie.
    """
    scores = _failures_last(scores)
    pairs = all_pairs(scores.shape[1])
    return compare([_difference(scores[:, a], scores[:, b]) for a, b in pairs], pairs, exact)


def all_pairs(n: int) -> list[tuple[int, int]]:
    """Return the pairs (a, b) with a < b of n optimizers."""
    return [(a, b) for a in range(n) for b in range(a + 1, n)]


def _difference(a: Array, b: Array) -> Array:
    """Subtract, where two failures are equal."""
    return np.subtract(a, b, out=np.zeros_like(a), where=a != b)


def _failures_last(scores: npt.ArrayLike) -> Array:
    scores = np.asarray(scores, dtype=float)
    return np.where(np.isnan(scores), np.inf, scores)
