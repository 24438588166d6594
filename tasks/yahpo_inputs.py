"""What the inputs of a scenario may be: its full space, what of it is tuned, its instances and its fidelity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from carps_lite.core import Fidelity
from carps_lite.errors import InputError, nearest
from carps_lite.space import Categorical, Config, Float, Int, Space, Value
from carps_lite.tasks.yahpo_data import locate
from carps_lite.tasks.yahpo_scenarios import ONLY_INSTANCE, Scenario
from carps_lite.tasks.yahpo_space import read_space


@cache
def full_space(scenario: Scenario, folder: Path) -> Space:
    """All inputs, the instance and the fidelities among them; read once a process.

    The surrogate itself need not be there. Raises InputError where the file of the space is missing or damaged.
    """
    return read_space(locate(folder, f"{scenario.name}/config_space.json", spaces_only=True).read_bytes())


def tuned_space(scenario: Scenario, folder: Path) -> Space:
    """The inputs less instance and fidelities, on none of which any condition depends."""
    fixed = (scenario.instance, scenario.fidelity, scenario.repeats)
    return Space({name: p for name, p in full_space(scenario, folder).items() if name not in fixed})


@cache
def instances_of(scenario: Scenario, folder: Path) -> Mapping[str, None]:
    """The data sets that a scenario has, by their OpenML numbers, as the keys of a dict: there are up to 119."""
    if scenario.instance is None:
        return {ONLY_INSTANCE: None}
    p = full_space(scenario, folder)[scenario.instance]
    return dict.fromkeys(map(str, p.choices if isinstance(p, Categorical) else (p.default,)))


def check_instance(scenario: Scenario, folder: Path, instance: object) -> None:
    """Raise InputError, with the nearest match, on a data set that a scenario does not have."""
    known = instances_of(scenario, folder)
    if str(instance) not in known:
        raise InputError(f"yahpo {scenario.name}: no instance {str(instance)!r}{nearest(str(instance), known)}")


def axis_of(scenario: Scenario, folder: Path) -> Fidelity:
    """The fidelity with its native range."""
    low, high, integer = _range(scenario, folder, scenario.fidelity)
    return Fidelity(scenario.fidelity, low, high, integer)


def _range(scenario: Scenario, folder: Path, name: str) -> tuple[float, float, bool]:
    p = full_space(scenario, folder)[name]
    if not isinstance(p, Float | Int):
        raise InputError(f"yahpo {scenario.name}: {name} must be a number, and the data folder has {p}")
    return p.low, p.high, isinstance(p, Int)


@cache
def full_fidelity(scenario: Scenario, folder: Path) -> Mapping[str, float]:
    """The largest value of each fidelity."""
    axes = [name for name in (scenario.fidelity, scenario.repeats) if name is not None]
    return {name: _range(scenario, folder, name)[1] for name in axes}


def complete(scenario: Scenario, folder: Path, config: Mapping[str, Value]) -> Config:
    """Fill in the full fidelities where they are left out. Raises InputError on an unknown instance."""
    filled: Config = {**full_fidelity(scenario, folder), **config}
    given = filled.get(scenario.instance) if scenario.instance is not None else None
    if scenario.instance is not None and given is not None and given not in instances_of(scenario, folder):
        check_instance(scenario, folder, given)
        filled[scenario.instance] = str(given)
    return filled
