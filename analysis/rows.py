"""The rows of the page's tables on tasks, runs, failures and versions, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from carps_lite.analysis import marks, tables, units
from carps_lite.analysis.numbers import duration, listing, percent, together
from carps_lite.analysis.pool import Cell
from carps_lite.analysis.summary import Summary

SPARKLINES_UP_TO = 80  # tasks
SHOWN = 20  # failures that the page spells out; all failed runs are in tables/runs.csv
View = dict[str, Any]


def task_rows(s: Summary, colours: Mapping[str, str]) -> list[View]:
    """A row a task: each entrant's median at the budget, in the task's own direction and unit (units.py)."""
    scores, pool = s.scores, s.pool
    curves = units.quartiles(scores)
    drawn = [s.looks[name] for name in s.names]
    show = len(pool.tasks) <= SPARKLINES_UP_TO and len(scores.budgets) > 1
    return [
        {
            "task": task,
            "measure": units.of(scores, t).directed,
            "cells": _cells(s, t, units.Bands(*(a[:, t, -1] for a in curves))),
            "lines": marks.sparklines([curves.median[o, t] for o in s.order], drawn, colours) if show else "",
        }
        for t, task in enumerate(pool.tasks)
    ]


def coverage_rows(s: Summary) -> list[View]:
    """A row an entrant: what became of its runs and trials."""
    frame = tables.coverage_table(s.scores).iloc[s.order]
    rows = []
    for _, row in frame.iterrows():
        counts = {k: int(row[k]) for k in frame.columns if k not in ("optimizer", "own_seconds_per_trial", "seconds")}
        never, failed = counts["tasks_never_run"], counts["failed_trials"]
        rows.append(
            {
                **counts,
                "name": row["optimizer"],
                "never": f"{never} of {len(s.pool.tasks)}" if never else "0",
                "failed_share": f"{failed:,} ({percent(failed / counts['trials'])})" if failed else "0",
                "own": duration(float(row["own_seconds_per_trial"])),
                "seconds": float(row["seconds"]),
                "total": duration(float(row["seconds"])),
            }
        )
    return rows


def failed_runs(s: Summary) -> View:
    """Failed runs by optimizer, task and reason: the first of them, and how many more rows there are."""
    failed = s.pool.runs[s.pool.runs["state"] != "done"]
    rows = [
        {"name": name, "task": task, "error": str(error)[:300], "seeds": listing([str(seed) for seed in sorted(seeds)])}
        for (name, task, error), seeds in failed.groupby(["entrant", "task", "error"], sort=False)["seed"]
    ]
    return {"rows": rows[:SHOWN], "more": max(0, len(rows) - SHOWN)}


def failure_kinds(s: Summary) -> View:
    """Why trials failed, the most frequent reasons first."""
    columns = (s.failure_kinds[name] for name in ("entrant", "failure", "n"))
    rows = [{"name": e, "kind": str(k)[:200], "n": int(n)} for e, k, n in zip(*columns, strict=True)]
    return {"rows": rows[:SHOWN], "more": max(0, len(rows) - SHOWN)}


def version_rows(s: Summary) -> list[View]:
    """What made the runs: a row for each entrant and each family of tasks, and more where versions differ."""
    made = tables.runs_table(s.scores)
    made["by"] = [
        f"carps-lite {c}, Python {p}, {m}"
        for c, p, m in zip(made["carps_lite"], made["python"], made["platform"], strict=True)
    ]
    made["family"] = made["task"].str.split("/").str[0]
    kinds = (("optimizer", ["entrant", "code", "by", "stale"]), ("task", ["family", "task_code", "by"]))
    return [
        {
            "what": what,
            "name": row[0],
            "code": row[1],
            "by": row[2],
            "stale": len(row) > 4 and bool(row[3]),
            "n": row[-1],
        }
        for what, columns in kinds
        for row in made.groupby(columns, sort=True).size().reset_index().itertuples(index=False, name=None)
    ]


def _cells(s: Summary, t: int, values: units.Bands) -> list[View]:
    """The cells of one task: its medians with their quartiles, or why there is none; `values`: (O,) each."""
    medians, own = values.median, units.of(s.scores, t)
    write, best = together([float(m) for m in medians], own.larger), own.best(medians)
    cells = []
    for o in s.order:
        shown = bool(np.isfinite(medians[o]))
        ends = (write(float(x)) if np.isfinite(x) else "no result" for x in (values.low[o], values.high[o]))
        cells.append(
            {
                "text": write(float(medians[o])) if shown else _why(s, o, t),
                "range": " – ".join(ends) if shown and len(s.pool.seeds[o]) > 1 else "",
                "best": shown and bool(medians[o] == best),
                "gap": _gap(s, o, t) if shown else "",
                "order": repr(float(medians[o])) if shown else "1e400",
                "mix": round(46 * _place(s, o, t)),  # per cent of the colour
            }
        )
    return cells


def _place(s: Summary, o: int, t: int) -> float:
    """How good an entrant is on a task, from 0 (last) to 1 (first)."""
    n = len(s.pool.names)
    return 0.0 if s.ranking is None else float((n - s.ranking.ranks_OT[o, t]) / (n - 1))


def _gap(s: Summary, o: int, t: int) -> str:
    cells = s.pool.cell_OTS[o, t]
    lost = int(((cells == Cell.FAILED) | (cells == Cell.MISSING)).sum())
    return f"{lost} of {len(s.pool.seeds[o])} lost" if lost else ""


def _why(s: Summary, o: int, t: int) -> str:
    """Why a cell has no median: half of its runs or more have no result."""
    if not s.pool.ran_OT[o, t]:
        return "not run"
    planned = len(s.pool.seeds[o])
    for cell, what in ((Cell.FAILED, "failed"), (Cell.MISSING, "missing")):
        n = int((s.pool.cell_OTS[o, t] == cell).sum())
        if 2 * n >= planned:
            return what if n == planned else f"{n} of {planned} {what}"
    return "no result"
