"""Runs in the format of IOHprofiler 0.4 (https://iohprofiler.github.io/IOHanalyzer/data/).

Below the folder of each optimizer and task family: `IOHprofiler_f<id>_<name>.json` for each function, and for each of
its dimensions a `.dat` file with the evaluations that improve, the first and the last of each run. Runs of one function
and dimension stand in the order of instance and seed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carps_lite.exchange.lone import LoneRun, file_name, lone_runs
from carps_lite.libraries import installed_version

if TYPE_CHECKING:
    import pandas as pd

VERSION = "0.4.2"


def write_ioh(runs: pd.DataFrame, trials: pd.DataFrame, out: Path) -> tuple[list[Path], list[str]]:
    """Write all runs that fit. Returns the folders, one an optimizer, and what was left out, as sentences."""
    made, left_out = lone_runs(runs, trials)
    numbers = _function_numbers(made)
    folders = []
    for entrant, its in groupby(sorted(made, key=_order), key=lambda run: run.entrant):
        folder = out / file_name(entrant)
        folders.append(folder)
        for (family, function), own in groupby(its, key=lambda run: (run.family, run.function)):
            _write_function(folder / file_name(family), entrant, function, numbers[function], list(own))
    return folders, left_out


def _order(run: LoneRun) -> tuple[Any, ...]:
    return run.entrant, run.family, run.function, run.dimension, run.instance, run.seed


def _function_numbers(runs: Sequence[LoneRun]) -> dict[str, int]:
    """The number of each function: its `fid` where the family numbers its functions so, else its place by name."""
    numbers = {}
    for _, own in groupby(sorted(runs, key=lambda run: run.family), key=lambda run: run.family):
        first = {run.function: run for run in own}
        fids = [run.options.get("fid") for run in first.values()]
        numbered = all(isinstance(fid, int) for fid in fids) and len(set(fids)) == len(fids)
        for place, name in enumerate(sorted(first), 1):
            numbers[name] = int(first[name].options["fid"]) if numbered else place
    return numbers


def _write_function(folder: Path, entrant: str, function: str, number: int, runs: Sequence[LoneRun]) -> None:
    name = file_name(function)
    data = folder / f"data_f{number}_{name}"
    data.mkdir(parents=True, exist_ok=True)
    scenarios = []
    for dimension, own in groupby(runs, key=lambda run: run.dimension):
        listed = list(own)
        file = data / f"IOHprofiler_f{number}_DIM{dimension}.dat"
        file.write_text("".join(map(_block, listed)), encoding="utf-8")
        path = f"{data.name}/{file.name}"
        scenarios.append({"dimension": dimension, "path": path, "runs": list(map(_summary, listed))})
    content = {
        "version": VERSION,
        "suite": runs[0].family,
        "function_id": number,
        "function_name": name,
        "maximization": False,
        "algorithm": {"name": entrant, "info": f"carps-lite {installed_version('carps-lite')}"},
        "attributes": ["evaluations", "raw_y"],
        "scenarios": scenarios,
    }
    (folder / f"IOHprofiler_f{number}_{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _block(run: LoneRun) -> str:
    """The lines of one run in the `.dat` file."""
    lines = [" ".join(["evaluations", "raw_y", *(f"x{i}" for i in range(run.points.shape[1]))])]
    for i in run.improvements.tolist():
        numbers = (float(x) for x in (run.values[i], *run.points[i]))
        lines += [" ".join([str(i + 1), *map(repr, numbers)])]
    return "\n".join(lines) + "\n"


def _summary(run: LoneRun) -> dict[str, Any]:
    best = int(run.values.argmin())
    found = {"evals": best + 1, "y": float(run.values[best]), "x": run.points[best].tolist()}
    return {"instance": run.instance, "evals": len(run.values), "best": found}
