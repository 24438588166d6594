"""How many of what, in words."""

from __future__ import annotations


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 task`, `1,200 tasks`; `many` where an s at the end will not do."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
