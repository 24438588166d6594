"""The data behind the report, as frames that are written as CSV: one function a file, raw numbers, no rounding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis import units
from carps_lite.analysis.pool import Cell
from carps_lite.analysis.ranking import Ranking
from carps_lite.analysis.scores import Scores
from carps_lite.analysis.stats import Array


def ranking_table(r: Ranking) -> pd.DataFrame:
    """Mean ranks with both intervals and P(best), best first."""
    order = r.order
    return pd.DataFrame(
        {
            "optimizer": [r.names[o] for o in order],
            "mean_rank": r.mean_ranks[order],
            "low_other_seeds": r.seed_intervals[order, 0],
            "high_other_seeds": r.seed_intervals[order, 1],
            "low_other_tasks": r.task_intervals[order, 0],
            "high_other_tasks": r.task_intervals[order, 1],
            "p_best": r.p_best[order],
        }
    )


def pairs_table(r: Ranking) -> pd.DataFrame:
    """Every pair once, the one with the better mean rank first."""
    order = r.order
    pairs = [r.between(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    return pd.DataFrame(
        {
            "optimizer": [r.names[c.first] for c in pairs],
            "against": [r.names[c.second] for c in pairs],
            "verdict": [{1: "better", 0: "open", -1: "worse"}[c.verdict] for c in pairs],
            "p_wilcoxon": [c.p for c in pairs],
            "p_holm": [c.p_holm for c in pairs],
            "family": len(pairs),
            "superiority": [c.superiority for c in pairs],
            "tasks_won": [c.wins for c in pairs],
            "tasks_tied": [c.ties for c in pairs],
            "tasks_lost": [c.losses for c in pairs],
            "groups_tested": [c.n_groups for c in pairs],
        }
    )


def final_table(s: Scores, ranks_OT: Array | None) -> pd.DataFrame:
    """Every cell (task, optimizer) at the budget: median and quartiles over seeds; infinity is no result.

    `median` and its kin are of `metric`, as it is minimised; `shown_median` and its kin of `shown`, in its own
    direction and unit, where `better` says which way is better (units.py).
    """
    pool = s.pool
    n, own = len(pool.names), [units.of(s, t) for t in range(len(pool.tasks))]
    cells = {
        f"n_{cell.name.lower()}": (pool.cell_OTS == cell).sum(axis=2).T.ravel()
        for cell in (Cell.DONE, Cell.FAILED, Cell.MISSING)
    }
    return pd.DataFrame(
        {
            "task": np.repeat(pool.tasks, n),
            "group": np.repeat(pool.groups, n),
            "metric": np.repeat(pool.metrics, n),
            "optimum": np.repeat(pool.optima, n),
            "optimizer": list(pool.names) * len(pool.tasks),
            "budget": s.budget,
            "axis": s.axis,
            "median": s.medians_OTB[..., -1].T.ravel(),
            "quartile_1": s.quantile_OTB(0.25)[..., -1].T.ravel(),
            "quartile_3": s.quantile_OTB(0.75)[..., -1].T.ravel(),
            "rank": ranks_OT.T.ravel() if ranks_OT is not None else np.nan,
            **cells,
            "shown": np.repeat([metric.label for metric in own], n),
            "better": np.repeat(["larger" if metric.larger else "smaller" for metric in own], n),
            **{name: values[..., -1].T.ravel() for name, values in _shown(s).items()},
        }
    )


def _shown(s: Scores) -> dict[str, Array]:
    """Medians and quartiles, (O, T, B), in the tasks' own directions and units; nan where there is no result."""
    names = ("shown_median", "shown_quartile_1", "shown_quartile_3")
    return {n: np.where(np.isfinite(a), a, np.nan) for n, a in zip(names, units.quartiles(s), strict=True)}


def coverage_table(s: Scores) -> pd.DataFrame:
    """What became of each entrant's runs and trials, and its own time."""
    pool = s.pool
    by = pool.runs.groupby("entrant").agg(
        n_trials=("n_trials", "sum"), n_failed=("n_failed", "sum"), ask=("ask_seconds", "sum"),
        tell=("tell_seconds", "sum"), seconds=("seconds", "sum"),
    ).loc[list(pool.names)]  # fmt: skip
    trials = by["n_trials"].to_numpy(dtype=float)
    own = (by["ask"] + by["tell"]).to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "optimizer": pool.names,
            "seeds": [len(seeds) for seeds in pool.seeds],
            "planned": (pool.cell_OTS != Cell.UNUSED).sum(axis=(1, 2)),
            "done": pool.count(Cell.DONE),
            "failed": pool.count(Cell.FAILED),
            "missing": pool.count(Cell.MISSING),
            "no_result": s.no_result,
            "tasks_never_run": (~pool.ran_OT).sum(axis=1),
            "trials": by["n_trials"].to_numpy(),
            "failed_trials": by["n_failed"].to_numpy(),
            "own_seconds_per_trial": np.divide(own, trials, out=np.full(len(own), np.nan), where=trials > 0),
            "seconds": by["seconds"].to_numpy(),
        }
    )


def curve_table(s: Scores) -> pd.DataFrame:
    """The data of the incumbent curves: median and quartiles over seeds at each budget, where there is a median.

    `median` and its kin as they are minimised; `shown_median` and its kin of `shown`, in its own direction and unit.
    """
    pool, n_budgets = s.pool, len(s.budgets)
    n_names, n_tasks = len(pool.names), len(pool.tasks)
    shown = np.isfinite(s.medians_OTB).ravel()
    labels = [units.of(s, t).label for t in range(n_tasks)]
    columns = {
        "optimizer": np.repeat(pool.names, n_tasks * n_budgets),
        "task": np.tile(np.repeat(pool.tasks, n_budgets), n_names),
        "budget": np.tile(s.budgets, n_names * n_tasks),
        "median": s.medians_OTB.ravel(),
        "quartile_1": s.quantile_OTB(0.25).ravel(),
        "quartile_3": s.quantile_OTB(0.75).ravel(),
        "shown": np.tile(np.repeat(labels, n_budgets), n_names),
        **{name: values.ravel() for name, values in _shown(s).items()},
    }
    return pd.DataFrame({name: column[shown] for name, column in columns.items()})


def anytime_table(
    s: Scores,
    index: npt.NDArray[np.int64],
    means_OB: Array,
    bands_OB2: Array,
) -> pd.DataFrame:
    """The data of the anytime ranks."""
    n = len(index)
    return pd.DataFrame(
        {
            "optimizer": np.repeat(s.pool.names, n),
            "budget": np.tile(s.budgets[index], len(s.pool.names)),
            "mean_rank": means_OB.ravel(),
            "low_other_seeds": bands_OB2[..., 0].ravel(),
            "high_other_seeds": bands_OB2[..., 1].ravel(),
        }
    )


def runs_table(s: Scores) -> pd.DataFrame:
    """Every run that is used, with what made it."""
    runs = s.pool.runs
    columns = [
        "run",
        "entrant",
        "task",
        "optimizer",
        "seed",
        "n_workers",
        "variant",
        "state",
        "error",
        "n_trials",
        "n_failed",
        "spent",
        "stale",
        "seconds",
    ]
    return runs[columns].assign(
        code=[identity(h.get("optimizer_identity")) for h in runs["header"]],
        task_code=[identity(h.get("task_identity")) for h in runs["header"]],
        carps_lite=[h.get("carps_lite", "") for h in runs["header"]],
        python=[h.get("python", "") for h in runs["header"]],
        platform=[h.get("platform", "") for h in runs["header"]],
        started=[h.get("started", "") for h in runs["header"]],
    )


def identity(made: object) -> str:
    """Write a code identity: `version 1, optuna 5.0.0`, or `code 1f3a…` for a class that declares no version."""
    if not isinstance(made, dict):
        return ""
    parts = [f"version {made['version']}"] if "version" in made else [f"code {made['code']}"] if "code" in made else []
    return ", ".join(parts + [f"{name} {version}" for name, version in sorted((made.get("libraries") or {}).items())])
