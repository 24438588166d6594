"""Two more suites of ioh: strictly box-constrained BBOB (SBOX-COST) and affine mixtures of BBOB functions (MA-BBOB)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from carps_lite.core import Problem
from carps_lite.errors import InputError, MissingDependency
from carps_lite.space import Config, Float, Space
from carps_lite.tasks import bbob

LARGEST = 2**31 - 1  # ioh keeps the instance in 32 bits


class _Box:
    """What both suites share: `dim` floats in [-5, 5], the objective `value` and an ioh function behind it."""

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
        return itemgetter(*self.problem.space)


@dataclass(frozen=True)
class SBOX(_Box):
    """Function `fid` (1 to 24) of SBOX-COST in `dim` >= 2 dimensions and its `instance` >= 1.

    The BBOB functions with optima that lie anywhere in the box [-5, 5]^dim rather than in [-4, 4]^dim, and without the
    penalties that BBOB adds outside of it. Raises InputError on an option out of range and MissingDependency where ioh
    is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1

    def __post_init__(self) -> None:
        _whole("sbox", "dim", self.dim, 2)
        _whole("sbox", "fid", self.fid, 1, 24)
        _whole("sbox", "instance", self.instance, 1, LARGEST)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.fid, self.instance)  # ioh's object cannot be pickled

    @cached_property
    def _function(self) -> Any:
        ioh = _import_ioh("sbox")
        return ioh.get_problem(self.fid, self.instance, self.dim, ioh.ProblemClass.SBOX)


@dataclass(frozen=True)
class MABBOB(_Box):
    """The `instance`-th (from 1) weighted mixture of BBOB functions in 2 to 100 dimensions; its least value is 0.

    Logarithms of a few of the 24 functions are scaled to a common range, weighted and added; all share one optimum.
    The weights depend on the instance alone, not on `dim`. Evaluations stop at about 1e-12, which ioh gives as the
    optimum. Raises InputError on an option out of range and MissingDependency where ioh is not installed.
    """

    dim: int = 5
    instance: int = 1

    def __post_init__(self) -> None:
        _whole("mabbob", "dim", self.dim, 2, 100)  # ioh prepares all 24 functions: 5 seconds in 200 dimensions
        _whole("mabbob", "instance", self.instance, 1, LARGEST)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.instance)

    @cached_property
    def _function(self) -> Any:
        return _import_ioh("mabbob").problem.ManyAffine(self.instance, self.dim)


def _whole(family: str, name: str, value: object, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{family}: {name} must be a whole number, got {value!r}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"{low} to {high}"
        raise InputError(f"{family}: {name} must be {allowed}, got {value}")


def _import_ioh(family: str) -> Any:
    try:
        return bbob._import_ioh()
    except MissingDependency:
        raise MissingDependency(f"{family} needs ioh: pip install 'carps-lite[bbob]'") from None
