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
        self._asked: dict[tuple[bytes, float | None], int] = {}
        self._reached: dict[Key, list[tuple[float, float]]] = {}  # (fidelity, cost from the start) of finished trials
        self._pending: dict[int, tuple[Key, float, float]] = {}

    def key(self, trial: Trial) -> Key:
        """Name a trial's configuration and repetition; to be called once for each trial."""
        config = orjson.dumps(trial.config, option=orjson.OPT_SORT_KEYS)
        repeat = self._asked.get((config, trial.fidelity), 0)
        self._asked[config, trial.fidelity] = repeat + 1
        return config, repeat

    def share(self, fidelity: float | None) -> Share:
        """Full evaluations that one at `fidelity` counts for."""
        share = self._shares.get(fidelity)
        if share is None:
            exact = self.problem.share(fidelity)
            # whole numbers stay ints: adding Fractions costs microseconds a trial
            share = self._shares[fidelity] = exact.numerator if exact.denominator == 1 else exact
        return share

    def charge(
        self, number: int, trial: Trial, key: Key | None, cost: float | None, charged: float | None
    ) -> tuple[Share, float]:
        """Return what the `number`-th trial is charged, in full evaluations and in cost.

        `cost` is what the task says that training up to this fidelity costs from the start (None where it knows none);
        `charged` is what a log says that the trial was charged.
        """
        share = self.share(trial.fidelity)
        if not self.checkpoints or key is None:
            return share, charged if charged is not None else float(share) if cost is None else cost
        fidelity = self._level(trial)
        start, paid = max((state for state in self._reached.get(key, ()) if state[0] < fidelity), default=(None, 0.0))
        if start is not None:
            share -= self.share(start)
        if charged is None:
            charged = float(share) if cost is None else max(0.0, cost - paid)
        self._pending[number] = (key, fidelity, paid + charged)
        return share, charged

    def finish(self, number: int, ok: bool) -> None:
        """Note that a trial has finished, so that its configuration can be continued from there."""
        key, fidelity, cost = self._pending.pop(number)
        if ok:
            self._reached.setdefault(key, []).append((fidelity, cost))

    def _level(self, trial: Trial) -> float:
        axis = self.problem.fidelity
        return float(axis.high if trial.fidelity is None and axis is not None else trial.fidelity or 0.0)
