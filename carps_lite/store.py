"""The store: a folder of runs, one append-only file an attempt, published by an atomic link when the run is done.

    results/<task id>/<optimizer id>/workers=4,seed=3,spent=100.jsonl     a finished run; readers take the longest
    results/<task id>/<optimizer id>/workers=4,seed=3,failed.jsonl        a run that ended as failed
    results/<task id>/<optimizer id>/workers=4,seed=3.<attempt>.part      what one attempt has written so far
    results/<task id>/<optimizer id>/....old                              set aside: made by other code

Attempts never share a file, so nothing needs a lock. A record is in the kernel's hands as soon as it is written.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import orjson

from carps_lite.core import Budget
from carps_lite.errors import InputError
from carps_lite.keys import RunKey
from carps_lite.loop import Record
from carps_lite.rows import SCHEMA, dump, dump_record, load_record, parse_log

if TYPE_CHECKING:
    import pandas as pd

LEASE_SECONDS = 60.0  # an attempt of another machine that has not shown life for so long is taken for dead
_TAIL = 1 << 16


@dataclass
class Files:
    """The files of one run."""

    finished: list[Path] = field(default_factory=list)
    failed: list[Path] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Log:
    """A run's file: its header, and its end line where it has one."""

    path: Path
    header: Mapping[str, Any]
    end: Mapping[str, Any] | None

    def covers(self, budget: Budget) -> bool:
        """Whether the run is done as far as `budget`: it ran that far, or its optimizer had nothing left."""
        if self.end is None or self.end["state"] != "done":
            return False
        return self.end["why"] == "exhausted" or float(self.end["covered"][budget.unit]) >= budget.amount

    @property
    def length(self) -> float:
        """How long the run is, in trials."""
        return float(self.end["covered"]["trials"]) if self.end else 0.0


class Store:
    """Read and write runs below `root`. Raises InputError where the folder holds a store of a newer major version."""

    def __init__(self, root: Path | str = "results") -> None:
        self.root = Path(root).absolute()  # a task may change the working directory
        self._check_schema()

    def table(self, refresh: bool = True) -> pd.DataFrame:
        """All runs as one table, a row a trial; kept in `table.parquet` and rebuilt incrementally."""
        return self.frames(refresh)[1]

    def frames(self, refresh: bool = True, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """All runs, a row a run, and all their trials, a row a trial; both from one look at the folder.

        `columns`: only these of the trials (see `carps_lite.table.load`).
        """
        from carps_lite.table import load

        return load(self, refresh, columns=columns)

    def runs(self, refresh: bool = True) -> pd.DataFrame:
        """All finished and failed runs, a row a run."""
        from carps_lite.table import load

        return load(self, refresh, trials=False)[0]

    def impossible(self) -> set[tuple[str, str]]:
        """The (task, optimizer) pairs of all grids asked for that an optimizer does not handle."""
        notes = [orjson.loads(path.read_bytes()) for path in sorted((self.root / "grids").glob("*.json"))]
        return {(task, optimizer) for note in notes for task, optimizer, _ in note["impossible"]}

    def create(self) -> None:
        """Make the folder and stamp it with the schema's version."""
        self.root.mkdir(parents=True, exist_ok=True)
        stamp = self.root / "store.json"
        if not stamp.exists():
            temporary = self.root / f".store.{os.getpid()}.json"
            temporary.write_bytes(dump({"schema": list(SCHEMA)}))
            temporary.replace(stamp)

    def listing(self, key: RunKey) -> dict[str, Files]:
        """All files of the folder that `key` lives in, by stem."""
        found: dict[str, Files] = {}
        try:
            entries = sorted(os.scandir(self.root / key.folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return found
        for entry in entries:
            path, name = Path(entry.path), entry.name
            if name.endswith(",failed.jsonl"):
                found.setdefault(name[: -len(",failed.jsonl")], Files()).failed.append(path)
            elif name.endswith(".jsonl"):
                found.setdefault(name.rpartition(",spent=")[0], Files()).finished.append(path)
            elif name.endswith(".part"):
                found.setdefault(name[: -len(".part")].rpartition(".")[0], Files()).parts.append(path)
        return found

    def files(self, key: RunKey) -> Files:
        """The files of one run."""
        return self.listing(key).get(key.stem, Files())

    def begin(self, key: RunKey, header: Mapping[str, Any], attempt: str) -> Attempt:
        """Open a new attempt at a run. `attempt` must be unique."""
        folder = self.root / key.folder
        folder.mkdir(parents=True, exist_ok=True)
        return Attempt(folder / f"{key.stem}.{attempt}.part", key, header)

    def _check_schema(self) -> None:
        try:
            content = orjson.loads((self.root / "store.json").read_bytes())
            major = int(content["schema"][0])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, IndexError):
            raise InputError(
                f'{self.root / "store.json"} is damaged; it should read {{"schema": {list(SCHEMA)}}}'
            ) from None
        if major > SCHEMA[0]:
            raise InputError(
                f"{self.root} was written by a newer carps-lite (schema {major}; this one reads {SCHEMA[0]})"
            )


class Attempt:
    """One attempt at a run, being written."""

    def __init__(self, path: Path, key: RunKey, header: Mapping[str, Any]) -> None:
        self.path, self.key = path, key
        self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by publish or by the end of the process
        self._file.write(dump({"schema": list(SCHEMA), **header, "host": socket.gethostname(), "pid": os.getpid()}))

    def append(self, records: list[Record]) -> None:
        """Write records, all of them in one call, so that a batch is in the file as a whole."""
        self._file.write(b"".join(map(dump_record, records)))

    def publish(self, end: Mapping[str, Any], budget: Budget, aside: list[Path]) -> Path:
        """Write the end line and give the file its final name; `aside` are older files that it replaces."""
        self._file.write(dump(end))
        self._file.close()
        ending = f"spent={budget}" if end["state"] == "done" else "failed"
        final = self.path.with_name(f"{self.key.stem},{ending}.jsonl")
        if end["state"] == "failed":  # what was done well before stays
            self.path.replace(final)
            return final
        for path in aside:
            set_aside(path)
        try:
            log = peek(final) if final.exists() else None
            if final.exists() and not (log and log.covers(budget)):  # damaged
                set_aside(final)
            os.link(self.path, final)
        except FileExistsError:  # somebody else finished the same run first
            self.path.unlink()
        except FileNotFoundError:  # and tidied this attempt away
            if not final.exists():
                raise
        except OSError:  # a file system without hard links
            self.path.rename(final)
        else:
            self.path.unlink()
        return final

    def close(self) -> None:
        """Leave the attempt as it is; another one can go on from it."""
        self._file.close()


def peek(path: Path) -> Log | None:
    """Read a log's header and end line, and nothing between; None where the file is gone or has no header."""
    try:
        with path.open("rb") as file:
            first = file.readline()
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
        header = orjson.loads(first)
    except (OSError, orjson.JSONDecodeError):
        return None
    last = tail.rstrip(b"\n").rpartition(b"\n")[2] if tail.endswith(b"\n") else b""
    try:
        end = orjson.loads(last)
    except orjson.JSONDecodeError:
        end = None
    return Log(path, header, end if isinstance(end, dict) and "state" in end else None)


def read(path: Path) -> tuple[Mapping[str, Any], list[Record]] | None:
    """Read a log's header and its whole records; None where the file is gone or has no header."""
    try:
        header, rows, _ = parse_log(path.read_bytes())
    except OSError:
        return None
    return None if header is None else (header, [load_record(row) for row in rows])


def set_aside(path: Path) -> None:
    """Rename a file so that no reader takes it for a run."""
    for n in range(1, 10_000):
        target = path.with_name(f"{path.name}.{n}.old")
        if not target.exists():
            try:
                path.rename(target)
            except FileNotFoundError:
                return
            return


def is_alive(part: Path) -> bool:
    """Whether the attempt that writes this file seems to be alive.

    On this machine its process tells; elsewhere the file's age does, which the owner keeps young.
    """
    import psutil

    log = peek(part)
    if log is None:  # its first line is about to be written, or never will be
        return _is_young(part)
    if log.header.get("host") == socket.gethostname():
        pid = int(log.header.get("pid", 0))
        try:
            owner = psutil.Process(pid)
            lives = pid != os.getpid() and owner.status() != psutil.STATUS_ZOMBIE
            return lives and owner.create_time() <= part.stat().st_mtime + 1  # else a later process has its number
        except (psutil.Error, OSError):
            return False
    return _is_young(part)


def _is_young(part: Path) -> bool:
    try:
        return time() - part.stat().st_mtime < LEASE_SECONDS
    except OSError:
        return False
