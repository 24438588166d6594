"""How many tasks are enough? Discrepancy and agreement with the full set for a range of sizes, beside random subsets.

Axes: K sizes; quantiles 5 %, 50 %, 95 % of the random subsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import subset
from carps_lite.analysis.subset.agreement import Agreement, Ranks, agreement, agreements
from carps_lite.analysis.subset.drawing import stratified, uniform
from carps_lite.analysis.subset.points import Points

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

N_RANDOM = 1000
QUANTILES = (0.05, 0.5, 0.95)
ENOUGH = 0.9  # Kendall's τ with the full set
LASTING = 3  # sizes that must have it, the largest ones, before it is said to stay
CLOSE = 0.05  # of the best τ, where ENOUGH is out of reach


class Found(Protocol):
    """What the search returns; see `carps_lite.analysis.subset.select_subset`."""

    indices: Sequence[int]
    discrepancy: float
    lower_bound: float
    proven: bool


@dataclass(frozen=True)
class Drawn:
    """What random subsets of one size are worth: three quantiles (5, 50, 95 %) of each measure."""

    discrepancy: Array  # (3,)
    tau: Array  # (3,)
    best: float  # share that agree on the best optimizer
    kept_out_tau: Array  # (3,), nan without optimizers kept out

    def named(self) -> dict[str, object]:
        """The same for a JSON record."""
        names = [f"{q:.0%}" for q in QUANTILES]
        three = {"discrepancy": self.discrepancy, "tau": self.tau, "kept_out_tau": self.kept_out_tau}
        listed = {key: dict(zip(names, map(float, own), strict=True)) for key, own in three.items()}
        return {**listed, "top_1": self.best}


@dataclass(frozen=True)
class Size:
    """One size: the subset found and its agreement, beside 1,000 random and 1,000 stratified subsets."""

    k: int
    members: tuple[int, ...]
    discrepancy: float
    lower_bound: float
    proven: bool
    everyone: Agreement | None  # the ranking of all optimizers
    kept_out: Agreement | None  # of those that were not used for the choice
    random: Drawn
    stratified: Drawn


class Yardstick:
    """What subsets of some points are measured by: two rankings, and random subsets, drawn once for each size."""

    def __init__(self, points: Points, everyone: Ranks | None, kept_out: Ranks | None, seed: int) -> None:
        self.points, self.everyone, self.kept_out, self.seed = points, everyone, kept_out, seed
        self._drawn: dict[int, tuple[Drawn, Drawn]] = {}

    def drawn(self, k: int) -> tuple[Drawn, Drawn]:
        """Random subsets of k tasks, and stratified ones: strata are families, the first part of a task's id."""
        if k not in self._drawn:
            strata = [task.partition("/")[0] for task in self.points.tasks]
            both = uniform(len(strata), k, N_RANDOM, self.seed), stratified(strata, k, N_RANDOM, self.seed)
            random, even = (_drawn(self.points, self.everyone, self.kept_out, members_NK) for members_NK in both)
            self._drawn[k] = random, even
        return self._drawn[k]


def measure(yardstick: Yardstick, found: Found) -> Size:
    """Say what a chosen subset is worth."""
    k, everyone, kept_out = len(found.indices), yardstick.everyone, yardstick.kept_out
    members = tuple(int(i) for i in found.indices)
    return Size(
        k,
        members,
        float(found.discrepancy),
        float(found.lower_bound),
        bool(found.proven),
        agreement(everyone, members) if everyone else None,
        agreement(kept_out, members) if kept_out else None,
        *yardstick.drawn(k),
    )


def _drawn(points: Points, everyone: Ranks | None, kept_out: Ranks | None, members_NK: Index) -> Drawn:
    discrepancies = np.array([subset.star_discrepancy(points.points[members]) for members in members_NK])
    nothing = np.full(len(QUANTILES), np.nan)
    tau, best, kept_tau = nothing, np.nan, nothing
    if everyone:
        taus, bests = agreements(everyone, members_NK)
        tau, best = _quantiles(taus), float(np.nanmean(bests))
    if kept_out:
        kept_tau = _quantiles(agreements(kept_out, members_NK)[0])
    return Drawn(_quantiles(discrepancies), tau, best, kept_tau)


def _quantiles(values: Array) -> Array:
    there = values[~np.isnan(values)]
    return np.quantile(there, QUANTILES) if len(there) else np.full(len(QUANTILES), np.nan)


def recommend(sizes: Sequence[Size]) -> tuple[int, str]:
    """The smallest size from which on the subset ranks the optimizers as all tasks do, and the reason in a sentence.

    τ ≥ 0.9 at it and at every larger size looked at, three of them at least; where no size has that, τ within 0.05 of
    the best one; without a ranking to compare with, the size whose discrepancy is furthest below that of the median
    random subset.
    """
    taus = np.array([s.everyone.tau if s.everyone else np.nan for s in sizes])
    if np.isnan(taus).all():
        gains = [s.random.discrepancy[1] - s.discrepancy for s in sizes]
        at = int(np.argmax(gains))
        return sizes[at].k, f"its discrepancy is furthest below that of random subsets (by {gains[at]:.3f})"
    steady = np.minimum.accumulate(np.nan_to_num(taus, nan=-1.0)[::-1])[::-1]
    enough = steady >= ENOUGH
    if enough.sum() >= min(LASTING, len(sizes)):
        at = int(np.argmax(enough))
        return sizes[at].k, f"the smallest size from which on Kendall's τ with all tasks stays at {ENOUGH} or above"
    at = int(np.argmax(taus >= np.nanmax(taus) - CLOSE))
    best = float(np.nanmax(taus))
    return sizes[at].k, (
        f"the smallest size whose Kendall's τ with all tasks is within {CLOSE} of the best reached ({best:.2f}); "
        f"none stays at {ENOUGH} or above"
    )
