"""The key of a run and the file names that spell it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from carps_lite.core import Budget
from carps_lite.errors import InputError
from carps_lite.loop import Rules

MAX_NAME = 200  # bytes; file systems allow 255
_ID = re.compile(r"[A-Za-z0-9_.:/@+=,\-]+")


@dataclass(frozen=True)
class RunKey:
    """What a run is a function of. `budget` stands here only where the trajectory depends on it."""

    task: str
    optimizer: str
    seed: int
    n_workers: int = 1
    sync: bool = False
    overhead: float | str = 0.0
    budget: Budget | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        for what, name in (("task", self.task), ("optimizer", self.optimizer)):
            if not _ID.fullmatch(name) or name.startswith((".", "/")):
                raise InputError(f"{what} name {name!r} may hold letters, digits and _ . : / @ + = , - only")

    @classmethod
    def of(
        cls,
        task: str,
        optimizer: str,
        seed: int,
        *,
        n_workers: int,
        rules: Rules,
        budget: Budget,
        uses_budget: bool,
        device: str | None = None,
    ) -> RunKey:
        """Make the key of a run: the budget is part of it for optimizers that use it, and for synchronous batches."""
        in_key = budget if uses_budget or rules.sync else None
        return cls(task, optimizer, seed, n_workers, rules.sync, rules.overhead, in_key, device)

    @property
    def variant(self) -> str:
        """The settings that are off their default, such as `sync,budget=100`; empty for an ordinary run."""
        parts = ["sync"] if self.sync else []
        parts += [f"overhead={self.overhead if isinstance(self.overhead, str) else f'{self.overhead:g}'}"] * bool(
            self.overhead
        )
        parts += [f"budget={self.budget}"] * (self.budget is not None)
        parts += [f"device={self.device}"] * (self.device is not None)
        return ",".join(parts)

    @property
    def stem(self) -> str:
        """The beginning of the names of all files of this run."""
        return ",".join((f"workers={self.n_workers}", *([self.variant] if self.variant else []), f"seed={self.seed}"))

    @property
    def folder(self) -> Path:
        """The folder of the run, relative to the store."""
        return Path(folder_name(self.task)) / folder_name(self.optimizer)


def folder_name(identifier: str) -> str:
    """Turn an id into a folder's name: `bbob,dim=5,fid=1`; long ones are cut and end in a hash."""
    name = identifier.replace("/", ",").replace(":", "=")
    if len(name.encode()) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 20]}~{sha256(identifier.encode()).hexdigest()[:16]}"
