"""The 24 noiseless BBOB functions, through ioh.

Hansen, Finck, Ros and Auger (2009), Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
Definitions, INRIA research report RR-6829.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from carps_lite.core import Problem
from carps_lite.errors import InputError, MissingDependency
from carps_lite.space import Config, Float, Space

LIMITS = {"dim": (2, None), "fid": (1, 24), "instance": (1, 2**31 - 1)}  # ioh keeps the instance in 32 bits


@dataclass(frozen=True)
class BBOB:
    """Function `fid` (1 to 24) in `dim` >= 2 dimensions and its `instance` >= 1, a seeded shift and rotation.

    The space is [-5, 5]^dim with parameters x0, x1, ...; the objective `value` is the raw value f(x), so that regret
    is `value - optimum`. Evaluations are exact: they depend on nothing but x. Raises InputError on an option out of
    range and MissingDependency where ioh is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"bbob: {name} must be a whole number, got {value!r}")
            if value < low or (high is not None and value > high):
                allowed = f"at least {low}" if high is None else f"{low} to {high}"
                raise InputError(f"bbob: {name} must be {allowed}, got {value}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the three options alone: ioh's object, kept after the first evaluation, cannot be pickled."""
        return type(self), (self.dim, self.fid, self.instance)

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats in [-5, 5] and one objective, `value`."""
        return Problem(Space({f"x{i}": Float(-5.0, 5.0) for i in range(self.dim)}), ("value",))

    @property
    def optimum(self) -> float:
        """The function's smallest value; for the analysis only."""
        return float(self._function.optimum.y)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the value at `config`; `fidelity` and `seed` change nothing."""
        return {"value": self._function(self._coordinates(config))}

    @cached_property
    def _coordinates(self) -> Callable[[Config], Sequence[Any]]:
        return itemgetter(*self.problem.space)  # the quickest way from a dict to a sequence

    @cached_property
    def _function(self) -> Any:
        ioh = _import_ioh()
        return ioh.get_problem(self.fid, self.instance, self.dim, ioh.ProblemClass.BBOB)


def _import_ioh() -> Any:
    """Import ioh and undo what its older versions write into the environment, which our workers would inherit.

    The variable names the folder of data that other problem classes read; BBOB reads none.
    """
    before = os.environ.get("IOH_RESOURCES")
    try:
        import ioh
    except ImportError:
        raise MissingDependency("bbob needs ioh: pip install 'carps-lite[bbob]'") from None
    if before is None:
        os.environ.pop("IOH_RESOURCES", None)
    return ioh
