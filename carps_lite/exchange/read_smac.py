"""SMAC's run histories (`runhistory.json` of SMAC 2), read without SMAC.

A trial is an object with config_id, instance, seed, budget, cost, time, status (SMAC 2.3 and later), or a list of these
in the same order (before). `scenario.json` beside it has the seed, the objectives and the number of workers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from carps_lite.errors import InputError
from carps_lite.exchange.foreign import ForeignRun, ForeignTrial
from carps_lite.exchange.naming import identify, unfinished

NAMES = ("config_id", "instance", "seed", "budget", "cost", "time", "cpu_time", "status", "starttime", "endtime",
         "additional_info")  # fmt: skip
RUNNING, SUCCESS = 5, 1
FAILURES = {2: "crashed", 3: "timeout", 4: "memory"}  # smac.runhistory.enumerations.StatusType


def read_smac(
    source: Path, given: Mapping[str, Any], *, names: re.Pattern[str] | None = None, configs: bool = True
) -> tuple[list[ForeignRun], list[str]]:
    """Read one file, or every `runhistory.json` below a folder, and what was left out, as sentences.

    The optimizer is `smac` and the seed the scenario's unless `given` or `names`, a template for the file's path below
    the source, say otherwise; the task must be said. SMAC minimises, so do we. Raises InputError, naming the file.
    """
    files = sorted(source.rglob("runhistory.json")) if source.is_dir() else [source]
    if not files:
        raise InputError(f"no runhistory.json below {source}")
    runs: list[ForeignRun] = []
    left_out: list[str] = []
    for file in files:
        history, scenario = _load(file), _scenario(file)
        found = {"optimizer": "smac", "seed": _seed(file, scenario)}
        below = str(file.relative_to(source)) if source.is_dir() else file.name
        task, optimizer, seed = identify(str(file), below, names, given, found)
        trials, open_trials = _trials(file, history, configs)
        if open_trials:
            left_out.append(f"{unfinished(open_trials)} of {file}")
        if not trials:
            left_out.append(f"{file} has no finished trial")
            continue
        objectives = scenario.get("objectives")
        listed = [objectives] if isinstance(objectives, str) else objectives
        several = len(trials[0].values)
        known = tuple(map(str, listed)) if isinstance(listed, list) and len(listed) == several else None
        where = {"format": "smac", "file": file.name, "scenario": scenario.get("name")}
        workers = scenario.get("n_workers")
        n_workers = workers if isinstance(workers, int) and workers > 0 else 1
        top = scenario.get("max_budget")
        full = float(top) if isinstance(top, int | float) and any(t.fidelity is not None for t in trials) else None
        runs.append(
            ForeignRun(task, optimizer, seed, trials, where, n_workers, known, (), "budget", full, measured=True)
        )
    return runs, left_out


def _load(file: Path) -> Mapping[str, Any]:
    content = _json(file)
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise InputError(f"{file} is no run history of SMAC 2: it has no list 'data'")
    return content


def _scenario(file: Path) -> Mapping[str, Any]:
    beside = file.with_name("scenario.json")
    content = _json(beside) if beside.exists() else {}
    if not isinstance(content, dict):
        raise InputError(f"{beside} is no scenario of SMAC 2")
    return content


def _json(file: Path) -> Any:
    """The content of a file, null for the NaN and Infinity that SMAC writes and JSON does not have."""
    try:
        return orjson.loads(re.sub(rb"(?<![\w\"])-?(?:NaN|Infinity)(?![\w\"])", b"null", file.read_bytes()))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}: no readable JSON: {error.msg}") from None


def _seed(file: Path, scenario: Mapping[str, Any]) -> int | None:
    """The scenario's seed; else the folder's name, which SMAC makes of it."""
    if isinstance(scenario.get("seed"), int):
        return int(scenario["seed"])
    return int(file.parent.name) if file.parent.name.isdigit() else None


def _trials(file: Path, history: Mapping[str, Any], configs: bool) -> tuple[list[ForeignTrial], int]:
    """Finished trials in the order of submission, and how many are unfinished."""
    entries = [_entry(f"{file} data[{i}]", raw) for i, raw in enumerate(history["data"])]
    timed = any(e.get("time") for _, e in entries)
    several = {len(e["cost"]) if isinstance(e["cost"], list) else 1 for _, e in entries}
    if len(several) > 1:
        raise InputError(f"{file}: its trials have {' and '.join(map(str, sorted(several)))} objectives")
    one_seed = len({e.get("seed") for _, e in entries}) == 1
    trials = []
    for where, e in entries:
        if e["status"] == RUNNING:
            continue
        config = history.get("configs", {}).get(str(e["config_id"]))
        if configs and not isinstance(config, dict):
            raise InputError(f"{where}: no configuration {e['config_id']!r} in 'configs'")
        trials.append(_trial(where, e, config if configs else {}, timed, one_seed))
    return trials, len(entries) - len(trials)


def _entry(where: str, raw: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(raw, list):
        names = NAMES if len(raw) == len(NAMES) else [n for n in NAMES if n != "cpu_time"]
        raw = dict(zip(names, raw, strict=True)) if len(raw) == len(names) else None
    if not isinstance(raw, dict) or not {"config_id", "budget", "cost", "status"} <= set(raw):
        raise InputError(f"{where}: no trial with config_id, budget, cost and status")
    for name in ("budget", "time"):
        if not isinstance(raw.get(name), int | float | None):
            raise InputError(f"{where}: {name} must be a number, got {raw[name]!r}")
    status = raw["status"]
    if status not in (SUCCESS, RUNNING, *FAILURES):
        raise InputError(f"{where}: no status {status!r}; SMAC has 1 to 5")
    values = raw["cost"] if isinstance(raw["cost"], list) else [raw["cost"]]
    if not all(isinstance(v, int | float | None) for v in values):
        raise InputError(f"{where}: cost must be a number, got {raw['cost']!r}")
    return where, raw


def _trial(where: str, e: Mapping[str, Any], config: Any, timed: bool, one_seed: bool) -> ForeignTrial:
    values: Sequence[Any] = e["cost"] if isinstance(e["cost"], list) else [e["cost"]]
    failure = FAILURES.get(e["status"])
    if failure is None and not all(v is not None and math.isfinite(v) for v in values):
        failure = "no value"
    info: dict[str, Any] = {} if e.get("instance") is None else {"instance": str(e["instance"])}
    if not one_seed and e.get("seed") is not None:
        info["evaluation_seed"] = e["seed"]
    return ForeignTrial(
        where,
        dict(config),
        tuple(math.nan if v is None else float(v) for v in values),
        failure,
        float(e["time"] or 0.0) if timed else None,
        float(e["budget"]) if e["budget"] else None,  # none or 0: the task has no fidelity
        info=info,
        seconds=(0.0, float(e.get("time") or 0.0), 0.0),
    )
