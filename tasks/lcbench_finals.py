"""LCBench without its curves: the final validation accuracy of 2,000 funnel-shaped MLPs on each of 35 data sets.

Zimmer, Lindauer, Hutter (2021), Auto-PyTorch, IEEE TPAMI 43(9), arXiv:2006.13799; the table is the one that the package
bocode carries. Curves, training times and test scores are not in it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Int, Space
from carps_lite.tasks.recorded import Pool, encode_all, point

FILE = "bocode/opt_problems/hpo/data/lcbench_data.npz"
# the ranges that were sampled; scales as the recorded values are spread over them
SPACE = Space(
    {
        "batch_size": Int(16, 512, log=True),
        "learning_rate": Float(1e-4, 0.1, log=True),
        "max_dropout": Float(0.0, 1.0),
        "max_units": Int(64, 1024, log=True),
        "momentum": Float(0.1, 0.99, log=True),
        "num_layers": Int(1, 4),
        "weight_decay": Float(1e-5, 0.1),
    }
)


def extract(archive: ZipFile) -> data.Arrays:
    """Take the 2,000 configurations, equal for all data sets, and each data set's accuracies in percent."""
    with np.load(io.BytesIO(archive.read(FILE)), allow_pickle=False) as tables:
        first = tables[tables.files[0]][:, :-1]
        if not all((tables[key][:, :-1] == first).all() for key in tables.files):
            raise InputError(f"{FILE}: the data sets have different configurations")
        return {"configurations": first, **{key: tables[key][:, -1] for key in tables.files}}


@cache
def _pool() -> Pool:
    columns = dict(zip(SPACE, data.load("lcbench_finals", ["configurations"])["configurations"].T, strict=True))
    whole = {name: column.astype(int) if isinstance(SPACE[name], Int) else column for name, column in columns.items()}
    return Pool(encode_all(SPACE, whole))


@cache
def _errors(dataset: str) -> list[float]:
    found = data.load("lcbench_finals", [dataset])
    if not found or dataset == "configurations":
        known = [name for name in data.contents("lcbench_finals") if name != "configurations"]
        raise InputError(f"lcbench_finals: no dataset {dataset!r}{nearest(dataset, known)}")
    errors: list[float] = (1 - found[dataset].astype(float) / 100).tolist()
    return errors


@dataclass(frozen=True)
class LCBenchFinals:
    """An MLP on one OpenML data set, 7 hyperparameters; minimise `error`, 1 - validation accuracy after training.

    Any configuration takes the nearest of the 2,000 recorded ones, in the unit cube of the space (logarithms taken);
    `distance` in the record says how far that was. `optimum` is the least recorded error.
    """

    dataset: str = "adult"

    @cached_property
    def problem(self) -> Problem:
        """The sampled ranges. Raises InputError where the data or this data set is missing."""
        _errors(self.dataset)
        return Problem(SPACE, ("error",))

    @property
    def optimum(self) -> float:
        """The least recorded error; for the analysis only."""
        return min(_errors(self.dataset))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name alone; the table is read again where it is needed."""
        return type(self), (self.dataset,)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the recorded error of the nearest configuration, and the distance to it."""
        row, distance = _pool().nearest(point(SPACE, config, "lcbench_finals"))
        return {"error": _errors(self.dataset)[row], "distance": distance}
