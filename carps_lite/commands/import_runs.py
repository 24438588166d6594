"""`carps-lite import`: bring finished studies of other programs into a store."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carps_lite.commands.pairs import split, switch
from carps_lite.commands.settings import parse_folder
from carps_lite.errors import InputError, unknown
from carps_lite.plural import count

if TYPE_CHECKING:
    from carps_lite.exchange.foreign import ForeignRun

HELP = """carps-lite import: bring finished studies of other programs into a store, as runs that reports compare

usage: carps-lite import csv FILE ... [key=value ...]
       carps-lite import optuna FILE|URL ... [key=value ...]      SQLite file, journal file, or a storage's URL
       carps-lite import smac FILE|FOLDER ... [key=value ...]     runhistory.json of SMAC 2, or all below a folder

  results=results   the folder of the store, made where there is none
  task=             their task, optimizer and seed, where the source does not say them: a task that carps-lite has
  optimizer=          (bbob/dim:5/fid:3/instance:1) with its objectives and optimum, or any other name
  seed=
  names=            optuna, smac: where they stand in the study's name or the file's path, such as
                    names='{task}-{optimizer}-{seed}'
  study='*'         optuna: only studies of this name or pattern
  columns=          csv: roles of columns, such as columns=value:loss,optimizer:method; several with +: value:error+time
  maximize=false    csv: values are better when larger (Optuna's studies say so themselves)
  n_workers=1       optuna: how many trials ran side by side (csv has a column, smac its scenario)
  full_fidelity=    of a task that carps-lite does not have: what counts as a full evaluation; the highest found
  configs=true      false leaves configurations out
  replace=false     true replaces runs that were imported before with other trials

CSV columns: task, optimizer, seed, trial, value (or value.NAME for each objective), and optionally cost, fidelity,
failure, n_workers, start, end, spent, noise_free, ask_seconds, evaluate_seconds, tell_seconds, constraint.NAME,
config.NAME, info. Everything is minimised. An empty value is a failed trial. All rows are checked before anything is
written."""

COMMON = ("results", "task", "optimizer", "seed", "full_fidelity", "configs", "replace")
OPTIONS = {"csv": ("columns", "maximize"), "optuna": ("names", "study", "n_workers"), "smac": ("names",)}
Found = tuple[list["ForeignRun"], list[str]]


def main(args: Sequence[str]) -> int:
    """Read all sources, check them, and write their runs."""
    every = (*COMMON, *dict.fromkeys(o for options in OPTIONS.values() for o in options))
    plain, given = split("import", args, every)
    if not plain:
        raise InputError(f"import needs a format ({', '.join(OPTIONS)}) and a source   (carps-lite import --help)")
    form, *sources = plain
    if form not in OPTIONS:
        raise unknown("import has no format", form, OPTIONS, "carps-lite import --help")
    if not sources:
        raise InputError(f"import {form} needs a file to read   (carps-lite import --help)")
    for key in given:
        if key not in (*COMMON, *OPTIONS[form]):
            raise InputError(f"import {form} takes no {key}=   (carps-lite import --help)")
    root = parse_folder(given.get("results", "results"))
    from carps_lite.exchange.bring import bring
    from carps_lite.exchange.settle import settle
    from carps_lite.store import Store

    store = Store(root)
    runs, notes = _read(form, sources, given)
    settled = settle(runs, _positive(given, "full_fidelity"))
    try:
        brought = bring(settled, store, switch(given, "replace", False))
    except OSError as error:
        raise InputError(f"cannot write to results={root}: {error.strerror or error}") from error
    for note in notes:
        print(f"left out: {note}")
    tasks, optimizers = (len({getattr(run.key, name) for run in settled}) for name in ("task", "optimizer"))
    trials = sum(len(run.records) for run in settled)
    print(f"{count(len(settled), 'run')} of {count(optimizers, 'optimizer')} on {count(tasks, 'task')}, "
          f"{count(trials, 'trial')}: {brought.written} imported, {brought.kept} there already → {root}")  # fmt: skip
    return 0


def _read(form: str, sources: Sequence[str], given: Mapping[str, str]) -> tuple[list[ForeignRun], list[str]]:
    fixed = {name: given[name] for name in ("task", "optimizer", "seed") if name in given}
    reader = {"csv": _csv, "optuna": _optuna, "smac": _smac}[form](given, fixed)
    runs: list[ForeignRun] = []
    notes: list[str] = []
    for source in sources:
        found, left_out = reader(source)
        runs += found
        notes += left_out
    if not runs:
        raise InputError(f"nothing to import: {'; '.join(notes) or 'no run'}")
    return runs, notes


def _csv(given: Mapping[str, str], fixed: Mapping[str, Any]) -> Callable[[str], Found]:
    from carps_lite.exchange.read_csv import read_csv

    columns = {}
    for pair in given.get("columns", "").split(",") if given.get("columns") else []:
        role, colon, column = pair.partition(":")
        if not (role and colon and column):
            raise InputError(f"columns must be role:column pairs such as value:loss,optimizer:method, got {pair!r}")
        columns[role.strip()] = column.strip()
    maximize, configs = switch(given, "maximize", False), switch(given, "configs", True)

    def read(source: str) -> Found:
        found, ignored = read_csv(Path(source), columns, fixed, maximize=maximize, configs=configs)
        return found, [f"columns {', '.join(ignored)} of {source}"] if ignored else []

    return read


def _optuna(given: Mapping[str, str], fixed: Mapping[str, Any]) -> Callable[[str], Found]:
    from carps_lite.exchange.naming import template
    from carps_lite.exchange.read_optuna import read_optuna

    names = template(given["names"]) if "names" in given else None
    workers = _positive(given, "n_workers") or 1
    if workers != int(workers):
        raise InputError(f"n_workers must be a whole number, got {given['n_workers']!r}")
    studies, configs = given.get("study", "*"), switch(given, "configs", True)
    return lambda source: read_optuna(
        source, fixed, names=names, studies=studies, n_workers=int(workers), configs=configs
    )


def _smac(given: Mapping[str, str], fixed: Mapping[str, Any]) -> Callable[[str], Found]:
    from carps_lite.exchange.naming import template
    from carps_lite.exchange.read_smac import read_smac

    names = template(given["names"]) if "names" in given else None
    configs = switch(given, "configs", True)
    return lambda source: read_smac(Path(source), fixed, names=names, configs=configs)


def _positive(given: Mapping[str, str], key: str) -> float | None:
    if key not in given:
        return None
    try:
        number = float(given[key])
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"{key} must be a positive number, got {given[key]!r}")
    return number
