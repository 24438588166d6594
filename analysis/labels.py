"""Short names of tasks for figures, and the words for a budget."""

from __future__ import annotations

from collections.abc import Sequence

from carps_lite.analysis.axes import AXES
from carps_lite.analysis.numbers import amount, listing
from carps_lite.analysis.pool import Pool


def short_tasks(tasks: Sequence[str], limit: int = 34) -> list[str]:
    """Shorten ids to what tells them apart within their family: `bbob/dim:5/fid:8/instance:1` -> `bbob fid:8`.

    Where that would make two of them equal, or is too long to be read, ids stay as they are.
    """
    parts = [task.split("/") for task in tasks]
    short = []
    for own in parts:
        family = [p for p in parts if p[0] == own[0]]
        constant = {key for key in own[1:] if len(family) > 1 and all(key in p for p in family)}
        short.append(" ".join([own[0], *(_bare(key) for key in own[1:] if key not in constant)]))
    if len(set(short)) < len(short):
        short = list(tasks)
    return [name if len(name) <= limit else f"{name[: limit - 1]}…" for name in short]


def families(tasks: Sequence[str]) -> str:
    """Count tasks by family: `4 bbob, 8 hpobench_mlp`."""
    names = [task.split("/")[0] for task in tasks]
    return listing([f"{names.count(name):,} {name}" for name in dict.fromkeys(names)], limit=5)


def unit(pool: Pool, axis: str) -> str:
    """The noun of a budget: evaluations (of full fidelity, where a task has several), trials, seconds or joules."""
    if axis != "full":
        return AXES[axis].unit
    several = any(kind in ("mf", "momf") for kind in pool.runs["kind"])
    return "full-fidelity evaluation" if several else "evaluation"


def when(pool: Pool, axis: str, budget: float) -> str:
    """A budget in words: `30 evaluations`."""
    noun = unit(pool, axis)
    if budget == 1:
        return f"1 {noun}"
    written = f"{int(budget):,}" if budget == round(budget) else amount(budget)
    return f"{written} {plural(noun)}"


def plural(noun: str) -> str:
    """Several of a unit: `seconds of wall time`."""
    head, of, rest = noun.partition(" of ")
    return f"{head}s{of}{rest}"


def _bare(key: str) -> str:
    """`data:australian` -> `australian`; a number keeps its key."""
    value = key.partition(":")[2]
    plain = value and not value[0].isdigit() and value not in ("true", "false")
    return value if plain else key
