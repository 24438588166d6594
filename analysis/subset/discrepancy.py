"""The L-infinity star discrepancy of a point set in the unit cube, exactly, and the box that attains it.

D*(P) = sup over q in [0, 1]^d of max(vol[0, q) - #{p in P: p < q} / n, #{p in P: p <= q} / n - vol[0, q]), with
inequalities that hold in every coordinate. So points on the border, ties and duplicates need no care from the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from carps_lite.errors import InputError

Points: TypeAlias = npt.NDArray[np.float64]

SMALL = 10**6
"""Up to about this many tight boxes are looked at in one go; more by slabs, between which Ctrl-C and limits work."""
MOST_POINTS = 20_000
"""The bit sets of more points do not fit into a few GB of memory."""


@dataclass(frozen=True)
class Box:
    """An anchored box and how far the share of points in it is from its volume."""

    discrepancy: float
    corner: tuple[float, ...]
    closed: bool
    """A closed box holds more points than its volume, with those on its faces; an open one fewer, without them."""
    inside: int
    """How many of the points it holds."""


def as_points(points: Any) -> Points:
    """Return `points` as an (n, d) array of floats; InputError unless they are finite and in [0, 1]."""
    try:
        array = np.array(points, dtype=float, order="C")
    except (TypeError, ValueError):
        raise InputError("points must be an (n, d) array of numbers in [0, 1]") from None
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"points must be an (n, d) array with at least one row and column, got shape {array.shape}")
    undefined = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(undefined):
        raise InputError(f"points must be finite: {_rows(undefined)} NaN or infinite; leave them out or fill them in")
    outside = np.flatnonzero(((array < 0) | (array > 1)).any(axis=1))
    if len(outside):
        row = array[outside[0]]
        worst = row[np.argmax(np.abs(row - 0.5))]
        raise InputError(
            f"points must lie in [0, 1]: {_rows(outside)} outside, such as {worst:g}; normalise or clip them"
        )
    result: Points = np.abs(array)
    return result  # -0.0 becomes 0.0


def _rows(rows: npt.NDArray[np.intp]) -> str:
    shown = ", ".join(str(row) for row in rows[:5])
    if len(rows) == 1:
        return f"row {shown} is"
    return f"rows {shown} are" if len(rows) <= 5 else f"rows {shown}, ... ({len(rows)} in all) are"


def star_discrepancy(points: Any) -> float:
    """Compute the exact star discrepancy of `points` (n, d) in [0, 1].

    Branch and bound over at most about (n/d)^d boxes: under a second for 1,000 points in d = 3, 200 in d = 5 or 100 in
    d = 6, some seconds for 200 in d = 6 or 100 in d = 8 if they are spread evenly, less if they gather; `bounds`
    brackets the value within a given time where this is out of reach. Raises InputError for other values,
    MissingDependency without numba.
    """
    return attaining_box(points).discrepancy


def attaining_box(points: Any) -> Box:
    """Find the box that attains the star discrepancy of `points` (n, d) in [0, 1]; see `star_discrepancy`."""
    box, _ = worst_within(as_points(points))
    return box


def worst_within(
    points: Points, time_limit: float | None = None, known: float = -1.0, clock: Callable[[], float] = perf_counter
) -> tuple[Box, bool]:
    """The worst box found in `time_limit` seconds, and whether it was all that there is to look at.

    `known` is a value that is known to be attained: only boxes above it are looked for, and a Box of value `known`
    without a corner stands for none.
    """
    from carps_lite.analysis.subset.faces import make_faces, touch

    n, d = points.shape
    if n > MOST_POINTS:
        raise InputError(
            f"the exact star discrepancy takes at most {MOST_POINTS:,} points, got {n:,}; use bounds(points)"
        )
    if d == 1 or n == 1:
        time_limit = None
    # the last dimension is walked through without bit sets, so it had better be the one with the most distinct values
    order = np.argsort([len(np.unique(column)) for column in points.T], kind="stable")
    faces, row = make_faces(n, d), np.zeros((1, d + 2))
    touch(np.ascontiguousarray(points[:, order]), faces)
    best, complete = _by_slabs(faces, row, n, known, time_limit, clock)
    if best <= known:
        return Box(known, (), False, 0), complete
    corner = np.empty(d)
    corner[order] = row[0, :d]
    return Box(float(best), tuple(corner.tolist()), bool(row[0, d]), int(row[0, d + 1])), complete


def _by_slabs(
    faces: Any, row: Any, n: int, best: float, time_limit: float | None, clock: Callable[[], float]
) -> tuple[float, bool]:
    """Let the first face go from the outside inwards, in one go where that is quick."""
    from carps_lite.analysis.subset.boxes import find

    d, top = len(faces.count), int(faces.count[0])
    step = top + 1 if d == 1 or (n / d) ** d <= SMALL else 1
    deadline = None if time_limit is None else clock() + time_limit
    for high in range(top, -1, -step):
        low = max(0, high - step + 1)
        best, _ = find(faces, True, 1.0 / n, best, high, low, False, row)
        if d == 1 or low < top:  # the rank `top` is the added 1: closed boxes end at a point
            best, _ = find(faces, False, 1.0 / n, best, min(high, top - 1), low, False, row)
        if deadline is not None and clock() > deadline and low > 0:
            return float(best), False
    return float(best), True
