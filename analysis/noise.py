"""What a trial is worth where its value is noisy: the recommendation counts, not the luckiest reading.

A noisy task may record with each trial the value without noise, as `mean_<objective>` (for tables of recorded
trainings, the mean over the runs of that configuration); the store's table has it as the column `noise_free`, and for
several objectives, where it is recorded of each, as `noise_free_values`. The incumbent or the front is chosen by what
the optimizer saw, and scored by this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from carps_lite.analysis.stats import Array


def noise_free(table: pd.DataFrame) -> tuple[Array, set[int]]:
    """Return what each trial is worth, in the order of `table`, and the ids of the runs that record it without noise.

    Where nothing is recorded, a trial is worth the value observed. Of several objectives this is the first.
    """
    value = table["value"].to_numpy(dtype=float)
    if "noise_free" not in table:
        return value, set()
    known = table["noise_free"].to_numpy(dtype=float)
    recorded = np.isfinite(known)
    return np.where(recorded, known, value), set(table["run"].to_numpy()[recorded].tolist())


def noise_free_points(own: pd.DataFrame, seen_NM: Array) -> Array | None:
    """What each trial of a run with several objectives is worth; None where no trial records it of all of them."""
    if "noise_free_values" not in own:
        return None
    known = [recorded(v, seen_NM.shape[1]) for v in own["noise_free_values"]]
    if not any(known):
        return None
    return np.stack(
        [
            np.asarray(v, dtype=float) if k else s
            for v, k, s in zip(own["noise_free_values"], known, seen_NM, strict=True)
        ]
    )


def recorded(values: Any, n: int) -> bool:
    """Whether a cell holds a number for each of `n` objectives."""
    return values is not None and np.ndim(values) == 1 and np.size(values) == n and bool(np.isfinite(values).all())
