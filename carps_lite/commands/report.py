"""`carps-lite report`: from a store to a page, figures, tables, and the answer in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from carps_lite.commands.arguments import read
from carps_lite.commands.pairs import stores
from carps_lite.commands.settings import parse_folder, parse_seeds
from carps_lite.errors import InputError
from carps_lite.locate import locate

if TYPE_CHECKING:
    from carps_lite.stack import Stack

HELP = """carps-lite report: rank the optimizers of a store

usage: carps-lite report [STORE ...] [key=value ...]

  results=results   the folder of the store; several with commas, or as plain arguments: further stores, archives
                    (FILE.parquet) and baseline:NAME; of runs that two of them have, the first named counts
  out=null          where the report goes; null: report/ in the first store's folder
  budget=null       where optimizers are compared: 100, 200trials, 3600sim; null: the largest that all reached
  axis=full         of the curves: full (evaluations), trials or sim (seconds)
  task=null         only these tasks: ids, or patterns such as 'bbob*'; several with commas
  optimizer=null    only these optimizers, likewise
  seeds=null        only these seeds: 5 (0 to 4), 5..9 or [1,3]
  n_workers=null    only runs with so many simulated workers
  title="carps-lite report"

Writes index.html (one self-contained page), report.md, tables/*.csv and figures/*.svg, *.png."""


def main(args: Sequence[str]) -> int:
    """Write the report and print its answer."""
    named = [arg for arg in args if "=" not in arg and not arg.startswith("-")]
    options = [arg for arg in args if arg not in named]
    given = read("report", options)
    told = any(arg.startswith("results=") for arg in options)
    source = _opened(named, given["results"] if told or not named else None)
    begin = perf_counter()
    out = (
        parse_folder(given["out"], "out") if given["out"] is not None else (source.folder or Path("results")) / "report"
    )
    written = _write(
        source,
        out,
        budget=given["budget"],
        axis=given["axis"],
        tasks=_names(given["task"]),
        optimizers=_names(given["optimizer"]),
        seeds=None if given["seeds"] is None else parse_seeds(given["seeds"]),
        n_workers=given["n_workers"],
        title=str(given["title"]),
    )
    print("\n".join([*written.lines, *(f"{note}." for note in source.notes)]))
    print(f"→ {written.path}   ({perf_counter() - begin:.1f} s; report.md, tables/, figures/ beside it)")
    return 0


def _opened(named: Sequence[str], results: Any) -> Stack:
    """Open the stores; `results` is None where plain arguments alone name them."""
    from carps_lite.stack import open_sources

    if not isinstance(results, str) and not (results is None and named):
        raise InputError(f"results must be the name of a folder, got {results!r}")
    return open_sources(stores(named, results))


def _write(store: Any, out: Path, **given: Any) -> Any:
    try:
        return locate("carps_lite.analysis.report.write")(store, out, **given)
    except OSError as error:
        raise InputError(f"cannot write to out={out}: {error.strerror or error}") from error


def _names(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]
