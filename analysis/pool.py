"""What is compared: a grid of cells (optimizer, task, seed) in which every gap has a name.

The rules, stated once (docs/statistics.md):
- An *entrant* is an optimizer under one setting (number of workers, further loop settings). Other settings are other
  entrants and are named by them.
- Stale runs are never pooled with new ones. Where an optimizer has new runs, its stale ones are left out and counted;
  where it has none, the stale ones stand for it under the label "NAME (stale)".
- An entrant's seeds are those it has anywhere in the pool. One that it lacks on a task is a missing run, which counts
  as a failed one; so does every seed of a task that it never ran. A failed run stays failed, whatever it found before.
- A task is compared where at least two entrants have a run, finished or failed, and none of the optimizers is known
  not to handle it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite import references as kept
from carps_lite.analysis import grouping
from carps_lite.analysis.measures import Measure, limits, measures
from carps_lite.analysis.selection import EVERYTHING, Choice, select
from carps_lite.errors import unknown
from carps_lite.references import Reference


class Cell(IntEnum):
    """What became of one (optimizer, task, seed)."""

    UNUSED = -1  # the entrant does not use this seed
    DONE = 0
    FAILED = 1
    MISSING = 2


@dataclass(frozen=True)
class Pool:
    """The cells of a comparison. Axes: O entrants (as asked for, else by name), T tasks (by id), S seeds (padded)."""

    names: tuple[str, ...]
    tasks: tuple[str, ...]
    groups: tuple[str, ...]
    metrics: tuple[str, ...]  # per task: the objective's name, or `hypervolume gap`
    optima: npt.NDArray[np.float64]  # (T,), nan where unknown, and for several objectives
    seeds: tuple[tuple[int, ...], ...]  # per entrant
    run_OTS: npt.NDArray[np.int64]  # -1 where there is no run
    cell_OTS: npt.NDArray[np.int8]
    runs: pd.DataFrame  # the runs that are used, with a column `entrant`
    left_out: tuple[str, ...]  # sentences on what is in the store but not here
    ids: tuple[str, ...]  # the entrants before they were given other names
    measures: tuple[Measure, ...]  # per task: how it is scored, and between which references it is normalised
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # key -> label of each task; see grouping.KEYS

    @property
    def good_T(self) -> npt.NDArray[np.float64]:
        """The value at 0 of normalised regret; nan where a task has no references."""
        return limits(self.measures)[0]

    @property
    def bad_T(self) -> npt.NDArray[np.float64]:
        """The value at 1 of normalised regret; nan where a task has no references."""
        return limits(self.measures)[1]

    def label(self, key: str) -> tuple[str, ...]:
        """The label of each task. Raises InputError where there is no such key."""
        if key not in self.labels:
            raise unknown("tasks cannot be grouped by", key, self.labels, "")
        return self.labels[key]

    def of_tasks(self, index: Sequence[int] | npt.NDArray[np.int64]) -> Pool:
        """The same on a part of the tasks."""

        def part(values: Sequence[str]) -> tuple[str, ...]:
            return tuple(values[t] for t in index)

        tasks = part(self.tasks)
        return replace(
            self,
            tasks=tasks,
            groups=part(self.groups),
            metrics=part(self.metrics),
            optima=self.optima[index],
            run_OTS=self.run_OTS[:, index],
            cell_OTS=self.cell_OTS[:, index],
            runs=self.runs[self.runs["task"].isin(tasks)],
            measures=tuple(self.measures[t] for t in index),
            labels={key: part(values) for key, values in self.labels.items()},
        )

    @property
    def ran_OT(self) -> npt.NDArray[np.bool_]:
        """Whether an entrant has any run on a task, be it a failed one."""
        return np.asarray((self.run_OTS >= 0).any(axis=2))

    def count(self, cell: Cell) -> npt.NDArray[np.int64]:
        """Count cells of one kind, per entrant: (O,)."""
        return np.asarray((self.cell_OTS == cell).sum(axis=(1, 2)))


def build(
    runs: pd.DataFrame,
    choice: Choice = EVERYTHING,
    impossible: Collection[tuple[str, str]] = (),
    references: Mapping[str, Reference] | None = None,
) -> Pool:
    """Lay out the cells of the chosen runs. Raises InputError where nothing can be compared.

    `references`: by task id; by default those of the package and of `./configs`.
    """
    references = kept.known() if references is None else references
    found = measures(runs, references) if len(runs) else {}
    unscorable = {task for task, measure in found.items() if measure is None}
    runs, left_out = select(runs, choice, impossible, unscorable)
    entrants = runs.drop_duplicates("entrant").sort_values(["place", "entrant"])
    names = [str(name) for name in entrants["entrant"]]
    tasks = sorted(set(runs["task"]), key=natural)
    seeds = [sorted({int(s) for s in runs.loc[runs["entrant"] == name, "seed"]}) for name in names]
    run_OTS, cell_OTS = _cells(runs, names, tasks, seeds)
    first = runs.drop_duplicates("task").set_index("task").loc[tasks]
    chosen = tuple(m for m in map(found.get, tasks) if m is not None)
    several = [m.several for m in chosen]
    return Pool(
        names=tuple(names),
        tasks=tuple(tasks),
        groups=tuple(str(g) or t for g, t in zip(first["group"], tasks, strict=True)),
        metrics=tuple(m.metric for m in chosen),
        optima=np.where(several, np.nan, first["optimum"].to_numpy(dtype=float)),
        seeds=tuple(map(tuple, seeds)),
        run_OTS=run_OTS,
        cell_OTS=cell_OTS,
        runs=runs,
        left_out=left_out,
        ids=tuple(map(str, entrants["entrant_id"])),
        measures=chosen,
        labels=grouping.labels(runs, tasks),
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts `fid:2` before `fid:10`."""
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text))


def _cells(
    runs: pd.DataFrame, names: list[str], tasks: list[str], seeds: list[list[int]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    shape = len(names), len(tasks), max(map(len, seeds))
    run_OTS = np.full(shape, -1, dtype=np.int64)
    cell_OTS = np.full(shape, Cell.UNUSED, dtype=np.int8)
    for o, own in enumerate(seeds):
        cell_OTS[o, :, : len(own)] = Cell.MISSING
    place_O = {name: o for o, name in enumerate(names)}
    place_T = {task: t for t, task in enumerate(tasks)}
    place_OS = [{seed: i for i, seed in enumerate(own)} for own in seeds]
    columns = (runs["entrant"], runs["task"], runs["seed"], runs["run"], runs["state"])
    for name, task, seed, run, state in zip(*columns, strict=True):
        o = place_O[name]
        at = o, place_T[task], place_OS[o][int(seed)]
        run_OTS[at] = run
        cell_OTS[at] = Cell.DONE if state == "done" else Cell.FAILED
    return run_OTS, cell_OTS
