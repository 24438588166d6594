"""Who complements whom: wins by family, the virtual best, and the smallest portfolio near it."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.charts.complementarity import contributions, portfolio, wins
from carps_lite.analysis.complementarity import (
    Portfolio,
    marginal_contributions,
    shapley_values,
    smallest_portfolio,
    virtual_best,
    winners,
)
from carps_lite.analysis.normalised import seed_means
from carps_lite.analysis.numbers import count, fixed, listing
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

WITHIN = 0.05  # of normalised regret
MOST_FAMILIES = 12


def build(s: Summary) -> Section | None:
    """Show wins and portfolios on the tasks that have references; None for one optimizer or no such task."""
    known = s.referenced
    if len(s.successful) < 2 or not known.any():
        return None
    scores_OT = seed_means(s.scores.normalised_OTS[s.order][:, known])
    families = [f for f, has in zip(s.pool.label("family"), known, strict=True) if has]
    found = smallest_portfolio(scores_OT, WITHIN)
    won = winners(np.where(_lost(s, known), np.inf, scores_OT))
    blocks = (
        _wins(s, won, families),
        _contributions(s, scores_OT),
        _portfolio(s, scores_OT),
        _table(s, scores_OT, won),
    )
    sentences = (_sentence(s, found), *s.regret_notes)
    return Section("together", "Who complements whom", blocks, sentences, s.caption_of(known))


def _lost(s: Summary, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether no run of an optimizer has a result on a task, so that it wins nothing there: (O, T)."""
    return np.asarray(~np.isfinite(s.scores.final_OTS[s.order][:, known]).any(axis=2))


def _sentence(s: Summary, p: Portfolio) -> str:
    members = listing([s.names[o] for o in p.members])
    who = f"{members} alone comes" if len(p.members) == 1 else f"{members} together come"
    how = "" if p.exact else " (found greedily)"
    return (
        f"{who} within {WITHIN:g} of what choosing the best optimizer for each task would give (mean regret "
        f"{fixed(p.mean, 3)} against {fixed(p.virtual_best, 3)}; the best single one {fixed(p.single_best, 3)}){how}."
    )


def _wins(s: Summary, won_OT: npt.NDArray[np.bool_], families: list[str]) -> Figure:
    share = won_OT / np.maximum(won_OT.sum(axis=0), 1)
    names = list(dict.fromkeys(families))
    if len(names) > MOST_FAMILIES:
        names, families = ["all tasks"], ["all tasks"] * len(families)
    table = np.array([share[:, [f == name for f in families]].sum(axis=1) for name in names])
    how = (
        "Tasks that an optimizer wins by its mean regret over seeds, by family; a shared win is split. A regret above "
        "1 counts as 1."
    )
    return Figure("wins", partial(wins, table, names, s.names, s.looks), "Wins by family", how, wide=False)


def _contributions(s: Summary, scores_OT: Array) -> Figure:
    drawing = partial(contributions, marginal_contributions(scores_OT), None, s.names, s.looks)
    how = "How much worse the best choice for each task would be without it; 0: the others do as well everywhere."
    return Figure("contributions", drawing, "Marginal contributions", how, wide=False)


def _portfolio(s: Summary, scores_OT: Array) -> Figure:
    order, gaps = _growing(scores_OT)
    drawing = partial(portfolio, gaps, [s.names[o] for o in order], s.looks, within=WITHIN)
    how = (
        "Mean regret above that of the best choice for each task, for portfolios that add the most useful optimizer at "
        f"each step; the line is {WITHIN:g}."
    )
    return Figure("portfolio", drawing, "Size of a portfolio and its gap", how, wide=False)


def _growing(scores_OT: Array) -> tuple[list[int], Array]:
    best = virtual_best(scores_OT).mean()
    order: list[int] = []
    gaps: list[float] = []
    current = np.full(scores_OT.shape[1], np.inf)
    while len(order) < len(scores_OT):
        means = [np.inf if o in order else np.minimum(current, scores_OT[o]).mean() for o in range(len(scores_OT))]
        order.append(int(np.argmin(means)))
        current = np.minimum(current, scores_OT[order[-1]])
        gaps.append(current.mean() - best)
    return order, np.array(gaps)


def _table(s: Summary, scores_OT: Array, won_OT: npt.NDArray[np.bool_]) -> Table:
    frame = pd.DataFrame(
        {
            "optimizer": s.names,
            "wins": (won_OT / np.maximum(won_OT.sum(axis=0), 1)).sum(axis=1),
            "mean regret": scores_OT.mean(axis=1),
            "marginal contribution": marginal_contributions(scores_OT),
            "Shapley value": shapley_values(scores_OT) if len(s.names) <= 12 else np.nan,
        }
    )
    hints = {"Shapley value": "its share in what the best choice for each task gains over regret 1"}
    how = f"On {count(scores_OT.shape[1], 'task')}; a win that several share is split."
    formats = dict.fromkeys(frame.columns[1:], lambda x: fixed(x, 3))
    return Table("complementarity", "In numbers", frame, how, formats, hints, folded=True)
