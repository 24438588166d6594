"""The star discrepancy in plain NumPy, over every node of the grid of coordinates: slow, and plainly right.

The reference that the compiled kernels are tested against; it needs no numba.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from carps_lite.analysis.subset.discrepancy import as_points


def star_discrepancy_by_grid(points: Any) -> float:
    """Compute the exact star discrepancy of `points` (n, d) in [0, 1] in n (m + 1)^d steps for m distinct coordinates.

    The supremum is attained on the grid of the distinct coordinates and 1 (Niederreiter 1972), by an open or a closed
    box.
    """
    points = as_points(points)
    n, d = points.shape
    axes = [np.unique(np.append(points[:, j], 1.0)) for j in range(d)]
    below = points[:, -1] < axes[-1][:, None]  # (last axis, n)
    upto = points[:, -1] <= axes[-1][:, None]
    worst = 0.0
    for corner in product(*axes[:-1]):
        volumes = np.prod(corner) * axes[-1]
        n_open = (below & (points[:, :-1] < np.array(corner)).all(axis=1)).sum(axis=1)
        n_closed = (upto & (points[:, :-1] <= np.array(corner)).all(axis=1)).sum(axis=1)
        worst = max(worst, float((volumes - n_open / n).max()), float((n_closed / n - volumes).max()))
    return worst
