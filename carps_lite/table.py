"""One table of all trials and one of all runs, kept as Parquet beside the runs and rebuilt incrementally."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from carps_lite.frames import FROM_HEADER, RUNS, TRIALS, narrow_frame, runs_frame
from carps_lite.rows import ENERGY, SCHEMA, TIMES, mean_names, number, parse_log
from carps_lite.store import peek

if TYPE_CHECKING:
    import pandas as pd

    from carps_lite.store import Store


def load(
    store: Store, refresh: bool = True, trials: bool = True, columns: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frames of runs and of trials (empty where `trials` is false), with what is new in the store added.

    `columns`: only these of the trials, which takes a fraction of the time; lists of a single value are then null,
    which the column `value` holds.
    """
    runs, table = _cached(store.root, trials, columns)
    if refresh:
        present = dict(_scan(store.root))
        if not _is_current(runs, present):
            runs, table = _refresh(store.root, *_cached(store.root, True), present)
    if columns is not None and trials:
        return runs_frame(runs), narrow_frame(table, columns)
    return runs_frame(runs), (table if trials else TRIALS.empty_table()).to_pandas()


def _to_read(columns: Sequence[str], runs: pa.Table) -> list[str]:
    """The columns that are worth reading: lists only where a run has several objectives."""
    several = pc.any(pc.match_substring(runs["header"], '"kind":"mo')).as_py()
    return [n for n in TRIALS.names if n in columns and (several or not pa.types.is_list(TRIALS.field(n).type))]


def _cached(root: Path, trials: bool, columns: Sequence[str] | None = None) -> tuple[pa.Table, pa.Table]:
    """Read both files, or start empty where they are missing, damaged or do not belong together."""
    try:
        runs = pq.read_table(root / "runs.parquet")
        if not trials:
            return (runs if runs.schema.equals(RUNS) else RUNS.empty_table()), TRIALS.empty_table()
        with pq.ParquetFile(root / "table.parquet") as file:
            known = runs.schema.equals(RUNS) and file.schema_arrow.equals(TRIALS)
            # the tokens of what is read, since another process may write between the two
            if known and runs.schema.metadata[b"token"] == file.schema_arrow.metadata[b"token"]:
                return runs, file.read(columns=None if columns is None else _to_read(columns, runs))
    except (OSError, pa.ArrowException, TypeError, KeyError):
        pass
    return RUNS.empty_table(), TRIALS.empty_table()


def _known(runs: pa.Table) -> dict[str, tuple[int, tuple[int, int]]]:
    columns = (runs[name].to_pylist() for name in ("run", "file", "size", "modified"))
    return {file: (run, (size, modified)) for run, file, size, modified in zip(*columns, strict=True)}


def _is_current(runs: pa.Table, present: Mapping[str, tuple[int, int]]) -> bool:
    return {file: stamp for file, (_, stamp) in _known(runs).items()} == present


def _refresh(
    root: Path, runs: pa.Table, table: pa.Table, present: Mapping[str, tuple[int, int]]
) -> tuple[pa.Table, pa.Table]:
    """Drop runs whose file is gone or changed, add the new ones, and write both files where anything did."""
    known = _known(runs)
    kept = {run for file, (run, stamp) in known.items() if present.get(file) == stamp}
    fresh = {file: stamp for file, stamp in present.items() if file not in known or known[file][1] != stamp}
    if len(kept) == len(known) and not fresh:
        return runs, table
    if len(kept) < len(known):
        keep = pa.array(sorted(kept), pa.int32())
        runs = runs.filter(pc.is_in(runs["run"], value_set=keep))
        table = table.filter(pc.is_in(table["run"], value_set=keep))
    first = max(kept, default=-1) + 1
    for new_runs, new_trials in _parse(root, sorted(fresh.items()), first):
        runs, table = pa.concat_tables([runs, new_runs]), pa.concat_tables([table, new_trials])
    table = table.unify_dictionaries()
    _write(root, runs, table)
    return runs, table


def _scan(root: Path) -> Iterable[tuple[str, tuple[int, int]]]:
    """Yield (relative path, (size, time of change)) of the file that speaks for each run."""
    for task in sorted(p for p in root.glob("*") if p.is_dir()):
        for optimizer in sorted(p for p in task.glob("*") if p.is_dir()):
            folder = f"{task.name}/{optimizer.name}"
            stems: dict[str, list[os.DirEntry[str]]] = {}
            for entry in os.scandir(optimizer):
                name = entry.name
                if name.endswith(".jsonl"):
                    stems.setdefault(name.rpartition(",")[0], []).append(entry)
            for entries in stems.values():
                chosen = _spokesman(entries)
                with suppress(FileNotFoundError):  # just replaced by a longer run
                    facts = chosen.stat()
                    yield f"{folder}/{chosen.name}", (facts.st_size, facts.st_mtime_ns)


def _spokesman(entries: list[os.DirEntry[str]]) -> os.DirEntry[str]:
    """The longest finished file of a run; a failed one where there is no other."""
    finished = [e for e in entries if not e.name.endswith(",failed.jsonl")] or entries
    if len(finished) == 1:
        return finished[0]
    logs = {e.name: peek(Path(e.path)) for e in finished}
    return max(finished, key=lambda e: (log.length if (log := logs[e.name]) else 0.0, e.name))


def _parse(root: Path, files: list[tuple[str, tuple[int, int]]], first: int) -> Iterable[tuple[pa.Table, pa.Table]]:
    """Parse logs in portions, so that memory stays bounded."""
    portion = 500
    for begin in range(0, len(files), portion):
        runs: dict[str, list[Any]] = {name: [] for name in RUNS.names}
        trials: dict[str, list[Any]] = {name: [] for name in TRIALS.names}
        for i, (file, (size, modified)) in enumerate(files[begin : begin + portion]):
            try:
                header, rows, end = parse_log((root / file).read_bytes())
            except FileNotFoundError:  # just replaced by a longer run
                continue
            if header is None or end is None:
                continue
            run = first + begin + i
            _add_trials(trials, run, header, rows)
            _add_run(runs, header, rows, end, {"run": run, "file": file, "size": size, "modified": modified})
        yield pa.table(runs, schema=RUNS), pa.table(trials, schema=TRIALS)


def _add_trials(into: dict[str, list[Any]], run: int, header: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    n = len(rows)
    into["run"] += [run] * n
    for name in FROM_HEADER:
        into[name] += [header[name]] * n
    for name in ("ask", "start", "end", "spent", "cost", "values"):
        into[name] += [row[name] for row in rows]
    for name in ("fidelity", "failure"):
        into[name] += [row.get(name) for row in rows]
    into["constraints"] += [row.get("constraints", []) for row in rows]
    into["value"] += [row["values"][0] for row in rows]
    into["feasible"] += [_is_feasible(row) for row in rows]
    names = mean_names(header)
    infos = [row.get("info", {}) for row in rows]
    into["noise_free"] += [number(info.get(names[0])) for info in infos]
    into["noise_free_values"] += [_numbers(info, names) if len(names) > 1 else None for info in infos]
    into["energy_joules"] += [number(info.get(ENERGY)) for info in infos]
    into["config"] += [orjson.dumps(row["config"]).decode() for row in rows]
    into["info"] += [orjson.dumps(row["info"]).decode() if "info" in row else "{}" for row in rows]
    for i, name in enumerate(TIMES):
        into[name] += [row["measured_ns"][i] * 1e-9 for row in rows]


def _is_feasible(row: Mapping[str, Any]) -> bool:
    """Whether a trial succeeded and meets all constraints; null stands for nan."""
    return "failure" not in row and all(c is not None and c <= 0 for c in row.get("constraints", ()))


def _numbers(info: Mapping[str, Any], names: list[str]) -> list[float] | None:
    found = [number(info.get(name)) for name in names]
    return None if None in found else [x for x in found if x is not None]


def _add_run(
    into: dict[str, list[Any]],
    header: Mapping[str, Any],
    rows: list[dict[str, Any]],
    end: Mapping[str, Any],
    own: Mapping[str, Any],
) -> None:
    asked, evaluated, told = (sum(row["measured_ns"][i] for row in rows) * 1e-9 for i in range(3))
    told += end.get("tell_ns", 0) * 1e-9
    values = {
        **own,
        "state": end["state"],
        "why": end.get("why", "failed"),
        "error": end.get("error", ""),
        "n_trials": len(rows),
        "n_failed": sum("failure" in row for row in rows),
        "spent": rows[-1]["spent"] if rows else 0.0,
        "seconds": asked + evaluated + told,
        "ask_seconds": asked,
        "tell_seconds": told,
        "header": orjson.dumps(header).decode(),
    }
    for name in RUNS.names:
        into[name].append(values[name])


def _write(root: Path, runs: pa.Table, table: pa.Table) -> None:
    """Write both files under one token; where the folder cannot be written, the next reader parses again."""
    token = {b"token": os.urandom(8).hex().encode(), b"schema": b"%d.%d" % SCHEMA}
    for name, content in (("table.parquet", table), ("runs.parquet", runs)):
        temporary = root / f".{name}.{os.getpid()}"
        try:
            pq.write_table(content.replace_schema_metadata(token), temporary, compression="zstd")
            temporary.replace(root / name)
        except OSError:
            return
