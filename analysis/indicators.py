"""Several objectives beside the hypervolume (`carps_lite.hypervolume`): IGD+, additive epsilon, attainment surfaces.

Computed with moocore (López-Ibáñez). All objectives are minimised; points that are not finite are no results. IGD+ and
epsilon measure distances and need the objectives on one scale: give `scaled` points.

Axes: N points, M objectives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.stats import Array
from carps_lite.hypervolume import nondominated


def scaled(points_NM: npt.ArrayLike, ideal_M: npt.ArrayLike, reference_M: npt.ArrayLike) -> Array:
    """Map the task's fixed ideal point to 0 and its reference point to 1 in each objective: (N, M)."""
    ideal, reference = np.asarray(ideal_M, dtype=float), np.asarray(reference_M, dtype=float)
    if not (reference > ideal).all():
        raise ValueError(f"the ideal point {ideal} must lie below the reference point {reference}")
    return np.asarray((_valid(points_NM, len(ideal)) - ideal) / (reference - ideal))


def front(points_NM: npt.ArrayLike) -> Array:
    """Return the points that no other dominates, each once, in lexicographic order: (N', M)."""
    points = np.asarray(points_NM, dtype=float)
    return nondominated(_valid(points, points.shape[-1]))


def igd_plus(points_NM: npt.ArrayLike, reference_front: npt.ArrayLike) -> float:
    """Return the mean distance from the reference front to what the points fail to dominate; infinite without points.

    Ishibuchi, Masuda, Tanigaki and Nojima 2015 (EMO). 0 where every point of the front is reached; weakly Pareto
    compliant, which IGD is not. The front is the task's own; one pooled from the runs moves with who takes part.
    """
    from moocore import igd_plus as exact

    points, reference = _against(points_NM, reference_front)
    return float(exact(points, ref=reference)) if len(points) else math.inf


def epsilon_additive(points_NM: npt.ArrayLike, reference_front: npt.ArrayLike) -> float:
    """Return the least amount to take from all points so that they weakly dominate the front; infinite without points.

    Zitzler, Thiele, Laumanns, Fonseca and Grunert da Fonseca 2003 (IEEE TEVC 7).
    """
    from moocore import epsilon_additive as exact

    points, reference = _against(points_NM, reference_front)
    return float(exact(points, ref=reference)) if len(points) else math.inf


def attainment_surfaces(runs: Sequence[npt.ArrayLike], shares: Sequence[float] = (0.25, 0.5, 0.75)) -> list[Array]:
    """Return for each share the front that at least so many of the runs attained: (K, 2) each, first objective rising.

    `runs`: the points of each run, (N, 2); one without points attained nothing and counts among the runs. A surface is
    empty where too few runs have points. Between its corners it is a staircase, never a line. Grunert da Fonseca,
    Fonseca and Hall 2001 (EMO); `shares=(1/n, 0.5, 1)` gives best, median and worst.
    """
    from moocore import eaf

    if any(not 0 < share <= 1 for share in shares):
        raise ValueError(f"a share of the runs lies above 0 and at most at 1, got {list(shares)}")
    sets = [valid for valid in (_valid(points, 2) for points in runs) if len(valid)]
    wanted = [max(1, math.ceil(share * len(runs) - 1e-9)) for share in shares]
    if not sets:
        return [np.empty((0, 2)) for _ in wanted]
    labels = np.repeat(np.arange(len(sets)), [len(own) for own in sets])
    surfaces = eaf(np.concatenate(sets), labels)  # one level for each number of runs, in the last column in per cent
    level = np.rint(surfaces[:, -1] * len(sets) / 100).astype(int)
    return [np.asarray(np.unique(surfaces[level == k, :2], axis=0)) for k in wanted]


def _against(points_NM: npt.ArrayLike, reference_front: npt.ArrayLike) -> tuple[Array, Array]:
    reference = np.asarray(reference_front, dtype=float)
    if reference.ndim != 2 or not len(reference) or not np.isfinite(reference).all():
        raise ValueError("the reference front needs at least one point, all of them finite")
    return _valid(points_NM, reference.shape[1]), reference


def _valid(points_NM: npt.ArrayLike, n_objectives: int) -> Array:
    points = np.asarray(points_NM, dtype=float).reshape(-1, n_objectives)
    return np.asarray(points[np.isfinite(points).all(axis=1)])
