"""An index of the task families, kept with the package: what their tasks look like, without building any.

`configs/index.json` is written by `python -m carps_lite.commands.index` from the YAML files and the classes; a test
derives it again and compares. A family of the user's own `./configs` is not in it and is derived when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from carps_lite import catalog

Limits = tuple[int, int | None]  # least and largest value; None where there is no end in sight


@dataclass(frozen=True)
class Shape:
    """What the tasks of a family that look alike have in common, and how many of them each group has."""

    kind: str  # bb, mf, mo or momf
    dim: int  # number of parameters, inactive and constant ones included
    parameters: Mapping[str, int]  # how many of each kind: float, int, categorical, ordinal, constant
    conditional: int  # how many of them are active under a condition only
    objectives: int
    constraints: int
    fidelity: str | None  # its name
    optimum: bool  # whether the best value is known
    groups: Mapping[str, int]

    @property
    def n_tasks(self) -> int:
        """How many tasks have this shape."""
        return sum(self.groups.values())


@dataclass(frozen=True)
class Family:
    """The tasks of one YAML file, by shape.

    Counted are the combinations of all finite lists of values. `free` options have none, such as an instance: they
    count once, at their default. `size` is the free option that sets the number of parameters, where there is one.
    `unseen` tasks, by type ("?": not known either), are known by name, but their data were not there when the index was
    made.
    """

    name: str
    version: int
    shapes: tuple[Shape, ...]
    free: Mapping[str, Limits]
    size: str | None = None
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_tasks(self) -> int:
        """How many tasks the family stands for."""
        return sum(shape.n_tasks for shape in self.shapes) + self.n_unseen

    @property
    def n_unseen(self) -> int:
        """How many of them were not looked at."""
        return sum(self.unseen.values())

    def dims(self, shape: Shape) -> Limits:
        """The numbers of parameters that tasks of a shape can be given."""
        return (shape.dim, shape.dim) if self.size is None else self.free[self.size]


PATH = catalog.PACKAGED / "index.json"


@lru_cache(maxsize=4)
def load(path: Path = PATH) -> dict[str, Family]:
    """Read an index; empty where there is no file."""
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: _family(name, **entry) for name, entry in content.items()}


def _family(name: str, shapes: list[dict[str, Any]], free: dict[str, list[Any]], **rest: Any) -> Family:
    limits = {key: (low, high) for key, (low, high) in free.items()}
    return Family(name=name, shapes=tuple(Shape(**shape) for shape in shapes), free=limits, **rest)


def dump(families: Iterable[Family]) -> str:
    """Write an index as JSON, one shape a line, so that a change shows as a line."""
    parts = [f"{json.dumps(f.name)}: {_text(f)}" for f in sorted(families, key=lambda f: f.name)]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _text(family: Family) -> str:
    head = {k: getattr(family, k) for k in ("version", "free", "size", "unseen")}
    shapes = [
        json.dumps({f.name: getattr(shape, f.name) for f in fields(Shape)}, ensure_ascii=False)
        for shape in family.shapes
    ]
    return json.dumps(head)[:-1] + ', "shapes": [\n  ' + ",\n  ".join(shapes) + "]}"


def family(name: str) -> Family:
    """Look a family up; one that is not in the package's index is derived by building its tasks."""
    indexed = indexed_family(name)
    if indexed is not None:
        return indexed
    from carps_lite.derive import derive

    return derive(name)


def indexed_family(name: str) -> Family | None:
    """Look a family up in the package's index; None where it is not there or is the user's own."""
    entry = catalog.load("tasks", name)
    packaged = entry.path is not None and entry.path.parent.parent == catalog.PACKAGED
    return load().get(name) if packaged else None
