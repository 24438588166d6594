"""Fixed reference values of tasks, by which results are normalised whatever else is compared.

Normalised regret is (value - good) / (bad - good): 1 for what random search finds with a small budget, 0 for the best
known. They are kept in `references/tasks.csv` of the package's `configs` and of the user's `./configs`, a line per
task, with the task's version; `carps-lite references` computes them. Where the package has a task, its line holds, so
that the same result is scored alike everywhere.

The idea of fixed references from random search: bayesmark (Turner et al. 2021, arXiv:2104.10201, section 3), HPO-B
(Pineda Arango et al. 2021, arXiv:2106.06257).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from carps_lite import catalog, spec
from carps_lite import reference_fronts as fronts
from carps_lite.core import Budget
from carps_lite.errors import InputError, one_line
from carps_lite.files import write_at_once
from carps_lite.loop import Record, Rules, Simulation

BUDGET = 100  # evaluations at full fidelity behind `bad`
LONGER = 2000  # evaluations of each seed behind `good` where no optimum is known, and of `bad` where 100 find nothing
TRAINED, TRAINED_SEEDS = 50, 5  # evaluations and seeds behind both where each evaluation is a training
SEEDS = range(10_000, 10_021)  # far from those of anybody's runs; an odd number, so that the median is one of them
FILE = Path("references") / "tasks.csv"


@dataclass(frozen=True)
class Reference:
    """What a task's values are measured by; None where a number does not apply or was not found.

    `bad`: the median, over 21 seeds, of what random search's incumbent is worth after `budget` evaluations in full:
    100, or 2,000 where most seeds find nothing feasible in 100.
    `good`: the optimum, or the least value that random search met in 21 times 2,000 evaluations; `source` says which:
    `optimum` or `search`. Of noisy tasks both are noise-free values where the task records them, and only feasible
    trials count.

    Of several objectives both are hypervolume gaps (`hypervolume.gap`) to `reference`, the task's own reference point,
    and `ideal`: `bad` the median gap of random search's trials, `good` that of the known Pareto front (source `front`)
    or of all trials of 21 times 2,000 random evaluations together (`sample`). `ideal` is the least value of each
    objective on that front or in that sample. A task without a reference point has the ideal alone.

    Where the task's metadata says that its cost is measured, each evaluation is a training: both then come from five
    seeds of 50 evaluations, and `budget` is 50.
    """

    task: str
    version: int
    source: str
    budget: int | None = None
    bad: float | None = None
    good: float | None = None
    reference: tuple[float, ...] | None = None
    ideal: tuple[float, ...] | None = None


def of(task_id: str) -> Reference | None:
    """The reference of a task; None where there is none for its present version.

    Raises InputError on a task that does not exist and on a file that cannot be read.
    """
    one = spec.resolve("tasks", task_id)
    found = known().get(one.id)
    return found if found is not None and found.version == one.meta.get("version", 1) else None


def known() -> dict[str, Reference]:
    """All stored references, the user's and, before them, the package's."""
    return {**read(own_file()), **read(catalog.PACKAGED / FILE)}


def own_file() -> Path:
    """The file in `./configs`, which is the package's own where the working directory is a checkout."""
    return Path.cwd() / "configs" / FILE


def read(path: Path) -> dict[str, Reference]:
    """Read a file of references; empty where there is none. Raises InputError where it is not well formed."""
    return dict(_read(path, path.stat().st_mtime_ns)) if path.is_file() else {}


@lru_cache(maxsize=8)
def _read(path: Path, modified: int) -> dict[str, Reference]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [_from_row(row) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no file of references ({one_line(error)})") from None
    return {one.task: one for one in rows}


def _from_row(row: dict[str, str]) -> Reference:
    bad, good = (float(row[key]) if row[key] else None for key in ("bad", "good"))
    reference, ideal = (tuple(map(float, row[key].split())) if row[key] else None for key in ("reference", "ideal"))
    budget = int(row["budget"]) if row["budget"] else None
    return Reference(row["task"], int(row["version"]), row["source"], budget, bad, good, reference, ideal)


def write(path: Path, references: Iterable[Reference]) -> None:
    """Write a file, sorted by task, in one step."""
    names = [field.name for field in fields(Reference)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(one, name)) for name in names] for one in sorted(references, key=lambda r: r.task))
    write_at_once(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return " ".join(map(repr, value)) if isinstance(value, tuple) else str(value)


def compute(one: spec.Resolved) -> Reference:
    """Compute a task's reference. Raises InputError where the task does not build or no trial of a seed succeeds."""
    task = spec.build(one)
    several = len(task.problem.objectives) > 1
    return _of_several(one, task) if several else _of_one(one, task)


def _of_one(one: spec.Resolved, task: Any) -> Reference:
    effort = Effort.of(one)
    optimum = getattr(task, "optimum", None)
    runs = [_worths(one, task, seed, effort.budget if optimum is not None else effort.longer) for seed in effort.seeds]
    budget, bad = effort.budget, median(_incumbent(run[: effort.budget]) for run in runs)
    if not math.isfinite(bad):
        runs = [_worths(one, task, seed, effort.longer) for seed in effort.seeds]
        budget, bad = effort.longer, median(map(_incumbent, runs))
    if not math.isfinite(bad):
        raise InputError(f"most seeds of random search found nothing feasible in {effort.longer:,} evaluations")
    good = min(worth for run in runs for _, worth in run) if optimum is None else float(optimum)
    source = "search" if optimum is None else "optimum"
    return Reference(one.id, _version(one), source, budget, bad, good)


def _of_several(one: spec.Resolved, task: Any) -> Reference:
    effort, front = Effort.of(one), fronts.known_front(task)
    n = effort.longer if front is None else effort.budget
    runs = [list(_search(one, task, seed, n)) for seed in effort.seeds]
    source = "sample" if front is None else "front"
    front = fronts.union([_worth_points(task, run) for run in runs]) if front is None else front
    ideal, reference = front.ideal, task.problem.reference
    if reference is None:
        return Reference(one.id, _version(one), source, ideal=ideal)
    reference = tuple(map(float, reference))
    gaps = [fronts.gap_of(_worth_points(task, run[: effort.budget]), reference, ideal) for run in runs]
    return Reference(one.id, _version(one), source, effort.budget, median(gaps), front.gap(reference), reference, ideal)


@dataclass(frozen=True)
class Effort:
    """How much random search is behind a task's references."""

    budget: int
    longer: int
    seeds: Sequence[int]

    @classmethod
    def of(cls, one: spec.Resolved) -> Effort:
        """Less where evaluating means training: tasks whose metadata says that their cost is measured."""
        if one.meta.get("cost") == "measured":
            return cls(TRAINED, TRAINED, SEEDS[:TRAINED_SEEDS])
        return cls(BUDGET, LONGER, SEEDS)


def _version(one: spec.Resolved) -> int:
    return int(one.meta.get("version", 1))


def _worths(one: spec.Resolved, task: Any, seed: int, n: int) -> list[tuple[float, float]]:
    """What each trial of a random search showed and is worth, infinite where it failed or is not feasible."""
    found = []
    for record in _search(one, task, seed, n):
        seen = record.result.values[0] if record.result.feasible else math.inf
        found.append((seen, _worth(task, record)[0] if seen < math.inf else math.inf))
    return found


def _worth(task: Any, record: Record) -> tuple[float, ...]:
    """The values of a trial, without noise where the task records them so."""
    named = zip(task.problem.objectives, record.result.values, strict=True)
    return tuple(float(record.info.get(f"mean_{name}", seen)) for name, seen in named)


def _worth_points(task: Any, run: Sequence[Record]) -> fronts.Array:
    """What the trials that look undominated are worth, shape (N, M)."""
    feasible = [record for record in run if record.result.feasible]
    worths = {record.result.values: _worth(task, record) for record in feasible}
    m = len(task.problem.objectives)
    seen = fronts.nondominated(np.array(list(worths), dtype=float).reshape(-1, m))
    return np.array([worths[tuple(point)] for point in seen.tolist()], dtype=float).reshape(-1, m)


def _incumbent(trials: Sequence[tuple[float, float]]) -> float:
    """What the trial with the least observed value is worth; of several the first."""
    return min(trials, key=lambda trial: trial[0])[1]


def _search(one: spec.Resolved, task: Any, seed: int, n: int) -> Iterable[Record]:
    meta, problem = one.meta, task.problem
    rules = Rules(noisy=bool(meta.get("noisy", True)), measured_cost=meta.get("cost") == "measured")
    optimizer = spec.make("optimizers", "random", problem=problem, seed=seed)
    return Simulation(task, optimizer, problem, seed, Budget(n, "trials"), rules)
