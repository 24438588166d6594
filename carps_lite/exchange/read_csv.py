"""Runs from a CSV file: a row a trial. The columns are those that `carps-lite export csv` writes; others can be mapped.

task, optimizer, seed, trial (its order in the run), value (or value.NAME, one per objective), and optionally cost,
fidelity, failure, n_workers, start, end, spent, noise_free, ask_seconds, evaluate_seconds, tell_seconds,
constraint.NAME, config.NAME, info (JSON).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from carps_lite.errors import InputError, nearest
from carps_lite.exchange.cells import parse_config_value
from carps_lite.exchange.foreign import ForeignRun, ForeignTrial
from carps_lite.rows import TIMES

SINGLE = ("task", "optimizer", "seed", "trial", "cost", "fidelity", "failure", "n_workers", "start", "end", "spent",
          "noise_free", *TIMES, "info")  # fmt: skip
MANY = ("value", "constraint", "config")
Numbered = tuple[int, dict[str, str]]  # a row and the number of its line
PREFIXES = {"constraint": "constraint.", "config": "config.", "value": "value."}


@dataclass
class Layout:
    """Which column plays which role."""

    single: dict[str, str] = field(default_factory=dict)
    value: dict[str, str] = field(default_factory=dict)  # objective -> column
    constraint: dict[str, str] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    @property
    def fidelity_name(self) -> str:
        """The name of the fidelity's axis: that of its column."""
        return self.single.get("fidelity", "fidelity")


def read_csv(
    path: Path,
    columns: Mapping[str, str],
    given: Mapping[str, Any],
    *,
    maximize: bool = False,
    configs: bool = True,
) -> tuple[list[ForeignRun], list[str]]:
    """Read all runs of a file, and the names of columns that were ignored.

    `columns`: role -> column, or several columns joined by `+` for value, constraint and config. `given`: task,
    optimizer or seed for files without such a column. Raises InputError, with the line's number, on the first bad row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            head = next(reader, None)
            if not head:
                raise InputError(f"{path}: the file is empty")
            layout = lay_out(path, head, columns, given)
            if not configs:
                layout.config = {}
            rows = list(_rows(path, reader, head))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: no readable CSV: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if not rows:
        raise InputError(f"{path}: the file has a header and no rows")
    return _gather(path, rows, layout, given, maximize), layout.ignored


def lay_out(path: Path, head: Sequence[str], columns: Mapping[str, str], given: Mapping[str, Any]) -> Layout:
    """Find the role of each column. Raises InputError where one that is needed is missing."""
    layout = Layout()
    names = [name.strip() for name in head]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"{path}:1: column {twice!r} stands twice")
    for role, text in columns.items():
        if role not in (*SINGLE, *MANY):
            raise InputError(f"columns has no role {role!r}{nearest(role, (*SINGLE, *MANY))}")
        listed = text.split("+") if role in MANY else [text]
        for column in listed:
            if column not in names:
                raise InputError(f"{path}:1: no column {column!r} (columns={role}:{text}){nearest(column, names)}")
            if role in MANY:
                getattr(layout, role)[column.removeprefix(PREFIXES[role])] = column
            else:
                layout.single[role] = column
    mapped = {*layout.single.values(), *layout.value.values(), *layout.constraint.values(), *layout.config.values()}
    for column in names:
        if column not in mapped:
            _place(layout, column, set(columns))
    _check_complete(path, names, layout, given)
    return layout


def _place(layout: Layout, column: str, mapped_roles: set[str]) -> None:
    if column in SINGLE and column not in mapped_roles:
        layout.single[column] = column
    elif column == "value" and "value" not in mapped_roles:
        layout.value["value"] = column
    else:
        for role, prefix in PREFIXES.items():
            if column.startswith(prefix) and role not in mapped_roles:
                getattr(layout, role)[column.removeprefix(prefix)] = column
                return
        layout.ignored.append(column)


def _check_complete(path: Path, names: Sequence[str], layout: Layout, given: Mapping[str, Any]) -> None:
    for role in ("task", "optimizer", "seed"):
        if role not in layout.single and given.get(role) is None:
            guess = nearest(role, names)
            raise InputError(f"{path}:1: no column {role!r}{guess}; say columns={role}:NAME or {role}=...")
    if not layout.value:
        raise InputError(f"{path}:1: no column 'value'{nearest('value', names)}; name it with columns=value:NAME")
    if "value" in layout.value and len(layout.value) > 1 and layout.value["value"] == "value":
        raise InputError(f"{path}:1: it has both value and value.NAME; one of them must go")


def _rows(path: Path, reader: Any, head: Sequence[str]) -> Iterator[Numbered]:
    names = [name.strip() for name in head]
    for row in reader:
        if not row:
            continue
        if len(row) != len(names):
            raise InputError(f"{path}:{reader.line_num}: {len(row)} cells, but the header has {len(names)}")
        yield reader.line_num, dict(zip(names, row, strict=True))


def _gather(
    path: Path, rows: Sequence[Numbered], layout: Layout, given: Mapping[str, Any], maximize: bool
) -> list[ForeignRun]:
    """Collect the rows of each run, in the order of their trials."""
    found: dict[tuple[str, str, int, int], list[tuple[int, ForeignTrial]]] = {}
    layouts = _by_task(rows, layout, given)
    for line, row in rows:
        where = f"{path}:{line}"
        cell = {role: row[column].strip() for role, column in layout.single.items()}
        texts = [str(given[r]) if given.get(r) is not None else cell[r] for r in ("task", "optimizer", "seed")]
        for role, text in zip(("task", "optimizer", "seed"), texts, strict=True):
            if not text:
                raise InputError(f"{where}: {role} is empty")
        workers = _whole(where, "n_workers", cell.get("n_workers") or "1")
        run = found.setdefault((texts[0], texts[1], _whole(where, "seed", texts[2]), workers), [])
        order = _whole(where, "trial", cell["trial"]) if "trial" in cell else len(run)
        run.append((order, _trial(where, row, cell, layouts[texts[0]], maximize)))
    turned = {task: (maximize,) * len(layout.value) for task, layout in layouts.items()}
    return [
        replace(_run(path, name, trials, layouts[name[0]]), maximized=turned[name[0]]) for name, trials in found.items()
    ]


def _by_task(rows: Sequence[Numbered], layout: Layout, given: Mapping[str, Any]) -> dict[str, Layout]:
    """The layout of each task in a file with several, whose objectives and constraints may have other names."""
    column = None if given.get("task") is not None else layout.single["task"]
    filled: dict[str, set[str]] = {}
    watched = [*layout.value.values(), *layout.constraint.values()]
    for _, row in rows:
        task = str(given["task"]) if column is None else row[column].strip()
        met = filled.setdefault(task, set())
        met.update(c for c in watched if c not in met and row[c].strip())
    return {task: _of_task(layout, columns) for task, columns in filled.items()}


def _of_task(layout: Layout, filled: Set[str]) -> Layout:
    """Keep the objectives and constraints whose columns the task fills."""
    if len(layout.value) < 2 and not layout.constraint:
        return layout
    value, constraint = ({name: c for name, c in columns.items() if c in filled}
                         for columns in (layout.value, layout.constraint))  # fmt: skip
    return replace(layout, value=value or layout.value, constraint=constraint)


def _run(
    path: Path, name: tuple[str, str, int, int], trials: list[tuple[int, ForeignTrial]], layout: Layout
) -> ForeignRun:
    trials.sort(key=lambda item: item[0])
    for (a, _), (b, second) in pairwise(trials):
        if a == b:
            raise InputError(f"{second.where}: trial {b} of {name[1]} on {name[0]}, seed {name[2]}, stands twice")
    task, optimizer, seed, n_workers = name
    objectives = tuple(layout.value)
    constraints = tuple(layout.constraint)
    source = {"format": "csv", "file": path.name}
    found = [t for _, t in trials]
    return ForeignRun(task, optimizer, seed, found, source, n_workers, objectives, constraints, layout.fidelity_name)


def _trial(where: str, row: Mapping[str, str], cell: Mapping[str, str], layout: Layout, maximize: bool) -> ForeignTrial:
    values = [_number(where, column, row[column], nan=True) for column in layout.value.values()]
    failure: str | None = cell.get("failure") or None
    if failure is None and not all(v is not None and math.isfinite(v) for v in values):
        failure = "no value"
    numbers = {name: _number(where, layout.single[name], cell[name]) if name in cell else None
               for name in ("cost", "fidelity", "start", "end", "spent", "noise_free", *TIMES)}  # fmt: skip
    asked, evaluated, told = (numbers.pop(name) or 0.0 for name in TIMES)
    sign = -1.0 if maximize else 1.0
    info = _info(where, cell.get("info", ""))
    noise_free = numbers.pop("noise_free")
    if noise_free is not None:
        info.setdefault(f"mean_{next(iter(layout.value))}", sign * noise_free)
    constraints = [_number(where, column, row[column], nan=True) for column in layout.constraint.values()]
    config = {
        name: parse_config_value(row[column]) for name, column in layout.config.items() if row[column].strip() != ""
    }
    return ForeignTrial(
        where,
        config,
        tuple(math.nan if v is None else sign * v for v in values),
        failure,
        constraints=tuple(math.nan if c is None else c for c in constraints) if any(c is not None for c in constraints)
        else (),
        info=info,
        seconds=(asked, evaluated, told),
        **numbers,
    )  # fmt: skip


def _info(where: str, text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        info = orjson.loads(text)
    except orjson.JSONDecodeError:
        info = None
    if not isinstance(info, dict):
        raise InputError(f"{where}: info must be a JSON object, got {text[:40]!r}")
    return info


def _whole(where: str, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{where}: {name} must be a whole number, got {text!r}") from None


def _number(where: str, column: str, text: str, nan: bool = False) -> float | None:
    """A number; None where the cell is empty. With `nan`, nan and infinity stand for a failed trial."""
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"{where}: {column} must be a number, got {text!r}") from None
    if not nan and not math.isfinite(number):
        raise InputError(f"{where}: {column} must be a finite number, got {text!r}")
    return number
