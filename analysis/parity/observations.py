"""From the store's table to arrays: what every format made of the same configurations and seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from carps_lite.analysis.stats import Array

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"
MEASURED = ("test_loss", "state_bytes", "train_seconds", "peak_bytes")


@dataclass(frozen=True)
class Observations:
    """The trainings of one task: arrays (F, C, S), nan where a training failed or was not made.

    `loss` validates and steers, `test` was only recorded, `state_bytes` were counted from the tensors, `seconds` are
    those of the training loop, `peak_bytes` the memory of a GPU. `failure`: (F, C, S), what a training failed of, empty
    where it did not, `missing` where it was not made.
    """

    task: str
    formats: tuple[str, ...]
    loss: Array
    test: Array
    state_bytes: Array
    seconds: Array
    peak_bytes: Array
    failure: npt.NDArray[np.str_]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of formats, configurations and seeds."""
        f, c, s = self.loss.shape
        return f, c, s

    def failures(self, f: int) -> Counter[str]:
        """How many trainings of the f-th format failed of what."""
        kinds = self.failure[f].ravel().tolist()
        return Counter(sorted(kind for kind in kinds if kind not in ("", MISSING)))

    def missing(self, f: int) -> int:
        """How many trainings of the f-th format were not made."""
        return int((self.failure[f] == MISSING).sum())


def observe(
    trials: pd.DataFrame, task: str, ids: Sequence[str], formats: Sequence[str], n_configs: int, seeds: Sequence[int]
) -> Observations:
    """Read the trials of one task in each format; `ids`: (F,), the task's id in each of them.

    Configurations are told apart by their place in the run, which is that in the design. Of a trial that several runs
    hold, the last one counts. Raises ValueError where a format was trained with other configurations than the first.
    """
    shape = (len(formats), n_configs, len(seeds))
    arrays = {name: np.full(shape, np.nan) for name in ("loss", *MEASURED)}
    failure = np.full(shape, MISSING, dtype="<U60")
    configs: dict[int, str] = {}
    place = {seed: s for s, seed in enumerate(seeds)}
    for f, name in enumerate(ids):
        own = trials[(trials["task"] == name) & (trials["ask"] < n_configs) & trials["seed"].isin(list(seeds))]
        columns = zip(*(own[c] for c in ("ask", "seed", "value", "failure", "config", "info")), strict=True)
        for ask, seed, value, failed, config, info in columns:
            c, s = int(ask), place[int(seed)]
            if configs.setdefault(c, config) != config:
                raise ValueError(f"{name}: configuration {c} is not that of {ids[0]}: their spaces differ")
            failure[f, c, s] = failed.partition(":")[0] if isinstance(failed, str) else ""
            if failure[f, c, s]:
                continue
            found: dict[str, Any] = {"loss": value, **orjson.loads(info)}
            for key, array in arrays.items():
                array[f, c, s] = found.get(key, np.nan)
    loss, test, state_bytes, seconds, peak_bytes = (arrays[name] for name in ("loss", *MEASURED))
    return Observations(task, tuple(formats), loss, test, state_bytes, seconds, peak_bytes, failure)
