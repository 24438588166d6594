"""How fast: budgets to fixed targets, as COCO looks at it."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.charts.expected_runtimes import expected_runtimes as draw_runtimes
from carps_lite.analysis.charts.profiles import data_profile as draw_data_profile
from carps_lite.analysis.charts.profiles import ratio_profile
from carps_lite.analysis.charts.profiles import runtime_ecdf as draw_ecdf
from carps_lite.analysis.labels import short_tasks
from carps_lite.analysis.numbers import percent, value
from carps_lite.analysis.profiles import data_profile, performance_profile, ratio_scale
from carps_lite.analysis.ranking import thinned
from carps_lite.analysis.runtimes import aocc, expected_runtimes, runtime_ecdf, success_rates, times_to_target
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

BEST = 1e-3  # of normalised regret: the last target
N_TARGETS = 31
TARGETS = np.geomspace(1.0, BEST, N_TARGETS)
SHOWN = 0.1  # the target of the table and of the figure by task
RESAMPLES = 200


def build(s: Summary) -> Section | None:
    """Show runtimes to targets of normalised regret on the tasks that have references; None where none has."""
    known = s.referenced
    if not known.any() or not s.successful or not s.scores.budget > 0:
        return None
    regret = s.scores.normalised_OTSB[s.order][:, known]
    tasks = [t for t, has in zip(s.pool.tasks, known, strict=True) if has]
    groups = [g for g, has in zip(s.pool.groups, known, strict=True) if has]
    times = times_to_target(regret, s.scores.budgets, np.tile(TARGETS, (len(tasks), 1)))
    shown = times_to_target(regret, s.scores.budgets, np.full((len(tasks), 1), SHOWN))
    costs = expected_runtimes(times, s.scores.budget, s.ids, n=2).ert.reshape(len(s.names), -1)
    at_target = expected_runtimes(shown, s.scores.budget, s.ids, n=RESAMPLES)
    blocks: list[Figure | Table] = [_ecdf(s, times, groups), _ratios(s, costs)]
    if s.scores.axis in ("full", "trials"):
        blocks += _data(s, costs, known)
    blocks += [_by_task(s, at_target.ert[..., 0], tasks), _table(s, regret, times, shown, at_target.ert[..., 0], tasks)]
    scope = (
        f"Targets are fixed before any run: {N_TARGETS} values of normalised regret from 1 to {BEST:g}, evenly on a "
        "logarithmic scale. A run that does not reach one is charged its whole budget and no success."
    )
    return Section("targets", "How fast", tuple(blocks), (scope, *s.regret_notes), s.caption_of(known))


def _ecdf(s: Summary, times_OTSK: Array, groups: list[str]) -> Figure:
    at = s.scores.budgets[thinned(len(s.scores.budgets))]
    found = runtime_ecdf(times_OTSK, at, s.ids, groups, n=RESAMPLES)
    drawing = partial(draw_ecdf, at, found.values, found.seed_intervals, s.names, s.looks, xlabel=s.units)
    how = (
        "The share of (task, target) pairs that runs have reached within the budget below: higher, and further left, "
        "is better. Band: 95 % for other seeds."
    )
    return Figure("runtime_ecdf", drawing, "Runtime distribution over tasks and targets", how, wide=False)


def _ratios(s: Summary, costs_OP: Array) -> Figure:
    ratios = ratio_scale(costs_OP)
    drawing = partial(ratio_profile, ratios, performance_profile(costs_OP, ratios), s.names, s.looks)
    how = (
        "Performance profile (Dolan and Moré 2002): the share of (task, target) pairs whose expected runtime is at "
        "most so many times that of the fastest. At the left: how often the fastest; at the right: how much is "
        "reached at all. The factor depends on who is compared."
    )
    return Figure("performance_profile", drawing, "Performance profile of expected runtimes", how, wide=False)


def _data(s: Summary, costs_OP: Array, known: npt.NDArray[np.bool_]) -> list[Figure]:
    """The data profile over the tasks whose number of parameters is on record; nothing where it is of none."""
    labels = np.array(s.pool.labels.get("dimension", ("unknown",) * len(known)))[known]
    dims = np.repeat([float(d) if d.isdigit() else 0.0 for d in labels], N_TARGETS)
    if not (dims > 0).any():
        return []
    costs_OP, dims = costs_OP[:, dims > 0], dims[dims > 0]
    scaled = costs_OP / (dims + 1)
    finite = scaled[np.isfinite(scaled)]
    at = np.linspace(0, float(finite.max()) if len(finite) else 1.0, 120)
    drawing = partial(
        draw_data_profile, at, data_profile(costs_OP, dims, at), s.names, s.looks,
        xlabel=f"{s.units} / (dimension + 1)",
    )  # fmt: skip
    n = len(dims) // N_TARGETS
    rest = "" if n == known.sum() else f" On the {n} of {known.sum()} tasks whose dimension is on record."
    how = (
        "Data profile (Moré and Wild 2009): the share of (task, target) pairs reached within so many times dimension "
        f"+ 1 {s.units}. It depends on nobody else.{rest}"
    )
    return [Figure("data_profile", drawing, "Data profile", how, wide=False)]


def _by_task(s: Summary, ert_OT: Array, tasks: list[str]) -> Figure:
    drawing = partial(
        draw_runtimes, ert_OT, short_tasks(tasks), s.names, s.looks,
        xlabel=f"{s.units} expected to reach regret {SHOWN:g}",
    )  # fmt: skip
    how = (
        f"Expected runtime (ERT) to a normalised regret of {SHOWN:g}: the budgets of all runs over the number of runs "
        "that reached it. Further left is faster; at the right edge: no run got there."
    )
    return Figure("expected_runtimes", drawing, "Expected runtime by task", how)


def _table(s: Summary, regret: Array, times: Array, shown: Array, ert_OT: Array, tasks: list[str]) -> Table:
    clock = s.scores.axis in ("sim", "wall", "energy")
    area = aocc(np.where(regret <= 0, 1e-12, regret), s.scores.budgets, BEST, 1.0, carried=clock)
    rate = success_rates(shown)[..., 0]
    n = len(tasks)
    frame = pd.DataFrame(
        {
            "optimizer": np.repeat(s.names, n),
            "task": tasks * len(s.names),
            f"ERT to {SHOWN:g}": np.where(np.isfinite(ert_OT), ert_OT, np.nan).ravel(),
            "runs that reached it": rate.ravel(),
            "targets reached": success_rates(times).mean(axis=2).ravel(),
            "AOCC": np.nanmean(area, axis=2).ravel(),
        }
    )
    formats = {f"ERT to {SHOWN:g}": lambda x: value(x, 3), "AOCC": lambda x: f"{x:.3f}"}
    formats |= {"runs that reached it": percent, "targets reached": percent}
    how = (
        f"AOCC: area over the convergence curve between regrets 1 and {BEST:g} on a logarithmic scale, 1 is best, a "
        "failed run has 0. A dash: never reached."
    )
    return Table("targets", "By task, in numbers", frame, how, formats, folded=True)
