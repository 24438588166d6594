"""Which runs of a source are exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carps_lite.errors import InputError, unknown
from carps_lite.matching import matching

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
                known = sorted(set(names))
                runs = runs[names.isin({n for text in wanted for n in _named(column, text, known)})]
        if self.seeds is not None:
            runs = runs[runs["seed"].isin(list(self.seeds))]
        if runs.empty:
            raise InputError("no run has a task, an optimizer and a seed that were chosen")
        return runs, trials[trials["run"].isin(runs["run"])]


def finished(runs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Runs that ended well, and what was left out, as sentences. Raises InputError where all have failed."""
    done = runs[runs["state"] == "done"]
    left_out = [_runs(len(runs) - len(done), "failed")] if len(done) < len(runs) else []
    if done.empty:
        raise InputError("there are no finished runs to export, only failed ones")
    return done, left_out


def label(optimizer: str, n_workers: int, variant: str, several_workers: bool) -> str:
    """The name of an entrant: the optimizer's id, and in brackets what sets its runs apart, as the report has it."""
    settings = [f"{n_workers} worker{'s' if n_workers > 1 else ''}"] if several_workers else []
    settings += [variant] if variant else []
    return optimizer + (f" [{', '.join(settings)}]" if settings else "")


def _named(column: str, text: str, known: Sequence[str]) -> list[str]:
    return matching(text, known, lambda: unknown(f"no run of {column}", text, known))


def _runs(n: int, what: str) -> str:
    return f"{n:,} {what} run{'s' if n > 1 else ''}"
