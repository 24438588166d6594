"""What became of every run and trial: counts of each kind by optimizer and task, none of them dropped.

Axes: O entrants, T tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.pool import Cell
from carps_lite.analysis.scores import Scores

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Coverage:
    """Runs and trials by what became of them, each (O, T).

    `planned` = `done` + `failed` + `absent` + `short`. `absent`: the entrant has this seed elsewhere and not here;
    `short`: it finished before the budget; `empty`: of the runs that are done, those without a valid result there.
    `trials` and `failed_trials` are those of all runs used, failed and short ones included.
    """

    planned: Counts
    done: Counts
    failed: Counts
    absent: Counts
    short: Counts
    empty: Counts
    trials: Counts
    failed_trials: Counts

    @property
    def without_result(self) -> Counts:
        """Runs that count as infinity: all that is not done, and what is done and has no result."""
        return self.planned - self.done + self.empty


def coverage(s: Scores) -> Coverage:
    """Count the cells of a comparison."""
    pool = s.pool
    cells, missing = pool.cell_OTS, pool.cell_OTS == Cell.MISSING
    done = cells == Cell.DONE
    trials, failed_trials = (_per_cell(s, name) for name in ("n_trials", "n_failed"))
    counted = (cells != Cell.UNUSED, done, cells == Cell.FAILED, missing & ~s.short_OTS, missing & s.short_OTS)
    empty = done & np.isinf(s.final_OTS)
    planned, of_done, failed, absent, short, of_empty = (np.asarray(c.sum(axis=2)) for c in (*counted, empty))
    return Coverage(planned, of_done, failed, absent, short, of_empty, trials, failed_trials)


def coverage_frame(s: Scores) -> pd.DataFrame:
    """The same as a table, a row for each optimizer and task."""
    found, (n_names, n_tasks) = coverage(s), s.pool.run_OTS.shape[:2]
    return pd.DataFrame(
        {
            "optimizer": np.repeat(s.pool.names, n_tasks),
            "task": np.tile(s.pool.tasks, n_names),
            **{name: counts.ravel() for name, counts in found.__dict__.items()},
        }
    )


def failures_frame(s: Scores, table: pd.DataFrame) -> pd.DataFrame:
    """Why runs and trials failed: optimizer, task, `what` (run or trial), `kind` (the reason) and n, most first."""
    runs = s.pool.runs
    lost = runs[runs["state"] != "done"]
    of_runs = pd.DataFrame({"optimizer": lost["entrant"], "task": lost["task"], "kind": lost["error"].astype(str)})
    failed = table.loc[table["run"].isin(runs["run"]) & table["failure"].notna(), ["run", "failure"]]
    by_run = runs.set_index("run")
    of_trials = pd.DataFrame(
        {
            "optimizer": failed["run"].map(by_run["entrant"]),
            "task": failed["run"].map(by_run["task"]),
            "kind": failed["failure"].astype(str),
        }
    )
    both = pd.concat([of_runs.assign(what="run"), of_trials.assign(what="trial")])
    columns = ["optimizer", "task", "what", "kind"]
    counted = both.groupby(columns, sort=True).size().rename("n").reset_index()
    return counted.sort_values(["n", *columns], ascending=[False, True, True, True, True]).reset_index(drop=True)


def _per_cell(s: Scores, column: str) -> Counts:
    """Sum a column of the runs over the seeds of each entrant and task."""
    runs, pool = s.pool.runs, s.pool
    sums = runs.groupby(["entrant", "task"])[column].sum()
    wanted = pd.MultiIndex.from_product([pool.names, pool.tasks])
    return np.asarray(sums.reindex(wanted, fill_value=0).to_numpy(dtype=np.int64).reshape(len(pool.names), -1))
