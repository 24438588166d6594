"""Runs as a CSV file, which `carps-lite import csv` reads back, and as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from carps_lite.exchange.cells import config_text
from carps_lite.rows import TIMES

if TYPE_CHECKING:
    import pandas as pd

FIRST = ("task", "optimizer", "seed", "n_workers")


def csv_frame(runs: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """A row a trial in the columns of `read_csv`; a cell is empty where there is nothing to say."""
    import pandas as pd

    headers = dict(zip(runs["run"], runs["header"], strict=True))
    objectives = _names(headers, "objectives")
    constraints = _names(headers, "constraints")
    trials = trials.sort_values(["run", "ask"])
    owners = trials["run"].tolist()
    columns: dict[str, Any] = {name: trials[name].astype(object).tolist() for name in FIRST}
    columns["trial"] = trials["ask"].tolist()
    columns |= _spread(trials["values"], owners, headers, "objectives", objectives, "value.{}")
    for name in ("failure", "fidelity", "cost", "start", "end", "spent", "noise_free", *TIMES):
        columns[name] = trials[name].astype(object).where(trials[name].notna(), None).tolist()
    columns |= _spread(trials["constraints"], owners, headers, "constraints", constraints, "constraint.{}")
    configs = [orjson.loads(text) for text in trials["config"]]
    for name in dict.fromkeys(key for config in configs for key in config):
        columns[f"config.{name}"] = [config_text(c[name]) if name in c else None for c in configs]
    columns["info"] = [None if text == "{}" else text for text in trials["info"]]
    return pd.DataFrame(columns, dtype=object)


def write_csv(runs: pd.DataFrame, trials: pd.DataFrame, out: Path) -> list[Path]:
    """Write one CSV file; numbers keep all their digits."""
    csv_frame(runs, trials).to_csv(out, index=False)
    return [out]


def write_parquet(runs: pd.DataFrame, trials: pd.DataFrame, out: Path) -> list[Path]:
    """Write `runs.parquet` and `trials.parquet` into a folder; they belong together by the column `run`."""
    out.mkdir(parents=True, exist_ok=True)
    headers = [orjson.dumps(header).decode() for header in runs["header"]]
    paths = [out / "runs.parquet", out / "trials.parquet"]
    runs.assign(header=headers).to_parquet(paths[0], index=False, compression="zstd")
    trials.to_parquet(paths[1], index=False, compression="zstd")
    return paths


def _names(headers: Mapping[int, Mapping[str, Any]], what: str) -> list[str]:
    return list(dict.fromkeys(name for header in headers.values() for name in header["problem"].get(what) or ()))


def _spread(
    lists: Iterable[Any], owners: Sequence[int], headers: Mapping[int, Mapping[str, Any]], what: str,
    names: Sequence[str], pattern: str,
) -> dict[str, list[float | None]]:  # fmt: skip
    """One column a name; a trial fills those of its own task."""
    place = {name: i for i, name in enumerate(names)}
    own = {run: [place[name] for name in header["problem"].get(what) or ()] for run, header in headers.items()}
    cells = np.full((len(names), len(owners)), np.nan)
    for row, (run, values) in enumerate(zip(owners, lists, strict=True)):
        for column, value in zip(own[run], values, strict=False):
            cells[column, row] = np.nan if value is None else value
    return {pattern.format(name): [None if x != x else x for x in cells[i].tolist()] for i, name in enumerate(names)}
