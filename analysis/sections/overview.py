"""All results at a glance: a heat map of tasks and optimizers, and every run as a point."""

from __future__ import annotations

from functools import partial

import numpy as np

from carps_lite.analysis.charts.final_scores import final_scores
from carps_lite.analysis.charts.score_map import score_map
from carps_lite.analysis.labels import short_tasks
from carps_lite.analysis.normalised import bounded, seed_means
from carps_lite.analysis.numbers import value
from carps_lite.analysis.sections.section import Figure, Section
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

FARTHEST = 2.0  # normalised regret at the right edge of the figure of runs


def build(s: Summary) -> Section | None:
    """Draw the map, by normalised regret where tasks have references and by ranks else; None without a ranking."""
    if s.ranking is None:
        return None
    blocks = [_map(s)]
    if s.referenced.any():
        blocks.append(_runs(s))
    return Section("overview", "All results at a glance", tuple(blocks), s.regret_notes if s.referenced.any() else ())


def _map(s: Summary) -> Figure:
    known = s.referenced
    by_regret = bool(known.all())
    ranks_OT = s.ranking.ranks_OT[s.order] if s.ranking else np.empty((0, 0))
    if by_regret:
        written = seed_means(s.scores.normalised_OTSB[s.order][..., -1])
        shades, note = 1 - np.clip(written, 0, 1), "mean normalised regret; deeper is better, bold is best"
    else:
        written = ranks_OT
        shades = 1 - (ranks_OT - 1) / max(1, len(s.names) - 1)
        note = "rank on the task; deeper is better, bold is best"
    lost = ~np.isfinite(s.scores.final_OTS[s.order]).any(axis=2)
    never = ~s.pool.ran_OT[s.order]
    cells = np.where(never, np.nan, np.where(lost, np.inf, written))
    drawing = partial(
        score_map, cells.T, np.where(np.isfinite(cells), shades, 0.0).T, short_tasks(s.pool.tasks), s.names, s.looks,
        note=note, write=lambda x: value(x, 2),
    )  # fmt: skip
    how = (
        "A row is a task, a column an optimizer. "
        + (
            "0 is the optimum or the best known, 1 a random search of a small budget, or worse. "
            if by_regret
            else "1 is the best rank. "
        )
        + "A dash: never run; failed: no run has a result."
    )
    return Figure("score_map", drawing, "Heat map of all results", how)


def _runs(s: Summary) -> Figure:
    final = s.scores.normalised_OTS[s.order][:, s.referenced]
    runs = [np.where(np.isinf(x), x, np.minimum(x, FARTHEST)) for x in (own[~np.isnan(own)] for own in final)]
    quartiles = np.array([_quartiles(own) for own in runs])
    drawing = partial(final_scores, runs, quartiles, s.names, s.looks, xlabel="normalised regret of every run")
    how = (
        f"Every run with a result as a point, what is beyond {FARTHEST:g} at {FARTHEST:g}, over the box from the "
        "first to the third quartile with the median, for which a run without a result, or worse than 1, counts as 1."
    )
    return Figure("final_scores", drawing, "Every run", how, caption=s.caption_of(s.referenced))


def _quartiles(values: Array) -> Array:
    """First quartile, median and third of all runs, a lost one counting as 1."""
    return np.quantile(bounded(values), [0.25, 0.5, 0.75]) if len(values) else np.full(3, np.nan)
