"""How objectives are shown: in their own direction and unit, although everything is minimised.

`meta.shown` of a task says it for each objective that is not read as it is minimised:

    shown:
      val_error: {name: validation accuracy, unit: "%", scale: -100, offset: 100}
      log10_train_seconds: {name: training time, unit: s, power10: true}
      val_error/dataset:proteins: {name: validation ROC AUC, scale: -1, offset: 1}    # under this option

What is shown is offset + scale x value, or with `power10` offset + scale x 10^value; a negative scale: larger is
better. `objective/key:value+value/...` holds where the task's options have these values; of several that hold, the one
with the most conditions counts. None of it is part of a run's key or changes a number that is stored or tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite import values as texts
from carps_lite.errors import InputError, unknown
from carps_lite.spec import Resolved


@dataclass(frozen=True)
class Shown:
    """How the values of one objective are shown: `offset + scale * value`, of 10^value where `power10` is true."""

    name: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    power10: bool = False

    @property
    def larger(self) -> bool:
        """Whether larger is better in what is shown."""
        return self.scale < 0

    @property
    def log(self) -> bool:
        """Whether it is shown on a logarithmic axis: the objective is the logarithm of it."""
        return self.power10 and self.scale > 0 and self.offset == 0

    @property
    def label(self) -> str:
        """Name and unit: `validation accuracy (%)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def directed(self) -> str:
        """Name, unit and which way is better: `validation accuracy (%) ↑`."""
        return f"{self.label} {'↑' if self.larger else '↓'}"

    def of(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """What is shown for values as they are minimised, any shape; infinity stays infinite, nan stays nan."""
        found = np.asarray(values, dtype=float)
        if self.power10:
            with np.errstate(over="ignore"):
                found = np.power(10.0, found)
        return np.asarray(self.offset + self.scale * found)

    def best(self, shown: npt.ArrayLike) -> float:
        """The best of what is shown; the worse infinity where nothing is."""
        return float(np.max(shown) if self.larger else np.min(shown))

    def ordered(
        self, low: npt.ArrayLike, high: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Both ends of intervals, given as they are minimised, with the smaller of what is shown first."""
        ends = self.of(low), self.of(high)
        return (ends[1], ends[0]) if self.larger else ends

    def facts(self) -> dict[str, Any]:
        """What a log keeps of it: its name and all that is off its default."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name == "name" or getattr(self, f.name) != f.default
        }


class Rule(NamedTuple):
    """One line of `meta.shown`: the options under which it holds, as texts, and what it says."""

    objective: str
    options: Mapping[str, tuple[str, ...]]
    shown: Shown

    def holds(self, options: Mapping[str, Any]) -> bool:
        """Whether a task's options are among those that it names."""
        return all(texts.text(options[key]) in allowed for key, allowed in self.options.items())


def rules(task: Resolved) -> list[Rule]:
    """Read what a task's metadata declares. Raises InputError, in one line, where it is not well formed."""
    declared = task.meta.get("shown") or {}
    if not isinstance(declared, Mapping):
        raise InputError(f"{task.name}: meta.shown must map objectives to how they are shown, got {declared!r}")
    found = []
    for key, given in declared.items():
        objective, *pairs = str(key).split("/")
        where = f"{task.name}: meta.shown.{key}"
        options = dict(_condition(where, pair, task.options) for pair in pairs)
        found.append(Rule(objective, options, _read(where, given)))
    return found


def of_task(task: Resolved, objectives: Iterable[str]) -> dict[str, Shown]:
    """How a task's objectives are shown, those that it declares only. Raises InputError as `rules` does."""
    holding = [rule for rule in rules(task) if rule.holds(task.options)]
    holding.sort(key=lambda rule: len(rule.options))  # stable: the last of the most special ones counts
    by_name = {rule.objective: rule.shown for rule in holding}
    return {name: by_name[name] for name in objectives if name in by_name}


def facts_of(task: Resolved, objectives: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same as a log's header keeps it."""
    return {name: shown.facts() for name, shown in of_task(task, objectives).items()}


def of_header(header: Mapping[str, Any]) -> dict[str, Shown]:
    """How the objectives of a run are shown by its own account; keys of a newer version are passed over."""
    known = {f.name for f in fields(Shown)}
    kept = header.get("shown") or {}
    return {name: Shown(**{key: x for key, x in own.items() if key in known}) for name, own in kept.items()}


def turned(objectives: Sequence[str], maximized: Sequence[bool]) -> dict[str, dict[str, Any]]:
    """What a log keeps of objectives that were maximised elsewhere and are stored with the opposite sign."""
    pairs = zip(objectives, maximized, strict=True)
    return {name: Shown(name, scale=-1.0).facts() for name, is_turned in pairs if is_turned}


def _condition(where: str, pair: str, options: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    key, colon, allowed = pair.partition(":")
    if not (key and colon and allowed):
        raise InputError(f"{where}: {pair!r} must be key:value, an option of the task")
    if key not in options:
        raise unknown(f"{where}: no option", key, options)
    return key, tuple(allowed.split("+"))


def _read(where: str, given: object) -> Shown:
    known = [f.name for f in fields(Shown)]
    if not isinstance(given, Mapping):
        raise InputError(f"{where} must be a mapping with the keys {', '.join(known)}, got {given!r}")
    for key in given:
        if key not in known:
            raise unknown(f"{where} has no key", str(key), known)
    name, unit, power10 = given.get("name", ""), given.get("unit", ""), given.get("power10", False)
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{where} needs a name to show, got {name!r}")
    if not isinstance(unit, str):
        raise InputError(f"{where}: unit must be text, got {unit!r}")
    if not isinstance(power10, bool):
        raise InputError(f"{where}: power10 must be true or false, got {power10!r}")
    scale, offset = (_number(where, key, given.get(key, default)) for key, default in (("scale", 1.0), ("offset", 0.0)))
    if scale == 0:
        raise InputError(f"{where}: scale must not be 0; below 0, larger is better")
    return Shown(name, unit, scale, offset, power10)


def _number(where: str, key: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise InputError(f"{where}: {key} must be a finite number, got {given!r}")
    return float(given)
