"""`carps-lite evaluate`: what runs recommend, evaluated again in full and on held-out seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carps_lite.commands.pairs import listed, number, seeds, split
from carps_lite.errors import InputError

if TYPE_CHECKING:
    from carps_lite.recheck import Recheck

HELP = """carps-lite evaluate: evaluate what runs recommend again, in full and on held-out seeds

usage: carps-lite evaluate [key=value ...]

  results=results   the folder of the store
  task=null         only these tasks: ids, or patterns such as 'bbob*'; several with commas
  optimizer=null    only these optimizers, likewise
  seeds=5           held-out seeds: 5 (0 to 4), 5..9 or [1,3]; they have nothing in common with the runs' own seeds
  rerun=null        failed or all: evaluations that are there already, to be made again
  device=null       cpu or cuda, for tasks that train on one

  processes=null    runs at a time; null: one for each core; 0: in this process, without limits
  trial_seconds=3600   run_seconds=null   memory_gb=null   limits, as for carps-lite run: an evaluation that is over
                    one, or kills its process twice, is recorded as failed

A run recommends its best feasible trial at full fidelity (the best at the highest fidelity reached where none ran in
full); with several objectives the front of those, at most the last 50. Tasks without noise need one seed only. Tables
that keep one recorded training of each configuration apart give that one, whatever the seeds. What a task returns
besides (a test score) is kept too. The results are kept beside the runs, which stay as they are; what is there already
is not evaluated again. Ctrl-C stops and keeps what is finished; the same command goes on from there. Exit codes: 0 all
well, 1 something could not be evaluated, 2 the command was wrong, 130 stopped by hand."""

LIMITS = ("processes", "trial_seconds", "run_seconds", "memory_gb")
KEYS = ("results", "task", "optimizer", "seeds", "rerun", "device", *LIMITS)
RERUN = ("failed", "all")
Work = list["Recheck"]


def main(args: Sequence[str]) -> int:
    """Evaluate what is missing; exit code 1 where something could not be evaluated."""
    from carps_lite.commands.arguments import defaults
    from carps_lite.commands.settings import parse_device, parse_folder, parse_limits

    plain, given = split("evaluate", args, KEYS)
    if plain:
        raise InputError(f"evaluate: {plain[0]!r} must be key=value   (carps-lite evaluate --help)")
    root = parse_folder(given.get("results", "results"))
    numbers = seeds({"seeds": "5", **given}) or []
    if not numbers:
        raise InputError("seeds must be a count such as 5, or seeds such as 5..9 or [1,3], got null")
    processes, limits = parse_limits({k: number(given, k) if k in given else v for k, v in defaults("run").items()})
    device = parse_device(None if given.get("device", "null") == "null" else given["device"])
    rerun = _rerun(given.get("rerun", "null"))
    runs = _runs(root, listed(given, "task"), listed(given, "optimizer"))
    work, kept, broken = _sort(root, runs, numbers, device, rerun)
    from carps_lite.commands.progress import Tally
    from carps_lite.grid import run_cells
    from carps_lite.store import Store

    before, stopped = _counted(work), False
    with Tally(len(work)) as tally:
        try:
            if work:
                run_cells(work, Store(root), processes, limits, tally)
        except KeyboardInterrupt:
            stopped = True
    broken += Counter((task, error) for task, _, _, error in tally.failures)
    done = _complete(work)
    print("\n".join(_said(done, kept, broken, _counted(work) - before)))
    if stopped:
        again = "leave rerun=all out to go on" if rerun == "all" else "the same command goes on"
        print(f"stopped: {kept + done:,} of {len(runs):,} runs are evaluated; {again} from here")
        return 130
    return 1 if broken else 0


def _runs(root: Path, tasks: Sequence[str] | None, optimizers: Sequence[str] | None) -> Any:
    """The finished runs that were asked for, a frame."""
    from carps_lite.matching import named
    from carps_lite.store import Store

    if not (root / "store.json").exists():
        raise InputError(f"no store in {str(root)!r}: run something first, or name its folder with results=...")
    runs = Store(root).runs()
    runs = runs[runs["state"] == "done"]
    for column, wanted in (("task", tasks), ("optimizer", optimizers)):
        if wanted is not None:
            names = runs[column].astype(str)
            what = f"the store has no finished run of {column}"
            runs = runs[names.isin(named(wanted, sorted(set(names)), what, "carps-lite status"))]
    if runs.empty:
        raise InputError("there is no finished run to evaluate   (carps-lite status)")
    return runs


def _sort(
    root: Path, runs: Any, numbers: Sequence[int], device: str | None, rerun: str | None
) -> tuple[Work, int, Counter[tuple[str, str]]]:
    """What is to be done, how many runs are evaluated already, and how many cannot be, by (task, reason)."""
    from carps_lite import heldout
    from carps_lite.recheck import Recheck

    work, kept, broken = Work(), 0, Counter[tuple[str, str]]()
    for task_id, own in runs.groupby("task", sort=True, observed=True):
        try:
            task = _task(str(task_id), own["header"].iloc[0])
        except InputError as error:
            broken[str(task_id), str(error)] += len(own)
            continue
        wanted = tuple(numbers) if task.meta.get("noisy", True) else tuple(numbers[:1])
        for file, header in zip(own["file"], own["header"], strict=True):
            _forget(root / file, header, rerun)
            if heldout.known(root / file, header).covers(wanted):
                kept += 1
            else:
                work.append(Recheck(task, root / file, header, wanted, device))
    return work, kept, broken


def _task(task_id: str, header: Mapping[str, Any]) -> Any:
    """The task as it is installed. Raises InputError where it is not what the runs were made with."""
    from carps_lite import spec
    from carps_lite.identity import identify

    one = spec.resolve("tasks", task_id)
    if identify(one) != header["task_identity"]:
        raise InputError("the runs were made by another version of this task or its libraries (rerun=stale)")
    reason = spec.unavailable(one)
    if reason:
        raise InputError(reason)
    return one


def _rerun(text: str) -> str | None:
    from carps_lite.commands.settings import parse_choice

    return None if text == "null" else parse_choice("rerun", text, RERUN)


def _forget(run: Path, header: Mapping[str, Any], rerun: str | None) -> None:
    """Drop what is to be evaluated again from the file of a run."""
    from dataclasses import replace

    from carps_lite import heldout

    known = heldout.known(run, header)
    rows = [row for row in known.rows if rerun is None or (rerun == "failed" and "failure" not in row)]
    if len(rows) < len(known.rows):
        heldout.write(run, header, replace(known, rows=rows))


def _complete(work: Work) -> int:
    """How many of these runs are evaluated as far as they were to be, by their files."""
    from carps_lite import heldout

    return sum(heldout.known(one.run, one.header).covers(one.numbers) for one in work)


def _counted(work: Work) -> Counter[str]:
    """How many evaluations the files hold, how many of them failed, and what the tasks keep no held-out run of."""
    from carps_lite import heldout

    rows = [row for one in work for row in heldout.read(one.run, one.header)]
    words = ("missing" if "missing" in row else "failed" if "failure" in row else "well" for row in rows)
    return Counter(words)


def _said(ran: int, kept: int, broken: Counter[tuple[str, str]], made: Counter[str]) -> list[str]:
    from carps_lite.plural import count

    lines = [f"{task}: {error}   ({count(n, 'run')})" for (task, error), n in broken.items()]
    if made["missing"]:
        lines.append(f"{count(made['missing'], 'configuration')} left out: the task keeps no held-out run of them")
    lost = f", {made['failed']:,} of them failed" if made["failed"] else ""
    total = sum(broken.values())
    failed = f", {count(total, 'run')} could not be evaluated" if total else ""
    done = f"{count(ran, 'run')} evaluated ({count(made['well'] + made['failed'], 'evaluation')}{lost})"
    return [*lines, f"{done}, {kept:,} kept{failed}"]
