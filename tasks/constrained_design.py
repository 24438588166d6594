"""Four engineering designs under constraints whose optima are known: welded beam, pressure vessel, reducer, spring.

The formulas are those of Coello Coello (2002), doi:10.1016/S0045-7825(01)00323-1, and, for the speed reducer,
Golinski (1970) in the form of Mezura-Montes and Coello Coello (2005), Useful Infeasible Solutions in Engineering
Optimization with Evolutionary Algorithms, MICAI. Each constraint is scaled to its limit, so that all are of order one,
and met where <= 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Int, Param, Space

Answer = tuple[float, dict[str, float]]


def welded_beam(h: float, length: float, t: float, b: float) -> Answer:
    """Cost of a beam welded to a wall: weld height and length, beam height and width, in inches."""
    load, arm, young, shear = 6000.0, 14.0, 30e6, 12e6
    squared = ((h + t) / 2) ** 2
    radius = math.sqrt(length**2 / 4 + squared)
    direct = load / (math.sqrt(2) * h * length)
    inertia = 2 * math.sqrt(2) * h * length * (length**2 / 12 + squared)
    torsion = load * (arm + length / 2) * radius / inertia
    stress = math.sqrt(direct**2 + direct * torsion * length / radius + torsion**2)
    buckling = 4.013 * young * t * b**3 / 6 / arm**2 * (1 - t / (2 * arm) * math.sqrt(young / (4 * shear)))
    beam = 0.04811 * t * b * (arm + length)
    return 1.10471 * h**2 * length + beam, {
        "shear": stress / 13600 - 1,
        "bending": 6 * load * arm / (b * t**2) / 30000 - 1,
        "weld": h - b,
        "material": (0.10471 * h**2 + beam) / 5 - 1,
        "height": 0.125 - h,
        "deflection": 4 * load * arm**3 / (young * t**3 * b) / 0.25 - 1,
        "buckling": 1 - buckling / load,
    }


def pressure_vessel(shell: int, head: int, radius: float, length: float) -> Answer:
    """Cost of a vessel whose shell and head are so many sixteenths of an inch thick."""
    ts, th = 0.0625 * shell, 0.0625 * head
    cost = 0.6224 * ts * radius * length + 1.7781 * th * radius**2 + 3.1661 * ts**2 * length + 19.84 * ts**2 * radius
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    return cost, {"shell_strength": 0.0193 * radius - ts, "head_strength": 0.00954 * radius - th} | {
        "volume": 1 - volume / 1296000,
        "total_length": length / 240 - 1,
    }


def speed_reducer(b: float, m: float, teeth: int, l1: float, l2: float, d1: float, d2: float) -> Answer:
    """Weight of a gear box: face width, module, teeth of the pinion, two shafts' lengths and diameters, in cm."""
    weight = 0.7854 * b * m**2 * (3.3333 * teeth**2 + 14.9334 * teeth - 43.0934)
    weight += -1.508 * b * (d1**2 + d2**2) + 7.4777 * (d1**3 + d2**3) + 0.7854 * (l1 * d1**2 + l2 * d2**2)
    return weight, {
        "bending": 27 / (b * m**2 * teeth) - 1,
        "surface": 397.5 / (b * m**2 * teeth**2) - 1,
        "deflection1": 1.93 * l1**3 / (m * teeth * d1**4) - 1,
        "deflection2": 1.93 * l2**3 / (m * teeth * d2**4) - 1,
        "stress1": math.sqrt((745 * l1 / (m * teeth)) ** 2 + 16.9e6) / (110 * d1**3) - 1,
        "stress2": math.sqrt((745 * l2 / (m * teeth)) ** 2 + 157.5e6) / (85 * d2**3) - 1,
        "space": m * teeth / 40 - 1,
        "narrow": 5 * m / b - 1,
        "wide": b / (12 * m) - 1,
        "shaft1": (1.5 * d1 + 1.9) / l1 - 1,
        "shaft2": (1.1 * d2 + 1.9) / l2 - 1,
    }


def spring(wire: float, coil: float, turns: float) -> Answer:
    """Weight of a spring under tension or compression: wire and coil diameter, active coils."""
    shear = (4 * coil**2 - wire * coil) / (12566 * (coil * wire**3 - wire**4)) if coil != wire else math.inf
    return (turns + 2) * coil * wire**2, {
        "deflection": 1 - coil**3 * turns / (71785 * wire**4),
        "shear": shear + 1 / (5108 * wire**2) - 1,
        "surge": 1 - 140.45 * wire / (coil**2 * turns),
        "diameter": (coil + wire) / 1.5 - 1,
    }


Design = tuple[Callable[..., Answer], Mapping[str, Param], float]
SHAFTS: dict[str, Param] = {"l1": Float(7.3, 8.3), "l2": Float(7.3, 8.3), "d1": Float(2.9, 3.9), "d2": Float(5.0, 5.5)}
DESIGNS: Mapping[str, Design] = {  # with the least feasible value; a test finds it again
    "welded_beam": (
        welded_beam,
        {"h": Float(0.1, 2), "l": Float(0.1, 10), "t": Float(0.1, 10), "b": Float(0.1, 2)},
        1.7248523,
    ),
    "pressure_vessel": (
        pressure_vessel,
        {"shell": Int(1, 99), "head": Int(1, 99), "radius": Float(10, 200), "length": Float(10, 200)},
        6059.7143350,
    ),
    "speed_reducer": (
        speed_reducer,
        {"b": Float(2.6, 3.6), "m": Float(0.7, 0.8), "teeth": Int(17, 28), **SHAFTS},
        2994.4710660,
    ),
    "spring": (
        spring,
        {"wire": Float(0.05, 2), "coil": Float(0.25, 1.3), "turns": Float(2, 15)},
        0.0126652327,
    ),
}


@dataclass(frozen=True)
class ConstrainedDesign:
    """One of four designs, to be found by its name; the score is the least objective among feasible configurations.

    `optimum` is the least feasible value, cut off after the digits that are certain. Raises InputError on another name.
    """

    name: str = "welded_beam"

    def __post_init__(self) -> None:
        if self.name not in DESIGNS:
            raise InputError(f"design: no design {self.name!r}{nearest(str(self.name), DESIGNS)}")

    @property
    def optimum(self) -> float:
        """The least feasible value."""
        return DESIGNS[self.name][2]

    @cached_property
    def problem(self) -> Problem:
        """The design's parameters, the objective `loss` and the constraints."""
        function, params, _ = DESIGNS[self.name]
        space = Space(params)
        return Problem(space, ("loss",), constraints=tuple(function(*space.default.values())[1]))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return `loss` (cost or weight) and all constraints; `fidelity` and `seed` change nothing."""
        function, params, _ = DESIGNS[self.name]
        loss, constraints = function(*[config[name] for name in params])
        return {"loss": loss, **constraints}
