"""Search spaces as yahpo_data writes them (ConfigSpace's JSON, format 0.2), read into a Space without loss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Param, Space, Value, When

Entry = Mapping[str, Any]
Clause = tuple[str, tuple[Value, ...]]  # a parent and the values at which the child is active


def read_space(text: str | bytes) -> Space:
    """Read all parameters with their ranges, scales, defaults and conditions, parents before children.

    Raises ValueError, naming the parameter, on what a Space cannot express: other distributions, weights, steps, other
    conditions than equality, membership and their conjunction, and forbidden combinations.
    """
    written = json.loads(text)
    if written.get("forbiddens"):
        raise ValueError(f"forbidden combinations cannot be expressed: {written['forbiddens'][0]}")
    conditions: dict[str, When] = {}
    for condition in written["conditions"]:
        child = condition["child"]
        conditions[child] = _joined([*conditions.get(child, {}).items(), *_clauses(condition)])
    params = {entry["name"]: _param(entry, conditions.get(entry["name"], {})) for entry in written["hyperparameters"]}
    unknown = conditions.keys() - params.keys()
    if unknown:
        raise ValueError(f"conditions of parameters that are not there: {', '.join(sorted(unknown))}")
    return Space(_parents_first(params))


def _clauses(condition: Entry) -> Iterator[Clause]:
    kind = condition["type"]
    if kind == "AND":
        for part in condition["conditions"]:
            yield from _clauses(part)
    elif kind == "EQ":
        yield condition["parent"], (condition["value"],)
    elif kind == "IN":
        yield condition["parent"], tuple(condition["values"])
    else:
        raise ValueError(f"a condition of type {kind} (of {condition['child']!r}) cannot be expressed")


def _joined(clauses: list[Clause]) -> When:
    """All clauses at once: those of one parent become what they have in common."""
    joined: dict[str, tuple[Value, ...]] = {}
    for parent, values in clauses:
        joined[parent] = tuple(v for v in joined.get(parent, values) if v in values)
    return joined


def _param(entry: Entry, when: When) -> Param:
    kind, name = entry["type"], entry["name"]
    if entry.get("q") is not None or entry.get("probabilities") is not None or entry.get("weights") is not None:
        raise ValueError(f"steps and weights (of {name!r}) cannot be expressed")
    makers: dict[str, Callable[[], Param]] = {
        "uniform_float": lambda: Float(entry["lower"], entry["upper"], entry["log"], entry["default"], when),
        "uniform_int": lambda: Int(entry["lower"], entry["upper"], entry["log"], entry["default"], when),
        "categorical": lambda: Categorical(tuple(entry["choices"]), entry["default"], when),
        "ordinal": lambda: Ordinal(tuple(entry["sequence"]), entry["default"], when),
        "constant": lambda: Constant(entry["value"], when),
    }
    if kind not in makers:
        raise ValueError(f"a parameter of type {kind} ({name!r}) cannot be expressed")
    return makers[kind]()


def _parents_first(params: Mapping[str, Param]) -> dict[str, Param]:
    """The order of the file, but for children that stand before a parent."""
    ordered: dict[str, Param] = {}
    waiting = dict(params)
    while waiting:
        ready = [n for n, p in waiting.items() if all(q in ordered or q not in params for q in p.when)]
        if not ready:
            raise ValueError(f"conditions in a circle: {', '.join(sorted(waiting))}")
        # one at a time where something waits, so that the rest keeps its place
        for name in ready if len(ready) == len(waiting) else ready[:1]:
            ordered[name] = waiting.pop(name)
    return ordered
