"""Write imported runs into a store: all of them or none."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from carps_lite.errors import InputError
from carps_lite.exchange.settle import SettledRun
from carps_lite.rows import SCHEMA, dump, dump_record
from carps_lite.store import Store, read, set_aside


@dataclass(frozen=True)
class Brought:
    """What an import came to, in runs: written, and left as they were because the store holds the same."""

    written: int
    kept: int


def bring(runs: Sequence[SettledRun], store: Store, replace: bool = False) -> Brought:
    """Publish runs in a store. Raises InputError where one was imported before with other trials, unless `replace`."""
    fresh = [(run, old) for run in runs if not _same(run, old := store.files(run.key).finished)]
    for run, old in fresh:
        if old and not replace:
            raise InputError(
                f"{run.where}: {run.key.optimizer} on {run.key.task} with seed {run.key.seed} was imported before, "
                f"with other trials; replace=true takes the new ones"
            )
    store.create()
    with _staging() as staged:
        for run, _ in fresh:
            staged.append(_stage(run, store))
        for (run, old), part in zip(fresh, staged, strict=True):
            for path in old:
                set_aside(path)
            os.replace(part, part.with_name(f"{run.key.stem},spent={run.budget}.jsonl"))
    return Brought(len(fresh), len(runs) - len(fresh))


@contextmanager
def _staging() -> Iterator[list[Path]]:
    """A list of files that are gone again when anything goes wrong; those that were published have another name."""
    staged: list[Path] = []
    try:
        yield staged
    finally:
        for part in staged:
            part.unlink(missing_ok=True)


def _stage(run: SettledRun, store: Store) -> Path:
    folder = store.root / run.key.folder
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{run.key.stem}.{secrets.token_hex(4)}.part"
    header = {"schema": list(SCHEMA), **run.header, "host": socket.gethostname(), "pid": os.getpid()}
    try:
        part.write_bytes(b"".join((dump(header), *map(dump_record, run.records), dump(run.end))))
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _same(run: SettledRun, old: Sequence[Path]) -> bool:
    """Whether one of the files holds exactly these trials."""
    if not old:
        return False
    lines = [dump_record(record) for record in run.records]
    logs = (read(path) for path in old)
    return any(log is not None and [dump_record(record) for record in log[1]] == lines for log in logs)
