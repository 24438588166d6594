"""Where the task, the optimizer and the seed of a foreign run come from: options, attributes, or its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from carps_lite.errors import InputError
from carps_lite.plural import count

FIELDS = ("task", "optimizer", "seed")


def template(text: str) -> re.Pattern[str]:
    """Turn `{task}-{optimizer}-{seed}` into a pattern; `*` stands for anything. Raises InputError on other fields."""
    parts = re.split(r"(\{[^}]*\}|\*)", text)
    pattern = ""
    for part in parts:
        if part == "*":
            pattern += ".*"
        elif part.startswith("{") and part.endswith("}"):
            field = part[1:-1]
            if field not in FIELDS:
                raise InputError(f"names={text}: {part} must be one of {{task}}, {{optimizer}}, {{seed}}")
            if f"(?P<{field}>" in pattern:
                raise InputError(f"names={text} holds {part} twice")
            pattern += rf"(?P<{field}>\d+)" if field == "seed" else rf"(?P<{field}>.+?)"
        else:
            pattern += re.escape(part)
    return re.compile(pattern)


def identify(
    where: str, name: str, names: re.Pattern[str] | None, given: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[str, str, int]:
    """Task, optimizer and seed of the run `name`: as `given`, else by the template `names`, else as `found` in it.

    Raises InputError that says which one is missing.
    """
    match = names.fullmatch(name) if names is not None else None
    if names is not None and match is None:
        raise InputError(f"{where}: {name!r} does not have the form that names= says")
    spelled = match.groupdict() if match else {}
    values = {}
    for one in FIELDS:
        value = next((source[one] for source in (given, spelled, found) if source.get(one) not in (None, "")), None)
        if value is None:
            raise InputError(f"{where}: nothing says its {one}; give {one}=..., or names= with {{{one}}} in it")
        values[one] = value
    try:
        seed = int(values["seed"])
    except (TypeError, ValueError):
        raise InputError(f"{where}: seed must be a whole number, got {values['seed']!r}") from None
    return str(values["task"]), str(values["optimizer"]), seed


def unfinished(n: int) -> str:
    """`1 unfinished trial`, `3 unfinished trials`."""
    return count(n, "unfinished trial")
