"""Two more suites of ioh: strictly box-constrained BBOB (SBOX-COST) and affine mixtures of BBOB functions (MA-BBOB)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from carps_lite.errors import check_whole
from carps_lite.tasks.ioh_functions import LARGEST_INSTANCE, BoxFunction, import_ioh


@dataclass(frozen=True)
class SBOX(BoxFunction):
    """Function `fid` (1 to 24) of SBOX-COST in `dim` >= 2 dimensions and its `instance` >= 1.

    The BBOB functions with optima that lie anywhere in the box [-5, 5]^dim rather than in [-4, 4]^dim, and without the
    penalties that BBOB adds outside of it. Raises InputError on an option out of range and MissingDependency where ioh
    is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1

    def __post_init__(self) -> None:
        check_whole("sbox", "dim", self.dim, 2)
        check_whole("sbox", "fid", self.fid, 1, 24)
        check_whole("sbox", "instance", self.instance, 1, LARGEST_INSTANCE)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.fid, self.instance)  # ioh's object cannot be pickled

    @cached_property
    def _function(self) -> Any:
        ioh = import_ioh("sbox")
        return ioh.get_problem(self.fid, self.instance, self.dim, ioh.ProblemClass.SBOX)


@dataclass(frozen=True)
class MABBOB(BoxFunction):
    """The `instance`-th (from 1) weighted mixture of BBOB functions in 2 to 100 dimensions; its least value is 0.

    Logarithms of a few of the 24 functions are scaled to a common range, weighted and added; all share one optimum.
    The weights depend on the instance alone, not on `dim`. Evaluations stop at about 1e-12, which ioh gives as the
    optimum. Raises InputError on an option out of range and MissingDependency where ioh is not installed.
    """

    dim: int = 5
    instance: int = 1

    def __post_init__(self) -> None:
        check_whole("mabbob", "dim", self.dim, 2, 100)  # ioh prepares all 24 functions: 5 seconds in 200 dimensions
        check_whole("mabbob", "instance", self.instance, 1, LARGEST_INSTANCE)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dim, self.instance)

    @cached_property
    def _function(self) -> Any:
        return import_ioh("mabbob").problem.ManyAffine(self.instance, self.dim)
