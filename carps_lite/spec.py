"""Spec strings: `name/key:value/...` names one task or optimizer, `fid:1..24` or `dim:2+5` several, a suite a list.

`configs/<kind>/<name>.yaml` holds the defaults; a name with a dot is an import path. See docs/concepts.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from carps_lite import catalog, data, values
from carps_lite.core import Problem
from carps_lite.errors import InputError, MissingDependency, nearest, unknown
from carps_lite.libraries import installed_version
from carps_lite.locate import locate
from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Param

Options = dict[str, Any]


@dataclass(frozen=True)
class Resolved:
    """A spec with everything filled in: what to build, with which options, and what is known without building it."""

    kind: str  # "tasks" or "optimizers"
    name: str
    id: str
    target: str
    options: Options
    meta: Mapping[str, Any] = field(default_factory=dict)


def resolve(kind: str, spec: str) -> Resolved:
    """Look a single spec up and fill in its options. Raises InputError on a name, key or value that does not exist."""
    name, given = _split(kind, spec)
    if "." in name:
        target, defaults, meta, open_ended = name, *_signature(kind, name)
    else:
        entry = catalog.load(kind, name)
        target, defaults, meta, open_ended = entry.target, entry.options, entry.meta, False
    options = dict(defaults)
    for key, text in given.items():
        if key not in defaults and not open_ended:
            hint = f"carps-lite list {kind} {name}"
            raise unknown(f"{name} has no option", key, defaults, hint if "." not in name else "")
        options[key] = values.parse(name, key, text, defaults.get(key))
        values.check_allowed(name, key, options[key], meta.get("values", {}).get(key))
    return Resolved(kind, name, _identify(kind, name, options, defaults, meta), target, options, meta)


def canonical(kind: str, spec: str) -> str:
    """Return the id of a spec: for a task all its identity keys, for an optimizer those that are off their default."""
    return resolve(kind, spec).id


def meta(kind: str, spec: str) -> Mapping[str, Any]:
    """Return the declared metadata of a spec, without building it."""
    return resolve(kind, spec).meta


def names(kind: str) -> list[str]:
    """List the names in `configs/<kind>`, the package's and the user's."""
    return catalog.names(kind)


def expand(kind: str, specs: str | Iterable[str]) -> list[str]:
    """Expand ranges, alternatives, suites and suite files to single specs, in order, each once."""
    listed = [specs] if isinstance(specs, str) else list(specs)
    return list(dict.fromkeys(one for spec in listed for one in _expand_one(kind, str(spec).strip(), ())))


def resolve_all(kind: str, specs: str | Iterable[str]) -> list[Resolved]:
    """Expand and resolve; two specs that name the same thing count once."""
    found = (resolve(kind, one) for one in expand(kind, specs))
    return list({one.id: one for one in found}.values())


def build(resolved: Resolved, **kwargs: Any) -> Any:
    """Build what a spec names. Raises MissingDependency, naming the command that helps, where a library is missing."""
    reason = unavailable(resolved)
    if reason:
        raise MissingDependency(reason)
    return locate(resolved.target)(**kwargs, **resolved.options)


def make(kind: str, spec: str, **kwargs: Any) -> Any:
    """Resolve and build: `make("tasks", "bbob/fid:3")`, `make("optimizers", "tpe", problem=problem, seed=0)`."""
    return build(resolve(kind, spec), **kwargs)


def unavailable(resolved: Resolved) -> str | None:
    """Say which library or data set is missing and how to get it; None where all is there that metadata lists."""
    missing = [name for name in resolved.meta.get("libraries", ()) if installed_version(name) is None]
    if not missing:
        return data.missing(resolved.meta["data"]) if "data" in resolved.meta else None
    extra = resolved.meta.get("extra")
    command = f"pip install 'carps-lite[{extra}]'" if extra else f"pip install {' '.join(missing)}"
    return f"{resolved.name} needs {' and '.join(missing)}: {command}"


def mismatch(meta: Mapping[str, Any], problem: Problem) -> str | None:
    """Say why an optimizer with this metadata cannot take this problem, or None where it can."""
    kinds = meta.get("kinds")
    if kinds is not None and problem.kind not in kinds:
        return f"it handles {', '.join(kinds)}; the task is {problem.kind}"
    handled = meta.get("parameters")
    for name, p in problem.space.items():
        if handled is not None and parameter_kind(p) not in handled:
            return f"it handles {', '.join(handled)} parameters; {name!r} is {parameter_kind(p)}"
        if p.when and not meta.get("conditions", True):
            return f"it handles no conditions; {name!r} depends on {', '.join(map(repr, p.when))}"
    if problem.constraints and not meta.get("constraints", True):
        return f"it handles no constraints; the task has {', '.join(problem.constraints)}"
    if problem.space.conditional and not meta.get("conditions", True):
        return "it handles no conditions"
    return None


def parameter_kind(p: Param) -> str:
    """One of float, int, categorical, ordinal, constant."""
    kinds = {Float: "float", Int: "int", Ordinal: "ordinal", Categorical: "categorical", Constant: "constant"}
    return kinds[type(p)]


def _split(kind: str, spec: str) -> tuple[str, dict[str, str]]:
    name, *pairs = spec.strip().split("/")
    given: dict[str, str] = {}
    for pair in pairs:
        key, colon, text = pair.partition(":")
        if not (key and colon):
            raise InputError(f"{kind[:-1]} {spec!r}: {pair!r} must be key:value, such as {name}/{key or 'key'}:1")
        if key in given:
            raise InputError(f"{kind[:-1]} {spec!r} gives {key!r} twice")
        given[key] = text
    return name, given


def _identify(kind: str, name: str, options: Options, defaults: Options, meta: Mapping[str, Any]) -> str:
    if kind == "tasks":
        spelled = list(meta.get("identity", sorted(defaults)))
        keys = spelled + [k for k in sorted(options) if k not in spelled and _changed(k, options, defaults)]
    else:
        keys = [k for k in options if _changed(k, options, defaults)]
    return "/".join((name, *(f"{key}:{values.text(options[key])}" for key in keys)))


def _changed(key: str, options: Options, defaults: Options) -> bool:
    return key not in defaults or values.text(options[key]) != values.text(defaults[key])


def _signature(kind: str, path: str) -> tuple[Options, Mapping[str, Any], bool]:
    """Options with defaults, `meta` and whether any keyword goes, of somebody's own class."""
    made: Callable[..., Any] = locate(path)
    if not callable(made):
        raise InputError(f"{path} is not a class or function")
    reserved = ("problem", "seed") if kind == "optimizers" else ()
    options: Options = {}
    open_ended = False
    for name, p in inspect.signature(made).parameters.items():
        if p.kind is p.VAR_KEYWORD:
            open_ended = True
        elif name not in reserved and p.kind is not p.VAR_POSITIONAL:
            options[name] = None if p.default is p.empty else p.default
    declared = getattr(made, "meta", {})
    # as a plain dict: a read-only view of one cannot be sent to another process
    return options, _plain(declared) if isinstance(declared, Mapping) else {}, open_ended


def _plain(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, Mapping) else value for key, value in declared.items()}


def _expand_one(kind: str, spec: str, within: tuple[str, ...]) -> Iterator[str]:
    if not spec:
        raise InputError(f"an empty name among the {kind}")
    name, *pairs = spec.split("/")
    path = catalog.suite_path(spec) if kind == "tasks" else None
    if path is not None:
        if str(path) in within:
            raise InputError(f"suite {spec!r} contains itself: {' -> '.join((*within, str(path)))}")
        for line in catalog.load_suite(path):
            yield from _expand_one(kind, line, (*within, str(path)))
        return
    if "." not in name and name not in catalog.names(kind):
        _refuse(kind, name, bool(pairs))
    allowed = resolve(kind, name).meta.get("values", {}) if any(p.endswith(":all") for p in pairs) else {}
    for combination in product(*(values.alternatives(name, pair, allowed) for pair in pairs)):
        yield "/".join((name, *combination))


def _refuse(kind: str, name: str, has_options: bool) -> None:
    suites = catalog.names("suites") if kind == "tasks" else []
    if name in suites:
        raise InputError(f"{name!r} is a suite and takes no options")
    what = "task or suite" if kind == "tasks" and not has_options else kind[:-1]
    known = [*catalog.names(kind), *(suites if not has_options else [])]
    raise InputError(f"no {what} named {name!r}{nearest(name, known)}   (carps-lite list {kind})")
