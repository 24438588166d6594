"""Hypervolume after each trial of a run: a step function that is computed again only where a trial adds to the front.

The hypervolume of a set (Zitzler and Thiele 1998, PPSN V) is the volume that it dominates below a reference point. With
two objectives the strip that a new point adds is summed along the staircase of the front. With three to six its
exclusive volume is that of its own box, less what the front already dominates of it, which is the hypervolume of the
front's points raised to the new one (While, Bradstreet and Barone 2012, IEEE TEVC 16, section III). The exact volume
takes minutes with more objectives (12 s for 100 points of 9); it is then approximated along fixed directions by
moocore's deterministic method, within about 1 %. Everything is minimised. Axes: N trials, M objectives.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.stats import Array
from carps_lite.hypervolume import ALONG_A_RUN, hypervolume, nondominated_places, volume


def volumes(seen_NM: Array, counts_N: npt.NDArray[np.bool_], reference: Array, worth_NM: Array | None = None) -> Array:
    """Return the hypervolume after each trial, nan before the first that counts. Shape (N,).

    `counts_N`: whether a trial may enter the front. `worth_NM`: what the trials are worth without noise; the front is
    then chosen by what was seen and measured by this, so that its volume may fall.
    """
    reference = np.asarray(reference, dtype=float)
    if worth_NM is not None:
        found = _chosen(seen_NM, counts_N, reference, worth_NM)
    elif len(reference) == 2:
        found = _staircase(seen_NM, counts_N, reference)
    elif len(reference) <= ALONG_A_RUN.exact_up_to:
        found = _exclusive(seen_NM, counts_N, reference)
    else:
        found = _chosen(seen_NM, counts_N, reference, seen_NM)
    return np.where(np.logical_or.accumulate(counts_N), found, np.nan)


def front(seen_NM: Array, counts_N: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the places of the non-dominated trials among those that count; of equal ones the first."""
    at = np.flatnonzero(counts_N)
    return np.asarray(at[nondominated_places(seen_NM[at])], dtype=np.int64)


def _staircase(seen_NM: Array, counts_N: npt.NDArray[np.bool_], reference: Array) -> Array:
    """Two objectives: the front as a staircase of ascending x and descending y."""
    right, top = map(float, reference)
    xs: list[float] = []
    ys: list[float] = []
    volume, found = 0.0, np.zeros(len(seen_NM))
    inside = counts_N & (seen_NM < reference).all(axis=1)
    for n in np.flatnonzero(inside):
        volume += _step(xs, ys, float(seen_NM[n, 0]), float(seen_NM[n, 1]), right, top)
        found[n] = volume
    return np.maximum.accumulate(found)


def _step(xs: list[float], ys: list[float], x: float, y: float, right: float, top: float) -> float:
    """Enter a point into the staircase; returns the area that it adds, 0 where it is dominated."""
    i = bisect_left(xs, x)
    ceiling = ys[i - 1] if i else top
    if ceiling <= y or (i < len(xs) and xs[i] == x and ys[i] <= y):
        return 0.0
    j, left, area = i, x, 0.0
    while j < len(xs) and ys[j] >= y:  # these points are dominated now
        area += (xs[j] - left) * (ceiling - y)
        left, ceiling = xs[j], ys[j]
        j += 1
    area += ((xs[j] if j < len(xs) else right) - left) * (ceiling - y)
    xs[i:j], ys[i:j] = [x], [y]
    return area


def _exclusive(seen_NM: Array, counts_N: npt.NDArray[np.bool_], reference: Array) -> Array:
    """Three and more objectives: add the exclusive volume of each point that is not dominated when it comes."""
    found = np.zeros(len(seen_NM))
    volume, kept = 0.0, np.empty((0, len(reference)))
    for n in np.flatnonzero(counts_N & (seen_NM < reference).all(axis=1)):
        point = seen_NM[n]
        if (kept <= point).all(axis=1).any():
            continue
        volume += float(np.prod(reference - point)) - hypervolume(np.maximum(kept, point), reference)
        kept = np.vstack([kept[~(point <= kept).all(axis=1)], point])
        found[n] = volume
    return np.maximum.accumulate(found)


def _chosen(seen_NM: Array, counts_N: npt.NDArray[np.bool_], reference: Array, worth_NM: Array) -> Array:
    """The volume, without noise, of the trials that were not dominated in what was seen."""
    found = np.zeros(len(seen_NM))
    kept: list[int] = []
    current = 0.0
    for n in range(len(seen_NM)):
        if counts_N[n]:
            point, others = seen_NM[n], seen_NM[kept]
            if not (others <= point).all(axis=1).any():
                kept = [k for k, worse in zip(kept, (point <= others).all(axis=1), strict=True) if not worse] + [n]
                current = volume(worth_NM[kept], reference, ALONG_A_RUN)
        found[n] = current
    return found
