"""A second kind of record: what a run recommends, evaluated again at full fidelity on seeds that no run has tuned on.

    results/<task id>/<optimizer id>/workers=4,seed=3,spent=100.evaluated     beside the run's own file

JSON lines: a header that names the run's attempt and the trials that it recommends, then a line for each configuration
and held-out seed, written as soon as it is known, so that a stopped evaluation goes on and more seeds can be added. The
file speaks for one attempt of one run: where the run was done again, it is not read.

Tuning seeds and test seeds apart: Eimer, Lindauer, Raileanu 2023 (ICML, "Hyperparameters in Reinforcement Learning and
How To Tune Them").
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from carps_lite.core import Budget, Problem, Task, Trial, TrialFailed
from carps_lite.evaluation import ALONE, Evaluator, Guard, Outcome
from carps_lite.hypervolume import nondominated_places
from carps_lite.loop import Record
from carps_lite.rows import SCHEMA, dump
from carps_lite.space import Config

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".evaluated"
MOST = 50  # configurations of a front that are evaluated again
COLUMNS = ("run", "ask", "held_out_seed", "values", "noise_free_values", "constraints", "failure", "info")
OWN = (0,)  # the one "seed" of a task's own held-out run
NONE_RECORDED = "no held-out run is recorded"
Row = dict[str, Any]


def recommended(header: Mapping[str, Any], records: Sequence[Record]) -> list[Record]:
    """Return what a run recommends: its best trial in full, or with several objectives the front of those in full.

    Only feasible trials that ended within the budget count; of equal ones the first. Where none ran in full, those at
    the highest fidelity reached are taken. Of a front of more than 50, the 50 that were asked last.
    """
    budget = Budget.parse(header["budget"])
    limit = budget.amount if budget.unit == "sim" else float("inf")
    found = [r for r in records if r.result.feasible and r.end <= limit]
    axis = header["problem"]["fidelity"]
    high = float(axis["high"]) if axis else 1.0
    levels = [high if r.trial.fidelity is None else float(r.trial.fidelity) for r in found]
    top = [r for r, level in zip(found, levels, strict=True) if level >= max(levels)]
    if len(header["problem"]["objectives"]) == 1:
        return [min(top, key=lambda r: r.result.values[0])] if top else []
    places = nondominated_places(np.array([r.result.values for r in top], dtype=float))
    return [top[i] for i in places][-MOST:]


def held_out_seed(number: int, record: Record) -> int:
    """The seed of an evaluation, in [0, 2^31): equal for every optimizer at one configuration, and no run's own."""
    config = orjson.dumps(record.trial.config, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(b"held out/%d/" % number + config, digest_size=4).digest(), "big") >> 1


def has_own(task: object) -> bool:
    """Whether a task keeps held-out runs of its own: `held_out(config)` returns one, or None where there is none.

    Tables do: their recorded runs are few, optimizers have seen all others, and no seed brings a new one.
    """
    return callable(getattr(task, "held_out", None))


class _OwnRuns:
    """A task's held-out runs in the form of a task."""

    def __init__(self, task: Any) -> None:
        self.problem: Problem = task.problem
        self._task = task

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Mapping[str, float]:
        """Return the held-out run of a configuration. Raises TrialFailed where there is none."""
        found: Mapping[str, float] | None = self._task.held_out(config)
        if found is None:
            raise TrialFailed(NONE_RECORDED)
        return found


def evaluate(
    task: Task,
    problem: Problem,
    chosen: Iterable[Record],
    numbers: Sequence[int],
    known: Sequence[Row] = (),
    guard: Guard = ALONE,
) -> Iterator[Row]:
    """Evaluate configurations in full on held-out seeds, those left out that are known. A failure is a row too.

    Where the task keeps held-out runs of its own, these are read instead, as seed 0; a configuration that has none gets
    a row that says so (`missing`). What the task returns besides, such as a test score, is kept as `info`. The
    numbers that `guard` goes by are places among all pairs of configuration and seed. Raises BrokenRun where the task
    breaks its contract.
    """
    own = has_own(task)
    evaluator = Evaluator(
        _OwnRuns(task) if own else task, problem, measured_cost=False, verdicts=guard.verdicts, watch=guard.watch
    )
    done = {(row["ask"], row["held_out_seed"]) for row in known}
    pairs = [(record, number) for record in chosen for number in (OWN if own else numbers)]
    for place, (record, number) in enumerate(pairs):
        if (record.ask, number) not in done:
            outcome = evaluator.one(place, Trial(record.trial.config), held_out_seed(number, record))
            yield {"ask": record.ask, "held_out_seed": number, **_row(outcome, problem, own)}


def _row(outcome: Outcome, problem: Problem, own: bool) -> Row:
    """What is kept of an evaluation; a mean over the runs that the optimizers have seen is no held-out value."""
    if own and outcome.failure == NONE_RECORDED:
        return {"missing": True}
    names = [f"mean_{name}" for name in problem.objectives]
    means = [outcome.info.get(name) for name in names]
    info = {key: value for key, value in outcome.info.items() if key not in names}
    row: Row = {"values": outcome.values}
    row |= {"constraints": outcome.constraints} if outcome.constraints else {}
    row |= {"noise_free_values": means} if not own and all(isinstance(m, int | float) for m in means) else {}
    row |= {"info": info} if info else {}
    return row | ({"failure": outcome.failure} if outcome.failure is not None else {})


@dataclass(frozen=True)
class Known:
    """What the file beside a run says: `asks` are the trials that the run recommends, None where it does not say.

    `own`: the rows are the task's own held-out runs. `whole`: the file is as it was written, no line of it torn.
    """

    rows: list[Row]
    asks: list[int] | None = None
    own: bool = False
    whole: bool = False

    def covers(self, numbers: Iterable[int]) -> bool:
        """Whether everything that is recommended was evaluated on these seeds."""
        done = {(row["ask"], row["held_out_seed"]) for row in self.rows}
        wanted = OWN if self.own else numbers
        return self.asks is not None and done.issuperset(product(self.asks, wanted))


def path_of(run: Path) -> Path:
    """The file beside a run's."""
    return run.with_suffix(SUFFIX)


def known(run: Path, header: Mapping[str, Any]) -> Known:
    """What is known of a run; nothing where it was not evaluated again, or was done again since."""
    try:
        lines = path_of(run).read_bytes().split(b"\n")
        first = orjson.loads(lines[0])
        own, asks = bool(first.get("own", False)), first.get("asks")
    except (OSError, ValueError, AttributeError):
        return Known([])
    if first.get("attempt") != _attempt(header):
        return Known([])
    rows: dict[tuple[int, int], Row] = {}
    for line in lines[1:-1]:  # behind the last line break there is nothing, or a line that was torn
        try:
            row = orjson.loads(line)
            rows[row["ask"], row["held_out_seed"]] = row
        except (ValueError, TypeError, KeyError):
            return Known(list(rows.values()), asks, own)
    return Known(list(rows.values()), asks, own, whole=not lines[-1])


def read(run: Path, header: Mapping[str, Any]) -> list[Row]:
    """The rows of a run that was evaluated; none where it was not, or was done again since."""
    return known(run, header).rows


def write(run: Path, header: Mapping[str, Any], content: Known) -> None:
    """Write the file of a run in one step."""
    about = {} if content.asks is None else {"asks": content.asks, "own": content.own}
    first = {"schema": list(SCHEMA), "attempt": _attempt(header), **about}
    temporary = path_of(run).with_name(f".{run.stem}.{os.getpid()}{SUFFIX}")
    temporary.write_bytes(b"".join(map(dump, (first, *content.rows))))
    temporary.replace(path_of(run))


def append(run: Path, row: Row) -> None:
    """Add a row to the file of a run in one call, so that it is there whatever happens next."""
    with path_of(run).open("ab", buffering=0) as file:
        file.write(dump(row))


def load(root: Path, runs: pd.DataFrame) -> pd.DataFrame:
    """All evaluations of these runs, a frame with the columns COLUMNS."""
    import pandas as pd

    columns = (runs[name] for name in ("run", "file", "header"))
    rows = [
        {"run": run, **row}
        for run, file, header in zip(*columns, strict=True)
        for row in read(root / file, header)
        if "missing" not in row
    ]
    objects = {"failure": object, "noise_free_values": object, "info": object}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(objects)


def _attempt(header: Mapping[str, Any]) -> list[Any]:
    return [header.get(name) for name in ("started", "host", "pid")]
