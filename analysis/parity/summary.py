"""One row for each task and format: all that a study found, as numbers; and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from carps_lite.analysis.parity.differences import Noise, Paired, noise, paired
from carps_lite.analysis.parity.observations import Observations
from carps_lite.analysis.parity.tuning import Ranking, Tuned, ranking, tuned
from carps_lite.analysis.stats import Array

Seconds = Mapping[str, Sequence[float]]  # of a full training, by format


class Found(NamedTuple):
    """What was found on one task: `noise` of 32 bits, and for each of the F formats the rest; `rope` in losses."""

    observations: Observations
    noise: Noise
    rope: float
    paired: list[Paired]
    ranking: list[Ranking]
    tuned: list[Tuned]
    bytes_ratio: Array
    seconds: Array
    peak_ratio: Array


@dataclass(frozen=True)
class Row:
    """A line of the table of results; losses in the task's unit, nan where there is nothing to say."""

    task: str
    format: str
    configurations: int
    seeds: int
    pairs: int  # in which this format and 32 bits both trained
    failures: str  # kinds of failure and how many of each
    missing: int
    seed_sd: float  # of 32 bits: median over configurations of the standard deviation over seeds
    seed_sd_pooled: float
    difference: float  # mean of the loss minus that of 32 bits, same configuration and seed
    difference_low: float  # 95 %, configurations and seeds resampled
    difference_high: float
    difference_in_sd: float
    absolute_difference: float
    largest_difference: float
    gap_of_two_seeds: float  # mean absolute difference of two seeds of 32 bits
    rope: float
    p_better: float
    p_equivalent: float
    p_worse: float
    state_bytes: float
    state_bytes_ratio: float
    seconds: float  # of a training of the default configuration
    seconds_ratio: float
    peak_bytes_ratio: float
    best_configuration: int
    rank_of_best_of_32: float
    tau: float
    tau_of_seeds: float
    tuned_loss: float
    tuned_difference: float  # tuned for this format minus tuned for 32 bits, test loss, seeds left out
    carried_difference: float  # with the optimum of 32 bits minus tuned for this format, the same


def analyse(observations: Observations, seconds: Seconds, rope: float) -> Found:
    """Turn the arrays of a task into numbers. `rope`: in standard deviations of the seed (its median)."""
    o = observations
    own_noise = noise(o.loss[0])
    width = rope * own_noise.median
    return Found(
        o,
        own_noise,
        width,
        [paired(own, o.loss[0], width, name) for name, own in zip(o.formats, o.loss, strict=True)],
        [ranking(own, o.loss[0]) for own in o.loss],
        tuned(o.loss, o.test),
        _ratios(o.state_bytes),
        np.array([min(seconds.get(name, ()), default=np.nan) for name in o.formats]),
        _ratios(o.peak_bytes),
    )


def row(found: Found, f: int) -> Row:
    """The line of the f-th format."""
    o, p, r, t = found.observations, found.paired[f], found.ranking[f], found.tuned[f]
    return Row(
        task=o.task,
        format=o.formats[f],
        configurations=o.shape[1],
        seeds=o.shape[2],
        pairs=p.n,
        failures=" ".join(f"{kind}:{n}" for kind, n in o.failures(f).items()),
        missing=o.missing(f),
        seed_sd=found.noise.median,
        seed_sd_pooled=found.noise.pooled,
        difference=p.mean,
        difference_low=float(p.interval[0]),
        difference_high=float(p.interval[1]),
        difference_in_sd=p.mean / found.noise.median if found.noise.median > 0 else np.nan,
        absolute_difference=p.absolute,
        largest_difference=p.largest,
        gap_of_two_seeds=found.noise.gap,
        rope=found.rope,
        p_better=float(p.probabilities[0]),
        p_equivalent=float(p.probabilities[1]),
        p_worse=float(p.probabilities[2]),
        state_bytes=_median(o.state_bytes[f]),
        state_bytes_ratio=float(found.bytes_ratio[f]),
        seconds=float(found.seconds[f]),
        seconds_ratio=float(found.seconds[f] / found.seconds[0]),
        peak_bytes_ratio=float(found.peak_ratio[f]),
        best_configuration=r.winner,
        rank_of_best_of_32=r.rank,
        tau=r.tau,
        tau_of_seeds=r.tau_seeds,
        tuned_loss=float(np.mean(t.own)),
        tuned_difference=float(np.mean(t.own - found.tuned[0].own)),
        carried_difference=float(np.mean(t.carried - t.own)),
    )


def rows(results: Sequence[Found]) -> list[Row]:
    """Every line of the table."""
    return [row(found, f) for found in results for f in range(len(found.observations.formats))]


def write_csv(lines: Sequence[Row], path: Path) -> None:
    """Write the table of results; what is nan is left empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows([_cell(x) for x in asdict(line).values()] for line in lines)


def write_trainings(results: Sequence[Found], path: Path) -> None:
    """Write one line a training: its losses, its bytes of state, or what it failed of."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["task", "format", "configuration", "seed", "loss", "test_loss", "state_bytes", "failure"])
        for found in results:
            o = found.observations
            for f, c, s in np.ndindex(o.shape):
                numbers = (o.loss[f, c, s], o.test[f, c, s], o.state_bytes[f, c, s])
                writer.writerow([o.task, o.formats[f], c, s, *(_cell(float(x)) for x in numbers), o.failure[f, c, s]])


def _cell(x: object) -> object:
    if not isinstance(x, float):
        return x
    return f"{x:.6g}" if np.isfinite(x) else ""


def _ratios(values_FCS: Array) -> Array:
    """Median over pairs of the ratio to the first format, (F,); nan where there is no pair."""
    return np.array([_median(own / values_FCS[0]) for own in values_FCS])


def _median(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else np.nan
