"""One comparison from the store's frames to what a report says: scores, ranking, curves, looks and sentences."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis import attained, ranking, words
from carps_lite.analysis.labels import plural, unit, when
from carps_lite.analysis.numbers import amount, count, listing, percent
from carps_lite.analysis.pool import Cell, Pool, build
from carps_lite.analysis.ranking import Ranking
from carps_lite.analysis.scores import Scores, score
from carps_lite.analysis.selection import EVERYTHING, Choice
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import Look, looks
from carps_lite.analysis.words import Tally
from carps_lite.core import Budget


@dataclass(frozen=True)
class Summary:
    """What is known of a comparison. `ranking` is None where nothing can be ranked."""

    scores: Scores
    ranking: Ranking | None
    trials: int
    failure_kinds: pd.DataFrame  # entrant, failure, n
    given: bool  # whether the budget was asked for
    table: pd.DataFrame  # the trials of the runs that are used
    configs: pd.DataFrame | None = None  # run, ask, config (JSON) of the same trials, where they were read
    evaluated: pd.DataFrame | None = None  # evaluations on held-out seeds, from `carps_lite.heldout.load`
    by_rank: bool = True  # whether optimizers stand by rank, or as the pool has them

    @property
    def pool(self) -> Pool:
        """The cells that are compared."""
        return self.scores.pool

    @property
    def order(self) -> list[int]:
        """Entrants from best to worst; as the pool has them where nothing is ranked or that was asked for."""
        return self.ranking.order if self.ranking and self.by_rank else list(range(len(self.pool.names)))

    @property
    def names(self) -> list[str]:
        """The entrants' names in that order."""
        return [self.pool.names[o] for o in self.order]

    @property
    def ids(self) -> list[str]:
        """The entrants' ids in that order: what bootstraps draw by."""
        return [self.pool.ids[o] for o in self.order]

    @property
    def referenced(self) -> npt.NDArray[np.bool_]:
        """Whether a task has references for normalised regret: (T,)."""
        return self.scores.normalises_T

    @property
    def many_groups(self) -> bool:
        """Whether tasks can be resampled: there are two groups of them or more."""
        return len(set(self.pool.groups)) > 1

    @cached_property
    def points(self) -> dict[int, dict[str, list[Array]]]:
        """Of tasks with several objectives: the points found within the budget; see `attained.points`."""
        return attained.points(self.scores, self.table)

    @cached_property
    def looks(self) -> dict[str, Look]:
        """Colour and marker of each entrant, which another name does not change."""
        of_ids = looks(self.pool.ids)
        return {name: of_ids[own] for name, own in zip(self.pool.names, self.pool.ids, strict=True)}

    @cached_property
    def anytime(self) -> tuple[npt.NDArray[np.int64], Array, Array]:
        """Mean ranks along the budgets; see `ranking.anytime`."""
        return ranking.anytime(self.scores.values_OTSB, self.pool.ids)

    @property
    def has_curves(self) -> bool:
        """Whether there is any incumbent to draw."""
        return bool(np.isfinite(self.scores.values_OTSB).any())

    @property
    def tally(self) -> Tally:
        """How the runs went."""
        done, failed, missing = (tuple(map(int, self.pool.count(c))) for c in (Cell.DONE, Cell.FAILED, Cell.MISSING))
        return Tally(self.pool.names, done, failed, missing, tuple(map(int, self.scores.no_result)))

    @property
    def when(self) -> str:
        """The budget in words."""
        return when(self.pool, self.scores.axis, self.scores.budget)

    @property
    def seeds(self) -> str:
        """`5 seeds`, `3 to 5 seeds`."""
        n = sorted({len(own) for own in self.pool.seeds})
        return count(n[0], "seed") if len(n) == 1 else f"{n[0]} to {n[-1]} seeds"

    @property
    def units(self) -> str:
        """What the axis of budgets counts: `evaluations`, `seconds of wall time`, `joules`."""
        return plural(unit(self.pool, self.scores.axis))

    @property
    def caption(self) -> str:
        """What every figure stands on: tasks, seeds, runs, the budget, and which share of them was lost or failed."""
        t = self.tally
        lost = ((sum(t.failed), "failed"), (sum(t.missing), "missing"))
        gaps = [f"{n:,} {what}: {percent(n / t.planned)}" for n, what in lost if n]
        runs = f"{sum(t.done):,} of {t.planned:,} runs ({', '.join(gaps) or 'none failed'})"
        trials, failed = (int(self.pool.runs[column].sum()) for column in ("n_trials", "n_failed"))
        share = f"{percent(failed / trials)} of trials failed" if failed else "no trial failed"
        return f"{count(len(self.pool.tasks), 'task')}, {self.seeds}, {runs}, {self.when}, {share}"

    def caption_of(self, index_T: npt.ArrayLike) -> str:
        """The same of a part of the tasks, by their places or a mask."""
        return replace(self, scores=self.scores.of_tasks(index_T), ranking=None).caption

    @property
    def regret_notes(self) -> tuple[str, ...]:
        """Which tasks normalised regret does not speak of: for wherever it is shown."""
        return tuple(f"{note}." for note in self.scores.normalised_notes)

    @property
    def successful(self) -> list[str]:
        """Entrants with a valid result on any task."""
        return [n for n, own in zip(self.pool.names, self.scores.final_OTS, strict=True) if np.isfinite(own).any()]

    @property
    def headline(self) -> str:
        """The answer, or why there is none."""
        if self.ranking and len(self.successful) == 1:
            return words.sole_survivor(self.successful[0], self.pool.names, self.when)
        if self.ranking:
            return words.headline(self.ranking, self.when, incomplete=sum(self.tally.missing) > 0)
        if not self.has_curves:
            return f"Nothing can be compared: {_nothing(self.tally)}."
        return f"Only {self.pool.names[0]} has runs here, so that there is nothing to compare it with."

    @property
    def details(self) -> list[str]:
        """The sentences after the headline that say how sure it is."""
        r = self.ranking
        return [s for s in (words.runner_up(r), words.outlook(r)) if s] if r else []

    @property
    def notes(self) -> list[str]:
        """What a reader must know before believing it: failures, gaps, limits, what was left out."""
        limits = words.limits(self.ranking) if self.ranking else ""
        empty = words.empty_handed(self.pool.names, self.successful)
        found = [*words.failures(self.tally), empty, *self._budget_notes(), limits, *self._pool_notes()]
        return [sentence for sentence in found if sentence]

    def lines(self, answers: Sequence[str] = ()) -> tuple[str, ...]:
        """The whole answer for a terminal; `answers`: who leads where, from the sections."""
        first, r = self.headline, self.ranking
        if r is None or len(self.successful) < 2:
            return (first, *self.notes)
        following = [words.runner_up(r)] if len(r.names) > 2 else []
        return (f"{first.rstrip('.')} ({words.evidence(r)}).", *(s for s in following if s), *answers, *self.notes)

    def _budget_notes(self) -> list[str]:
        s, done = self.scores, sum(self.tally.done)
        if self.given:
            if not s.n_short:
                return []
            return [f"Of the missing runs, {s.n_short:,} finished before {self.when}."]
        if s.usual > s.budget * (1 + 1e-9) and 2 * s.n_usual >= done:
            return [
                f"Compared after {self.when}, which every finished run reached; {s.n_usual:,} of {done:,} went on to "
                f"{amount(s.usual)} (budget={s.usual:g} compares there and counts shorter runs as missing)."
            ]
        return []

    def _pool_notes(self) -> list[str]:
        notes = []
        stale = sorted({e for e, s in zip(self.pool.runs["entrant"], self.pool.runs["stale"], strict=True) if s})
        if stale:
            notes.append(f"Made by other code or library versions than are installed: {listing(stale)}.")
        if not any(o == "random" or o.startswith("random/") for o in self.pool.runs["optimizer"]):
            notes.append("Random search, the baseline that any optimizer should beat, is not among them.")
        return notes + [f"Left out: {line}." for line in self.pool.left_out]


def summarise(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    choice: Choice = EVERYTHING,
    budget: Budget | str | float | None = None,
    axis: str = "full",
    impossible: Collection[tuple[str, str]] = (),
    by_rank: bool = True,
) -> Summary:
    """Compare the chosen runs at a budget. Raises InputError where there is nothing to compare."""
    scores = score(build(runs, choice, impossible), table, budget, axis)
    pool = scores.pool
    ranked = len(pool.names) > 1 and bool(np.isfinite(scores.final_OTS).any())
    found = ranking.rank(scores.final_OTS, pool.names, pool.groups, pool.ran_OT, pool.ids) if ranked else None
    used = table[table["run"].isin(pool.runs["run"])]
    kinds = _failure_kinds(pool, used)
    return Summary(scores, found, len(used), kinds, budget is not None, used, by_rank=by_rank)


def _failure_kinds(pool: Pool, table: pd.DataFrame) -> pd.DataFrame:
    failed = table.loc[table["failure"].notna(), ["run", "failure"]]
    entrant = failed["run"].map(dict(zip(pool.runs["run"], pool.runs["entrant"], strict=True)))
    kinds = pd.DataFrame({"entrant": entrant, "failure": failed["failure"].astype(str)})
    counted = kinds.value_counts().rename("n").reset_index()
    return counted.sort_values(["n", "entrant", "failure"], ascending=[False, True, True]).reset_index(drop=True)


def _nothing(t: Tally) -> str:
    counts = ((sum(t.failed), "failed"), (sum(t.missing), "missing"), (sum(t.no_result), "without a valid result"))
    parts: Sequence[str] = [f"{n:,} {what}" for n, what in counts if n]
    return f"of {count(t.planned, 'run')}, {listing(parts)}"
