"""The Bayesian signed-rank test with a region of practical equivalence (ROPE): better, equivalent, worse, and how sure.

Benavoli, Mangili, Corani, Zaffalon and Ruggeri 2014 (ICML, "A Bayesian Wilcoxon signed-rank test based on the Dirichlet
process"); with the ROPE: Benavoli, Corani, Demšar and Zaffalon 2017 (JMLR 18), section 4.2.2. The paired differences
have a Dirichlet-process prior with one pseudo-observation in the middle of the ROPE. A draw from the posterior weighs
the differences; the share of the weighted sums of two differences that lies below, within and above twice the ROPE is
how often the first optimizer is better, both are equivalent, the second is better.

Own code, as `baycomp` (the authors', and the tests' oracle) loops over the draws in Python: 78 pairs at 20,000 draws
are a second here and a minute there.

Axes: G groups of tasks (one paired difference each), O optimizers, P pairs. Differences are score of the first minus
score of the second, lower scores are better, infinity where the first failed and minus infinity where the second did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.effects import difference
from carps_lite.analysis.stats import Array, all_pairs

DRAWS = 20_000  # standard error of a probability at most .0036
CHUNK = 2_000_000


class Pairwise(NamedTuple):
    """`better`: (O, O), P(row is better than column); `equivalent`: (O, O), symmetric. Both nan on the diagonal."""

    better: Array
    equivalent: Array


def posterior(differences: npt.ArrayLike, rope: float, prior: float = 0.5, n: int = DRAWS, seed: int = 0) -> Array:
    """Draw from the posterior, (n, 3): shares of first better, equivalent, second better, which sum to 1.

    `differences`: (G,); `rope`: half its width, in their unit, at least 0, set before looking at the results; `prior`:
    weight of the pseudo-observation. These are the points of the triangle.
    """
    return _shares(_finite(differences, rope), rope, _weights(np.size(differences), prior, n, seed))


def probabilities(draws: Array) -> Array:
    """Return P(first better), P(equivalent), P(second better), (3,): how often each is the largest, ties split."""
    largest = draws >= draws.max(axis=1, keepdims=True) - 1e-12
    return np.asarray((largest / largest.sum(axis=1, keepdims=True)).mean(axis=0))


def compare(
    differences: Sequence[npt.ArrayLike], rope: float, prior: float = 0.5, n: int = DRAWS, seed: int = 0
) -> Array:
    """Test each pair's differences over groups of tasks: (P, 3), as `probabilities`; nan for a pair without any."""
    weights = {size: _weights(size, prior, n, seed) for size in {np.size(d) for d in differences} if size}
    found = [
        probabilities(_shares(_finite(d, rope), rope, weights[np.size(d)])) if np.size(d) else np.full(3, np.nan)
        for d in differences
    ]
    return np.array(found).reshape(-1, 3)


def pairwise(scores_GO: npt.ArrayLike, rope: float, prior: float = 0.5, n: int = DRAWS, seed: int = 0) -> Pairwise:
    """Compare all pairs of columns; nan or infinity is a failure, worse than any value and equal to another one."""
    scores = np.asarray(scores_GO, dtype=float)
    k = scores.shape[1]
    found = compare([difference(scores[:, a], scores[:, b]) for a, b in all_pairs(k)], rope, prior, n, seed)
    better, equivalent = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for (a, b), (first, same, second) in zip(all_pairs(k), found, strict=True):
        better[a, b], better[b, a] = first, second
        equivalent[a, b] = equivalent[b, a] = same
    return Pairwise(better, equivalent)


def _weights(size: int, prior: float, n: int, seed: int) -> Array:
    """Draws of the weights of the pseudo-observation and the differences: (n, G + 1)."""
    return np.random.default_rng(seed).dirichlet(np.append(prior, np.ones(size)), n)


def _finite(differences: npt.ArrayLike, rope: float) -> Array:
    """Put infinities so far out that their sum with any finite difference stays outside; two opposite ones cancel."""
    if not rope >= 0:
        raise ValueError(f"the region of practical equivalence must not be negative, got {rope}")
    d = np.asarray(differences, dtype=float).ravel()
    if np.isnan(d).any():
        raise ValueError("a difference is nan; leave out what was not compared")
    beyond = np.isinf(d)
    out = 2 * (np.abs(d[~beyond]).max(initial=0.0) + 2 * rope + 1)
    return np.where(beyond, np.sign(d) * out, d)


def _shares(d: Array, rope: float, weights: Array) -> Array:
    sums = np.add.outer(np.append(0.0, d), np.append(0.0, d))
    above, below = (np.heaviside(side - 2 * rope, 0.5) for side in (sums, -sums))
    step = max(1, CHUNK // len(sums))
    parts = [weights[i : i + step] for i in range(0, len(weights), step)]
    first = np.concatenate([((w @ below) * w).sum(axis=1) for w in parts])
    second = np.concatenate([((w @ above) * w).sum(axis=1) for w in parts])
    return np.stack([first, np.maximum(0.0, 1 - first - second), second], axis=1)
