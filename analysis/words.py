"""The sentences of a report, as pure functions of its statistics: each says what the numbers bear out, and stops there.

`better` is said of two optimizers only where the Holm-corrected p of their paired test is at most 5 %; `first` and
`second` only speak of mean ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carps_lite.analysis.numbers import chance, count, fixed, interval, listing, p_at_most, p_equals, p_value
from carps_lite.analysis.ranking import ALPHA, Ranking
from carps_lite.analysis.stats import smallest_p, tasks_needed


@dataclass(frozen=True)
class Tally:
    """How the runs of a pool went, per entrant: planned = done + failed + missing; `no_result` are among the done."""

    names: tuple[str, ...]
    done: tuple[int, ...]
    failed: tuple[int, ...]
    missing: tuple[int, ...]
    no_result: tuple[int, ...]

    @property
    def planned(self) -> int:
        """Cells of the grid."""
        return sum(self.done) + sum(self.failed) + sum(self.missing)


def headline(r: Ranking, when: str, incomplete: bool = False) -> str:
    """The answer in one sentence. `when`: "30 evaluations"; `incomplete`: some runs are missing."""
    first, *others = r.order
    begin = f"{'So far, after' if incomplete else 'After'} {when}, "
    level = [o for o in others if np.isclose(r.mean_ranks[o], r.mean_ranks[first])]
    if len(r.names) == 2:
        return begin + _of_two(r, first, others[0], bool(level))
    on = f"of {len(r.names)} optimizers on {tasks_text(r)}"
    if len(level) == len(others):
        return f"{begin}all {len(r.names)} optimizers have the same mean rank on {tasks_text(r)}."
    if level:
        return f"{begin}{_names(r, [first, *level])} share the best mean rank {on}."
    beats = [r.between(first, o).verdict for o in others]
    if all(v == 1 for v in beats):
        return f"{begin}{r.names[first]} is the best {on}."
    doubt = [o for o, v in zip(others, beats, strict=True) if v == 0]
    loses = [o for o, v in zip(others, beats, strict=True) if v == -1]
    text = f"{begin}{r.names[first]} ranks first {on}"
    if r.n_groups > 1 and doubt:
        whom = "any other" if len(doubt) == len(others) else _names(r, doubt, "or")
        text += f", but cannot be told apart from {whom}"
    if loses:
        text += f", although {_names(r, loses)} {'is' if len(loses) == 1 else 'are'} better in direct comparison"
    return text + "."


def evidence(r: Ranking) -> str:
    """The numbers behind the headline: the first's mean rank with its interval, and its p values against the others."""
    first, *others = r.order
    text = f"mean rank {fixed(r.mean_ranks[first])}"
    if np.isfinite(r.seed_intervals[first, 0]):
        text += f" {interval(r.seed_intervals[first])}"
    if len(others) == 1:
        text += f" against {fixed(r.mean_ranks[others[0]])}"
    if r.n_groups < 2:
        return text
    worst = max(r.between(first, o).p_holm for o in others)
    if len(others) == 1:
        return f"{text}; {p_equals(worst)}"
    return f"{text}; {p_at_most(worst)} against each" if worst <= ALPHA else text


def runner_up(r: Ranking) -> str:
    """Who comes second, and which pairs stay open. Empty for two optimizers."""
    order = r.order
    if len(order) < 3:
        return ""
    parts = []
    alone = all(not np.isclose(r.mean_ranks[order[1]], r.mean_ranks[order[i]]) for i in (0, 2))
    if alone:
        parts.append(f"{r.names[order[1]]} is second ({fixed(r.mean_ranks[order[1]])})")
    if r.n_groups > 1:
        parts.append(_open_pairs(r))
    return "; ".join(parts) + "." if parts else ""


def outlook(r: Ranking) -> str:
    """Whether the first would be first again. Empty where a bootstrap has nothing to draw from."""
    first = r.order[0]
    if not r.p_best_over or not np.isfinite(r.p_best[first]):
        return ""
    likely = chance(r.p_best[first])
    other = (
        f"With other seeds on {tasks_text(r)}" if r.p_best_over == "seeds" else "On as many other tasks of this kind"
    )
    few = r.p_best_over == "tasks" and r.n_groups < 6
    rough = f", roughly, for {count(r.n_groups, 'group')} of tasks are few" if few else ""
    return f"{other}, {r.names[first]} would have the best mean rank with probability {likely}{rough}."


def limits(r: Ranking) -> str:
    """What so few tasks or seeds cannot show. Empty where there is no such limit to state."""
    n_pairs = len(r.comparisons)
    family = f" after Holm's correction for {n_pairs} pairs" if n_pairs > 1 else ""
    parts = []
    if r.n_groups < 2:
        parts.append(
            f"One {'task' if r.n_tasks == 1 else 'group of tasks'} cannot show which optimizer is better in general."
        )
    elif smallest_p(r.n_groups, n_pairs) > ALPHA:
        blocks = count(r.n_tasks, "task") if r.n_groups == r.n_tasks else f"{r.n_groups} independent groups of tasks"
        parts.append(
            f"{blocks} cannot show any difference at the 5 % level{family}: the smallest p they allow is "
            f"{p_value(smallest_p(r.n_groups, n_pairs))}, and it takes {tasks_needed(n_pairs)}."
        )
    if r.n_seeds[0] == 1:
        who = "Every optimizer" if r.n_seeds[1] == 1 else "An optimizer"
        parts.append(f"{who} has one seed only, so that nothing is known of how much its runs vary.")
    return " ".join(parts)


def failures(t: Tally) -> list[str]:
    """One sentence each on failed runs, missing ones, and finished ones without a result."""
    sentences = []
    kinds = ((t.failed, ("failed", "failed")), (t.missing, ("is missing", "are missing")))
    for counts, verbs in kinds:
        if n := sum(counts):
            subject = f"{n:,} of {t.planned:,} runs {verbs[n > 1]}"
            sentences.append(f"{subject} and {_rule(n)}: {_by(t.names, counts)}.")
    if n := sum(t.no_result):
        subject = f"{count(n, 'finished run')} found no valid result"
        sentences.append(f"{subject} and {_rule(n)}: {_by(t.names, t.no_result)}.")
    return sentences


def empty_handed(names: Sequence[str], successful: Sequence[str]) -> str:
    """Name those without any result, where there are several others to compare."""
    without = [name for name in names if name not in successful]
    if not without or len(successful) < 2:
        return ""
    return f"{listing(without)} {'has' if len(without) == 1 else 'have'} no valid result on any task."


def sole_survivor(name: str, names: Sequence[str], when: str) -> str:
    """The answer where a single one has results."""
    others = [other for other in names if other != name]
    return f"After {when}, only {name} has results: no run of {listing(others, 'or')} has any."


def tasks_text(r: Ranking) -> str:
    """`these 12 tasks` or `this task`."""
    return "this task" if r.n_tasks == 1 else f"these {r.n_tasks} tasks"


def verdict(r: Ranking, a: int, b: int) -> str:
    """What is said of a against b: better, worse or open, with the corrected p; or why there is no test."""
    c = r.between(a, b)
    if c.n_tasks == 0:
        return "no common task"
    if c.n_groups < 2:
        return "not tested"
    return f"{ {1: 'better', 0: 'open', -1: 'worse'}[c.verdict] }, {p_equals(c.p_holm)}"


def _of_two(r: Ranking, a: int, b: int, level: bool) -> str:
    on, verdict_ab = tasks_text(r), r.between(a, b).verdict
    if r.n_groups > 1 and verdict_ab == 0:
        return f"{r.names[a]} and {r.names[b]} cannot be told apart on {on}."
    if level:
        return f"{r.names[a]} and {r.names[b]} have the same mean rank on {on}."
    if verdict_ab == 1:
        return f"{r.names[a]} is better than {r.names[b]} on {on}."
    also = f", although {r.names[b]} is better in direct comparison" if verdict_ab == -1 else ""
    return f"{r.names[a]} ranks before {r.names[b]} on {on}{also}."


def _open_pairs(r: Ranking) -> str:
    place = {o: i for i, o in enumerate(r.order)}
    told = sum(c.verdict != 0 for c in r.comparisons)
    pairs = [sorted((c.first, c.second), key=place.__getitem__) for c in r.comparisons if c.verdict == 0]
    pairs.sort(key=lambda pair: (place[pair[0]], place[pair[1]]))
    if not pairs:
        return f"all {len(r.comparisons)} pairs are told apart"
    if len(pairs) == 1:
        return f"whether {r.names[pairs[0][0]]} beats {r.names[pairs[0][1]]} stays open"
    text = f"of {len(r.comparisons)} pairs, {told or 'none'} {'is' if told < 2 else 'are'} told apart"
    if told and len(pairs) <= 4:
        text += f"; open: {listing([f'{r.names[a]} against {r.names[b]}' for a, b in pairs])}"
    return text


def _rule(n: int) -> str:
    return f"count{'s' if n == 1 else ''} as worse than any result on {'its task' if n == 1 else 'their tasks'}"


def _names(r: Ranking, which: Sequence[int], last: str = "and") -> str:
    return listing([r.names[o] for o in which], last, limit=5)


def _by(names: Sequence[str], counts: Sequence[int]) -> str:
    """`15 of cmaes, 2 of gp`."""
    return ", ".join(f"{n:,} of {name}" for name, n in zip(names, counts, strict=True) if n)
