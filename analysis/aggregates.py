"""One number per optimizer over tasks: interquartile mean, median, mean and optimality gap of normalised regret.

Agarwal et al. 2021 (NeurIPS, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"), section 4.3, the
other way up: regret is 0 at the task's best known value, 1 at its random-search reference, lower is better. Both
references are fixed with the task, so that nobody's number depends on who else is loaded.

Failures: a run without result (infinity) counts as one at `cap`, and so does every run above it. The cap of 1, the
reference, is the stated rule; it is a cap for all as otherwise failing would help a run that is worse than that.

Axes: O optimizers, T tasks, S seeds (nan where an optimizer does not use one), R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carps_lite.analysis import resampling
from carps_lite.analysis.resampling import RESAMPLES, Estimate
from carps_lite.analysis.stats import Array

NAMES = ("iqm", "median", "mean", "optimality_gap")
TRIMMED = 0.25
CAP = 1.0


def aggregates(
    regret_OTS: Array,
    names: Sequence[str],
    groups: Sequence[str],
    cap: float = CAP,
    target: float = 0.0,
    n: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Return the estimates under the names of `NAMES`, values (O,) each.

    `iqm`: mean of the middle half of all runs; `median`: over tasks of the mean over seeds; `mean`: of all runs;
    `optimality_gap`: mean amount by which runs miss `target`, so that better than that makes up for nothing. An
    infinite cap makes the mean of whoever failed infinite; IQM and median bear some failures.
    """
    capped = np.where(np.isnan(regret_OTS), np.nan, np.minimum(regret_OTS, cap))

    def all_four(values_TS: Array, counts_RTS: Array) -> Array:
        gaps = np.maximum(values_TS - target, 0.0)
        parts = (
            interquartile_mean(values_TS, counts_RTS),
            median_of_tasks(values_TS, counts_RTS),
            resampling.mean(values_TS, counts_RTS),
            resampling.mean(gaps, counts_RTS),
        )
        return np.stack(parts, axis=1)

    found = resampling.estimate(capped, names, groups, all_four, n)
    return {name: Estimate(*(part[:, i] for part in found)) for i, name in enumerate(NAMES)}


def task_means(regret_OTS: Array, cap: float = CAP) -> Array:
    """Return the mean over seeds of capped regret, (O, T): what Bayesian tests and portfolios compare."""
    own = [np.minimum(runs, cap)[:, resampling.used_seeds(runs)] for runs in regret_OTS]
    return np.stack([runs.mean(axis=1) for runs in own])


def interquartile_mean(values_TS: Array, counts_RTS: Array) -> Array:
    """Return the mean of the middle half of the runs of each resample: (R,). `scipy.stats.trim_mean(x, .25)`."""
    order = np.argsort(values_TS, axis=None, kind="stable")
    counts = counts_RTS.reshape(len(counts_RTS), -1)[:, order]
    total = counts.sum(axis=1, keepdims=True)
    cut = np.floor(TRIMMED * total)
    inside = np.diff(np.clip(counts.cumsum(axis=1), cut, total - cut), axis=1, prepend=cut)
    return resampling.mean(values_TS.ravel()[order], inside)


def median_of_tasks(values_TS: Array, counts_RTS: Array) -> Array:
    """Return the median over the tasks drawn of the mean over the seeds drawn: (R,)."""
    per_task = counts_RTS.sum(axis=2)
    failed = np.isinf(values_TS)
    sums = np.einsum("rts,ts->rt", counts_RTS, np.where(failed, 0.0, values_TS))
    sums = np.where(np.einsum("rts,ts->rt", counts_RTS, failed.astype(float)) > 0, np.inf, sums)
    means = np.divide(sums, per_task, out=np.full_like(sums, np.inf), where=per_task > 0)
    order = np.argsort(means, axis=1, kind="stable")
    upto = np.take_along_axis(per_task / values_TS.shape[1], order, axis=1).round().cumsum(axis=1)
    ordered, half = np.take_along_axis(means, order, axis=1), upto[:, -1:] / 2
    middle = [(upto < half).sum(axis=1), (upto <= half).sum(axis=1)]
    return np.asarray(sum(ordered[np.arange(len(means)), at] for at in middle) / 2)
