"""Hyperparameters as axes: numbers on a linear or log scale, or choices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from carps_lite.analysis.charts.sheet import power
from carps_lite.analysis.numbers import value
from carps_lite.analysis.stats import Array


class Parameter(NamedTuple):
    """One hyperparameter: its range, or its choices, whose values are their indices 0, 1, ..."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[str, ...] = ()


def places(values: Array, parameter: Parameter) -> Array:
    """Place values on [0, 1]; nan (inactive) stays nan."""
    if parameter.choices:
        return np.asarray((values + 0.5) / len(parameter.choices))
    low, high, x = parameter.low, parameter.high, values
    if parameter.log:
        low, high, x = np.log(low), np.log(high), np.log(values)
    return np.asarray((x - low) / (high - low if high > low else 1.0))


def ends(parameter: Parameter) -> tuple[str, str]:
    """Words for the ends of a numeric axis."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        return power(low), power(high)
    return value(low, 3), value(high, 3)
