"""`carps-lite status`: where the grids of a store stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from carps_lite.errors import InputError
from carps_lite.plan import Plan
from carps_lite.plural import count
from carps_lite.store import Store

HELP = """carps-lite status: what is done, running, failed and missing, by optimizer

usage: carps-lite status [results=results] [--failed]

  --failed   every failed run with its traceback"""

COLUMNS = ("done", "running", "failed", "stale", "missing")


def main(args: Sequence[str]) -> int:
    """Print a table of all grids that the store was asked for. Exit code 1 where a run has failed."""
    root, failed = "results", False
    for arg in args:
        key, _, value = arg.partition("=")
        if arg == "--failed":
            failed = True
        elif key == "results" and value:
            root = value
        else:
            raise InputError(f"status takes results=FOLDER and --failed, got {arg!r}   (carps-lite status --help)")
    if not (Path(root) / "store.json").exists():
        raise InputError(f"no store in {root!r}: run something first, or name its folder with results=...")
    store = Store(root)
    counts, impossible = _count(store)
    runs = store.runs()
    bad = runs[runs["state"] == "failed"]
    if failed:
        print("\n".join(_failures(store, bad["file"].tolist())) or "no run has failed")
        return 1 if len(bad) else 0
    seconds = {str(name): float(s) for name, s in runs.groupby("optimizer")["seconds"].mean().items()}
    print("\n".join(_table(counts, seconds)))
    for (optimizer, reason), n in impossible.items():
        print(f"skipped: {optimizer} on {count(n, 'task')}: {reason}")
    for row in bad.head(10).itertuples():
        print(f"failed: {row.optimizer} on {row.task} seed {row.seed}: {row.error}")
    trials = int(runs["n_failed"].sum())
    if trials:
        print(f"{trials:,} of {int(runs['n_trials'].sum()):,} trials failed (the column failure of the table says why)")
    if len(bad):
        print("(carps-lite status --failed for the tracebacks; rerun=failed runs them again)")
    return 1 if len(bad) else 0


def _count(store: Store) -> tuple[dict[str, Counter[str]], Counter[tuple[str, str]]]:
    """Runs by optimizer and state over all grids, each run once; impossible tasks by optimizer and reason."""
    states: dict[tuple[str, str], tuple[str, str]] = {}
    skipped: dict[tuple[str, str], str] = {}
    for made in _plans(store):
        groups = (made.kept, made.elsewhere, made.failed_before, made.stale, [cell.job for cell in made.to_run])
        for state, jobs in zip(COLUMNS, groups, strict=True):
            for job in jobs:
                name = (f"{job.key.folder}", job.key.stem)
                if states.get(name, ("", "missing"))[1] == "missing":
                    states[name] = (job.optimizer.id, state)
        skipped |= {(task, optimizer): reason for task, optimizer, reason in made.impossible}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for optimizer, state in states.values():
        counts[optimizer][state] += 1
    return counts, Counter((optimizer, reason) for (_, optimizer), reason in skipped.items())


def _plans(store: Store) -> Iterator[Plan]:
    """What became of each grid; one whose tasks or optimizers cannot be found from here is named and left out."""
    from carps_lite.commands.manifest import requests
    from carps_lite.plan import plan

    for request in requests(store):
        try:
            yield plan(request(), store)
        except InputError as error:
            print(f"a grid is left out: {error}")


def _table(counts: dict[str, Counter[str]], seconds: dict[str, float]) -> list[str]:
    width = max([len("optimizer"), *map(len, counts)])
    lines = [
        f"{'optimizer':{width}} {'done':>12} {'running':>8} {'failed':>8} {'stale':>8} {'missing':>8}  seconds a run"
    ]
    for optimizer, n in counts.items():
        done = f"{n['done']:,}/{n.total():,}"
        cells = " ".join(f"{f'{n[c]:,}' if n[c] else '–':>8}" for c in COLUMNS[1:])
        took = f"{seconds[optimizer]:.2g}" if optimizer in seconds else "–"
        lines.append(f"{optimizer:{width}} {done:>12} {cells}  {took:>13}")
    return lines


def _failures(store: Store, files: Sequence[str]) -> list[str]:
    from carps_lite.store import peek

    lines = []
    for file in files:
        log = peek(store.root / file)
        if log is not None and log.end is not None:
            lines.append(f"{log.header['optimizer']} on {log.header['task']} seed {log.header['seed']}   ({file})")
            lines.append(str(log.end.get("traceback") or log.end.get("error", "")).rstrip() + "\n")
    return lines
