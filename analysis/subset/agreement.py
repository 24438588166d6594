"""How well a few tasks give the ranking that all of them give.

Axes: O optimizers, T tasks, N subsets, K tasks of a subset, R resamples. Ranks as in `analysis.chances`: 1 is best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import bootstrap
from carps_lite.analysis.chances import expected_ranks, resampled_ranks
from carps_lite.analysis.subset.performance import Performance

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
RESAMPLES = 500


@dataclass(frozen=True)
class Ranks:
    """The ranks of several optimizers on tasks that all of them ran.

    `place_T`: for each task of the points, its column in `ranks_OT`, or -1 where some optimizer has no run there.
    """

    optimizers: tuple[str, ...]
    ranks_OT: Array
    resampled_ROT: Array | None  # other seeds; None where there is one seed
    place_T: Index

    @property
    def n_lacking(self) -> int:
        """Tasks on which these optimizers cannot be compared."""
        return int((self.place_T < 0).sum())


def ranks_of(performance: Performance, optimizers: Sequence[str]) -> Ranks | None:
    """Rank optimizers on the tasks that all of them ran; None for fewer than two optimizers or no such task."""
    places = [performance.place(name) for name in optimizers]
    whole = performance.has_runs_OT[places].all(axis=0)
    if len(places) < 2 or not whole.any():
        return None
    values_OTS = performance.values_OTS[places][:, whole]
    place_T = np.where(whole, np.cumsum(whole) - 1, -1)
    several = bool(((~np.isnan(values_OTS)).sum(axis=2) > 1).any())
    resampled = resampled_ranks(values_OTS[..., None], optimizers, RESAMPLES)[..., 0] if several else None
    return Ranks(tuple(optimizers), expected_ranks(values_OTS), resampled, place_T)


def means_over(ranks_OT: Array, place_T: Index, members_NK: Index) -> Array:
    """Mean ranks over the tasks of each subset: (..., O, T) -> (..., N, O); nan where a subset has no such task."""
    weights_NT = np.zeros((len(members_NK), ranks_OT.shape[-1]))
    place_NK = place_T[members_NK]
    rows, columns = np.nonzero(place_NK >= 0)
    np.add.at(weights_NT, (rows, place_NK[rows, columns]), 1.0)
    total = weights_NT.sum(axis=1, keepdims=True)
    weights_NT = np.where(total > 0, weights_NT / np.maximum(total, 1), np.nan)
    return np.asarray(np.einsum("...ot,nt->...no", ranks_OT, weights_NT).round(9))


def kendall(a_O: Array, b_O: Array) -> Array:
    """Kendall's τ-b between rankings along the last axis, by broadcasting; nan where one of them ties everything.

    Kendall 1945, "The treatment of ties in ranking problems", Biometrika 33.
    """
    i, j = np.triu_indices(a_O.shape[-1], 1)
    a, b = (np.sign(x[..., i] - x[..., j]) for x in (a_O, b_O))
    both = np.sqrt(np.abs(a).sum(axis=-1) * np.abs(b).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(both > 0, (a * b).sum(axis=-1) / both, np.nan))


def same_best(a_O: Array, b_O: Array) -> Array:
    """Whether the best of one ranking is the best of the other; of several level ones the share that both name."""
    first, second = (x == x.min(axis=-1, keepdims=True) for x in np.broadcast_arrays(a_O, b_O))
    return np.asarray((first & second).sum(axis=-1) / (first | second).sum(axis=-1))


@dataclass(frozen=True)
class Agreement:
    """Kendall's τ and the agreement on the best of one subset with all tasks; intervals 95 %, nan with one seed."""

    tau: float
    tau_interval: tuple[float, float]
    best: float
    best_interval: tuple[float, float]


def agreement(ranks: Ranks, members: Sequence[int]) -> Agreement:
    """Compare the ranking on a subset with that on all tasks; other seeds in both at once make the intervals."""
    members_NK = np.asarray([members], dtype=np.int64)
    part, whole = means_over(ranks.ranks_OT, ranks.place_T, members_NK)[0], ranks.ranks_OT.mean(axis=1).round(9)
    tau, best = float(kendall(part, whole)), float(same_best(part, whole))
    if ranks.resampled_ROT is None:
        return Agreement(tau, (np.nan, np.nan), best, (np.nan, np.nan))
    parts = means_over(ranks.resampled_ROT, ranks.place_T, members_NK)[:, 0]
    wholes = ranks.resampled_ROT.mean(axis=2).round(9)
    low, high = bootstrap.bounds(np.nan_to_num(kendall(parts, wholes)))
    low_best, high_best = bootstrap.bounds(same_best(parts, wholes))
    return Agreement(tau, (float(low), float(high)), best, (float(low_best), float(high_best)))


def agreements(ranks: Ranks, members_NK: Index) -> tuple[Array, Array]:
    """τ and the agreement on the best of many subsets with all tasks: (N,), (N,)."""
    parts, whole = means_over(ranks.ranks_OT, ranks.place_T, members_NK), ranks.ranks_OT.mean(axis=1).round(9)
    return kendall(parts, whole), same_best(parts, whole)
