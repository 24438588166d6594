"""Headers of runs from their JSON, fast: runs of one cell differ in seed and date, so that the rest is read once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson

# what is a run's own; inside of text its quotes are escaped
_OWN = re.compile(r'"(seed|pid|started)":(\d+(?=[,}])|"[^"\\]*")')
_GAP = "\x00own"  # no value of a header


def parse(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the headers. What several have in common are the same objects, which nobody may change."""
    known: dict[str, dict[str, Any] | None] = {}
    found = []
    for text in texts:
        own = _OWN.findall(text)
        rest = _OWN.sub(r'"\1":"\\u0000own"', text)
        if rest not in known:
            known[rest] = _common(rest, [name for name, _ in own])
        common = known[rest]
        if common is None:
            found.append(orjson.loads(text))
        else:
            found.append({**common, **{name: orjson.loads(value) for name, value in own}})
    return found


def _common(rest: str, names: list[str]) -> dict[str, Any] | None:
    """A header with gaps; None where a gap is not at the top, as of an option of a task that is called `seed`."""
    header: dict[str, Any] = orjson.loads(rest)
    return header if len(names) == len(set(names)) and all(header.get(name) == _GAP for name in names) else None
