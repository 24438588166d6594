"""Search spaces: five kinds of parameter, conditions, and a view of the space as the unit cube."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

Value = float | int | str | bool
Config = dict[str, Value]
When = Mapping[str, tuple[Value, ...]]


def same(a: object, b: object) -> bool:
    """Equality of two parameter values that tells True from 1 (and 1 from '1')."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


@dataclass(frozen=True)
class Float:
    """A real number in [low, high], optionally on a log scale."""

    low: float
    high: float
    log: bool = False
    default: float | None = None
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, float(_number(name, getattr(self, name))))
        _check_range(self)
        _normalise_when(self)
        _settle_default(self)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)

    def contains(self, x: object) -> bool:
        """Whether `x` is a legal value."""
        return isinstance(x, int | float) and not isinstance(x, bool) and self.low <= x <= self.high

    def canonical(self, x: float) -> float:
        """A legal value as a plain float, minus zero as zero."""
        return float(x) + 0.0

    def encode(self, x: float) -> float:
        """Map a value to [0, 1]."""
        low, high = self._ends
        return (((math.log(x) if self.log else x) - low) / (high - low)) if high > low else 0.5

    def decode(self, u: np.ndarray) -> list[float]:
        """Map points of [0, 1], shape (n,), to n values; points outside are clipped."""
        low, high = self._ends
        u = _clip(u, 0.0, 1.0)
        x = low * (1.0 - u) + high * u  # exact at both ends, where low + u (high - low) is not
        decoded: list[float] = _clip(np.exp(x) if self.log else x, self.low, self.high).tolist()
        return decoded


@dataclass(frozen=True)
class Int:
    """A whole number in [low, high]; each owns a cell of the unit interval, so both ends are as likely as the rest."""

    low: int
    high: int
    log: bool = False
    default: int | None = None
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = _number(name, getattr(self, name))
            if value != int(value) or abs(value) > LARGEST_INT:
                raise ValueError(f"{name} must be a whole number within ±2^52, got {value!r}")
            object.__setattr__(self, name, int(value))
        _check_range(self)
        _normalise_when(self)
        _settle_default(self)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = self.low - 0.5, self.high + 0.5
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def contains(self, x: object) -> bool:
        """Whether `x` is a legal value."""
        return isinstance(x, int) and not isinstance(x, bool) and self.low <= x <= self.high

    def canonical(self, x: int) -> int:
        """A legal value as a plain int."""
        return int(x)

    def encode(self, x: int) -> float:
        """Map a value to the middle of its cell of [0, 1]."""
        low, high = self._ends
        return ((math.log(x) if self.log else x) - low) / (high - low)

    def decode(self, u: np.ndarray) -> list[int]:
        """Map points of [0, 1], shape (n,), to n values; points outside are clipped."""
        low, high = self._ends
        x = low + _clip(u, 0.0, 1.0) * (high - low)
        cells = np.rint(np.exp(x) if self.log else x)
        decoded: list[int] = _clip(cells, self.low, self.high).astype(np.int64).tolist()
        return decoded


@dataclass(frozen=True)
class Categorical:
    """One of several unordered choices."""

    choices: tuple[Value, ...]
    default: Value | None = None
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_choices(self)
        _normalise_when(self)
        _settle_default(self)

    def contains(self, x: object) -> bool:
        """Whether `x` is a legal value."""
        return any(same(x, choice) for choice in self.choices)

    def canonical(self, x: Value) -> Value:
        """The choice that equals `x`."""
        return self.choices[self.index(x)]

    def index(self, x: Value) -> int:
        """The position of `x` among the choices."""
        for i, choice in enumerate(self.choices):
            if same(x, choice):
                return i
        raise ValueError(f"{x!r} is not one of {self.choices}")

    def encode(self, x: Value) -> float:
        """Map a value to the middle of its cell of [0, 1]."""
        return (self.index(x) + 0.5) / len(self.choices)

    def decode(self, u: np.ndarray) -> list[Value]:
        """Map points of [0, 1], shape (n,), to n values; points outside are clipped."""
        cells = _clip(np.asarray(u) * len(self.choices), 0, len(self.choices) - 1)
        return [self.choices[i] for i in cells.astype(np.int64).tolist()]


class Ordinal(Categorical):
    """One of several choices whose order carries meaning; equal distances are assumed where a distance is needed."""


@dataclass(frozen=True)
class Constant:
    """A parameter with a single value, kept because the task wants it spelled out."""

    value: Value
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_value(self.value)
        _normalise_when(self)

    @property
    def default(self) -> Value:
        """The value."""
        return self.value

    def contains(self, x: object) -> bool:
        """Whether `x` is the value."""
        return same(x, self.value)

    def canonical(self, x: Value) -> Value:
        """The value."""
        return self.value

    def encode(self, x: Value) -> float:
        """Map the value to the middle of [0, 1]."""
        return 0.5

    def decode(self, u: np.ndarray) -> list[Value]:
        """Return the value once for each point, shape (n,)."""
        return [self.value] * len(u)


Param = Float | Int | Categorical | Ordinal | Constant
LARGEST_INT = 2**52  # beyond it, neighbours share a point of the unit interval


def _clip(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """np.clip, which takes five times as long on the short arrays of one generation."""
    clipped: np.ndarray = np.minimum(np.maximum(x, low), high)
    return clipped


def _number(name: str, x: object) -> float:
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, bool) or not isinstance(x, int | float) or not math.isfinite(x):
        raise ValueError(f"{name} must be a finite number, got {x!r}")
    return x


def _check_value(x: object) -> None:
    if not isinstance(x, str | bool | int | float) or (isinstance(x, float) and not math.isfinite(x)):
        raise ValueError(f"a value must be a finite number, a string or a bool, got {x!r}")


def _check_range(p: Float | Int) -> None:
    if p.low > p.high:
        raise ValueError(f"low must not exceed high, got low={p.low}, high={p.high}")
    if p.log and p.low <= 0:
        raise ValueError(f"a log scale needs low > 0, got low={p.low}")


def _check_choices(p: Categorical) -> None:
    given: object = p.choices
    if not isinstance(given, tuple | list):  # a set has no order, and a string is no list of letters
        raise ValueError(f"choices must be a list or a tuple, got {given!r}")
    object.__setattr__(p, "choices", tuple(c.item() if isinstance(c, np.generic) else c for c in given))
    for i, choice in enumerate(p.choices):
        _check_value(choice)
        if any(same(choice, other) for other in p.choices[:i]):
            raise ValueError(f"choices must differ, got {choice!r} twice")
    if not p.choices:
        raise ValueError("choices must not be empty")


def _normalise_when(p: Param) -> None:
    """Accept {parent: value} and {parent: [values]}, keep {parent: (values,)}."""
    given: object = p.when
    if not isinstance(given, Mapping):
        raise ValueError(f"when must be a mapping of parents to values, got {given!r}")
    as_tuples = {
        parent: (values,) if isinstance(values, str | bool | int | float) else tuple(values)
        for parent, values in given.items()
    }
    object.__setattr__(p, "when", as_tuples)


def _settle_default(p: Float | Int | Categorical) -> None:
    """Fill in the default: the middle of the (log) scale or of an ordinal, the first choice of a categorical."""
    if p.default is None:
        if isinstance(p, Categorical):
            middle = (len(p.choices) - 1) // 2 if isinstance(p, Ordinal) else 0
            object.__setattr__(p, "default", p.choices[middle])
        else:
            object.__setattr__(p, "default", p.decode(np.array([0.5]))[0])
    elif isinstance(p, Float):
        object.__setattr__(p, "default", float(_number("default", p.default)))
    if not p.contains(p.default):
        raise ValueError(f"the default {p.default!r} is not a legal value of {p}")


class Space(Mapping[str, Param]):
    """Named parameters in order; a parameter is active where all its conditions hold, and they may be nested.

    `when={parent: values}` makes a parameter depend on earlier ones: it is active where every parent is active and
    has one of the listed values. Raises ValueError, naming the parameter, where a condition names no earlier parameter
    or a value that its parent cannot take.
    """

    def __init__(self, params: Mapping[str, Param]) -> None:
        self._params: dict[str, Param] = dict(params)
        for name, p in self._params.items():
            if not isinstance(name, str) or not name:
                raise ValueError(f"the name of a parameter must be a string, got {name!r}")
            if not isinstance(p, Float | Int | Categorical | Constant):
                raise ValueError(f"parameter {name!r} must be Float, Int, Categorical, Ordinal or Constant, got {p!r}")
            self._check_conditions(name, p)
        self.conditional: bool = any(p.when for p in self._params.values())
        numbers = [(n, int if isinstance(p, Int) else float, p) for n, p in self._params.items()]
        self._numbers: list[tuple[str, type, float, float]] | None = None  # a plain space of numbers is checked fast
        if not self.conditional and all(isinstance(p, Float | Int) for _, _, p in numbers):
            self._numbers = [(n, t, p.low, p.high) for n, t, p in numbers if isinstance(p, Float | Int)]

    def _check_conditions(self, name: str, p: Param) -> None:
        earlier = list(self._params)[: list(self._params).index(name)]
        for parent, values in p.when.items():
            if parent not in earlier:
                raise ValueError(f"parameter {name!r} depends on {parent!r}, which is not declared before it")
            if not values:
                raise ValueError(f"parameter {name!r} waits for no value of {parent!r} at all")
            for value in values:
                if not self._params[parent].contains(value):
                    raise ValueError(f"parameter {name!r} waits for {parent}={value!r}, which {parent!r} cannot take")

    def __getitem__(self, name: str) -> Param:
        return self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __repr__(self) -> str:
        return f"Space({self._params!r})"

    @property
    def default(self) -> Config:
        """The configuration of all defaults."""
        return self.prune({name: p.default for name, p in self._params.items() if p.default is not None})

    def active(self, name: str, config: Mapping[str, Value]) -> bool:
        """Whether `name` is active, given the values of its active parents in `config`."""
        return all(
            parent in config and any(same(config[parent], v) for v in values)
            for parent, values in self._params[name].when.items()
        )

    def prune(self, config: Mapping[str, Value]) -> Config:
        """Keep only the active parameters, in the order of the space."""
        if not self.conditional:
            return {name: config[name] for name in self._params}
        kept: Config = {}
        for name in self._params:
            if self.active(name, kept):
                kept[name] = config[name]
        return kept

    def violation(self, config: Mapping[str, Value]) -> str | None:
        """Say in one line what is wrong with a configuration; None where it is legal, active parameters only."""
        n_active = 0
        for name, p in self._params.items():
            if p.when and not self.active(name, config):
                if name in config:
                    return f"parameter {name!r} is not active in {dict(config)}"
                continue
            n_active += 1
            if name not in config:
                return f"parameter {name!r} is missing in {dict(config)}"
            if not p.contains(config[name]):
                return f"{name}={config[name]!r} is outside {p}"
        if n_active != len(config):
            extra = sorted(map(str, set(config) - set(self._params)))
            return f"unknown parameter(s) {extra} in {dict(config)}"
        return None

    def accept(self, config: Mapping[str, Value]) -> Config:
        """Check a configuration and copy it: parameters in the order of the space, each of its declared type.

        Raises ValueError, saying what is wrong, where `violation` would.
        """
        if self._numbers is not None:  # the common case, at a third of the time
            copy: Config = {}
            for name, kind, low, high in self._numbers:
                x = config.get(name)
                if type(x) is not kind or not low <= x <= high:  # type: ignore[operator]
                    break
                copy[name] = x + 0  # type: ignore[operator]  # minus zero becomes zero
            else:
                if len(config) == len(copy):
                    return copy
        wrong = self.violation(config)
        if wrong is not None:
            raise ValueError(wrong)
        return {name: p.canonical(config[name]) for name, p in self._params.items() if name in config}  # type: ignore[arg-type]

    def sample(self, rng: np.random.Generator) -> Config:
        """Draw one configuration, uniform in the unit cube."""
        return self.decode(rng.random(len(self)))

    def encode(self, config: Mapping[str, Value]) -> np.ndarray:
        """Map a configuration to the unit cube, shape (d,); an inactive parameter becomes 0.5."""
        return np.array([p.encode(config[name]) if name in config else 0.5 for name, p in self._params.items()])  # type: ignore[arg-type]

    def decode(self, u: np.ndarray) -> Config:
        """Map a point of the unit cube, shape (d,), to a configuration; the inverse of `encode` up to rounding."""
        return self.decode_many(np.asarray(u, dtype=float)[None, :])[0]

    def decode_many(self, u: np.ndarray) -> list[Config]:
        """Map points of the unit cube, shape (n, d), to n configurations, without their inactive parameters."""
        if u.ndim != 2 or u.shape[1] != len(self):
            raise ValueError(f"u must have shape (n, {len(self)}), got {u.shape}")
        columns = [p.decode(u[:, i]) for i, p in enumerate(self._params.values())]
        names = list(self._params)
        configs: list[Config] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        if not columns:
            return [{} for _ in u]
        return [self.prune(c) for c in configs] if self.conditional else configs
