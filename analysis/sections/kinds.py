"""Which optimizer for what: the ranking within each family, dimension, type and kind of space."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from carps_lite.analysis import grouping
from carps_lite.analysis.breakdown import Breakdown, by_label
from carps_lite.analysis.charts.group_ranks import group_ranks
from carps_lite.analysis.numbers import count, fixed, listing
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.summary import Summary

MOST = 12  # parts in one figure
FIRST = ("type", "family")  # what the top of the page speaks of
LABELS = {"kind": "type", "family": "family", "size": "number of parameters", "dimension": "dimension",
          "parameters": "kind of parameter", "objectives": "number of objectives", "fidelity": "fidelity",
          "budget": "budget"}  # fmt: skip
SHOWN = {("kind", "bb"): "one objective", ("kind", "mf"): "several fidelities", ("kind", "mo"): "several objectives",
         ("kind", "momf"): "several objectives and fidelities", ("fidelity", "none"): "no fidelity"}  # fmt: skip


def build(s: Summary) -> Section | None:
    """Compare within each label of the tasks that has at least two values; None where none has."""
    if s.ranking is None:
        return None
    found = {what: _compare(s, labels) for what, labels in _labels(s).items()}
    if not found:
        return None
    blocks = [_figure(s, what, own) for what, own in found.items()]
    sentences = {what: _winners(s, what, own) for what, own in found.items()}
    answers = tuple(sentences[what] for what in FIRST if what in found and _differ(s, found[what]))
    return Section(
        "kinds", "Which optimizer for what", (*blocks, _table(s, found)), (*sentences.values(),), "", answers
    )


def _labels(s: Summary) -> dict[str, tuple[str, ...]]:
    """The labels by which tasks differ, but not those that part them as another one does already."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[tuple[int, ...]] = set()
    for key, what in LABELS.items():
        labels = s.pool.labels.get(key, ())
        first = {label: t for t, label in reversed(list(enumerate(labels)))}
        parts = tuple(first[label] for label in labels)
        if 1 < len(first) <= MOST and parts not in seen:
            found[what] = tuple(SHOWN.get((key, label), label) for label in labels)
            seen.add(parts)
    return found


def _compare(s: Summary, labels: tuple[str, ...]) -> Breakdown:
    order = s.order
    own = by_label(s.scores.final_OTS[order], s.ids, s.pool.groups, labels, s.pool.ran_OT[order], n=300)
    at = [own.labels.index(label) for label in grouping.order(own.labels)]
    by_part = ("n_tasks", "n_groups", "mean_ranks", "seed_intervals", "superiority", "p", "p_holm", "verdicts")
    labelled = own._replace(labels=tuple(own.labels[i] for i in at))
    return labelled._replace(**{name: getattr(own, name)[at] for name in by_part})


def leaders(own: Breakdown) -> list[tuple[int, ...]]:
    """Who has the best mean rank in each part; nobody where all are level, as where none has a result."""
    best = np.isclose(own.mean_ranks, own.mean_ranks.min(axis=1, keepdims=True))
    return [() if row.all() else tuple(np.flatnonzero(row).tolist()) for row in best]


def alone(own: Breakdown, part: int, o: int) -> bool:
    """Whether an optimizer is better than each other one in a part, by the corrected tests."""
    pairs = [(p, v if p[0] == o else -v) for p, v in zip(own.pairs, own.verdicts[part], strict=True) if o in p]
    return all(verdict == 1 for _, verdict in pairs)


def _differ(s: Summary, own: Breakdown) -> bool:
    """Whether any part has other leaders than the whole."""
    means = s.ranking.mean_ranks[s.order] if s.ranking else np.zeros(len(s.order))
    whole = tuple(np.flatnonzero(np.isclose(means, means.min())).tolist())
    return any(found not in ((), whole) for found in leaders(own))


def _winners(s: Summary, what: str, own: Breakdown) -> str:
    """Who leads in which part, parts with the same leader together, and where it is better than all by the test."""
    by: dict[tuple[int, ...], list[str]] = {}
    for i, (label, who) in enumerate(zip(own.labels, leaders(own), strict=True)):
        sure = len(who) == 1 and alone(own, i, who[0])
        by.setdefault(who, []).append(f"{label}{'*' if sure else ''}")
    said = [f"{_who(s, who)} on {listing(labels, limit=MOST)}" for who, labels in by.items()]
    star = " (*: better than every other there, by the test)" if any("*" in text for text in said) else ""
    if len(by) == 1:
        said = [f"{_who(s, next(iter(by)))} on each of {count(len(own.labels), 'part')}"]
        star = " (in some, better than every other by the test)" if star else ""
    return f"Best mean rank by {what}: {'; '.join(said)}{star or ' (nowhere better than every other by the test)'}."


def _who(s: Summary, who: tuple[int, ...]) -> str:
    if not who:
        return "nobody"
    return listing([s.names[o] for o in who]) + (" level" if len(who) > 1 else "")


def _figure(s: Summary, what: str, own: Breakdown) -> Figure:
    drawing = partial(
        group_ranks, own.mean_ranks, own.seed_intervals, own.labels, own.n_tasks.tolist(), s.names, s.looks
    )
    how = (
        f"Mean ranks by {what}, 1 is best, with 95 % intervals for other seeds on these tasks. Parts with few tasks "
        "say little about others of their kind."
    )
    return Figure(f"ranks_by_{what.replace(' ', '_')}", drawing, f"Mean ranks by {what}", how)


def _table(s: Summary, found: dict[str, Breakdown]) -> Table:
    rows = []
    for what, own in found.items():
        for i, label in enumerate(own.labels):
            better = [
                f"{s.names[a if v > 0 else b]} > {s.names[b if v > 0 else a]}"
                for (a, b), v in zip(own.pairs, own.verdicts[i], strict=True)
                if v
            ]
            told = listing(better, limit=4) if better else "no pair"
            rows.append((what, label, int(own.n_tasks[i]), int(own.n_groups[i]), *own.mean_ranks[i], told))
    frame = pd.DataFrame(rows, columns=["by", "part", "tasks", "groups", *s.names, "told apart"])
    how = (
        "Mean ranks in each part. Told apart: pairs whose Wilcoxon test over the part's groups of tasks has p ≤ 5 % "
        "after Holm's correction over all parts and pairs of one kind."
    )
    return Table("kinds", "In numbers", frame, how, dict.fromkeys(s.names, fixed), folded=True)
