"""Which runs of a store are compared, under which names, and what is left out: each with a sentence that says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from carps_lite.analysis.numbers import count, listing
from carps_lite.errors import InputError, unknown
from carps_lite.matching import matching


@dataclass(frozen=True)
class Choice:
    """Which part of a store to compare, and under which names; None takes everything.

    Names may be shell patterns; a task's prefix will do. `labels`: optimizer id -> the name to show. `order`: ids or
    patterns in the order in which optimizers are to stand; those that it does not name follow by name.
    """

    optimizers: Sequence[str] | None = None
    tasks: Sequence[str] | None = None
    seeds: Sequence[int] | None = None
    n_workers: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] | None = None


EVERYTHING = Choice()


def select(
    runs: pd.DataFrame,
    choice: Choice = EVERYTHING,
    impossible: Collection[tuple[str, str]] = (),
    unscorable: Collection[str] = (),
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the runs to compare, one a cell, and what was left out, as sentences.

    The runs have the columns `entrant`, the name that is shown, `entrant_id`, the same before renaming, and `place`, by
    which entrants stand. `impossible`: (task, optimizer) pairs that the optimizer does not handle. `unscorable`: tasks
    with several objectives and no reference point. Raises InputError where nothing can be compared.
    """
    if runs.empty:
        raise InputError("the store has no finished runs yet   (carps-lite run task=... optimizer=...)")
    left_out: list[str] = []
    runs = _scorable(_chosen(runs, choice), unscorable, left_out)
    runs = _labelled(_fresh(runs, left_out), choice)
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
            names = {name for text in wanted for name in _named(column, text, known)}
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


def _named(column: str, text: str, known: Sequence[str]) -> list[str]:
    where = "carps-lite status"
    return matching(text, known, lambda: unknown(f"the store has no run of {column}", text, known, where))


def _scorable(runs: pd.DataFrame, unscorable: Collection[str], left_out: list[str]) -> pd.DataFrame:
    several = runs["task"].isin(list(unscorable))
    if not several.any():
        return runs
    names = sorted(set(runs.loc[several, "task"]))
    which = f"{count(len(names), 'task')} with several objectives and no reference point for their hypervolume"
    line = f"{which}: {listing(names)}"
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


def _labelled(runs: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Name the entrants: the optimizer's id or its label, and in brackets what else sets it apart."""
    several = runs["n_workers"].nunique() > 1

    def settings(n_workers: int, variant: str, stale: bool) -> str:
        found = ([count(n_workers, "worker")] if several else []) + ([variant] if variant else [])
        return (f" [{', '.join(found)}]" if found else "") + (" (stale)" if stale else "")

    shown, place = _shown(runs, choice), _places(runs, choice)
    columns = (runs["n_workers"], runs["variant"].astype(str), runs["stale"].astype(bool))
    ends = [settings(*row) for row in zip(*columns, strict=True)]
    return runs.assign(
        entrant=[shown[optimizer] + end for optimizer, end in zip(runs["optimizer"], ends, strict=True)],
        entrant_id=[optimizer + end for optimizer, end in zip(runs["optimizer"], ends, strict=True)],
        place=runs["optimizer"].map(place),
    )


def _shown(runs: pd.DataFrame, choice: Choice) -> dict[str, str]:
    """The name to show of each optimizer. Raises InputError on a label for nobody, an empty one and a double one."""
    known = sorted(set(runs["optimizer"]))
    for name, label in choice.labels.items():
        if name not in known:
            raise unknown("labels: the store has no run of optimizer", name, known, "carps-lite status")
        if not str(label).strip():
            raise InputError(f"labels: the name to show of {name} is empty")
    shown = {name: str(choice.labels.get(name, name)) for name in known}
    for label in shown.values():
        same = [other for other in known if shown[other] == label]
        if len(same) > 1:
            raise InputError(f"labels: {listing(same)} would both be shown as {label!r}")
    return shown


def _places(runs: pd.DataFrame, choice: Choice) -> dict[str, int]:
    """The place of each optimizer in the order asked for; all others share the last."""
    known = sorted(set(runs["optimizer"]))
    place: dict[str, int] = {}
    for i, text in enumerate(choice.order or ()):
        for name in _named("optimizer", text, known):
            place.setdefault(name, i)
    return {name: place.get(name, len(choice.order or ())) for name in known}


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
