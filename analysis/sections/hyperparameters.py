"""How much hyperparameters matter on a task, and where good configurations lie, seen through random search's trials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import orjson
import pandas as pd

from carps_lite.analysis.charts.importance import importance as draw_importance
from carps_lite.analysis.charts.parallel_coordinates import parallel_coordinates
from carps_lite.analysis.charts.parameters import Parameter, places
from carps_lite.analysis.charts.slices import slices
from carps_lite.analysis.numbers import count, fixed, percent, value
from carps_lite.analysis.robustness import Importance, fanova, permutation_importance, spread
from carps_lite.analysis.scores import full_fidelities
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary
from carps_lite.shown import Shown

LEAST = 60  # trials of random search on a task, without which nothing is said
MOST = 400  # trials that importance is computed from, and that are drawn
MOST_PARAMETERS = 20
MOST_TASKS = 12  # in the tables; the first of each group first
DRAWN = 2  # tasks with figures

NO_CONFIG = "{}"  # of an archive that was written without configurations


@dataclass(frozen=True)
class Sample:
    """Random search's full-fidelity trials on one task: values in the parameters' own units and the first objective."""

    task: str
    parameters: tuple[Parameter, ...]
    values_ND: Array
    y_N: Array  # infinite where the trial failed
    regret_N: Array
    shown: Shown  # how it is shown

    @property
    def cube_ND(self) -> Array:
        """The configurations in the unit cube, nan for inactive parameters."""
        cube = [places(self.values_ND[:, d], p) for d, p in enumerate(self.parameters)]
        return np.clip(np.stack(cube, axis=1), 0.0, 1.0)  # a bound may be missed by rounding


def build(s: Summary) -> Section | None:
    """Describe the tasks on which random search has enough trials with configurations; None where there is none."""
    samples = _samples(s)
    if not samples:
        return None
    found = [_importance(sample) for sample in samples]
    blocks: list[Figure | Table] = [_spread_table(samples), _importance_table(samples, found)]
    for number, (sample, own) in enumerate(zip(samples[:DRAWN], found, strict=False), 1):
        blocks += _drawn(sample, own, number)
    scope = "From the configurations that random search drew, which favour no part of the space" + (
        f"; on the first {len(samples)} tasks, groups in turn." if len(samples) == MOST_TASKS else "."
    )
    return Section("hyperparameters", "What hyperparameters do", tuple(blocks), (scope,), _caption(samples))


def _caption(samples: list[Sample]) -> str:
    n, failed = (sum(f(x.y_N) for x in samples) for f in (len, lambda y: int(np.isinf(y).sum())))
    trials = f"{count(n, 'trial')} of random search at full fidelity"
    return f"{count(len(samples), 'task')}, {trials}, {percent(failed / n) if failed else 'none'} failed"


def _importance(sample: Sample) -> tuple[Importance, Importance]:
    x, y = sample.cube_ND[:MOST], _tamed(sample.y_N[:MOST])
    return fanova(x, y), permutation_importance(x, y)


def _tamed(y: Array) -> Array:
    """Values cut off at their 95 % quantile, above which one disaster would be all of the variance."""
    finite = y[np.isfinite(y)]
    return np.minimum(y, np.quantile(finite, 0.95)) if len(finite) else y


def _samples(s: Summary) -> list[Sample]:
    runs = s.pool.runs
    own = runs[(runs["optimizer"].astype(str) == "random") & (runs["state"] == "done")]
    if own.empty or s.configs is None or "config" not in s.configs:
        return []
    configs = s.configs[s.configs["config"] != NO_CONFIG]
    trials = s.table[s.table["run"].isin(own["run"])].merge(configs, on=["run", "ask"])
    full = trials["run"].map(full_fidelities(own))
    trials = trials[trials["fidelity"].isna() | (trials["fidelity"] >= full)]
    task_of = dict(zip(own["run"], own["task"], strict=True))
    by_task = dict(iter(trials.groupby(trials["run"].map(task_of), sort=False)))
    found: list[Sample] = []
    for t in _in_turn(s.pool.groups):
        task = s.pool.tasks[t]
        if task in by_task and len(by_task[task]) >= LEAST and len(found) < MOST_TASKS:
            header = own.loc[own["task"] == task, "header"].iloc[0]
            sample = _sample(s, t, by_task[task], header)
            found += [sample] if sample is not None else []
    return found


def _in_turn(groups: tuple[str, ...]) -> list[int]:
    """The first task of every group, then the second, and so on."""
    seen: dict[str, int] = {}
    keys = []
    for t, group in enumerate(groups):
        seen[group] = seen.get(group, 0) + 1
        keys.append((seen[group], t))
    return [t for _, t in sorted(keys)]


def _sample(s: Summary, t: int, trials: pd.DataFrame, header: dict[str, object]) -> Sample | None:
    problem = header.get("problem")
    space = problem.get("space") if isinstance(problem, dict) else None
    if not space or trials["config"].isna().any():
        return None
    parameters = tuple(p for p in map(_parameter, space.items()) if p is not None)
    if not 1 <= len(parameters) <= MOST_PARAMETERS:
        return None
    configs = [orjson.loads(text) for text in trials["config"]]
    values = np.array([[_number(config.get(p.name), p) for p in parameters] for config in configs], dtype=float)
    y = np.where(trials["failure"].isna(), trials["value"].to_numpy(dtype=float), np.inf)
    y = np.where(np.isnan(y), np.inf, y)
    good, bad = s.pool.good_T[t], s.pool.bad_T[t]
    regret = (y - good) / (bad - good) if not s.pool.measures[t].several else np.full(len(y), np.nan)
    if np.isfinite(y).sum() < LEAST // 2:
        return None
    return Sample(s.pool.tasks[t], parameters, values, y, regret, s.pool.measures[t].objectives_shown[0])


def _parameter(item: tuple[str, dict[str, object]]) -> Parameter | None:
    name, given = item
    if given["kind"] in ("float", "int"):
        return Parameter(name, float(given["low"]), float(given["high"]), bool(given.get("log", False)))  # type: ignore[arg-type]
    choices = given.get("choices") or ()
    return Parameter(name, choices=tuple(str(c) for c in choices)) if choices else None  # type: ignore[attr-defined]


def _number(x: object, p: Parameter) -> float:
    if x is None:
        return np.nan
    return float(p.choices.index(str(x))) if p.choices else float(x)  # type: ignore[arg-type]


def _spread_table(samples: list[Sample]) -> Table:
    found = spread([np.where(np.isnan(x.regret_N), np.inf, x.regret_N) for x in samples])
    known = np.array([np.isfinite(x.regret_N).any() for x in samples])
    frame = pd.DataFrame(
        {
            "task": [x.task for x in samples],
            "trials": found.n,
            "failed": [float(np.isinf(x.y_N).mean()) for x in samples],
            **{
                name: np.where(known, found.quantiles[:, i], np.nan)
                for i, name in enumerate(("best 5 %", "best quarter", "median", "worst quarter", "worst 5 %"))
            },
        }
    ).replace(np.inf, np.nan)
    how = (
        "Normalised regret of single random configurations, at quantiles: a small step from the median to the best 5 "
        "% is a task on which tuning matters little. A dash: no references, or so many trials failed."
    )
    formats = dict.fromkeys(frame.columns[3:], lambda x: value(x, 3)) | {"failed": percent}
    return Table("robustness", "How much the configuration matters", frame, how, formats)


def _importance_table(samples: list[Sample], found: list[tuple[Importance, Importance]]) -> Table:
    rows = [
        (x.task, p.name, own.values[d], shuffled.values[d], own.r2)
        for x, (own, shuffled) in zip(samples, found, strict=True)
        for d, p in enumerate(x.parameters)
    ]
    columns = ["task", "hyperparameter", "fANOVA", "permutation", "R² of the forest"]
    frame = pd.DataFrame(rows, columns=columns)
    how = (
        "fANOVA: share of the forest's variance that the hyperparameter explains alone (Hutter, Hoos and Leyton-Brown "
        "2014). Permutation: by how much R² on unseen configurations falls when it is shuffled. Values above the 95 % "
        "quantile count as that. Where R² is near 0 or below, neither says anything."
    )
    return Table(
        "importance",
        "Which hyperparameters matter",
        frame,
        how,
        dict.fromkeys(columns[2:], fixed),
        folded=True,
    )


def _drawn(sample: Sample, found: tuple[Importance, Importance], number: int) -> list[Figure]:
    own, _ = found
    names = [p.name for p in sample.parameters]
    bars = partial(draw_importance, own.values, None, names, xlabel="share of variance explained (fANOVA)")
    where, caption = f"on {sample.task}", _caption([sample])
    y = np.where(np.isinf(sample.y_N), np.nan, sample.y_N)[:MOST]
    which = "Every random configuration" if len(sample.y_N) <= MOST else f"The first {MOST} random configurations"
    values, each = sample.values_ND[:MOST], " as a point" if len(sample.y_N) <= MOST else " as points"
    shown, measure = sample.shown, sample.shown.directed
    cloud = partial(slices, values, y, sample.parameters, ylabel=measure, shown=shown, log_y=shown.log)
    lines = partial(parallel_coordinates, values, y, sample.parameters, measure=measure, shown=shown)
    return [
        Figure(
            f"importance_{number}",
            bars,
            f"Importance of hyperparameters {where}",
            f"Hyperparameters {where}; on unseen configurations the forest has R² = {fixed(own.r2)}.",
            False,
            caption,
        ),
        Figure(
            f"slices_{number}",
            cloud,
            f"{shown.label} against each hyperparameter {where}",
            f"{which} {where}{each}, {shown.label} against each hyperparameter; ringed: the best of them.",
            caption=caption,
        ),
        Figure(
            f"parallel_{number}",
            lines,
            f"Configurations {where} as lines",
            f"{which} {where}{each.replace('point', 'line')} through the values; the deeper, the better.",
            caption=caption,
        ),
    ]
