"""What a grid comes to: which runs are impossible, kept, stale, failed before, at work elsewhere, and to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from carps_lite import shown, spec
from carps_lite.core import Budget, Problem
from carps_lite.errors import InputError, nearest, one_line
from carps_lite.evaluation import ALONE, Guard
from carps_lite.identity import identify
from carps_lite.jobs import Job, Summary, perform, same_code, same_options, stated
from carps_lite.spec import Resolved
from carps_lite.store import Files, Log, Store, is_alive, peek

RERUN = ("stale", "failed", "all")


@dataclass(frozen=True)
class Request:
    """A grid as it was asked for: tasks x optimizers x seeds, and what all its runs share."""

    tasks: Sequence[Resolved]
    optimizers: Sequence[Resolved]
    seeds: Sequence[int]
    budget: Budget | None = None  # None: each task's own
    n_workers: int = 1
    sync: bool = False
    overhead: float | str = 0.0
    device: str | None = None
    shard: tuple[int, int] = (1, 1)  # the k-th of n
    rerun: frozenset[str] = frozenset()


@dataclass
class Cell:
    """A run to be done, and the files of earlier attempts that it uses or replaces."""

    job: Job
    earlier: list[Path] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, str, int]:
        """Task, optimizer and seed."""
        return self.job.task.id, self.job.optimizer.id, self.job.seed

    def file(self, root: Path, attempt: str) -> Path:
        """What an attempt writes."""
        return root / self.job.key.folder / f"{self.job.key.stem}.{attempt}.part"

    def keep(self, root: Path, attempt: str) -> None:
        """Use what an attempt wrote before it died."""
        part = self.file(root, attempt)
        if part.exists():
            self.earlier.append(part)

    def perform(self, store: Store, attempt: str, guard: Guard = ALONE) -> Summary:
        """Do the run in this process and publish it, see `carps_lite.jobs.perform`."""
        return perform(self.job, store, attempt, self.earlier, self.aside, *guard)


@dataclass
class Plan:
    """All runs of a grid by what is to become of them; `impossible` holds (task, optimizer, reason)."""

    request: Request
    to_run: list[Cell] = field(default_factory=list)
    kept: list[Job] = field(default_factory=list)
    stale: list[Job] = field(default_factory=list)
    failed_before: list[Job] = field(default_factory=list)
    elsewhere: list[Job] = field(default_factory=list)
    impossible: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many runs the grid has, the impossible ones included."""
        others = (self.kept, self.stale, self.failed_before, self.elsewhere)
        return len(self.to_run) + sum(map(len, others)) + len(self.impossible) * len(self.request.seeds)


def plan(request: Request, store: Store) -> Plan:
    """Sort every run of a grid by what the store already holds of it. Writes nothing.

    Raises InputError where a task cannot be built, a library is missing, or a finished run was made with other options
    under the same name.
    """
    made = Plan(request)
    identities = {one.id: identify(one) for one in request.optimizers}
    for one in (*request.tasks, *request.optimizers):
        reason = spec.unavailable(one)
        if reason:
            raise InputError(reason)
    listings: dict[Path, dict[str, Files]] = {}
    for task in request.tasks:
        problem, task_identity = problem_of(task, request.device), identify(task)
        shown.rules(task)  # refused here, before anything runs
        for optimizer in request.optimizers:
            reason = spec.mismatch(optimizer.meta, problem)
            if reason:
                made.impossible.append((task.id, optimizer.id, reason))
                continue
            for seed in request.seeds:
                job = _job(request, task, optimizer, seed, task_identity, identities[optimizer.id])
                if in_shard(job, request.shard):
                    folder = job.key.folder
                    if folder not in listings:
                        listings[folder] = store.listing(job.key)
                    _sort(made, job, listings[folder].get(job.key.stem, Files()))
    made.to_run.sort(key=lambda cell: cell.job.seed)  # whole blocks first: a grid that is stopped compares all
    return made


def problem_of(task: Resolved, device: str | None = None) -> Problem:
    """Build a task for its problem. Raises InputError, in one line, on whatever goes wrong."""
    try:
        options = {"device": device} if device and task.meta.get("device") else {}
        problem = spec.build(task, **options).problem
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"task {task.id} cannot be built: {type(error).__name__}: {one_line(error)}") from error
    if not isinstance(problem, Problem):
        raise InputError(f"task {task.id}: its problem must be a carps_lite.Problem, got {type(problem).__name__}")
    return problem


def parse_rerun(words: str | Sequence[str] | None) -> frozenset[str]:
    """Read `rerun=`: stale, failed, all, or several of them."""
    if words is not None and not isinstance(words, str | list | tuple):
        raise InputError(f"rerun must be {', '.join(RERUN)}; got {words!r}")
    listed = [] if words is None else words.split(",") if isinstance(words, str) else list(words)
    for word in map(str, listed):
        if word not in RERUN:
            raise InputError(f"rerun must be {', '.join(RERUN)}; got {word!r}{nearest(word, RERUN)}")
    return frozenset(listed)


def in_shard(job: Job, shard: tuple[int, int]) -> bool:
    """Whether a run belongs to the k-th of n shards: by the hash of its key, so that a new task moves no other run."""
    k, n = shard
    if n == 1:
        return True
    name = f"{job.key.folder}/{job.key.stem}"
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") % n == k - 1


def _job(
    request: Request,
    task: Resolved,
    optimizer: Resolved,
    seed: int,
    task_identity: dict[str, Any],
    optimizer_identity: dict[str, Any],
) -> Job:
    budget = request.budget or Budget.parse(task.meta.get("budget", 100))
    return Job(
        task,
        optimizer,
        seed,
        budget,
        task_identity,
        optimizer_identity,
        n_workers=request.n_workers,
        sync=request.sync,
        overhead=request.overhead,
        device=request.device if task.meta.get("device") else None,
    )


def _sort(made: Plan, job: Job, files: Files) -> None:
    """Put one run where it belongs."""
    rerun = made.request.rerun
    finished = [log for path in files.finished if (log := peek(path)) is not None]
    failed = [log for path in files.failed if (log := peek(path)) is not None]
    if "all" in rerun:
        made.to_run.append(Cell(job, aside=[log.path for log in (*finished, *failed)]))
        return
    current = [log for log in finished if same_code(job, log.header)]
    _refuse_other_options(job, current)
    current = [log for log in current if same_options(job, log.header)]
    if any(log.covers(job.budget) for log in current):
        made.kept.append(job)
    elif len(current) < len(finished) and not current and "stale" not in rerun:
        made.stale.append(job)
    elif any(is_alive(part) for part in files.parts):
        made.elsewhere.append(job)
    elif any(same_code(job, log.header) for log in failed) and "failed" not in rerun:
        made.failed_before.append(job)
    else:
        other = [log.path for log in finished if log not in current] + [log.path for log in failed]
        made.to_run.append(Cell(job, [log.path for log in current] + files.parts, other))


def _refuse_other_options(job: Job, finished: list[Log]) -> None:
    for log in finished:
        if not same_options(job, log.header):
            for kind, now in (("task", job.task), ("optimizer", job.optimizer)):
                then, own = stated(log.header[f"{kind}_options"]), stated(now.options)
                for key in sorted({*then, *own}):
                    if then.get(key) != own.get(key):
                        raise InputError(
                            f"{now.id}: finished runs were made with {key}={then.get(key)!r}, now it is "
                            f"{now.options.get(key)!r}; take another results folder, or rerun=all to replace them"
                        )
