"""Search spaces of other libraries, there and back: Optuna's distributions and ConfigSpace.

Each function imports its library when it is called. What the other side cannot express raises ValueError, naming the
parameter and why; nothing is lost silently but what a docstring names. Two rules hold everywhere: a range of one value
and a single Optuna choice become a constant, and parents come before the parameters that depend on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from carps_lite.errors import MissingDependency
from carps_lite.space import Categorical, Config, Constant, Float, Int, Ordinal, Param, Space, Value, When, same

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace
    from optuna.distributions import BaseDistribution

FINITE = 1000  # an inequality on a whole number is spelled out up to this many values


def to_optuna(
    space: Space, *, ordinal_as_categorical: bool = False, drop_conditions: bool = False
) -> dict[str, BaseDistribution]:
    """Turn a space into Optuna distributions, which know no default.

    Optuna has no ordinal parameter and a dict of distributions no conditions: both raise unless asked for.
    `ordinal_as_categorical` gives up the order. `drop_conditions` gives a distribution to every parameter; sample all
    and call `space.prune`.
    """
    if not drop_conditions:
        for name, p in space.items():
            if p.when:
                raise ValueError(f"parameter {name!r} is conditional, which a dict of Optuna distributions cannot say")
    distributions = {}
    for name, p in space.items():
        with _naming(name):
            distributions[name] = _to_distribution(p, ordinal_as_categorical)
    return distributions


def _to_distribution(p: Param, ordinal_as_categorical: bool) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(p, Float):
        return FloatDistribution(p.low, p.high, log=p.log)
    if isinstance(p, Int):
        return IntDistribution(p.low, p.high, log=p.log)
    if isinstance(p, Constant):
        return CategoricalDistribution((p.value,))
    if isinstance(p, Ordinal) and not ordinal_as_categorical:
        raise ValueError("Optuna has no ordinal parameters; ordinal_as_categorical=True gives up the order")
    if len(set(p.choices)) < len(p.choices):
        raise ValueError(f"Optuna cannot tell a bool from the number it equals, in {p.choices}")
    return CategoricalDistribution(p.choices)


def from_optuna(distributions: Mapping[str, BaseDistribution]) -> Space:
    """Turn Optuna distributions into a space, with its usual defaults.

    Raises ValueError on a step and on choices that are no finite number, string or bool (None is one).
    """
    params: dict[str, Param] = {}
    for name, distribution in distributions.items():
        with _naming(name):
            params[name] = _from_distribution(distribution)
    return Space(params)


def _from_distribution(d: BaseDistribution) -> Param:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(d, FloatDistribution) and d.step is None:
        return Float(d.low, d.high, d.log)
    if isinstance(d, IntDistribution) and d.step == 1:
        return Int(d.low, d.high, d.log)
    if isinstance(d, FloatDistribution | IntDistribution):
        raise ValueError(f"a step cannot be expressed: {d}")
    if isinstance(d, CategoricalDistribution):
        choices: tuple[Any, ...] = tuple(map(_plain, d.choices))
        return Constant(choices[0]) if len(choices) == 1 else Categorical(choices)
    raise ValueError(f"no parameter corresponds to {d}")


def to_configspace(space: Space, seed: int | None = None) -> ConfigurationSpace:
    """Turn a space into a ConfigurationSpace, which orders its parameters anew; `seed` is for its own sampling.

    Where a conjunction joins parents of different depth, ConfigSpace 1.2.2 samples configurations with an inactive
    parameter, which its own check then refuses: call `space.prune` on what comes back. Raises ValueError on bools
    beside numbers, which ConfigSpace turns into one type.
    """
    library = _configspace()
    made: dict[str, Any] = {}
    conditions = []
    for name, p in space.items():
        with _naming(name):
            made[name] = _to_hyperparameter(library, name, p)
            if p.when:
                conditions.append(_to_condition(library, made, name, p.when))
    converted: ConfigurationSpace = library.ConfigurationSpace(seed=seed)
    converted.add(*made.values())
    converted.add(*conditions)
    return converted


def _to_hyperparameter(library: Any, name: str, p: Param) -> Any:
    if isinstance(p, Constant):
        return library.Constant(name, p.value)
    if isinstance(p, Float | Int):
        if p.low == p.high:
            return library.Constant(name, p.low)
        kind = library.UniformFloatHyperparameter if isinstance(p, Float) else library.UniformIntegerHyperparameter
        return kind(name, p.low, p.high, default_value=p.default, log=p.log)
    types = {type(choice) for choice in p.choices}
    if bool in types and types & {int, float}:
        raise ValueError(f"ConfigSpace keeps bools and numbers of one parameter as one type, in {p.choices}")
    kind = library.OrdinalHyperparameter if isinstance(p, Ordinal) else library.CategoricalHyperparameter
    return kind(name, list(p.choices), default_value=p.default)


def _to_condition(library: Any, made: Mapping[str, Any], name: str, when: When) -> Any:
    parts = []
    for parent, values in when.items():
        if not values:
            raise ValueError(f"it waits for no value of {parent!r} and can never be active")
        single = len(values) == 1
        kind, wanted = (library.EqualsCondition, values[0]) if single else (library.InCondition, list(values))
        parts.append(kind(made[name], made[parent], wanted))
    return parts[0] if len(parts) == 1 else library.AndConjunction(*parts)


def from_configspace(space: ConfigurationSpace) -> Space:
    """Turn a ConfigurationSpace into a space; parents first, otherwise in its order.

    Conditions over one parent's finite values are spelled out as those values. Raises ValueError on forbidden clauses,
    or-conditions over several parents, inequalities without a finite list of values, weighted choices and
    distributions other than the uniform one.
    """
    library = _configspace()
    for clause in space.forbidden_clauses:
        raise ValueError(f"a forbidden clause cannot be expressed: {clause}")
    whens: dict[str, dict[str, tuple[Value, ...]]] = {}
    params: dict[str, Param] = {}
    for name in space:
        with _naming(name):
            allowed = [_allowed(library, condition) for condition in space.parent_conditions_of[name]]
            whens[name] = {parent: tuple(values) for parent, values in _all_of(allowed).items()}
            params[name] = _from_hyperparameter(library, space[name], whens[name])
    return Space({name: params[name] for name in _parents_first(whens)})


def _from_hyperparameter(library: Any, h: Any, when: When) -> Param:
    if isinstance(h, library.UniformFloatHyperparameter):
        return Float(h.lower, h.upper, h.log, _plain(h.default_value), when)
    if isinstance(h, library.UniformIntegerHyperparameter):
        return Int(h.lower, h.upper, h.log, _plain(h.default_value), when)
    if isinstance(h, library.Constant):
        return Constant(_plain(h.value), when)
    if isinstance(h, library.OrdinalHyperparameter):
        return Ordinal(tuple(map(_plain, h.sequence)), _plain(h.default_value), when)
    if isinstance(h, library.CategoricalHyperparameter):
        if h.weights is not None and len(set(h.weights)) > 1:
            raise ValueError(f"choices with different weights cannot be expressed: {h.weights}")
        return Categorical(tuple(map(_plain, h.choices)), _plain(h.default_value), when)
    raise ValueError(f"a {type(h).__name__} cannot be expressed; only the uniform distributions can")


def _allowed(library: Any, condition: Any) -> dict[str, list[Any]]:
    """The values of each parent under which a condition holds, all parents together."""
    if isinstance(condition, library.AndConjunction):
        return _all_of([_allowed(library, part) for part in condition.components])
    if isinstance(condition, library.OrConjunction):
        parts = [_allowed(library, part) for part in condition.components]
        parents = {parent for part in parts for parent in part}
        if len(parents) > 1:
            raise ValueError(f"an or-condition over several parents cannot be expressed: {condition}")
        (parent,) = parents
        return {parent: _union(part[parent] for part in parts)}
    if isinstance(condition, library.EqualsCondition):
        return {condition.parent.name: [_plain(condition.value)]}
    if isinstance(condition, library.InCondition):
        return {condition.parent.name: list(map(_plain, condition.values))}
    name = condition.parent.name
    return {name: [v for v in _values(library, condition) if condition.satisfied_by_value({name: v})]}


def _values(library: Any, condition: Any) -> list[Any]:
    """All values of the parent of an inequality."""
    parent = condition.parent
    if isinstance(parent, library.UniformIntegerHyperparameter) and parent.upper - parent.lower < FINITE:
        return list(range(int(parent.lower), int(parent.upper) + 1))
    for attribute in ("choices", "sequence"):
        if hasattr(parent, attribute):
            return list(map(_plain, getattr(parent, attribute)))
    if isinstance(parent, library.Constant):
        return [_plain(parent.value)]
    raise ValueError(f"the condition {condition} holds for more values than can be listed")


def _all_of(parts: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """The values that each of several conditions allows."""
    together: dict[str, list[Any]] = {}
    for part in parts:
        for parent, values in part.items():
            kept = together.get(parent, values)
            together[parent] = [v for v in kept if any(same(v, other) for other in values)]
    for parent, values in together.items():
        if not values:
            raise ValueError(f"its conditions on {parent!r} exclude each other, so it can never be active")
    return together


def _union(lists: Iterator[list[Any]]) -> list[Any]:
    merged: list[Any] = []
    for values in lists:
        merged += [v for v in values if not any(same(v, other) for other in merged)]
    return merged


def _parents_first(whens: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names in their order, but each after those that it depends on."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for parent in whens[name]:
            visit(parent)
        ordered[name] = None

    for name in whens:
        visit(name)
    return list(ordered)


def plain_config(space: Space, values: Mapping[str, Any]) -> Config:
    """Turn a configuration of another library into ours: the space's own Python values, in its order.

    NumPy scalars become Python ones, a whole float becomes the whole number of an Int, and a choice the object listed
    in the space. Which parameters are active is not looked at. Raises ValueError, naming the parameter, on a name or a
    value that the space does not know.
    """
    for name in values:
        if name not in space:
            raise ValueError(f"the space has no parameter {name!r}")
    return {name: _legal(name, p, _plain(values[name])) for name, p in space.items() if name in values}


def _legal(name: str, p: Param, x: Any) -> Value:
    if isinstance(p, Categorical | Constant):
        for choice in p.choices if isinstance(p, Categorical) else (p.value,):
            if same(x, choice):
                return choice
    elif isinstance(x, int | float) and not isinstance(x, bool):
        number: Value = float(x) if isinstance(p, Float) else int(x)
        if number == x and p.contains(number):
            return number
    raise ValueError(f"{name}={x!r} is outside {p}")


def _plain(x: Any) -> Any:
    """A Python scalar for a NumPy one; anything else as it is."""
    return x.item() if isinstance(x, np.generic) else x


def _configspace() -> Any:
    try:
        import ConfigSpace
    except ImportError:
        message = "converting this space needs ConfigSpace: pip install 'carps-lite[configspace]'"
        raise MissingDependency(message) from None
    return ConfigSpace


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Let what goes wrong inside name the parameter."""
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"parameter {name!r}: {error}") from error
