"""One run as a job: built from its specs, simulated, written to the store; in this process, whichever that is."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from carps_lite import shown, spec
from carps_lite.core import Budget, Optimizer, Problem, Task
from carps_lite.errors import InputError, one_line
from carps_lite.evaluation import Verdict
from carps_lite.identity import Identity
from carps_lite.keys import RunKey
from carps_lite.libraries import installed_version
from carps_lite.loop import Record, Rules, Simulation
from carps_lite.rows import dump
from carps_lite.spec import Resolved
from carps_lite.store import Store, is_alive, peek, read, set_aside

MOST = 2_000  # characters of an error that a log keeps
DECISIVE = ("task_identity", "optimizer_identity", "task_options", "optimizer_options", "problem")  # of a header
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """A run to be done. `task_object` and `optimizer_class` stand in for specs where Python objects were given."""

    task: Resolved
    optimizer: Resolved
    seed: int
    budget: Budget
    task_identity: Identity
    optimizer_identity: Identity
    n_workers: int = 1
    sync: bool = False
    overhead: float | str = 0.0
    device: str | None = None
    task_object: Task | None = None
    optimizer_class: Callable[..., Optimizer] | None = None

    @property
    def rules(self) -> Rules:
        """How the run is simulated."""
        meta = self.task.meta
        return Rules(
            sync=self.sync,
            overhead=self.overhead,
            noisy=bool(meta.get("noisy", True)),
            checkpoints=bool(meta.get("checkpoints", False)),
            measured_cost=meta.get("cost") == "measured",
        )

    @property
    def key(self) -> RunKey:
        """The key of the run."""
        uses_budget = bool(self.optimizer.meta.get("uses_budget", False))
        return RunKey.of(
            self.task.id,
            self.optimizer.id,
            self.seed,
            n_workers=self.n_workers,
            rules=self.rules,
            budget=self.budget,
            uses_budget=uses_budget,
            device=self.device if self.task.meta.get("device") else None,
        )

    def build_task(self) -> Task:
        """Build the task, or take the object that was given."""
        device = {"device": self.device} if self.device and self.task.meta.get("device") else {}
        made: Task = self.task_object or spec.build(self.task, **device)
        return made

    def build_optimizer(self, problem: Problem) -> Optimizer:
        """Build the optimizer for a problem."""
        if self.optimizer_class is not None:
            return self.optimizer_class(problem=problem, seed=self.seed, **self.optimizer.options)
        made: Optimizer = spec.build(self.optimizer, problem=problem, seed=self.seed)
        return made

    def problem(self, task: Task) -> Problem:
        """What the optimizer may know."""
        key_budget = self.budget if self.optimizer.meta.get("uses_budget", False) else None
        return replace(task.problem, n_workers=self.n_workers, budget=key_budget)


@dataclass(frozen=True)
class Summary:
    """How a run ended: its state is `done` or `failed`."""

    state: str
    n_trials: int = 0
    n_failed: int = 0
    seconds: float = 0.0
    error: str = ""


def perform(
    job: Job,
    store: Store,
    attempt: str,
    earlier: Sequence[Path] = (),
    aside: Sequence[Path] = (),
    verdicts: Mapping[int, Verdict] | None = None,
    watch: Callable[[int], None] | None = None,
    ended: str | None = None,
) -> Summary:
    """Do one run and publish it.

    `earlier` are files of the same run whose records are used again; `aside` are older ones that the run replaces when
    it is published. `ended` is a reason to end the run as failed after what is known of it (a time limit, say).
    """
    begin = perf_counter()
    task = job.build_task()
    problem = job.problem(task)
    ours = header(job, task, problem)
    known = longest(ours, earlier)
    writer = store.begin(job.key, ours, attempt)
    n_trials = n_failed = 0
    try:
        if ended is not None:
            writer.append(known)
            n_trials, n_failed = len(known), sum(r.failure is not None for r in known)
            end: dict[str, Any] = {"state": "failed", "error": ended}
        else:
            simulation = Simulation(
                task, job.build_optimizer(problem), problem, job.seed, job.budget, job.rules, known, verdicts, watch
            )
            for batch in simulation.batches():
                writer.append(batch)
                n_trials += len(batch)
                n_failed += sum(r.failure is not None for r in batch)
            why = "exhausted" if simulation.exhausted else "budget"
            end = {"state": "done", "why": why, "covered": simulation.covered, "tell_ns": simulation.tell_ns}
    except (Exception, SystemExit) as error:
        trace = traceback.format_exc().encode("utf-8", "replace").decode()
        said = f"{type(error).__name__}: {one_line(error)}"
        end = {"state": "failed", "error": said[:MOST], "traceback": trace[-10 * MOST :]}
    except BaseException:
        writer.close()
        raise
    final = writer.publish(end, job.budget, list(aside))
    if earlier:
        _tidy(ours, final, earlier)
    return Summary(end["state"], n_trials, n_failed, perf_counter() - begin, end.get("error", ""))


def longest(ours: Mapping[str, Any], paths: Sequence[Path]) -> list[Record]:
    """The longest list of records among earlier attempts that a run with the header `ours` can go on from."""
    contents = [content for path in paths if (content := read(path)) is not None]
    return max((records for theirs, records in contents if same_run(ours, theirs)), key=len, default=[])


def same_run(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether two headers, the second read from a log, are of the same code, the same options and the same problem."""
    now = orjson.loads(dump({name: ours[name] for name in DECISIVE}))
    return all(_comparable(name, theirs[name]) == _comparable(name, now[name]) for name in DECISIVE)


def same_code(job: Job, made: Mapping[str, Any]) -> bool:
    """Whether a log was written by the code and library versions that would do the run now."""
    return bool(made["task_identity"] == job.task_identity and made["optimizer_identity"] == job.optimizer_identity)


def same_options(job: Job, made: Mapping[str, Any]) -> bool:
    """Whether a log was written with the options that the ids stand for now."""
    ours = {"task_options": plain(job.task.options), "optimizer_options": plain(job.optimizer.options)}
    return all(stated(made[name]) == stated(own) for name, own in ours.items())


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say something: one that is null or an empty list is the same as one that did not exist yet."""
    return {key: value for key, value in options.items() if value is not None and value != []}


def _comparable(name: str, value: Any) -> Any:
    return stated(value) if name.endswith("_options") and isinstance(value, dict) else value


def _tidy(ours: Mapping[str, Any], final: Path, earlier: Sequence[Path]) -> None:
    """Remove what the published run contains; keep aside what other code made."""
    published = peek(final)
    for path in earlier:
        log = peek(path)
        if published is None or path == final or (path.suffix == ".part" and is_alive(path)):
            continue
        if log is None:  # killed before its first line was whole
            path.unlink(missing_ok=True)
            continue
        if not same_run(ours, log.header):
            set_aside(path)
        elif log.end is None or log.end["state"] == "failed" or log.length <= published.length:
            path.unlink(missing_ok=True)


def header(job: Job, task: Task, problem: Problem) -> dict[str, Any]:
    """The first line of a run's log: its key, what it was made with and on, and what the analysis may know."""
    return {
        "task": job.task.id,
        "optimizer": job.optimizer.id,
        "seed": job.seed,
        "n_workers": job.n_workers,
        "variant": job.key.variant,
        "budget": str(job.budget),
        "problem": describe(problem),
        "optimum": getattr(task, "optimum", None),
        "group": group(job.task),
        "shown": shown.facts_of(job.task, problem.objectives),
        "deterministic": bool(job.task.meta.get("deterministic", False)),
        "cost": job.task.meta.get("cost", "evaluations"),
        "task_options": plain(job.task.options),
        "optimizer_options": plain(job.optimizer.options),
        "task_identity": job.task_identity,
        "optimizer_identity": job.optimizer_identity,
        **platform_facts(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def group(task: Resolved) -> str:
    """The function or data set of a task: tasks of one group are not independent."""
    template = str(task.meta.get("group", task.id))
    try:
        return template.format(**task.options)
    except (KeyError, IndexError, ValueError):
        raise InputError(f"{task.name}: meta.group {template!r} names an option that does not exist") from None


def describe(problem: Problem) -> dict[str, Any]:
    """A problem as JSON: type, objectives, constraints, fidelity, reference point and every parameter."""
    parameters = {
        name: {"kind": spec.parameter_kind(p), **{f.name: getattr(p, f.name) for f in fields(p)}}
        for name, p in problem.space.items()
    }
    axis = problem.fidelity
    return {
        "kind": problem.kind,
        "objectives": problem.objectives,
        "constraints": problem.constraints,
        "reference": problem.reference,
        "fidelity": None if axis is None else {f.name: getattr(axis, f.name) for f in fields(axis)},
        "space": parameters,
    }


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON would give them back, so that they compare equal to those of a log."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}


@lru_cache(maxsize=1)
def platform_facts() -> dict[str, Any]:
    """What a run may depend on besides its key: versions, machine and threads."""
    return {
        "carps_lite": installed_version("carps-lite"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
    }
