"""Which runs of a store are compared, under which names, and what is left out: each with a sentence that says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pandas as pd

from carps_lite.analysis.numbers import count, listing
from carps_lite.errors import InputError, unknown


@dataclass(frozen=True)
class Choice:
    """Which part of a store to compare; None takes everything. Names may be shell patterns; a task's prefix will do."""

    optimizers: Sequence[str] | None = None
    tasks: Sequence[str] | None = None
    seeds: Sequence[int] | None = None
    n_workers: int | None = None


EVERYTHING = Choice()


def select(
    runs: pd.DataFrame, choice: Choice = EVERYTHING, impossible: Collection[tuple[str, str]] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the runs to compare, one a cell, with a column `entrant`, and what was left out, as sentences.

    `impossible`: (task, optimizer) pairs that the optimizer does not handle. Raises InputError where nothing can be
    compared.
    """
    if runs.empty:
        raise InputError("the store has no finished runs yet   (carps-lite run task=... optimizer=...)")
    left_out: list[str] = []
    runs = _single_objective(_chosen(runs, choice), left_out)
    runs = _labelled(_fresh(runs, left_out))
    best_first = runs.assign(lost=runs["state"] != "done").sort_values(
        ["lost", "spent"], ascending=[True, False], kind="stable"
    )
    cells = best_first.drop_duplicates(["entrant", "task", "seed"]).sort_values(["entrant", "task", "seed"])
    cells = _taken_by_all(_compared(cells, left_out), impossible, left_out)
    return cells.reset_index(drop=True), tuple(left_out)


def _chosen(runs: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    runs = runs.assign(task=runs["task"].astype(str), optimizer=runs["optimizer"].astype(str))
    for column, wanted in (("optimizer", choice.optimizers), ("task", choice.tasks)):
        if wanted is not None:
            known = sorted(set(runs[column]))
            names = {name for text in wanted for name in _matching(column, text, known)}
            runs = runs[runs[column].isin(names)]
    one = None if choice.n_workers is None else [choice.n_workers]
    for column, values in (("seed", choice.seeds), ("n_workers", one)):
        if values is not None:
            there = sorted(set(runs[column]))
            runs = runs[runs[column].isin(list(values))]
            if runs.empty:
                raise InputError(f"no run with {column} {_some(values)}; there are {_some(there)}")
    if runs.empty:
        raise InputError("no optimizer that was chosen has a run on a task that was chosen   (carps-lite status)")
    return runs


def _matching(column: str, text: str, known: Sequence[str]) -> list[str]:
    """Return the ids that a text names: itself, or as a shell pattern, or those that it begins (`bbob`)."""
    if text in known:
        return [text]
    found = [k for k in known if fnmatchcase(k, text)] or [k for k in known if k.startswith(f"{text}/")]
    if not found:
        raise unknown(f"the store has no run of {column}", text, known, "carps-lite status")
    return found


def _single_objective(runs: pd.DataFrame, left_out: list[str]) -> pd.DataFrame:
    several = runs["kind"].isin(["mo", "momf"])
    if not several.any():
        return runs
    names = sorted(set(runs.loc[several, "task"]))
    which = f"{count(len(names), 'task')} with several objectives"
    line = f"{which}, which this report cannot compare yet: {listing(names)}"
    if several.all():
        raise InputError(line)
    left_out.append(line)
    return runs[~several]


def _fresh(runs: pd.DataFrame, left_out: list[str]) -> pd.DataFrame:
    """Leave out stale runs of optimizers that have new ones."""
    stale = runs["stale"].astype(bool)
    has_new = (~stale).groupby([runs[c] for c in ("optimizer", "n_workers", "variant")]).transform("any")
    dropped = runs[stale & has_new]
    if len(dropped):
        which = f"{count(len(dropped), 'stale run')} of {listing(sorted(set(dropped['optimizer'])))} beside new ones"
        left_out.append(
            f"{which}, made by other code or library versions than are installed (rerun=stale computes them again)"
        )
    return runs.drop(dropped.index)


def _labelled(runs: pd.DataFrame) -> pd.DataFrame:
    """Name the entrants: the optimizer's id, and in brackets what else sets it apart."""
    several = runs["n_workers"].nunique() > 1

    def label(optimizer: str, n_workers: int, variant: str, stale: bool) -> str:
        settings = ([count(n_workers, "worker")] if several else []) + ([variant] if variant else [])
        return optimizer + (f" [{', '.join(settings)}]" if settings else "") + (" (stale)" if stale else "")

    columns = (runs["optimizer"], runs["n_workers"], runs["variant"].astype(str), runs["stale"].astype(bool))
    return runs.assign(entrant=[label(*row) for row in zip(*columns, strict=True)])


def _compared(runs: pd.DataFrame, left_out: list[str]) -> pd.DataFrame:
    """Keep the tasks on which there is something to compare; all of them where there is one entrant only."""
    entrants = runs.groupby("task")["entrant"].nunique()
    if runs["entrant"].nunique() == 1:
        return runs
    alone = sorted(str(task) for task in entrants.index[entrants < 2])
    if len(alone) == len(entrants):
        where = "; ".join(_where(runs))
        raise InputError(f"no task was run by two optimizers ({where}): run them on the same tasks to compare them")
    kept = runs[~runs["task"].isin(alone)]
    if alone:
        left_out.append(f"{count(len(alone), 'task')} with runs of one optimizer only: {listing(alone)}")
    gone = sorted(set(runs["entrant"]) - set(kept["entrant"]))
    if gone:
        left_out.append(f"{listing(gone)}, without a run on a task that another optimizer ran")
    return kept


def _taken_by_all(runs: pd.DataFrame, impossible: Collection[tuple[str, str]], left_out: list[str]) -> pd.DataFrame:
    """Leave out tasks that one of the optimizers does not handle: it has not failed there, and cannot be judged."""
    ran = set(zip(runs["task"], runs["optimizer"], strict=True))
    pairs = {(t, o) for t in set(runs["task"]) for o in set(runs["optimizer"])} & set(impossible) - ran
    kept = runs[~runs["task"].isin({task for task, _ in pairs})]
    if pairs and kept.empty:
        raise InputError(
            f"no task is handled by all of {listing(sorted(set(runs['optimizer'])))}; choose some (optimizer=...)"
        )
    for optimizer in sorted({o for _, o in pairs}):
        tasks = sorted(t for t, o in pairs if o == optimizer)
        left_out.append(f"{count(len(tasks), 'task')} that {optimizer} does not handle: {listing(tasks)}")
    return kept


def _where(runs: pd.DataFrame) -> list[str]:
    tasks = runs.groupby("entrant")["task"].unique()
    return [f"{name} ran {listing(sorted(where), limit=3)}" for name, where in tasks.items()]


def _some(values: Sequence[int]) -> str:
    return listing([str(v) for v in values], limit=8)
