"""Budgets to fixed targets: times to target, ERT, runtime distributions, success rates, area over the curve.

Hansen, Auger, Brockhoff, Tušar and Tušar 2016, "COCO: Performance Assessment" (arXiv:1605.03560). Targets are fixed
before the runs. A curve is a step function: its value holds from its budget on, nothing is interpolated.

The rule for failures: the whole budget is spent, without success. What a run that crashed had really spent does not
count, as otherwise crashing early would be cheap.

Axes: O optimizers, T tasks, S seeds (nan where an optimizer does not use one), B budgets, K targets, X points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis import resampling
from carps_lite.analysis.resampling import RESAMPLES, Estimate
from carps_lite.analysis.stats import Array


class Runtimes(NamedTuple):
    """Expected runtimes, (O, T, K), infinite without a success; successful runs, (O, T, K); runs, (O,).

    `intervals`: (O, T, K, 2), 95 % by the bootstrap over seeds, nan with a single seed; infinite where a resample
    without any success is that likely.
    """

    ert: Array
    successes: npt.NDArray[np.int64]
    runs: npt.NDArray[np.int64]
    intervals: Array


def times_to_target(values_OTSB: Array, budgets_B: npt.ArrayLike, targets_TK: npt.ArrayLike) -> Array:
    """Return the first budget at which a run's value is at or below each target: (O, T, S, K).

    Infinity where it never is, and for a failed run; nan for an unused seed. Exact where the curve was evaluated at
    every step; on coarser budgets rounded up to the next of them. `values_OTSB` need not fall (noise).
    """
    budgets, targets = np.asarray(budgets_B, dtype=float), np.asarray(targets_TK, dtype=float)
    if (np.diff(budgets) <= 0).any():
        raise ValueError("budgets must increase")
    found = [_first(values_OTSB, budgets, targets[:, k, None, None]) for k in range(targets.shape[1])]
    return np.stack(found, axis=-1)


def ert(times_S: npt.ArrayLike, budget: float) -> float:
    """Return the expected runtime: budgets of all runs over successes; infinite without any, nan without any run.

    `times_S`: budget to the target, infinity for a run without success, which is charged `budget`; nan is no run.
    COCO's aRT (section 4.2). 100, 200 and 300 with one unsolved at 1000: 1600 / 3.
    """
    times = np.asarray(times_S, dtype=float)
    times = times[~np.isnan(times)]
    solved = _solved(times, np.asarray(budget, dtype=float))
    if not times.size:
        return float("nan")
    return float(np.where(solved, times, budget).sum() / solved.sum()) if solved.any() else float("inf")


def expected_runtimes(times_OTSK: Array, budget_T: npt.ArrayLike, names: Sequence[str], n: int = RESAMPLES) -> Runtimes:
    """Return the ERT of each optimizer, task and target; `budget_T`: what every run was given, (T,) or one number."""
    budget = np.broadcast_to(np.asarray(budget_T, dtype=float), times_OTSK.shape[1:2])[:, None, None]
    parts = []
    for times, name in zip(times_OTSK, names, strict=True):
        own = times[:, resampling.used_seeds(times)]
        solved = _solved(own, budget)
        spent = np.where(solved, own, budget)
        drawn = _ratios(spent, solved, resampling.seed_counts(times, name, n)) if own.shape[1] > 1 else None
        intervals = np.full((*solved[:, 0].shape, 2), np.nan) if drawn is None else resampling.bounds(drawn)
        value = _ratios(spent, solved, np.ones((1, *own.shape[:2])))[0]
        parts.append((value, solved.sum(axis=1), own.shape[1], intervals))
    values, successes, runs, bands = zip(*parts, strict=True)
    return Runtimes(np.stack(values), np.stack(successes), np.array(runs), np.stack(bands))


def success_rates(times_OTSK: Array) -> Array:
    """Return the share of runs that reached each target: (O, T, K)."""
    used = ~np.isnan(times_OTSK)
    return np.asarray(np.isfinite(times_OTSK).sum(axis=2) / used.sum(axis=2))


def runtime_ecdf(
    times_OTSK: Array, at_X: npt.ArrayLike, names: Sequence[str], groups: Sequence[str], n: int = RESAMPLES
) -> Estimate:
    """Return the share of (task, target) pairs reached within each budget x, mean over runs: (O, X), with bands.

    The empirical distribution of runtimes, COCO section 5, without simulated restarts. Give x per dimension or as a
    share of each task's budget by dividing the times beforehand.
    """
    at = np.asarray(at_X, dtype=float)
    hits = np.stack([(times_OTSK <= x).mean(axis=-1) for x in at], axis=-1)
    hits[np.isnan(times_OTSK[..., 0])] = np.nan
    return resampling.estimate(hits, names, groups, resampling.mean, n)


def aocc(
    values_OTSB: Array,
    budgets_B: npt.ArrayLike,
    best_T: npt.ArrayLike,
    worst_T: npt.ArrayLike,
    log: bool = True,
    carried: bool = False,
) -> Array:
    """Return the area over the convergence curve between fixed bounds: (O, T, S), in [0, 1], 1 is best, failures 0.

    López-Ibáñez, Vermetten, Dréo and Doerr 2024 (IEEE TEVC, "Using the empirical attainment function for analyzing
    single-objective black-box optimization algorithms"): the mean over evaluations of the scaled distance to the worst
    bound, which is the limit of the runtime ECDF for ever more targets between the bounds.

    Parameters
    ----------
    best_T, worst_T : a task's bounds, (T,) or one; with `log` (the base does not matter) values are precisions above 0.
    carried : False: budgets count evaluations and a value stands for all since the budget before, as in the sum over
        evaluations. True: budgets are moments of a clock, a value holds until the next, and before the first there is
        none; the last budget is the end of the run.
    """
    budgets = np.asarray(budgets_B, dtype=float)
    best, worst = (np.broadcast_to(np.asarray(b, dtype=float), values_OTSB.shape[1:2]) for b in (best_T, worst_T))
    if not (best < worst).all() or (log and not (best > 0).all()):
        raise ValueError(
            f"a best bound must lie below the worst{' and above 0' if log else ''}, got {best} and {worst}"
        )
    low, high = best[:, None, None], worst[:, None, None]
    inside = np.clip(values_OTSB, low, high)
    scale = np.log if log else np.asarray
    share = (scale(high) - scale(inside)) / (scale(high) - scale(low))
    widths = np.append(np.diff(budgets), 0.0) if carried else np.diff(budgets, prepend=0.0)
    return np.asarray(share @ widths / budgets[-1])


def log_targets(best_T: npt.ArrayLike, worst_T: npt.ArrayLike, n: int = 51) -> Array:
    """Return n targets per task from worst to best bound, evenly on a log scale: (T, K). COCO has 51, 1e2 to 1e-8."""
    best, worst = np.atleast_1d(np.asarray(best_T, dtype=float)), np.atleast_1d(np.asarray(worst_T, dtype=float))
    if not ((best > 0) & (best < worst)).all():
        raise ValueError(f"targets need 0 < best < worst, got {best} and {worst}")
    return np.asarray(np.geomspace(worst, best, n, axis=-1))


def _first(values_OTSB: Array, budgets: Array, target: Array) -> Array:
    hit = (values_OTSB <= target[None]) & np.isfinite(values_OTSB)
    times = np.where(hit.any(axis=-1), budgets[hit.argmax(axis=-1)], np.inf)
    return np.where(np.isnan(values_OTSB[..., -1]), np.nan, times)


def _solved(times: Array, budget: Array) -> npt.NDArray[np.bool_]:
    solved = np.isfinite(times)
    if (solved & (times > budget * (1 + 1e-9))).any():
        raise ValueError(f"a run reached its target after {times[solved].max():g}, beyond the budget")
    return solved


def _ratios(spent_TSK: Array, solved_TSK: npt.NDArray[np.bool_], counts_RTS: Array) -> Array:
    sums, successes = (np.einsum("rts,tsk->rtk", counts_RTS, x, optimize=True) for x in (spent_TSK, solved_TSK * 1.0))
    return np.asarray(np.divide(sums, successes, out=np.full_like(sums, np.inf), where=successes > 0))
