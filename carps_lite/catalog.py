"""What `configs/` holds: the package's own folder and the user's `./configs` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from carps_lite.errors import InputError, one_line, unknown

PACKAGED = Path(__file__).resolve().parent / "configs"


@dataclass(frozen=True)
class Entry:
    """One YAML file of `configs/tasks` or `configs/optimizers`."""

    name: str
    target: str
    options: dict[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None


def names(kind: str) -> list[str]:
    """List the names in `configs/<kind>`; kind is tasks, optimizers or suites."""
    return sorted(_files(kind))


def load(kind: str, name: str) -> Entry:
    """Read one entry. Raises InputError where there is none or the file is not well formed."""
    files = _files(kind)
    if name not in files:
        raise unknown(f"no {kind[:-1]} named", name, files, f"carps-lite list {kind}")
    path = files[name]
    content = _read(str(path), path.stat().st_mtime_ns)
    if not isinstance(content, dict) or not isinstance(content.get("_target_"), str):
        raise InputError(f"{path} must be a mapping with a `_target_`")
    options = {str(k): v for k, v in content.items() if k not in ("_target_", "meta")}
    return Entry(name, content["_target_"], options, content.get("meta") or {}, path)


def suite_path(spec: str) -> Path | None:
    """The file of a suite, given its name or the path of a `.yaml` file; None where `spec` is neither."""
    if spec.endswith((".yaml", ".yml")):
        if not Path(spec).is_file():
            raise InputError(f"no suite file {spec!r}")
        return Path(spec).resolve()
    suites = _files("suites")
    if spec in suites and spec in _files("tasks"):
        raise InputError(f"{spec!r} is both a task and a suite; rename {suites[spec]}")
    return suites.get(spec)


def load_suite(path: Path) -> list[str]:
    """Read the task specs of a suite file, a YAML list of strings."""
    content = _read(str(path), path.stat().st_mtime_ns)
    if not isinstance(content, list) or not content or not all(isinstance(line, str) for line in content):
        raise InputError(f"{path} must be a list of task specs")
    return [str(line) for line in content]


def suite_summary(path: Path) -> str:
    """The first comment line of a suite file."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def _files(kind: str) -> dict[str, Path]:
    found = {p.stem: p for p in (PACKAGED / kind).glob("*.yaml")}
    own_folder = Path.cwd() / "configs" / kind
    if own_folder.is_dir() and own_folder.resolve() != (PACKAGED / kind).resolve():
        for path in own_folder.glob("*.yaml"):
            if path.stem in found:
                raise InputError(f"{path} has the name of a packaged {kind[:-1]}; rename it")
            found[path.stem] = path
    return found


@lru_cache(maxsize=1024)
def _read(path: str, modified: int) -> Any:
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        content = OmegaConf.load(path)
    except (OSError, YAMLError) as error:
        raise InputError(f"cannot read {path}: {one_line(error)}") from None
    return OmegaConf.to_container(content, resolve=True)
