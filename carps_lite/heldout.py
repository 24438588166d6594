"""A second kind of record: what a run recommends, evaluated again at full fidelity on seeds that no run has tuned on.

    results/<task id>/<optimizer id>/workers=4,seed=3,spent=100.evaluated     beside the run's own file

JSON lines: a header that names the run's attempt, then a line for each configuration and held-out seed. A file is
replaced in one step, and is complete pair by pair, so that more seeds can be added and a stopped evaluation goes on. It
speaks for one attempt of one run: where the run was done again, it is not read.

Tuning seeds and test seeds apart: Eimer, Lindauer, Raileanu 2023 (ICML, "Hyperparameters in Reinforcement Learning and
How To Tune Them").
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from carps_lite.core import Budget, Problem, Task, Trial
from carps_lite.evaluation import Evaluator
from carps_lite.hypervolume import nondominated_places
from carps_lite.loop import Record
from carps_lite.rows import SCHEMA, dump

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".evaluated"
MOST = 50  # configurations of a front that are evaluated again
COLUMNS = ("run", "ask", "held_out_seed", "values", "noise_free_values", "constraints", "failure")
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


def evaluate(
    task: Task, problem: Problem, chosen: Iterable[Record], numbers: Sequence[int], known: Sequence[Row] = ()
) -> Iterable[Row]:
    """Evaluate configurations in full on held-out seeds, those left out that are known. A failure is a row too.

    Raises BrokenRun where the task breaks its contract.
    """
    done = {(row["ask"], row["held_out_seed"]) for row in known}
    evaluator = Evaluator(task, problem, measured_cost=False, verdicts={}, watch=None)
    for record in chosen:
        for number in numbers:
            if (record.ask, number) in done:
                continue
            outcome = evaluator.one(record.ask, Trial(record.trial.config), held_out_seed(number, record))
            means = [outcome.info.get(f"mean_{name}") for name in problem.objectives]
            row: Row = {"ask": record.ask, "held_out_seed": number, "values": outcome.values}
            row |= {"constraints": outcome.constraints} if outcome.constraints else {}
            row |= {"noise_free_values": means} if all(isinstance(m, int | float) for m in means) else {}
            yield row | ({"failure": outcome.failure} if outcome.failure is not None else {})


def path_of(run: Path) -> Path:
    """The file beside a run's."""
    return run.with_suffix(SUFFIX)


def read(run: Path, header: Mapping[str, Any]) -> list[Row]:
    """The rows of a run that was evaluated; none where it was not, or was done again since."""
    try:
        first, *rows = [orjson.loads(line) for line in path_of(run).read_bytes().splitlines()]
    except (OSError, ValueError):
        return []
    return rows if isinstance(first, dict) and first.get("attempt") == _attempt(header) else []


def write(run: Path, header: Mapping[str, Any], rows: Iterable[Row]) -> None:
    """Write the file of a run in one step."""
    first = {"schema": list(SCHEMA), "attempt": _attempt(header)}
    temporary = path_of(run).with_name(f".{run.stem}.{os.getpid()}{SUFFIX}")
    temporary.write_bytes(b"".join(map(dump, (first, *rows))))
    temporary.replace(path_of(run))


def load(root: Path, runs: pd.DataFrame) -> pd.DataFrame:
    """All rows of these runs, a frame with the columns COLUMNS."""
    import pandas as pd

    columns = (runs[name] for name in ("run", "file", "header"))
    rows = [
        {"run": run, **row} for run, file, header in zip(*columns, strict=True) for row in read(root / file, header)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"failure": object, "noise_free_values": object})


def _attempt(header: Mapping[str, Any]) -> list[Any]:
    return [header.get(name) for name in ("started", "host", "pid")]
