"""Proving that no subset has a smaller discrepancy: the box constraints of `pool`, solved as a whole by CP-SAT.

A relaxation with few boxes is solved; the boxes that its solution violates join it, lifted; and so on until it has no
solution (proof) or a solution violates nothing (a better subset, and a smaller threshold). Equal points are one
whole-number variable. Needs ortools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from carps_lite.analysis.subset.discrepancy import Points
from carps_lite.errors import MissingDependency

LIFTS = 3
"""Ways to lift a violated box, each in another random order of dimensions."""


@dataclass(frozen=True)
class Proof:
    """The best subset and the bound after a proof was tried."""

    indices: tuple[int, ...]
    discrepancy: float
    lower_bound: float
    proven: bool


def solver() -> Any:
    """The CP-SAT module of ortools; raises MissingDependency where it is not installed."""
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise MissingDependency("a proof of the optimum needs ortools: pip install 'carps-lite[subset]'") from error
    return cp_model


def prove_optimum(
    points: Points,
    indices: Sequence[int],
    discrepancy: float,
    lower_bound: float,
    keep: Sequence[int],
    boxes: Points,
    seconds: float | None,
    seed: int,
    n_processes: int,
) -> Proof:
    """Show that no subset is better than `indices` of that `discrepancy`, or find one, within `seconds` of wall time.

    `boxes` (m, d + 1): corners, then 1 for closed boxes or 0 for open ones, to start with. Where the time is over
    before a proof, thresholds in between raise the lower bound.
    """
    from carps_lite.analysis.subset.pool import GAP

    began = perf_counter()
    limit = np.inf if seconds is None else seconds

    def left() -> float:
        return began + limit - perf_counter()

    case = _Relaxation(points, len(indices), keep, boxes, seed, n_processes)
    best, value = tuple(indices), discrepancy
    ceiling, share = value, 0.7  # a ceiling below the value: up there the time did not do, so bisect below it
    while left() > 0 and (ceiling == value or ceiling - lower_bound > 1e-3):
        at_top = ceiling == value
        threshold = value - GAP if at_top else (lower_bound + ceiling) / 2
        found = case.below(threshold, share * left() if left() > 0.2 else left())
        if found is None and at_top:
            return Proof(best, value, value, True)
        if found is None:
            lower_bound = max(lower_bound, threshold)
        elif len(found):
            best, value = found, case.discrepancy(found)
            ceiling = value
        else:
            ceiling, share = threshold, 0.3
    return Proof(best, value, min(lower_bound, value), False)


class _Relaxation:
    """The boxes met so far, over the different points and how often each is there."""

    def __init__(self, points: Points, k: int, keep: Sequence[int], boxes: Points, seed: int, n_processes: int) -> None:
        from carps_lite.analysis.subset import boxes as kernels
        from carps_lite.analysis.subset import pool
        from carps_lite.analysis.subset.faces import make_faces

        self.pool, self.kernels, self.k = pool, kernels, k
        self.points = points
        self.different, self.which, self.number = np.unique(points, axis=0, return_inverse=True, return_counts=True)
        self.kept = np.bincount(self.which[list(keep)], minlength=len(self.different))
        self.keep = list(keep)
        self.grid, self.rng = pool.make_grid(points), np.array([2 * seed + 1], np.uint64)
        self.faces, self.rows = make_faces(k, points.shape[1]), np.zeros((4 * k + 8, points.shape[1] + 2))
        self.constraints: dict[bytes, tuple[bool, float, Any]] = {}
        self.workers, self.seed, self.fresh = n_processes, seed, boxes

    def below(self, threshold: float, seconds: float) -> tuple[int, ...] | None:
        """A subset of at most this discrepancy; None where there is none, nothing in it where the time did not do."""
        cp_model, began = solver(), perf_counter()
        for row in self.fresh:
            self._lift(row, threshold)
        self.fresh = self.fresh[:0]
        while True:
            left = seconds - (perf_counter() - began)
            if left <= 0:
                return ()
            counts = self._solve(cp_model, threshold, left)
            if counts is None or not len(counts):
                return None if counts is None else ()
            found = self._rows(counts)
            n_boxes = self.kernels.worst_boxes(self.points[list(found)], self.faces, threshold + 1e-11, self.rows)
            if n_boxes == 0:
                return found
            for row in self.rows[:n_boxes].copy():
                self._lift(row, threshold)

    def discrepancy(self, rows: Sequence[int]) -> float:
        """The exact star discrepancy of these rows."""
        return float(self.kernels.worst_box(self.points[list(rows)], self.faces, self.rows))

    def _lift(self, row: Any, threshold: float) -> None:
        d = self.points.shape[1]
        rank, blocked, held = np.empty(d, np.int64), np.empty(d, np.int64), np.zeros(len(self.different), np.uint8)
        for _ in range(LIFTS):
            lifted = np.append(row[: d + 1], 0.0)
            volume = self.pool.lift(lifted, self.k, threshold, self.grid, rank, blocked, self.rng)
            self.pool.hold(self.different, lifted, held)
            self.constraints[lifted.tobytes()] = (bool(lifted[d]), volume, np.flatnonzero(held))

    def _solve(self, cp_model: Any, threshold: float, seconds: float) -> Any:
        """How often each point is taken; None where the relaxation has no solution, empty where the time did not do."""
        model = cp_model.CpModel()
        taken = [
            model.NewIntVar(int(low), int(min(high, self.k)), "")
            for low, high in zip(self.kept, self.number, strict=True)
        ]
        model.Add(sum(taken) == self.k)
        for (closed, held), most in self._limits(threshold).items():
            inside = cp_model.LinearExpr.Sum([taken[p] for p in np.frombuffer(held, np.int64)])
            model.Add(inside <= most) if closed else model.Add(inside >= most)
        run = cp_model.CpSolver()
        run.parameters.num_workers, run.parameters.random_seed = self.workers, self.seed % (1 << 31)
        run.parameters.max_time_in_seconds = min(seconds, 1e6)
        status = run.Solve(model)
        if status == cp_model.INFEASIBLE:
            return None
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return np.array([], np.int64)
        return np.array([run.Value(one) for one in taken])

    def _limits(self, threshold: float) -> dict[tuple[bool, bytes], int]:
        """The strictest limit of each set of points."""
        limits: dict[tuple[bool, bytes], int] = {}
        for closed, volume, held in self.constraints.values():
            key, most = (
                (closed, held.astype(np.int64).tobytes()),
                self.pool.limit(int(closed), volume, self.k, threshold),
            )
            if (closed and most >= self.k) or (not closed and most <= 0):
                continue
            before = limits.get(key)
            limits[key] = most if before is None else min(before, most) if closed else max(before, most)
        return limits

    def _rows(self, counts: Any) -> tuple[int, ...]:
        """Rows that stand for these counts: those to keep, then the first ones of each point."""
        rows = list(self.keep)
        for p in np.flatnonzero(counts > self.kept):
            more = [int(row) for row in np.flatnonzero(self.which == p) if row not in self.keep]
            rows += more[: counts[p] - self.kept[p]]
        return tuple(sorted(rows))
