"""The statistics of one comparison: mean ranks and how sure they are, and a verdict for every pair.

Axes: O entrants, T tasks, S seeds, B budgets, G groups of tasks, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import bootstrap, stats
from carps_lite.analysis.chances import expected_ranks, fewest_seeds, resampled_ranks, superiority
from carps_lite.analysis.stats import Array, Friedman

ALPHA = 0.05
ANYTIME_POINTS = 60
ANYTIME_RESAMPLES = 300


@dataclass(frozen=True)
class Comparison:
    """`first` against `second`, by index.

    `superiority`: the probability that a run of the first beats one of the second, ties half, mean over tasks; `wins`,
    `ties`, `losses`: tasks where that is above, at and below one half; `n_groups`: the blocks of the test; `verdict`: 1
    the first is better, -1 the second is, 0 open.
    """

    first: int
    second: int
    p: float
    p_holm: float
    n_groups: int
    superiority: float
    wins: int
    ties: int
    losses: int
    verdict: int

    @property
    def n_tasks(self) -> int:
        """Tasks that both ran."""
        return self.wins + self.ties + self.losses

    def turned(self) -> Comparison:
        """The same comparison seen from the other side."""
        counts = (self.losses, self.ties, self.wins)
        return Comparison(
            self.second, self.first, self.p, self.p_holm, self.n_groups, 1 - self.superiority, *counts, -self.verdict
        )


@dataclass(frozen=True)
class Ranking:
    """What the report says of a comparison. Intervals are 95 % and nan where they cannot be had."""

    names: tuple[str, ...]
    mean_ranks: Array  # (O,)
    seed_intervals: Array  # (O, 2): these tasks, other seeds
    task_intervals: Array  # (O, 2): other tasks of this kind, other seeds
    p_best: Array  # (O,)
    p_best_over: str  # "tasks", "seeds", or "" where it cannot be had
    ranks_OT: Array
    friedman: Friedman | None
    comparisons: tuple[Comparison, ...]
    n_groups: int
    n_seeds: tuple[int, int]  # the fewest and the most that an entrant has

    @property
    def n_tasks(self) -> int:
        """Number of tasks."""
        return int(self.ranks_OT.shape[1])

    @property
    def order(self) -> list[int]:
        """Entrants from the best mean rank to the worst, equal ones by name."""
        return sorted(range(len(self.names)), key=lambda o: (round(float(self.mean_ranks[o]), 9), self.names[o]))

    def between(self, a: int, b: int) -> Comparison:
        """The comparison of a with b, seen from a."""
        found = next(c for c in self.comparisons if {c.first, c.second} == {a, b})
        return found if found.first == a else found.turned()


def rank(
    values_OTS: Array,
    names: Sequence[str],
    groups: Sequence[str],
    ran_OT: npt.NDArray[np.bool_] | None = None,
    ids: Sequence[str] | None = None,
) -> Ranking:
    """Compare at least two entrants on at least one task.

    `values_OTS`: lower is better, infinity a failure, nan a seed that the entrant does not use. `ran_OT`: where an
    entrant has any run; a pair is tested on the tasks that both ran, so that nobody wins by what the other never tried.
    `ids`: what resampling draws by, so that another name changes no interval; the names where none are given.
    """
    ran = np.ones(values_OTS.shape[:2], dtype=bool) if ran_OT is None else ran_OT
    ranks_OT = expected_ranks(values_OTS)
    n_groups = len(set(groups))
    seed_intervals, task_intervals, p_best, over = _uncertainty(values_OTS, ids or names, groups)
    n_seeds = (~np.isnan(values_OTS[:, 0])).sum(axis=1)
    return Ranking(
        names=tuple(names),
        mean_ranks=ranks_OT.mean(axis=1),
        seed_intervals=seed_intervals,
        task_intervals=task_intervals,
        p_best=p_best,
        p_best_over=over,
        ranks_OT=ranks_OT,
        friedman=stats.friedman(by_group(ranks_OT, groups).T) if n_groups > 1 else None,
        comparisons=_comparisons(values_OTS, ran, groups),
        n_groups=n_groups,
        n_seeds=(int(n_seeds.min()), int(n_seeds.max())),
    )


def by_group(values_T: Array, groups: Sequence[str]) -> Array:
    """Average over each group: instances of one function are no independent tasks. (..., T) -> (..., G)."""
    labels = np.asarray(groups)
    means = [values_T[..., labels == g].mean(axis=-1) for g in dict.fromkeys(groups)]
    return np.stack(means, axis=-1).round(12)


def anytime(values_OTSB: Array, names: Sequence[str]) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Mean ranks along the budgets: indices of the budgets (at most 60), means (O, B), 95 % seed intervals (O, B, 2).

    The intervals are nan where an entrant has a single seed.
    """
    index = thinned(values_OTSB.shape[-1])
    values = values_OTSB[..., index]
    means_OB = np.stack([expected_ranks(values[..., b]).mean(axis=1) for b in range(len(index))], axis=-1)
    if fewest_seeds(values_OTSB[..., -1]) < 2:
        return index, means_OB, np.full((*means_OB.shape, 2), np.nan)
    return index, means_OB, bootstrap.bounds(resampled_ranks(values, names, ANYTIME_RESAMPLES).mean(axis=2))


def thinned(n: int) -> npt.NDArray[np.int64]:
    """Return at most 60 of the indices of n budgets, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, ANYTIME_POINTS)).round().astype(np.int64))


def _uncertainty(values_OTS: Array, names: Sequence[str], groups: Sequence[str]) -> tuple[Array, Array, Array, str]:
    nothing = np.full((len(names), 2), np.nan)
    seeds_vary, tasks_vary = fewest_seeds(values_OTS) > 1, len(set(groups)) > 1
    if not (seeds_vary or tasks_vary):
        return nothing, nothing, nothing[:, 0], ""
    drawn_ROT = resampled_ranks(values_OTS[..., None], names, bootstrap.RESAMPLES)[..., 0]
    of_seeds, of_tasks = bootstrap.seed_means(drawn_ROT), bootstrap.task_means(drawn_ROT, groups)
    return (
        bootstrap.bounds(of_seeds) if seeds_vary else nothing,
        bootstrap.bounds(of_tasks) if tasks_vary else nothing,
        bootstrap.p_best(of_tasks if tasks_vary else of_seeds),
        "tasks" if tasks_vary else "seeds",
    )


def _comparisons(values_OTS: Array, ran_OT: npt.NDArray[np.bool_], groups: Sequence[str]) -> tuple[Comparison, ...]:
    """Wilcoxon's signed-rank test for all pairs, over the groups' mean superiority, with Holm's correction."""
    pairs = stats.all_pairs(len(values_OTS))
    labels = np.asarray(groups)
    chances, blocks = [], []
    for a, b in pairs:
        both = ran_OT[a] & ran_OT[b]
        chances.append(superiority(values_OTS[a][both], values_OTS[b][both]))
        blocks.append(by_group(0.5 - chances[-1], list(labels[both])) if both.any() else np.zeros(0))
    tested = zip(stats.compare(blocks, pairs), chances, blocks, strict=True)
    return tuple(_comparison(pair, chance, len(block)) for pair, chance, block in tested)


def _comparison(pair: stats.Pair, chance: Array, n_groups: int) -> Comparison:
    return Comparison(
        first=pair.first,
        second=pair.second,
        p=pair.p,
        p_holm=pair.p_holm,
        n_groups=n_groups,
        superiority=float(chance.mean()) if len(chance) else float("nan"),
        wins=int((chance > 0.5).sum()),
        ties=int((chance == 0.5).sum()),
        losses=int((chance < 0.5).sum()),
        verdict=-pair.sign if pair.p_holm <= ALPHA else 0,
    )
