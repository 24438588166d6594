"""The stratified bootstrap for any statistic of runs: seeds resampled within each task, and whole groups of tasks.

Agarwal et al. 2021 (NeurIPS, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"), section 4.1. A
resample is how often each run was drawn, so that a statistic sorts its values once for all resamples. The draws of an
optimizer come from a generator of its own name and are those of `chances.resampled_ranks`: they depend on nobody else.

Axes: O optimizers, T tasks, S seeds (nan where an optimizer does not use one, infinity for a failed run), R resamples.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from carps_lite.analysis import bootstrap
from carps_lite.analysis.stats import Array

RESAMPLES = bootstrap.RESAMPLES
CHUNK = 2_000_000
Statistic = Callable[[Array, Array], Array]  # (T, S, ...) values and (R, T, S) counts -> (R, ...)


class Estimate(NamedTuple):
    """A statistic with 95 % intervals, which are nan where they cannot be had.

    `values`: (...); `seed_intervals`: (..., 2), these tasks and other seeds, nan with a single seed; `task_intervals`:
    (..., 2), other tasks of this kind and other seeds, nan with a single group of tasks.
    """

    values: Array
    seed_intervals: Array
    task_intervals: Array


def estimate(
    values_OTS: Array, names: Sequence[str], groups: Sequence[str], statistic: Statistic, n: int = RESAMPLES
) -> Estimate:
    """Apply `statistic` to each optimizer's runs (axes after the third are kept), with both kinds of intervals.

    The statistic gets the values of the seeds in use and the counts of each run; `groups` has a label per task.
    """
    of_groups = group_counts(groups, n) if len(set(groups)) > 1 else None
    found = [
        _estimate(values[:, used_seeds(values)], seed_counts(values, name, n), of_groups, statistic)
        for values, name in zip(values_OTS, names, strict=True)
    ]
    return Estimate(*(np.stack(part) for part in zip(*found, strict=True)))


def used_seeds(values_TS: Array) -> Array:
    """Whether an optimizer uses each seed: (S,), the same on every task. Leave out tasks without scores beforehand."""
    used = ~np.isnan(values_TS.reshape(*values_TS.shape[:2], -1)[..., 0])
    if (used != used[0]).any() or not used.any():
        raise ValueError("a seed is in use on every task or on none (nan), and one at least; infinity is a missing run")
    return np.asarray(used[0])


def seed_counts(values_TS: Array, name: str, n: int = RESAMPLES) -> Array:
    """How often each run of one optimizer is drawn, its number of seeds in all within a task: (R, T, S used)."""
    n_seeds = int(used_seeds(values_TS).sum())
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=(n, len(values_TS))).astype(float)


def group_counts(groups: Sequence[str], n: int = RESAMPLES) -> Array:
    """How often each task is drawn when whole groups are: (R, T). The draws of `bootstrap.task_means`."""
    labels, index_T = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(len(labels))
    counts_RG = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=n)
    return counts_RG[:, index_T].astype(float)


def bounds(samples: Array, level: float = 0.95) -> Array:
    """Return the percentile interval over the first axis, (..., 2): `bootstrap.bounds`, where infinities may occur."""
    if np.isfinite(samples).all():
        return bootstrap.bounds(samples, level)
    ordered = np.sort(samples, axis=0)
    return np.stack([_quantile(ordered, (1 - level) / 2), _quantile(ordered, (1 + level) / 2)], axis=-1)


def mean(values_TS: Array, counts_RTS: Array) -> Array:
    """Return the mean over runs, (R, ...): that of the tasks' means, as each task has the same number of seeds.

    Infinite where a run that was drawn is.
    """
    counts = counts_RTS.reshape(len(counts_RTS), -1)
    runs = values_TS.reshape(counts.shape[1], -1)
    failed = np.isinf(runs)
    sums = counts @ np.where(failed, 0.0, runs)
    if failed.any():
        sums[counts @ failed > 0] = np.inf
    return np.asarray((sums / counts.sum(axis=1, keepdims=True)).reshape(len(counts), *values_TS.shape[2:]))


def _quantile(ordered: Array, share: float) -> Array:
    """Linear interpolation, as NumPy's; next to an infinity it is infinite, between two opposite ones it is 0."""
    position = share * (len(ordered) - 1)
    below, above = ordered[int(np.floor(position))], ordered[int(np.ceil(position))]
    finite = np.isfinite(below) & np.isfinite(above)
    between = np.subtract(above, below, out=np.zeros_like(above), where=finite)
    opposite = np.isneginf(below) & np.isposinf(above)
    infinite = np.where(opposite, 0.0, np.where(np.isfinite(below), above, below))
    return np.asarray(np.where(finite, below + position % 1 * between, infinite))


def _estimate(
    values_TS: Array, counts_RTS: Array, of_groups: Array | None, statistic: Statistic
) -> tuple[Array, Array, Array]:
    value = statistic(values_TS, np.ones((1, *counts_RTS.shape[1:])))[0]
    nothing = np.full((*value.shape, 2), np.nan)
    seeds_vary = counts_RTS.shape[2] > 1
    of_seeds = bounds(_resampled(statistic, values_TS, counts_RTS)) if seeds_vary else nothing
    of_tasks = nothing if of_groups is None else bounds(_resampled(statistic, values_TS, counts_RTS, of_groups))
    return value, of_seeds, of_tasks


def _resampled(statistic: Statistic, values_TS: Array, counts_RTS: Array, of_groups: Array | None = None) -> Array:
    """The statistic of all resamples, some at a time, which bounds the memory."""
    step = max(1, CHUNK // counts_RTS[0].size)
    parts = [slice(at, at + step) for at in range(0, len(counts_RTS), step)]
    if of_groups is None:
        return np.concatenate([statistic(values_TS, counts_RTS[part]) for part in parts])
    return np.concatenate([statistic(values_TS, counts_RTS[part] * of_groups[part, :, None]) for part in parts])
