"""What halving methods share: the fidelities of their rungs, the order of results, and a rung with one objective."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from typing import Protocol

from carps_lite.core import Fidelity, Problem, Result
from carps_lite.errors import InputError

Standing = tuple[bool, float, float, int]


def checked_eta(eta: float) -> float:
    """The reduction factor as given. Raises InputError where it is no number from 2 (Li et al. 2018, Algorithm 1)."""
    if isinstance(eta, bool) or not isinstance(eta, int | float) or not 2 <= eta < math.inf:
        raise InputError(f"eta must be a number from 2, got {eta!r}")
    return eta


def axis_of(problem: Problem) -> Fidelity:
    """The fidelity of a problem. Raises InputError where it has none."""
    if problem.fidelity is None:
        raise InputError(f"halving needs a task with a fidelity, and this one has none (its type is {problem.kind})")
    return problem.fidelity


def levels_of(axis: Fidelity, eta: float) -> list[float | None]:
    """The fidelities of all rungs, the lowest first and the full one, None, last.

    They are high / eta^k for k = K, ..., 0 with the largest K for which high / eta^K >= low, counted down from the full
    fidelity so that the last step is as long as the others where high / low is no power of eta. On an integer axis
    they are rounded to whole numbers, which stay distinct because eta >= 2.
    """
    low = float(math.ceil(axis.low)) if axis.integer else axis.low
    if not low < axis.high:
        return [None]
    n_steps = math.floor(math.log(axis.high / low) / math.log(eta) + 1e-9)
    below = [axis.high / eta**k for k in range(n_steps, 0, -1)]
    return [max(low, float(round(x)) if axis.integer else x) for x in below] + [None]


def violation(result: Result) -> float:
    """The sum of what exceeds 0 in the constraints; infinite where one of them has no finite value."""
    if not all(map(math.isfinite, result.constraints)):
        return math.inf
    return math.fsum(max(0.0, c) for c in result.constraints)


def standing(result: Result, number: int) -> Standing:
    """Sort key of a result of configuration `number`, the best first; no two are equal.

    Feasible ones come first, by value; then infeasible ones, by violation (Deb 2000,
    doi:10.1016/S0045-7825(99)00389-8); then failed ones. Ties go to the configuration that was drawn earlier, so that
    the order of results which arrive together does not matter.
    """
    if not result.ok:
        return True, math.inf, math.inf, number
    return False, violation(result), result.values[0], number


class Promotions(Protocol):
    """The results at one fidelity, and which configurations may leave for the next."""

    def add(self, number: int, result: Result) -> None:
        """Enter the result of configuration `number`."""
        ...

    def promote(self) -> int | None:
        """Take the best configuration that is promotable and was not taken before; None where there is none."""
        ...


class Rung:
    """Promotable are the best floor(n / eta) of n results (Li et al. 2020, Algorithm 2), failed ones excepted."""

    def __init__(self, eta: float) -> None:
        self._eta = eta
        self._order: list[Standing] = []
        self._staying: list[Standing] = []  # a heap of what was not promoted

    def add(self, number: int, result: Result) -> None:
        """Enter a result: O(log n) comparisons."""
        key = standing(result, number)
        insort(self._order, key)
        heapq.heappush(self._staying, key)

    def promote(self) -> int | None:
        """Take the best of those that stay, if it is good enough: whatever is better was promoted before."""
        if not self._staying:
            return None
        best = self._staying[0]
        failed = best[0]
        if failed or bisect_left(self._order, best) >= len(self._order) // self._eta:
            return None
        return heapq.heappop(self._staying)[-1]
