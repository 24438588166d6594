"""Certified bounds of the star discrepancy within a given time, where the exact value is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from carps_lite.analysis.subset.discrepancy import MOST_POINTS, Box, Points, as_points, worst_within
from carps_lite.errors import InputError, check_whole

BOXES_PER_SECOND = 1e8
"""Tight boxes that the exact algorithm is done with in a second, roughly; with many times more it is not tried."""
MOST_ROUNDS = 128
"""Rounds of the longest walks of threshold accepting, each of as many steps."""
QUICK = 5e7
"""With at most about this many tight boxes there is no need for a lower bound to start with."""


@dataclass(frozen=True)
class Bounds:
    """The star discrepancy is at least `lower`, which `box` attains, and at most `upper`."""

    lower: float
    upper: float
    box: Box | None
    """A box that attains `lower`; None where only the cover knows it."""
    seconds: float
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """What is not known: 0 where the value is exact."""
        return self.upper - self.lower

    @property
    def exact(self) -> bool:
        """Whether the two are the same within rounding."""
        return self.gap <= 1e-12

    def __str__(self) -> str:
        if self.exact:
            return f"star discrepancy {self.lower:.6g} (exact)"
        return f"star discrepancy between {self.lower:.6g} and {self.upper:.6g} (gap {self.gap:.2g})"


def bounds(
    points: Any, *, seed: int = 0, time_limit: float = 10.0, clock: Callable[[], float] = perf_counter
) -> Bounds:
    """Bracket the star discrepancy of `points` (n, d) in [0, 1] in about `time_limit` seconds of `clock`.

    Lower: threshold accepting. Upper: exact enumeration of the boxes above it, where that may end in time (then both
    are the exact value), else a bracketing cover refined until the time is over. Both hold whatever the time; Ctrl-C
    ends it early. Raises InputError as `star_discrepancy` does.
    """
    points = as_points(points)
    check_whole("bounds", "seed", seed, 0)
    if not time_limit > 0:
        raise InputError(f"time_limit must be above 0 seconds, got {time_limit!r}")
    case = _Case(points, seed)
    case.warm_up()
    began = clock()
    interrupted = False
    try:
        if case.n_boxes > QUICK:
            case.accept(began + 0.2 * time_limit, clock)
        if not case.enumerate(0.5 * time_limit, clock):
            case.refine(began + time_limit, clock)
    except KeyboardInterrupt:
        interrupted = True
    return Bounds(case.lower, max(case.lower, case.upper), case.box, clock() - began, interrupted)


class _Case:
    def __init__(self, points: Points, seed: int) -> None:
        from carps_lite.analysis.subset import accepting, cover, pool

        self.points, self.accepting, self.cover, self.grid = points, accepting, cover, pool.make_grid(points)
        self.rng = np.array([np.random.default_rng(seed).integers(1, 1 << 62)], np.uint64)
        self.lower, self.upper = 0.0, 1.0
        self.box: Box | None = None

    def warm_up(self) -> None:
        """Compile, or load from the disk, before the clock starts."""
        from carps_lite.analysis.subset import pool

        few = np.ascontiguousarray(self.points[:2])
        grid, rng = pool.make_grid(few), np.array([1], np.uint64)
        worst_within(few)
        self.accepting.accept(few, grid, True, 1, rng, np.zeros(few.shape[1] + 2))
        self.cover.refine(few, grid, self.cover.make_cover(grid, 8), 0.0, 1)

    @property
    def n_boxes(self) -> float:
        """How many tight boxes there are, roughly."""
        n, d = self.points.shape
        return float(n) if d == 1 else max(1.0, n / d) ** d

    def accept(self, deadline: float, clock: Callable[[], float]) -> None:
        """Raise the lower bound by walks over open and closed boxes in turn, longer ones as the time allows."""
        d = self.points.shape[1]
        row = np.zeros(d + 2)
        rounds = 4
        while True:
            began = clock()
            for closed in (False, True):
                value = self.accepting.accept(self.points, self.grid, closed, rounds, self.rng, row)
                if value > self.lower:
                    self.lower = float(value)
                    self.box = Box(self.lower, tuple(row[:d].tolist()), bool(row[d]), int(row[d + 1]))
            longer = min(2 * rounds, MOST_ROUNDS)
            if clock() + (clock() - began) * (longer / rounds) ** 2 > deadline:
                return
            rounds = longer

    def enumerate(self, seconds: float, clock: Callable[[], float]) -> bool:
        """Go through all boxes above the lower bound, if that can end in these seconds; whether it did."""
        if len(self.points) > MOST_POINTS or self.n_boxes > 5 * seconds * BOXES_PER_SECOND:
            return False
        box, complete = worst_within(self.points, seconds, self.lower, clock)
        if box.corner:
            self.lower, self.box = box.discrepancy, box
        if complete:
            self.upper = self.lower
        return complete

    def refine(self, deadline: float, clock: Callable[[], float]) -> None:
        """Lower the upper bound until the deadline."""
        cover, times = self.cover.make_cover(self.grid), 1
        while clock() < deadline and int(cover.size[0]) and float(cover.bound[0]) > self.lower:
            before, began = int(cover.size[0]), clock()
            lower = float(self.cover.refine(self.points, self.grid, cover, self.lower, times))
            if lower > self.lower:
                self.lower, self.box = lower, None
            self.upper = max(self.lower, float(cover.bound[0]) if int(cover.size[0]) else 0.0)
            if before + 2 > len(cover.bound):
                return
            times = min(2 * times, 1 << 16) if clock() - began < 0.02 else max(1, times // 2)
        self.upper = max(self.lower, float(cover.bound[0]) if int(cover.size[0]) else 0.0)
