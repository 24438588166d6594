"""`carps-lite report`: from a store to a page, figures, tables, and the answer in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from carps_lite.commands.arguments import read
from carps_lite.commands.pairs import stores
from carps_lite.commands.settings import parse_folder, parse_seeds, parse_switch
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
  axis=full         of the curves: full (evaluations), trials, sim (simulated seconds), wall (real ones), energy
  task=null         only these tasks: ids, or patterns such as 'bbob*'; several with commas
  optimizer=null    only these optimizers, likewise
  seeds=null        only these seeds: 5 (0 to 4), 5..9 or [1,3]
  n_workers=null    only runs with so many simulated workers
  label=null        names to show: label=tpe/multivariate:true=TPE-mv,gp=GP
  order=rank        of optimizers in tables and figures: rank (the best first), or given (as optimizer= lists them)
  pdf=true          figures as PDF too
  title="carps-lite report"

Writes index.html (one self-contained page), report.md, tables/*.csv and *.tex,
figures/*.svg, *.png and *.pdf, and citations.bib."""


def main(args: Sequence[str]) -> int:
    """Write the report and print its answer."""
    labels = parse_labels([arg.removeprefix("label=") for arg in args if arg.startswith("label=")])
    named, folders, options = _parted([arg for arg in args if not arg.startswith("label=")])
    given = read("report", options)
    source = _opened(named, folders)
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
        labels=labels,
        order=str(given["order"]),
        pdf=parse_switch(given, "pdf"),
        title=str(given["title"]),
    )
    print("\n".join([*written.lines, *(f"{note}." for note in source.notes)]))
    print(f"→ {written.path}   ({perf_counter() - begin:.1f} s; report.md, tables/, figures/ beside it)")
    return 0


def _parted(args: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Stores that stand alone, those of `results=`, which Hydra's grammar would take for a sweep, and the rest."""
    named = [arg for arg in args if "=" not in arg and not arg.startswith("-")]
    folders = [arg.removeprefix("results=") for arg in args if arg.startswith("results=")]
    return named, folders, [arg for arg in args if arg not in named and not arg.startswith("results=")]


def parse_labels(texts: Sequence[str]) -> dict[str, str]:
    """Read `ID=NAME,ID=NAME`, with or without quotes around it all; Hydra's grammar would take it for something else.

    Raises InputError on what is no ID=NAME, and on an id that gets two names.
    """
    found: dict[str, str] = {}
    for text in texts:
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        text = text[1:-1] if quoted else text
        for pair in [] if text in ("", "null") else text.split(","):
            name, equals, shown = (part.strip() for part in pair.partition("="))
            if not equals or not name or not shown:
                raise InputError(f"label must be ID=NAME, several with commas, got {pair.strip()!r}")
            if found.get(name, shown) != shown:
                raise InputError(f"label: {name} gets two names, {found[name]} and {shown}")
            found[name] = shown
    return found


def _opened(named: Sequence[str], folders: Sequence[str]) -> Stack:
    """Open the stores. Raises InputError where one of them is none."""
    from carps_lite.stack import open_sources

    if len(folders) > 1:
        raise InputError("report: results is given twice; several stores stand in one, with commas")
    text = folders[0] if folders else None
    if text is not None and (text.startswith("[") or text in ("", "null")):
        raise InputError(f"results must be the name of a folder, got {text!r}")
    quoted = text is not None and len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return open_sources(stores(named, text[1:-1] if text is not None and quoted else text))


def _write(store: Any, out: Path, **given: Any) -> Any:
    try:
        return locate("carps_lite.analysis.report.write")(store, out, **given)
    except OSError as error:
        raise InputError(f"cannot write to out={out}: {error.strerror or error}") from error


def _names(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]
