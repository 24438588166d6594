"""Compiled: the box with the largest discrepancy, by branch and bound over the tight boxes of a point set.

The supremum over all anchored boxes is attained at a box every face of which is touched by a point that lies within
all its other faces, or (open boxes) lies at 1 (Niederreiter 1972; Gnewuch, Wahlström, Winzen 2012, section 2.1).
Faces are set one dimension after the other from the outside inwards; a branch ends where a face loses its last
touching point, where the volume (open) or the share of points (closed) has fallen to the best value known, and where
`outlook` shows that no box with these faces is above it. The last dimension is one walk over the points held. A point
set in general position has about (n/d)^d tight boxes; without `outlook` that alone is fewer than the n^(d/2 + 1) steps
of Dobkin, Eppstein and Mitchell (1996) as long as n is below about d^(2d/(d-2)): 729 in d = 3, 256 in d = 4, about
215 in d = 5 and 6.

An attaining box is a row of d + 2 numbers: its corner, 1 for closed or 0 for open, and the points that it holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carps_lite.analysis.subset.compiled import bits_set, compiled, inlined, leading_zeros, lowest_bit
from carps_lite.analysis.subset.faces import Faces, count, set_face, touch
from carps_lite.analysis.subset.outlook import some_closed_box, some_open_box


@inlined
def _note(box: Any, faces: Faces, levels: int, last: float, closed: float, held: int) -> None:
    for j in range(levels):
        box[j] = faces.value[j, faces.rank[j]]
    box[levels] = last
    box[levels + 1] = closed
    box[levels + 2] = held


@inlined
def _innermost(faces: Faces, levels: int, is_open: bool) -> int:
    """The lowest slot at which every face set so far still has a touching point; -1 where no face needs one."""
    stop = -1
    for i in range(levels):
        if is_open and faces.rank[i] == faces.count[i]:
            continue
        for w in range(faces.held.shape[1]):
            if faces.touching[levels - 1, i, w] != 0:
                stop = max(stop, 64 * w + lowest_bit(faces.touching[levels - 1, i, w]))
                break
    return stop


@inlined
def _up_to(held: Any, slot: int) -> int:
    """How many of `held` are at `slot` or before."""
    inside = 0
    for w in range(slot >> 6):
        inside += bits_set(held[w])
    return inside + bits_set(held[slot >> 6] << np.uint64(63 - (slot & 63)))


@inlined
def _last_open(faces: Faces, levels: int, held: Any, volume: float, share: float, best: float, box: Any) -> float:
    inside = count(held)
    value = volume - inside * share
    if value > best:
        best = value
        _note(box, faces, levels, 1.0, 0.0, inside)
    stop = _innermost(faces, levels, True)
    if stop >= 0 and volume - _up_to(held, stop) * share <= best:
        return best
    for w in range(len(held) - 1, -1, -1):
        word = held[w]
        while word != 0:
            high = 63 - leading_zeros(word)
            word ^= np.uint64(1) << np.uint64(high)
            slot = 64 * w + high
            if slot <= stop or volume * faces.last[slot] <= best:
                return best
            inside -= 1  # of equal coordinates only the lowest slot has the true count; the others give less
            value = volume * faces.last[slot] - inside * share
            if value > best:
                best = value
                _note(box, faces, levels, faces.last[slot], 0.0, inside)
    return best


@inlined
def _last_closed(faces: Faces, levels: int, held: Any, volume: float, share: float, best: float, box: Any) -> float:
    inside = count(held)
    stop = _innermost(faces, levels, False)
    innermost = faces.last[stop] if stop >= 0 else 0.0
    for w in range(len(held) - 1, -1, -1):
        word = held[w]
        while word != 0:
            high = 63 - leading_zeros(word)
            word ^= np.uint64(1) << np.uint64(high)
            last = faces.last[64 * w + high]
            if last < innermost or inside * share - volume * innermost <= best:
                return best
            value = inside * share - volume * last
            if value > best:
                best = value
                _note(box, faces, levels, last, 1.0, inside)
            inside -= 1
    return best


@inlined
def _last(faces: Faces, is_open: bool, held: Any, volume: float, share: float, best: float, box: Any) -> float:
    levels = faces.count.shape[0] - 1
    if is_open:
        return float(_last_open(faces, levels, held, volume, share, best, box))
    return float(_last_closed(faces, levels, held, volume, share, best, box))


@compiled
def _in_one_dimension(faces: Faces, is_open: bool, share: float, best: float, box: Any) -> Any:
    full = np.zeros(faces.held.shape[1], np.uint64)
    for s in range(faces.last.shape[0]):
        full[s >> 6] |= np.uint64(1) << np.uint64(s & 63)
    value = _last(faces, is_open, full, 1.0, share, best, box)
    return value, 1 if value > best else 0


@inlined
def _state(faces: Faces, is_open: bool, level: int, volume: float, share: float, best: float) -> int:
    """Set the face at its rank: 2 where boxes with it may be above `best`; 0: its rank is out; -1: all further ones."""
    r = faces.rank[level]
    if is_open:
        state = set_face(faces, level, r, faces.below, True) if volume > best else -1
    else:
        state = set_face(faces, level, r, faces.upto, False)
        if state >= 0 and count(faces.held[level]) * share <= best:
            return -1
    if state != 1:
        return int(state)
    if level == faces.count.shape[0] - 2:
        return 2
    if is_open:
        return 2 if some_open_box(faces, level, volume, share, best) else 0
    return 2 if some_closed_box(faces, level, volume, share, best) else 0


@compiled
def find(faces: Faces, is_open: bool, share: float, best: float, high: int, low: int, each: bool, boxes: Any) -> Any:
    """Look for a box whose discrepancy is above `best`, where each point counts `share`.

    Open: its volume less its points; closed: its points less its volume. The first face goes through the ranks `high`
    down to `low`; -1 for `high` stands for the outermost. With `each`, every rank of the first face has a row of
    `boxes` of its own, written where it has a box above `best`. Returns (value, number of rows): of the best box, or
    of `best` and 0.
    """
    last = faces.count.shape[0] - 2
    if last < 0:
        return _in_one_dimension(faces, is_open, share, best, boxes[0])
    inwards = 0 if is_open else 1  # the outermost face is the added 1, and closed boxes end at a point
    value, level, found = best, 0, 0
    faces.rank[0] = faces.count[0] - inwards if high < 0 else high
    while level >= 0:
        r = faces.rank[level]
        state = -1
        if r >= (low if level == 0 else 0):
            volume = (faces.volume[level - 1] if level else 1.0) * faces.value[level, r]
            state = _state(faces, is_open, level, volume, share, value)
            if state == 2 and level < last:
                faces.volume[level] = volume
                level += 1
                faces.rank[level] = faces.count[level] - inwards
                continue
            if state == 2:
                value = _last(faces, is_open, faces.held[level], volume, share, value, boxes[found])
        if state < 0:
            level -= 1
        if level >= 0:
            faces.rank[level] -= 1
        if level <= 0 and each and value > best:
            found, value = min(found + 1, len(boxes) - 1), best
    return value, found if each else (1 if value > best else 0)


@compiled
def worst_boxes(points: Any, faces: Faces, above: float, boxes: Any) -> int:
    """Fill `boxes` with the worst box above `above` for each coordinate of the first face; how many there are."""
    touch(points, faces)
    share = 1.0 / len(points)
    _, n_open = find(faces, True, share, above, -1, 0, True, boxes)
    _, n_closed = find(faces, False, share, above, -1, 0, True, boxes[n_open:])
    return int(n_open + n_closed)


@compiled
def worst_box(points: Any, faces: Faces, box: Any) -> float:
    """The star discrepancy of `points` (n, d); `box` (1, d + 2) is the box that attains it."""
    touch(points, faces)
    share = 1.0 / len(points)
    value, _ = find(faces, True, share, -1.0, -1, 0, False, box)
    value, _ = find(faces, False, share, value, -1, 0, False, box)
    return float(value)
