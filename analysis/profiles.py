"""Performance profiles: which share of runs, problems or targets is solved, along a scale of quality, ratio or budget.

Axes: O optimizers, T tasks, S seeds (nan where an optimizer does not use one), P problems, X points of the scale. A
failure is infinity and solved nowhere, so that it never lifts its optimizer's profile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import resampling
from carps_lite.analysis.resampling import RESAMPLES, Estimate
from carps_lite.analysis.stats import Array


def score_profile(
    regret_OTS: Array, at_X: npt.ArrayLike, names: Sequence[str], groups: Sequence[str], n: int = RESAMPLES
) -> Estimate:
    """Return the share of runs with a normalised regret of at most each x, mean over tasks: (O, X), with bands.

    The run-score distribution of Agarwal et al. 2021, section 4.2, for values to be minimised: it rises, and the higher
    curve is the better. Depends on nobody else in the pool.
    """
    at = np.asarray(at_X, dtype=float)

    def shares(values_TS: Array, counts_RTS: Array) -> Array:
        return resampling.mean(_within(values_TS[..., None], at), counts_RTS)

    return resampling.estimate(regret_OTS, names, groups, shares, n)


def performance_profile(costs_OP: npt.ArrayLike, ratios_X: npt.ArrayLike) -> Array:
    """Return the share of problems that each optimizer solved at no more than x times the least cost: (O, X).

    Dolan and Moré 2002 (Math. Prog. 91), equation 2.1. `costs_OP`: positive, the budget to a target, infinity where it
    was not reached; a problem that nobody solved counts as unsolved for all. At x = 1 it is the share of wins, for
    large x the success rate. The ratios depend on who takes part: a profile is read against the best, not between two
    others (Gould and Scott 2016, ACM TOMS 43).
    """
    costs = _costs(costs_OP)
    least = costs.min(axis=0)
    ratios = np.divide(costs, least, out=np.full_like(costs, np.inf), where=np.isfinite(costs) & np.isfinite(least))
    return np.asarray(_within(ratios[..., None], np.asarray(ratios_X, dtype=float)).mean(axis=1))


def data_profile(costs_OP: npt.ArrayLike, dimensions_P: npt.ArrayLike, at_X: npt.ArrayLike) -> Array:
    """Return the share of problems solved within x times (dimension + 1) evaluations: (O, X).

    Moré and Wild 2009 (SIAM J. Optim. 20), equation 2.5: budgets in units of a simplex gradient. `costs_OP` as in
    `performance_profile`; depends on nobody else in the pool.
    """
    simplex = np.asarray(dimensions_P, dtype=float) + 1
    if (simplex < 2).any():
        raise ValueError(f"a problem has at least one dimension, got {simplex.min() - 1:g}")
    return np.asarray(_within((_costs(costs_OP) / simplex)[..., None], np.asarray(at_X, dtype=float)).mean(axis=1))


def ratio_scale(costs_OP: npt.ArrayLike, points: int = 200) -> Array:
    """Return ratios from 1 to the largest that occurs, spread by ratio: (X,)."""
    costs = _costs(costs_OP)
    least = costs.min(axis=0)
    ratios = (costs / np.where(np.isfinite(least), least, 1.0))[np.isfinite(costs)]
    return np.geomspace(1.0, max(2.0, ratios.max(initial=2.0)), points)


def _within(values: Array, at: Array) -> Array:
    """Whether a finite value is at most x, as 0 or 1; equality allows for rounding."""
    limit = at + 1e-12 * np.abs(at)
    return ((values <= limit) & np.isfinite(values)).astype(float)


def _costs(costs_OP: npt.ArrayLike) -> Array:
    costs = np.asarray(costs_OP, dtype=float)
    costs = np.where(np.isnan(costs), np.inf, costs)
    if (costs <= 0).any():
        raise ValueError(f"a cost must be positive, got {costs.min():g}")
    return costs
