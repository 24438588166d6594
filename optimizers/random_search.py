"""Random search (Bergstra & Bengio 2012, JMLR 13:281-305), drawn in blocks."""

from __future__ import annotations

import numpy as np

from carps_lite.core import Problem, Result, Trial
from carps_lite.errors import InputError


class RandomSearch:
    """Independent draws, uniform in the unit cube of the space, always at full fidelity.

    A draw takes as many numbers from the generator as the space has parameters, so that the trajectory is the same
    for every block size: blocks only spread the cost of the array operations, and they grow from `first_block` to
    `block` so that a short run does not pay for draws that it never asks.
    """

    def __init__(self, problem: Problem, seed: int, block: int = 512, first_block: int = 32) -> None:
        if block < 1 or first_block < 1:
            raise InputError(f"block and first_block must be at least 1, got block={block}, first_block={first_block}")
        self._space = problem.space
        self._rng = np.random.default_rng(seed)
        self._block, self._next_block = block, min(first_block, block)
        self._drawn: list[Trial] = []  # in reverse, so that `pop` takes the oldest

    def ask(self) -> Trial:
        """Suggest the next draw."""
        if not self._drawn:
            self._draw()
        return self._drawn.pop()

    def tell(self, trial: Trial, result: Result) -> None:
        """Ignore the result."""

    def _draw(self) -> None:
        u = self._rng.random((self._next_block, len(self._space)))
        self._drawn = [Trial(config) for config in reversed(self._space.decode_many(u))]
        self._next_block = min(2 * self._next_block, self._block)
