"""Normalised regret: 0 at a task's good reference, 1 at its bad one, which no optimizer that is compared can move.

    (value − good) / (bad − good)

with the references of carps_lite.references: 1 is what random search has found after 100 evaluations, 0 the optimum or
the best known. Not cut off: below 0 is better than the best known, above 1 worse than random search. nan: a task
without references, or a seed that is not used; infinity: a failed or missing run, or no result yet.

For an average every run needs a finite number. `bounded` then takes 1 for a run without a result, and for one that is
worse than `bad`: with a failure at 1 and such a result above it, failing would improve an average.

The idea of fixed references from random search: bayesmark (Turner et al. 2021, arXiv:2104.10201, section 3), HPO-B
(Pineda Arango et al. 2021, arXiv:2106.06257). Axes: O optimizers, T tasks, S seeds, B budgets.
"""

from __future__ import annotations

import numpy as np

from carps_lite.analysis.stats import Array

FLOOR = 1e-8  # COCO's final target precision, here of normalised regret


def normalised(values_OTS: Array, good_T: Array, bad_T: Array) -> Array:
    """Place values between the references of their tasks. Any shape that begins with (O, T)."""
    shape = (1, -1, *(1 for _ in values_OTS.shape[2:]))
    good, span = good_T.reshape(shape), (bad_T - good_T).reshape(shape)
    return np.asarray((values_OTS - good) / span)


def bounded(regret: Array) -> Array:
    """Take 1, the task's bad reference, for a run without a result and for one that is worse than that; nan stays."""
    return np.minimum(regret, 1.0)


def log10(regret: Array, floor: float = FLOOR) -> Array:
    """Return the logarithm to base 10; what is below `floor`, the references themselves included, is taken for it."""
    return np.log10(np.maximum(regret, floor))


def seed_means(regret_OTS: Array) -> Array:
    """Average over the seeds that an optimizer uses, bounded first: (O, T, S, ...) -> (O, T, ...); nan where none."""
    known = bounded(regret_OTS)
    n = (~np.isnan(known)).sum(axis=2)
    return np.where(n > 0, np.nansum(known, axis=2) / np.maximum(n, 1), np.nan)
