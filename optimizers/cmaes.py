"""CMA-ES (Hansen 2016, arXiv:1604.00772) from pycma, with IPOP and BIPOP restarts, behind ask and tell."""

from __future__ import annotations

import math
from typing import Any

import cma
import numpy as np

from carps_lite.core import Exhausted, Problem, Result, Trial
from carps_lite.errors import InputError, one_line
from carps_lite.optimizers.restarts import SCHEDULES, Run
from carps_lite.space import Constant, Float, Int, Ordinal, Param

STARTS = ("center", "random")


class CMAES:
    """CMA-ES in the unit cube of a space of floats, integers and ordinals, always at full fidelity.

    Bounds: pycma's `BoundTransform` folds samples into the cube, so that every trial is feasible and every told value
    is what was observed; its `BoundPenalty` would add a penalty scaled by past values, those of failed trials too.
    Integers and ordinals are coordinates whose cells the space rounds. Their standard deviation is kept above
    `cell_std` mean cell widths: below, all of a generation falls into one cell and the coordinate stands still (Hansen
    2011, INRIA RR-7751). pycma's own `integer_variables` also centers integers, but it assumes steps of equal width
    and draws from NumPy's global generator. Parameters with one value are left out; inert coordinates fill up what is
    left to the two dimensions that pycma needs.

    `sigma0`: first standard deviation, in widths of the cube. `popsize`: trials a generation; None for
    4 + floor(3 ln d), d dimensions. `start`: the `center` of the cube or a `random` point. `restarts`: what follows
    when pycma stops: `none` ends the run (`Exhausted`); `ipop` and `bipop` start again from a random point
    (restarts.py). `options` go to pycma under its own names, and its formulas may use N and popsize.

    A failed trial counts as the worst successful one of its generation. A generation that failed throughout teaches
    nothing and is drawn again. Raises InputError on a space or a setting that it cannot handle.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int,
        sigma0: float = 0.25,
        popsize: int | None = None,
        start: str = "center",
        restarts: str = "none",
        cell_std: float = 0.2,
        **options: Any,
    ) -> None:
        if start not in STARTS:
            raise InputError(f"start must be {' or '.join(STARTS)}, got {start!r}")
        if restarts not in SCHEDULES:
            raise InputError(f"restarts must be one of {', '.join(SCHEDULES)}, got {restarts!r}")
        if not 0 < sigma0 < math.inf:
            raise InputError(f"sigma0 must be positive, got {sigma0}")
        self._space, self._sigma0 = problem.space, sigma0
        self._rng = np.random.default_rng(seed)
        sizes = [_n_values(name, p) for name, p in problem.space.items()]
        self._free = [i for i, n in enumerate(sizes) if n != 1]
        self._dim = max(2, len(self._free))
        stds = [cell_std / n if n else 0.0 for n in sizes if n != 1]
        self._options = options | {
            "bounds": [0, 1],
            "BoundaryHandler": cma.BoundTransform,
            "popsize": 4 + int(3 * math.log(self._dim)) if popsize is None else popsize,
            "minstd": stds + [0.0] * (self._dim - len(stds)),
            # pycma's own seed reseeds NumPy's global generator; NaN leaves that alone, and `randn` needs no seed
            "seed": math.nan,
            "randn": lambda *shape: self._rng.standard_normal(shape),
            "verbose": -10,  # above, a file in the working directory could change options in mid-run
            "verb_log": 0,
        }
        self._exhausted = False
        self._begin(np.full(self._dim, 0.5) if start == "center" else self._rng.random(self._dim), sigma0, {})
        first = Run(self._es.popsize, self._es.opts["maxiter"])
        self._schedule = SCHEDULES[restarts](first, self._rng)

    def ask(self) -> Trial | None:
        """Suggest the next point of the generation; None while the rest of it is out."""
        if self._exhausted:
            raise Exhausted
        return self._queue.pop() if self._queue else None

    def tell(self, trial: Trial, result: Result) -> None:
        """Take a result, in any order; the last one of the generation updates the distribution."""
        self._values[trial.token] = result.values[0] if result.ok else math.nan
        self._n_missing -= 1
        if self._n_missing == 0:
            self._update()

    def _update(self) -> None:
        succeeded = [v for v in self._values if not math.isnan(v)]
        if succeeded:
            worst = max(succeeded)
            self._es.tell(self._points, [worst if math.isnan(v) else v for v in self._values])
        if not (succeeded and self._es.stop()):
            self._draw()
            return
        run = self._schedule.following(self._es.countevals)
        if run is None:
            self._exhausted = True
            return
        options = {"popsize": run.popsize, "maxiter": run.maxiter}
        self._begin(self._rng.random(self._dim), self._sigma0 * run.sigma_factor, options)

    def _begin(self, x0: np.ndarray, sigma: float, options: dict[str, Any]) -> None:
        try:
            self._es = cma.CMAEvolutionStrategy(x0, sigma, self._options | options)
        except ValueError as error:
            raise InputError(f"pycma refuses these options: {one_line(error)}") from error
        self._draw()

    def _draw(self) -> None:
        """Draw a generation: `_queue` holds what is not asked yet, `_values` what is told, in the order of asking."""
        self._points = self._es.ask()
        u = np.full((len(self._points), len(self._space)), 0.5)
        u[:, self._free] = np.asarray(self._points)[:, : len(self._free)]
        configs = self._space.decode_many(u)
        self._queue = [Trial(config, token=i) for i, config in enumerate(configs)][::-1]
        self._values, self._n_missing = [math.nan] * len(configs), len(configs)


def _n_values(name: str, p: Param) -> int:
    """How many values a parameter can take; 0 stands for a continuum."""
    if p.when:
        raise InputError(f"CMA-ES handles no conditions, and parameter {name!r} depends on {', '.join(p.when)}")
    match p:
        case Constant():
            return 1
        case Float(low, high):
            return 1 if low == high else 0
        case Int(low, high):
            return high - low + 1
        case Ordinal(choices):
            return len(choices)
    raise InputError(f"CMA-ES handles no categorical parameters, and {name!r} is one")
