"""Compiled: the box with the largest discrepancy, by a search through the tight boxes of a point set.

The supremum over all anchored boxes is attained at a box every face of which is touched by a point that lies within
all its other faces, or (open boxes) lies at 1 (Niederreiter 1972; Gnewuch, Wahlström, Winzen 2012, section 2.1).
Faces are set one dimension after the other from the outside inwards; a branch ends where a face loses its last
touching point, where the volume (open) or the share of points (closed) has fallen to the best value known. The sets
of points are bit sets over slots, which are numbered by the last coordinate, so that the last dimension is one walk
over the set bits. A point set in general position has about (n/d)^d tight boxes, fewer than the n^(d/2 + 1) steps of
Dobkin, Eppstein and Mitchell (1996) as long as n is below about d^(2d/(d-2)): 729 in d = 3, 256 in d = 4, about 215
in d = 5 and 6.

Axes: n points, d dimensions, W = ceil(n / 64) words of a bit set. An attaining box is a row of d + 2 numbers: its
corner, 1 for closed or 0 for open, and the points that it holds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from carps_lite.analysis.subset.compiled import bits_set, compiled, leading_zeros, lowest_bit


class Faces(NamedTuple):
    """What `touch` fills in for a point set: bit sets by dimension and rank of the face's coordinate."""

    value: Any  # (d, n + 1): distinct coordinates in order, then 1
    below: Any  # (d, n + 1, W): the points with a smaller coordinate
    upto: Any  # (d, n + 1, W): the points with at most this coordinate
    on: Any  # (d, n + 1, W): the points with this coordinate
    count: Any  # (d,): number of distinct coordinates, which is the rank of the added 1
    last: Any  # (n,): the last coordinate of each slot, ascending
    held: Any  # (d, W): scratch: the points within the faces set so far
    touching: Any  # (d, d, W): scratch: those of them that touch face i
    rank: Any  # (d,): scratch: the faces set so far
    volume: Any  # (d,): scratch: their product


def make_faces(n: int, d: int) -> Faces:
    """Room for `n` points in `d` dimensions, used again for other points."""
    words = (n + 63) // 64
    sets = (d, n + 1, words)
    return Faces(
        np.ones((d, n + 1)), np.zeros(sets, np.uint64), np.zeros(sets, np.uint64), np.zeros(sets, np.uint64),
        np.zeros(d, np.int64), np.zeros(n), np.zeros((d, words), np.uint64), np.zeros((d, d, words), np.uint64),
        np.zeros(d, np.int64), np.zeros(d),
    )  # fmt: skip


@compiled
def touch(points: Any, faces: Faces) -> None:
    """Fill `faces` for `points` (n, d)."""
    n, d = points.shape
    words = faces.held.shape[1]
    slot_order = np.argsort(points[:, d - 1], kind="mergesort")
    slot_of = np.empty(n, np.int64)
    for s in range(n):
        slot_of[slot_order[s]] = s
        faces.last[s] = points[slot_order[s], d - 1]
    so_far = np.zeros(words, np.uint64)
    for j in range(d - 1):
        order = np.argsort(points[:, j], kind="mergesort")
        so_far[:] = 0
        u = -1
        for t in range(n):
            p = order[t]
            if u < 0 or points[p, j] != faces.value[j, u]:
                u += 1
                faces.value[j, u] = points[p, j]
                for w in range(words):
                    faces.below[j, u, w] = so_far[w]
                    faces.on[j, u, w] = 0
            word, bit = slot_of[p] >> 6, np.uint64(1) << np.uint64(slot_of[p] & 63)
            so_far[word] |= bit
            faces.on[j, u, word] |= bit
            for w in range(words):
                faces.upto[j, u, w] = so_far[w]
        faces.count[j] = u + 1
        at_one = faces.value[j, u] >= 1.0  # an open box that reaches 1 still leaves out the points at 1
        faces.value[j, u + 1] = 1.0
        for w in range(words):
            faces.below[j, u + 1, w] = faces.below[j, u, w] if at_one else so_far[w]


@compiled
def _note(box: Any, faces: Faces, levels: int, last: float, closed: float, held: int) -> None:
    for j in range(levels):
        box[j] = faces.value[j, faces.rank[j]]
    box[levels] = last
    box[levels + 1] = closed
    box[levels + 2] = held


@compiled
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


@compiled
def _up_to(held: Any, slot: int) -> int:
    """How many of `held` are at `slot` or before."""
    inside = 0
    for w in range(slot >> 6):
        inside += bits_set(held[w])
    return inside + bits_set(held[slot >> 6] << np.uint64(63 - (slot & 63)))


@compiled
def _last_open(faces: Faces, levels: int, held: Any, volume: float, share: float, best: float, box: Any) -> float:
    words = len(held)
    inside = 0
    for w in range(words):
        inside += bits_set(held[w])
    value = volume - inside * share
    if value > best:
        best = value
        _note(box, faces, levels, 1.0, 0.0, inside)
    stop = _innermost(faces, levels, True)
    if stop >= 0 and volume - _up_to(held, stop) * share <= best:
        return best
    for w in range(words - 1, -1, -1):
        word = held[w]
        while word != 0:
            high = 63 - leading_zeros(word)
            word ^= np.uint64(1) << np.uint64(high)
            slot = 64 * w + high
            if slot <= stop or volume * faces.last[slot] <= best:
                return best
            inside -= (
                1  # among equal coordinates only the lowest slot has the true count; the others give less, harmlessly
            )
            value = volume * faces.last[slot] - inside * share
            if value > best:
                best = value
                _note(box, faces, levels, faces.last[slot], 0.0, inside)
    return best


@compiled
def _last_closed(faces: Faces, levels: int, held: Any, volume: float, share: float, best: float, box: Any) -> float:
    words = len(held)
    inside = 0
    for w in range(words):
        inside += bits_set(held[w])
    stop = _innermost(faces, levels, False)
    innermost = faces.last[stop] if stop >= 0 else 0.0
    for w in range(words - 1, -1, -1):
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


@compiled
def _set_face(faces: Faces, face: int, r: int, sets: Any, is_open: bool) -> int:
    """Set `face` at rank `r`: 1 if all faces are touched, 0 if this is not, -1 if an outer one no longer is."""
    words = faces.held.shape[1]
    some = np.uint64(0)
    for w in range(words):
        outer = faces.held[face - 1, w] if face else ~np.uint64(0)
        faces.touching[face, face, w] = faces.on[face, r, w] & outer
        some |= faces.touching[face, face, w]
        faces.held[face, w] = sets[face, r, w] & outer
    if some == 0 and not (is_open and r == faces.count[face]):
        return 0
    for i in range(face):
        some = np.uint64(0)
        for w in range(words):
            left = faces.touching[face - 1, i, w] & sets[face, r, w]
            faces.touching[face, i, w] = left
            some |= left
        if some == 0 and not (is_open and faces.rank[i] == faces.count[i]):
            return -1
    return 1


@compiled
def open_boxes(faces: Faces, share: float, best: float, high: int, low: int, each: bool, boxes: Any) -> Any:
    """Look for an open box whose volume exceeds its points by more than `best`; each point counts `share`.

    The first face goes through the ranks `high` down to `low`. With `each`, every rank of the first face has a row of
    `boxes` of its own, written where it has a box above `best`. Returns (value, number of rows): of the best box, or
    of `best` and 0.
    """
    levels = faces.count.shape[0] - 1
    found = 0
    if levels == 0:
        full = np.zeros(faces.held.shape[1], np.uint64)
        for s in range(faces.last.shape[0]):
            full[s >> 6] |= np.uint64(1) << np.uint64(s & 63)
        value = _last_open(faces, 0, full, 1.0, share, best, boxes[0])
        return value, 1 if value > best else 0
    start, value, level = best, best, 0
    faces.rank[0] = high
    while level >= 0:
        r = faces.rank[level]
        volume = 0.0
        state = -1
        if r >= (low if level == 0 else 0):
            volume = (faces.volume[level - 1] if level else 1.0) * faces.value[level, r]
            if volume > value:
                state = _set_face(faces, level, r, faces.below, True)
        if state < 0:
            level -= 1
        elif state == 1 and level < levels - 1:
            faces.volume[level] = volume
            level += 1
            faces.rank[level] = faces.count[level]
            continue
        elif state == 1:
            value = _last_open(faces, levels, faces.held[level], volume, share, value, boxes[found])
        if level >= 0:
            faces.rank[level] -= 1
        if level <= 0 and each and value > start:
            found, value = min(found + 1, len(boxes) - 1), start
    return value, found if each else (1 if value > start else 0)


@compiled
def closed_boxes(faces: Faces, share: float, best: float, high: int, low: int, each: bool, boxes: Any) -> Any:
    """Look for a closed box whose points exceed its volume by more than `best`; the rest as in `open_boxes`."""
    levels = faces.count.shape[0] - 1
    words = faces.held.shape[1]
    found = 0
    if levels == 0:
        full = np.zeros(words, np.uint64)
        for s in range(faces.last.shape[0]):
            full[s >> 6] |= np.uint64(1) << np.uint64(s & 63)
        value = _last_closed(faces, 0, full, 1.0, share, best, boxes[0])
        return value, 1 if value > best else 0
    start, value, level = best, best, 0
    faces.rank[0] = high
    while level >= 0:
        r = faces.rank[level]
        state = -1
        if r >= (low if level == 0 else 0):
            state = _set_face(faces, level, r, faces.upto, False)
            if state >= 0:
                inside = 0
                for w in range(words):
                    inside += bits_set(faces.held[level, w])
                if inside * share <= value:
                    state = -1
        if state < 0:
            level -= 1
        elif state == 1:
            volume = (faces.volume[level - 1] if level else 1.0) * faces.value[level, r]
            if level < levels - 1:
                faces.volume[level] = volume
                level += 1
                faces.rank[level] = faces.count[level] - 1
                continue
            value = _last_closed(faces, levels, faces.held[level], volume, share, value, boxes[found])
        if level >= 0:
            faces.rank[level] -= 1
        if level <= 0 and each and value > start:
            found, value = min(found + 1, len(boxes) - 1), start
    return value, found if each else (1 if value > start else 0)


@compiled
def worst_boxes(points: Any, faces: Faces, above: float, boxes: Any) -> int:
    """Fill `boxes` with the worst box above `above` for each coordinate of the first face; how many there are."""
    touch(points, faces)
    share = 1.0 / len(points)
    _, n_open = open_boxes(faces, share, above, faces.count[0], 0, True, boxes)
    _, n_closed = closed_boxes(faces, share, above, faces.count[0] - 1, 0, True, boxes[n_open:])
    return int(n_open + n_closed)


@compiled
def worst_box(points: Any, faces: Faces, box: Any) -> float:
    """The star discrepancy of `points` (n, d); `box` (1, d + 2) is the box that attains it."""
    touch(points, faces)
    share = 1.0 / len(points)
    value, _ = open_boxes(faces, share, -1.0, faces.count[0], 0, False, box)
    value, _ = closed_boxes(faces, share, value, faces.count[0] - 1, 0, False, box)
    return float(value)
