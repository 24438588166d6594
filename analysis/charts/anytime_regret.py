"""Normalised regret along the budget."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from carps_lite.analysis.canvas import COLUMN, Looks
from carps_lite.analysis.charts.lines import step_lines
from carps_lite.analysis.stats import Array


def anytime_regret(
    budgets: Array,
    regret_OB: Array,
    bands_OB2: Array | None,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str,
    ylabel: str = "normalised regret",
    log_x: bool = False,
    log_y: bool = False,
    width: float = COLUMN,
) -> Axes:
    """Draw the aggregated regret of each optimizer as steps along the budgets, with its band.

    `budgets`: (B,), increasing, in the unit that `xlabel` names; `regret_OB`: (O, B), 0 is the task's best known value,
    1 its bad reference, nan before the first result; `bands_OB2`: (O, B, 2), low and high, nan or None for no band.
    On a logarithmic axis regret of 0 or less is left out. The reader sees who is ahead at every budget and by how much;
    lower is better.
    """
    return step_lines(
        budgets, regret_OB, bands_OB2, names, looks,
        labels=(xlabel, ylabel), width=width, log_x=log_x, log_y=log_y,
    )  # fmt: skip
