"""When and how CMA-ES starts again after it stopped: not at all, IPOP, or BIPOP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Run:
    """One run between two restarts: trials a generation, generations at most, and a factor for the first step size."""

    popsize: int
    maxiter: float
    sigma_factor: float = 1.0


class Schedule(Protocol):
    """Built as `Schedule(first, rng)`, where `first` is the run that comes before any restart."""

    def following(self, n_evaluations: int) -> Run | None:
        """The run after one that took `n_evaluations` trials; None ends the search."""
        ...


class NoRestart:
    """One run."""

    def __init__(self, first: Run, rng: np.random.Generator) -> None:
        pass

    def following(self, n_evaluations: int) -> Run | None:
        """None: there is no second run."""
        return None


class IPOP:
    """Each run has twice the population of the one before (Auger & Hansen 2005, CEC, doi:10.1109/CEC.2005.1554902)."""

    def __init__(self, first: Run, rng: np.random.Generator) -> None:
        self._first, self._n_runs = first, 1

    def following(self, n_evaluations: int) -> Run:
        """The run with the population doubled once more."""
        self._n_runs += 1
        return Run(self._first.popsize * 2 ** (self._n_runs - 1), self._first.maxiter)


class BIPOP:
    """IPOP's runs interleaved with runs of small population and small step (Hansen 2009, GECCO workshop).

    doi:10.1145/1570256.1570333, section 2. Small runs follow as long as they took fewer trials in all than large ones
    did. With U and V uniform in [0, 1], a small run has the population p (P / p)^(U^2), rounded down, where p is the
    first run's population and P the last large run's; its first step is multiplied by 10^(-2 V). Kept as in pycma's
    `fmin`: the first run is booked as a small one, and a small run ends after half the trials that all large runs took.
    """

    def __init__(self, first: Run, rng: np.random.Generator) -> None:
        self._first, self._rng = first, rng
        self._n_large = 0
        self._spent = {"small": 0, "large": 0}
        self._current = "small"

    def following(self, n_evaluations: int) -> Run:
        """A run of the kind that has taken fewer trials, a large one at first."""
        self._spent[self._current] += n_evaluations
        if self._spent["small"] < self._spent["large"]:
            self._current = "small"
            return self._small()
        self._current = "large"
        self._n_large += 1
        return Run(self._first.popsize * 2**self._n_large, self._first.maxiter)

    def _small(self) -> Run:
        sigma_factor = 0.01 ** self._rng.uniform()
        popsize = int(self._first.popsize * 2 ** (self._n_large * self._rng.uniform() ** 2))
        return Run(popsize, min(self._first.maxiter, 0.5 * self._spent["large"] / popsize), sigma_factor)


SCHEDULES: dict[str, Callable[[Run, np.random.Generator], Schedule]] = {
    "none": NoRestart,
    "ipop": IPOP,
    "bipop": BIPOP,
}
