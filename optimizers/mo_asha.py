"""Multi-objective ASHA (Schmucker, Donini, Zafar, Salinas & Archambeau 2021, arXiv:2106.12639)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np

from carps_lite.core import Problem, Result
from carps_lite.errors import unknown
from carps_lite.optimizers.fronts import ORDERS, Dominance, Order
from carps_lite.optimizers.halving import Asynchronous
from carps_lite.optimizers.rungs import violation


class MOASHA(Asynchronous):
    """ASHA whose rungs promote by non-dominated sorting, asynchronously, on tasks with a fidelity.

    Of n results of a rung the first floor(n / eta) are promotable, in the order of their fronts; within a front, and
    so in the front that fits only in part, in the order of `spread`: `epsilon_net` or `crowding`, the distance of
    NSGA-II. The paper proposes both and finds such orders by geometry better than scalarisations. With one objective
    it asks what ASHA asks.

    Ours: objectives are scaled to [0, 1] over the front before distances are taken, so that their units do not matter,
    and the net starts from the least first objective (Syne Tune's implementation scales nothing and starts from a
    random point); constraints count by constrained domination (fronts.py). Configurations, failed trials, rungs and
    what is charged are as in halving.py.

    Raises InputError on a problem without fidelity and on a setting that is out of range.
    """

    def __init__(
        self, problem: Problem, seed: int, eta: float = 3, early_stopping_rate: int = 0, spread: str = "epsilon_net"
    ) -> None:
        if spread not in ORDERS:
            raise unknown("no spread", spread, ORDERS)
        make_rung = partial(FrontRung, eta, ORDERS[spread], len(problem.objectives))
        super().__init__(problem, seed, eta, early_stopping_rate, make_rung)


class FrontRung:
    """The results at one fidelity, of which the first floor(n / eta) by front and spread are promotable."""

    def __init__(self, eta: float, order: Order, n_objectives: int) -> None:
        self._eta, self._order = eta, order
        self._n = 0
        self._numbers: list[int] = []  # of the results that succeeded, with their values, in the order of telling
        self._values: list[tuple[float, ...]] = []
        self._dominance = Dominance(n_objectives)
        self._promoted: set[int] = set()
        self._promotable: list[int] | None = None  # None: results have come since it was computed

    def add(self, number: int, result: Result) -> None:
        """Enter the result of configuration `number`; a failed one only makes the rung larger."""
        self._n += 1
        self._promotable = None
        if result.ok:
            self._numbers.append(number)
            self._values.append(result.values)
            self._dominance.add(result.values, violation(result))

    def promote(self) -> int | None:
        """Take the first promotable configuration that was not taken before."""
        if self._promotable is None:
            best = islice(self._sorted(), int(self._n // self._eta))
            self._promotable = [number for number in best if number not in self._promoted]
        if not self._promotable:
            return None
        number = self._promotable.pop(0)
        self._promoted.add(number)
        return number

    def _sorted(self) -> Iterator[int]:
        """The numbers of the configurations, the best first; whatever is equal, by age and not by time of telling."""
        for front in self._dominance.fronts():
            members = sorted((self._numbers[i], self._values[i]) for i in front.tolist())
            numbers = [number for number, _ in members]
            if len(members) == 1 or self._promoted.issuperset(numbers):  # their order does not matter
                yield from numbers
            else:
                order = self._order(np.array([values for _, values in members]))
                yield from (numbers[i] for i in order.tolist())
