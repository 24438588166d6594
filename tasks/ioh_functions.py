"""What the families that run through ioh have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from carps_lite.core import Problem
from carps_lite.errors import MissingDependency
from carps_lite.space import Config, Float, Space

LARGEST_INSTANCE = 2**31 - 1  # ioh keeps the instance in 32 bits


class BoxFunction:
    """`dim` floats in [-5, 5] (x0, x1, ...), the objective `value` and a function of ioh behind it."""

    dim: int
    _function: Any

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


def import_ioh(family: str) -> Any:
    """Import ioh and undo what its older versions write into the environment, which our workers would inherit.

    The variable names the folder of data that other problem classes read; BBOB reads none.
    """
    before = os.environ.get("IOH_RESOURCES")
    try:
        import ioh
    except ImportError:
        raise MissingDependency(f"{family} needs ioh: pip install 'carps-lite[bbob]'") from None
    if before is None:
        os.environ.pop("IOH_RESOURCES", None)
    return ioh
