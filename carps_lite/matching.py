"""Which ids a text names: itself, a shell pattern, or the first part of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from carps_lite.errors import InputError, unknown


def named(texts: Iterable[str], known: Sequence[str], what: str, hint: str = "") -> set[str]:
    """All ids that the texts name. Raises InputError, `WHAT 'text'; did you mean ...`, for one that names none."""
    families = {k.partition("/")[0] for k in known}
    return {n for text in texts for n in matching(text, known, partial(unknown, what, text, {*known, *families}, hint))}


def matching(text: str, known: Sequence[str], none: Callable[[], InputError]) -> list[str]:
    """Return the ids that a text names: itself, or as a shell pattern, or those that it begins (`bbob`).

    Raises what `none` gives where there are none.
    """
    if text in known:
        return [text]
    found = [k for k in known if fnmatchcase(k, text)] or [k for k in known if k.startswith(f"{text}/")]
    if not found:
        raise none()
    return found
