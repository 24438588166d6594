"""What the tasks of a family look like, found by building them: the source of `index.py`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import product
from typing import Any

from carps_lite import catalog, spec, values
from carps_lite.core import KINDS, Problem
from carps_lite.errors import InputError, MissingDependency
from carps_lite.index import Family, Limits, Shape

FAR = 1000  # an option that still builds here is taken to have no upper end
STEPS = range(1, 6)  # the next legal value of a free option is looked for this far from its default


def derive(name: str) -> Family:
    """Build every task that a family stands for and sort them by shape.

    Raises InputError where none of them can be built, with the reason of the first.
    """
    free = dict(_free(name))
    found: dict[str, tuple[Shape, Counter[str]]] = {}
    unseen: Counter[str] = Counter()
    reasons = []
    for one in members(name, free):
        try:
            shape = shape_of(spec.build(one))
        except InputError as error:
            reasons.append(error)
            if is_absence(one, error):  # else it is a combination that the family does not have
                unseen[type_of(one)] += 1
            continue
        _, groups = found.setdefault(repr(shape), (shape, Counter()))
        groups[group_of(one)] += 1
    if not found:
        raise reasons[0]
    shapes = tuple(replace(shape, groups=dict(sorted(groups.items()))) for shape, groups in found.values())
    version = int(catalog.load("tasks", name).meta.get("version", 1))
    return Family(name, version, shapes, free, _size(name, free), dict(sorted(unseen.items())))


def is_absence(one: spec.Resolved, error: InputError) -> bool:
    """Whether a task could not be built because a library or its data are not here."""
    absent = isinstance(error, MissingDependency) or spec.unavailable(one) is not None
    return absent or str(error).startswith("no data for ")


def type_of(one: spec.Resolved) -> str:
    """The type of a task that cannot be built, where metadata or an option such as `kind` tells; else "?"."""
    declared = one.meta.get("kinds", ())
    if len(declared) == 1:
        return str(declared[0])
    for key, allowed in one.meta.get("values", {}).items():
        if set(map(values.text, values.members(allowed) or ("",))) <= set(KINDS):
            return str(one.options[key])
    return "?"


def shape_of(task: Any) -> Shape:
    """Describe a task; its groups are filled in by the caller."""
    problem: Problem = task.problem
    counts = Counter(spec.parameter_kind(p) for p in problem.space.values())
    return Shape(
        kind=problem.kind,
        dim=len(problem.space),
        parameters=dict(sorted(counts.items())),
        conditional=sum(bool(p.when) for p in problem.space.values()),
        objectives=len(problem.objectives),
        constraints=len(problem.constraints),
        fidelity=problem.fidelity.name if problem.fidelity else None,
        optimum=getattr(task, "optimum", None) is not None,
        groups={},
    )


def group_of(one: spec.Resolved) -> str:
    """The function or data set that a task belongs to."""
    return str(one.meta.get("group", one.name)).format(**one.options)


def members(name: str, free: dict[str, Limits] | None = None) -> Iterator[spec.Resolved]:
    """The tasks that a family stands for, each once: all combinations of its finite lists, or those it names.

    A list-valued option, such as objectives, takes its default and what `variants` give it. An option that only moves
    the ends of the fidelity makes no further task. Where an option's values depend on another's, so that no list holds
    them, the tasks are those of the suites and the variants, each in all types that an option of its own names.
    """
    free = dict(_free(name)) if free is None else free
    entry = catalog.load("tasks", name)
    axes, listed = _axes(entry, free)
    named = [f"{name}/{v}" for v in ("", *entry.meta.get("variants", ()))]
    if listed:
        named += _combinations(name, axes)
    else:
        named += _in_suites(entry)
        named += [other for text in list(named) for other in _in_other_types(text, axes)]
    seen = set()
    for text in named:
        try:
            one = spec.resolve("tasks", text.rstrip("/"))
        except InputError:
            continue  # a combination that metadata itself rules out
        ordinary = all(one.options[key] == entry.options[key] for key in free) and (
            not listed or all(values.text(one.options[k]) in axis for k, axis in axes.items())
        )
        if ordinary and one.id not in seen:
            seen.add(one.id)
            yield one


def _axes(entry: catalog.Entry, free: dict[str, Limits]) -> tuple[dict[str, list[str]], bool]:
    """The texts that each finite option of the id can take, and whether that is all of them."""
    axes, listed = {}, True
    for key in entry.meta.get("identity", sorted(entry.options)):
        default, finite = entry.options[key], values.members(entry.meta.get("values", {}).get(key))
        if isinstance(default, list):
            given = (spec.resolve("tasks", f"{entry.name}/{v}").options[key] for v in entry.meta.get("variants", ()))
            axes[key] = list(dict.fromkeys(map(values.text, (default, *given))))
        elif finite is not None:
            counted = [default] if _moves_fidelity(entry, key, finite) else finite
            axes[key] = list(map(values.text, counted))
        elif key not in free and not isinstance(default, bool | float):
            listed = False
    return axes, listed


def _combinations(name: str, axes: dict[str, list[str]]) -> list[str]:
    pairs = ([f"{key}:{value}" for value in axis] for key, axis in axes.items())
    return ["/".join((name, *combination)) for combination in product(*pairs)]


def _in_other_types(text: str, axes: dict[str, list[str]]) -> Iterator[str]:
    """The same task with each value of an option that chooses the type, such as `kind`."""
    name, *pairs = text.rstrip("/").split("/")
    for key, axis in axes.items():
        if set(axis) <= set(KINDS):
            others = [pair for pair in pairs if not pair.startswith(f"{key}:")]
            yield from ("/".join((name, *others, f"{key}:{value}")) for value in axis)


def _moves_fidelity(entry: catalog.Entry, key: str, finite: list[Any]) -> bool:
    first, last = (_problem(f"{entry.name}/{key}:{values.text(finite[i])}") for i in (0, -1))
    if first is None or last is None or first.fidelity is None or last.fidelity is None:
        return False
    alike = asdict(replace(first, fidelity=None)) == asdict(replace(last, fidelity=None))
    return alike and first.fidelity != last.fidelity


def _in_suites(entry: catalog.Entry) -> list[str]:
    """The tasks of a family in all suites; those of the package's families in the package's suites only."""
    paths = {suite: catalog.suite_path(suite) for suite in catalog.names("suites")}
    ours = [suite for suite, path in paths.items() if path is not None and path.parent.parent == catalog.PACKAGED]
    packaged = entry.path is not None and entry.path.parent.parent == catalog.PACKAGED
    return _by_family(tuple(ours if packaged else paths)).get(entry.name, [])


@lru_cache(maxsize=8)
def _by_family(suites: tuple[str, ...]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for one in spec.expand("tasks", suites):
        found[one.partition("/")[0]].append(one)
    return found


def _problem(text: str) -> Problem | None:
    try:
        problem: Problem = spec.make("tasks", text).problem
    except (InputError, ValueError):
        return None
    return problem


def _free(name: str) -> Iterator[tuple[str, Limits]]:
    """The whole-number options of the id that have no list and whose neighbours build, with their ends."""
    entry = catalog.load("tasks", name)
    for key in entry.meta.get("identity", sorted(entry.options)):
        default = entry.options[key]
        if isinstance(default, bool) or not isinstance(default, int):
            continue
        if values.members(entry.meta.get("values", {}).get(key)) is not None:
            continue
        if any(_problem(f"{name}/{key}:{default + step}") for step in STEPS):
            yield key, (_least(name, key, default), _largest(name, key, default))


def _least(name: str, key: str, default: int) -> int:
    return next(value for value in range(default + 1) if value == default or _problem(f"{name}/{key}:{value}"))


def _largest(name: str, key: str, default: int) -> int | None:
    """Bisect between the default and FAR, stepping over gaps; None where FAR builds."""

    def next_legal(value: int) -> int | None:
        return next((v for v in range(value, value + len(STEPS)) if _problem(f"{name}/{key}:{v}")), None)

    low, high = default, FAR
    if next_legal(FAR) is not None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        legal = next_legal(middle)
        low, high = (low, middle) if legal is None else (legal, high)
    return low


def _size(name: str, free: dict[str, Limits]) -> str | None:
    """The free option that is the number of parameters, checked at its default and at the next value."""
    entry = catalog.load("tasks", name)
    for key in free:
        default = entry.options[key]
        built = [(value, _problem(f"{name}/{key}:{value}")) for value in (default, *(default + s for s in STEPS))]
        sizes = [(value, len(problem.space)) for value, problem in built if problem is not None]
        if all(value == size for value, size in sizes):
            return key
    return None
