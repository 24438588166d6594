"""Files that others may be reading: written aside and put in place in one step."""

from __future__ import annotations

import os
from pathlib import Path

from carps_lite.errors import InputError


def write_at_once(path: Path, text: str) -> None:
    """Write a text file, its folder included, in one step. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
