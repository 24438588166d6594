"""How the trials of a task become one number, and the fixed references between which that number is normalised.

One objective: the value of the incumbent. Several objectives: the hypervolume gap of the front found so far
(carps_lite.hypervolume.gap), between the task's own reference point and the ideal point kept with it
(carps_lite.references). Where no ideal point is kept, minus the hypervolume up to the reference point that the run's
header names: it can be ranked, and not be normalised. Where there is no reference point, the task cannot be scored.

References hold for one version of a task: they are used where all its runs were made by that version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from carps_lite.analysis import units
from carps_lite.analysis.stats import Array
from carps_lite.analysis.units import version
from carps_lite.references import Reference
from carps_lite.shown import Shown

GAP = "hypervolume gap"
VOLUME = "negative hypervolume"
SEVERAL = ("mo", "momf")


@dataclass(frozen=True)
class Measure:
    """How one task is scored; lower is better.

    `metric`: the objective's name, `hypervolume gap` or `negative hypervolume`. `reference` and `ideal`: of several
    objectives only. `good` and `bad`: the values of `metric` at 0 and 1 of normalised regret, nan where not known.
    """

    metric: str
    objectives: tuple[str, ...]
    reference: tuple[float, ...] | None = None
    ideal: tuple[float, ...] | None = None
    good: float = float("nan")
    bad: float = float("nan")
    shown: tuple[Shown, ...] = ()  # how the objectives are shown, in their order; none: all as they are minimised

    @property
    def objectives_shown(self) -> tuple[Shown, ...]:
        """How each objective is shown, under its own name where nobody says more."""
        return self.shown or tuple(map(Shown, self.objectives))

    @property
    def metric_shown(self) -> Shown:
        """How the values of `metric` are shown; hypervolumes as they are."""
        return Shown(self.metric) if self.several else self.objectives_shown[0]

    @property
    def declared(self) -> bool:
        """Whether the task says how its only objective is shown."""
        return not self.several and self.objectives_shown[0] != Shown(self.objectives[0])

    @property
    def several(self) -> bool:
        """Whether the task has several objectives."""
        return len(self.objectives) > 1

    @property
    def normalises(self) -> bool:
        """Whether there are references to normalise by: both are known and apart."""
        return bool(np.isfinite(self.bad - self.good) and self.bad > self.good)

    def of_volumes(self, volumes_N: Array) -> Array:
        """Turn hypervolumes into scores; nan, no trial that counts, into infinity."""
        if self.reference is None:
            raise ValueError(f"{', '.join(self.objectives)}: no reference point")
        found = -volumes_N
        if self.ideal is not None:
            found = 1 - volumes_N / float(np.prod(np.subtract(self.reference, self.ideal)))
        return np.where(np.isnan(volumes_N), np.inf, found)


def measures(runs: pd.DataFrame, references: Mapping[str, Reference]) -> dict[str, Measure | None]:
    """Return the measure of each task of `runs`; None where several objectives have no reference point."""
    versions = runs.assign(version=list(map(version, runs["header"]))).groupby("task", sort=False)["version"].unique()
    first = runs.drop_duplicates("task")
    columns = (first[name] for name in ("task", "objectives", "reference"))
    found: dict[str, Measure | None] = {}
    said = units.shown(runs)
    for task, objectives, reference in zip(*columns, strict=True):
        kept = references.get(task)
        valid = kept is not None and list(versions[task]) == [kept.version]
        names = tuple(map(str, objectives))
        made = _measure(names, _point(reference), kept if valid else None)
        own = tuple(said[task].get(name, Shown(name)) for name in names)
        found[task] = made and replace(made, shown=own)
    return found


def limits(chosen: Sequence[Measure]) -> tuple[Array, Array]:
    """Return (good_T, bad_T): nan where a task cannot be normalised."""
    good = np.array([m.good if m.normalises else np.nan for m in chosen])
    bad = np.array([m.bad if m.normalises else np.nan for m in chosen])
    return good, bad


def _measure(
    objectives: tuple[str, ...], reference: tuple[float, ...] | None, kept: Reference | None
) -> Measure | None:
    good = bad = float("nan")
    if kept is not None and kept.good is not None and kept.bad is not None:
        good, bad = kept.good, kept.bad
    if len(objectives) == 1:
        return Measure(objectives[0], objectives, None, None, good, bad)
    if kept is not None and _spans(kept, len(objectives)):
        return Measure(GAP, objectives, kept.reference, kept.ideal, good, bad)
    if reference is None or len(reference) != len(objectives):
        return None
    return Measure(VOLUME, objectives, reference)


def _spans(kept: Reference, n: int) -> bool:
    """Whether reference and ideal point are kept for `n` objectives, with room between them."""
    if kept.reference is None or kept.ideal is None or {len(kept.reference), len(kept.ideal)} != {n}:
        return False
    return all(r > i for r, i in zip(kept.reference, kept.ideal, strict=True))


def _point(given: Any) -> tuple[float, ...] | None:
    """A reference point as a header has it; None where there is none (a frame may turn that into nan)."""
    return None if given is None or np.ndim(given) == 0 else tuple(float(x) for x in given)
