"""Several objectives: which points no other dominates, and what part of the box between ideal and reference they leave.

Computed with moocore (López-Ibáñez). Hypervolume: Zitzler and Thiele 1998, PPSN V. Everything is minimised.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def gap(points: npt.ArrayLike, reference: npt.ArrayLike, ideal: npt.ArrayLike) -> float:
    """Return 1 − HV(points) / prod(reference − ideal): 1 where no point dominates the reference, 0 at the ideal.

    `points`: (N, M), N ≥ 0; those that are not below the reference in every objective, nan included, add nothing. A
    point beyond an ideal that was only sampled counts in full, so that the gap may fall below 0.
    """
    reference, ideal = np.asarray(reference, dtype=float), np.asarray(ideal, dtype=float)
    box = float(np.prod(reference - ideal))
    if not (np.isfinite(box) and box > 0 and np.all(reference > ideal)):
        raise ValueError(f"the ideal point {ideal} must lie below the reference point {reference}")
    return 1.0 - hypervolume(points, reference) / box


def hypervolume(points: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Return the hypervolume of `points` (N, M) up to `reference` (M,); 0 where none lies below it."""
    from moocore import hypervolume as exact

    reference = np.asarray(reference, dtype=float)
    points = np.asarray(points, dtype=float).reshape(-1, len(reference))
    inside = points[(points < reference).all(axis=1)]
    return float(exact(inside, ref=reference)) if len(inside) else 0.0


class Rule(NamedTuple):
    """Up to how many objectives a hypervolume is exact, and along how many directions it is approximated with more."""

    exact_up_to: int
    directions: int


# Two rules, since the kept references of a task with six objectives were made by the second, and a run's curve, which
# asks for one volume a trial, cannot afford 2^18 directions.
ALONG_A_RUN = Rule(6, 4096)  # within about 1 %
OF_REFERENCES = Rule(5, 2**18)  # within 0.2 % where points are scaled to the box between ideal and reference


def volume(points: npt.ArrayLike, reference: npt.ArrayLike, rule: Rule) -> float:
    """Return the hypervolume, exact or approximated as the rule says.

    With many objectives the exact one takes minutes; moocore's deterministic Rphi-FWE+ (López-Ibáñez 2026) integrates
    along directions that are spread evenly in what it is given, so that points should be scaled alike.
    """
    reference = np.asarray(reference, dtype=float)
    points = np.asarray(points, dtype=float).reshape(-1, len(reference))
    if len(reference) <= rule.exact_up_to:
        return hypervolume(points, reference)
    from moocore import hv_approx

    inside = points[(points < reference).all(axis=1)]
    found: Any = hv_approx(inside, ref=reference, nsamples=rule.directions) if len(inside) else 0.0
    return float(found)


def nondominated(points: Array) -> Array:
    """Return the points, shape (N, M), that no other dominates, each once, in lexicographic order."""
    from moocore import filter_dominated

    return np.asarray(np.unique(filter_dominated(points), axis=0), dtype=float) if len(points) else points


def nondominated_places(points: Array) -> npt.NDArray[np.int64]:
    """Return the places of the points, shape (N, M), that no other dominates; of equal ones the first."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    from moocore import is_nondominated

    different, first = np.unique(points, axis=0, return_index=True)
    return np.asarray(np.sort(first[is_nondominated(different)]), dtype=np.int64)
