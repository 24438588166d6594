"""Does the best configuration move with the format, and what does it cost to carry the optimum of 32 bits over?

Axes: F formats, the first of which is the reference (32 bits); C configurations; S seeds. A loss is nan where the
training failed; a configuration that failed with one of the seeds is worse than any that never did.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from carps_lite.analysis.stats import Array


class Ranking(NamedTuple):
    """How a format orders the configurations, against 32 bits.

    `winner`: the configuration with the least mean loss, -1 where every one failed; `rank`: that of the winner of 32
    bits in this format, from 1, nan where it failed; `tau`: Kendall's τ-b of mean losses with those of 32 bits;
    `tau_seeds`: mean τ between one seed of 32 bits and another seed of this format. Of 32 bits itself, that is how
    well two seeds agree: what no format can be expected to exceed.
    """

    winner: int
    rank: float
    tau: float
    tau_seeds: float


class Tuned(NamedTuple):
    """Tuned against tuned, (S,) each: the winner is chosen on all other seeds and judged at the one left out.

    `own`: loss in this format of this format's winner; `carried`: loss in this format of the winner of 32 bits. Nan
    where it failed, and with a single seed.
    """

    own: Array
    carried: Array


def means(loss_CS: Array) -> Array:
    """Mean loss over seeds, (C,); infinite where one of them failed."""
    return np.asarray(np.where(np.isnan(loss_CS), np.inf, loss_CS).mean(axis=1))


def winner(loss_CS: Array) -> int:
    """The configuration with the least mean loss, the first of several; -1 where every one failed."""
    found = means(loss_CS)
    return int(found.argmin()) if np.isfinite(found).any() else -1


def ranking(loss_CS: Array, reference_CS: Array) -> Ranking:
    """Compare the order of configurations of a format with that of 32 bits."""
    own, reference, first = means(loss_CS), means(reference_CS), winner(reference_CS)
    known = first >= 0 and np.isfinite(own[first])
    rank = float(1 + (own < own[first]).sum()) if known else np.nan
    s = loss_CS.shape[1]
    pairs = [_tau(loss_CS[:, [a]], reference_CS[:, [b]]) for a in range(s) for b in range(s) if a != b]
    return Ranking(winner(loss_CS), rank, _of_means(own, reference), float(np.mean(pairs)) if pairs else np.nan)


def tuned(loss_FCS: Array, judged_FCS: Array) -> list[Tuned]:
    """Choose by the losses and judge by another array (the test losses), seed by seed; one answer a format."""
    n_seeds = loss_FCS.shape[2]
    found = [Tuned(np.full(n_seeds, np.nan), np.full(n_seeds, np.nan)) for _ in loss_FCS]
    for s in range(n_seeds if n_seeds > 1 else 0):
        others = np.delete(loss_FCS, s, axis=2)
        reference = winner(others[0])
        for f, own in enumerate(others):
            for chosen, into in ((winner(own), found[f].own), (reference, found[f].carried)):
                if chosen >= 0:
                    into[s] = judged_FCS[f, chosen, s]
    return found


def _tau(a_CS: Array, b_CS: Array) -> float:
    return _of_means(means(a_CS), means(b_CS))


def _of_means(a: Array, b: Array) -> float:
    """Kendall's τ-b, (C,) each, failures tied at the end; nan where one side is tied altogether."""
    from scipy.stats import kendalltau

    if len(a) < 2 or len(set(a)) < 2 or len(set(b)) < 2:
        return np.nan
    return float(kendalltau(a, b).statistic)
