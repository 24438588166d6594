"""Scores on held-out seeds: what each run's recommendation was worth when it was evaluated again in full.

A configuration is worth the mean of its values over the held-out seeds, or, where the task records them, the values
without noise. One that failed on any of them, or whose constraints are not met on average, is worth nothing. Axes: O
entrants, T tasks, S seeds, M objectives.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from carps_lite.analysis import fronts
from carps_lite.analysis.measures import Measure
from carps_lite.analysis.noise import recorded
from carps_lite.analysis.pool import Cell
from carps_lite.analysis.scores import Scores
from carps_lite.analysis.stats import Array


def held_out_OTS(s: Scores, evaluated: pd.DataFrame) -> Array:
    """Score the recommendations of a comparison's runs, by the measures of their tasks.

    `evaluated`: from `carps_lite.heldout.load`. Infinity: the run failed or is missing, or nothing that it recommends
    is worth anything. nan: the seed is not used, the run was not evaluated again, or it went on beyond the budget that
    is compared at, so that its recommendation comes from a larger one.
    """
    pool = s.pool
    found = np.where(pool.cell_OTS == Cell.UNUSED, np.nan, np.inf)
    found[(pool.cell_OTS == Cell.DONE)] = np.nan
    rows = dict(iter(evaluated.groupby("run")))
    for o, t, i in zip(*np.nonzero((pool.cell_OTS == Cell.DONE) & ~s.longer_OTS), strict=True):
        own = rows.get(int(pool.run_OTS[o, t, i]))
        if own is not None:
            found[o, t, i] = _score(own, pool.measures[t])
    return found


def recorded_on_test_data(s: Scores, evaluated: pd.DataFrame) -> pd.DataFrame:
    """What tasks recorded of unseen data beside their objectives, of recommendations of one configuration.

    Columns `task`, `score` (its name in the task's record, `test_...`), `entrant` (its index in the pool), `runs` and
    `median`: over runs, of the mean over held-out seeds.
    """
    by_run = {}
    for run, own in evaluated[evaluated["info"].notna()].groupby("run") if "info" in evaluated else ():
        if own["ask"].nunique() == 1:  # of a front, no point is the one recommended
            told = pd.DataFrame(list(own["info"]))
            by_run[run] = told[[c for c in told if str(c).startswith("test_")]].mean()
    pool, rows = s.pool, []
    for o, t, i in zip(*np.nonzero((pool.cell_OTS == Cell.DONE) & ~s.longer_OTS), strict=True):
        for score, found in by_run.get(int(pool.run_OTS[o, t, i]), {}).items():
            rows.append((pool.tasks[t], score, int(o), float(found)))
    frame = pd.DataFrame(rows, columns=["task", "score", "entrant", "value"])
    grouped = frame.groupby(["task", "score", "entrant"], sort=False)["value"]
    return grouped.agg(runs="count", median="median").reset_index()


def _score(own: pd.DataFrame, measure: Measure) -> float:
    points = [p for _, rows in own.groupby("ask") if (p := _worth(rows, len(measure.objectives))) is not None]
    if not points:
        return float("inf")
    if not measure.several:
        return float(points[0][0])
    everything = np.ones(len(points), dtype=bool)
    return float(measure.of_volumes(fronts.volumes(np.stack(points), everything, np.asarray(measure.reference)))[-1])


def _worth(rows: pd.DataFrame, n: int) -> Array | None:
    """What one configuration is worth, (M,); None where it failed or does not meet its constraints."""
    if rows["failure"].notna().any():
        return None
    limits = [np.asarray(c, dtype=float) for c in rows["constraints"] if isinstance(c, list)]
    if limits and not (np.mean(limits, axis=0) <= 0).all():
        return None
    means, values = list(rows["noise_free_values"]), list(rows["values"])
    used = [m if recorded(m, n) else v for m, v in zip(means, values, strict=True)]
    return np.asarray(np.mean(np.asarray(used, dtype=float), axis=0))
