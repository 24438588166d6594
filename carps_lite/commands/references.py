"""`carps-lite references`: compute the fixed values by which results on a task are normalised."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from carps_lite import catalog
from carps_lite.errors import InputError, unknown

HELP = """carps-lite references: compute the values by which results on a task are normalised

usage: carps-lite references task=SPEC[,SPEC...] [rerun=true]

  carps-lite references task=bbob24
  carps-lite references task=my_task.MyTask

For one objective: `bad`, what random search has found after 100 evaluations (median of 21 seeds; after 2,000 where most
seeds find nothing feasible before), and `good`, the optimum or the best of 21 times 2,000 random evaluations. For
several, both are hypervolume gaps between the task's reference point and the ideal point: `bad` that of random search
after 100 evaluations, `good` that of the known Pareto front or of all trials of 21 times 2,000 together. Tasks whose
evaluation is a training (cost: measured) take 5 seeds of 50 evaluations for both.

They are kept with the task's version in ./configs/references/tasks.csv. Tasks that have a reference for their present
version are left alone, unless rerun=true; those that the package itself carries always are."""

OPTIONS = ("task", "rerun")
SAVE_EVERY = 20.0  # seconds, so that a stopped computation goes on where it was


def main(args: Sequence[str]) -> int:
    """Compute what is missing; exit code 1 where a task could not be done."""
    from carps_lite import references, spec

    task, rerun = _read(args)
    tasks = spec.resolve_all("tasks", task)
    file = references.own_file()
    packaged = {} if _is_packaged(file) else references.read(catalog.PACKAGED / references.FILE)
    stored = dict(references.read(file))
    failed = kept = 0
    saved = perf_counter()
    for one in tasks:
        if one.id in packaged or (not rerun and _is_current(one, stored)):
            kept += 1
            continue
        try:
            stored[one.id] = references.compute(one)
        except InputError as error:
            print(f"{one.id}: {error}", flush=True)
            failed += 1
            continue
        print(_line(stored[one.id]), flush=True)
        if perf_counter() - saved > SAVE_EVERY:
            references.write(file, stored.values())
            saved = perf_counter()
    done = len(tasks) - kept - failed
    if done:
        references.write(file, stored.values())
    where = f" → {file.parent.parent.name}/{references.FILE}" if done else ""
    print(f"{done} computed, {kept} kept, {failed} failed{where}")
    return 1 if failed else 0


def _read(args: Sequence[str]) -> tuple[list[str], bool]:
    given: dict[str, Any] = {}
    for arg in args:
        key, equals, value = arg.partition("=")
        if not equals:
            raise InputError(f"references: {arg!r} must be key=value   (carps-lite references --help)")
        if key not in OPTIONS:
            raise unknown("references has no option", key, OPTIONS, "carps-lite references --help")
        given[key] = value
    if not given.get("task"):
        raise InputError("references needs task=SPEC, such as task=bbob24   (carps-lite references --help)")
    rerun = given.get("rerun", "false")
    if rerun not in ("true", "false"):
        raise InputError(f"rerun must be true or false, got {rerun}")
    return given["task"].strip("[]").split(","), rerun == "true"


def _is_packaged(file: Any) -> bool:
    from carps_lite.references import FILE

    return bool(file.resolve() == (catalog.PACKAGED / FILE).resolve())


def _is_current(one: Any, stored: Any) -> bool:
    return one.id in stored and stored[one.id].version == one.meta.get("version", 1)


def _line(found: Any) -> str:
    if found.bad is not None:
        what = "" if found.ideal is None else "gaps "
        return f"{found.task}: {what}bad {found.bad:.6g}, good {found.good:.6g} ({found.source})"
    return f"{found.task}: no reference point, ideal {' '.join(f'{v:.6g}' for v in found.ideal)} ({found.source})"
