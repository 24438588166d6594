"""The place of a configuration in a full grid: mixed-radix arithmetic on the positions of its values."""

from __future__ import annotations

from math import prod
from typing import Any

from carps_lite.errors import InputError
from carps_lite.space import Categorical, Config, Space


class GridIndex:
    """Number the configurations of a space of categorical and ordinal parameters, the last parameter fastest."""

    def __init__(self, owner: str, space: Space) -> None:
        self._owner, self._space = owner, space
        choices = {name: p.choices for name, p in space.items() if isinstance(p, Categorical)}
        sizes = [len(c) for c in choices.values()]
        self._steps: list[tuple[str, dict[Any, int]]] = [
            (name, {value: i * prod(sizes[at + 1 :]) for i, value in enumerate(values)})
            for at, (name, values) in enumerate(choices.items())
        ]

    def place(self, config: Config) -> int:
        """The number of a configuration. Raises InputError where it is not on the grid."""
        place = 0
        try:
            for name, step in self._steps:
                place += step[config[name]]
            if len(config) == len(self._steps):
                return place
        except (KeyError, TypeError):
            pass
        raise InputError(f"{self._owner}: {self._space.violation(config)}")
