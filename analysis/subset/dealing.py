"""What several subsets share: the rows that are still free, a search among them, and groups dealt out to subsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.subset.anytime import Clock, Progress, Selection
from carps_lite.analysis.subset.discrepancy import Points, attaining_box
from carps_lite.analysis.subset.limits import lower_bound
from carps_lite.analysis.subset.search import select_subset
from carps_lite.errors import InputError

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Case:
    """One call of `select_subsets`: its arguments, with `groups` (n,) as whole numbers, and whether Ctrl-C came."""

    points: Points
    sizes: tuple[int, ...]
    groups: Rows
    keeps: tuple[tuple[int, ...], ...]
    seed: int
    max_steps: int | None
    n_processes: int
    progress: Progress | None
    clock: Clock
    time_limit: float | None
    stopped: list[bool] = field(default_factory=list)

    def seconds(self, share: float) -> float | None:
        """That share of the time limit, where there is one."""
        return None if self.time_limit is None else share * self.time_limit

    def free(self, others: Sequence[Sequence[int]], own: int | None = None) -> Rows:
        """The rows whose groups neither `others` hold nor a subset other than `own` keeps."""
        taken = [row for rows in others for row in rows]
        taken += [row for i, rows in enumerate(self.keeps) if i != own and own is not None for row in rows]
        return np.flatnonzero(~np.isin(self.groups, self.groups[taken]))

    def select(self, i: int, rows: Rows, seconds: float | None, seed: int, prove: bool | None = False) -> Selection:
        """Subset `i` from these rows, in the places of all rows; bound and proof are about these rows."""
        points, k = self.points[rows], self.sizes[i]
        kept = np.searchsorted(rows, self.keeps[i]).tolist()
        if (points == points[0]).all():
            others = [row for row in range(len(rows)) if row not in kept]
            value = attaining_box(points[:k]).discrepancy
            chosen = sorted(rows[kept + others[: k - len(kept)]].tolist())
            return Selection(tuple(chosen), value, value, True, 0.0, bool(self.stopped))
        found = select_subset(
            points, k, seed=seed, time_limit=0.05 if self.stopped else seconds, max_steps=self.max_steps, keep=kept,
            n_processes=self.n_processes, prove=prove, progress=self.progress, clock=self.clock,
        )  # fmt: skip
        if found.interrupted:
            self.stopped.append(True)  # Ctrl-C ends them all: what is left is done in a moment each
        found = replace(found, interrupted=bool(self.stopped))
        return replace(found, indices=tuple(rows[list(found.indices)].tolist()))

    def with_bound(self, i: int, found: Selection, rows: Rows) -> Selection:
        """`found` as subset `i` with a bound of every subset of these rows, where it was chosen from fewer."""
        bound = lower_bound(self.points[rows], self.sizes[i], np.searchsorted(rows, self.keeps[i]).tolist())
        bound = min(bound, found.discrepancy)
        return replace(found, lower_bound=bound, proven=found.discrepancy <= bound + 1e-9)

    def cover(self, rows: Rows, subsets: Sequence[int]) -> dict[int, Rows]:
        """Deal the groups of these rows out so that each of these subsets has enough; InputError if none is found."""
        rng = np.random.default_rng([self.seed, 7])
        names, number = np.unique(self.groups[rows], return_counts=True)
        owner = {int(self.groups[row]): i for i in subsets for row in self.keeps[i]}
        for attempt in range(200):
            order = np.argsort(-number + (rng.uniform(0, 0.3 * attempt, len(number)) if attempt else 0), kind="stable")
            need, dealt = {i: self.sizes[i] for i in subsets}, dict(owner)
            for g in order:
                i = dealt.setdefault(int(names[g]), max(need, key=lambda j: need[j]))
                if i in need:
                    need[i] -= int(number[g])
            if max(need.values()) <= 0:
                return {i: rows[[dealt[int(g)] == i for g in self.groups[rows]]] for i in subsets}
        sizes = ", ".join(str(self.sizes[i]) for i in subsets)
        raise InputError(
            f"groups: no way found to give subsets of {sizes} rows groups of their own: {len(names)} groups"
        )
