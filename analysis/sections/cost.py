"""What it cost, and what went wrong: seconds a trial and lost runs, drawn."""

from __future__ import annotations

from functools import partial

import numpy as np

from carps_lite.analysis.charts.failures import failure_kinds, failures
from carps_lite.analysis.charts.overhead import overhead
from carps_lite.analysis.sections.section import Figure, Section
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

MOST_KINDS = 8


def build(s: Summary) -> Section:
    """Draw seconds a trial of each optimizer and, where there are any, lost runs and failed trials."""
    blocks = [_overhead(s)]
    t = s.tally
    if sum(t.failed) + sum(t.missing) + sum(t.no_result):
        blocks.append(_failures(s))
    if len(s.failure_kinds):
        blocks.append(_kinds(s))
    return Section("cost", "Time and failures", tuple(blocks))


def _overhead(s: Summary) -> Figure:
    drawing = partial(overhead, seconds(s), s.names, s.looks)
    how = (
        "Left: seconds that the optimizer itself takes a trial, to ask and to be told; a power of ten is ten times as "
        "long. Right: what the time of a trial consists of. Measured while the runs were made, on whatever machine "
        "that was; not part of any ranking."
    )
    return Figure("overhead", drawing, "Seconds a trial", how)


def seconds(s: Summary) -> Array:
    """Seconds a trial to ask, to evaluate and to be told: (O, 3), best optimizer first; nan where unknown."""
    sums = s.pool.runs.groupby("entrant")[["ask_seconds", "seconds", "tell_seconds", "n_trials"]].sum().loc[s.names]
    ask, total, tell, n = (
        sums[c].to_numpy(dtype=float) for c in ("ask_seconds", "seconds", "tell_seconds", "n_trials")
    )
    parts = np.stack([ask, np.maximum(total - ask - tell, 0.0), tell], axis=1)
    out: Array = np.full_like(parts, np.nan)
    np.divide(parts, n[:, None], out=out, where=n[:, None] > 0)
    return out


def _failures(s: Summary) -> Figure:
    t = s.tally
    counts = np.array([t.done, t.failed, t.no_result, t.missing]).T[s.order]
    counts[:, 0] -= counts[:, 2]
    how = "Runs planned: the optimizer's seeds on every task compared. What is lost ranks behind every result."
    drawing = partial(failures, counts, s.names, s.looks)
    return Figure("failures", drawing, "What became of the runs", how, wide=False)


def _kinds(s: Summary) -> Figure:
    sums = s.failure_kinds.groupby("failure")["n"].sum().sort_values(ascending=False)
    kinds = [str(k) for k in sums.index[:MOST_KINDS]]
    table = s.failure_kinds.pivot_table(index="failure", columns="entrant", values="n", aggfunc="sum", fill_value=0)
    counts = table.reindex(index=kinds, columns=s.names, fill_value=0).to_numpy(dtype=np.int64)
    rest = f" {len(sums) - MOST_KINDS} further kinds are left out." if len(sums) > MOST_KINDS else ""
    how = f"Failed trials within the runs, by what they failed of.{rest}"
    shown = [(k.splitlines() or ["no reason recorded"])[0][:60] for k in kinds]
    return Figure(
        "failure_kinds", partial(failure_kinds, counts, shown, s.names, s.looks), "Why trials failed", how, wide=False
    )
