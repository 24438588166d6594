"""Runs that formats for blackbox optimization can hold: one objective, no constraints, no fidelity."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from carps_lite.errors import InputError
from carps_lite.exchange.choice import finished, label

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoneRun:
    """One run: its values in the order of asking (infinite where the trial failed) and its points, where numeric."""

    entrant: str
    task: str
    family: str  # the task's name without options
    options: Mapping[str, Any]
    seed: int
    optimum: float  # nan where unknown
    dimension: int
    values: npt.NDArray[np.float64]  # (n,)
    points: npt.NDArray[np.float64]  # (n, D), or (n, 0) where a parameter is no number or is not always there

    @property
    def instance(self) -> int:
        """The task's instance; 1 where it has none."""
        given = self.options.get("instance", 1)
        return given if isinstance(given, int) and not isinstance(given, bool) else 1

    @property
    def function(self) -> str:
        """The task's id without its dimension and instance."""
        name, *pairs = self.task.split("/")
        return "/".join([name, *(p for p in pairs if p.split(":")[0] not in ("dim", "instance"))])

    @property
    def improvements(self) -> npt.NDArray[np.int64]:
        """Indices of the trials that are better than all before, and of the first and the last trial."""
        best = np.minimum.accumulate(self.values)
        better = np.flatnonzero(best[1:] < best[:-1]) + 1
        return np.unique(np.concatenate([[0], better, [len(self.values) - 1]])).astype(np.int64)


def lone_runs(runs: pd.DataFrame, trials: pd.DataFrame) -> tuple[list[LoneRun], list[str]]:
    """The runs that fit, and what was left out, as sentences. Raises InputError where none fits."""
    done, left_out = finished(runs)
    reasons = [_unfit(header["problem"]) for header in done["header"]]
    for reason in sorted({*reasons} - {""}):
        tasks = sorted({str(t) for t, own in zip(done["task"], reasons, strict=True) if own == reason})
        left_out.append(f"{some(tasks)}: this format does not hold {reason}")
    done = done[[not reason for reason in reasons]]
    several = done["n_workers"].nunique() > 1
    ordered = trials.sort_values(["run", "ask"])
    own: dict[Any, pd.DataFrame] = dict(list(ordered.groupby("run", sort=False)))
    made = list(_made(done, own, several))
    if not made:
        raise InputError(f"there is no run that this format can hold: {'; '.join(left_out) or 'all are empty'}")
    return made, left_out


def _unfit(problem: Mapping[str, Any]) -> str:
    """What a problem has that such formats do not hold, in words; empty where it has nothing of that kind."""
    has = {
        "several objectives": len(problem["objectives"]) > 1,
        "constraints": bool(problem["constraints"]),
        "fidelities": problem["fidelity"] is not None,
    }
    return " or ".join(word for word, true in has.items() if true)


def file_name(text: str) -> str:
    """A name with letters, digits, dot, plus, minus and underscore only."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_")


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _made(runs: pd.DataFrame, own: Mapping[Any, pd.DataFrame], several: bool) -> Iterator[LoneRun]:
    for row in runs.sort_values(["task", "optimizer", "n_workers", "variant", "seed"]).to_dict("records"):
        trials = own.get(row["run"])
        if trials is None or not len(trials):
            continue
        value = trials["value"].to_numpy(dtype=float)
        values = np.where(trials["failure"].isna() & np.isfinite(value), value, np.inf)
        points = _points([orjson.loads(text) for text in trials["config"]])
        space = row["header"]["problem"]["space"]
        yield LoneRun(
            label(str(row["optimizer"]), int(row["n_workers"]), str(row["variant"]), several),
            str(row["task"]),
            str(row["task"]).split("/")[0],
            row["header"]["task_options"],
            int(row["seed"]),
            float(row["optimum"]),
            len(space) or points.shape[1] or 1,
            values,
            points,
        )


def _points(configs: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64]:
    names = list(configs[0])
    numeric = all(
        list(c) == names and all(isinstance(x, int | float) and not isinstance(x, bool) for x in c.values())
        for c in configs
    )
    return (
        np.array([list(c.values()) for c in configs], dtype=float) if numeric and names else np.empty((len(configs), 0))
    )
