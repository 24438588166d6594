"""The axes of a budget: what a run has spent by each of its trials.

`full` (full-fidelity equivalents), `trials`, `wall` (real seconds of asking, evaluating and telling) and `energy`
(joules, where the task records `energy_joules` with each trial) add up in the order of asking. On `sim`, the simulated
clock, a trial counts when it has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.numbers import count
from carps_lite.analysis.stats import Array
from carps_lite.errors import InputError, unknown
from carps_lite.rows import ENERGY, TIMES


class Axis(NamedTuple):
    """What an axis counts: the noun of one unit and its plural, and whether only whole numbers occur on it."""

    unit: str
    units: str
    whole: bool


AXES: Mapping[str, Axis] = {
    "full": Axis("full evaluation", "full evaluations", True),
    "trials": Axis("trial", "trials", True),
    "sim": Axis("simulated second", "simulated seconds", False),
    "wall": Axis("second of wall time", "seconds of wall time", False),
    "energy": Axis("joule", "joules", False),
}


def check(axis: str) -> str:
    """Return the axis. Raises InputError where there is no such one."""
    if axis not in AXES:
        raise unknown("no axis", axis, AXES, "")
    return axis


def order(table: pd.DataFrame, axis: str) -> npt.NDArray[np.int64]:
    """Return the order in which trials count, run by run."""
    run, ask = table["run"].to_numpy(), table["ask"].to_numpy()
    step_run, step_ask = np.diff(run), np.diff(ask)
    if axis != "sim" and bool(((step_run > 0) | ((step_run == 0) & (step_ask >= 0))).all()):
        return np.arange(len(table))  # a store's table is in order, and sorting 10^7 trials takes seconds
    return np.lexsort((ask, table["end"].to_numpy(dtype=float), run) if axis == "sim" else (ask, run))


def positions(table: pd.DataFrame, axis: str, begin: npt.NDArray[np.int64]) -> Array:
    """Return where each trial counts, non-decreasing within a run.

    `table` stands in that order, and run i has its rows from `begin[i]` to `begin[i + 1]`. Raises InputError where
    something that the axis needs was not recorded.
    """
    if axis in ("full", "sim"):
        return table["spent" if axis == "full" else "end"].to_numpy(dtype=float)
    steps = np.ones(len(table)) if axis == "trials" else _wall(table) if axis == "wall" else _energy(table)
    added = np.cumsum(steps)
    before = np.concatenate([[0.0], added])[begin[:-1]]
    return np.asarray(added - np.repeat(before, np.diff(begin)))


def _wall(table: pd.DataFrame) -> Array:
    lacking = [name for name in TIMES if name not in table]
    if lacking:
        raise InputError(f"axis=wall needs the seconds that trials took; this table has no {', '.join(lacking)}")
    return np.asarray(table[list(TIMES)].to_numpy(dtype=float).sum(axis=1))


def _energy(table: pd.DataFrame) -> Array:
    """Joules of each trial; a failed trial that says nothing adds nothing."""
    known = table[ENERGY].to_numpy(dtype=float) if ENERGY in table else np.full(len(table), np.nan)
    lacking = ~np.isfinite(known) & table["failure"].isna().to_numpy()
    if lacking.any():
        runs = table["run"].to_numpy()
        without = len(np.unique(runs[lacking]))
        where = _where(table, lacking)
        raise InputError(
            f"axis=energy needs {ENERGY} with every trial; {without:,} of {count(len(np.unique(runs)), 'run')} do not "
            f"record it{where}   (axis={', '.join(name for name in AXES if name != 'energy')})"
        )
    return np.where(np.isfinite(known), known, 0.0)


def _where(table: pd.DataFrame, lacking: npt.NDArray[np.bool_]) -> str:
    names: Sequence[str] = [name for name in ("optimizer", "task") if name in table]
    first = table.iloc[int(np.flatnonzero(lacking)[0])]
    return f", such as {' on '.join(str(first[name]) for name in names)}" if names else ""
