"""The points that runs found on tasks with several objectives, within the budget at which is compared."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from carps_lite.analysis import axes
from carps_lite.analysis.curves import countable
from carps_lite.analysis.noise import noise_free_points
from carps_lite.analysis.pool import Cell
from carps_lite.analysis.scores import Scores, full_fidelities
from carps_lite.analysis.stats import Array


def points(scores: Scores, table: pd.DataFrame) -> dict[int, dict[str, list[Array]]]:
    """Return, for each such task's place and each entrant, the points of every finished run: (N, M), N ≥ 0.

    What counts for the score counts here: successful, feasible, at full fidelity, within the budget.
    """
    pool = scores.pool
    places = [t for t, measure in enumerate(pool.measures) if measure.several]
    runs = pool.run_OTS[:, places][pool.cell_OTS[:, places] == Cell.DONE]
    own = table[table["run"].isin(runs)]
    if own.empty:
        return {}
    own = own.iloc[axes.order(own, scores.axis)]
    run = own["run"].to_numpy()
    begin = np.flatnonzero(np.append(True, run[1:] != run[:-1]))
    bounds = np.append(begin, len(run)).astype(np.int64)
    spent = axes.positions(own, scores.axis, bounds)
    shown = countable(own, full_fidelities(pool.runs)) & (spent <= scores.budget * (1 + 1e-9))
    found: dict[int, Array] = {}
    for a, b in pairwise(bounds.tolist()):
        part = own.iloc[a:b][shown[a:b]]
        seen = np.array([np.asarray(v, dtype=float) for v in part["values"]]) if len(part) else np.empty((0, 2))
        worth = noise_free_points(part, seen) if len(part) else None
        found[int(run[a])] = seen if worth is None else worth
    return {t: {name: _runs(scores, found, o, t) for o, name in enumerate(pool.names)} for t in places}


def _runs(scores: Scores, found: dict[int, Array], o: int, t: int) -> list[Array]:
    pool = scores.pool
    m = len(pool.measures[t].objectives)
    done = pool.run_OTS[o, t][pool.cell_OTS[o, t] == Cell.DONE]
    return [found[int(r)] if int(r) in found and len(found[int(r)]) else np.empty((0, m)) for r in done]
