"""Subsets drawn at random, to see what a chosen one is worth. Axes: N subsets, K tasks of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]


def uniform(n_tasks: int, k: int, n: int, seed: int) -> Index:
    """Draw n subsets of k of n_tasks tasks, all equally likely: (N, K)."""
    rng = np.random.default_rng([seed, 0])
    return np.argsort(rng.random((n, n_tasks)), axis=1)[:, :k].astype(np.int64)


def stratified(strata: Sequence[str], k: int, n: int, seed: int) -> Index:
    """Draw n subsets of k tasks in which every stratum has its share, up to one task: (N, K).

    Systematic sampling (Madow and Madow 1944): tasks stand in random order within their stratum, the strata in random
    order, and every (T/k)-th is taken from a random start.
    """
    rng = np.random.default_rng([seed, 1])
    labels, stratum_T = np.unique(np.asarray(strata), return_inverse=True)
    order_NS = np.argsort(rng.random((n, len(labels))), axis=1).argsort(axis=1)
    order_NT = np.lexsort((rng.random((n, len(strata))), order_NS[:, stratum_T]), axis=1)
    start_N = rng.random(n)
    takes_NK = np.floor((start_N[:, None] + np.arange(k)) * len(strata) / k).astype(np.int64)
    return np.take_along_axis(order_NT, takes_NK, axis=1).astype(np.int64)
