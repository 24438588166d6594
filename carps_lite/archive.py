"""A set of runs in one small file, read as if it were a store: a Parquet file with a row a run, its trials as lists.

Each key of the runs' headers is a column of JSON, so that what many runs share is kept once. What follows from the rest
is left out: unit costs, the amounts spent and the clock that follow from them, empty lists. Measured times are kept to
within 1 %. Configurations and further information on the trials are kept on request only; of the latter always what
reports use: values without noise and energy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from carps_lite.errors import InputError, one_line, unknown
from carps_lite.frames import RUNS, TRIALS, runs_frame
from carps_lite.rows import ENERGY, SCHEMA, TIMES, mean_names, number
from carps_lite.unpacking import SOURCES, unpack

if TYPE_CHECKING:
    import pandas as pd

BASELINES = Path(__file__).resolve().parent / "baselines"  # in a checkout a link to results/baselines
_OF_RUN = ("state", "why", "error", "n_failed", "seconds", "ask_seconds", "tell_seconds")
_NUMBERS, _WHOLE, _TEXTS = (pa.list_(kind) for kind in (pa.float64(), pa.int64(), pa.string()))
_LISTS = {"values": _NUMBERS, "means": _NUMBERS, "energy": _NUMBERS, "constraints": _NUMBERS, "cost": _NUMBERS,
          "spent": _NUMBERS, "fidelity": _NUMBERS, "start": _NUMBERS, "end": _NUMBERS, "failure": _TEXTS,
          "config": _TEXTS, "info": _TEXTS, "ns": _WHOLE}  # fmt: skip
_KIND, _HEADER = b"carps_lite.archive", "header."


class Archive:
    """Read runs from one file. Raises InputError where the file is none of ours, or of a newer major version."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self._metadata = pq.read_schema(self.path).metadata or {}
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"cannot read {self.path}: {one_line(error)[:200]}") from None
        if _KIND not in self._metadata:
            raise InputError(f"{self.path} is no archive of runs (carps-lite export baseline writes one)")
        major = int(self._metadata[_KIND].split(b".")[0])
        if major > SCHEMA[0]:
            raise InputError(
                f"{self.path} was written by a newer carps-lite (schema {major}; this one reads {SCHEMA[0]})"
            )

    def frames(self, refresh: bool = True, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """All runs, a row a run, and all their trials, a row a trial, as `Store.frames` gives them."""
        wanted = TRIALS.names if columns is None else [name for name in TRIALS.names if name in columns]
        table = pq.read_table(self.path, columns=self._to_read({*wanted, "spent"}))
        n_R = table["n_trials"].to_numpy().astype(np.int64)
        headers = _headers(table)
        trials = unpack(table, headers, n_R, [*wanted, "spent"])
        ends = np.cumsum(n_R) - 1
        spent = trials["spent"].to_numpy()
        runs = {
            **{name: table[name] for name in ("n_trials", *_OF_RUN)},
            "run": np.arange(len(n_R), dtype=np.int32),
            "file": [f"{self.path.name}#{i}" for i in range(len(n_R))],
            "size": np.zeros(len(n_R), dtype=np.int64),
            "modified": np.zeros(len(n_R), dtype=np.int64),
            "spent": [float(spent[end]) if n else 0.0 for n, end in zip(n_R, ends, strict=True)],
        }
        schema = RUNS.remove(RUNS.get_field_index("header"))
        frame = runs_frame(pa.table({name: runs[name] for name in schema.names}, schema=schema), headers)
        return frame, trials.select(wanted).to_pandas()

    def _to_read(self, wanted: Iterable[str]) -> list[str]:
        """The file's columns of which these of the trials are made."""
        needed = {stored for name in wanted for stored in SOURCES.get(name, ())}
        return [name for name in pq.read_schema(self.path).names if name in needed or name not in _LISTS]

    def impossible(self) -> set[tuple[str, str]]:
        """The (task, optimizer) pairs that the optimizer does not handle."""
        return {(task, optimizer) for task, optimizer in orjson.loads(self._metadata.get(b"impossible", b"[]"))}


def is_archive(path: Path) -> bool:
    """Whether a file is an archive of runs, and not some other table."""
    try:
        return path.is_file() and _KIND in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def write(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    path: Path,
    *,
    configs: bool = False,
    impossible: Iterable[tuple[str, str]] = (),
) -> None:
    """Write runs and their trials, frames of `Store.frames`, as one archive. Raises OSError where it cannot."""
    keys = list(dict.fromkeys(key for header in runs["header"] for key in header if key not in ("host", "pid")))
    of_run = dict(list(trials.sort_values(["run", "ask"]).groupby("run", sort=False)))
    nothing = trials.iloc[:0]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("n_trials", *_OF_RUN, *(f"{_HEADER}{k}" for k in keys), *_LISTS)
    }
    ordered = runs.sort_values(["task", "optimizer", "n_workers", "variant", "seed"])
    for row in ordered.to_dict("records"):
        packed = _pack(of_run.get(row["run"], nothing), row["header"], configs)
        for name in ("n_trials", *_OF_RUN):
            columns[name].append(row[name])
        for key in keys:
            columns[f"{_HEADER}{key}"].append(
                orjson.dumps(row["header"][key]).decode() if key in row["header"] else None
            )
        for name in _LISTS:
            columns[name].append(packed[name])
    types: dict[str, pa.DataType] = {"n_trials": pa.int32(), **{name: RUNS.field(name).type for name in _OF_RUN}}
    schema = pa.schema({**types, **{f"{_HEADER}{k}": pa.string() for k in keys}, **_LISTS})
    pairs = sorted(set(impossible) & {(t, o) for t in set(runs["task"]) for o in set(runs["optimizer"])})
    metadata = {_KIND: b"%d.%d" % SCHEMA, b"impossible": orjson.dumps(pairs)}
    table = pa.table(columns, schema=schema).replace_schema_metadata(metadata)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, temporary, compression="zstd", compression_level=9)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def baseline(name: str) -> Archive:
    """Open an archive that comes with the package, by its name. Raises InputError where there is none."""
    path = BASELINES / f"{name}.parquet"
    if not path.is_file():
        names = sorted(p.stem for p in BASELINES.glob("*.parquet")) if BASELINES.is_dir() else []
        if not names:
            raise InputError(f"no baseline named {name!r}: there are none in {BASELINES}")
        raise unknown("no baseline named", name, names)
    return Archive(path)


def _pack(trials: pd.DataFrame, header: Mapping[str, Any], configs: bool) -> dict[str, list[Any] | None]:
    """The lists of one run; None stands for what `_unpack` works out. Those of several numbers a trial are flat."""
    n, packed = len(trials), dict[str, list[Any] | None](dict.fromkeys(_LISTS))
    packed["values"] = _numbers(x for values in trials["values"] for x in values)
    limits = [list(c) for c in trials["constraints"]]
    width = max(map(len, limits), default=0)
    if width:  # a failed trial may have none
        packed["constraints"] = _numbers(x for c in limits for x in (c or [np.nan] * width))
    if trials["fidelity"].notna().any():
        packed["fidelity"] = _numbers(trials["fidelity"])
    if trials["failure"].notna().any():
        failures = trials["failure"].astype(object)
        packed["failure"] = [str(f) if known else None for f, known in zip(failures, failures.notna(), strict=True)]
    cost, spent, start, end = (trials[name].tolist() for name in ("cost", "spent", "start", "end"))
    packed["cost"] = None if cost == [1.0] * n else cost
    packed["spent"] = None if spent == _ones(n) else spent
    if (start, end) != _clock(cost):
        packed["start"], packed["end"] = start, end
    packed["ns"] = _coarse(trials[list(TIMES)].to_numpy(dtype=float).ravel())
    infos = [orjson.loads(text) for text in trials["info"]] if (trials["info"] != "{}").any() else []
    means = [number(info.get(name)) for info in infos for name in mean_names(header)]
    energy = [number(info.get(ENERGY)) for info in infos]
    packed["means"] = means if any(x is not None for x in means) else None
    packed["energy"] = energy if any(x is not None for x in energy) else None
    if configs:
        packed["config"] = trials["config"].tolist()
        packed["info"] = trials["info"].tolist() if infos else None
    return packed


def _coarse(seconds: np.ndarray) -> list[int]:
    """Nanoseconds with 64 steps an octave: an error of at most 0.8 %, at a third of the size."""
    mantissa, exponent = np.frexp(np.nan_to_num(seconds) * 1e9)
    return [int(x) for x in np.round(np.ldexp(np.round(mantissa * 128) / 128, exponent))]


def _headers(table: pa.Table) -> list[dict[str, Any]]:
    """The runs' headers, put together from their columns."""
    names = [name for name in table.column_names if name.startswith(_HEADER)]
    known: dict[str, Any] = {}
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    return [{name.removeprefix(_HEADER): known[text] if text in known else known.setdefault(text, orjson.loads(text))
             for name, text in zip(names, row, strict=True) if text is not None} for row in rows]  # fmt: skip


def _ones(n: int) -> list[float]:
    return list(accumulate([1.0] * n))


def _clock(cost: list[float]) -> tuple[list[float], list[float]]:
    """Starts and ends where one worker evaluates one trial after the other."""
    end = list(accumulate(cost))
    return [0.0, *end[:-1]] if end else [], end


def _numbers(values: Iterable[float]) -> list[float | None]:
    """Numbers with nan as null, as the store's table has them."""
    return [None if x is None or x != x else float(x) for x in values]
