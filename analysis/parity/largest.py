"""The largest size that fits: doubled until one does not, then halved into."""

from __future__ import annotations

from collections.abc import Callable

from carps_lite.errors import InputError


def largest(fits: Callable[[int], bool], limit: int, tolerance: float = 0.02) -> int:
    """Return a size that fits, such that one larger by `tolerance` of it (or by 1) does not; `limit` where that fits.

    `fits` is asked a few sizes from 1 to `limit` and must go from true to false once. Raises InputError where not even
    the size 1 fits.
    """
    if not fits(1):
        raise InputError("not even the smallest size fits")
    good, bad = 1, 2
    while bad < limit and fits(bad):
        good, bad = bad, 2 * bad
    if bad >= limit:
        if fits(limit):
            return limit
        bad = limit
    while bad - good > max(1, int(tolerance * good)):
        middle = (good + bad) // 2
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good
