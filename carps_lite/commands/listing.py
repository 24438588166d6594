"""`carps-lite list`: what there is to run, read from the YAML files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

from carps_lite import catalog, values
from carps_lite.errors import InputError, unknown

HELP = """carps-lite list: list tasks, optimizers or suites

usage: carps-lite list tasks|optimizers|suites [PATTERN]

  carps-lite list tasks            every family of tasks, with its types and parameters
  carps-lite list tasks 'hpo*'     those whose name matches
  carps-lite list optimizers tpe   one of them with all its options, what it handles, and its source"""

WHAT = ("tasks", "optimizers", "suites")


def main(args: Sequence[str]) -> int:
    """Print the names that match, one a line; a single one in full."""
    if not args:
        raise InputError(f"list needs one of {', '.join(WHAT)}   (carps-lite list --help)")
    what, *patterns = args
    if what not in WHAT:
        raise unknown("cannot list", what, WHAT, "carps-lite list --help")
    if len(patterns) > 1:
        raise InputError(
            f"list takes one pattern, got {len(patterns)}; quote it: carps-lite list {what} '{patterns[0]}'"
        )
    names = catalog.names(what)
    pattern = patterns[0] if patterns else "*"
    found = [n for n in names if fnmatch(n, pattern)] or [n for n in names if pattern in n]
    if not found:
        raise unknown(f"no {what[:-1]} matches", pattern, names)
    if what == "suites":
        print("\n".join(_suites(found)))
    elif len(found) == 1 and patterns:
        print("\n".join(_in_full(what, found[0])))
    else:
        print("\n".join(_table(what, found)))
    return 0


def _table(what: str, names: Sequence[str]) -> list[str]:
    entries = [catalog.load(what, name) for name in names]
    width = max(len(e.name) for e in entries)
    lines = []
    for e in entries:
        kinds = ",".join(e.meta.get("kinds", ["?"]))
        note = f"   [{_needed(e)}]" if _missing(e) else ""
        lines.append(f"{e.name:{width}}  {kinds:15} {e.meta.get('summary', '')}{note}")
    if any(map(_missing, entries)):
        lines.append("[...]: not there yet; carps-lite list tasks NAME says how to get it")
    return lines


def _missing(entry: catalog.Entry) -> bool:
    from carps_lite.spec import Resolved, unavailable

    return unavailable(Resolved("", entry.name, entry.name, entry.target, {}, entry.meta)) is not None


def _needed(entry: catalog.Entry) -> str:
    return str(entry.meta.get("extra") or f"data {entry.meta.get('data', '')}".strip())


def _in_full(what: str, name: str) -> list[str]:
    from carps_lite.spec import resolve, unavailable

    entry = catalog.load(what, name)
    meta = dict(entry.meta)
    lines = [f"{name}: {meta.pop('summary', '')}", "options:" if entry.options else "no options"]
    allowed: Mapping[str, Any] = meta.pop("values", {})
    for key, value in entry.options.items():
        limits = allowed.get(key)
        text = values.text(limits).replace("@", ", ") if isinstance(limits, list) else limits
        lines.append(f"  {key}:{values.text(value)}{f'   ({text})' if limits is not None else ''}")
    lines += [f"{key}: {_plain(value)}" for key, value in meta.items()]
    reason = unavailable(resolve(what, name))
    return [*lines, f"not there yet: {reason}"] if reason else lines


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else values.text(value)


def _suites(names: Sequence[str]) -> list[str]:
    from carps_lite.spec import expand

    width = max(map(len, names))
    lines = []
    for name in names:
        path = catalog.suite_path(name)
        assert path is not None
        lines.append(f"{name:{width}}  {len(expand('tasks', name)):5,} tasks   {catalog.suite_summary(path)}")
    return lines
