"""What a run had to show, as a step function of what it had spent: nothing is interpolated.

The axes are those of axes.py. Only a trial that succeeded, meets its constraints and ran at full fidelity counts. With
one objective the curve is the incumbent's, the best observation, and shows what it is worth (see noise.py), which may
rise on noisy tasks; with several it is the score of the front found so far (see measures.py and fronts.py). Before the
first trial that counts, the value is infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis import axes, fronts
from carps_lite.analysis.axes import AXES
from carps_lite.analysis.measures import Measure
from carps_lite.analysis.noise import noise_free, noise_free_points
from carps_lite.analysis.stats import Array

__all__ = ["AXES", "COLUMNS", "Curves", "columns", "curves"]
# what an analysis needs of the table of trials, where the store has it
COLUMNS = (
    "run", "task", "optimizer", "ask", "end", "fidelity", "spent", "value", "noise_free", "values",
    "noise_free_values", "feasible", "failure", "energy_joules", "ask_seconds", "evaluate_seconds", "tell_seconds",
)  # fmt: skip

_OF_AXES = {"end": "sim", "ask_seconds": "wall", "evaluate_seconds": "wall", "tell_seconds": "wall",
            "energy_joules": "energy", "task": "energy", "optimizer": "energy"}  # fmt: skip


def columns(axis: str) -> tuple[str, ...]:
    """Return what an analysis on one axis needs of the table of trials, which is half of what one on any axis does."""
    return tuple(name for name in COLUMNS if _OF_AXES.get(name, axis) == axis)


@dataclass(frozen=True)
class Curves:
    """The curves of many runs: run i owns the steps `begin[i]:begin[i + 1]` of `x` and `best`."""

    begin: npt.NDArray[np.int64]
    x: Array  # non-decreasing within a run
    best: Array  # the score, infinite before the first trial that counts
    place: Mapping[int, int]  # run id -> i

    def at(self, run: int, budgets_B: Array) -> Array:
        """Return the value at each budget; what ends exactly there counts. Shape (B,)."""
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


def curves(
    table: pd.DataFrame, axis: str, full_fidelity: Mapping[int, float], several: Mapping[int, Measure] | None = None
) -> Curves:
    """Make the curves of all runs of `table`.

    `full_fidelity`: run id -> what full fidelity is, absent where there is none. `several`: run id -> the measure, of
    the runs with several objectives. Raises InputError where something that the axis needs was not recorded.
    """
    several = several or {}
    order = axes.order(table, axis)
    run = table["run"].to_numpy()
    if (np.diff(order) != 1).any():  # a store's table is in order already, but for the simulated clock
        table, run = table.iloc[order], run[order]
    counts, worth = countable(table, full_fidelity), noise_free(table)[0]
    seen = np.where(counts, table["value"].to_numpy(dtype=float), np.inf)
    begin = np.flatnonzero(np.append(True, run[1:] != run[:-1])) if len(run) else np.zeros(0, dtype=np.int64)
    ids, bounds = run[begin], np.append(begin, len(run)).astype(np.int64)
    best = np.empty(len(run))
    for number, (a, b) in zip(ids.tolist(), pairwise(bounds.tolist()), strict=True):
        measure = several.get(number)
        if measure is None:
            best[a:b] = _incumbents(seen[a:b], worth[a:b])
        else:
            best[a:b] = _front_scores(table.iloc[a:b], counts[a:b], measure)
    x = axes.positions(table, axis, bounds)
    return Curves(bounds, x, best, {int(r): i for i, r in enumerate(ids)})


def _incumbents(seen: Array, worth: Array) -> Array:
    """What the best trial seen so far is worth; of equal ones the first."""
    lowest = np.minimum.accumulate(seen)
    better = np.append(np.isfinite(seen[:1]), lowest[1:] < lowest[:-1])
    last = np.maximum.accumulate(np.where(better, np.arange(len(seen)), -1))
    return np.where(last >= 0, worth[np.maximum(last, 0)], np.inf)


def _front_scores(own: pd.DataFrame, counts: npt.NDArray[np.bool_], measure: Measure) -> Array:
    """The score of the front after each trial of one run."""
    seen_NM = np.stack([np.asarray(v, dtype=float) for v in own["values"]])
    counts = counts & np.isfinite(seen_NM).all(axis=1)
    volumes = fronts.volumes(seen_NM, counts, np.asarray(measure.reference), noise_free_points(own, seen_NM))
    return measure.of_volumes(volumes)


def countable(table: pd.DataFrame, full_fidelity: Mapping[int, float]) -> npt.NDArray[np.bool_]:
    """Whether a trial can be shown: it succeeded, meets its constraints and ran at full fidelity."""
    counts = np.isfinite(table["value"].to_numpy(dtype=float)) & table["failure"].isna().to_numpy()
    if "feasible" in table:
        counts &= table["feasible"].to_numpy(dtype=bool)
    else:
        feasible = [c is None or len(c) == 0 or all(x <= 0 for x in c) for c in table["constraints"]]
        counts &= np.array(feasible, dtype=bool)
    fidelity = table["fidelity"].to_numpy(dtype=float)
    low = ~np.isnan(fidelity)
    if low.any():
        high = table["run"].map(full_fidelity).to_numpy(dtype=float)
        low &= ~(fidelity >= high)
    return np.asarray(counts & ~low)
