"""`carps-lite evaluate`: what runs recommend, evaluated again in full and on held-out seeds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from time import perf_counter
from typing import Any

from carps_lite.errors import InputError, unknown

HELP = """carps-lite evaluate: evaluate what runs recommend again, in full and on held-out seeds

usage: carps-lite evaluate [results=results] [task=...] [optimizer=...] [seeds=5]

  results=results   the folder of the store
  task=...          only these tasks: ids, or patterns such as 'bbob*'; several with commas
  optimizer=...     only these optimizers, likewise
  seeds=5           held-out seeds: 5 (0 to 4), 5..9 or [1,3]; they have nothing in common with the runs' own seeds

A run recommends its best feasible trial at full fidelity (the best at the highest fidelity reached where none ran in
full); with several objectives the front of those, at most the last 50. Tasks without noise need one seed only. The
results are kept beside the runs, which stay as they are; what is there already is not evaluated again.
Ctrl-C stops; the same command goes on from there. Exit codes: 0 all well, 1 a task could not be evaluated, 2 the
command was wrong, 130 stopped by hand."""

OPTIONS = ("results", "task", "optimizer", "seeds")
EVERY = 10.0  # seconds between two savings of one run, and between two lines of progress


def main(args: Sequence[str]) -> int:
    """Evaluate what is missing; exit code 1 where a task could not be evaluated."""
    from carps_lite.commands.settings import parse_folder, parse_seeds
    from carps_lite.store import Store

    given = _read(args)
    root = parse_folder(given.get("results", "results"))
    numbers = parse_seeds(_seeds(given.get("seeds", "5")))
    if not (root / "store.json").exists():
        raise InputError(f"no store in {str(root)!r}: run something first, or name its folder with results=...")
    runs = Store(root).runs()
    runs = runs[runs["state"] == "done"]
    for column in ("task", "optimizer"):
        if column in given:
            runs = runs[runs[column].isin(_matching(column, given[column], sorted(set(runs[column]))))]
    if runs.empty:
        raise InputError("there is no finished run to evaluate   (carps-lite status)")
    return _evaluate(root, runs, numbers)


def _evaluate(root: Path, runs: Any, numbers: Sequence[int]) -> int:
    n = kept = rows = failed = 0
    broken: dict[str, str] = {}
    said = perf_counter()
    for task_id, own in runs.groupby("task", sort=True):
        try:
            one, task = _task(str(task_id), own["header"].iloc[0])
        except InputError as error:
            broken[str(task_id)] = str(error)
            continue
        wanted = numbers if one.meta.get("noisy", True) else numbers[:1]
        for file, header in zip(own["file"], own["header"], strict=True):
            try:
                new, lost = _one(root / file, header, task, wanted)
            except (InputError, RuntimeError) as error:  # the task broke its contract
                broken[str(task_id)] = str(error)
                break
            n, kept, rows, failed = n + (new > 0), kept + (new == 0), rows + new, failed + lost
            if perf_counter() - said > EVERY:
                said = perf_counter()
                print(f"  {n + kept}/{len(runs)} runs", file=sys.stderr, flush=True)
    for name, why in broken.items():
        print(f"{name}: {why}")
    lost_text = f", {failed:,} of them failed" if failed else ""
    tasks_text = f", {len(broken)} tasks could not be evaluated" if broken else ""
    print(f"{n:,} runs evaluated ({rows:,} evaluations{lost_text}), {kept:,} kept{tasks_text}")
    return 1 if broken else 0


def _task(task_id: str, header: Any) -> tuple[Any, Any]:
    """The task as it is installed. Raises InputError where it is not what the runs were made with."""
    from carps_lite import spec
    from carps_lite.identity import identify

    one = spec.resolve("tasks", task_id)
    if identify(one) != header["task_identity"]:
        raise InputError("the runs were made by another version of this task or its libraries (rerun=stale)")
    return one, spec.build(one)


def _one(run: Path, header: Any, task: Any, numbers: Sequence[int]) -> tuple[int, int]:
    """Evaluate one run's recommendation. Returns how many evaluations are new, and how many of them failed."""
    from carps_lite import heldout, store

    content = store.read(run)
    if content is None:  # just replaced by a longer run
        return 0, 0
    known = heldout.read(run, header)
    before, saved = len(known), perf_counter()
    for row in heldout.evaluate(task, task.problem, heldout.recommended(header, content[1]), numbers, known):
        known = [*known, row]
        if perf_counter() - saved > EVERY:
            heldout.write(run, header, known)
            saved = perf_counter()
    new = known[before:]
    if new:
        heldout.write(run, header, known)
    return len(new), sum("failure" in row for row in new)


def _read(args: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for arg in args:
        key, equals, value = arg.partition("=")
        if not (equals and value):
            raise InputError(f"evaluate: {arg!r} must be key=value   (carps-lite evaluate --help)")
        if key not in OPTIONS:
            raise unknown("evaluate has no option", key, OPTIONS, "carps-lite evaluate --help")
        given[key] = value
    return given


def _seeds(text: str) -> Any:
    """Held-out seeds as `parse_seeds` takes them: a number, a range, or a list."""
    if text.isdigit():
        return int(text)
    if text.startswith("[") or "," in text:
        return [int(part) if part.strip().isdigit() else part for part in text.strip("[]").split(",")]
    return text


def _matching(column: str, text: str, known: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for part in text.strip("[]").split(","):
        own = {k for k in known if k == part or fnmatchcase(k, part) or k.startswith(f"{part}/")}
        if not own:
            raise unknown(f"the store has no finished run of {column}", part, known, "carps-lite status")
        found |= own
    return found
