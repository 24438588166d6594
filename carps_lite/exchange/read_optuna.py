"""Studies of Optuna: from an SQLite file, a journal file, or the URL of any storage that Optuna opens."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from carps_lite.errors import InputError, unknown
from carps_lite.exchange.foreign import ForeignRun, ForeignTrial
from carps_lite.exchange.naming import identify, unfinished
from carps_lite.exchange.optuna_urls import as_input_error, open_database, open_url, shown

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_SQLITE = b"SQLite format 3\x00"


def read_optuna(
    source: str,
    given: Mapping[str, Any],
    *,
    names: re.Pattern[str] | None = None,
    studies: str = "*",
    n_workers: int = 1,
    configs: bool = True,
) -> tuple[list[ForeignRun], list[str]]:
    """Read every study whose name matches `studies`, a run each, and what was left out, as sentences.

    Task, optimizer and seed come from `given`, from the study's name by `names`, or from its user attributes of these
    names. Values of maximised objectives change their sign. A pruned trial counts at the step that it reached, where
    the study's steps allow it. Costs are the trials' durations in seconds. Raises InputError where there is nothing.
    """
    import optuna

    with _opened(source) as storage:
        source = shown(source)
        summaries = {s.study_name: s for s in optuna.get_all_study_summaries(storage, include_best_trial=False)}
        chosen = [name for name in summaries if fnmatchcase(name, studies)]
        if not chosen:
            raise unknown(f"{source}: no study", studies, summaries) if summaries else InputError(f"{source}: no study")
        runs: list[ForeignRun] = []
        left_out: list[str] = []
        for name in chosen:
            study = optuna.load_study(study_name=name, storage=storage)
            task, optimizer, seed = identify(f"{source} study {name}", name, names, given, study.user_attrs)
            trials, full_step = _trials(source, study, configs, left_out)
            if trials:
                runs.append(_run(source, study, (task, optimizer, seed), trials, n_workers, full_step))
            else:
                left_out.append(f"study {name} has no finished trial")
        return runs, left_out


@contextlib.contextmanager
def _opened(source: str) -> Iterator[BaseStorage]:
    """Open a storage without changing it: of an SQLite file a copy is read."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if "://" in source and not source.startswith("sqlite:///"):
        with open_url(source) as storage:
            yield storage
        return
    file = Path(source.removeprefix("sqlite:///"))
    if not file.is_file():
        raise InputError(f"no file {str(file)!r}; Optuna's source is a file or a URL such as sqlite:///study.db")
    with TemporaryDirectory(prefix="carps-lite-") as folder, _opened_file(file, Path(folder)) as storage:
        yield storage


@contextlib.contextmanager
def _opened_file(file: Path, folder: Path) -> Iterator[BaseStorage]:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if _begins(file, _SQLITE):
        with as_input_error(str(file)):
            _copy(file, folder / "study.db")
        with open_database(f"sqlite:///{folder / 'study.db'}", str(file), complete=False) as storage:
            yield storage
    elif _begins(file, b"{"):
        with as_input_error(str(file)):
            journal = JournalStorage(JournalFileBackend(str(file)))
        yield journal
    else:
        raise InputError(f"{file} is neither an SQLite file nor a journal of Optuna")


def _copy(file: Path, to: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as here,
        contextlib.closing(sqlite3.connect(to)) as there,
    ):
        here.backup(there)


def _begins(file: Path, magic: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(magic)) == magic


def _run(
    source: str,
    study: Study,
    name: tuple[str, str, int],
    trials: list[ForeignTrial],
    n_workers: int,
    full_step: int | None,
) -> ForeignRun:
    where = {"format": "optuna", "file": source.rpartition("/")[2],
             "study": study.study_name}  # fmt: skip
    objectives = tuple(study.metric_names or (f"value{i}" if i else "value" for i in range(len(study.directions))))
    n_constraints = max(len(t.constraints) for t in trials)
    constraints = tuple(f"constraint{i}" for i in range(n_constraints))
    full = None if full_step is None else float(full_step)
    maximized = tuple(d.name == "MAXIMIZE" for d in study.directions)
    return ForeignRun(
        *name, trials, where, n_workers, objectives, constraints, "step", full, measured=True, maximized=maximized
    )


def _trials(source: str, study: Study, configs: bool, left_out: list[str]) -> tuple[list[ForeignTrial], int | None]:
    """All finished trials in the order of their numbers, and the step that complete ones reach."""
    from optuna.trial import TrialState

    signs = [-1.0 if d.name == "MAXIMIZE" else 1.0 for d in study.directions]
    every = sorted(study.get_trials(deepcopy=False), key=lambda t: t.number)
    done = [t for t in every if t.state.is_finished()]
    if len(done) < len(every):
        left_out.append(f"{unfinished(len(every) - len(done))} of study {study.study_name}")
    steps = [step for t in done for step in t.intermediate_values]
    offset = 1 if steps and min(steps) == 0 else 0  # a first step that is called 0 has been done when it is reported
    full = {max(t.intermediate_values) + offset for t in done
            if t.state == TrialState.COMPLETE and t.intermediate_values}  # fmt: skip
    full_step = max(full) if full else None
    where = f"{source} study {study.study_name} trial"
    return [_trial(f"{where} {t.number}", t, signs, full_step, offset, configs) for t in done], full_step


def _trial(
    where: str, t: FrozenTrial, signs: list[float], full_step: int | None, offset: int, configs: bool
) -> ForeignTrial:
    from optuna.trial import TrialState

    values: tuple[float, ...] = (math.nan,) * len(signs)
    failure, fidelity = None, None
    if t.state == TrialState.COMPLETE:
        values = tuple(sign * v for sign, v in zip(signs, t.values, strict=True))
        if not all(map(math.isfinite, values)):
            failure = "no finite value"
    elif t.state == TrialState.PRUNED and len(signs) == 1 and t.intermediate_values and full_step is not None:
        last = max(t.intermediate_values)
        fidelity = float(last + offset) if last + offset < full_step else None
        value = signs[0] * t.intermediate_values[last]
        values, failure = ((value,), None) if math.isfinite(value) else (values, "no finite value")
    else:
        failure = "pruned" if t.state == TrialState.PRUNED else "failed"
    cost = None if t.duration is None else max(0.0, t.duration.total_seconds())
    limits = t.constraints.values() if t.constraints else ()
    return ForeignTrial(
        where,
        dict(t.params) if configs else {},
        values,
        failure,
        cost,
        fidelity,
        tuple(map(float, limits)),
        {name: x for name, x in t.user_attrs.items() if isinstance(x, bool | int | float | str)},
        seconds=(0.0, cost or 0.0, 0.0),
    )
