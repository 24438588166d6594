"""Bootstrap intervals of mean ranks: seeds resampled within each task, and tasks by group.

Stratified by task as in Agarwal et al. 2021 (NeurIPS, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice"), section 4.1. Axes: R resamples, O optimizers, T tasks, G groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carps_lite.analysis.stats import Array

RESAMPLES = 2000


def seed_means(ranks_ROT: Array) -> Array:
    """Mean ranks on these very tasks, had other seeds been drawn. Result: (R, O)."""
    return np.asarray(ranks_ROT.mean(axis=2))


def task_means(ranks_ROT: Array, groups: Sequence[str]) -> Array:
    """Mean ranks had other seeds and other tasks been drawn: whole groups with replacement. Result: (R, O)."""
    labels, index_T = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(len(labels))
    weights_RG = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=len(ranks_ROT))
    weights_RT = weights_RG[:, index_T].astype(float)
    return np.asarray(np.einsum("rt,rot->ro", weights_RT, ranks_ROT) / weights_RT.sum(axis=1, keepdims=True))


def bounds(samples: Array, level: float = 0.95) -> Array:
    """Return the percentile interval over the first axis. Result: (..., 2)."""
    return np.stack(list(np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0)), axis=-1)


def p_best(samples_RO: Array) -> Array:
    """Return how often each optimizer has the best mean rank among the resamples; ties share. Result: (O,), sum 1."""
    best = np.isclose(samples_RO, samples_RO.min(axis=1, keepdims=True))
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))
