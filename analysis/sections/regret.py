"""How good, and not only who is ahead: normalised regret, in aggregates, over time and as a distribution of runs."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.aggregates import aggregates
from carps_lite.analysis.charts.aggregates import Aggregate
from carps_lite.analysis.charts.aggregates import aggregates as draw_aggregates
from carps_lite.analysis.charts.anytime_regret import anytime_regret
from carps_lite.analysis.charts.profiles import performance_profile
from carps_lite.analysis.normalised import bounded
from carps_lite.analysis.numbers import count, value
from carps_lite.analysis.profiles import score_profile
from carps_lite.analysis.ranking import thinned
from carps_lite.analysis.resampling import Estimate, estimate, mean
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

TITLES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}
RESAMPLES = 500
AT = np.geomspace(1e-4, 1.0, 81)  # of regret


def build(s: Summary) -> Section | None:
    """Show normalised regret on the tasks that have references; None where none has."""
    known = s.referenced
    if not known.any() or not s.successful:
        return None
    regret = s.scores.normalised_OTSB[s.order][:, known]
    groups = [g for g, has in zip(s.pool.groups, known, strict=True) if has]
    found = aggregates(regret[..., -1], s.ids, groups, n=RESAMPLES)
    blocks = (
        _aggregates(s, found),
        _over_time(s, regret, groups),
        _profile(s, regret[..., -1], groups),
        _table(s, found),
    )
    return Section("how-good", "How good", blocks, (_scope(known), *s.regret_notes), s.caption_of(known))


def _scope(known: npt.NDArray[np.bool_]) -> str:
    return (
        f"Normalised regret on {count(int(known.sum()), 'task')}: 0 is the optimum or the best known of a task, 1 what "
        "random search finds with a small budget, 100 evaluations on most tasks. Both are kept with the task, so that "
        "nobody's number depends on who is compared."
    )


def _aggregates(s: Summary, found: dict[str, Estimate]) -> Figure:
    panels = [
        Aggregate(TITLES[name], own.values, own.task_intervals if s.many_groups else own.seed_intervals)
        for name, own in found.items()
    ]
    drawing = partial(draw_aggregates, panels, s.names, s.looks)
    which = "other tasks of this kind and other seeds" if s.many_groups else "other seeds on these tasks"
    how = (
        "Normalised regret, lower is better. IQM: mean of the middle half of all runs, which neither a few disasters "
        "nor a few strokes of luck decide; median: over tasks of the mean over seeds; optimality gap: how much the "
        "runs miss 0, so that being better than the best known makes up for nothing. A run without a result, or worse "
        f"than 1, counts as 1. Bar: 95 % bootstrap interval for {which}{_none(found)}."
    )
    return Figure("aggregates", drawing, "Aggregates of normalised regret with intervals", how)


def _none(found: dict[str, Estimate]) -> str:
    bounds = [b for own in found.values() for b in (own.task_intervals, own.seed_intervals)]
    return "" if np.isfinite(bounds).any() else " (none here: it takes two seeds or two groups of tasks)"


def _over_time(s: Summary, regret: Array, groups: list[str]) -> Figure:
    shown = thinned(len(s.scores.budgets))
    curves = estimate(bounded(regret[..., shown]), s.ids, groups, mean, n=200)
    drawing = partial(
        anytime_regret, s.scores.budgets[shown], curves.values, curves.seed_intervals, s.names, s.looks,
        xlabel=s.units, ylabel="mean normalised regret",
        log_x=s.scores.logarithmic, log_y=bool((curves.values > 0).all()),
    )  # fmt: skip
    how = (
        "Mean over tasks and seeds of the regret that each run would have had, had the budget ended earlier; 1 before "
        "the first result and for a run that has none. Steps, lower is better. Band: 95 % for other seeds on these "
        "tasks."
    )
    return Figure("anytime_regret", drawing, "Mean normalised regret along the budget", how, wide=False)


def _profile(s: Summary, final_OTS: Array, groups: list[str]) -> Figure:
    curves = score_profile(final_OTS, AT, s.ids, groups, n=200)
    drawing = partial(performance_profile, AT, curves.values, curves.seed_intervals, s.names, s.looks, log_x=True)
    how = (
        "The share of runs whose regret is at most what stands below, higher is better. Where one curve lies above "
        "another all along, its optimizer is better whatever is aimed at; where they cross, it depends on the aim."
    )
    return Figure("score_profile", drawing, "Share of runs within a regret", how, wide=False)


def _table(s: Summary, found: dict[str, Estimate]) -> Table:
    columns: dict[str, object] = {"optimizer": s.names}
    for name, own in found.items():
        bounds = own.task_intervals if s.many_groups else own.seed_intervals
        columns |= {
            TITLES[name]: own.values,
            f"{TITLES[name]}, low": bounds[:, 0],
            f"{TITLES[name]}, high": bounds[:, 1],
        }
    frame = pd.DataFrame(columns)
    formats = dict.fromkeys(frame.columns[1:], lambda x: value(x, 3))
    return Table("aggregates", "The same in numbers", frame, "", formats, folded=True)
