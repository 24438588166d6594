"""Reference values for several objectives: hypervolume gaps that random search and the known front leave.

A gap is 1 − HV / prod(reference − ideal), see `hypervolume.gap`. Hypervolumes are exact with up to five objectives;
with more, where the exact computation takes minutes a set, they are approximated by integration over 2^18 directions
(López-Ibáñez 2026, Rphi-FWE+ in moocore; off by less than 0.2 % of the hypervolume on sets of 100 points on a sphere
in 6 to 10 dimensions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from carps_lite.errors import InputError
from carps_lite.hypervolume import OF_REFERENCES, gap, volume

Array = npt.NDArray[np.float64]
Point = tuple[float, ...]
FRONT_POINTS = {2: 20_000, 3: 100_000}  # asked of a front with so many objectives
MANY_POINTS = 10_000  # of one with more


@dataclass(frozen=True)
class Front:
    """The best known front: points, shape (N, M), and their hypervolume where the whole front has a closed form."""

    points: Array
    hypervolume: float | None = None

    @property
    def ideal(self) -> Point:
        """The least value of each objective."""
        return tuple(map(float, self.points.min(axis=0)))

    def gap(self, reference: Point) -> float:
        """What the front itself leaves: of a closed form exactly, of points that sample it a little more."""
        if self.hypervolume is None:
            return gap_of(self.points, reference, self.ideal)
        box = float(np.prod(np.subtract(reference, self.ideal)))
        return 1.0 - self.hypervolume / box


def known_front(task: Any) -> Front | None:
    """The task's `pareto_front`, and its `front_hypervolume` where it has one; None where no front is known."""
    find = getattr(task, "pareto_front", None)
    closed = getattr(task, "front_hypervolume", None)
    volume = None if closed is None else closed()
    # where the hypervolume is exact, points are asked for the ideal alone
    n = MANY_POINTS if volume is not None else FRONT_POINTS.get(len(task.problem.objectives), MANY_POINTS)
    found = None if find is None else find(n)
    return None if found is None else Front(np.asarray(found, dtype=float), volume)


def union(sets: Sequence[Array]) -> Front:
    """The front of all points that several searches found. Raises InputError where they found none."""
    points = np.concatenate(sets)
    if not len(points):
        raise InputError("random search found nothing feasible")
    return Front(nondominated(points))


def nondominated(points: Array) -> Array:
    """The points, shape (N, M), that no other one dominates, each once."""
    from moocore import filter_dominated

    return np.asarray(filter_dominated(points), dtype=float) if len(points) else points


def gap_of(points: Array, reference: Point, ideal: Point) -> float:
    """The gap that points leave. Raises InputError where the ideal is not below the reference in each objective."""
    if not all(low < high for low, high in zip(ideal, reference, strict=True)):
        raise InputError(f"the ideal point {ideal} must lie below the reference point {reference}: no hypervolume gap")
    return (
        gap(points, reference, ideal)
        if len(reference) <= OF_REFERENCES.exact_up_to
        else _approximate(points, reference, ideal)
    )


def _approximate(points: Array, reference: Point, ideal: Point) -> float:
    """Approximate the gap, in units of the box, since the directions are spread evenly in what they are given."""
    scaled = (points - np.asarray(ideal)) / np.subtract(reference, ideal)
    return 1.0 - volume(scaled, np.ones(len(reference)), OF_REFERENCES)
