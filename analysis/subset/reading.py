"""Results from a store, a baseline or a table in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from carps_lite.analysis.curves import COLUMNS
from carps_lite.analysis.numbers import count, listing
from carps_lite.analysis.pool import build
from carps_lite.analysis.scores import score
from carps_lite.analysis.selection import Choice
from carps_lite.analysis.subset.performance import Array, Performance
from carps_lite.errors import InputError, nearest, one_line
from carps_lite.stack import Stack

TASK_COLUMNS = ("task", "task_id")
LONG = ("optimizer", "value")


def from_store(
    frames: Stack,
    source: str,
    *,
    budget: str | float | None = None,
    tasks: Sequence[str] | None = None,
    kind: str | None = None,
    at: str = "budget",
) -> Performance:
    """Take normalised regret from the runs of a store or archive.

    `budget`: where; by default the largest that every finished run reached. `at`: `budget`, or `area` for the mean over
    the whole way to it, in which a run counts as 1 before its first result. Tasks without references are left out and
    named. Raises InputError where nothing is left.
    """
    runs, table = frames.frames(columns=COLUMNS)
    if kind is not None and len(runs):
        runs = runs[runs["kind"] == kind]
        if runs.empty:
            raise InputError(f"kind: {source} has no runs on tasks of type {kind}")
    scores = score(build(runs, Choice(tasks=tasks)), table, budget)
    pool = scores.pool
    regret_OTS = _area(scores.normalised_OTSB) if at == "area" else scores.normalised_OTS
    values_OTS = np.where((pool.ran_OT | ~scores.normalises_T)[..., None], regret_OTS, np.nan)
    whole = Performance(pool.tasks, pool.groups, pool.names, values_OTS, True, source, pool.left_out)
    if not scores.normalises_T.any():
        raise InputError(
            f"no task of {source} has references: carps-lite references task=..., or between=range on a table"
        )
    lost = [task for task, has in zip(pool.tasks, scores.normalises_T, strict=True) if not has]
    return whole.of_tasks(
        scores.normalises_T, f"{count(len(lost), 'task')} without references: {listing(lost)}" if lost else ""
    )


def _area(regret_OTSB: Array) -> Array:
    """The mean over the budgets, a failed run staying a failure."""
    along = np.where(np.isinf(regret_OTSB), 1.0, regret_OTSB).mean(axis=3)
    return np.where(np.isinf(regret_OTSB[..., -1]), np.inf, along)


def from_file(path: Path) -> Performance:
    """Read a CSV or Parquet table, lower values better.

    Wide: a column `task` (or `task_id`), perhaps `group`, and one of numbers for each optimizer. Long: columns `task`,
    `optimizer`, `value`, perhaps `seed` and `group`. An empty or infinite value is a failure; a row that is not there,
    no run. Raises InputError on anything else.
    """
    frame = _read(path)
    task = next((c for c in TASK_COLUMNS if c in frame), None)
    if task is None:
        raise InputError(f"{path}: needs a column task (or task_id), has {listing(list(map(str, frame.columns)))}")
    frame = frame.rename(columns={task: "task"}).assign(task=lambda f: f["task"].astype(str))
    return _long(frame, path) if set(LONG) <= set(frame.columns) else _wide(frame, path)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"from: no file {str(path)!r}")
    try:
        return pd.read_parquet(path) if path.suffix in (".parquet", ".pq") else pd.read_csv(path)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"cannot read {path} as a table: {one_line(error)}") from None


def _wide(frame: pd.DataFrame, path: Path) -> Performance:
    if frame["task"].duplicated().any():
        twice = frame.loc[frame["task"].duplicated(), "task"].iloc[0]
        raise InputError(f"{path}: task {twice!r} has two rows; several seeds need the columns task, optimizer, value")
    names = [str(c) for c in frame.columns if c not in ("task", "group")]
    numbers = [_numbers(frame[name], path) for name in names]
    values_OT = np.array(numbers, dtype=float).reshape(len(names), len(frame))
    return _performance(frame, names, np.where(np.isnan(values_OT), np.inf, values_OT)[..., None], path)


def _long(frame: pd.DataFrame, path: Path) -> Performance:
    frame = frame.assign(
        seed=frame.get("seed", 0),
        optimizer=frame["optimizer"].astype(str),
        value=_numbers(frame["value"], path),
    )
    if frame.duplicated(["task", "optimizer", "seed"]).any():
        row = frame[frame.duplicated(["task", "optimizer", "seed"])].iloc[0]
        raise InputError(f"{path}: {row['optimizer']} on {row['task']} has two values of seed {row['seed']}")
    names, tasks = sorted(frame["optimizer"].unique()), list(dict.fromkeys(frame["task"]))
    seeds = {name: sorted(own["seed"].unique()) for name, own in frame.groupby("optimizer")}
    values_OTS = np.full((len(names), len(tasks), max(map(len, seeds.values()))), np.nan)
    places = {task: t for t, task in enumerate(tasks)}
    for o, name in enumerate(names):
        own = frame[frame["optimizer"] == name]
        for t in sorted({places[task] for task in own["task"]}):
            values_OTS[o, t, : len(seeds[name])] = np.inf  # a seed that it has on other tasks and not here failed
        at = {seed: s for s, seed in enumerate(seeds[name])}
        for task, seed, value in zip(own["task"], own["seed"], own["value"], strict=True):
            values_OTS[o, places[task], at[seed]] = np.inf if np.isnan(value) else value
    return _performance(frame.drop_duplicates("task"), names, values_OTS, path)


def _performance(frame: pd.DataFrame, names: Sequence[str], values_OTS: Array, path: Path) -> Performance:
    tasks = tuple(frame["task"])
    groups = tuple(frame["group"].astype(str)) if "group" in frame else tasks
    if len(names) < 2 or len(tasks) < 2:
        raise InputError(
            f"{path}: needs at least two tasks and two optimizers, has {count(len(tasks), 'task')} and "
            f"{count(len(names), 'optimizer')}"
        )
    return Performance(tasks, groups, tuple(names), values_OTS, False, str(path))


def _numbers(column: pd.Series, path: Path) -> Array:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() & column.notna() & (column.astype(str).str.lower() != "nan")]
    if len(wrong):
        hint = nearest(str(column.name), (*TASK_COLUMNS, "group", "seed"))
        raise InputError(
            f"{path}: column {column.name!r} must hold numbers, row {wrong.index[0] + 2} has {wrong.iloc[0]!r}{hint}"
        )
    return np.asarray(numbers, dtype=float)
