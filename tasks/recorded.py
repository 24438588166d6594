"""Recorded configurations in a continuous space: a configuration that was not recorded takes the nearest one."""

from __future__ import annotations

import numpy as np

from carps_lite.errors import InputError
from carps_lite.space import Config, Space

CENTRE = 0.5  # of the unit cube; coordinates counted from there are small, and so are rounding errors


class Pool:
    """Recorded configurations as points of the unit cube, shape (n, d); distances are Euclidean in that cube."""

    def __init__(self, points: np.ndarray) -> None:
        self._points = np.ascontiguousarray(points, dtype=float) - CENTRE
        self._norms = (self._points**2).sum(axis=1).astype(np.float32)
        self._doubled = (-2 * self._points).astype(np.float32)
        d = self._points.shape[1]
        # twice what a sum of d + 2 terms of size d * 3/4 in all can be off by in single precision
        self._rounding = 2 * (d + 2) * 0.75 * d * 2.0**-24

    def nearest(self, u: np.ndarray) -> tuple[int, float]:
        """Return the row nearest to `u`, shape (d,), and its distance; of several nearest ones the first.

        A product in single precision finds the candidates and double precision decides between them, which gives the
        same row on any machine at half the time and memory.
        """
        u = u - CENTRE
        scores = self._doubled @ u.astype(np.float32)
        scores += self._norms
        rows = np.flatnonzero(scores <= scores.min() + self._rounding)
        squared = ((self._points[rows] - u) ** 2).sum(axis=1)
        best = int(squared.argmin())
        return int(rows[best]), float(squared[best]) ** 0.5


def encode_all(space: Space, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Map recorded configurations, given by parameter, to the unit cube, shape (n, d)."""
    rows = zip(*(columns[name].tolist() for name in space), strict=True)
    return np.array([space.encode(dict(zip(space, row, strict=True))) for row in rows])


def point(space: Space, config: Config, owner: str) -> np.ndarray:
    """Map a configuration to the unit cube. Raises InputError, naming the parameter, where it is not legal."""
    wrong = space.violation(config)
    if wrong:
        raise InputError(f"{owner}: {wrong}")
    return space.encode(config)
