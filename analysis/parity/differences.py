"""How far a format's losses are from those of 32 bits at equal hyperparameters, measured by what another seed changes.

A difference is a format's loss minus that of 32 bits of the same configuration and seed: same initialisation, same
batches. Its interval is the bootstrap of `resampling` over configurations and the seeds within each; equivalence is the
Bayesian signed-rank test of `bayes` over configurations, whose region of practical equivalence (ROPE) is a share of the
seed's standard deviation.

Axes: F formats, C configurations, S seeds. A loss is nan where the training failed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from carps_lite.analysis import bayes
from carps_lite.analysis.effects import difference, over_groups
from carps_lite.analysis.resampling import RESAMPLES, estimate
from carps_lite.analysis.stats import Array

ROPE = 0.5  # half the width of the region of practical equivalence, in standard deviations of the seed


class Noise(NamedTuple):
    """What another seed changes: standard deviations of the loss over seeds, within a configuration.

    `pooled`: root of the mean variance over configurations, which noisy ones dominate; `median`: that of the
    configurations' own deviations; `gap`: mean absolute difference of two seeds of a configuration. All nan with fewer
    than two seeds.
    """

    pooled: float
    median: float
    gap: float


class Paired(NamedTuple):
    """A format against 32 bits.

    `n`: pairs in which both trained; `mean` difference with its `interval` (configurations and seeds resampled) and
    `seed_interval` (seeds alone); `absolute`: the mean absolute difference; `largest`: the largest in absolute value;
    `probabilities`: (3,), that the format is better, equivalent, or worse, failures counting as worst; `only_this` and
    `only_reference`: pairs of which one failed, and which.
    """

    n: int
    mean: float
    interval: Array
    seed_interval: Array
    absolute: float
    largest: float
    probabilities: Array
    only_this: int
    only_reference: int


def noise(loss_CS: Array) -> Noise:
    """Measure the seed's noise in losses of one format; configurations with fewer than two losses tell nothing."""
    variances, gaps = [], []
    for own in loss_CS:
        kept = own[np.isfinite(own)]
        if len(kept) > 1:
            variances.append(float(kept.var(ddof=1)))
            i, j = np.triu_indices(len(kept), 1)
            gaps.append(float(np.abs(kept[i] - kept[j]).mean()))
    if not variances:
        return Noise(np.nan, np.nan, np.nan)
    return Noise(float(np.mean(variances)) ** 0.5, float(np.median(np.sqrt(variances))), float(np.mean(gaps)))


def paired(loss_CS: Array, reference_CS: Array, rope: float, name: str = "", n: int = RESAMPLES) -> Paired:
    """Compare a format with 32 bits. `rope`: half the width of the ROPE, in the unit of the loss.

    `name` seeds the bootstrap. What cannot be had is nan: all of it without a pair, intervals with a single one.
    """
    d = np.asarray(loss_CS - reference_CS)
    both = np.isfinite(d)
    failed, missed = np.isnan(loss_CS), np.isnan(reference_CS)
    mean, interval, seed_interval = _mean(np.where(both, d, np.inf), name, n)
    return Paired(
        int(both.sum()),
        mean,
        interval,
        seed_interval,
        float(np.abs(d[both]).mean()) if both.any() else np.nan,
        float(d[both][np.abs(d[both]).argmax()]) if both.any() else np.nan,
        _equivalence(loss_CS, reference_CS, rope),
        int((failed & ~missed).sum()),
        int((missed & ~failed).sum()),
    )


def _mean(d_CS: Array, name: str, n: int) -> tuple[float, Array, Array]:
    nothing = np.full(2, np.nan)
    if not np.isfinite(d_CS).any():
        return np.nan, nothing, nothing
    groups = [str(c) for c in range(len(d_CS))]
    found = estimate(d_CS[None], [name], groups, _weighted_mean, n)
    return float(found.values[0]), found.task_intervals[0], found.seed_intervals[0]


def _weighted_mean(d_CS: Array, counts_RCS: Array) -> Array:
    """Mean of what is finite, (R,); a resample without any of it stands at the mean of all."""
    finite = np.isfinite(d_CS)
    values, weights = np.where(finite, d_CS, 0.0), counts_RCS * finite
    total = weights.sum(axis=(1, 2))
    sums = (weights * values).sum(axis=(1, 2))
    return np.asarray(np.divide(sums, total, out=np.full(len(total), values.sum() / finite.sum()), where=total > 0))


def _equivalence(loss_CS: Array, reference_CS: Array, rope: float) -> Array:
    """P(better), P(equivalent), P(worse) over configurations; nan without a ROPE."""
    if not rope >= 0:
        return np.full(3, np.nan)
    groups = [str(c) for c, own in enumerate(loss_CS) for _ in own]
    return np.asarray(bayes.compare([over_groups(difference(loss_CS, reference_CS).ravel(), groups)], rope)[0])
