"""From a configuration to the two rows of numbers that a surrogate takes, checked on the way in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carps_lite.errors import InputError
from carps_lite.space import Categorical, Constant, Float, Int, Param, Space, Value
from carps_lite.tasks.yahpo_scenarios import Scenario

MISSING = "#na#"  # the category of a parameter that is not active; a number that is not active is 0
Row = tuple[list[int], list[float]]
Codes = Mapping[str, Mapping[str, int]]
Parents = list[tuple[str, frozenset[Value]]]


class Encoder:
    """Encode complete configurations, which name the instance and the fidelities.

    `codes` holds the number of every category. Space.accept takes 20 to 35 µs for such a configuration, a tenth of
    what the surrogate takes; so it is asked only where the quick look of `encode` finds anything unusual.
    """

    def __init__(self, scenario: Scenario, space: Space, codes: Codes) -> None:
        self._name, self._space = scenario.name, space
        self._categorical = [(n, *_categories(space[n], codes[n]), _parents(space[n])) for n in scenario.categorical]
        self._numbers = [(n, *_range(n, space[n]), _parents(space[n])) for n in scenario.continuous]

    def encode(self, config: Mapping[str, Value]) -> Row:
        """Return categories and numbers in the surrogate's order. Raises InputError on what is not legal."""
        row = self._quickly(config)
        if row is None:
            try:
                row = self._quickly(self._space.accept(config))
            except ValueError as error:
                raise InputError(f"yahpo {self._name}: {error}") from None
            if row is None:
                raise InputError(f"yahpo {self._name}: the surrogate has no number for a value in {dict(config)}")
        return row

    def _quickly(self, config: Mapping[str, Value]) -> Row | None:
        """Encode a configuration of plain values; None where anything is wrong or unusual."""
        get = config.get
        categories, numbers, n_active = [], [], 0
        for name, codes, missing, parents in self._categorical:
            value: Any = get(name)
            code = missing if value is None else codes.get(value)
            if code is None or (value is not None) != _active(parents, config):
                return None
            n_active += value is not None
            categories.append(code)
        for name, low, high, types, parents in self._numbers:
            value = get(name)
            if (value is not None) != _active(parents, config):
                return None
            if value is None:
                numbers.append(0.0)
                continue
            if type(value) not in types or not low <= value <= high:
                return None
            n_active += 1
            numbers.append(value)
        return (categories, numbers) if n_active == len(config) else None


def _active(parents: Parents, config: Mapping[str, Value]) -> bool:
    for parent, values in parents:  # noqa: SIM110 (a generator takes three times as long)
        if config.get(parent) not in values:
            return False
    return True


def _parents(p: Param) -> Parents:
    return [(parent, frozenset(values)) for parent, values in p.when.items()]


def _categories(p: Param, codes: Mapping[str, int]) -> tuple[dict[Any, int], int]:
    """The number of each legal choice, and that of a parameter that is not active."""
    choices = p.choices if isinstance(p, Categorical) else (p.default,)
    return {choice: codes[str(choice)] for choice in choices if str(choice) in codes}, codes.get(MISSING, 0)


def _range(name: str, p: Param) -> tuple[float, float, tuple[type, ...]]:
    if isinstance(p, Constant) and isinstance(p.value, int | float):
        return p.value, p.value, (type(p.value),)
    if not isinstance(p, Float | Int):
        raise InputError(f"yahpo: {name} must be a number, and the data folder has {p}")
    return p.low, p.high, (int,) if isinstance(p, Int) else (float, int)
