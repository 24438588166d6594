"""`python -m carps_lite.commands.index`: write configs/index.json and docs/tasks.md from YAML files and classes.

It builds every task that a family stands for, so it wants all extras and data; a family whose libraries or data are
not here keeps the entry that it has.
"""

from __future__ import annotations

import sys
from pathlib import Path

from carps_lite import catalog, index
from carps_lite.commands.tasks_page import page
from carps_lite.derive import derive
from carps_lite.errors import InputError

PAGE = catalog.PACKAGED.parent.parent / "docs" / "tasks.md"


def packaged_names() -> list[str]:
    """The families of the package itself, without those of the working directory."""
    return sorted(path.stem for path in (catalog.PACKAGED / "tasks").glob("*.yaml"))


def refreshed(old: dict[str, index.Family]) -> tuple[list[index.Family], list[str]]:
    """Derive what can be derived here and keep the rest; return the families and a line for each that was kept."""
    found, notes = [], []
    for name in packaged_names():
        try:
            new = derive(name)
        except InputError as error:
            notes.append(f"{name}: kept as it was, {error}" if name in old else f"{name}: not in the index, {error}")
            if name in old:
                found.append(old[name])
            continue
        before = old.get(name)
        if before is not None and before.n_unseen < new.n_unseen and before.version == new.version:
            notes.append(
                f"{name}: kept as it was, made where {new.n_unseen - before.n_unseen} more tasks could be built"
            )
            new = before
        found.append(new)
    return found, notes


def write(index_file: Path = index.PATH, page_file: Path = PAGE) -> list[str]:
    """Write both files and return the notes."""
    families, notes = refreshed(index.load(index_file))
    index_file.write_text(index.dump(families), encoding="utf-8")
    if page_file.parent.is_dir():  # a checkout, not an installed package
        page_file.write_text(page({family.name: family for family in families}), encoding="utf-8")
    return notes


if __name__ == "__main__":
    for note in write():
        print(note, file=sys.stderr)
