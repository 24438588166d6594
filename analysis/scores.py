"""From cells and trials to scores_OTSB: the value of each entrant, task and seed at each budget.

Axes: O entrants, T tasks, S seeds (padded), B budgets. Lower is better, also for several objectives, whose score is the
hypervolume gap (measures.py). Infinity: the run failed or is missing, or had no valid result by then; it is worse than
every value. nan: the entrant does not use this seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis import axes, grouping, normalised
from carps_lite.analysis.curves import Curves, curves
from carps_lite.analysis.measures import Measure
from carps_lite.analysis.noise import noise_free
from carps_lite.analysis.numbers import amount, count, listing
from carps_lite.analysis.pool import Cell, Pool
from carps_lite.analysis.stats import Array
from carps_lite.core import Budget
from carps_lite.errors import InputError

LINEAR_UP_TO = 300  # up to so many whole steps, every one is a point of the curves; beyond, points are spread by ratio
POINTS = 150


@dataclass(frozen=True)
class Scores:
    """The scores of a pool at its budget and on the way there; `pool` has the cells, with short runs as missing."""

    pool: Pool
    axis: str
    budgets: Array  # (B,), the last one is the budget at which is compared
    values_OTSB: Array
    n_short: int  # finished runs that ended before the budget
    usual: float  # how far most finished runs went
    n_usual: int
    averaged_T: npt.NDArray[np.bool_]  # whether a task's trials are scored without noise (noise.py)
    short_OTS: npt.NDArray[np.bool_]  # finished runs that ended before the budget, which count as missing
    longer_OTS: npt.NDArray[np.bool_]  # finished runs that went on beyond the budget

    @cached_property
    def regret_T(self) -> npt.NDArray[np.bool_]:
        """Whether a task's values can be shown as regret: its optimum is known, and nothing lies below it."""
        values = self.values_OTSB[..., -1]
        lowest = np.where(np.isnan(values), np.inf, values).min(axis=(0, 2))
        bound = self.pool.optima - 1e-9 * np.abs(self.pool.optima)
        return np.asarray(np.isfinite(bound) & (lowest >= bound))

    @property
    def budget(self) -> float:
        """The budget at which is compared."""
        return float(self.budgets[-1])

    @property
    def final_OTS(self) -> Array:
        """Values at the budget."""
        return self.values_OTSB[..., -1]

    @cached_property
    def normalised_OTSB(self) -> Array:
        """Regret between the fixed references of the tasks, 0 good and 1 bad; not cut off.

        Infinity as in `values_OTSB`; nan also for a whole task that has no references. `normalised.bounded` makes
        averages possible, `normalised.log10` shows small ones.
        """
        return normalised.normalised(self.values_OTSB, self.pool.good_T, self.pool.bad_T)

    @property
    def normalised_OTS(self) -> Array:
        """Normalised regret at the budget."""
        return self.normalised_OTSB[..., -1]

    @property
    def normalises_T(self) -> npt.NDArray[np.bool_]:
        """Whether a task has references."""
        return np.asarray(np.isfinite(self.pool.bad_T - self.pool.good_T))

    @property
    def normalised_notes(self) -> tuple[str, ...]:
        """Sentences on the tasks that normalised regret does not speak of; empty where it speaks of all."""
        without = [task for task, has in zip(self.pool.tasks, self.normalises_T, strict=True) if not has]
        if not without:
            return ()
        verb = "has no references and takes" if len(without) == 1 else "have no references and take"
        return (f"{count(len(without), 'task')} {verb} part in ranks only: {listing(without)}",)

    def of_tasks(self, index_T: npt.ArrayLike) -> Scores:
        """The same on a part of the tasks, by their places or a mask."""
        at = np.arange(len(self.pool.tasks))[np.asarray(index_T)]
        short, longer = self.short_OTS[:, at], self.longer_OTS[:, at]
        return replace(
            self,
            pool=self.pool.of_tasks(at),
            values_OTSB=self.values_OTSB[:, at],
            n_short=int(short.sum()),
            averaged_T=self.averaged_T[at],
            short_OTS=short,
            longer_OTS=longer,
        )

    def by(self, key: str) -> dict[str, Scores]:
        """The same for each label of a key of `pool.labels`, such as `dimension` or `family`."""
        own = np.asarray(self.pool.label(key))
        return {label: self.of_tasks(own == label) for label in grouping.order(own.tolist())}

    @property
    def logarithmic(self) -> bool:
        """Whether the budgets are spread by ratio."""
        return bool(self.budget > LINEAR_UP_TO)

    @property
    def no_result(self) -> npt.NDArray[np.int64]:
        """Finished runs without any valid result at the budget, per entrant: (O,)."""
        return np.asarray(((self.pool.cell_OTS == Cell.DONE) & np.isinf(self.final_OTS)).sum(axis=(1, 2)))

    @property
    def medians_OTB(self) -> Array:
        """The median over seeds along the budgets; infinite where half of the runs or more have no result."""
        ordered, n = np.sort(self.values_OTSB, axis=2), [len(own) for own in self.pool.seeds]
        return np.stack([(ordered[o, :, (k - 1) // 2] + ordered[o, :, k // 2]) / 2 for o, k in enumerate(n)])

    def quantile_OTB(self, share: float) -> Array:
        """A quantile over seeds along the budgets, the nearest order statistic, so that infinity is no obstacle."""
        ordered, n = np.sort(self.values_OTSB, axis=2), [len(own) for own in self.pool.seeds]
        return np.stack([ordered[o, :, round(share * (k - 1))] for o, k in enumerate(n)])


def score(pool: Pool, table: pd.DataFrame, budget: Budget | str | float | None = None, axis: str = "full") -> Scores:
    """Score a pool at a budget, by default at the largest that every finished run reached.

    A finished run that ended before a budget given counts as missing there. Raises InputError where no run got there.
    """
    axis, wanted = parse_axis(budget, axis)
    table = table[table["run"].isin(pool.run_OTS[pool.run_OTS >= 0])]
    steps = curves(table, axis, full_fidelities(pool.runs), _several(pool))
    done = pool.cell_OTS == Cell.DONE
    reached_OTS = np.zeros(pool.cell_OTS.shape)
    asked_for = _asked_for(pool.runs, axis)
    for at in zip(*np.nonzero(done), strict=True):
        run = int(pool.run_OTS[at])
        reached_OTS[at] = max(steps.reached(run), asked_for.get(run, 0.0))
    limit, usual, n_usual = _limit(reached_OTS[done], wanted, axis)
    short = done & (reached_OTS < limit * (1 - 1e-9))
    longer = done & np.isfinite(reached_OTS) & (reached_OTS > limit * (1 + 1e-9))
    scored = replace(pool, cell_OTS=np.where(short, np.int8(Cell.MISSING), pool.cell_OTS))
    budgets = _grid(limit, axis)
    values = scores_OTSB(scored, steps, budgets)
    return Scores(
        scored, axis, budgets, values, int(short.sum()), usual, n_usual, _averaged(pool, table), short, longer
    )


def _several(pool: Pool) -> dict[int, Measure]:
    """The measure of each run on a task with several objectives."""
    at = {task: m for task, m in zip(pool.tasks, pool.measures, strict=True) if m.several}
    columns = (pool.runs["run"], pool.runs["task"])
    return {int(run): at[task] for run, task in zip(*columns, strict=True) if task in at}


def _averaged(pool: Pool, table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether the trials of a task are scored without noise: any of its runs records what they are worth: (T,)."""
    recorded = noise_free(table)[1]
    if "noise_free_values" in table:
        recorded = recorded | set(table.loc[table["noise_free_values"].notna(), "run"].tolist())
    return np.array([bool(recorded & set(own.ravel().tolist())) for own in np.moveaxis(pool.run_OTS, 1, 0)])


def scores_OTSB(pool: Pool, steps: Curves, budgets: Array) -> Array:
    """Evaluate every finished run's curve at every budget; the module's head says what infinity and nan mean."""
    values = np.where(pool.cell_OTS == Cell.UNUSED, np.nan, np.inf)[..., None].repeat(len(budgets), axis=-1)
    for at in zip(*np.nonzero(pool.cell_OTS == Cell.DONE), strict=True):
        values[at] = steps.at(int(pool.run_OTS[at]), budgets)
    return values


def parse_axis(budget: Budget | str | float | None, axis: str) -> tuple[str, float | None]:
    """Return the axis and the budget on it: a budget's unit says which, a bare number is one of the axis asked for."""
    axes.check(axis)
    if budget is None:
        return axis, None
    parsed = Budget.parse(budget)
    return (axis if parsed.unit == "full" else parsed.unit), parsed.amount


def _limit(reached: Array, wanted: float | None, axis: str) -> tuple[float, float, int]:
    """Return the budget to compare at, and how far most finished runs went."""
    ended = reached[np.isfinite(reached) & (reached > 0)]
    lengths, times = np.unique(ended, return_counts=True)
    usual, n_usual = (float(lengths[times.argmax()]), int(times.max())) if len(ended) else (0.0, 0)
    if wanted is None:
        return (float(ended.min()) if len(ended) else 0.0), usual, n_usual
    if len(reached) and not (reached >= wanted * (1 - 1e-9)).any():
        unit = axes.AXES[axis].units
        raise InputError(f"no run reached a budget of {amount(wanted)} {unit}; the longest has {amount(reached.max())}")
    return wanted, usual, n_usual


def _grid(limit: float, axis: str) -> Array:
    """The budgets of the curves; they end in `limit`."""
    if limit <= 0:
        return np.zeros(1)
    whole = axes.AXES[axis].whole and limit == round(limit)
    if whole and limit <= LINEAR_UP_TO:
        return np.arange(1.0, limit + 1)
    if limit <= LINEAR_UP_TO:
        return np.linspace(limit / POINTS, limit, POINTS)
    points = np.geomspace(1.0 if whole else limit / 1000, limit, POINTS)
    return np.unique(np.append(np.round(points) if whole else points[:-1], limit))


def full_fidelities(runs: pd.DataFrame) -> dict[int, float]:
    """What full fidelity is in each run; runs without fidelities are left out."""
    axes = [
        (run, (header.get("problem") or {}).get("fidelity"))
        for run, header in zip(runs["run"], runs["header"], strict=True)
    ]
    return {int(run): float(axis["high"]) for run, axis in axes if axis}


def _asked_for(runs: pd.DataFrame, axis: str) -> dict[int, float]:
    """How far finished runs went by their own account: to the budget that they were given, on the axis of its unit.

    A run of 3600 simulated seconds covers them all though its last trial may have ended before; one whose optimizer had
    nothing left (`why`) has what it would have at any larger budget.
    """
    given: dict[int, float] = {}
    for run, header in zip(runs["run"], runs["header"], strict=True):
        budget = Budget.parse(header["budget"]) if header.get("budget") else None
        if budget is not None and budget.unit == axis:
            given[int(run)] = budget.amount
    if "why" in runs:
        given |= dict.fromkeys(runs.loc[runs["why"] == "exhausted", "run"].astype(int), np.inf)
    return given
