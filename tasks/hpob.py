"""HPO-B: recorded evaluations of six R learners on OpenML data sets, 92 tasks in 15 search spaces.

Pineda Arango, Jomaa, Wistuba, Grabocka (2021), arXiv:2106.06257. The table is the one that the package bocode carries:
all recorded configurations of the data sets that it chose, with the logarithms that HPO-B had left out (Fixed HPO-B).
"""

from __future__ import annotations

import ast
import io
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Space
from carps_lite.tasks.recorded import Pool, point

FOLDER = "bocode/opt_problems/hpo/"


def extract(archive: ZipFile) -> data.Arrays:
    """Take the 92 tables, each shape (n, d + 1) with the accuracy last, and the parameters' names out of the wheel.

    51 configurations stand there twice in a table, with accuracies up to 0.004 apart: they get their mean.
    """
    with np.load(io.BytesIO(archive.read(f"{FOLDER}data/hpob_data.npz")), allow_pickle=False) as tables:
        arrays = {key: _without_repeats(tables[key]) for key in tables.files}
    tree = ast.parse(archive.read(f"{FOLDER}_hpob_base.py"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SPACE_VARIABLES":
            names: dict[str, list[str]] = ast.literal_eval(node.value)
            arrays |= {f"names_{space}": np.array(found) for space, found in names.items()}
    return arrays


def _without_repeats(table: np.ndarray) -> np.ndarray:
    points, rows = np.unique(table[:, :-1], axis=0, return_inverse=True)
    counts = np.bincount(rows.ravel())
    means = np.bincount(rows.ravel(), weights=table[:, -1].astype(float)) / counts
    return np.column_stack([points, means.astype(np.float32)])


@dataclass(frozen=True)
class _Table:
    names: tuple[str, ...]
    pool: Pool
    errors: list[float]


@cache
def _read(space: int, dataset: int) -> _Table:
    """Read one table, kept for the life of the process (up to 25 MB)."""
    key = f"{space}_{dataset}"
    found = data.load("hpob", [key, f"names_{space}"])
    if len(found) < 2:
        known = [k for k in data.contents("hpob") if not k.startswith("names_")]
        in_space = [k.partition("_")[2] for k in known if k.startswith(f"{space}_")]
        if in_space:
            raise InputError(f"hpob: space {space} has no dataset {dataset}; known: {', '.join(in_space)}")
        raise InputError(f"hpob: no space {str(space)!r}{nearest(str(space), {k.partition('_')[0] for k in known})}")
    table = found[key].astype(float)
    # single precision holds six digits of an accuracy, which is what HPO-B records
    return _Table(tuple(found[f"names_{space}"].tolist()), Pool(table[:, :-1]), (1 - table[:, -1]).round(6).tolist())


@dataclass(frozen=True)
class HPOB:
    """One HPO-B task: a search space (a learner of R) on one OpenML data set; minimise `error`, 1 - accuracy.

    The parameters are HPO-B's own columns, 2 to 18 of them in [0, 1]: scaled hyperparameters, one column for each
    category of a categorical one (`kernel.ohe._linear`), and flags of values that were not set (`degree.na`). Any point
    takes the nearest recorded configuration; `distance` in the record says how far that was. `optimum` is the least
    recorded error. No time was recorded.
    """

    space: int = 5859
    dataset: int = 31

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the names alone; the table is read again where it is needed."""
        return type(self), (self.space, self.dataset)

    @cached_property
    def problem(self) -> Problem:
        """The unit cube under HPO-B's names. Raises InputError where the data or this combination is missing."""
        return Problem(Space(dict.fromkeys(self._table.names, Float(0.0, 1.0))), ("error",))

    @property
    def optimum(self) -> float:
        """The least recorded error; for the analysis only."""
        return min(self._table.errors)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the recorded error of the nearest configuration, and the distance to it."""
        row, distance = self._table.pool.nearest(point(self.problem.space, config, "hpob"))
        return {"error": self._table.errors[row], "distance": distance}

    @cached_property
    def _table(self) -> _Table:
        return _read(self.space, self.dataset)
