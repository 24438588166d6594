"""The metadata of every task family is true: what can be derived from the tasks is derived and compared."""

import math
import re
import string
from collections import Counter

import pytest

from carps_lite import catalog, spec, values
from carps_lite.core import KINDS
from carps_lite.derive import FAR, is_absence, members
from carps_lite.errors import InputError

NAMES = spec.names("tasks")


def build(text):
    """Build a task and its problem; None where the family rules it out; skip where its library or data are not here."""
    try:
        one = spec.resolve("tasks", text)
    except InputError:
        return None
    try:
        task = spec.build(one)
        _ = task.problem
    except InputError as error:
        if is_absence(one, error):
            pytest.skip(str(error))
        return None
    return task


def present(name):
    """The tasks of a family that can be built here, as (resolved, task); skip where there is none."""
    found, reason = [], ""
    for one in members(name):
        try:
            task = spec.build(one)
            _ = task.problem
        except InputError as error:
            reason = str(error)
            continue
        found.append((one, task))
    if not found:
        pytest.skip(reason)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_declared_types_are_those_that_its_options_give(name):
    declared = catalog.load("tasks", name).meta["kinds"]
    assert set(declared) <= set(KINDS)
    assert len(set(declared)) == len(declared)
    found = {task.problem.kind for _, task in present(name)}
    assert found == set(declared), f"{name}: declared {declared}, its tasks are {sorted(found)}"


@pytest.mark.parametrize("name", NAMES)
def test_several_objectives_have_a_reference_point(name):
    for one, task in present(name):
        problem = task.problem
        if len(problem.objectives) > 1:
            assert problem.reference is not None, one.id
            assert len(problem.reference) == len(problem.objectives), one.id
            assert all(map(math.isfinite, problem.reference)), one.id
        else:
            assert problem.reference is None, one.id


@pytest.mark.parametrize("name", NAMES)
def test_an_optimum_is_a_finite_number_of_a_single_objective(name):
    for one, task in present(name):
        optimum = getattr(task, "optimum", None)
        if optimum is not None:
            assert len(task.problem.objectives) == 1, one.id
            assert math.isfinite(optimum), one.id
        declared = str(one.meta.get("optimum", ""))
        if declared.startswith("none"):
            assert optimum is None, f"{one.id}: the metadata says {declared!r}"
        elif declared and len(task.problem.objectives) == 1:
            assert optimum is not None, f"{one.id}: the metadata says {declared!r}"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_texts_say_of_the_parameters_is_so(name):
    """Such as `5 ordinal, 1 categorical parameters` or `3 to 6 parameters` in a YAML's `domain` or `space`."""
    meta = catalog.load("tasks", name).meta
    text = f"{meta.get('domain', '')}; {meta.get('space', '')}"
    problems = [task.problem for _, task in present(name)]
    sizes = [len(problem.space) for problem in problems]
    total = re.search(r"(\d+)(?: to (\d+))? parameters", text)
    if total:
        assert (min(sizes), max(sizes)) == (int(total[1]), int(total[2] or total[1]))
    for problem in problems:
        kinds = Counter(spec.parameter_kind(p) for p in problem.space.values())
        for n, kind in re.findall(r"(\d+) (float|integer|categorical|ordinal)\b", text):
            assert kinds["int" if kind == "integer" else kind] == int(n)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_summary_says_of_optima_and_fronts_is_so(name):
    summary = catalog.load("tasks", name).meta["summary"].lower()
    says_optimum = re.search(r"known optim|optimum known|with optimum|best value known", summary) is not None
    says_front = re.search(r"(with|and) (its|the|their) pareto front", summary) is not None
    if "most with" in summary or not (says_optimum or says_front):
        return
    for one, task in present(name):
        if says_optimum:
            assert task.optimum is not None, one.id
        if says_front:
            assert len(task.pareto_front()) > 1, one.id


@pytest.mark.parametrize("name", NAMES)
def test_the_group_names_options_only_and_differs_where_they_do(name):
    entry = catalog.load("tasks", name)
    keys = {key for _, key, _, _ in string.Formatter().parse(entry.meta["group"]) if key is not None}
    assert keys <= set(entry.options)
    assert keys <= set(entry.meta["identity"]), "tasks with one id would have several groups"


@pytest.mark.parametrize("name", NAMES)
def test_tasks_of_one_id_are_one(name):
    ids = [one.id for one in members(name)]
    assert len(set(ids)) == len(ids)
    for one in members(name):
        assert spec.canonical("tasks", one.id) == one.id


def lists():
    for name in NAMES:
        for key, allowed in catalog.load("tasks", name).meta.get("values", {}).items():
            yield pytest.param(name, key, allowed, id=f"{name}-{key}")


def contexts(name, key):
    """The family's tasks to try a value in: the default, the variants, those of suites, and larger free numbers."""
    entry = catalog.load("tasks", name)
    pairs = ["", *entry.meta.get("variants", ())]
    pairs += [one.id.partition("/")[2] for one in members(name)]
    for other, default in entry.options.items():
        if type(default) is int and other != key and other not in entry.meta.get("values", {}):
            pairs += [f"{other}:{default * factor}" for factor in (2, 3, 4)]
    for text in dict.fromkeys(pairs):
        yield "/".join(p for p in text.split("/") if p and not p.startswith(f"{key}:"))


@pytest.mark.parametrize(("name", "key", "allowed"), list(lists()))
def test_each_listed_value_builds(name, key, allowed):
    """At the defaults or, where it needs other options beside it, in a variant or a task that a suite names."""
    entry = catalog.load("tasks", name)
    assert key in entry.options
    finite = values.members(allowed)
    assert finite is not None, f"{allowed!r} is no list and no range"
    assert len(set(map(values.text, finite))) == len(finite)
    default = entry.options[key]
    for one in default if isinstance(default, list) else [default]:
        assert values.text(one) in map(values.text, finite)
    listed = {values.text(v) for one, _ in present(name) for v in one.options[key]} if isinstance(default, list) else {}
    for value in finite:
        text = values.text(value)
        tried = ("/".join(filter(None, (name, context, f"{key}:{text}"))) for context in contexts(name, key))
        assert text in listed or any(build(one) is not None for one in tried), f"{name}: {key}:{text} never builds"


def others_of(name, key):
    """What other families of the same class list."""
    target = catalog.load("tasks", name).target
    entries = [catalog.load("tasks", other) for other in NAMES if other != name]
    return {v for e in entries if e.target == target for v in values.members(e.meta.get("values", {}).get(key)) or ()}


@pytest.mark.parametrize(("name", "key", "allowed"), list(lists()))
def test_a_value_beyond_the_list_is_refused_by_the_class_too(name, key, allowed):
    """The list is complete: the class itself, which a Python user calls, knows no value outside it."""
    entry = catalog.load("tasks", name)
    if build(name) is None:
        pytest.fail(f"{name} does not build at its defaults")
    finite = values.members(allowed)
    whole = all(isinstance(v, int) for v in finite)
    for value in ({min(finite) - 1, max(finite) + 1, FAR**2} if whole else {"no-such-value"}) - others_of(name, key):
        given = [value] if isinstance(entry.options[key], list) else value
        resolved = spec.resolve("tasks", name)
        changed = spec.Resolved("tasks", name, name, resolved.target, {**resolved.options, key: given}, resolved.meta)
        with pytest.raises(InputError, match=r"^[^\n]+$"):
            _ = spec.build(changed).problem
