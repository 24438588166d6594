"""`carps-lite subset`: choose the few tasks that represent all, by star discrepancy."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from carps_lite import catalog
from carps_lite.commands.arguments import read
from carps_lite.commands.pairs import stores
from carps_lite.commands.settings import parse_choice, parse_count, parse_folder, parse_switch
from carps_lite.errors import InputError

HELP = """carps-lite subset: choose the few tasks that represent all, by star discrepancy

usage: carps-lite subset [key=value ...] [--keep]

  from=results      a store's folder, baseline:NAME, or a table (.csv, .parquet) of task x optimizer
  name=subset       of the suite; several, of tasks of different groups: name=bb_dev,bb_test
  k=4..30           how many tasks: 10; 10,20 for two names; or a range, of which the best size is recommended
  optimizer=null    the axes of the space, at least two: random,cmaes,gp; null: all
  validate=null     optimizers that only validate the choice; null: all others
  task=null         only these tasks: ids, or patterns such as 'bbob*'        kind=null    bb, mf, mo or momf
  budget=null       performance at this budget; null: the largest that all runs reached
  at=budget         or area: the mean over the whole way to the budget

  between=references   what 0 and 1 of a task are: its fixed references; range: its best and worst here; none: as is
  scale=rank           rank, raw or log           method=joint    several subsets: joint, sequential or split
  --keep               go on from the suites of these names, without dropping a member
  seed=0   seconds=10 (of search for each subset)   processes=1   out=null (subsets/ in the store's folder)

  carps-lite subset from=results k=10 name=bb_dev kind=bb optimizer=random,cmaes,gp
  carps-lite run task=bb_dev optimizer=my_file.MyOptimizer,random seeds=10

Writes ./configs/suites/NAME.yaml, which `run` takes at once, and NAME.json (how it came about) and NAME.html (points,
sizes, agreement) into `out`. With new tasks or results, the same command again.
Ctrl-C ends the search with the best so far. It needs: pip install 'carps-lite[subset]'"""

ANALYSIS = "carps_lite.analysis.subset"  # found by name: the core imports no analysis
SUITE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
FILES = (".csv", ".parquet", ".pq")
MARK = "carps-lite subset"  # in the first line of the suites that this command made


def main(args: Sequence[str]) -> int:
    """Choose, write, and say what came out; exit code 130 where the search was stopped."""
    given = read("subset", ["keep=true" if a == "--keep" else a for a in args])
    names = _names(given["name"])
    suites = Path.cwd() / "configs" / "suites"
    for name in names:
        _check_free(name, suites)
    request = _request(given, names, suites)
    begin = perf_counter()
    performance, inputs, home = _performance(given)
    making = import_module(f"{ANALYSIS}.making")
    print(making.headline(performance, request), flush=True)
    out = parse_folder(given["out"], "out") if given["out"] is not None else home / "subsets"
    made = making.make(performance, request, suites=suites, out=out, inputs=inputs, watch=_watch)
    print("\n".join(made.lines))
    shown = " ".join(_short(path) for path in made.files)
    print(f"→ {shown}   ({perf_counter() - begin:.1f} s)")
    return 130 if made.choice.interrupted else 0


def _request(given: Mapping[str, Any], names: Sequence[str], suites: Path) -> Any:
    sizes, is_range = _sizes(given["k"])
    return import_module(f"{ANALYSIS}.choosing").Request(
        names=tuple(names),
        sizes=sizes,
        is_range=is_range,
        axes=tuple(_listed(given, "optimizer") or ()),
        kept_out=None if given["validate"] is None else tuple(_listed(given, "validate") or ()),
        scale=str(given["scale"]),
        between=str(given["between"]),
        method=str(given["method"]),
        keep=_kept(parse_switch(given, "keep"), names, suites),
        seed=parse_count(given, "seed", 0),
        seconds=_seconds(given["seconds"]),
        processes=parse_count(given, "processes", 1),
    )


def _performance(given: Mapping[str, Any]) -> tuple[Any, dict[str, Any], Path]:
    """The results, what the record says of them, and the folder beside which the record goes."""
    from carps_lite.archive import is_archive

    reading = import_module(f"{ANALYSIS}.reading")
    source = given["from"]
    if isinstance(source, str) and Path(source).suffix in FILES and not is_archive(Path(source)):
        path = Path(source).expanduser()
        used = [key for key in ("budget", "task", "kind") if given[key] is not None]
        if used or given["at"] != "budget":
            raise InputError(f"{(used or ['at'])[0]}: a table has no runs to take it from; it belongs to from=STORE")
        return reading.from_file(path), {"from": source}, Path("results")
    frames, home = _frames(source)
    chosen = {
        "budget": given["budget"],
        "tasks": _listed(given, "task"),
        "kind": _kind(given["kind"]),
        "at": parse_choice("at", given["at"], ("budget", "area")),
    }
    return reading.from_store(frames, str(source), **chosen), {"from": source, **chosen}, home


def _frames(source: Any) -> tuple[Any, Path]:
    from carps_lite.stack import open_sources

    stack = open_sources(stores([], str(source), "from"))
    return stack, stack.folder or Path("results")


def _check_free(name: str, suites: Path) -> None:
    """A suite that somebody wrote by hand, or of a name that is taken otherwise, is left alone."""
    if not SUITE_NAME.fullmatch(name):
        raise InputError(f"name: a suite's name is made of letters, digits, _ and -, got {name!r}")
    own = suites / f"{name}.yaml"
    if name in catalog.names("tasks"):
        raise InputError(f"name: {name!r} is a task already; choose another name")
    packaged = catalog.PACKAGED / "suites" / own.name
    path = own if own.exists() else packaged if packaged.exists() else None
    if path is None or (
        path.resolve() == own.resolve() and MARK in path.read_text(encoding="utf-8").partition("\n")[0]
    ):
        return
    what = "is a suite that carps-lite brings" if path is packaged else f"was not made by this command ({_short(own)})"
    raise InputError(f"name: {name!r} {what}; choose another name")


def _names(value: Any) -> list[str]:
    names = [str(v) for v in value] if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    if len(set(names)) < len(names):
        raise InputError(f"name: {','.join(names)} has a name twice")
    return names


def _sizes(value: Any) -> tuple[tuple[int, ...], bool]:
    parts = value if isinstance(value, list) else str(value).split(",")
    match = re.fullmatch(r"(\d+)\.\.(\d+)", str(parts[0])) if len(parts) == 1 else None
    if match and 1 <= int(match[1]) < int(match[2]):
        return tuple(range(int(match[1]), int(match[2]) + 1)), True
    if all(re.fullmatch(r"[1-9]\d*", str(p).strip()) for p in parts):
        return tuple(int(p) for p in parts), False
    raise InputError(f"k must be a size such as 10, one for each name such as 10,20, or a range 4..30, got {value!r}")


def _kept(wanted: bool, names: Sequence[str], suites: Path) -> dict[str, tuple[str, ...]]:
    if not wanted:
        return {}
    there = {name: suites / f"{name}.yaml" for name in names if (suites / f"{name}.yaml").exists()}
    if not there:
        raise InputError(f"keep: there is no suite {' or '.join(names)} in {_short(suites)} to go on from")
    from carps_lite import spec

    return {
        name: tuple(one.id for one in spec.resolve_all("tasks", catalog.load_suite(p))) for name, p in there.items()
    }


def _watch(what: str) -> Callable[..., None] | None:
    """Show how a search goes: a line that is written over on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(state: Any) -> None:
        found = f"discrepancy {state.discrepancy:.4f}   lower bound {state.lower_bound:.4f}"
        text = f"  {what}: {state.seconds:5.1f} s   {found}"
        print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)

    return show


def _listed(given: Mapping[str, Any], key: str) -> list[str] | None:
    value = given[key]
    if value is None:
        return None
    return [str(v) for v in value] if isinstance(value, list) else [part.strip() for part in str(value).split(",")]


def _kind(value: Any) -> str | None:
    from carps_lite.core import KINDS

    return None if value is None else parse_choice("kind", value, KINDS)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e7:
        raise InputError(f"seconds must be a positive number, got {value!r}")
    return float(value)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
