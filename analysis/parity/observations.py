"""From the store's table to arrays: what every format made of the same configurations and seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from carps_lite.analysis.stats import Array

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("test_loss", "state_bytes", "train_seconds", "peak_bytes")


@dataclass(frozen=True)
class Observations:
    """The trainings of one task: arrays (F, C, S), nan where a training failed or was not made.

    `loss` validates and steers, `test` was only recorded, `state_bytes` were counted from the tensors, `seconds` are
    those of the training loop, `peak_bytes` the memory of a GPU. `failures`: how many trainings of each format failed
    of what (F mappings); `missing`: how many were not made, (F,).
    """

    task: str
    formats: tuple[str, ...]
    loss: Array
    test: Array
    state_bytes: Array
    seconds: Array
    peak_bytes: Array
    failures: tuple[Counter[str], ...]
    missing: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of formats, configurations and seeds."""
        f, c, s = self.loss.shape
        return f, c, s


def observe(
    trials: pd.DataFrame, task: str, ids: Sequence[str], formats: Sequence[str], n_configs: int, seeds: Sequence[int]
) -> Observations:
    """Read the trials of one task in each format; `ids`: (F,), the task's id in each of them.

    Configurations are told apart by their place in the run, which is that in the design. Of a trial that several runs
    hold, the last one counts. Raises ValueError where a format was trained with other configurations than the first.
    """
    shape = (len(formats), n_configs, len(seeds))
    arrays = {name: np.full(shape, np.nan) for name in ("loss", *MEASURED)}
    failures: list[dict[tuple[int, int], str]] = [{} for _ in formats]
    made = np.zeros(shape, dtype=bool)
    configs: dict[int, str] = {}
    place = {seed: s for s, seed in enumerate(seeds)}
    for f, name in enumerate(ids):
        own = trials[(trials["task"] == name) & (trials["ask"] < n_configs) & trials["seed"].isin(list(seeds))]
        columns = zip(*(own[c] for c in ("ask", "seed", "value", "failure", "config", "info")), strict=True)
        for ask, seed, value, failure, config, info in columns:
            c, s = int(ask), place[int(seed)]
            if configs.setdefault(c, config) != config:
                raise ValueError(f"{name}: configuration {c} is not that of {ids[0]}: their spaces differ")
            made[f, c, s] = True
            if isinstance(failure, str) and failure:
                failures[f][c, s] = failure.partition(":")[0]
                continue
            found: dict[str, Any] = {"loss": value, **orjson.loads(info)}
            for key, array in arrays.items():
                array[f, c, s] = found.get(key, np.nan)
    kinds = tuple(Counter(sorted(own.values())) for own in failures)
    return Observations(
        task,
        tuple(formats),
        arrays["loss"],
        arrays["test_loss"],
        arrays["state_bytes"],
        arrays["train_seconds"],
        arrays["peak_bytes"],
        kinds,
        np.asarray((~made).sum(axis=(1, 2))),
    )
