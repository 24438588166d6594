"""Non-dominated sorting, and two orders that spread a selection over a front: epsilon-net and crowding distance.

Written here, in NumPy, because tasks of every type shall run without an extra: moocore ranks points too and is faster,
but it knows no constraints and no order within a front. tests/test_mo_asha.py compares the fronts with brute force and
with moocore's `pareto_rank`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Order = Callable[[np.ndarray], Indices]  # points of a front, shape (n, m) -> a permutation, what to keep first first


class Dominance:
    """Who dominates whom among points that come one by one; each has `m` values, which are minimised.

    One point dominates another where its violation is smaller, or where it is equal and no value is larger and one is
    smaller: the constrained domination of Deb, Pratap, Agarwal & Meyarivan (2002), doi:10.1109/4235.996017, section
    VI, definition 1. The n-th point takes O(n m) operations, and n of them take n^2 to 4 n^2 bytes.
    """

    def __init__(self, m: int) -> None:
        self._n = 0
        self._values, self._violation = np.empty((8, m)), np.empty(8)
        self._dominates = np.zeros((8, 8), dtype=bool)  # [i, j]: i dominates j
        self._n_dominators = np.zeros(8, dtype=np.int64)

    def add(self, values: Sequence[float], violation: float = 0.0) -> None:
        """Enter a point; `violation` is 0 for a feasible one."""
        n = self._n
        if n == len(self._violation):
            self._grow()
        others, others_violation = self._values[:n], self._violation[:n]
        no_worse, no_better = (others <= values).all(axis=1), (others >= values).all(axis=1)
        equal = others_violation == violation
        dominators = (others_violation < violation) | (equal & no_worse & ~no_better)
        dominated = (others_violation > violation) | (equal & no_better & ~no_worse)
        self._dominates[:n, n], self._dominates[n, :n] = dominators, dominated
        self._n_dominators[:n] += dominated
        self._n_dominators[n] = dominators.sum()
        self._values[n], self._violation[n] = values, violation
        self._n += 1

    def fronts(self) -> Iterator[Indices]:
        """Yield the fronts as ascending indices: the non-dominated points, then those among the rest, ..."""
        n_left, n_dominators = self._n, self._n_dominators[: self._n].copy()
        while n_left:
            front = np.flatnonzero(n_dominators == 0)
            yield front
            n_left -= len(front)
            n_dominators -= self._dominates[front, : self._n].sum(axis=0)
            n_dominators[front] = -1  # nobody that is left dominates them: it stays

    def _grow(self) -> None:
        n = self._n
        self._values = np.pad(self._values, ((0, n), (0, 0)))
        self._violation, self._n_dominators = np.pad(self._violation, (0, n)), np.pad(self._n_dominators, (0, n))
        self._dominates = np.pad(self._dominates, (0, n))


def epsilon_net(points: np.ndarray) -> Indices:
    """Order points, shape (n, m), so that the first k are spread out, for every k (farthest-first traversal).

    The point with the least first objective begins; then follows, again and again, the one whose nearest predecessor
    is farthest away (Clarkson 2006, Nearest-neighbor searching and metric space dimensions, on epsilon-nets). Each
    objective is scaled to [0, 1] over the points. Ties go to the lower index.
    """
    scaled = _scaled(points)
    order = [int(np.argmin(scaled[:, 0]))]
    nearest = np.full(len(points), np.inf)
    for _ in range(len(points) - 1):
        nearest = np.minimum(nearest, ((scaled - scaled[order[-1]]) ** 2).sum(axis=1))
        nearest[order[-1]] = -1.0  # chosen: below every distance
        order.append(int(np.argmax(nearest)))
    return np.array(order)


def crowding(points: np.ndarray) -> Indices:
    """Order points, shape (n, m), by falling crowding distance; ties go to the lower index.

    The distance is the sum over the objectives of the gap between both neighbours, infinite for the ends (Deb et al.
    2002, section III-B), each objective scaled to [0, 1]; one in which all points are equal counts for nothing.
    """
    distance = np.zeros(len(points))
    for column in _scaled(points).T:
        by_value = np.argsort(column, kind="stable")
        ranked = column[by_value]
        if ranked[0] < ranked[-1]:
            distance[by_value[1:-1]] += ranked[2:] - ranked[:-2]
            distance[by_value[[0, -1]]] = np.inf
    return np.argsort(-distance, kind="stable")


def _scaled(points: np.ndarray) -> np.ndarray:
    half = points * 0.5  # the difference of two large numbers could overflow
    low, high = half.min(axis=0), half.max(axis=0)
    width = high - low
    scaled: np.ndarray = (half - low) / np.where(width > 0, width, 1.0)
    return scaled


ORDERS: dict[str, Order] = {"epsilon_net": epsilon_net, "crowding": crowding}
