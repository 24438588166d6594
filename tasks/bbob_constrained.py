"""The 54 functions of COCO's bbob-constrained suite: nine objectives, each under 1 to 9 + 9 dim / 2 or so constraints.

Hansen, Auger, Ros, Mersmann, Tušar, Brockhoff (2021), COCO: a platform for comparing continuous optimizers in a
black-box setting, Optimization Methods and Software 36(1), doi:10.1080/10556788.2020.1808977, evaluated by cocoex. The
constraints are linear ones, most of them bent; they are placed such that the best feasible point is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from carps_lite.core import Problem
from carps_lite.errors import InputError, MissingDependency, check_whole
from carps_lite.space import Config, Float, Space

DIMENSIONS = (2, 3, 5, 10, 20, 40)  # those of the suite
LARGEST_INSTANCE = 100_000  # seeds are kept in 31 bits: function + 10,000 * instance


class _Opened(NamedTuple):
    """A problem of cocoex, and the suite that owns its memory."""

    problem: Any
    suite: Any


@dataclass(frozen=True)
class BBOBConstrained:
    """Function `fid` (1 to 54) in `dim` (2, 3, 5, 10, 20 or 40) dimensions and its `instance` from 1.

    Six functions each have the same objective, in order: sphere, separable ellipsoid, linear slope, rotated ellipsoid,
    discus, bent cigar, different powers, Rastrigin, rotated Rastrigin; their constraints grow in number. The space is
    [-5, 5]^dim, the objective `value` is f(x), the constraints are c1, c2, ..., met where <= 0. The score is the least
    value of a feasible configuration, and `optimum` the least there is. Exact: nothing depends on the seed. Raises
    InputError on an option out of range and MissingDependency where cocoex is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1

    def __post_init__(self) -> None:
        check_whole("bbob_constrained", "fid", self.fid, 1, 54)
        check_whole("bbob_constrained", "instance", self.instance, 1, LARGEST_INSTANCE)
        if isinstance(self.dim, bool) or self.dim not in DIMENSIONS:
            raise InputError(f"bbob_constrained: dim must be 2, 3, 5, 10, 20 or 40, got {self.dim!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.fid, self.instance)  # what cocoex opened cannot be pickled

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats in [-5, 5] (x0, x1, ...), the objective `value`, and the constraints."""
        constraints = tuple(f"c{i}" for i in range(1, self._opened.problem.number_of_constraints + 1))
        space = Space({f"x{i}": Float(-5.0, 5.0) for i in range(self.dim)})
        return Problem(space, ("value",), constraints=constraints)

    @property
    def optimum(self) -> float:
        """The least feasible value; for the analysis only."""
        return float(self._opened.problem(best_point(self.fid, self.dim, self.instance)))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the value and all constraints at `config`; `fidelity` and `seed` change nothing."""
        x, problem = np.array(self._coordinates(config), dtype=float), self._opened.problem
        values = (problem(x), *problem.constraint(x).tolist())
        return dict(zip(self._names, values, strict=True))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return (*self.problem.objectives, *self.problem.constraints)

    @cached_property
    def _coordinates(self) -> Callable[[Config], Sequence[Any]]:
        return itemgetter(*self.problem.space)

    @cached_property
    def _opened(self) -> _Opened:
        try:
            import cocoex
        except ImportError:
            raise MissingDependency("bbob_constrained needs coco-experiment: pip install 'carps-lite[coco]'") from None
        only = f"dimensions: {self.dim} function_indices: {self.fid}"  # a whole dimension takes up to 30 ms to open
        suite = cocoex.Suite("bbob-constrained", f"instances: {self.instance}", only)
        made = suite.get_problem_by_function_dimension_instance(self.fid, self.dim, self.instance)
        return _Opened(made, suite)


def best_point(fid: int, dim: int, instance: int) -> np.ndarray:
    """The best feasible point of a function, shape (dim,), on a grid of step 0.0008 in [-4, 4].

    COCO draws it from a seed. cocoex would write it into a file of the working directory, so it is drawn here again, as
    the C code (coco_random.c, bbob2009_compute_xopt) does it; a test compares both.
    """
    u = np.array(_uniform(fid + 10_000 * instance, dim))
    x: np.ndarray = 8 * np.floor(1e4 * u) / 1e4 - 4
    x[x == 0] = -1e-5
    return x


def _uniform(seed: int, n: int) -> list[float]:
    """n numbers in (0, 1): the minimal standard generator behind a shuffle of 32 places (Bays and Durham 1976)."""
    state = seed
    table = [0] * 32
    for i in range(39, -1, -1):
        state = _next(state)
        if i < 32:
            table[i] = state
    found, current = [], table[0]
    for _ in range(n):
        state = _next(state)
        place = math.floor(current / 67_108_865)
        current, table[place] = table[place], state
        found.append(current / 2_147_483_647)
    return found


def _next(state: int) -> int:
    """16807 * state modulo 2^31 - 1 (Park and Miller 1988)."""
    return 16_807 * state % 2_147_483_647
