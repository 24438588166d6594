"""Records as JSON lines and back. Deterministic columns stand apart from the measured ones (`measured_ns`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from carps_lite.core import Result, Trial
from carps_lite.loop import Record

SCHEMA = (1, 0)  # major.minor of the store; a newer major is refused
TIMES = ("ask_seconds", "evaluate_seconds", "tell_seconds")  # what a record measured, in a table
ENERGY = "energy_joules"  # the key of a trial's information under which a task says what it used
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def dump(row: Mapping[str, Any]) -> bytes:
    """One JSON line; nan and infinity become null, what JSON does not know becomes its text."""
    try:
        return orjson.dumps(row, default=str, option=_OPTIONS)
    except TypeError:  # text with half a surrogate pair, say
        return orjson.dumps(_plain(row), option=_OPTIONS)


def _plain(x: Any) -> Any:
    """A value with all that JSON does not take turned into text that it takes."""
    if isinstance(x, Mapping):
        return {str(_plain(k)): _plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(v) for v in x]
    return x if isinstance(x, bool | int | float | None) else str(x).encode("utf-8", "replace").decode()


def dump_record(r: Record) -> bytes:
    """One JSON line of a record; what is at its usual value is left out."""
    trial, result = r.trial, r.result
    row: dict[str, Any] = {
        "ask": r.ask,
        "start": r.start,
        "end": r.end,
        "config": trial.config,
        "values": result.values,
        "cost": result.cost,
        "spent": r.spent,
        "measured_ns": r.nanoseconds,
    }
    if trial.fidelity is not None:
        row["fidelity"] = trial.fidelity
    if result.constraints:
        row["constraints"] = result.constraints
    if r.failure is not None:
        row["failure"] = r.failure
    if r.info:
        row["info"] = r.info
    return dump(row)


def load_record(row: Mapping[str, Any]) -> Record:
    """Turn a parsed line into a record."""
    values = tuple(math.nan if v is None else v for v in row["values"])
    constraints = tuple(math.nan if v is None else v for v in row.get("constraints", ()))
    asked, evaluated, told = row["measured_ns"]
    return Record(
        row["ask"],
        row["start"],
        row["end"],
        Trial(row["config"], row.get("fidelity")),
        Result(values, row["cost"], constraints),
        row["spent"],
        row.get("failure"),
        row.get("info", {}),
        (asked, evaluated, told),
    )


def parse_log(content: bytes) -> tuple[dict[str, Any] | None, list[dict[str, Any]], dict[str, Any] | None]:
    """Split a log into header, rows of trials and end line; a line torn by a crash, and all behind it, is dropped."""
    parsed: list[dict[str, Any]] = []
    for line in content.split(b"\n")[:-1]:
        try:
            parsed.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break
    if not parsed or "schema" not in parsed[0]:
        return None, [], None
    header, body = parsed[0], parsed[1:]
    end = body.pop() if body and "state" in body[-1] else None
    rows: list[dict[str, Any]] = []
    for row in body:
        if row.get("ask") != len(rows):
            break
        rows.append(row)
    return header, rows, end


def mean_names(header: Mapping[str, Any]) -> list[str]:
    """The keys under which a noisy task records its values without noise, one an objective."""
    return [f"mean_{name}" for name in header["problem"]["objectives"]]


def number(value: Any) -> float | None:
    """A number of a trial's information; None for anything else, which a task may have put there."""
    return float(value) if isinstance(value, int | float) else None
