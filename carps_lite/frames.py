"""The columns of the tables of runs and of trials, and these tables as frames of pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from carps_lite.headers import parse
from carps_lite.identity import is_stale

if TYPE_CHECKING:
    import pandas as pd

_NAME = pa.dictionary(pa.int32(), pa.string())
TRIALS = pa.schema(
    {
        "run": pa.int32(),
        "task": _NAME,
        "optimizer": _NAME,
        "seed": pa.int64(),
        "n_workers": pa.int32(),
        "variant": _NAME,
        "ask": pa.int32(),
        "start": pa.float64(),
        "end": pa.float64(),
        "fidelity": pa.float64(),
        "spent": pa.float64(),
        "cost": pa.float64(),
        "value": pa.float64(),
        "noise_free": pa.float64(),  # mean_<objective>, of the first one
        "values": pa.list_(pa.float64()),
        "noise_free_values": pa.list_(pa.float64()),  # null where one of several objectives has none
        "constraints": pa.list_(pa.float64()),
        "feasible": pa.bool_(),  # it succeeded and meets all constraints
        "failure": _NAME,
        "config": pa.string(),
        "info": pa.string(),
        "ask_seconds": pa.float64(),
        "evaluate_seconds": pa.float64(),
        "tell_seconds": pa.float64(),
        "energy_joules": pa.float64(),
    }
)
RUNS = pa.schema(
    {
        "run": pa.int32(),
        "file": pa.string(),
        "size": pa.int64(),
        "modified": pa.int64(),
        "state": pa.string(),
        "why": pa.string(),
        "error": pa.string(),
        "n_trials": pa.int32(),
        "n_failed": pa.int32(),
        "spent": pa.float64(),
        "seconds": pa.float64(),
        "ask_seconds": pa.float64(),
        "tell_seconds": pa.float64(),
        "header": pa.string(),
    }
)
FROM_HEADER = ("task", "optimizer", "seed", "n_workers", "variant")  # columns of both


def runs_frame(runs: pa.Table, headers: Sequence[Mapping[str, Any]] | None = None) -> pd.DataFrame:
    """Turn a table with the columns `RUNS` into the frame of runs, with what their headers say as columns.

    `headers`: where they are known already; the table's own column is then not looked at, and may lack.
    """
    import pandas as pd

    headers = parse(runs["header"].to_pylist()) if headers is None else headers
    frame = runs.select([name for name in RUNS.names if name != "header"]).to_pandas()
    for name in FROM_HEADER:
        frame[name] = [h[name] for h in headers]
    for name in ("kind", "objectives", "reference"):
        frame[name] = [h["problem"][name] for h in headers]
    frame["group"] = [h["group"] for h in headers]
    frame["optimum"] = [float("nan") if h["optimum"] is None else h["optimum"] for h in headers]
    frame["stale"] = [is_stale(h) for h in headers]
    frame["header"] = headers
    order = ["run", *FROM_HEADER, "state", "why", "error", "n_trials", "n_failed", "spent", "kind", "objectives",
             "reference", "optimum", "group", "stale", "seconds", "ask_seconds", "tell_seconds", "file",
             "header"]  # fmt: skip
    return pd.DataFrame(frame[order])


def narrow_frame(table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Only these columns, in the order of `TRIALS`, and no list of a single value, which `value` holds."""
    import pandas as pd

    names = [name for name in TRIALS.names if name in columns]
    lists = {name for name in names if pa.types.is_list(TRIALS.field(name).type)}
    flat = [name for name in names if name not in lists and name in table.column_names]
    frame = table.select(flat).to_pandas(split_blocks=True)
    several = {name: _several(table, name) for name in lists}
    made = {name: several[name] if name in several else frame[name] for name in names}
    return pd.DataFrame(made, copy=False) if names else frame


def _several(table: pa.Table, name: str) -> npt.NDArray[np.object_]:
    """Lists as arrays, None where there is none or a single value: (N,)."""
    found = np.full(len(table), None, dtype=object)
    begin = 0
    for chunk in table[name].chunks if name in table.column_names else ():
        lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
        cells = chunk.flatten().to_numpy(zero_copy_only=False)
        first = lengths.cumsum() - lengths
        for width in np.unique(lengths[lengths > 1]):
            at = np.flatnonzero(lengths == width)
            rows = cells[first[at][:, None] + np.arange(width)]
            found[begin + at] = np.fromiter(rows, dtype=object, count=len(at))
        begin += len(chunk)
    return found
