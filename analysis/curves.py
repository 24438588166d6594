"""Incumbents as step functions of what was spent: the last value is carried forward and nothing is interpolated.

Three axes: `full` (full-fidelity equivalents) and `trials` count in the order of asking; `sim` is the simulated clock,
on which a trial counts when it has ended. An incumbent is the best feasible observation at full fidelity, and the curve
shows what it is worth (see noise.py), which may rise on noisy tasks; before there is one, the value is infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.stats import Array

AXES = ("full", "trials", "sim")


@dataclass(frozen=True)
class Curves:
    """The incumbent curves of many runs: run i owns the steps `begin[i]:begin[i + 1]` of `x` and `best`."""

    begin: npt.NDArray[np.int64]
    x: Array  # non-decreasing within a run
    best: Array  # what the incumbent is worth, infinite before the first one
    place: Mapping[int, int]  # run id -> i

    def at(self, run: int, budgets_B: Array) -> Array:
        """Return the incumbent's value at each budget; what ends exactly there counts. Shape (B,)."""
        i = self.place.get(run)
        if i is None:
            return np.full(len(budgets_B), np.inf)
        own = slice(self.begin[i], self.begin[i + 1])
        last = np.searchsorted(self.x[own], budgets_B * (1 + 1e-9), side="right") - 1
        return np.where(last >= 0, self.best[own][np.maximum(last, 0)], np.inf)

    def reached(self, run: int) -> float:
        """Return how far a run went on the axis; 0 without trials."""
        i = self.place.get(run)
        return 0.0 if i is None else float(self.x[self.begin[i + 1] - 1])


def curves(table: pd.DataFrame, axis: str, full_fidelity: Mapping[int, float], worth: Array) -> Curves:
    """Make the curves of all runs of `table`.

    `full_fidelity`: run id -> what full fidelity is, absent where there is none. `worth`: what each trial is worth, in
    the order of `table`; incumbents are chosen by the values observed.
    """
    end = table["end"].to_numpy(dtype=float)
    ask = table["ask"].to_numpy()
    run = table["run"].to_numpy()
    order = np.lexsort((ask, end, run) if axis == "sim" else (ask, run))
    run = run[order]
    seen = np.where(_counts(table, full_fidelity), table["value"].to_numpy(dtype=float), np.inf)[order]
    worth = worth[order]
    best = np.empty(len(run))
    ids, begin = np.unique(run, return_index=True)
    bounds = np.append(begin, len(run)).astype(np.int64)
    for a, b in pairwise(bounds):
        best[a:b] = _incumbents(seen[a:b], worth[a:b])
    if axis == "full":
        x = table["spent"].to_numpy(dtype=float)[order]
    elif axis == "trials":
        x = (np.arange(len(run)) - np.repeat(bounds[:-1], np.diff(bounds)) + 1).astype(float)
    else:
        x = end[order]
    return Curves(bounds, x, best, {int(r): i for i, r in enumerate(ids)})


def _incumbents(seen: Array, worth: Array) -> Array:
    """What the best trial seen so far is worth; of equal ones the first."""
    lowest = np.minimum.accumulate(seen)
    better = np.append(np.isfinite(seen[:1]), lowest[1:] < lowest[:-1])
    last = np.maximum.accumulate(np.where(better, np.arange(len(seen)), -1))
    return np.where(last >= 0, worth[np.maximum(last, 0)], np.inf)


def _counts(table: pd.DataFrame, full_fidelity: Mapping[int, float]) -> npt.NDArray[np.bool_]:
    """Whether a trial can be an incumbent: it succeeded, meets its constraints and ran at full fidelity."""
    counts = np.isfinite(table["value"].to_numpy(dtype=float)) & table["failure"].isna().to_numpy()
    feasible = [c is None or len(c) == 0 or all(x <= 0 for x in c) for c in table["constraints"]]
    fidelity = table["fidelity"].to_numpy(dtype=float)
    low = ~np.isnan(fidelity)
    if low.any():
        high = table["run"].map(full_fidelity).to_numpy(dtype=float)
        low &= ~(fidelity >= high)
    return np.asarray(counts & np.array(feasible, dtype=bool) & ~low)
