"""The 24 noiseless BBOB functions, through ioh.

Hansen, Finck, Ros and Auger (2009), Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
Definitions, INRIA research report RR-6829.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from carps_lite.errors import check_whole
from carps_lite.tasks.ioh_functions import LARGEST_INSTANCE, BoxFunction, import_ioh


@dataclass(frozen=True)
class BBOB(BoxFunction):
    """Function `fid` (1 to 24) in `dim` >= 2 dimensions and its `instance` >= 1, a seeded shift and rotation.

    The space is [-5, 5]^dim with parameters x0, x1, ...; the objective `value` is the raw value f(x), so that regret
    is `value - optimum`. Evaluations are exact: they depend on nothing but x. Raises InputError on an option out of
    range and MissingDependency where ioh is not installed.
    """

    dim: int = 5
    fid: int = 1
    instance: int = 1

    def __post_init__(self) -> None:
        check_whole("bbob", "dim", self.dim, 2)
        check_whole("bbob", "fid", self.fid, 1, 24)
        check_whole("bbob", "instance", self.instance, 1, LARGEST_INSTANCE)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the three options alone: ioh's object, kept after the first evaluation, cannot be pickled."""
        return type(self), (self.dim, self.fid, self.instance)

    @cached_property
    def _function(self) -> Any:
        ioh = import_ioh("bbob")
        return ioh.get_problem(self.fid, self.instance, self.dim, ioh.ProblemClass.BBOB)
