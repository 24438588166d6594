"""BBOB functions under the three noise models of the noisy BBOB testbed.

Hansen, Finck, Ros, Auger (2009), Real-Parameter Black-Box Optimization Benchmarking 2009: Noisy Functions
Definitions, INRIA research report RR-6869, section 1 (Gaussian, uniform and Cauchy noise; moderate and severe).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config
from carps_lite.tasks.bbob import BBOB

LEVELS = ("moderate", "severe")
QUIET = 1e-8  # below it values are not disturbed, so that the last target of the testbed can be reached
TINY = 1e-99


def gauss(f: float, severe: bool, dim: int, rng: np.random.Generator) -> float:
    """Log-normal factor: f exp(b n) with b = 0.01 or 1."""
    return float(f * np.exp((1.0 if severe else 0.01) * rng.standard_normal()))


def uniform(f: float, severe: bool, dim: int, rng: np.random.Generator) -> float:
    """f u^b max(1, (1e9 / f)^(a v)) with uniform u, v, a = 0.01 or 1 times (0.49 + 1 / dim), and b = 0.01 or 1."""
    scale = 1.0 if severe else 0.01
    u, v = rng.random(2)
    return float(f * u**scale * max(1.0, (1e9 / (f + TINY)) ** (scale * (0.49 + 1 / dim) * v)))


def cauchy(f: float, severe: bool, dim: int, rng: np.random.Generator) -> float:
    """f + a max(0, 1000 + c) with a Cauchy number c in a share p of cases, else 0; a, p = 0.01, 0.05 or 1, 0.2."""
    strength, share = (1.0, 0.2) if severe else (0.01, 0.05)
    outlier = rng.random() < share
    numerator, denominator = rng.standard_normal(2)
    return float(f + strength * max(0.0, 1000 + (numerator / (abs(denominator) + TINY) if outlier else 0.0)))


MODELS: dict[str, Callable[[float, bool, int, np.random.Generator], float]] = {
    "gauss": gauss,
    "uniform": uniform,
    "cauchy": cauchy,
}


@dataclass(frozen=True)
class NoisyBBOB:
    """A BBOB function whose distance to its optimum is disturbed by a `noise` model at a `level`.

    Any of the 24 functions can be disturbed, where the testbed takes some of them, with a penalty outside of the box
    that no configuration leaves here. The disturbance is drawn by the evaluation seed and the point. The record holds
    the undisturbed value as `mean_value`, which is not the mean: Gaussian noise is skewed, Cauchy noise adds about
    1000 a everywhere and has none. No observed value lies below the optimum. Raises InputError on an option out of
    range and MissingDependency where ioh is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1
    noise: str = "gauss"
    level: str = "moderate"

    def __post_init__(self) -> None:
        try:
            BBOB(self.dim, self.fid, self.instance)
        except InputError as error:
            raise InputError(str(error).replace("bbob:", "bbob_noisy:", 1)) from None
        if self.noise not in MODELS:
            raise InputError(f"bbob_noisy: no noise {self.noise!r}{nearest(str(self.noise), MODELS)}")
        if self.level not in LEVELS:
            raise InputError(f"bbob_noisy: no level {self.level!r}{nearest(str(self.level), LEVELS)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.fid, self.instance, self.noise, self.level)

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats in [-5, 5] and one objective, `value`."""
        return self._exact.problem

    @property
    def optimum(self) -> float:
        """The undisturbed function's least value; for the analysis only."""
        return self._optimum

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the disturbed value and, as `mean_value`, the undisturbed one; `fidelity` changes nothing."""
        exact = self._exact.evaluate(config, fidelity, seed)["value"]
        distance = exact - self._optimum
        if distance < QUIET:
            return {"value": exact, "mean_value": exact}
        point = struct.pack(f"<{self.dim}d", *map(config.__getitem__, self.problem.space))
        rng = np.random.default_rng((seed, crc32(point)))  # points differ in their noise under one seed, too
        disturbed = MODELS[self.noise](distance, self.level == "severe", self.dim, rng) + 1.01 * QUIET
        return {"value": disturbed + self._optimum, "mean_value": exact}

    @cached_property
    def _exact(self) -> BBOB:
        return BBOB(self.dim, self.fid, self.instance)

    @cached_property
    def _optimum(self) -> float:
        return self._exact.optimum
