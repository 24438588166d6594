"""Real trainings of scikit-learn models, of any task type, with noise from the split and the model's own seed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, ShuffleSplit, StratifiedShuffleSplit
from threadpoolctl import ThreadpoolController

from carps_lite.core import KINDS, Problem, TrialFailed
from carps_lite.errors import InputError, one_line, unknown
from carps_lite.space import Config
from carps_lite.tasks import objectives
from carps_lite.tasks.sklearn_data import Split, load, source
from carps_lite.tasks.sklearn_models import Fit, build, model_size
from carps_lite.tasks.sklearn_spaces import SAMPLES, fidelity_of, space_of

OBJECTIVES = ("error", "seconds", "size")
HOLDOUT_SHARE = 0.25  # validation rows of a single split
LARGEST_SECONDS = (1.0, 3.0)  # log10, the reference point: 10 s a fit on small data sets, 1,000 s on large ones
LARGEST_SIZE = (7.0, 8.0)  # log10
Indices = np.ndarray  # of rows, shape (rows,)


class Fold(NamedTuple):
    """What one fit gave: errors on validation and test rows, seconds (fit; fit and validation), numbers stored."""

    error: float
    test_error: float
    fit_seconds: float
    seconds: float
    size: int


@dataclass(frozen=True)
class SklearnTraining:
    """Fit one model on all training parts of a resampling of one data set, and score it on the validation parts.

    **Values**, means over the fits: `val_error` (1 - accuracy) on data sets with classes; `val_nrmse` on the others,
    the root mean squared error divided by the standard deviation of all development targets, so that predicting the
    mean gives about 1. For several objectives also `log10_model_size` (of the numbers that a prediction needs) and
    `log10_fit_seconds` (of one fit, measured). **Cost** is the measured seconds of all fits and validation
    predictions.

    **Noise**: the resampling and the `random_state` of the model come from the seed. The test rows, a quarter of the
    data set, are split off once for ever; `test_error` (or `test_nrmse`), recorded beside, is the mean over the same
    fits on those rows. Training rows at a lower share are a stratified part of those at a higher one.
    """

    model: str = "svm"
    dataset: str = "digits"
    kind: str = "bb"
    fidelity: str = SAMPLES
    objectives: Sequence[str] = ()
    folds: int = 3
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("sklearn: no kind", self.kind, KINDS)
        classification = source(self.dataset).classification
        space_of(self.model, classification, None)
        fidelity_of(self.model, classification, self.fidelity)
        if self.fidelity != SAMPLES and not self.kind.endswith("mf"):
            raise InputError(f"sklearn: fidelity {self.fidelity!r} needs kind mf or momf, got {self.kind!r}")
        found = objectives.checked("sklearn", self.kind, self.objectives, OBJECTIVES, ("error", "size"))
        object.__setattr__(self, "objectives", found)
        for name in ("folds", "repeats"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10:
                raise InputError(f"sklearn: {name} must be a whole number from 1 to 10, got {value!r}")

    @cached_property
    def problem(self) -> Problem:
        """Space, objectives and fidelity; no data are read."""
        found = source(self.dataset)
        axis = self.fidelity if self.kind.endswith("mf") else None
        worst = {"error": 1.0, "seconds": LARGEST_SECONDS[found.large], "size": LARGEST_SIZE[found.large]}
        return Problem(
            space_of(self.model, found.classification, axis),
            tuple(self._names[name] for name in self.objectives),
            fidelity=None if axis is None else fidelity_of(self.model, found.classification, axis),
            reference=tuple(worst[name] for name in self.objectives) if len(self.objectives) > 1 else None,
        )

    @property
    def _loss(self) -> str:
        return "error" if source(self.dataset).classification else "nrmse"

    @property
    def _names(self) -> dict[str, str]:
        return {"error": f"val_{self._loss}", "seconds": "log10_fit_seconds", "size": "log10_model_size"}

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Fit and score. Raises TrialFailed, with the seconds it took, where a fit or a prediction raises."""
        wrong = self.problem.space.violation(config)
        if wrong:
            raise InputError(f"sklearn: {wrong}")
        config, share = self._apply(config, fidelity)
        data = load(self.dataset)
        folds: list[Fold] = []
        begin = perf_counter()
        try:
            with warnings.catch_warnings(), _controller().limit(limits=1):
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.simplefilter("ignore", RuntimeWarning)  # overflow in a network that diverges
                folds.extend(self._fold(config, share, seed, *rows, data) for rows in self.splits(seed))
        except Exception as error:
            said = one_line(error)[:200]
            raise TrialFailed(f"{type(error).__name__}: {said}", cost=perf_counter() - begin) from error
        return self._answer(folds)

    def splits(self, seed: int) -> list[tuple[Indices, Indices]]:
        """Training and validation rows of each fit, counted within the development rows; stratified by class."""
        data, classes = load(self.dataset), source(self.dataset).classification
        if self.folds == 1:
            cut = StratifiedShuffleSplit if classes else ShuffleSplit
            splitter = cut(n_splits=self.repeats, test_size=HOLDOUT_SHARE, random_state=seed)
        else:
            fold = RepeatedStratifiedKFold if classes else RepeatedKFold
            splitter = fold(n_splits=self.folds, n_repeats=self.repeats, random_state=seed)
        return list(splitter.split(data.x, data.y))

    def _apply(self, config: Config, fidelity: float | None) -> tuple[Config, float]:
        """The configuration with the fidelity in its place, and the share of training rows."""
        axis = self.problem.fidelity
        if axis is None:
            return config, 1.0
        level = axis.high if fidelity is None else fidelity
        if not axis.low <= level <= axis.high:
            raise InputError(f"sklearn: {axis.name} must be {axis.low:g} to {axis.high:g}, got {fidelity}")
        return (config, level) if self.fidelity == SAMPLES else ({**config, self.fidelity: int(level)}, 1.0)

    def _fold(self, config: Config, share: float, seed: int, train: Indices, validation: Indices, data: Split) -> Fold:
        classes = source(self.dataset).classification
        rows = subsample(train, data.y[train] if classes else None, share, seed)
        estimator = build(self.model, config, Fit(classes, len(rows), data.x.shape[1], seed))
        begin = perf_counter()
        estimator.fit(data.x[rows], data.y[rows])
        fitted = perf_counter()
        error = self._score(estimator, data.x[validation], data.y[validation])
        done = perf_counter()
        test_error = self._score(estimator, data.x_test, data.y_test)
        return Fold(error, test_error, fitted - begin, done - begin, model_size(estimator))

    def _score(self, estimator: Any, x: np.ndarray, y: np.ndarray) -> float:
        predicted = estimator.predict(x)
        if source(self.dataset).classification:
            return float(np.mean(predicted != y))
        return float(np.sqrt(np.mean((predicted - y) ** 2)) / load(self.dataset).y.std())

    def _answer(self, folds: Sequence[Fold]) -> dict[str, float]:
        fit_seconds, size = (float(np.mean([getattr(f, name) for f in folds])) for name in ("fit_seconds", "size"))
        measured = {
            "error": float(np.mean([f.error for f in folds])),
            "seconds": math.log10(fit_seconds),
            "size": math.log10(size),
        }
        return {
            **{self._names[name]: measured[name] for name in self.objectives},
            "cost": sum(f.seconds for f in folds),
            f"test_{self._loss}": float(np.mean([f.test_error for f in folds])),
            "fit_seconds": fit_seconds,
            "model_size": size,
        }


def subsample(train: Indices, classes: np.ndarray | None, share: float, seed: int) -> Indices:
    """A share of the training rows in their order, at least one of each class; a smaller share lies within a larger.

    `classes`: the class of each training row, shape (rows,); None for a regression. Classes keep their proportions
    within one row.
    """
    if share >= 1:
        return train
    rng = np.random.default_rng(seed)
    place = rng.permutation(len(train)) / len(train)  # in [0, 1): rows up to a place are kept
    if classes is not None:
        for label in np.unique(classes):
            members = np.flatnonzero(classes == label)
            place[members] = rng.permutation(len(members)) / len(members)
    return train[place < share]


@cache
def _controller() -> ThreadpoolController:
    """Of the threads of BLAS and OpenMP: sums must not depend on how many there are."""
    return ThreadpoolController()
