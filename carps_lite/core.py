"""The nouns that every part speaks: Problem, Fidelity, Budget, Trial, Result, and the protocols Task and Optimizer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Space

KINDS = ("bb", "mf", "mo", "momf")  # blackbox, multi-fidelity, multi-objective, both
UNITS = ("full", "trials", "sim", "wall")


@dataclass(frozen=True)
class Fidelity:
    """The axis of cheaper evaluations; its unit is in its name, e.g. "epochs". `high` is the full fidelity."""

    name: str
    low: float
    high: float
    integer: bool = True
    log: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise ValueError(f"fidelity {self.name!r} needs 0 < low <= high, got low={self.low}, high={self.high}")


@dataclass(frozen=True)
class Budget:
    """How much a run may spend.

    `full`: full-fidelity equivalents (which are trials where there is no fidelity); `trials`: trials of any fidelity;
    `sim`: seconds of the simulated clock; `wall`: real seconds, which make no promise of repetition.
    """

    amount: float
    unit: str = "full"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise InputError(f"no budget unit {self.unit!r}{nearest(self.unit, UNITS)}")
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise InputError(f"a budget must be a positive number, got {self.amount}")

    @classmethod
    def parse(cls, text: str | float | Budget) -> Budget:
        """Read `100`, `100full`, `200trials`, `3600sim` or `60wall`. Raises InputError on anything else."""
        if isinstance(text, Budget):
            return text
        match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]*)\s*", str(text))
        if match is None:
            raise InputError(
                f"budget must be a number with a unit ({', '.join(UNITS)}), such as 100 or 3600sim, got {text!r}"
            )
        try:
            amount = float(match[1])
        except ValueError:
            raise InputError(f"budget must begin with a number, got {text!r}") from None
        if match[2] and match[2] not in UNITS:
            raise InputError(f"no budget unit {match[2]!r} (in budget={text}){nearest(match[2], UNITS)}")
        return cls(amount, match[2] or "full")

    def __str__(self) -> str:
        return f"{self.amount:.12g}{'' if self.unit == 'full' else self.unit}"


@dataclass(frozen=True)
class Problem:
    """All that an optimizer may know of a task: every objective is minimised, a constraint is met where it is <= 0."""

    space: Space
    objectives: tuple[str, ...] = ("loss",)
    constraints: tuple[str, ...] = ()
    fidelity: Fidelity | None = None
    reference: tuple[float, ...] | None = None  # hypervolume reference point, one number per objective
    budget: Budget | None = None  # told only to optimizers that declare `uses_budget`
    n_workers: int = 1

    def __post_init__(self) -> None:
        for name in ("objectives", "constraints"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f"{name} must be a tuple of names, got the string {value!r}")
            object.__setattr__(self, name, tuple(value))
        if not self.objectives:
            raise ValueError("a problem needs at least one objective")
        if self.reference is not None and len(self.reference) != len(self.objectives):
            raise ValueError(f"reference needs {len(self.objectives)} numbers, got {self.reference}")
        if self.n_workers < 1:
            raise ValueError(f"n_workers must be at least 1, got {self.n_workers}")

    @property
    def kind(self) -> str:
        """One of `bb`, `mf`, `mo`, `momf`."""
        return (("mo" if len(self.objectives) > 1 else "") + ("mf" if self.fidelity else "")) or "bb"

    def share(self, fidelity: float | None) -> Fraction:
        """Full evaluations that one at `fidelity` counts for: exact, so that 27 trials at 1/27 make one."""
        if self.fidelity is None or fidelity is None:
            return Fraction(1)
        return _ratio(fidelity) / _ratio(self.fidelity.high)


def _ratio(x: float) -> Fraction:
    """The simple fraction that a float stands for, such as 1/3; the float itself where it stands for none."""
    simple = Fraction(x).limit_denominator(10**6)
    return simple if abs(simple - Fraction(x)) <= Fraction(x) / 10**12 else Fraction(repr(float(x)))


@dataclass(frozen=True)
class Trial:
    """One configuration to evaluate; `fidelity=None` asks for the full one.

    `token` is the optimizer's own handle, never stored.
    """

    config: Config
    fidelity: float | None = None
    token: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Result:
    """What an optimizer is told of a trial, and nothing more: all `values` are nan when the trial failed.

    `cost` is what the trial was charged: seconds, or full evaluations where the task knows no time.
    """

    values: tuple[float, ...]
    cost: float = 1.0
    constraints: tuple[float, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the trial has finite values (its constraints may still be violated)."""
        return all(map(math.isfinite, self.values))

    @property
    def feasible(self) -> bool:
        """Whether the trial succeeded and meets every constraint."""
        return self.ok and all(c <= 0 for c in self.constraints)


class Exhausted(Exception):
    """Raised by `ask`: the optimizer has nothing left to suggest, and the run is done."""


class TrialFailed(Exception):
    """Raised by a task: the trial failed, why (`kind`), what it cost (as the task counts it), what else is known."""

    def __init__(self, kind: str, cost: float | None = None, info: Mapping[str, float | str] | None = None) -> None:
        super().__init__(kind)
        self.kind, self.cost, self.info = kind, cost, dict(info or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return TrialFailed, (self.kind, self.cost, self.info)


@runtime_checkable
class Task(Protocol):
    """A benchmark problem and how to evaluate it.

    `evaluate` returns a dict with every objective, every constraint, optionally `cost` (seconds from the start of
    training up to this fidelity) and anything else worth recording, which the optimizer never sees. Optional members:
    `evaluate_many(configs, fidelities, seeds)`, `optimum` (the best possible value, for the analysis only), `meta`.
    """

    @property
    def problem(self) -> Problem:
        """What an optimizer may know."""
        ...

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Mapping[str, Any]:
        """Evaluate one configuration."""
        ...


@runtime_checkable
class Optimizer(Protocol):
    """Built as `Optimizer(problem, seed, **options)`. Optional members: `recommend() -> Config`, `meta`."""

    def ask(self) -> Trial | None:
        """Suggest a trial; None waits for a pending result; raises Exhausted when all is tried."""
        ...

    def tell(self, trial: Trial, result: Result) -> None:
        """Take the result of a trial that was asked."""
        ...
