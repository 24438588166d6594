"""Which objectives a training is judged by: an option that all families of real trainings read alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from carps_lite.errors import InputError, unknown


def checked(
    owner: str, kind: str, given: Sequence[str], known: Collection[str], usual: Sequence[str]
) -> tuple[str, ...]:
    """The objectives of a task; where none are given, `usual`, or the first of it for a kind with one objective.

    Raises InputError on an unknown or repeated one, or where their number does not go with the kind.
    """
    several = kind.startswith("mo")
    names = tuple(given) or tuple(usual if several else usual[:1])
    for name in names:
        if name not in known:
            raise unknown(f"{owner}: no objective", name, known)
    if len(set(names)) != len(names):
        raise InputError(f"{owner}: objectives must differ, got {'@'.join(names)}")
    if (len(names) > 1) != several:
        needed = "two or more objectives" if several else "one objective"
        raise InputError(f"{owner}: kind {kind} needs {needed}, got {'@'.join(names)}")
    return names
