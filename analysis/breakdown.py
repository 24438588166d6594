"""The comparison once more for each part of the tasks: by dimension, kind of space, family, or by budget.

A part's ranks, chances and raw p values are those of its own tasks. Holm's correction goes over all pairs of all parts
together: whoever looks at ten parts must expect to find something in one of them.

Axes: O optimizers, T tasks, S seeds (nan where an optimizer does not use one), L parts, P pairs (`stats.all_pairs`), G
groups of tasks, B budgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import stats
from carps_lite.analysis.chances import expected_ranks, resampled_ranks, superiority
from carps_lite.analysis.ranking import ALPHA, by_group
from carps_lite.analysis.resampling import bounds
from carps_lite.analysis.stats import Array

RESAMPLES = 500


class Breakdown(NamedTuple):
    """The parts one below the other.

    `labels`: L; `n_tasks`, `n_groups`: (L,); `mean_ranks`: (L, O); `seed_intervals`: (L, O, 2), nan with a single seed;
    `pairs`: P; `superiority`: (L, P), the probability that a run of the first beats one of the second, mean over the
    part's tasks that both ran, nan without any; `p`, `p_holm`: (L, P), the family is all L × P; `verdicts`: (L, P), 1
    the first is better, −1 the second is, 0 open.
    """

    labels: tuple[str, ...]
    n_tasks: npt.NDArray[np.int64]
    n_groups: npt.NDArray[np.int64]
    mean_ranks: Array
    seed_intervals: Array
    pairs: tuple[tuple[int, int], ...]
    superiority: Array
    p: Array
    p_holm: Array
    verdicts: npt.NDArray[np.int64]


def by_label(
    values_OTS: Array,
    names: Sequence[str],
    groups: Sequence[str],
    labels: Sequence[str],
    ran_OT: npt.NDArray[np.bool_] | None = None,
    n: int = RESAMPLES,
) -> Breakdown:
    """Compare within each label of the tasks (one per task, "" leaves a task out); parts in order of appearance.

    `ran_OT`: as in `ranking.rank`, a pair is tested on the tasks that both ran.
    """
    found = dict.fromkeys(label for label in labels if label)
    parts = [np.array([own == label for own in labels]) for label in found]
    if not parts:
        raise ValueError("no task has a label")
    return _breakdown(tuple(found), [values_OTS[:, part] for part in parts], parts, names, groups, ran_OT, n)


def by_budget(
    values_OTSB: Array,
    names: Sequence[str],
    groups: Sequence[str],
    labels_B: Sequence[str],
    ran_OT: npt.NDArray[np.bool_] | None = None,
    n: int = RESAMPLES,
) -> Breakdown:
    """Compare all tasks at each budget; `labels_B` names them."""
    everything = np.ones(values_OTSB.shape[1], dtype=bool)
    parts = [values_OTSB[..., b] for b in range(values_OTSB.shape[-1])]
    return _breakdown(tuple(labels_B), parts, [everything] * len(parts), names, groups, ran_OT, n)


def _breakdown(
    labels: tuple[str, ...],
    values: Sequence[Array],
    parts: Sequence[npt.NDArray[np.bool_]],
    names: Sequence[str],
    groups: Sequence[str],
    ran_OT: npt.NDArray[np.bool_] | None,
    n: int,
) -> Breakdown:
    pairs = stats.all_pairs(len(names))
    ran = np.ones((len(names), len(groups)), dtype=bool) if ran_OT is None else ran_OT
    grouped = [np.asarray(groups)[part] for part in parts]
    chances, blocks = [], []
    for values_OTS, part, own in zip(values, parts, grouped, strict=True):
        both = [_pair(values_OTS, ran[:, part], own, a, b) for a, b in pairs]
        chances.append([chance for chance, _ in both])
        blocks += [block for _, block in both]
    tested = stats.compare(blocks, pairs * len(labels))
    shape = (len(labels), len(pairs))
    p, p_holm, sign = (np.array([getattr(t, name) for t in tested]).reshape(shape) for name in ("p", "p_holm", "sign"))
    return Breakdown(
        labels=labels,
        n_tasks=np.array([len(own) for own in grouped]),
        n_groups=np.array([len(set(own)) for own in grouped]),
        mean_ranks=np.stack([expected_ranks(v).mean(axis=1) for v in values]),
        seed_intervals=np.stack([_intervals(v, names, n) for v in values]),
        pairs=tuple(pairs),
        superiority=np.array(chances).reshape(shape),
        p=p,
        p_holm=p_holm,
        verdicts=np.where(p_holm <= ALPHA, -sign, 0).astype(np.int64),
    )


def _pair(
    values_OTS: Array, ran: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_], a: int, b: int
) -> tuple[float, Array]:
    both = ran[a] & ran[b]
    if not both.any():
        return float("nan"), np.zeros(0)
    chance = superiority(values_OTS[a][both], values_OTS[b][both])
    return float(chance.mean()), by_group(0.5 - chance, list(groups[both]))


def _intervals(values_OTS: Array, names: Sequence[str], n: int) -> Array:
    if (~np.isnan(values_OTS[:, 0])).sum(axis=1).min() < 2:
        return np.full((len(names), 2), np.nan)
    return bounds(resampled_ranks(values_OTS[..., None], names, n)[..., 0].mean(axis=2))
