"""The filters of `carps-lite list tasks`: which tasks of which families pass, found in the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from carps_lite import catalog, index
from carps_lite.core import KINDS
from carps_lite.errors import InputError, unknown
from carps_lite.index import Family, Limits, Shape

OPTIONS = ("--type", "--min-dim", "--max-dim", "--group", "--no-data")


@dataclass(frozen=True)
class Filter:
    """What a task must be like; false where nothing is asked for."""

    kinds: tuple[str, ...] = ()
    min_dim: int | None = None
    max_dim: int | None = None
    group: str | None = None
    no_data: bool = False

    def __bool__(self) -> bool:
        return self != Filter()


@dataclass(frozen=True)
class Listed:
    """A line of the list: how many tasks of a family pass (None: not known), of which types and dimensions."""

    name: str
    kinds: tuple[str, ...]
    n_tasks: int | None
    dims: str


def read_filter(args: Sequence[str]) -> tuple[Filter, list[str]]:
    """Take the filters out of the arguments, `--type mf` or `--type=mf`; return them and what is left.

    Raises InputError on a filter that does not exist, one without its value, and a value that it cannot have.
    """
    given: dict[str, str] = {}
    rest: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            rest.append(word)
            continue
        name, equals, value = word.partition("=")
        if name not in OPTIONS:
            raise unknown("list has no option", name, OPTIONS, "carps-lite list --help")
        if name == "--no-data":
            if equals:
                raise InputError(f"--no-data takes no value, got {value!r}")
        elif not equals:
            if not words or words[0].startswith("--"):
                raise InputError(f"{name} needs a value, such as {name} {EXAMPLES[name]}")
            value = words.pop(0)
        if name in given:
            raise InputError(f"{name} is given twice")
        given[name] = value
    return _filter(given), rest


EXAMPLES = {"--type": "mf", "--min-dim": "2", "--max-dim": "6", "--group": "'bbob/*'"}


def _filter(given: dict[str, str]) -> Filter:
    kinds = tuple(given["--type"].split(",")) if "--type" in given else ()
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("no task type", kind, KINDS)
    low, high = (_number(name, given.get(name)) for name in ("--min-dim", "--max-dim"))
    if low is not None and high is not None and low > high:
        raise InputError(f"--min-dim must not exceed --max-dim, got {low} and {high}")
    return Filter(kinds, low, high, given.get("--group"), "--no-data" in given)


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{name} must be a whole number of at least 1, got {text!r}")
    return int(text)


def select(names: Sequence[str], wanted: Filter) -> list[Listed]:
    """The families that have tasks that pass, with how many; a family that cannot be looked at passes no filter."""
    found = []
    for name in names:
        if wanted.no_data and needs_data(catalog.load("tasks", name)):
            continue
        one = _look(name, wanted)
        if one is not None:
            found.append(one)
    return found


def _look(name: str, wanted: Filter) -> Listed | None:
    known = index.indexed_family(name)
    if known is None and not wanted:  # the user's own: nothing is imported for a plain list
        return Listed(name, tuple(catalog.load("tasks", name).meta.get("kinds", ())), None, "?")
    try:
        return _passing(known or index.family(name), wanted)
    except InputError:  # it does not build here
        return None


def _passing(family: Family, wanted: Filter) -> Listed | None:
    counts = [(shape, _count(family, shape, wanted)) for shape in family.shapes]
    chosen = [shape for shape, n in counts if n]
    if not chosen:
        return None
    n_tasks = sum(n for _, n in counts)
    if wanted.min_dim is None and wanted.max_dim is None and wanted.group is None:  # of others only the type is known
        n_tasks += sum(n for kind, n in family.unseen.items() if not wanted.kinds or kind in wanted.kinds)
    kinds = tuple(kind for kind in KINDS if kind in {shape.kind for shape in chosen})
    return Listed(family.name, kinds, n_tasks, between([family.dims(shape) for shape in chosen]))


def _count(family: Family, shape: Shape, wanted: Filter) -> int:
    low, high = family.dims(shape)
    fits = (wanted.max_dim is None or low <= wanted.max_dim) and (
        wanted.min_dim is None or high is None or high >= wanted.min_dim
    )
    if not fits or (wanted.kinds and shape.kind not in wanted.kinds):
        return 0
    return sum(n for group, n in shape.groups.items() if wanted.group is None or fnmatchcase(group, wanted.group))


def needs_data(entry: catalog.Entry) -> str:
    """How a family comes by its data: "" where it needs none, "get" by `carps-lite data get`, "folder" by the user."""
    if "data" in entry.meta:
        return "get"
    return "folder" if "data" in entry.options else ""


def between(limits: Sequence[Limits]) -> str:
    """Write the union of some ranges, such as `3 to 6` or `from 2`."""
    low = min(least for least, _ in limits)
    ends = [largest for _, largest in limits if largest is not None]
    if len(ends) < len(limits):
        return f"from {low}"
    return str(low) if low == max(ends) else f"{low} to {max(ends)}"
