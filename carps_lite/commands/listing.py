"""`carps-lite list`: what there is to run, read from the YAML files and the index of the tasks, without any library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from carps_lite import catalog, values
from carps_lite.commands.task_filter import OPTIONS, Filter, Listed, read_filter, select
from carps_lite.errors import InputError, unknown

if TYPE_CHECKING:
    from carps_lite.spec import Resolved

HELP = """carps-lite list: list tasks, optimizers or suites

usage: carps-lite list tasks|optimizers|suites [PATTERN] [FILTERS]

  carps-lite list tasks                      every family of tasks, with how many it holds, its types and dimensions
  carps-lite list tasks 'hpo*'               those whose name matches
  carps-lite list tasks --type mf --max-dim 6
  carps-lite list optimizers tpe             one of them with all its options, what it handles, and its source

filters of tasks, any of them together:
  --type T        bb, mf, mo or momf; several with commas
  --min-dim N     at least N parameters       --max-dim N   at most N
  --group P       the function or data set matches P, such as 'bbob/fid:1*'
  --no-data       nothing but a library is needed: no data to bring

Options without a list of values, such as the dimension of a function, count once; docs/tasks.md says more."""

WHAT = ("tasks", "optimizers", "suites")


def main(args: Sequence[str]) -> int:
    """Print the names that match, one a line; a single one in full."""
    if not args:
        raise InputError(f"list needs one of {', '.join(WHAT)}   (carps-lite list --help)")
    what, *rest = args
    if what not in WHAT:
        raise unknown("cannot list", what, WHAT, "carps-lite list --help")
    wanted, patterns = read_filter(rest)
    if wanted and what != "tasks":
        raise InputError(f"{', '.join(OPTIONS)} are for tasks, not for {what}   (carps-lite list --help)")
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
    elif len(found) == 1 and patterns and not wanted:
        print("\n".join(_in_full(what, found[0])))
    elif what == "tasks":
        print("\n".join(_tasks(found, wanted)))
    else:
        print("\n".join(_optimizers(found)))
    return 0


def _tasks(names: Sequence[str], wanted: Filter) -> list[str]:
    listed = select(names, wanted)
    if not listed:
        raise InputError("no task passes all filters   (carps-lite list tasks)")
    entries = {one.name: catalog.load("tasks", one.name) for one in listed}
    width = max(map(len, entries))
    missing = {name for name, entry in entries.items() if _missing(entry)}
    lines = [_task(one, entries[one.name], width, one.name in missing) for one in listed]
    if missing:
        lines.append("[...]: not there yet; carps-lite list tasks NAME says how to get it")
    total = sum(one.n_tasks or 0 for one in listed)
    return [*lines, f"{total:,} task{'s' * (total != 1)} in {len(listed)} famil{'ies' if len(listed) > 1 else 'y'}"]


def _task(one: Listed, entry: catalog.Entry, width: int, missing: bool) -> str:
    kinds = ",".join(one.kinds or ("?",))
    count = "?" if one.n_tasks is None else f"{one.n_tasks:,}"
    note = f"   [{_needed(entry)}]" if missing else ""
    return f"{one.name:{width}}  {kinds:13} {count:>5}  {one.dims:9} {entry.meta.get('summary', '')}{note}"


def _optimizers(names: Sequence[str]) -> list[str]:
    entries = [catalog.load("optimizers", name) for name in names]
    width = max(len(e.name) for e in entries)
    lines = []
    for e in entries:
        note = f"   [{_needed(e)}]" if _missing(e) else ""
        lines.append(f"{e.name:{width}}  {','.join(e.meta.get('kinds', ['?'])):15} {e.meta.get('summary', '')}{note}")
    if any(map(_missing, entries)):
        lines.append("[...]: not there yet; carps-lite list optimizers NAME says how to get it")
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
    if what == "tasks":
        one = select([name], Filter())[0]
        lines += [] if one.n_tasks is None else [f"tasks: {one.n_tasks:,}", f"dimension: {one.dims}"]
    resolved = resolve(what, name)
    declared = meta.pop("shown", None)
    lines += [f"{key}: {_plain(value)}" for key, value in meta.items()]
    lines += [f"shown: {_shown(resolved)}"] if declared else []
    reason = unavailable(resolved)
    return [*lines, f"not there yet: {reason}"] if reason else lines


def _shown(resolved: Resolved) -> str:
    """How reports show the objectives: `val_error as validation accuracy (%) ↑`."""
    from carps_lite.shown import rules

    keys = resolved.meta["shown"]
    return ", ".join(f"{key} as {rule.shown.directed}" for key, rule in zip(keys, rules(resolved), strict=True))


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
