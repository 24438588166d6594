"""Successive halving, Hyperband and ASHA over random search: many cheap trials, and more fidelity for the best.

Resource: a rung is one fidelity; `eta` is both the factor between the fidelities of two rungs and the factor by which
the configurations become fewer. Rungs are counted down from the full fidelity (rungs.py), which is therefore always
the last one; the papers count up from the least resource, which is the same where high / low is a power of eta.

What is charged: a configuration that reaches a higher rung is asked again at that fidelity. On a task with
`checkpoints: true` it pays only what goes beyond the rung it comes from, elsewhere its training starts again and is
charged in full. Nothing here depends on what a trial costs.

Configurations are those of random search with the same seed, in the same order. A failed trial counts among the n
results of its rung as the worst, and is never promoted; the papers do not treat failures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import cycle, repeat

from carps_lite.core import Problem, Result, Trial
from carps_lite.errors import InputError
from carps_lite.optimizers.random_search import RandomSearch
from carps_lite.optimizers.rungs import Promotions, Rung, Standing, axis_of, checked_eta, levels_of, standing
from carps_lite.space import Config

SLACK = 1e-9  # of roundings up and down: powers of an eta that is no whole number are inexact


Bracket = tuple[int, ...]  # how many configurations each rung takes, the full fidelity last


def bracket_of(n: int, n_rungs: int, eta: float) -> Bracket:
    """`n` configurations through `n_rungs` rungs: floor(n / eta^i) at the i-th (Li et al. 2018, Algorithm 1)."""
    return tuple(math.floor(n / eta**i + SLACK) for i in range(n_rungs))


def hyperband_brackets(n_rungs: int, eta: float) -> list[Bracket]:
    """All brackets of Hyperband (Li et al. 2018, Algorithm 1), the one with the most rungs first.

    The bracket with s + 1 rungs begins with n = ceil((s_max + 1) eta^s / (s + 1)) configurations.
    """
    firsts = [math.ceil(n_rungs * eta**s / (s + 1) - SLACK) for s in range(n_rungs)]
    return [bracket_of(firsts[s], s + 1, eta) for s in reversed(range(n_rungs))]


class Synchronous:
    """Successive halving of one bracket after the other: a rung is finished before the next one begins.

    `brackets` yields them without end. While the last results of a rung are out, `ask` returns None, so that workers
    wait for the slowest. Where fewer configurations of a rung succeed than the next one takes, only those go on; where
    none does, the bracket ends.
    """

    def __init__(self, problem: Problem, seed: int, levels: list[float | None], brackets: Iterator[Bracket]) -> None:
        self._levels, self._brackets = levels, brackets
        self._random = RandomSearch(problem, seed)
        self._begin()

    def ask(self) -> Trial | None:
        """Suggest the next configuration of the rung; None while the rest of the rung is out."""
        if not self._queue:
            return None
        number = self._queue.pop()
        return Trial(dict(self._configs[number]), self._levels[self._rung - len(self._sizes)], token=number)

    def tell(self, trial: Trial, result: Result) -> None:
        """Take a result, in any order; the last one of the rung decides which configurations go on."""
        self._told.append(standing(result, trial.token))
        if len(self._told) == self._n_asked:
            self._advance()

    def _begin(self) -> None:
        self._sizes = next(self._brackets)
        self._configs: list[Config] = [self._random.ask().config for _ in range(self._sizes[0])]
        self._fill(0, list(range(self._sizes[0])))

    def _advance(self) -> None:
        following = self._rung + 1
        if following < len(self._sizes):
            succeeded = [number for failed, _, _, number in sorted(self._told) if not failed]
            survivors = succeeded[: self._sizes[following]]
            if survivors:
                self._fill(following, survivors)
                return
        self._begin()

    def _fill(self, rung: int, numbers: list[int]) -> None:
        """Enter a rung of the bracket: its `numbers` are asked in this order."""
        self._rung, self._queue, self._n_asked = rung, numbers[::-1], len(numbers)
        self._told: list[Standing] = []


class SuccessiveHalving(Synchronous):
    """Synchronous successive halving (Jamieson & Talwalkar 2016, AISTATS, arXiv:1502.07943), again and again.

    As Li et al. (2020), arXiv:1810.05934, Algorithm 1, write it: `n` configurations start at the lowest rung but
    `early_stopping_rate` (their s), and the best floor(n / eta^i) of them reach the i-th rung after it. `n=None` takes
    the least number of which one reaches the full fidelity. When the bracket is done, one with new configurations
    begins, until the budget is spent. Jamieson & Talwalkar halve (eta = 2) within a total budget instead.

    Raises InputError on a problem without fidelity and on a setting that is out of range.
    """

    def __init__(
        self, problem: Problem, seed: int, eta: float = 3, early_stopping_rate: int = 0, n: int | None = None
    ) -> None:
        levels = kept_levels(levels_of(axis_of(problem), checked_eta(eta)), early_stopping_rate)
        least = math.ceil(eta ** (len(levels) - 1) - SLACK)
        if n is None:
            n = least
        if isinstance(n, bool) or not isinstance(n, int) or n < least:
            raise InputError(f"n must be a whole number from {least}, so that one reaches full fidelity, got {n!r}")
        bracket = bracket_of(n, len(levels), eta)
        super().__init__(problem, seed, levels, repeat(bracket))


class Hyperband(Synchronous):
    """Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar 2018, JMLR 18(185)), Algorithm 1, again and again.

    Brackets of successive halving from the one with all rungs down to plain random search at full fidelity, each with
    about the same budget; then from the start, until the budget is spent. Resource is counted in units of the lowest
    fidelity: R = high / low. Raises InputError on a problem without fidelity and on an eta below 2.
    """

    def __init__(self, problem: Problem, seed: int, eta: float = 3) -> None:
        levels = levels_of(axis_of(problem), checked_eta(eta))
        super().__init__(problem, seed, levels, cycle(hyperband_brackets(len(levels), eta)))


class Asynchronous:
    """Promotion as soon as a rung allows it, without waiting: the loop of ASHA (Li et al. 2020, Algorithm 2).

    A free worker takes a promotable configuration from the highest rung that has one; where none has, a new
    configuration enters the lowest rung. `make_rung()` builds what decides who is promotable. `ask` never waits.
    """

    def __init__(
        self, problem: Problem, seed: int, eta: float, early_stopping_rate: int, make_rung: Callable[[], Promotions]
    ) -> None:
        self._levels = kept_levels(levels_of(axis_of(problem), checked_eta(eta)), early_stopping_rate)
        self._random = RandomSearch(problem, seed)
        self._configs: list[Config] = []
        self._rungs = [make_rung() for _ in self._levels[:-1]]

    def ask(self) -> Trial:
        """Suggest a promotion, or else a new configuration; the token is its number and its rung."""
        for rung in range(len(self._rungs) - 1, -1, -1):
            number = self._rungs[rung].promote()
            if number is not None:
                return self._trial(number, rung + 1)
        self._configs.append(self._random.ask().config)
        return self._trial(len(self._configs) - 1, 0)

    def tell(self, trial: Trial, result: Result) -> None:
        """Enter a result into its rung; from the full fidelity nothing is promoted."""
        number, rung = trial.token
        if rung < len(self._rungs):
            self._rungs[rung].add(number, result)

    def _trial(self, number: int, rung: int) -> Trial:
        return Trial(dict(self._configs[number]), self._levels[rung], token=(number, rung))


class ASHA(Asynchronous):
    """Asynchronous successive halving, promotion type (Li et al. 2020, MLSys, arXiv:1810.05934), Algorithm 2.

    `early_stopping_rate` (the paper's s) leaves out that many of the lowest rungs. Of several promotable
    configurations of a rung the best goes first; the paper leaves that open. With several workers promotions are made
    on what is known, so that a configuration can be promoted which later results push out of the best 1 / eta.

    Raises InputError on a problem without fidelity and on a setting that is out of range.
    """

    def __init__(self, problem: Problem, seed: int, eta: float = 3, early_stopping_rate: int = 0) -> None:
        super().__init__(problem, seed, eta, early_stopping_rate, lambda: Rung(eta))


def kept_levels(levels: list[float | None], early_stopping_rate: int) -> list[float | None]:
    """Leave out the lowest rungs. Raises InputError where nothing would be left."""
    s, highest = early_stopping_rate, len(levels) - 1
    if isinstance(s, bool) or not isinstance(s, int) or not 0 <= s <= highest:
        raise InputError(f"early_stopping_rate must be a whole number from 0 to {highest} on this task, got {s!r}")
    return levels[s:]
