"""Measured chemistry experiments: seven tables of the Olympus collection, 66 to 1,007 different settings each.

Häse, Aldeghi, Hickman, Roch, Christensen, Liles, Hein, Aspuru-Guzik (2021), Olympus: a benchmarking framework for noisy
optimization and experiment planning, Machine Learning: Science and Technology 2, 035021, arXiv:2010.04153; the tables
are those of the package olympus-surrogate-bench. Left out are alkox, whose stated ranges belong to another table, and
the two photovoltaic ones, whose settings are mixtures that sum to one. The package's flags of what to minimise say the
opposite of what was measured; here yields and areas are maximised, impurities and colour differences minimised.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Space
from carps_lite.tasks.recorded import Pool, encode_all, point

FOLDER = "olympus_surrogate_bench/data/"
OBJECTIVES = {  # minus_: the negative of what was measured, which is to be large
    "benzylation": "impurity",
    "colors_bob": "difference_to_green",
    "colors_n9": "difference_to_green",
    "fullerenes": "minus_product",
    "hplc": "minus_peak_area",
    "snar": "impurity",
    "suzuki": "minus_yield",
}


def extract(archive: ZipFile) -> data.Arrays:
    """Take the settings, the mean measurement of each, and the ranges."""
    import pandas as pd

    ranges: dict[str, dict[str, list[float]]] = json.loads(archive.read(f"{FOLDER}search_spaces.json"))
    arrays: data.Arrays = {}
    for dataset in OBJECTIVES:
        with archive.open(f"{FOLDER}{dataset}/feats.csv") as file:
            settings = pd.read_csv(file)
        with archive.open(f"{FOLDER}{dataset}/targets.csv") as file:
            measured = pd.read_csv(file).iloc[:, 0]
        means = measured.groupby([settings[name] for name in settings]).mean().reset_index()
        arrays[dataset] = means.to_numpy()
        arrays[f"names_{dataset}"] = np.array([*settings, measured.name])
        arrays[f"ranges_{dataset}"] = np.array([ranges[dataset][str(name)] for name in settings])
    return arrays


@dataclass(frozen=True)
class _Table:
    space: Space
    pool: Pool
    values: list[float]


@cache
def _read(dataset: str) -> _Table:
    """Read one table, kept for the life of the process."""
    found = data.load("chemistry", [dataset, f"names_{dataset}", f"ranges_{dataset}"])
    *names, _ = found[f"names_{dataset}"].tolist()
    limits = found[f"ranges_{dataset}"].tolist()
    space = Space({name: Float(low, high) for name, (low, high) in zip(names, limits, strict=True)})
    *columns, measured = found[dataset].T
    sign = -1 if OBJECTIVES[dataset].startswith("minus_") else 1
    return _Table(space, Pool(encode_all(space, dict(zip(names, columns, strict=True)))), (sign * measured).tolist())


@dataclass(frozen=True)
class Chemistry:
    """Settings of one laboratory experiment, 3 to 6 numbers; minimise the measurement that the objective names.

    Any configuration takes the nearest measured one, in the unit cube of the space; `distance` in the record says how
    far that was. `optimum` is the best mean of one setting. No time was recorded.
    """

    dataset: str = "hplc"

    def __post_init__(self) -> None:
        if self.dataset not in OBJECTIVES:
            raise InputError(f"chemistry: no dataset {self.dataset!r}{nearest(self.dataset, OBJECTIVES)}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name alone; the table is read again where it is needed."""
        return type(self), (self.dataset,)

    @cached_property
    def problem(self) -> Problem:
        """The ranges of the experiment. Raises InputError where the data are missing."""
        return Problem(_read(self.dataset).space, (OBJECTIVES[self.dataset],))

    @property
    def optimum(self) -> float:
        """The best mean of one setting; for the analysis only."""
        return min(_read(self.dataset).values)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return what was measured at the nearest setting, and the distance to it."""
        table = _read(self.dataset)
        row, distance = table.pool.nearest(point(table.space, config, "chemistry"))
        return {OBJECTIVES[self.dataset]: table.values[row], "distance": distance}
