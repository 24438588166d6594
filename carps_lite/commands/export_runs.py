"""`carps-lite export`: write runs of a store for other programs, or as an archive that reports read beside stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carps_lite.commands.pairs import listed, seeds, split, stores, switch
from carps_lite.commands.settings import parse_folder
from carps_lite.errors import InputError, unknown

if TYPE_CHECKING:
    from carps_lite.exchange.choice import Chosen
    from carps_lite.stack import Stack

HELP = """carps-lite export: write runs of a store for other programs

usage: carps-lite export FORMAT [STORE ...] out=PATH [key=value ...]

  csv        a file with a row a trial, all digits kept; carps-lite import csv reads it back
  parquet    a folder with runs.parquet and trials.parquet
  ioh        a folder that IOHanalyzer and iohinspector read: blackbox tasks with one objective
  coco       a folder that cocopp reads: BBOB and SBOX-COST in the dimensions of theirs
  baseline   one small file (.parquet) that report and compare take beside stores; in results/baselines/ by name

  results=results   the folder of the store, or several with commas; plain arguments are further ones
  out=              the file (csv, baseline) or folder (parquet, ioh, coco) to write
  task=null         only these tasks: ids, or patterns such as 'bbob*'; several with commas
  optimizer=null    only these optimizers, likewise
  seeds=null        only these seeds: 5 (0 to 4), 5..9 or [1,3]
  configs=false     baseline: keep configurations and what else is known of a trial"""

FORMATS = ("csv", "parquet", "ioh", "coco", "baseline")
KEYS = ("results", "out", "task", "optimizer", "seeds", "configs")
SUFFIX = {"csv": ".csv", "baseline": ".parquet"}


def main(args: Sequence[str]) -> int:
    """Read, choose, write."""
    plain, given = split("export", args, KEYS)
    if not plain:
        raise InputError(f"export needs a format: {', '.join(FORMATS)}   (carps-lite export --help)")
    form, *further = plain
    if form not in FORMATS:
        raise unknown("export has no format", form, FORMATS, "carps-lite export --help")
    if "configs" in given and form != "baseline":
        raise InputError(f"export {form} takes no configs=   (carps-lite export --help)")
    configs = switch(given, "configs", False)
    out = _target(form, given.get("out"))
    from carps_lite.exchange.choice import Chosen
    from carps_lite.stack import open_sources

    chosen = Chosen(listed(given, "task"), listed(given, "optimizer"), seeds(given))
    source = open_sources(stores(further, given.get("results")))
    try:
        lines = _write(form, source, chosen, out, configs)
    except OSError as error:
        raise InputError(f"cannot write to out={out}: {error.strerror or error}") from error
    print("\n".join(lines))
    return 0


def _write(form: str, source: Stack, chosen: Chosen, out: Path, configs: bool) -> list[str]:
    runs, trials = chosen.of(*source.frames())
    left_out: list[str] = []
    paths = [out]
    out.parent.mkdir(parents=True, exist_ok=True)
    if form == "baseline":
        from carps_lite.archive import write

        write(runs, trials, out, configs=configs, impossible=source.impossible())
    elif form == "parquet":
        from carps_lite.exchange.write_tables import write_parquet

        paths = write_parquet(runs, trials, out)
    elif form == "csv":
        from carps_lite.exchange.choice import finished
        from carps_lite.exchange.write_tables import write_csv

        runs, left_out = finished(runs)
        trials = trials[trials["run"].isin(runs["run"])]
        paths = write_csv(runs, trials, out)
    elif form == "ioh":
        from carps_lite.exchange.write_ioh import write_ioh

        paths, left_out = write_ioh(runs, trials, out)
    else:
        from carps_lite.exchange.write_coco import write_coco

        paths, left_out = write_coco(runs, trials, out)
    size = sum(
        p.stat().st_size for path in paths for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()
    )
    what = (
        f"{len(runs):,} runs, {len(trials):,} trials read"
        if left_out
        else f"{len(runs):,} runs, {len(trials):,} trials"
    )
    names = ", ".join(map(str, paths[:4])) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
    return [*source.notes, *(f"left out: {line}" for line in left_out), f"{what} → {names}   ({_size(size)})"]


def _target(form: str, out: str | None) -> Path:
    if not out:
        raise InputError(f"export {form} needs out=PATH   (carps-lite export --help)")
    path = Path(out).expanduser()
    if form in SUFFIX:
        if path.suffix != SUFFIX[form]:
            raise InputError(f"export {form} writes a file {SUFFIX[form]}, got out={out}")
        if path.is_dir():
            raise InputError(f"out={out} is a folder; export {form} writes a file")
        parse_folder(str(path.parent), "out")
        return path
    folder = parse_folder(out, "out")
    if form in ("ioh", "coco") and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"out={out} is not empty, and its readers would take all that is in it; name a new folder")
    return folder


def _size(n: int) -> str:
    return f"{n / 1e6:.1f} MB" if n >= 1e5 else f"{n / 1e3:.0f} kB"
