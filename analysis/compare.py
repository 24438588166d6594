"""Two optimizers against each other: on how many tasks each is better, by how much, how sure, in a few lines of text.

The numbers are those of the report: tasks are won by the probability that a run of the one beats a run of the other
(chances.py); differences are those of normalised regret (normalised.py), averaged over seeds and over tasks of one
group, so that 1 is the range between what random search finds and the best known; their Hodges-Lehmann estimate and
its bootstrap interval (effects.py); the Bayesian signed-rank test with a region of practical equivalence (bayes.py);
Wilcoxon's signed-rank test (stats.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from carps_lite.analysis import bayes, effects, units
from carps_lite.analysis.normalised import seed_means
from carps_lite.analysis.numbers import chance, count, interval, listing, p_equals, together
from carps_lite.analysis.numbers import fixed as decimals
from carps_lite.analysis.ranking import ALPHA, Comparison
from carps_lite.analysis.selection import EVERYTHING, Choice, select
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary, summarise
from carps_lite.core import Budget
from carps_lite.errors import InputError

ROPE = 0.01  # of the range between a task's references: differences below do not matter in practice


@dataclass(frozen=True)
class Duel:
    """What is known of `first` against `second`; differences in favour of the first are positive.

    `difference`: (estimate, low, high), nan where it cannot be had; `probabilities`: P(first better), P(equivalent),
    P(second better), nan where no task is normalised; `n_normalised`: the tasks, `n_groups` the groups behind them.
    """

    first: str
    second: str
    summary: Summary
    comparison: Comparison
    difference: tuple[float, float, float]
    probabilities: Array
    rope: float
    n_normalised: int
    n_groups: int

    @property
    def lines(self) -> tuple[str, ...]:
        """The comparison in words."""
        s, c = self.summary, self.comparison
        head = f"{count(c.n_tasks, 'task')}, {s.seeds}, {s.when}"
        score = f"{self.first} is better on {c.wins}, worse on {c.losses}, equal on {c.ties}"
        found = [head, f"{score}     {median}" if (median := self._median()) else score, *self._values()]
        chances, wilcoxon = self._chances(), self._wilcoxon()
        found.append(f"{chances}     {wilcoxon}" if chances else wilcoxon)
        if c.n_groups > 1:  # else the notes say it
            found.append(self.verdict)
        return (*found, *self._gaps(), *s.notes)

    @property
    def verdict(self) -> str:
        """What Wilcoxon's test says, and where it stops."""
        c, on = self.comparison, f"these {count(self.comparison.n_tasks, 'task')}".replace("these 1 task", "this task")
        if c.n_groups < 2:
            return f"One {'task' if c.n_tasks == 1 else 'group of tasks'} cannot show which is better in general."
        if c.verdict == 0:
            return f"{self.first} and {self.second} cannot be told apart on {on}."
        better, worse = (self.first, self.second) if c.verdict > 0 else (self.second, self.first)
        return f"{better} is better than {worse} on {on}."

    def _median(self) -> str:
        value, low, high = self.difference
        if np.isnan(value):
            return ""
        digits = 3 if max(map(abs, self.difference)) < 0.0995 else 2
        if value < 0:  # told from the side that it speaks for
            value, low, high = -value, -high, -low
        whom = f" in favour of {self.second if self.difference[0] < 0 else self.first}" if value else ""
        return f"median difference {decimals(value, digits)} of the range{whom} {interval((low, high), digits)}".strip()

    def _values(self) -> list[str]:
        """What both reached on a single task, in its own direction and unit: medians over seeds."""
        s = self.summary.scores
        if len(s.pool.tasks) > 1:
            return []
        shown, places = units.of(s, 0), (self.comparison.first, self.comparison.second)
        medians = [float(shown.of(s.medians_OTB[o, 0, -1])) for o in places]
        write = together(medians, shown.larger)
        first, second = (write(x) if np.isfinite(x) else "no result" for x in medians)
        return [f"{shown.directed}: {self.first} {first}, {self.second} {second} (medians over seeds)"]

    def _chances(self) -> str:
        if np.isnan(self.probabilities).any():
            return ""
        first, same, second = map(chance, self.probabilities)
        return (f"P({self.first} better) {first}   P(equivalent within {self.rope:g}) {same}   "
                f"P({self.second} better) {second}")  # fmt: skip

    def _wilcoxon(self) -> str:
        return f"Wilcoxon {p_equals(self.comparison.p, ALPHA)}" if self.comparison.n_groups > 1 else "no test"

    def _gaps(self) -> list[str]:
        n, n_tasks = self.n_normalised, self.comparison.n_tasks
        hint = "   (carps-lite references)"
        if n == n_tasks:
            return []
        if n == 0:
            return [f"No task here has references to normalise by, so that there is no difference to state{hint}"]
        verb = "has" if n == 1 else "have"
        return [f"{n} of {n_tasks} tasks {verb} references to normalise by; the difference is of these{hint}"]


def compare(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    first: str,
    second: str,
    choice: Choice = EVERYTHING,
    budget: Budget | str | float | None = None,
    impossible: Collection[tuple[str, str]] = (),
    rope: float = ROPE,
) -> Duel:
    """Compare two optimizers: their ids, or names as the report has them (`tpe [4 workers]`), at a budget.

    `choice` restricts tasks, seeds and workers. Raises InputError where one of the names stands for none or for
    several, or where no task was run by both.
    """
    wanted = [_bare(first), _bare(second)]
    cells, _ = select(runs, replace(choice, optimizers=list(dict.fromkeys(wanted))), impossible)
    names = [_entrant(name, bare, cells) for name, bare in zip((first, second), wanted, strict=True)]
    if names[0] == names[1]:
        raise InputError(f"compare takes two different optimizers, got {first!r} and {second!r}")
    of = [set(cells.loc[cells["entrant"] == name, "run"]) for name in names]
    chosen = runs[runs["run"].isin(of[0] | of[1])]
    s = summarise(chosen, table, replace(choice, optimizers=None), budget, impossible=impossible)
    if s.ranking is None:
        raise InputError(f"neither {names[0]} nor {names[1]} has a valid result to compare")
    owners = dict(zip(s.pool.runs["run"], s.pool.runs["entrant"], strict=True))
    a, b = (s.pool.names.index(next(owners[run] for run in own if run in owners)) for own in of)
    return _duel((names[0], names[1]), s, a, b, rope)


def _duel(names: tuple[str, str], s: Summary, a: int, b: int, rope: float) -> Duel:
    assert s.ranking is not None
    both = s.pool.ran_OT[a] & s.pool.ran_OT[b]
    regret_OT = seed_means(s.scores.normalised_OTS)
    used = both & ~np.isnan(regret_OT[a]) & ~np.isnan(regret_OT[b])
    groups = [g for g, use in zip(s.pool.groups, used, strict=True) if use]
    nothing = (np.nan, np.nan, np.nan), np.full(3, np.nan)
    difference, probabilities = nothing
    if used.any():
        gains = effects.over_groups(effects.difference(regret_OT[b][used], regret_OT[a][used]), groups)
        difference = effects.paired_difference(gains)
        probabilities = bayes.compare([-gains], rope)[0]
    comparison = s.ranking.between(a, b)
    return Duel(*names, s, comparison, difference, probabilities, rope, int(used.sum()), len(set(groups)))


def _entrant(name: str, optimizer: str, cells: pd.DataFrame) -> str:
    """The one entrant that a name stands for."""
    entrants = sorted(set(cells["entrant"]))
    if name in entrants:
        return name
    found = sorted(set(cells.loc[cells["optimizer"] == optimizer, "entrant"])) or [
        e for e in entrants if e.startswith(f"{optimizer}/")
    ]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise InputError(f"no runs of {name!r} on the tasks that are compared; there are {listing(entrants)}")
    raise InputError(f"{name!r} stands for {listing(found)}: name one of them, or choose n_workers=")


def _bare(name: str) -> str:
    """The optimizer's id in an entrant's name."""
    return name.removesuffix(" (stale)").partition(" [")[0]
