"""Files of a checkout of yahpo_data: where they lie, whether they are whole, and the statistics among them."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from carps_lite.data import folder as default_folder
from carps_lite.data import is_file
from carps_lite.errors import InputError
from carps_lite.tasks.yahpo_checksums import CHECKSUMS, VERSION

PLACES = ("", "yahpo_data", "yahpo")  # a checkout: the data folder itself, or a folder in it
SPACES_ONLY = "config_spaces"  # spaces of scenarios whose surrogates are not there
STATISTICS = "global_statistics/instance_target_statistics.csv"


def data_folder(data: str | None = None) -> Path:
    """The data folder: `data`, else the variable CARPS_LITE_DATA_DIR, else ~/carps-data; it need not exist."""
    return Path(data).expanduser() if data else default_folder()


def locate(folder: Path, path: str, spaces_only: bool = False) -> Path:
    """Find a file of the repository by its path there, e.g. `lcbench/model.onnx`, and check that it is whole.

    Raises InputError, saying what to put where, for a missing file and for one whose content is another.
    """
    found = [folder / place for place in PLACES if is_file(folder / place / path)]
    if not found and spaces_only:
        found = [folder / place / SPACES_ONLY for place in PLACES if is_file(folder / place / SPACES_ONLY / path)]
    if not found:
        raise _missing(folder, path)
    _verify(found[0] / path, path)
    return found[0] / path


def _missing(folder: Path, path: str) -> InputError:
    scenario, name = path.split("/")
    there = [folder / place / scenario for place in PLACES if (folder / place / scenario).is_dir()]
    if there:
        return InputError(
            f"no data for yahpo {scenario}: {shown(there[0])} has no {name}; put it there from a checkout of "
            f"yahpo_data {VERSION}"
        )
    what = "several objectives" if path == STATISTICS else scenario
    return InputError(
        f"no data for yahpo {what} in {shown(folder)}: put a checkout of yahpo_data {VERSION} there, with {path} in "
        f"it, or set CARPS_LITE_DATA_DIR"
    )


def shown(path: Path) -> str:
    """A path as a person writes it."""
    home = str(Path.home())
    return "~" + str(path)[len(home) :] if str(path).startswith(home + os.sep) else str(path)


@cache
def _verify(file: Path, path: str) -> None:
    """Compare a file with the hash that git has for it; one that is whole is hashed once a process."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {shown(file)}: {error.strerror}") from None
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if digest != CHECKSUMS[path]:
        raise InputError(
            f"{shown(file)} is damaged or of another version: its git blob hash is {digest[:12]}, that of yahpo_data "
            f"{VERSION} is {CHECKSUMS[path][:12]}; fetch it again"
        )


@cache
def extremes(folder: Path, scenario: str, instance: str) -> dict[str, tuple[float, float]]:
    """Least and largest value of every output of one instance, as the data folder records them."""
    found: dict[str, dict[str, float]] = {}
    tail = f",{scenario},{instance}"
    for line in locate(folder, STATISTICS).read_text().splitlines():
        if line.endswith(tail):
            output, statistic, value = line[: -len(tail)].split(",")
            found.setdefault(output, {})[statistic] = float(value)
    return {output: (both["min"], both["max"]) for output, both in found.items()}
