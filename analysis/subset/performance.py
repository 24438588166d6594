"""What a subset is chosen from: how well each optimizer did on each task.

Axes: O optimizers, T tasks, S seeds. Lower is better; infinity is a failed run or one without a result, nan a seed that
an optimizer does not use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.numbers import count, listing
from carps_lite.errors import InputError, unknown

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """Results of optimizers on tasks.

    `normalised`: whether the values are regrets between fixed references, 0 good and 1 bad (carps_lite.references);
    raw values of each task's own scale otherwise. `notes`: sentences on what was left out.
    """

    tasks: tuple[str, ...]
    groups: tuple[str, ...]  # per task: the function or data set; tasks of one group are no independent tasks
    optimizers: tuple[str, ...]
    values_OTS: Array
    normalised: bool
    source: str
    notes: tuple[str, ...] = ()

    def place(self, optimizer: str, where: str = "optimizer") -> int:
        """The index of an optimizer. Raises InputError where the table does not have it."""
        if optimizer not in self.optimizers:
            raise unknown(f"{where}: {self.source} has no optimizer", optimizer, self.optimizers, "")
        return self.optimizers.index(optimizer)

    def of_tasks(self, keep: npt.NDArray[np.bool_], note: str = "") -> Performance:
        """The same on a part of the tasks, with a sentence on the rest."""
        chosen = np.flatnonzero(keep)
        return replace(
            self,
            tasks=tuple(self.tasks[t] for t in chosen),
            groups=tuple(self.groups[t] for t in chosen),
            values_OTS=self.values_OTS[:, chosen],
            notes=(*self.notes, *((note,) if note else ())),
        )

    @property
    def has_runs_OT(self) -> npt.NDArray[np.bool_]:
        """Whether an optimizer has any run on a task, be it a failed one."""
        return np.asarray(~np.isnan(self.values_OTS).all(axis=2))

    @property
    def sha256(self) -> str:
        """The hash of all names and values, by which a record says what it was computed from."""
        names = "\n".join((*self.tasks, "", *self.groups, "", *self.optimizers, str(self.normalised)))
        values = np.ascontiguousarray(self.values_OTS, dtype="<f8")
        return hashlib.sha256(names.encode() + repr(values.shape).encode() + values.tobytes()).hexdigest()


def complete(performance: Performance, optimizers: Sequence[str]) -> Performance:
    """Leave out the tasks on which one of the optimizers has no run: a point needs all its coordinates.

    A failed run is a run. Raises InputError where fewer than two tasks remain.
    """
    places = [performance.place(name) for name in optimizers]
    has_OT = performance.has_runs_OT[places]
    whole = np.asarray(has_OT.all(axis=0))
    if whole.all():
        return performance
    counts = zip(optimizers, (~has_OT).sum(axis=1).tolist(), strict=True)
    lacking = listing([f"{name} on {n}" for name, n in counts if n])
    gone = [performance.tasks[t] for t in np.flatnonzero(~whole)]
    if whole.sum() < 2:
        raise InputError(
            f"{count(int(whole.sum()), 'task')} of {len(whole)} in {performance.source} has runs of all of "
            f"{listing(list(optimizers))} (no run of {lacking}); choose others with optimizer=..."
        )
    note = f"{count(len(gone), 'task')} without runs of every optimizer chosen ({lacking}): {listing(gone)}"
    return performance.of_tasks(whole, note)
