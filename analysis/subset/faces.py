"""Compiled: the faces that a box may have, and the sets of points that each of them cuts off, as bit sets.

The bits are slots: the points numbered by their last coordinate, so that the last dimension is one walk over set bits.

Axes: n points, d dimensions, W = ceil(n / 64) words of a bit set.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from carps_lite.analysis.subset.compiled import bits_set, compiled, inlined


class Faces(NamedTuple):
    """What `touch` fills in for a point set: bit sets by dimension and rank of the face's coordinate."""

    value: Any  # (d, n + 1): distinct coordinates in order, then 1
    below: Any  # (d, n + 1, W): the points with a smaller coordinate
    upto: Any  # (d, n + 1, W): the points with at most this coordinate
    on: Any  # (d, n + 1, W): the points with this coordinate
    count: Any  # (d,): number of distinct coordinates, which is the rank of the added 1
    last: Any  # (n,): the last coordinate of each slot, ascending
    at: Any  # (d, n): the coordinates of each slot
    order: Any  # (d, n): the slots by ascending coordinate
    held: Any  # (d, W): scratch: the points within the faces set so far
    touching: Any  # (d, d, W): scratch: those of them that touch face i
    rank: Any  # (d,): scratch: the faces set so far
    volume: Any  # (d,): scratch: their product
    least: Any  # (d,): scratch: what a later face must reach, or exceed if open, lest an earlier one is touched no more
    product: Any  # (2, n + 1): scratch: volumes by number of points


def make_faces(n: int, d: int) -> Faces:
    """Room for `n` points in `d` dimensions, used again for other points."""
    words = (n + 63) // 64
    sets = (d, n + 1, words)
    return Faces(
        np.ones((d, n + 1)), np.zeros(sets, np.uint64), np.zeros(sets, np.uint64), np.zeros(sets, np.uint64),
        np.zeros(d, np.int64), np.zeros(n), np.zeros((d, n)), np.zeros((d, n), np.int64),
        np.zeros((d, words), np.uint64), np.zeros((d, d, words), np.uint64), np.zeros(d, np.int64), np.zeros(d),
        np.zeros(d), np.zeros((2, n + 1)),
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
        faces.order[d - 1, s] = s
        for j in range(d):
            faces.at[j, s] = points[slot_order[s], j]
    so_far = np.zeros(words, np.uint64)
    for j in range(d - 1):
        order = np.argsort(points[:, j], kind="mergesort")
        so_far[:] = 0
        u = -1
        for t in range(n):
            p = order[t]
            faces.order[j, t] = slot_of[p]
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


@inlined
def count(held: Any) -> int:
    """How many points a bit set (W,) holds."""
    inside = 0
    for w in range(len(held)):
        inside += bits_set(held[w])
    return inside


@inlined
def set_face(faces: Faces, face: int, r: int, sets: Any, is_open: bool) -> int:
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
