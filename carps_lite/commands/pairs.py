"""Arguments of the form key=value beside plain ones, for commands that need nothing of Hydra."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from carps_lite.errors import InputError, nearest

_PAIR = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def split(command: str, args: Sequence[str], keys: Collection[str]) -> tuple[list[str], dict[str, str]]:
    """Part plain arguments from key=value. Raises InputError on flags, and on keys that are unknown or given twice."""
    plain: list[str] = []
    given: dict[str, str] = {}
    for arg in args:
        match = _PAIR.fullmatch(arg)
        if arg.startswith("-"):
            raise InputError(f"{command} has no flag {arg!r}   (carps-lite {command} --help)")
        if match is None:
            plain.append(arg)
        elif match[1] not in keys:
            raise InputError(
                f"{command} has no option {match[1]!r}{nearest(match[1], keys)}   (carps-lite {command} --help)"
            )
        elif match[1] in given:
            raise InputError(f"{command}: {match[1]} is given twice")
        else:
            given[match[1]] = match[2]
    return plain, given


def listed(given: Mapping[str, str], key: str) -> list[str] | None:
    """The names in `key=a,b` or `key=[a,b]`; None where it is not given or null."""
    text = given.get(key, "null").strip()
    if text == "null":
        return None
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise InputError(f"{key} must be a name or several with commas, got {given[key]!r}")
    return names


def seeds(given: Mapping[str, str]) -> list[int] | None:
    """`seeds=5` for 0 to 4, `seeds=5..9`, `seeds=[1,3]`; None where it is not given or null."""
    from carps_lite.commands.settings import parse_seeds

    names, text = listed(given, "seeds"), given.get("seeds", "").strip()
    if names is None:
        return None
    return parse_seeds(int(text) if text.isdigit() else names)


def number(given: Mapping[str, str], key: str) -> int | float | str | None:
    """`key=4`, `key=0.5` or `key=null`; other text as it is, for whoever checks the value to refuse."""
    text = given[key].strip()
    if text == "null":
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def switch(given: Mapping[str, str], key: str, default: bool) -> bool:
    """`key=true` or `key=false`."""
    text = given.get(key)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise InputError(f"{key} must be true or false, got {text!r}")
    return text.lower() == "true"


def stores(plain: Sequence[str], results: str | None, key: str = "results") -> list[str]:
    """The stores that a command reads: its plain arguments and those of `key=a,b`; `results` where there are none.

    A folder whose name holds a comma is one store.
    """
    from pathlib import Path

    if results is None:
        return list(plain) or ["results"]
    if not results.strip():
        raise InputError(f"{key} must be the name of a folder, got ''")
    further = [results] if Path(results).expanduser().exists() else [name.strip() for name in results.split(",")]
    return [*further, *plain]
