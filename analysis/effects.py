"""How large a difference is: paired differences, wins and losses, Cliff's delta, probability of improvement.

Lower scores are better. A failed run or task is infinity, worse than any value and equal to another failure, so that
failing never turns an effect to the better.

Axes: T tasks, G groups of tasks, O optimizers, S seeds (nan where an optimizer does not use one), R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.chances import superiority
from carps_lite.analysis.resampling import RESAMPLES, Estimate, bounds, group_counts, seed_counts, used_seeds
from carps_lite.analysis.stats import Array, all_pairs

FAR = 1e300  # stands for infinity where two differences are averaged: opposite ones cancel, with any other it wins
CHUNK = 4_000_000
Counts = npt.NDArray[np.float32]  # small whole numbers, exact in half the memory


def difference(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """Subtract scores, a − b; nan is a failure, two failures are equal. Shapes are broadcast."""
    pair = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    a, b = (np.where(np.isnan(x), np.inf, x) for x in pair)
    return np.subtract(a, b, out=np.zeros_like(a), where=a != b)


def over_groups(differences_T: npt.ArrayLike, groups: Sequence[str]) -> Array:
    """Average differences over each group, (G,) in order of appearance: instances of one function are not independent.

    Failures outvote values: with more of one optimizer's failures than of the other's in a group, its difference is
    infinite; as many of both cancel.
    """
    d, labels = np.asarray(differences_T, dtype=float), np.asarray(groups)
    result = []
    for label in dict.fromkeys(groups):
        own = d[labels == label]
        failed = np.isinf(own)
        balance = np.sign(own[failed]).sum()
        result.append(np.sign(balance) * np.inf if balance else np.where(failed, 0.0, own).mean())
    return np.array(result)


def hodges_lehmann(differences_G: npt.ArrayLike) -> float:
    """Return the median of the averages of any two differences, each with itself included; nan without any.

    Hodges and Lehmann 1963 (Ann. Math. Stat. 34): the estimate that belongs to Wilcoxon's signed-rank test.
    """
    return float(_pseudo_medians(differences_G, np.ones((1, np.size(differences_G))))[0])


def paired_difference(
    differences_G: npt.ArrayLike, n: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the Hodges–Lehmann estimate and its bootstrap interval over groups: (value, low, high).

    The interval is nan with fewer than two differences. Draws are the same for every pair with as many groups.
    """
    size = np.size(differences_G)
    if size < 2:
        return hodges_lehmann(differences_G), np.nan, np.nan
    counts = np.random.default_rng(size).multinomial(size, np.full(size, 1 / size), size=n).astype(float)
    low, high = bounds(_pseudo_medians(differences_G, counts), level)
    return hodges_lehmann(differences_G), float(low), float(high)


def wins(scores_TO: npt.ArrayLike, tolerance: float = 0.0) -> npt.NDArray[np.int64]:
    """Count the tasks where row beats column by more than `tolerance`: (O, O). Ties: T − wins − wins.T."""
    scores = np.asarray(scores_TO, dtype=float)
    return np.asarray((difference(scores[:, :, None], scores[:, None, :]) < -tolerance).sum(axis=0), dtype=np.int64)


def cliffs_delta(a_TS: Array, b_TS: Array) -> Array:
    """Return P(a run of a beats one of b) − P(it loses), (T,), in [−1, 1]; Cliff 1993 (Psych. Bull. 114).

    2 A − 1 with A of Vargha and Delaney, which is `chances.superiority`.
    """
    return np.asarray(2 * superiority(a_TS, b_TS) - 1)


def probability_of_improvement(
    values_OTS: Array, names: Sequence[str], groups: Sequence[str], n: int = RESAMPLES
) -> Estimate:
    """Return the probability that a run of row beats one of column, ties half, mean over tasks: (O, O), diagonal ½.

    Agarwal et al. 2021, section 4.3. The intervals are those of `resampling`.
    """
    used = [used_seeds(values) for values in values_OTS]
    draws = [seed_counts(v, name, n).astype(np.float32) for v, name in zip(values_OTS, names, strict=True)]
    tasks_vary, seeds_vary = len(set(groups)) > 1, min(int(u.sum()) for u in used) > 1
    of_tasks = group_counts(groups, n) if tasks_vary else np.ones((n, values_OTS.shape[1]))
    k = len(values_OTS)
    value, seeds, tasks = np.full((k, k), 0.5), np.full((k, k, 2), np.nan), np.full((k, k, 2), np.nan)
    for a, b in all_pairs(k):
        own, other = values_OTS[a][:, used[a]], values_OTS[b][:, used[b]]
        value[a, b] = superiority(own, other).mean()
        chances_RT = _resampled(own, other, draws[a], draws[b])
        seeds[a, b] = bounds(chances_RT.mean(axis=1)) if seeds_vary else np.nan
        tasks[a, b] = bounds((chances_RT * of_tasks).sum(axis=1) / of_tasks.sum(axis=1)) if tasks_vary else np.nan
        value[b, a], seeds[b, a], tasks[b, a] = 1 - value[a, b], 1 - seeds[a, b, ::-1], 1 - tasks[a, b, ::-1]
    return Estimate(value, seeds, tasks)


def _resampled(a_TS: Array, b_TS: Array, drawn_a_RTS: Counts, drawn_b_RTS: Counts) -> Array:
    """The superiority of a over b on each task under each resample: (R, T)."""
    beats = (a_TS[:, :, None] < b_TS[:, None, :]) + 0.5 * (a_TS[:, :, None] == b_TS[:, None, :])
    won = np.matmul(drawn_a_RTS.transpose(1, 0, 2), beats.astype(np.float32))
    return np.asarray(np.einsum("trs,rts->rt", won, drawn_b_RTS) / (a_TS.shape[1] * b_TS.shape[1]), dtype=float)


def _pseudo_medians(differences_G: npt.ArrayLike, counts_RG: Array) -> Array:
    """Hodges–Lehmann estimates of resamples: weighted medians of averages that are sorted once. (R,)."""
    d = np.clip(np.asarray(differences_G, dtype=float), -FAR, FAR)
    if not d.size:
        return np.full(len(counts_RG), np.nan)
    i, j = np.triu_indices(d.size)
    averages = (d[i] + d[j]) / 2
    order = np.argsort(averages, kind="stable")
    i, j, averages = i[order], j[order], averages[order]
    step = max(1, CHUNK // len(i))
    found = [_weighted_medians(averages, counts_RG[at : at + step], i, j) for at in range(0, len(counts_RG), step)]
    result = np.concatenate(found)
    result[np.abs(result) > FAR / 10] *= np.inf
    return result


def _weighted_medians(averages: Array, counts: Array, i: npt.NDArray[np.intp], j: npt.NDArray[np.intp]) -> Array:
    pairs = counts[:, i] * np.where(i == j, (counts[:, i] + 1) / 2, counts[:, j])
    upto = pairs.cumsum(axis=1)
    half = upto[:, -1:] / 2
    lower, upper = (upto < half).sum(axis=1), (upto <= half).sum(axis=1)  # they differ where the half falls between two
    return np.asarray((averages[lower] + averages[upper]) / 2)
