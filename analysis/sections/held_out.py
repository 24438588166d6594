"""What the recommendations were worth when they were evaluated again in full, on seeds that no run has tuned on."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from carps_lite.analysis.chances import expected_ranks
from carps_lite.analysis.heldout import held_out_OTS, recorded_on_test_data
from carps_lite.analysis.normalised import normalised
from carps_lite.analysis.numbers import count, fixed, listing, percent, value
from carps_lite.analysis.optimism import tuning_and_held_out
from carps_lite.analysis.pool import Cell
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary


def build(s: Summary) -> Section | None:
    """Compare tuning with held-out values; None where no run was evaluated again (`carps-lite evaluate`)."""
    if s.evaluated is None or s.evaluated.empty:
        return None
    held = held_out_OTS(s.scores, s.evaluated)[s.order]
    tuned = s.scores.final_OTS[s.order]
    again = (s.pool.cell_OTS[s.order] == Cell.DONE) & ~np.isnan(held)
    both = again & np.isfinite(held) & np.isfinite(tuned)
    if not again.any():
        return None
    blocks: list[Figure | Table] = [_by_optimizer(s, tuned, held, again), _by_task(s, tuned, held, both)]
    blocks += _test_scores(s)
    if (both & s.referenced[:, None]).any():
        blocks.insert(0, _figure(s, tuned, held, both))
    sentences = (*_sentences(s, tuned, held, again), *_ranks_sentence(s, tuned, held), *s.regret_notes)
    return Section("held-out", "Held-out values", tuple(blocks), sentences, s.caption_of(again.any(axis=(0, 2))))


def _sentences(s: Summary, tuned: Array, held: Array, again: npt.NDArray[np.bool_]) -> list[str]:
    """How many were evaluated again, how many were optimistic, and how many turned out to be worth nothing."""
    assert s.evaluated is not None
    done = int((s.pool.cell_OTS == Cell.DONE).sum())
    n_seeds = s.evaluated.groupby("run")["held_out_seed"].nunique()
    few = "" if n_seeds.min() == n_seeds.max() else f"{n_seeds.min()} to "
    seeds = f"{few}{count(int(n_seeds.max()), 'held-out seed')}"
    said = [f"The recommendations of {again.sum():,} of {count(done, 'finished run')} were evaluated again on {seeds}."]
    known = again & np.isfinite(tuned)
    lost = known & np.isinf(held)
    n, n_worse = int((known & ~lost).sum()), int(_worse(tuned, held, known & ~lost).sum())
    if n:
        said.append(
            f"In {n_worse:,} of {n:,} the held-out value is worse than the tuning value ({percent(n_worse / n)})."
        )
    if lost.any():
        verb = "recommendation is" if lost.sum() == 1 else "recommendations are"
        said.append(f"{lost.sum():,} {verb} worth nothing there: failed, or not within the constraints.")
    if s.scores.longer_OTS.any():
        longer = count(int(s.scores.longer_OTS.sum()), "run")
        said.append(f"{longer} went on beyond the budget compared here; what they recommend then is not counted.")
    return said


def _worse(tuned: Array, held: Array, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether the held-out value is the worse one, by more than rounding."""
    margin = 1e-9 * np.maximum(1.0, np.abs(np.where(known, tuned, 0.0)))
    return known & (np.where(known, held, 0.0) > np.where(known, tuned, 0.0) + margin)


def complete(s: Summary, held: Array) -> npt.NDArray[np.bool_]:
    """The tasks on which the recommendation of every finished run was evaluated again: (T,)."""
    open_OTS = (s.pool.cell_OTS[s.order] == Cell.DONE) & np.isnan(held)
    return np.asarray(~open_OTS.any(axis=(0, 2)))


def _ranks_sentence(s: Summary, tuned: Array, held: Array) -> list[str]:
    whole = complete(s, held)
    if len(s.names) < 2 or not whole.any():
        return []
    by_tuning, by_held_out = (expected_ranks(x[:, whole]).mean(axis=1) for x in (tuned, held))
    leads = [
        f"{_best(s, means)} by {what} values" for means, what in ((by_held_out, "held-out"), (by_tuning, "tuning"))
    ]
    return [f"Best mean rank on the {count(int(whole.sum()), 'task')} evaluated as a whole: {listing(leads)}."]


def _best(s: Summary, means: Array) -> str:
    best = np.flatnonzero(np.isclose(means, means.min()))
    return f"{listing([s.names[o] for o in best])} ({fixed(float(means.min()))})"


def _figure(s: Summary, tuned: Array, held: Array, both: npt.NDArray[np.bool_]) -> Figure:
    good, bad, known = s.pool.good_T, s.pool.bad_T, s.referenced
    x, y = (normalised(a, good, bad) for a in (tuned, held))
    shown = both & known[:, None]
    points = [(x[o][shown[o]], y[o][shown[o]]) for o in range(len(s.names))]
    how = (
        "Every run evaluated again as a point: normalised regret by its tuning value against that by its held-out "
        "value. Above the line the tuning value was too good. What is beyond 2 is drawn there."
    )
    drawing = partial(tuning_and_held_out, points, s.names, s.looks)
    caption = s.caption_of(shown.any(axis=(0, 2)))
    return Figure("held_out", drawing, "Tuning value against held-out value", how, wide=False, caption=caption)


def _by_optimizer(s: Summary, tuned: Array, held: Array, again: npt.NDArray[np.bool_]) -> Table:
    whole, known = complete(s, held), again & np.isfinite(tuned)
    good, bad = s.pool.good_T, s.pool.bad_T
    excess = normalised(held, good, bad) - normalised(np.where(known, tuned, 0.0), good, bad)
    finite = known & np.isfinite(held)
    ranks = [expected_ranks(x[:, whole]).mean(axis=1) if whole.any() else np.full(len(held), np.nan)
             for x in (tuned, held)]  # fmt: skip
    worse = _worse(tuned, held, finite).sum(axis=(1, 2))
    n = finite.sum(axis=(1, 2))
    frame = pd.DataFrame(
        {
            "optimizer": s.names,
            "evaluated again": again.sum(axis=(1, 2)),
            "worth nothing": (known & np.isinf(held)).sum(axis=(1, 2)),
            "held-out worse": np.divide(worse, n, out=np.full(len(n), np.nan), where=n > 0),
            "median excess": [_median(x[f & np.isfinite(x)]) for x, f in zip(excess, finite, strict=True)],
            "rank, tuning": ranks[0],
            "rank, held-out": ranks[1],
        }
    )
    formats = {"held-out worse": percent, "median excess": lambda x: value(x, 2)}
    formats |= {"rank, tuning": fixed, "rank, held-out": fixed}
    how = (
        "Excess: normalised regret by the held-out value minus that by the tuning value, the median over runs; above "
        "0, the tuning value was too good. Ranks are means over the tasks on which every finished run was evaluated "
        "again; a dash: there is none."
    )
    return Table("held_out", "By optimizer", frame, how, formats)


def _by_task(s: Summary, tuned: Array, held: Array, both: npt.NDArray[np.bool_]) -> Table:
    rows = [
        (
            s.pool.tasks[t],
            shown.directed,
            s.names[o],
            int(own.sum()),
            *(float(shown.of(_median(values[o, t][own]))) for values in (tuned, held)),
        )
        for t in range(len(s.pool.tasks))
        for shown in [s.pool.measures[t].metric_shown]
        for o in range(len(s.names))
        if (own := both[o, t]).any()
    ]
    frame = pd.DataFrame(rows, columns=["task", "measure", "optimizer", "runs", "tuning value", "held-out value"])
    how = (
        "Medians over the runs whose recommendation has both values, in the task's own measure; ↑: larger is better, "
        "↓: smaller is better."
    )
    formats = dict.fromkeys(("tuning value", "held-out value"), lambda x: value(x, 4))
    return Table("held_out_by_task", "By task", frame, how, formats, folded=True)


def _test_scores(s: Summary) -> list[Figure | Table]:
    """What the tasks recorded on data that no trial's value depends on; none where no task does."""
    assert s.evaluated is not None
    found = recorded_on_test_data(s.scores, s.evaluated)
    if found.empty:
        return []
    place = {o: i for i, o in enumerate(s.order)}
    frame = found.assign(optimizer=[s.names[place[o]] for o in found["entrant"]], place=found["entrant"].map(place))
    frame = frame.sort_values(["task", "score", "place"], kind="stable")
    how = (
        "What the task measured on its test data, which no optimizer saw, when the recommendation was evaluated again: "
        "the median over runs of the mean over held-out seeds, as the task records it."
    )
    columns = ["task", "score", "optimizer", "runs", "median"]
    formats = {"median": lambda x: value(x, 4)}
    return [Table("test_scores", "Test scores", frame[columns], how, formats, folded=True)]


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
