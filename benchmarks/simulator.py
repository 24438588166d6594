"""How many simulated trials a second the run loop does by itself, beside a bare heap loop.

    python benchmarks/simulator.py [trials]

The optimizer takes ready-made trials from a list, and the task looks its duration up, so that what is left is the
loop: asking, checking, charging, the event heap, telling, and one record a trial. Each trial is two events of the
clock, its start and its end. The bare loop does nothing but push and pop the same durations.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from carps_lite.core import Budget, Fidelity, Problem, Result, Trial
from carps_lite.loop import Rules, Simulation
from carps_lite.space import Float, Space

WORKERS = (1, 8, 1000)
CASES = {
    "one objective, no noise": (None, Rules(noisy=False)),
    "seeded evaluations": (None, Rules(noisy=True)),
    "27 epochs, checkpoints": (Fidelity("epochs", 1, 27), Rules(noisy=True, checkpoints=True)),
}


class Ready:
    """An optimizer with all its trials made before, on four parameters."""

    def __init__(self, problem: Problem, n: int) -> None:
        rng = np.random.default_rng(0)
        configs = problem.space.decode_many(rng.random((n, len(problem.space))))
        levels = [None] * n if problem.fidelity is None else [(1, 3, 9, 27)[i] for i in rng.integers(4, size=n)]
        self._trials = [Trial(c, level) for c, level in zip(configs, levels, strict=True)]
        self.ask = iter(self._trials).__next__

    def tell(self, trial: Trial, result: Result) -> None:
        """Learn nothing."""


class Durations:
    """A task that takes the seconds of a list, in order."""

    def __init__(self, axis: Fidelity | None, seconds: list[float]) -> None:
        self.problem = Problem(Space({f"x{i}": Float(0, 1) for i in range(4)}), fidelity=axis)
        self._next = iter([{"loss": d, "cost": d} for d in seconds]).__next__

    def evaluate(self, config: object, fidelity: float | None, seed: int) -> dict[str, float]:
        return self._next()


def bare(seconds: list[float], workers: int) -> float:
    """Seconds that a heap alone takes for these durations."""
    begin = perf_counter()
    running: list[tuple[float, int]] = []
    clock = 0.0
    for i, d in enumerate(seconds):
        if len(running) == workers:
            clock = heapq.heappop(running)[0]
        heapq.heappush(running, (clock + d, i))
    while running:
        heapq.heappop(running)
    return perf_counter() - begin


def loop(axis: Fidelity | None, rules: Rules, seconds: list[float], workers: int) -> float:
    """Seconds that the run loop takes for these durations."""
    task = Durations(axis, seconds)
    problem = replace(task.problem, n_workers=workers)
    simulation = Simulation(task, Ready(problem, len(seconds)), problem, 0, Budget(len(seconds), "trials"), rules)
    begin = perf_counter()
    n = sum(1 for _ in simulation)
    took = perf_counter() - begin
    assert n == len(seconds)
    return took


def best_of(repeats: int, measure: Callable[[], float]) -> float:
    """The least of several measurements: the others were disturbed."""
    return min(measure() for _ in range(repeats))


def main() -> None:
    """Print a line for each case and number of workers."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    seconds = np.random.default_rng(1).exponential(size=n).tolist()
    print(f"{n} trials; the best of 5\n")
    print(f"{'':26}{'workers':>8}{'trials/s':>12}{'events/s':>12}{'µs/trial':>10}{'bare heap':>11}{'ratio':>8}")
    for name, (axis, rules) in CASES.items():
        for workers in WORKERS:
            took = best_of(5, lambda: loop(axis, rules, seconds, workers))  # noqa: B023
            heap = best_of(5, lambda: bare(seconds, workers))  # noqa: B023
            rates = f"{n / took:12,.0f}{2 * n / took:12,.0f}{1e6 * took / n:10.2f}{1e6 * heap / n:11.2f}"
            print(f"{name:26}{workers:8}{rates}{took / heap:8.1f}")


if __name__ == "__main__":
    main()
