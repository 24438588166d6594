"""From foreign runs to logs: every trial checked and put on the clock, or one line that says what is wrong."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from carps_lite import jobs, shown
from carps_lite.charging import Ledger, Share
from carps_lite.core import Budget, Result, Trial
from carps_lite.errors import InputError
from carps_lite.exchange.foreign import ForeignRun, ForeignTrial, ImportedKey, TaskFacts, facts_of
from carps_lite.loop import Record


@dataclass(frozen=True)
class SettledRun:
    """An imported run as its log will hold it."""

    key: ImportedKey
    header: Mapping[str, Any]
    records: Sequence[Record]
    end: Mapping[str, Any]
    budget: Budget
    where: str


def settle(runs: Sequence[ForeignRun], full_fidelity: float | None = None) -> list[SettledRun]:
    """Check all runs and turn them into logs. Raises InputError, naming file and line, on the first that is wrong."""
    settled: dict[tuple[str, str, int, int], SettledRun] = {}
    for _, same in groupby(sorted(runs, key=lambda run: run.task), key=lambda run: run.task):
        own = list(same)
        facts = facts_of(own, full_fidelity)
        for run in own:
            one = _settle(run, facts)
            name = (one.key.task, one.key.optimizer, one.key.seed, one.key.n_workers)
            if name in settled:
                raise InputError(
                    f"{one.where}: {one.key.optimizer} on {one.key.task} with seed {one.key.seed} stands twice, "
                    f"first at {settled[name].where}"
                )
            settled[name] = one
    return list(settled.values())


def _settle(run: ForeignRun, facts: TaskFacts) -> SettledRun:
    try:
        key = ImportedKey(facts.id, run.optimizer, run.seed, run.n_workers)
    except InputError as error:
        raise InputError(f"{run.where}: {error}") from None
    if run.n_workers < 1 or run.seed < 0:
        raise InputError(f"{run.where}: n_workers must be at least 1 and seed at least 0")
    trials = [_checked(trial, run, facts) for trial in run.trials]
    records, covered = _clocked(trials, run, facts)
    budget = Budget(len(records), "trials")
    end = {"state": "done", "why": "budget", "covered": covered, "tell_ns": 0}
    return SettledRun(key, _header(run, facts, key, budget), records, end, budget, run.where)


def _checked(t: ForeignTrial, run: ForeignRun, facts: TaskFacts) -> ForeignTrial:
    """A trial that fits its task. Raises InputError where it does not."""
    problem, axis = facts.problem, facts.problem.fidelity
    wanted = len(problem.objectives)
    if len(t.values) != wanted:
        raise InputError(f"{t.where}: {facts.id} has {wanted} objectives ({', '.join(problem.objectives)}), "
                         f"got {len(t.values)} values")  # fmt: skip
    unknown = t.failure is not None and not t.constraints  # it failed before they were known
    if facts.known and not unknown and len(t.constraints) != len(problem.constraints):
        raise InputError(f"{t.where}: {facts.id} has {len(problem.constraints)} constraints, got {len(t.constraints)}")
    if t.fidelity is not None:
        if axis is None:
            raise InputError(f"{t.where}: fidelity {t.fidelity:g}, but {facts.id} has none")
        if not axis.low <= t.fidelity <= axis.high:
            raise InputError(f"{t.where}: {axis.name}={t.fidelity:g} is outside [{axis.low:g}, {axis.high:g}]")
    for name in ("cost", "start", "end", "spent"):
        number = getattr(t, name)
        if number is not None and not 0 <= number < math.inf:
            raise InputError(f"{t.where}: {name} must be a number of at least 0, got {number}")
    if t.start is not None and t.end is not None and t.end < t.start:
        raise InputError(f"{t.where}: it ends at {t.end:g}, before it starts at {t.start:g}")
    foreign_time = run.measured and facts.known and facts.cost != "measured"  # seconds beside this task's own unit
    values = tuple(map(float, t.values)) if t.failure is None else (math.nan,) * wanted
    return replace(t, config=_config(t, facts), values=values, cost=None if foreign_time else t.cost)


def _config(t: ForeignTrial, facts: TaskFacts) -> Mapping[str, Any]:
    if not t.config or not facts.known:
        return t.config
    try:
        return facts.problem.space.accept(t.config)
    except ValueError as error:
        raise InputError(f"{t.where}: {error} (task {facts.id}; configs=false leaves configurations out)") from None


def _clocked(
    trials: Sequence[ForeignTrial], run: ForeignRun, facts: TaskFacts
) -> tuple[list[Record], dict[str, float]]:
    """Charge every trial as the run loop would, and start it on the worker that is free first."""
    ledger = Ledger(replace(facts.problem, n_workers=run.n_workers), facts.checkpoints)
    free = [0.0] * run.n_workers
    pending: list[tuple[float, int, bool]] = []
    records: list[Record] = []
    spent: Share = 0
    for n, t in enumerate(trials):
        start = heapq.heappop(free) if t.start is None else t.start
        while pending and pending[0][0] <= start and ledger.checkpoints:
            _, before, ok = heapq.heappop(pending)
            ledger.finish(before, ok)
        trial = Trial(dict(t.config), t.fidelity)
        key = ledger.key(trial)
        share = ledger.share(trial, key)
        cost = ledger.cost(trial, key, share, t.cost, own=True)
        spent += share
        end = start + cost if t.end is None else t.end
        if ledger.checkpoints:
            ledger.begin(n, trial, key, cost)
            heapq.heappush(pending, (end, n, t.failure is None))
        if t.start is None:
            heapq.heappush(free, end)
        result = Result(t.values, cost, t.constraints)
        total = float(spent) if t.spent is None else t.spent
        records.append(Record(n, start, end, trial, result, total, t.failure, t.info, _nanoseconds(t)))
    idle = min(free) if trials[-1].start is None else max(r.end for r in records)
    return records, {"full": records[-1].spent, "trials": len(records), "sim": idle, "wall": 0.0}


def _nanoseconds(t: ForeignTrial) -> tuple[int, int, int]:
    asked, evaluated, told = (round(x * 1e9) for x in t.seconds)
    return asked, evaluated, told


def _header(run: ForeignRun, facts: TaskFacts, key: ImportedKey, budget: Budget) -> dict[str, Any]:
    """The first line of the log; `imported` marks it, and nothing stands for code that is not known."""
    return {
        "task": facts.id,
        "optimizer": run.optimizer,
        "seed": run.seed,
        "n_workers": run.n_workers,
        "variant": key.variant,
        "budget": str(budget),
        "problem": jobs.describe(facts.problem),
        "optimum": facts.optimum,
        "group": facts.group,
        "shown": _shown(run, facts),
        "deterministic": False,
        "cost": facts.cost,
        "task_options": dict(facts.options),
        "optimizer_options": {},
        "task_identity": dict(facts.identity),
        "optimizer_identity": {},
        **jobs.platform_facts(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "imported": dict(run.source),
    }


def _shown(run: ForeignRun, facts: TaskFacts) -> Mapping[str, Any]:
    """A known task's own words; else objectives that were maximised are shown as they were."""
    objectives = facts.problem.objectives
    if facts.known or len(run.maximized) != len(objectives):
        return facts.shown
    return shown.turned(objectives, run.maximized)
