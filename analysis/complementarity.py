"""Which optimizer wins where, what each adds to the others, and how few of them do as well as all.

The virtual best takes on each task the best of all optimizers: a bound for whoever could choose per task. Scores are
(O, T), one per optimizer and task, lower is better, on a scale that is common to the tasks (normalised regret averaged
over seeds and capped, `aggregates.task_means`); nan or infinity is a failure, worse than any value.

Chosen after the fact, the virtual best profits from chance: with noisy scores it is better than any choice in advance.

Axes: O optimizers, T tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.stats import Array

ENUMERATED = 20_000  # subsets of one size; all sizes of 15 optimizers have fewer


class Portfolio(NamedTuple):
    """The smallest set found that is near enough to the virtual best.

    `members`: indices, rising; `mean`: mean over tasks of the best member; `virtual_best`, `single_best`: the same of
    all optimizers and of the best single one; `gap_closed`: how much of the way from the single to the virtual best, 1
    where there is none to go; `exact`: proven to be the smallest, and the best of its size, by enumeration.
    """

    members: tuple[int, ...]
    mean: float
    virtual_best: float
    single_best: float
    gap_closed: float
    exact: bool


def virtual_best(scores_OT: npt.ArrayLike) -> Array:
    """Return the best score on each task: (T,)."""
    return np.asarray(_failures_last(scores_OT).min(axis=0))


def winners(scores_OT: npt.ArrayLike, tolerance: float = 0.0) -> npt.NDArray[np.bool_]:
    """Whether an optimizer is within `tolerance` of the best on each task: (O, T); where all failed, nobody is."""
    scores = _failures_last(scores_OT)
    return np.asarray(np.isfinite(scores) & (scores <= scores.min(axis=0) + tolerance))


def marginal_contributions(scores_OT: npt.ArrayLike) -> Array:
    """Return by how much the virtual best gets worse without each optimizer, mean over tasks: (O,), at least 0.

    Xu, Hutter, Hoos and Leyton-Brown 2012 (SAT). Infinite where it alone solved a task. Of two that are alike on every
    task neither contributes; `shapley_values` tells them from one that never helps.
    """
    scores = _failures_last(scores_OT)
    best, n = scores.min(axis=0), len(scores)
    without = [np.delete(scores, o, axis=0).min(axis=0, initial=np.inf) for o in range(n)]
    return np.array([np.subtract(w, best, out=np.zeros_like(best), where=w != best).mean() for w in without])


def shapley_values(scores_OT: npt.ArrayLike, worst: float = 1.0) -> Array:
    """Return each optimizer's share in what the virtual best gains over `worst`, mean over tasks: (O,), at least 0.

    Fréchette, Kotthoff, Michalak, Rahwan, Hoos and Leyton-Brown 2016 (AAAI): the marginal contribution averaged over
    all orders of joining; they sum to the whole gain. A score above `worst`, a failure among them, counts as that.
    """
    gains = np.maximum(worst - _failures_last(scores_OT), 0.0)
    order = np.argsort(gains, axis=0, kind="stable")
    steps = np.diff(np.take_along_axis(gains, order, axis=0), axis=0, prepend=0.0)
    # all who reach a step share it, as the users of one stretch of a runway do (Littlechild and Owen 1973)
    shared = (steps / np.arange(len(gains), 0, -1)[:, None]).cumsum(axis=0)
    result = np.empty_like(shared)
    np.put_along_axis(result, order, shared, axis=0)
    return np.asarray(result.mean(axis=1))


def smallest_portfolio(scores_OT: npt.ArrayLike, within: float = 0.05, relative: bool = False) -> Portfolio:
    """Return the fewest optimizers whose best is, in the mean over tasks, within x % of the virtual best.

    `within` (.05 is 5 %): of the scale of the scores, which for regret is the distance between a task's two references;
    with `relative`, of the gap between the single and the virtual best. Sizes are enumerated while a size has at most
    `ENUMERATED` subsets, from there on members are added greedily. Scores must be finite (capped).
    """
    scores = np.asarray(scores_OT, dtype=float)
    if not np.isfinite(scores).all():
        raise ValueError("portfolios need finite scores: cap the regret, so that a failure has its price")
    best, single = float(scores.min(axis=0).mean()), float(scores.mean(axis=1).min())
    limit = best + within * ((single - best) if relative else 1.0) + 1e-12
    members, exact = _enumerated(scores, limit)
    mean = float(scores[list(members)].min(axis=0).mean())
    closed = (single - mean) / (single - best) if single - best > 1e-12 else 1.0
    return Portfolio(members, mean, best, single, closed, exact)


def _enumerated(scores: Array, limit: float) -> tuple[tuple[int, ...], bool]:
    members: tuple[int, ...] = ()
    for size in range(1, len(scores) + 1):
        if math.comb(len(scores), size) > ENUMERATED:
            return _greedy(scores, limit, members), False
        members, mean = _best_of_size(scores, size)
        if mean <= limit:
            break
    return members, True


def _best_of_size(scores: Array, size: int) -> tuple[tuple[int, ...], float]:
    best: tuple[int, ...] = ()
    least = np.inf
    every = combinations(range(len(scores)), size)
    while subsets := list(islice(every, 1000)):
        means = scores[np.array(subsets)].min(axis=1).mean(axis=1)
        if means.min() < least - 1e-12:
            best, least = subsets[int(means.argmin())], float(means.min())
    return best, least


def _greedy(scores: Array, limit: float, members: Sequence[int]) -> tuple[int, ...]:
    chosen = list(members)
    current = scores[chosen].min(axis=0, initial=np.inf)
    while current.mean() > limit or not chosen:
        joined = np.minimum(scores, current)
        chosen.append(int(joined.mean(axis=1).argmin()))
        current = joined[chosen[-1]]
    return tuple(sorted(chosen))


def _failures_last(scores_OT: npt.ArrayLike) -> Array:
    scores = np.asarray(scores_OT, dtype=float)
    return np.where(np.isnan(scores), np.inf, scores)
