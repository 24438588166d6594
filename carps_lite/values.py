"""Values inside a spec: from text to the type of the default and back, and several at once (`1..24`, `2+5`, `all`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from carps_lite.errors import InputError, nearest

_INT = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RANGE = re.compile(r"([+-]?\d+)\.\.([+-]?\d+)?")


def parse(owner: str, key: str, text: str, default: Any) -> Any:
    """Read `text` as a value of the same type as `default`. Raises InputError naming owner, key and what is allowed."""
    if isinstance(default, list | tuple):
        sample = default[0] if default else None
        return [parse(owner, key, part, sample) for part in text.split("@")]
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise InputError(f"{owner}: {key} must be true or false, got {text!r}")
        return text.lower() == "true"
    if isinstance(default, int):
        return _whole(owner, key, text)
    if isinstance(default, float):
        if not _FLOAT.fullmatch(text):
            raise InputError(f"{owner}: {key} must be a number, got {text!r}")
        return float(text)
    return text if isinstance(default, str) else _guess(text)


def text(value: Any) -> str:
    """Write a value as it stands in an id: shortest form, lists joined by `@`."""
    if isinstance(value, list | tuple):
        return "@".join(map(text, value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def alternatives(owner: str, pair: str, allowed: Mapping[str, Any]) -> list[str]:
    """Expand one `key:value` of a spec to all that it stands for, each again as `key:value`."""
    key, colon, several = pair.partition(":")
    if not (key and colon):
        raise InputError(f"{owner}: {pair!r} must be key:value, such as {owner}/{key or 'key'}:1")
    if several == "all":
        finite = members(allowed.get(key))
        if finite is None:
            raise InputError(f"{owner}: {key} has no finite list of values, so {key}:all means nothing")
        return [f"{key}:{text(v)}" for v in finite]
    expanded: list[str] = []
    for part in several.split("+"):
        match = _RANGE.fullmatch(part)
        if match is None:
            expanded.append(f"{key}:{part}")
        elif match[2] is None or int(match[1]) > int(match[2]):
            raise InputError(f"{owner}: {key}:{part} must be first..last with first <= last")
        else:
            expanded += [f"{key}:{v}" for v in range(int(match[1]), int(match[2]) + 1)]
    return expanded


def members(allowed: Any) -> list[Any] | None:
    """The values that metadata allows, from a list or `a..b`; None where there is no finite list."""
    if isinstance(allowed, list | tuple):
        return list(allowed)
    match = _RANGE.fullmatch(str(allowed))
    return list(range(int(match[1]), int(match[2]) + 1)) if match and match[2] else None


def check_allowed(owner: str, key: str, value: Any, allowed: Any) -> None:
    """Raise InputError where metadata lists or bounds a parameter's values and `value` is not among them."""
    if allowed is None:
        return
    for one in value if isinstance(value, list) else [value]:
        match = _RANGE.fullmatch(str(allowed))
        if match and not (isinstance(one, int) and int(match[1]) <= one <= int(match[2] or one)):
            limits = f"{match[1]} to {match[2]}" if match[2] else f"at least {match[1]}"
            raise InputError(f"{owner}: {key} must be {limits}, got {text(one)}")
        if isinstance(allowed, list | tuple) and text(one) not in map(text, allowed):
            raise InputError(f"{owner}: no {key} {text(one)!r}{nearest(text(one), map(text, allowed))}")


def _whole(owner: str, key: str, text: str) -> int:
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and float(text).is_integer():
        return int(float(text))
    raise InputError(f"{owner}: {key} must be a whole number, got {text!r}")


def _guess(text: str) -> Any:
    """Read a value whose default is null, by its looks."""
    fixed = {"null": None, "true": True, "false": False}
    if text.lower() in fixed:
        return fixed[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
