"""The RE suite: sixteen real-world engineering design problems with two to nine objectives.

Tanabe and Ishibuchi (2020), An easy-to-use real-world multi-objective optimization problem suite, Applied Soft
Computing 89, 106078. Discrete parameters are discrete here too: whole numbers, or the listed sizes in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from carps_lite.core import Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Float, Int, Ordinal, Param, Space
from carps_lite.tasks import engineering_formulas as formulas

# square inches of reinforcement, Amir and Hasegawa (1989), Nonlinear mixed-discrete structural optimization
# fmt: off
AREAS = (
    0.2, 0.31, 0.4, 0.44, 0.6, 0.62, 0.79, 0.8, 0.88, 0.93, 1.0, 1.2, 1.24, 1.32, 1.4, 1.55, 1.58, 1.6, 1.76, 1.8,
    1.86, 2.0, 2.17, 2.2, 2.37, 2.4, 2.48, 2.6, 2.64, 2.79, 2.8, 3.0, 3.08, 3.1, 3.16, 3.41, 3.52, 3.6, 3.72,
    3.95, 3.96, 4.0, 4.03, 4.2, 4.34, 4.4, 4.65, 4.74, 4.8, 4.84, 5.0, 5.28, 5.4, 5.53, 5.72, 6.0, 6.16, 6.32,
    6.6, 7.11, 7.2, 7.8, 7.9, 8.0, 8.4, 8.69, 9.0, 9.48, 10.27, 11.0, 11.06, 11.85, 12.0, 13.0, 14.0, 15.0,
)
# inches of spring wire, of the 42 standard sizes those within the range [0.09, 0.5] of the suite
WIRES = (
    0.092, 0.105, 0.12, 0.135, 0.148, 0.162, 0.177, 0.192, 0.207, 0.225, 0.244, 0.263, 0.283, 0.307, 0.331, 0.362,
    0.394, 0.4375, 0.5,
)
# fmt: on

Range = tuple[float, float]
CAR: tuple[Range, ...] = ((0.5, 1.5), (0.45, 1.35), (0.5, 1.5), (0.5, 1.5), (0.875, 2.625), (0.4, 1.2), (0.4, 1.2))
SHIP: tuple[Range, ...] = ((150, 274.32), (20, 32.31), (13, 25), (10, 11.71), (14, 18), (0.63, 0.75))
ROOT2 = 2**0.5


def _floats(*ranges: Range) -> tuple[Param, ...]:
    return tuple(Float(low, high) for low, high in ranges)


PARAMS: Mapping[str, tuple[Param, ...]] = {
    "RE21": _floats((1, 3), (ROOT2, 3), (ROOT2, 3), (1, 3)),
    "RE22": (Ordinal(AREAS), *_floats((0, 20), (0, 40))),
    "RE23": (Int(1, 100), Int(1, 100), *_floats((10, 200), (10, 240))),
    "RE24": _floats((0.5, 4), (0.5, 50)),
    "RE25": (Int(1, 70), Float(0.6, 3), Ordinal(WIRES)),
    "RE31": _floats((1e-5, 100), (1e-5, 100), (1, 3)),
    "RE32": _floats((0.125, 5), (0.1, 10), (0.1, 10), (0.125, 5)),
    "RE33": _floats((55, 80), (75, 110), (1000, 3000), (11, 20)),
    "RE34": _floats(*[(1, 3)] * 5),
    "RE35": (*_floats((2.6, 3.6), (0.7, 0.8)), Int(17, 28), *_floats((7.3, 8.3), (7.3, 8.3), (2.9, 3.9), (5, 5.5))),
    "RE36": (Int(12, 60), Int(12, 60), Int(12, 60), Int(12, 60)),
    "RE37": _floats(*[(0, 1)] * 4),
    "RE41": _floats(*CAR),
    "RE42": _floats(*SHIP),
    "RE61": _floats((0.01, 0.45), (0.01, 0.1), (0.01, 0.1)),
    "RE91": _floats(*CAR),
}
FORMULAS: Mapping[str, Callable[..., formulas.Values]] = {
    name: getattr(formulas, name.lower()) for name in PARAMS if name != "RE91"
}
# nadir + 0.1 (nadir - ideal), to five digits. The points are those of a front that benchmarks/engineering_references.py
# finds; of RE33, RE42 and RE61, whose fronts have far tails of useless designs, those published with the suite.
REFERENCES: Mapping[str, tuple[float, ...]] = {
    "RE21": (3051.3, 0.043724),
    "RE22": (397.88, 198.02),
    "RE23": (6466.1, 1417600.0),
    "RE24": (523.73, 48.711),
    "RE25": (0.44062, 2447200.0),
    "RE31": (897.86, 9070900.0, 21296000.0),
    "RE32": (40.347, 19318.0, 467570000.0),
    "RE33": (5.9096, 3.3273, 27.5),
    "RE34": (1698.6, 11.206, 0.28647),
    "RE35": (7324.3, 1796.2, 437.1),
    "RE36": (6.5239, 56.0, 0.3913),
    "RE37": (1.1014, 1.1938, 1.2493),
    "RE41": (45.488, 4.5115, 13.34, 10.444),
    "RE42": (-835.94, 14814.0, 2678.4, 13.682),
    "RE61": (82603.0, 1482.0, 3110300.0, 7766200.0, 96523.0, 2.761),
    "RE91": (45.404, 1.1062, 30.791, 0.83667, 1.5529, 1.1879, 1.1325, 1.0412, 1.038),
}


def _problem(name: str) -> Problem:
    reference = REFERENCES[name]
    space = Space({f"x{i}": p for i, p in enumerate(PARAMS[name], 1)})
    return Problem(space, tuple(f"f{m}" for m in range(1, len(reference) + 1)), reference=reference)


@dataclass(frozen=True)
class RE:
    """One of the fifteen deterministic problems RE21 to RE61: the first digit is the number of objectives.

    Objectives are f1, f2, ..., all minimised; in all but RE21, RE34 and RE37 the last one is the sum of constraint
    violations. Raises InputError on another name.
    """

    name: str = "RE21"

    def __post_init__(self) -> None:
        if self.name not in FORMULAS:
            raise InputError(f"re: no problem {self.name!r}{nearest(str(self.name), FORMULAS)}")

    @cached_property
    def problem(self) -> Problem:
        """Parameters x1, x2, ... in the units of the paper, and the objectives f1, f2, ..."""
        return _problem(self.name)

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return all objectives; `fidelity` and `seed` change nothing."""
        values = FORMULAS[self.name](*[config[name] for name in self.problem.space])
        return dict(zip(self.problem.objectives, values, strict=True))


STRATA = 32  # of each of the two large noise terms of RE91


@dataclass(frozen=True)
class RE91:
    """Car cab design: nine objectives, of which eight depend on four uncertain inputs, drawn by the evaluation seed.

    The record also holds `mean_f1`, ..., `mean_f9`: averages over 1,024 draws that are the same for every
    configuration, stratified in the two inputs that matter. f3 is mostly noise: its standard deviation is about 30.
    """

    @cached_property
    def problem(self) -> Problem:
        """Seven floats x1 to x7 and the objectives f1 to f9."""
        return _problem("RE91")

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the objectives at the inputs that belong to the seed, and their means."""
        x = [float(config[name]) for name in self.problem.space]
        noise = np.vstack([np.random.default_rng(seed).standard_normal((1, 4)), self._draws])
        values = formulas.re91(x, noise)
        names, means = self.problem.objectives, values[1:].mean(axis=0).tolist()
        told = dict(zip(names, values[0].tolist(), strict=True))
        return told | {f"mean_{name}": mean for name, mean in zip(names, means, strict=True)}

    @cached_property
    def _draws(self) -> np.ndarray:
        """Standard normal numbers, shape (1024, 4): a Latin hypercube whose last two columns form a grid."""
        n = STRATA**2
        inverse = NormalDist().inv_cdf
        fine, coarse = (np.array([inverse((i + 0.5) / m) for i in range(m)]) for m in (n, STRATA))
        rng = np.random.default_rng(0)
        return np.column_stack(
            [rng.permutation(fine), rng.permutation(fine), *map(np.ravel, np.meshgrid(coarse, coarse))]
        )
