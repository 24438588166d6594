"""Pareto fronts of ZDT, DTLZ and WFG by the equations of their papers, independent of the code that evaluates them.

Zitzler, Deb, Thiele (2000), doi:10.1162/106365600568202; Deb, Thiele, Laumanns, Zitzler (2005),
doi:10.1007/1-84628-137-7_6; Huband, Hingston, Barone, While (2006), doi:10.1109/TEVC.2005.861417.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from carps_lite.hypervolume import nondominated

KNEE = 0.2807753191  # ZDT6: the least f1, at x1 = 0.0814514...


def zdt(number: int, n: int) -> np.ndarray:
    """About n points of the front of ZDT 1 to 4 or 6, shape (m, 2); of ZDT5 all points, for 11 substrings."""
    if number == 5:  # f1 and f2 are scaled to [0, 1] as pymoo does
        f1 = np.arange(1.0, 32.0)
        return np.column_stack([(f1 - 1) / 30, (1 / f1 - 1 / 31) / (1 - 1 / 31)])
    f1 = np.linspace(KNEE if number == 6 else 0.0, 1.0, n if number != 3 else 4 * n)
    f2 = 1 - (f1**2 if number in (2, 6) else np.sqrt(f1))
    if number == 3:
        f2 = f2 - f1 * np.sin(10 * np.pi * f1)
    front = np.column_stack([f1, f2])
    return nondominated(front) if number == 3 else front


def dtlz(number: int, objectives: int, n: int) -> np.ndarray | None:
    """About n points of the front of a DTLZ problem, shape (m, objectives).

    None for DTLZ5 and 6 with more than three objectives, whose fronts are no curve and have no known equation.
    """
    if number == 1:
        return 0.5 * simplex(objectives, n)
    if number in (2, 3, 4):
        return sphere(objectives, n)
    if number == 7:
        return _dtlz7(objectives, n)
    if objectives == 2:
        return sphere(2, n)
    if objectives > 3:
        return None
    angle = np.linspace(0, np.pi / 2, n)
    return np.column_stack([np.cos(angle) / np.sqrt(2), np.cos(angle) / np.sqrt(2), np.sin(angle)])


def _dtlz7(objectives: int, n: int) -> np.ndarray:
    f = grid(objectives - 1, 4 * n)
    last = 2 * objectives - (f * (1 + np.sin(3 * np.pi * f))).sum(axis=1)
    return nondominated(np.column_stack([f, last]))


def wfg(number: int, objectives: int, n: int) -> np.ndarray | None:
    """About n points of the front of a WFG problem, shape (m, objectives); objective m is scaled by 2 m.

    None for WFG3 with more than two objectives, which has a part off its line and no known equation (Ishibuchi,
    Masuda, Nojima 2016, doi:10.1109/TEVC.2015.2505784).
    """
    if number >= 4:
        return _scaled(sphere(objectives, n))
    if number == 3:
        return _scaled(simplex(2, n)) if objectives == 2 else None
    x = grid(objectives - 1, 4 * n)
    last = _mixed(x[:, 0]) if number == 1 else 1 - x[:, 0] * np.cos(5 * np.pi * x[:, 0]) ** 2
    return nondominated(_scaled(np.column_stack([_convex(x), last])))


def dtlz_hypervolume(number: int, reference: Sequence[float]) -> float | None:
    """The hypervolume of the whole front in closed form; None where the front is neither simplex nor sphere."""
    m = len(reference)
    if number == 1:
        return math.prod(reference) - 0.5**m / math.factorial(m)
    return math.prod(reference) - _ball(m) if number in (2, 3, 4) or (m == 2 and number in (5, 6)) else None


def wfg_hypervolume(number: int, reference: Sequence[float]) -> float | None:
    """The same of a WFG problem, whose objective m is scaled by 2 m."""
    m = len(reference)
    below = _ball(m) if number >= 4 else 0.5 if number == 3 and m == 2 else None
    return None if below is None else math.prod(reference) - below * math.prod(2.0 * i for i in range(1, m + 1))


def _ball(m: int) -> float:
    """The volume of the unit ball's part in which all of m coordinates are positive: what lies below a sphere."""
    return float(math.pi ** (m / 2) / math.gamma(m / 2 + 1) / 2**m)


def _scaled(shape: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = shape * (2.0 * np.arange(1, shape.shape[1] + 1))
    return scaled


def _mixed(x: np.ndarray) -> np.ndarray:
    """The mixed shape with five segments and alpha = 1."""
    return 1 - x - np.cos(10 * np.pi * x + np.pi / 2) / (10 * np.pi)


def _convex(x: np.ndarray) -> np.ndarray:
    """The convex shapes of all objectives but the last, shape (n, d), at x, shape (n, d)."""
    down, up = 1 - np.cos(x * np.pi / 2), 1 - np.sin(x * np.pi / 2)
    d = x.shape[1]
    columns = [down.prod(axis=1)]
    columns += [down[:, : d - m].prod(axis=1) * up[:, d - m] for m in range(1, d)]
    return np.column_stack(columns)


def grid(d: int, n: int) -> np.ndarray:
    """About n points that fill the unit cube evenly, its corners included, shape (m, d)."""
    axis = np.linspace(0, 1, max(2, round(n ** (1 / d))))
    return np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)


def simplex(d: int, n: int) -> np.ndarray:
    """At least n points with coordinates >= 0 that sum to 1, shape (m, d): the finest lattice that it takes."""
    if d == 2:
        f = np.linspace(0, 1, n)
        return np.column_stack([f, 1 - f])
    steps, points = 1, np.eye(d)
    while len(points) < n:
        steps += 1
        points = np.array(_compositions(d, steps)) / steps
    return points


def _compositions(d: int, total: int) -> list[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of d whole numbers from 0."""
    if d == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(d - 1, total - first)]


def sphere(d: int, n: int) -> np.ndarray:
    """At least n points of the unit sphere with coordinates >= 0, shape (m, d)."""
    points = simplex(d, n)
    directions: np.ndarray = points / np.linalg.norm(points, axis=1, keepdims=True)
    return directions
