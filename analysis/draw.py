"""Which figures a report has: arrays of a summary into plots, and plots into files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from carps_lite.analysis import figures, panels, plots, units
from carps_lite.analysis.labels import short_tasks
from carps_lite.analysis.numbers import p_equals
from carps_lite.analysis.ranking import Ranking, thinned
from carps_lite.analysis.summary import Summary

PANELS = 12  # tasks in one figure of incumbents


def draw(s: Summary, folder: Path, pdf: bool = True) -> dict[str, str]:
    """Draw every figure of a summary into a folder, with `pdf` as PDF too. Returns name -> SVG."""
    return {name: figures.save(make(), folder, name, pdf=pdf) for name, make in _drawings(s).items()}


def _drawings(s: Summary) -> dict[str, Callable[[], Axes]]:
    made: dict[str, Callable[[], Axes]] = {}
    if s.ranking:
        r, (index, means, bands) = s.ranking, s.anytime
        made["anytime_ranks"] = partial(
            plots.anytime_ranks, s.scores.budgets[index], means[s.order], bands[s.order], s.names, s.looks,
            xlabel=s.units, log=s.scores.logarithmic,
        )  # fmt: skip
        made["mean_ranks"] = partial(
            plots.mean_ranks, r.mean_ranks, r.seed_intervals, r.task_intervals, r.names, s.looks
        )
        made["pairs"] = partial(_pairs, s, r)
    if s.has_curves:
        n = len(s.pool.tasks)
        for number, part in enumerate(np.array_split(np.arange(n), -(-n // PANELS)), 1):
            made[f"incumbents_{number}"] = partial(_incumbents, s, part)
    return made


def _pairs(s: Summary, r: Ranking) -> Axes:
    n = len(s.order)
    chances, verdicts = np.full((n, n), np.nan), np.zeros((n, n), dtype=np.int64)
    notes = [[""] * n for _ in range(n)]
    for i, a in enumerate(s.order):
        for j, b in enumerate(s.order):
            if i != j:
                c = r.between(a, b)
                chances[i, j], verdicts[i, j] = c.superiority, c.verdict
                notes[i][j] = p_equals(c.p_holm) if c.n_groups > 1 else ""
    return plots.pairs(chances, verdicts, notes, s.names, s.looks)


def _incumbents(s: Summary, part: npt.NDArray[np.int64]) -> Axes:
    scores, pool = s.scores, s.pool
    shown = thinned(len(scores.budgets))
    curves = units.Bands(*(a[s.order][:, part][..., shown] for a in units.quartiles(scores)))
    titles, own = short_tasks(pool.tasks), {t: units.of(scores, t) for t in part.tolist()}
    tasks = [
        panels.Panel(titles[t], metric.directed, 0.0)
        if units.as_regret(scores, t)
        else panels.Panel(titles[t], metric.directed, best=units.best_known(scores, t))
        for t, metric in own.items()
    ]
    x = scores.budgets[shown]
    return panels.incumbents(x, curves, tasks, s.names, s.looks, xlabel=s.units, log=scores.logarithmic)[0]
