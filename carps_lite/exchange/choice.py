"""Which runs of a source are exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carps_lite.errors import InputError
from carps_lite.matching import named
from carps_lite.plural import count

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Chosen:
    """Part of a source; None takes everything. Names may be shell patterns; a task's or optimizer's prefix will do."""

    tasks: Sequence[str] | None = None
    optimizers: Sequence[str] | None = None
    seeds: Sequence[int] | None = None

    def of(self, runs: pd.DataFrame, trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The chosen runs and their trials. Raises InputError where there are none."""
        if runs.empty:
            raise InputError("there are no finished runs to export")
        for column, wanted in (("task", self.tasks), ("optimizer", self.optimizers)):
            if wanted is not None:
                names = runs[column].astype(str)
                runs = runs[names.isin(named(wanted, sorted(set(names)), f"no run of {column}"))]
        if self.seeds is not None:
            runs = runs[runs["seed"].isin(list(self.seeds))]
        if runs.empty:
            raise InputError("no run has a task, an optimizer and a seed that were chosen")
        return runs, trials[trials["run"].isin(runs["run"])]


def finished(runs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Runs that ended well, and what was left out, as sentences. Raises InputError where all have failed."""
    done = runs[runs["state"] == "done"]
    left_out = [count(len(runs) - len(done), "failed run")] if len(done) < len(runs) else []
    if done.empty:
        raise InputError("there are no finished runs to export, only failed ones")
    return done, left_out


def label(optimizer: str, n_workers: int, variant: str, several_workers: bool) -> str:
    """The name of an entrant: the optimizer's id, and in brackets what sets its runs apart, as the report has it."""
    settings = [count(n_workers, "worker")] if several_workers else []
    settings += [variant] if variant else []
    return optimizer + (f" [{', '.join(settings)}]" if settings else "")
