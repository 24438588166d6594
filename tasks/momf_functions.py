"""A problem with two objectives and a fidelity whose Pareto front is known at every fidelity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from carps_lite.core import Fidelity, Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Space

FULL = 100
SHAPES = {"convex": 0.5, "concave": 2.0}  # the exponent of the front in full: ZDT1 and ZDT2
SHIFT, LIFT = 0.3, 0.5


@dataclass(frozen=True)
class MFZDT:
    """ZDT1 (`convex`) or ZDT2 (`concave`) on the unit cube, biased by what the fidelity z, in (0, 1], lacks.

    With m = 1 - z: f1 = x1 and f2 = g (1 - (f1 / g)^a) + 0.5 m, where g = 1 + 9 mean |x_i - 0.3 m| over i >= 2, and a
    goes from 1 at z = 0 to 0.5 or 2 at z = 1. So the low fidelities have other best configurations (x_i = 0.3 m), a
    straighter front and worse values; at z = 1 the values are those of Zitzler, Deb, Thiele (2000). As f2 grows with g
    for every a > 0 and f1 <= g, the front is f2 = 1 - f1^a + 0.5 m, f1 in [0, 1], for g = 1. Costs are simulated: the
    share of a full evaluation, 0.05 + 0.95 z^2. The reference point is 1.1 times the largest values, (1, 10.5). Raises
    InputError on another shape or a dimension below 2.
    """

    shape: str = "convex"
    dim: int = 6

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(f"mfzdt: no shape {self.shape!r}{nearest(str(self.shape), SHAPES)}")
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 2:
            raise InputError(f"mfzdt: dim must be a whole number from 2, got {self.dim!r}")

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats in [0, 1], the objectives f1 and f2 and the fidelity `percent`, 1 to 100."""
        space = Space({f"x{i}": Float(0.0, 1.0) for i in range(1, self.dim + 1)})
        return Problem(space, ("f1", "f2"), fidelity=Fidelity("percent", 1, FULL), reference=(1.1, 11.55))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return both objectives and the cost; the seed changes nothing."""
        z = 1.0 if fidelity is None else fidelity / FULL
        f1, *rest = (float(config[name]) for name in self.problem.space)
        g = 1 + 9 * sum(abs(x - SHIFT * (1 - z)) for x in rest) / len(rest)
        f2 = g * (1 - (f1 / g) ** self._exponent(z)) + LIFT * (1 - z)
        return {"f1": f1, "f2": f2, "cost": 0.05 + 0.95 * z**2}

    def pareto_front(self, n: int = 500, fidelity: float | None = None) -> np.ndarray:
        """n points of the front at a fidelity (None: in full), shape (n, 2), for the analysis only."""
        z = 1.0 if fidelity is None else fidelity / FULL
        f1 = np.linspace(0, 1, n)
        return np.column_stack([f1, 1 - f1 ** self._exponent(z) + LIFT * (1 - z)])

    def _exponent(self, z: float) -> float:
        return 1 + (SHAPES[self.shape] - 1) * z
