"""A parameter's value as the text of one cell, and back: text stays bare where it cannot be taken for a number."""

from __future__ import annotations

import json

from carps_lite.space import Value


def parse_config_value(text: str) -> Value:
    """Read a cell: a JSON number, true, false or a quoted string is what it says, anything else is text."""
    found = _json(text)
    return found if isinstance(found, bool | int | float | str) else text


def config_text(value: Value) -> str:
    """Write a value so that `parse_config_value` gives it back, with its type."""
    if not isinstance(value, str):
        return json.dumps(value)
    bare = value.strip() == value and value != "" and not isinstance(_json(value), bool | int | float | str)
    return value if bare else json.dumps(value, ensure_ascii=False)


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return None
