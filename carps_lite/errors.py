"""Errors that a user can cause: one line each, naming the value, what is allowed and the nearest match."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Wrong input; its message is one line for a person, and the command line ends with exit code 2."""


class MissingDependency(InputError):
    """A library of an extra is not installed; the message names the command that installs it."""


def nearest(value: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest of `known`, or a short list of them where none is close."""
    from difflib import get_close_matches

    names = sorted({str(k) for k in known})
    numbers = all(map(_is_number, (str(value), *names)))
    if numbers:
        names.sort(key=float)
    # 4 is no misspelt 40: of numbers, only long ones that differ in a digit are taken for slips
    cutoff = 0.75 if numbers else 0.65 if len(str(value)) > 3 else 0.5
    close = get_close_matches(str(value), names, n=1, cutoff=cutoff)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:12])
    return f"; known: {shown}, ..." if len(names) > 12 else f"; known: {shown}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def unknown(what: str, value: str, known: Iterable[str], hint: str = "") -> InputError:
    """Build the error for a name that does not exist, e.g. `no task named 'bbop'; did you mean 'bbob'?`."""
    return InputError(f"{what} {value!r}{nearest(value, known)}{f'   ({hint})' if hint else ''}")


def one_line(error: BaseException) -> str:
    """What an exception says, without line breaks and without what a log cannot hold."""
    return " ".join(str(error).split()).encode("utf-8", "replace").decode()


def check_whole(owner: str, name: str, value: object, low: int, high: int | None = None) -> None:
    """Raise InputError unless `value` is a whole number of at least `low` and, where there is one, at most `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{owner}: {name} must be a whole number, got {value!r}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"{low} to {high}"
        raise InputError(f"{owner}: {name} must be {allowed}, got {value}")
