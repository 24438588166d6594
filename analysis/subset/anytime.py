"""Walks side by side for as long as there is time: the best so far, progress, and an end at any moment.

A walk's steps depend on its seed alone. Time decides only after which of them it ends, so that a longer search goes on
from where a shorter one stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from carps_lite.analysis.subset.discrepancy import attaining_box

if TYPE_CHECKING:
    from carps_lite.analysis.subset.walk import Walk

Clock: TypeAlias = Callable[[], float]

CHUNK_SECONDS = 0.05
"""How long a walk runs before time, progress and Ctrl-C are looked at."""
CHUNK_STEPS = 1000


@dataclass(frozen=True)
class Selection:
    """A subset and what is known about it; also what `progress` is told."""

    indices: tuple[int, ...]
    """The chosen rows, ascending."""
    discrepancy: float
    """Their exact star discrepancy."""
    lower_bound: float
    """No subset of this size, with these rows to keep, has a discrepancy below this."""
    proven: bool
    """Whether no subset is better (by more than 1e-9)."""
    seconds: float
    """Time taken by the given clock, compilation apart."""
    interrupted: bool = False
    """Whether Ctrl-C ended the search: this is then the best until there."""
    steps: int = 0
    """Steps made by all walks together."""


Progress: TypeAlias = Callable[[Selection], None]


class Search:
    """Walks side by side, in chunks of steps between which time, progress and Ctrl-C are looked at."""

    def __init__(
        self, walks: list[Walk], bound: float, began: float, clock: Clock, progress: Progress | None, every: float
    ) -> None:
        self.walks, self.bound, self.began, self.clock = walks, bound, began, clock
        self.progress, self.every = progress, every
        self.interrupted = False
        self.improved = 0.0  # seconds after the start

    def run(self, deadline: float | None, max_steps: int | None, patient: bool) -> None:
        """Search until the deadline, the steps, a proven optimum or, if not `patient`, a long standstill."""
        from carps_lite.analysis.subset.walk import go_on

        chunk, told = 1, self.began
        best = np.inf
        with ThreadPoolExecutor(len(self.walks)) as pool:
            try:
                while not (self._proven() or self._over(deadline, max_steps, patient)):
                    steps = chunk if max_steps is None else min(chunk, max_steps - int(self.walks[0].step[0]))
                    began = self.clock()
                    self._chunk(pool, go_on, steps)
                    now = self.clock()
                    if now - began < CHUNK_SECONDS / 2:
                        chunk = min(2 * chunk, CHUNK_STEPS)
                    elif now - began > 2 * CHUNK_SECONDS:
                        chunk = max(1, chunk // 2)
                    if self._best() < best:
                        best, self.improved = self._best(), now - self.began
                    if self.progress and now - told >= self.every:
                        told = now
                        self.progress(self.result())
            except KeyboardInterrupt:
                self.interrupted = True
        if self._best() > 1:
            self._first()

    def _chunk(self, pool: ThreadPoolExecutor, go_on: Callable[..., bool], steps: int) -> None:
        target = self.bound + 1e-9
        if len(self.walks) == 1:
            go_on(self.walks[0], steps, target)
            return
        for future in [pool.submit(go_on, walk, steps, target) for walk in self.walks]:
            future.result()

    def _first(self) -> None:
        """Ended before the first step: the random subset itself is the result."""
        walk = self.walks[0]
        walk.best[:] = walk.chosen
        walk.value[0] = attaining_box(walk.points[walk.chosen]).discrepancy

    def _over(self, deadline: float | None, max_steps: int | None, patient: bool) -> bool:
        if max_steps is not None and self.walks[0].step[0] >= max_steps:
            return True
        now = self.clock()
        idle = now - self.began > 0.3 + 5 * self.improved
        return (deadline is not None and now >= deadline) or (not patient and idle)

    def _best(self) -> float:
        return min(float(walk.value[0]) for walk in self.walks)

    def _proven(self) -> bool:
        return self._best() <= self.bound + 1e-9

    def result(self) -> Selection:
        """The best subset of all walks; of equal ones, that of the first."""
        best = min(self.walks, key=lambda walk: float(walk.value[0]))
        value = float(best.value[0])
        return Selection(
            tuple(sorted(best.best.tolist())), value, min(self.bound, value), self._proven(), self.clock() - self.began,
            self.interrupted, sum(int(walk.step[0]) for walk in self.walks),
        )  # fmt: skip
