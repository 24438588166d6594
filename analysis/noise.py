"""What a trial is worth where its value is noisy: the recommendation counts, not the luckiest reading.

A noisy task may record with each trial the value without noise, as `mean_<objective>` (for tables of recorded
trainings, the mean over the runs of that configuration); the store's table has it as the column `noise_free`. The
incumbent is chosen by what the optimizer saw, and scored by this.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from carps_lite.analysis.stats import Array


def noise_free(table: pd.DataFrame) -> tuple[Array, set[int]]:
    """Return what each trial is worth, in the order of `table`, and the ids of the runs that record it without noise.

    Where nothing is recorded, a trial is worth the value observed.
    """
    value = table["value"].to_numpy(dtype=float)
    if "noise_free" not in table:
        return value, set()
    known = table["noise_free"].to_numpy(dtype=float)
    recorded = np.isfinite(known)
    return np.where(recorded, known, value), set(table["run"].to_numpy()[recorded].tolist())
