"""What `run` says: before it starts, in a dry run, and at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from carps_lite.commands.progress import Tally, duration
from carps_lite.core import Budget
from carps_lite.plan import Plan
from carps_lite.plural import count

if TYPE_CHECKING:
    from carps_lite.commands.settings import Settings
    from carps_lite.jobs import Job
    from carps_lite.store import Store


def headline(plan: Plan, settings: Settings) -> str:
    """`240 runs = 12 tasks x 4 optimizers x 5 seeds, 30 evaluations each, 2 processes -> results/`."""
    request = plan.request
    product = " × ".join(
        (
            count(len(request.tasks), "task"),
            count(len(request.optimizers), "optimizer"),
            count(len(request.seeds), "seed"),
        )
    )
    workers = f", {request.n_workers} simulated workers" if request.n_workers > 1 else ""
    shard = f", shard {request.shard[0]} of {request.shard[1]}" if request.shard != (1, 1) else ""
    where = "in this process" if settings.processes == 0 else count(settings.processes, "process", "processes")
    runs = count(plan.size, "run")
    return f"{runs} = {product}, {budget(request.budget)}{workers}{shard}, {where} → {settings.results}/"


def budget(each: Budget | None) -> str:
    """A run's budget in words."""
    if each is None:
        return "each task's own budget"
    amount = f"{each.amount:,.10g}"
    units = {"full": "evaluations", "trials": "trials", "sim": "simulated seconds", "wall": "seconds"}
    return f"{amount} {units[each.unit]} each"


def counts(plan: Plan) -> list[str]:
    """One line of numbers, and a line for each kind of impossible cell."""
    line = f"  kept {len(plan.kept):,}, impossible {_impossible(plan):,}, to run {len(plan.to_run):,}"
    if plan.stale:
        line += f", stale {len(plan.stale):,} (made by other code or versions; rerun=stale computes them again)"
    if plan.failed_before:
        line += f", failed before {len(plan.failed_before):,} (rerun=failed tries them again)"
    if plan.elsewhere:
        line += f", at work elsewhere {len(plan.elsewhere):,}"
    return [line, *(f"  impossible: {text}" for text, _ in _reasons(plan))]


def details(plan: Plan, settings: Settings, store: Store) -> list[str]:
    """The dry run: every group of cells with its number and reason, and an estimate of the time."""
    lines = [f"  impossible {n:7,}   {text}" for text, n in _reasons(plan)]
    for word, jobs, why in (
        ("kept", plan.kept, "same options and code"),
        ("stale", plan.stale, "its code or a library has changed since; rerun=stale computes them again"),
        ("failed", plan.failed_before, "failed before; rerun=failed tries them again"),
        ("elsewhere", plan.elsewhere, "another process is at them"),
        ("to run", [cell.job for cell in plan.to_run], ""),
    ):
        for text, n in _grouped(jobs):
            lines.append(f"  {word:10} {n:7,}   {text}{f' ({why})' if why else ''}")
    return [*lines, f"  {estimate(plan, settings, store)}"]


def estimate(plan: Plan, settings: Settings, store: Store) -> str:
    """How long the rest may take, by the finished runs' times."""
    if not plan.to_run:
        return "nothing to run"
    runs = store.runs() if store.root.exists() else None
    if runs is None or runs.empty:
        return "no finished runs yet to estimate the time from"
    by_cell = runs.groupby(["task", "optimizer"])["seconds"].mean().to_dict()
    by_optimizer = runs.groupby("optimizer")["seconds"].mean().to_dict()
    guesses = [
        by_cell.get((c.job.task.id, c.job.optimizer.id), by_optimizer.get(c.job.optimizer.id)) for c in plan.to_run
    ]
    known = [g for g in guesses if g is not None]
    if not known:
        return "no finished runs of these optimizers yet to estimate the time from"
    total = sum(known) / len(known) * len(plan.to_run) / max(1, settings.processes)
    unknown = f", {len(guesses) - len(known):,} of them guessed from the others" if len(known) < len(guesses) else ""
    where = count(max(1, settings.processes), "process", "processes")
    return f"about {duration(total)} on {where}, by the finished runs' times{unknown}"


def outcome(plan: Plan, tally: Tally) -> str:
    """The last line of a grid: what ran, what failed and where to look."""
    if not plan.to_run:
        rest = plan.failed_before or plan.stale or plan.elsewhere or not plan.kept
        last = "nothing to run" if rest else "nothing to run: all is there already"
    else:
        last = f"done in {duration(tally.seconds)}: {tally.ran:,} ran"
    if tally.failed_trials:
        last += f" ({tally.failed_trials:,} of {tally.trials:,} trials failed)"
    if tally.failures:
        task, optimizer, seed, error = sorted(tally.failures)[0]
        more = ", ..." if len(tally.failures) > 1 else ""
        last += f", {len(tally.failures):,} failed ({optimizer} on {task}, seed {seed}: {error}{more})"
        return f"{last} → carps-lite status --failed"
    if plan.failed_before:
        last += f"; {len(plan.failed_before):,} failed before (rerun=failed tries again) → carps-lite status --failed"
    if plan.stale:
        last += f"; {len(plan.stale):,} stale (rerun=stale computes them again)"
    return f"{last} → carps-lite report" if not plan.failed_before else last


def _impossible(plan: Plan) -> int:
    return len(plan.impossible) * len(plan.request.seeds)


def _reasons(plan: Plan) -> list[tuple[str, int]]:
    """Impossible cells by optimizer and reason, with one task named."""
    groups: dict[tuple[str, str], list[str]] = {}
    for task, optimizer, reason in plan.impossible:
        groups.setdefault((optimizer, reason), []).append(task)
    seeds = len(plan.request.seeds)
    return [
        (f"{optimizer} on {tasks[0]}{_more(len(tasks) - 1)}: {reason}", len(tasks) * seeds)
        for (optimizer, reason), tasks in groups.items()
    ]


def _grouped(jobs: list[Job]) -> list[tuple[str, int]]:
    """Runs by optimizer and family of tasks."""
    numbers = Counter((job.optimizer.id, job.task.name) for job in jobs)
    return [(f"{optimizer} on {family}", n) for (optimizer, family), n in numbers.items()]


def _more(n: int) -> str:
    return f" and {n} more" if n else ""
