"""The configurations of a parity study: the same random ones for every format and every seed of the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from carps_lite.core import Problem, Result, Trial

AHEAD = 64


class Design:
    """Independent draws, uniform in the unit cube of the space, that depend on `draw` and not on the run's seed.

    So the run's seed is that of the training alone: the i-th trial of every run is the same configuration, and as the
    seed of an evaluation comes from configuration and run seed, tasks with the same space meet it with the same noise.
    A larger budget goes on where a smaller one stopped.
    """

    meta: ClassVar[Mapping[str, Any]] = {"deterministic": True}

    def __init__(self, problem: Problem, seed: int, draw: int = 0) -> None:
        self._space = problem.space
        self._rng = np.random.default_rng(draw)
        self._drawn: list[Trial] = []

    def ask(self) -> Trial:
        """Suggest the next configuration, at full fidelity."""
        if not self._drawn:
            points = self._rng.random((AHEAD, len(self._space)))
            self._drawn = [Trial(config) for config in reversed(self._space.decode_many(points))]
        return self._drawn.pop()

    def tell(self, trial: Trial, result: Result) -> None:
        """Ignore the result."""
