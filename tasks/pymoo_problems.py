"""The multi-objective suites ZDT, DTLZ and WFG, evaluated by pymoo.

Objectives are f1, f2, ...; the hypervolume reference point is 1.1 times the largest value that the formulas allow each
objective in the whole space, so that every configuration counts and no optimizer can move it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from operator import itemgetter
from typing import Any

import numpy as np

from carps_lite.core import Problem
from carps_lite.errors import InputError, MissingDependency, check_whole
from carps_lite.space import Config, Float, Int, Param, Space
from carps_lite.tasks import pareto_fronts

ZDT5_HEAD, ZDT5_STRING = 30, 5


class _Pymoo:
    """What the three suites share: evaluation of one row by pymoo's own formula, without its bookkeeping."""

    problem: Any

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return all objectives; `fidelity` and `seed` change nothing."""
        out: dict[str, np.ndarray] = {}
        self._pymoo._evaluate(np.array([self._coordinates(config)], dtype=float), out)
        return dict(zip(self.problem.objectives, out["F"][0].tolist(), strict=True))

    @cached_property
    def _coordinates(self) -> Callable[[Config], Sequence[Any]]:
        return itemgetter(*self.problem.space)

    @cached_property
    def _pymoo(self) -> Any:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made at the first use."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_pymoo", "_coordinates", "problem")}


@dataclass(frozen=True)
class ZDT(_Pymoo):
    """ZDT 1 to 6, two objectives: `dim` floats, or for ZDT5 bits, of which 30 are the first string and then 5 each.

    Zitzler, Deb, Thiele (2000). Raises InputError on a number or a dimension that the suite does not have.
    """

    fid: int = 1
    dim: int = 30

    def __post_init__(self) -> None:
        check_whole("zdt", "fid", self.fid, 1, 6)
        check_whole("zdt", "dim", self.dim, 2)
        extra, rest = divmod(self.dim - ZDT5_HEAD, ZDT5_STRING)
        if self.fid == 5 and (extra < 1 or rest):
            raise InputError(f"zdt: dim of ZDT5 must be 30 + 5 k bits with k from 1, such as 80, got {self.dim}")

    @cached_property
    def problem(self) -> Problem:
        """Parameters x0, x1, ... and the objectives f1 and f2."""
        params: dict[str, Param] = {f"x{i}": Float(0.0, 1.0) for i in range(self.dim)}
        largest = 10.0
        if self.fid == 4:
            params.update({f"x{i}": Float(-5.0, 5.0) for i in range(1, self.dim)})
            largest = 1.0 + 45.0 * (self.dim - 1)
        elif self.fid == 5:
            params = {f"x{i}": Int(0, 1) for i in range(self.dim)}
            largest = (6 - 1 / 31) / (1 - 1 / 31)  # four of five bits in each string, none in the first; scaled
        return Problem(Space(params), ("f1", "f2"), reference=(1.1, 1.1 * largest))

    def pareto_front(self, n: int = 500) -> np.ndarray:
        """About n points of the front, shape (m, 2), for the analysis only."""
        return pareto_fronts.zdt(self.fid, n)

    @cached_property
    def _pymoo(self) -> Any:
        made = getattr(_pymoo_module("zdt", "multi.zdt"), f"ZDT{self.fid}")
        return made(m=1 + (self.dim - ZDT5_HEAD) // ZDT5_STRING) if self.fid == 5 else made(n_var=self.dim)


@dataclass(frozen=True)
class DTLZ(_Pymoo):
    """DTLZ 1 to 7 with 2 to 10 objectives on the unit cube of `dim` >= `objectives` dimensions.

    Deb, Thiele, Laumanns, Zitzler (2005). Raises InputError on what the suite does not have.
    """

    fid: int = 1
    dim: int = 7
    objectives: int = 3

    def __post_init__(self) -> None:
        check_whole("dtlz", "fid", self.fid, 1, 7)
        check_whole("dtlz", "objectives", self.objectives, 2, 10)
        check_whole("dtlz", "dim", self.dim, 2)
        if self.dim < self.objectives:
            raise InputError(f"dtlz: {self.objectives} objectives need dim:{self.objectives} or more, got {self.dim}")

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats x0, x1, ... in [0, 1] and the objectives f1, f2, ..."""
        k, m = self.dim - self.objectives + 1, self.objectives
        rugged = 1 + 225.0 * k  # of (1 + g), where g is the Rastrigin-like sum
        largest = {1: 0.5 * rugged, 3: rugged, 6: 1.0 + k}.get(self.fid, 1 + k / 4)
        worst = [1.0] * (m - 1) + [11.0 * m] if self.fid == 7 else [largest] * m
        space = Space({f"x{i}": Float(0.0, 1.0) for i in range(self.dim)})
        return Problem(space, _names(m), reference=tuple(1.1 * f for f in worst))

    def pareto_front(self, n: int = 500) -> np.ndarray | None:
        """About n points of the front, shape (m, objectives), for the analysis only; None if none is known."""
        return pareto_fronts.dtlz(self.fid, self.objectives, n)

    def front_hypervolume(self) -> float | None:
        """The hypervolume of the whole front up to the reference point, for the analysis only; None if not known."""
        return pareto_fronts.dtlz_hypervolume(self.fid, self.problem.reference or ())

    @cached_property
    def _pymoo(self) -> Any:
        return getattr(_pymoo_module("dtlz", "many.dtlz"), f"DTLZ{self.fid}")(n_var=self.dim, n_obj=self.objectives)


@dataclass(frozen=True)
class WFG(_Pymoo):
    """WFG 1 to 9 with 2 to 10 objectives; parameter i of `dim` runs from 0 to 2 i.

    Huband, Hingston, Barone, While (2006). Of the parameters, 4 (two objectives) or 2 (objectives - 1) say the position
    on the front, the others the distance to it; WFG2 and 3 need an even number of the latter. Raises InputError on
    what the suite does not have.
    """

    fid: int = 1
    dim: int = 24
    objectives: int = 3

    def __post_init__(self) -> None:
        check_whole("wfg", "fid", self.fid, 1, 9)
        check_whole("wfg", "objectives", self.objectives, 2, 10)
        check_whole("wfg", "dim", self.dim, self._position + 1)
        if self.fid in (2, 3) and (self.dim - self._position) % 2:
            raise InputError(
                f"wfg: dim of WFG{self.fid} with {self.objectives} objectives must be {self._position} plus an even "
                f"number, got {self.dim}"
            )

    @property
    def _position(self) -> int:
        return 4 if self.objectives == 2 else 2 * (self.objectives - 1)

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats x0, x1, ... and the objectives f1, f2, ..., of which f_m is at most 2 m + 1."""
        space = Space({f"x{i}": Float(0.0, 2.0 * (i + 1)) for i in range(self.dim)})
        reference = tuple(1.1 * (2 * m + 1) for m in range(1, self.objectives + 1))
        return Problem(space, _names(self.objectives), reference=reference)

    def pareto_front(self, n: int = 500) -> np.ndarray | None:
        """About n points of the front, shape (m, objectives), for the analysis only; None if none is known."""
        return pareto_fronts.wfg(self.fid, self.objectives, n)

    def front_hypervolume(self) -> float | None:
        """The hypervolume of the whole front up to the reference point, for the analysis only; None if not known."""
        return pareto_fronts.wfg_hypervolume(self.fid, self.problem.reference or ())

    @cached_property
    def _pymoo(self) -> Any:
        return getattr(_pymoo_module("wfg", "many.wfg"), f"WFG{self.fid}")(n_var=self.dim, n_obj=self.objectives)


def _names(n: int) -> tuple[str, ...]:
    return tuple(f"f{m}" for m in range(1, n + 1))


def _pymoo_module(family: str, name: str) -> Any:
    try:
        return import_module(f"pymoo.problems.{name}")
    except ImportError:
        raise MissingDependency(f"{family} needs pymoo: pip install 'carps-lite[pymoo]'") from None
