"""Bounds below the discrepancy of every subset of k points, without a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carps_lite.analysis.subset.discrepancy import MOST_POINTS, Points

MOST_BOXES = 5e7
"""Look at the boxes of all points up to about this many, which is a second."""


def lower_bound(points: Points, k: int, keep: Sequence[int] = ()) -> float:
    """A value that the star discrepancy of no `k` of `points` (n, d), those to `keep` among them, can be below.

    The largest of: 1 / (2 k), which a projection to one coordinate has at the least (Niederreiter 1992, theorem 2.6);
    the volume of an open box less the share 1 / k for each of all points in it; the share of the points to keep in a
    closed box less its volume.
    """
    from carps_lite.analysis.subset.boxes import find
    from carps_lite.analysis.subset.faces import make_faces, touch

    (n, d), bound = points.shape, 0.5 / k
    row = np.zeros((1, d + 2))
    if n <= MOST_POINTS and (d == 1 or (n / d) ** d <= MOST_BOXES):
        faces = make_faces(n, d)
        touch(points, faces)
        bound, _ = find(faces, True, 1.0 / k, bound, -1, 0, False, row)
    if len(keep):
        faces = make_faces(len(keep), d)
        touch(points[list(keep)], faces)
        bound, _ = find(faces, False, 1.0 / k, bound, -1, 0, False, row)
    return float(bound)
