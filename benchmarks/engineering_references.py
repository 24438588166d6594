"""Compute the hypervolume reference points of the RE suite anew: `python benchmarks/engineering_references.py`.

For each problem: 20,000 random configurations, all corners of the unit cube and 60,000 evaluations of NSGA-II (pymoo,
population 200, seed 1); of what is not dominated the ideal and the nadir point; nadir + 0.1 (nadir - ideal), rounded up
to five digits. Of RE91 the means are taken. Prints the table that stands in tasks/engineering.py, but for the three
problems that are named there.
"""

from __future__ import annotations

import math
import sys
from itertools import product
from typing import Any

import moocore
import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.optimize import minimize

from carps_lite.tasks.engineering import PARAMS, RE, RE91

N_RANDOM, N_GENERATIONS, POPULATION = 20_000, 300, 200


class Seen(Problem):
    """The task on the unit cube; keeps every finite point of the objective space that it was asked for."""

    def __init__(self, name: str) -> None:
        self.task = RE91() if name == "RE91" else RE(name)
        self.space = self.task.problem.space
        self.points: list[list[float]] = []
        super().__init__(n_var=len(self.space), n_obj=int(name[2]), xl=0.0, xu=1.0)

    def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        f = np.array([self.values(config) for config in self.space.decode_many(np.atleast_2d(x))])
        self.points.extend(f[np.isfinite(f).all(axis=1)].tolist())
        out["F"] = np.where(np.isfinite(f), f, 1e30)

    def values(self, config: dict[str, Any]) -> list[float]:
        found = self.task.evaluate(config, None, 0)
        prefix = "mean_" if isinstance(self.task, RE91) else ""
        return [found[f"{prefix}f{m}"] for m in range(1, self.n_obj + 1)]


def reference(name: str) -> tuple[float, ...]:
    problem = Seen(name)
    start = np.vstack(
        [list(product((0.0, 1.0), repeat=problem.n_var)), np.random.default_rng(0).random((N_RANDOM, problem.n_var))]
    )
    problem._evaluate(start, {})
    minimize(problem, NSGA2(pop_size=POPULATION), ("n_gen", N_GENERATIONS), seed=1)
    points = np.unique(np.array(problem.points), axis=0)
    front = points[moocore.is_nondominated(points)]
    ideal, nadir = front.min(axis=0), front.max(axis=0)
    print(name, len(front), "ideal", ideal.tolist(), "nadir", nadir.tolist(), file=sys.stderr)
    return tuple(rounded_up(r) for r in nadir + 0.1 * (nadir - ideal))


def rounded_up(x: float) -> float:
    if x == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(x))) - 4)
    return float(f"{math.ceil(x / unit) * unit:.5g}")


if __name__ == "__main__":
    for name in sys.argv[1:] or PARAMS:
        print(f'    "{name}": {reference(name)},', flush=True)
