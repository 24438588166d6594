"""Which optimizer for what: the ranking within each family, dimension, type and kind of space."""

from __future__ import annotations

import numpy as np
import pandas as pd

from carps_lite.analysis.breakdown import Breakdown, by_label
from carps_lite.analysis.charts.group_ranks import group_ranks
from carps_lite.analysis.numbers import count, fixed, listing
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.summary import Summary

MOST = 12  # parts in one figure
LABELS = {"kind": "type", "family": "family", "size": "number of parameters", "dimension": "dimension",
          "parameters": "kind of parameter", "objectives": "number of objectives", "fidelity": "fidelity",
          "budget": "budget"}  # fmt: skip


def build(s: Summary) -> Section | None:
    """Compare within each label of the tasks that has at least two values; None where none has."""
    if s.ranking is None:
        return None
    found = {what: _compare(s, labels) for what, labels in _labels(s).items()}
    if not found:
        return None
    blocks = [_figure(s, what, own) for what, own in found.items()]
    return Section("kinds", "Which optimizer for what", (*blocks, _table(s, found)), tuple(_winners(s, found)))


def _labels(s: Summary) -> dict[str, tuple[str, ...]]:
    """The labels by which tasks differ, but not those that part them as another one does already."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[tuple[int, ...]] = set()
    for key, what in LABELS.items():
        labels = s.pool.labels.get(key, ())
        first = {label: t for t, label in reversed(list(enumerate(labels)))}
        parts = tuple(first[label] for label in labels)
        if 1 < len(first) <= MOST and parts not in seen:
            found[what] = labels
            seen.add(parts)
    return found


def _compare(s: Summary, labels: tuple[str, ...]) -> Breakdown:
    order = s.order
    return by_label(s.scores.final_OTS[order], s.ids, s.pool.groups, labels, s.pool.ran_OT[order], n=300)


def _winners(s: Summary, found: dict[str, Breakdown]) -> list[str]:
    """Who has the best mean rank in which part; parts with the same one together."""
    sentences = []
    for what, own in found.items():
        first = own.mean_ranks.argmin(axis=1)
        by = {o: [own.labels[i] for i in np.flatnonzero(first == o)] for o in dict.fromkeys(first.tolist())}
        said = [f"{s.names[o]} on {listing(labels)}" for o, labels in by.items()]
        if len(said) == 1:
            said = [f"{s.names[next(iter(by))]} on every one"]
        sentences.append(f"Best mean rank by {what}: {'; '.join(said)}.")
    return sentences


def _figure(s: Summary, what: str, own: Breakdown) -> Figure:
    axes = group_ranks(own.mean_ranks, own.seed_intervals, own.labels, own.n_tasks.tolist(), s.names, s.looks)[0]
    how = (
        f"Mean ranks by {what}, 1 is best, with 95 % intervals for other seeds on these tasks. Parts with few tasks "
        "say little about others of their kind."
    )
    return Figure(f"ranks_by_{what.replace(' ', '_')}", axes, f"Mean ranks by {what}", how)


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
            counts = f"{count(int(own.n_tasks[i]), 'task')}, {count(int(own.n_groups[i]), 'group')}"
            rows.append((what, label, counts, *own.mean_ranks[i], told))
    frame = pd.DataFrame(rows, columns=["by", "part", "on", *s.names, "told apart"])
    how = (
        "Mean ranks in each part. Told apart: pairs whose Wilcoxon test over the part's groups of tasks has p ≤ 5 % "
        "after Holm's correction over all parts and pairs of one kind."
    )
    return Table("kinds", "In numbers", frame, how, dict.fromkeys(s.names, fixed), folded=True)
