"""Shares of runs or problems solved: performance profiles, Dolan and Moré's ratios, data profiles, runtime ECDF."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from carps_lite.analysis.canvas import COLUMN, Looks
from carps_lite.analysis.charts.lines import step_lines
from carps_lite.analysis.numbers import percent
from carps_lite.analysis.stats import Array


def performance_profile(
    taus: Array,
    shares_OX: Array,
    bands_OX2: Array | None,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str = "normalised regret τ",
    log_x: bool = False,
    width: float = COLUMN,
) -> Axes:
    """Draw the share of runs whose score is at most τ (Agarwal et al. 2021, "score distributions").

    `taus`: (X,), increasing; `shares_OX`: (O, X), in [0, 1]; `bands_OX2`: (O, X, 2) or None. A curve above another at
    every τ is better whatever is aimed at; where curves cross, it depends on the aim.
    """
    return _shares(taus, shares_OX, bands_OX2, names, looks, (xlabel, "runs with regret ≤ τ"), log_x, width)


def ratio_profile(
    ratios: Array,
    shares_OX: Array,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str = "times the budget of the fastest",
    bands_OX2: Array | None = None,
    width: float = COLUMN,
) -> Axes:
    """Draw the share of problems solved within a factor of the fastest optimizer (Dolan and Moré 2002), log x.

    `ratios`: (X,), from 1; `shares_OX`: (O, X), in [0, 1]. At 1 stands how often an optimizer is the fastest, at the
    right end how much it solves at all. The factor depends on who is compared.
    """
    return _shares(ratios, shares_OX, bands_OX2, names, looks, (xlabel, "problems solved"), True, width)


def data_profile(
    budgets: Array,
    shares_OX: Array,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str = "evaluations / (dimension + 1)",
    bands_OX2: Array | None = None,
    log_x: bool = False,
    width: float = COLUMN,
) -> Axes:
    """Draw the share of problems solved by a budget in simplex gradients (Moré and Wild 2009).

    `budgets`: (X,), evaluations divided by dimension + 1; `shares_OX`: (O, X), in [0, 1].
    """
    return _shares(budgets, shares_OX, bands_OX2, names, looks, (xlabel, "problems solved"), log_x, width)


def runtime_ecdf(
    budgets: Array,
    shares_OX: Array,
    bands_OX2: Array | None,
    names: Sequence[str],
    looks: Looks,
    *,
    xlabel: str,
    width: float = COLUMN,
) -> Axes:
    """Draw the share of (task, target) pairs reached by each budget, log x, as COCO does (Hansen et al. 2021).

    `budgets`: (X,), positive and increasing, in the unit that `xlabel` names; `shares_OX`: (O, X), in [0, 1];
    `bands_OX2`: (O, X, 2) or None. Higher and further left is better; the area above a curve is its mean log runtime.
    """
    return _shares(budgets, shares_OX, bands_OX2, names, looks, (xlabel, "(task, target) pairs reached"), True, width)


def _shares(
    x: Array,
    shares_OX: Array,
    bands_OX2: Array | None,
    names: Sequence[str],
    looks: Looks,
    labels: tuple[str, str],
    log_x: bool,
    width: float,
) -> Axes:
    axes = step_lines(
        x, shares_OX, bands_OX2, names, looks, labels=labels, width=width, log_x=log_x, limits=(-0.02, 1.02)
    )
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y)))
    return axes
