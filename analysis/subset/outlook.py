"""Compiled: whether a box of which some faces are set can still be the worst, by bounds of all boxes with these faces.

With the faces of the first dimensions set, and the points held by them known, both bounds look at each later
dimension by itself: at where its face would have to be for the box to hold that many points. They hold for points on
faces, ties and duplicates as well, and cut most of the search through tight boxes (`boxes`) off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carps_lite.analysis.subset.compiled import compiled, inlined, lowest_bit
from carps_lite.analysis.subset.faces import Faces, count


@inlined
def _reach(faces: Faces, level: int, is_open: bool) -> None:
    """Set `least` for the faces after `level`."""
    for j in range(level + 1, faces.at.shape[0]):
        faces.least[j] = -1.0 if is_open else 0.0
    for i in range(level + 1):
        if is_open and faces.rank[i] == faces.count[i]:
            continue
        for j in range(level + 1, faces.at.shape[0]):
            nearest = 2.0
            for w in range(faces.held.shape[1]):
                word = faces.touching[level, i, w]
                while word != 0:
                    nearest = min(nearest, faces.at[j, 64 * w + lowest_bit(word)])
                    word &= word - np.uint64(1)
            faces.least[j] = max(faces.least[j], nearest)


@compiled
def some_closed_box(faces: Faces, level: int, volume: float, share: float, best: float) -> bool:
    """Whether a closed box with the faces up to `level` may be above `best`.

    A box that holds m points reaches in each later dimension at least as far as the m-th of those held so far.
    """
    d, n = faces.at.shape
    held, product = faces.held[level], faces.product[0]
    _reach(faces, level, False)
    most = 0
    for j in range(level + 1, d):
        m, least = 0, faces.least[j]
        for t in range(n):
            slot = faces.order[j, t]
            if (held[slot >> 6] >> np.uint64(slot & 63)) & np.uint64(1):
                reach = max(faces.at[j, slot], least)
                product[m] = reach * (volume if j == level + 1 else product[m])
                m += 1
        most = m
    some = 0
    for m in range(most):
        some |= (m + 1) * share - product[m] > best
    return some > 0


@inlined
def _leave_out(faces: Faces, level: int, j: int, inside: int, floor: float, now: Any, then: Any, end: int) -> int:
    """Fill `then` with the largest volumes by points left out, face `j` included, from those in `now` without it."""
    held, n = faces.held[level], faces.at.shape[1]
    then[:end] = now[:end]
    then[end : inside + 1] = 0.0
    longest, c = end, 0
    for t in range(n - 1, -1, -1):
        slot = faces.order[j, t]
        reach = faces.at[j, slot]
        if reach <= faces.least[j] or reach <= floor:
            break
        if not (held[slot >> 6] >> np.uint64(slot & 63)) & np.uint64(1):
            continue
        c += 1
        stop = min(end, inside + 1 - c)
        for left in range(stop):
            then[left + c] = max(then[left + c], now[left] * reach)
        longest = max(longest, stop + c)
    return longest


@inlined
def _some_last(
    faces: Faces, level: int, inside: int, floor: float, share: float, best: float, now: Any, end: int
) -> bool:
    """Whether the last face can make a volume in `now` exceed its points by more than `best`."""
    d, n = faces.at.shape
    held, j = faces.held[level], d - 1
    c = 0
    for t in range(n, -1, -1):
        reach = 1.0
        if t < n:
            slot = faces.order[j, t]
            reach = faces.at[j, slot]
            if reach <= faces.least[j] or reach <= floor:
                return False
            if not (held[slot >> 6] >> np.uint64(slot & 63)) & np.uint64(1):
                continue
            c += 1
        some = 0
        for left in range(min(end, inside + 1 - c)):
            some |= now[left] * reach - (inside - c - left) * share > best
        if some:
            return True
    return False


@compiled
def some_open_box(faces: Faces, level: int, volume: float, share: float, best: float) -> bool:
    """Whether an open box with the faces up to `level` may be above `best`.

    A later face that leaves out c of the points held so far ends at the c-th of them from the outside, and all later
    faces together leave out at most the sum of their c: the largest volume for each sum, face by face.
    """
    d = faces.at.shape[0]
    inside = count(faces.held[level])
    if volume - inside * share > best:
        return True
    _reach(faces, level, True)
    now, then = faces.product[0], faces.product[1]
    now[0] = volume
    end, floor = 1, best / volume
    for j in range(level + 1, d - 1):
        end = _leave_out(faces, level, j, inside, floor, now, then, end)
        now, then = then, now
    return _some_last(faces, level, inside, floor, share, best, now, end)
