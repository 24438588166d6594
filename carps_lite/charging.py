"""What a trial is charged: its share of a full evaluation, exactly; with checkpoints only the increment."""

from __future__ import annotations

from fractions import Fraction

import orjson

from carps_lite.core import Problem, Trial

Key = tuple[bytes, int]  # a configuration, and how often this fidelity of it was asked before in the run
Share = int | Fraction


class Ledger:
    """Charges of one run. With checkpoints, a trial pays what goes beyond the highest lower fidelity that its
    configuration has finished under the same seed (docs/concepts.md, "What a trial costs")."""

    def __init__(self, problem: Problem, checkpoints: bool) -> None:
        self.problem = problem
        self.checkpoints = checkpoints and problem.fidelity is not None
        self._shares: dict[float | None, Share] = {}
        self._asked: dict[tuple[bytes, float], int] = {}
        self._reached: dict[Key, list[tuple[float, float]]] = {}  # (fidelity, cost from the start) of finished trials
        self._pending: dict[int, tuple[Key, float, float]] = {}

    def key(self, trial: Trial) -> Key:
        """Name a trial's configuration and repetition; to be called once for each trial."""
        config = orjson.dumps(trial.config, option=orjson.OPT_SORT_KEYS)
        point = config, self._level(trial)
        repeat = self._asked.get(point, 0)
        self._asked[point] = repeat + 1
        return config, repeat

    def share(self, trial: Trial, key: Key | None) -> Share:
        """Full evaluations that a trial is charged."""
        share = self._full_share(trial.fidelity)
        start = self._start(trial, key)
        return share if start is None else share - self._full_share(start[0])

    def cost(self, trial: Trial, key: Key | None, share: Share, cost: float | None, own: bool) -> float:
        """Seconds (full evaluations where the task knows no time) that a trial is charged.

        `cost` is what the task says that training up to this fidelity costs from the start; with `own`, what this
        trial took by itself.
        """
        if cost is None:
            return float(share)
        start = self._start(trial, key)
        return cost if own or start is None else max(0.0, cost - start[1])

    def begin(self, number: int, trial: Trial, key: Key | None, charged: float) -> None:
        """Note what the `number`-th trial will have cost from the start of training when it is finished."""
        if self.checkpoints and key is not None:
            start = self._start(trial, key)
            self._pending[number] = (key, self._level(trial), charged + (start[1] if start else 0.0))

    def finish(self, number: int, ok: bool) -> None:
        """Note that a trial has finished, so that its configuration can be continued from there."""
        key, fidelity, cost = self._pending.pop(number)
        if ok:
            self._reached.setdefault(key, []).append((fidelity, cost))

    def _start(self, trial: Trial, key: Key | None) -> tuple[float, float] | None:
        """The fidelity and cost that a trial goes on from; None where it starts from nothing."""
        if not self.checkpoints or key is None:
            return None
        fidelity = self._level(trial)
        return max((state for state in self._reached.get(key, ()) if state[0] < fidelity), default=None)

    def _full_share(self, fidelity: float | None) -> Share:
        share = self._shares.get(fidelity)
        if share is None:
            exact = self.problem.share(fidelity)
            # whole numbers stay ints: adding Fractions costs microseconds a trial
            share = self._shares[fidelity] = exact.numerator if exact.denominator == 1 else exact
        return share

    def _level(self, trial: Trial) -> float:
        """The fidelity as a number; that of a task without any is 0."""
        if trial.fidelity is not None:
            return float(trial.fidelity)
        return 0.0 if self.problem.fidelity is None else float(self.problem.fidelity.high)
