"""Classical functions with a fidelity: Hartmann, Branin, Currin and Borehole, each with its textbook optimum in full.

The fidelity runs from 1 to 100. Costs are simulated: a share of one full evaluation, 0.05 + 0.95 (z / 100)^2 for
Hartmann (as in mf-prior-bench) and 0.1 + 0.9 (z / 100)^2 for the others (as in the library Dragonfly).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from carps_lite.core import Fidelity, Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Space

FULL = 100
ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = {
    3: np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]),
    6: np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    ),
}
P = {
    3: 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
    6: 1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
}
OPTIMA = {3: -3.862779787332663, 6: -3.3223680114155147}  # a test finds them again
BIASES = {"good": (2.5, 2.0), "moderate": (3.0, 3.0), "bad": (3.5, 4.0), "terrible": (4.0, 5.0)}  # bias, noise


@dataclass(frozen=True)
class MFHartmann:
    """The Hartmann function in 3 or 6 dimensions on the unit cube, distorted and noisy below the full fidelity.

    Mallik et al. (2023), PriorBand, appendix on MFHartmann. With s = log z / log 100, the four weights alpha become
    alpha - b (1 - s), and c (1 - s) |n| is added with a standard normal n; `bias` names the pair (b, c), from `good`
    to `terrible`. As in the paper's code, n is fixed by the point and z, so that nothing depends on the evaluation
    seed; unlike there, it is drawn by a hash that is the same on every machine, and `instance` >= 0 chooses another
    set of draws. Raises InputError on an option out of range.
    """

    dim: int = 3
    bias: str = "moderate"
    instance: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.dim, bool) or self.dim not in A:
            raise InputError(f"mfhartmann: dim must be 3 or 6, got {self.dim!r}")
        if self.bias not in BIASES:
            raise InputError(f"mfhartmann: no bias {self.bias!r}{nearest(str(self.bias), BIASES)}")
        if isinstance(self.instance, bool) or not isinstance(self.instance, int) or self.instance < 0:
            raise InputError(f"mfhartmann: instance must be a whole number from 0, got {self.instance!r}")

    @property
    def optimum(self) -> float:
        """The least value at full fidelity."""
        return OPTIMA[self.dim]

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats in [0, 1], the objective `value` and the fidelity `z`."""
        return Problem(
            Space({f"x{i}": Float(0.0, 1.0) for i in range(self.dim)}), ("value",), fidelity=Fidelity("z", 1, FULL)
        )

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the value at fidelity z and its cost; the seed changes nothing."""
        z = FULL if fidelity is None else fidelity
        x = np.array([float(config[name]) for name in self.problem.space])
        bias, noise = BIASES[self.bias]
        missing = 1.0 - math.log(z) / math.log(FULL)
        value = hartmann(x, bias * missing)
        if missing > 0:
            value += noise * missing * abs(self._draw(x, z))
        return {"value": value, "cost": 0.05 + 0.95 * (z / FULL) ** 2}

    def _draw(self, x: np.ndarray, z: float) -> float:
        """A standard normal number that belongs to this point, fidelity and instance."""
        key = np.append(x + 0.0, [z, self.instance]).tobytes()  # + 0.0: no negative zero
        digest = int.from_bytes(blake2b(key, digest_size=16).digest(), "big")
        return float(np.random.default_rng(digest).standard_normal())


def hartmann(x: np.ndarray, lowered: float = 0.0) -> float:
    """The Hartmann function at x, shape (3,) or (6,), whose four weights are lowered by a number."""
    a, p = A[len(x)], P[len(x)]
    return -float((ALPHA - lowered) @ np.exp(-(a * (x - p) ** 2).sum(axis=1)))


def branin(x: Sequence[float], z: float) -> float:
    """Branin's function; b, c and t move by 0.01, 0.1 and 0.005 of what z lacks (three fidelities there, one here)."""
    x1, x2 = x
    b, c = 5.1 / (4 * math.pi**2) - 0.01 * (1 - z), 5 / math.pi - 0.1 * (1 - z)
    t = 1 / (8 * math.pi) + 0.005 * (1 - z)
    return (x2 - b * x1**2 + c * x1 - 6) ** 2 + 10 * (1 - t) * math.cos(x1) + 10


def currin(x: Sequence[float], z: float) -> float:
    """Currin's exponential function, negated: (1 - a exp(-1 / 2 x2)) r(x1) with a = 1 - 0.1 (1 - z)."""
    x1, x2 = x
    decay = math.exp(-1 / (2 * x2)) if x2 > 0 else 0.0
    ratio = (2300 * x1**3 + 1900 * x1**2 + 2092 * x1 + 60) / (100 * x1**3 + 500 * x1**2 + 4 * x1 + 20)
    return -(1 - (1 - 0.1 * (1 - z)) * decay) * ratio


def borehole(x: Sequence[float], z: float) -> float:
    """The water flow through a borehole in m^3 per year, negated: z times the model plus 1 - z times a crude one."""
    rw, r, tu, hu, tl, hl, length, kw = x
    log = math.log(r / rw)
    shared = 2 * length * tu / (log * rw**2 * kw) + tu / tl
    high = 2 * math.pi * tu * (hu - hl) / (log * (1 + shared))
    low = 5 * tu * (hu - hl) / (log * (1.5 + shared))
    return -(z * high + (1 - z) * low)


Bounds = Mapping[str, tuple[float, float]]
UNIT = {"x1": (0.0, 1.0), "x2": (0.0, 1.0)}
WELL = {
    "rw": (0.05, 0.15),
    "r": (100.0, 50000.0),
    "Tu": (63070.0, 115600.0),
    "Hu": (990.0, 1110.0),
    "Tl": (63.1, 116.0),
    "Hl": (700.0, 820.0),
    "L": (1120.0, 1680.0),
    "Kw": (9855.0, 12045.0),
}
FUNCTIONS: dict[str, tuple[Callable[[Sequence[float], float], float], Bounds, float]] = {  # with the optimum in full
    "branin": (branin, {"x1": (-5.0, 10.0), "x2": (0.0, 15.0)}, 0.39788735772973816),
    "currin": (currin, UNIT, -13.798722044728438),
    "borehole": (borehole, WELL, -309.5755876604079),
}


@dataclass(frozen=True)
class MFFunction:
    """Branin (2-D), Currin (2-D) or Borehole (8-D) with one fidelity, from 1 to 100 per cent, without noise.

    Kandasamy, Dasarathy, Schneider and Poczos (2017), Multi-fidelity Bayesian Optimisation with Continuous
    Approximations, ICML. Currin and Borehole are maximised there and negated here; Branin's three fidelities are tied
    to one; Currin's is turned so that the full fidelity is the textbook function. Raises InputError on another name.
    """

    function: str = "branin"

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise InputError(f"mfsynthetic: no function {self.function!r}{nearest(str(self.function), FUNCTIONS)}")

    @property
    def optimum(self) -> float:
        """The least value at full fidelity."""
        return FUNCTIONS[self.function][2]

    @cached_property
    def problem(self) -> Problem:
        """The function's parameters in their own units, the objective `value` and the fidelity `percent`."""
        bounds = FUNCTIONS[self.function][1]
        space = Space({name: Float(low, high) for name, (low, high) in bounds.items()})
        return Problem(space, ("value",), fidelity=Fidelity("percent", 1, FULL))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the value at this fidelity and its cost; the seed changes nothing."""
        function, bounds, _ = FUNCTIONS[self.function]
        z = 1.0 if fidelity is None else fidelity / FULL
        return {"value": function([float(config[name]) for name in bounds], z), "cost": 0.1 + 0.9 * z**2}
