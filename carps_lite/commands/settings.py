"""The keys of `run.yaml`: checked, and turned into a request, limits and the rest that a grid needs."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carps_lite import spec
from carps_lite.core import Budget
from carps_lite.errors import InputError, nearest
from carps_lite.loop import MEASURED
from carps_lite.plan import Request, parse_rerun
from carps_lite.watchdog import Limits

MEMORY_SHARE = 0.8
MOST_SEEDS, MOST_SEED, MOST_WORKERS = 1_000_000, 2**31, 1_000_000


@dataclass(frozen=True)
class Settings:
    """One call of `run`."""

    request: Request
    limits: Limits
    processes: int
    results: Path
    dry_run: bool


def parse_settings(given: Mapping[str, Any]) -> Settings:
    """Check every value. Raises InputError, in one line that names the key, the value and what is allowed."""
    budget = given["budget"]
    request = Request(
        tasks=spec.resolve_all("tasks", _listed(given, "task")),
        optimizers=spec.resolve_all("optimizers", _listed(given, "optimizer")),
        seeds=parse_seeds(given["seeds"]),
        budget=None if budget == "default" else Budget.parse(budget),
        n_workers=parse_count(given, "n_workers", 1),
        sync=parse_switch(given, "sync"),
        overhead=_overhead(given["overhead"]),
        device=parse_device(given["device"]),
        shard=parse_shard(given["shard"]),
        rerun=parse_rerun(given["rerun"]),
    )
    if request.n_workers > MOST_WORKERS:
        raise InputError(f"n_workers must be at most {MOST_WORKERS:,}, got {request.n_workers:,}")
    processes, limits = parse_limits(given)
    return Settings(request, limits, processes, parse_folder(given["results"]), parse_switch(given, "dry_run"))


def parse_limits(given: Mapping[str, Any]) -> tuple[int, Limits]:
    """Read how many worker processes there are to be, and what a trial and a run may take in them."""
    cores = len(os.sched_getaffinity(0))
    processes = cores if given["processes"] is None else parse_count(given, "processes", 0)
    memory = _seconds(given, "memory_gb")
    share = _machine_memory() * MEMORY_SHARE / max(1, processes) / 1.5  # beside what a worker held before
    limits = Limits(_seconds(given, "trial_seconds"), _seconds(given, "run_seconds"), memory * 1e9 if memory else share)
    return processes, limits


def parse_folder(value: Any, name: str = "results") -> Path:
    """Check the name of a folder, which need not exist."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} must be the name of a folder, got {value!r}")
    path = Path(value).expanduser()
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"{name}={value} is a file; it must be a folder")
    except OSError as error:
        raise InputError(f"{name}={value}: {error.strerror or error}") from None
    ancestor = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not ancestor.is_dir() or (ancestor != path and not os.access(ancestor, os.W_OK)):
        raise InputError(
            f"cannot write to {name}={value}: {ancestor} is {'read-only' if ancestor.is_dir() else 'a file'}"
        )
    return path


def parse_seeds(value: Any) -> list[int]:
    """Read `5` (0 to 4), `5..9`, `1+3`, or a list of those for single seeds."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SEEDS:
        return list(range(value))
    parts = [str(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else [str(value)]
    seeds: list[int] = []
    for part in (p.strip() for text in parts for p in text.split("+")):
        match = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if first > last or isinstance(value, int | float):
            raise InputError(f"seeds must be a count such as 5, or seeds such as 5..9 or [1,3], got {value!r}")
        if last >= MOST_SEED or last - first >= MOST_SEEDS:
            raise InputError(f"seeds must lie below 2^31, and at most {MOST_SEEDS:,} of them, got {value!r}")
        seeds += range(first, last + 1)
    if not seeds:
        raise InputError(f"seeds must name at least one seed, got {value!r}")
    return list(dict.fromkeys(seeds))


def parse_shard(value: Any) -> tuple[int, int]:
    """Read `2of8`."""
    if value is None:
        return 1, 1
    match = re.fullmatch(r"(\d+)of(\d+)", str(value))
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"shard must be KofN with 1 <= K <= N, such as 2of8, got {value!r}")
    return int(match[1]), int(match[2])


def _listed(given: Mapping[str, Any], key: str) -> list[str]:
    value = given[key]
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(one, str) for one in listed):
        raise InputError(f"{key} must be a name or a list of names, got {value!r}")
    return list(listed)


def parse_choice(key: str, value: object, allowed: Sequence[str]) -> str:
    """Take one of a few words. Raises InputError, which names them, for anything else."""
    if value not in allowed:
        raise InputError(
            f"{key} must be {', '.join(allowed[:-1])} or {allowed[-1]}, got {value!r}{nearest(str(value), allowed)}"
        )
    return str(value)


def parse_count(given: Mapping[str, Any], key: str, least: int) -> int:
    """Check a whole number."""
    value = given[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{key} must be a whole number of at least {least}, got {value!r}")
    return value


def parse_switch(given: Mapping[str, Any], key: str) -> bool:
    """Check true or false."""
    value = given[key]
    if not isinstance(value, bool):
        raise InputError(f"{key} must be true or false, got {value!r}")
    return value


def _seconds(given: Mapping[str, Any], key: str) -> float | None:
    value = given[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(f"{key} must be a positive number or null, got {value!r}")
    return float(value)


def _overhead(value: Any) -> float | str:
    if value == MEASURED:
        return MEASURED
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"overhead must be a number of seconds or {MEASURED!r}, got {value!r}")
    return float(value)


def parse_device(value: Any) -> str | None:
    """Read `cpu`, `cuda` or `cuda:1`; None is the task's own choice."""
    if value is not None and not re.fullmatch(r"cpu|cuda(:\d+)?", str(value)):
        raise InputError(f"device must be cpu, cuda or cuda:N, got {value!r}")
    return None if value is None else str(value)


def _machine_memory() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
