"""How much a task depends on its hyperparameters: the spread of random configurations and who causes it.

Needs configurations drawn at random, as those of random search: what an optimizer asked clusters where it is good.

Axes: N configurations, D hyperparameters (the unit cube of `Space.encode`, nan where inactive), T tasks, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from carps_lite.analysis.stats import Array

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

INACTIVE = 0.5  # inactive values stand in the middle: a value of their own would tell a tree the parent's choice
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_TREES = 64
FOLDS = 5


class Spread(NamedTuple):
    """`quantiles`: (T, Q), infinite where so many failed; `failed`: (T,), share of failures; `n`: (T,)."""

    quantiles: Array
    failed: Array
    n: npt.NDArray[np.int64]


class Importance(NamedTuple):
    """`values`: (D,); `deviations`: (D,), between trees or folds; `r2`: of the forest on unseen configurations.

    With an r2 near 0 or below the forest has learnt nothing that the values could speak of.
    """

    values: Array
    deviations: Array
    r2: float


def spread(regrets: Sequence[npt.ArrayLike], quantiles: Sequence[float] = QUANTILES) -> Spread:
    """Describe the regret of random configurations on each task; `regrets`: (N,) per task, infinity or nan a failure.

    Quantiles are order statistics, so that failures, worse than all others, are no obstacle.
    """
    ordered = [np.sort(np.where(np.isnan(r), np.inf, r)) for r in (np.asarray(r, dtype=float) for r in regrets)]
    if any(not len(own) for own in ordered):
        raise ValueError("a task has no configuration")
    found = [[own[max(0, int(np.ceil(q * len(own) - 1e-9)) - 1)] for q in quantiles] for own in ordered]
    failed = [np.isinf(own).mean() for own in ordered]
    return Spread(np.array(found), np.array(failed), np.array([len(own) for own in ordered]))


def permutation_importance(
    X_ND: npt.ArrayLike, y_N: npt.ArrayLike, seed: int = 0, repeats: int = 5, cap: float | None = None
) -> Importance:
    """Return by how much the forest's R² on unseen configurations falls when a hyperparameter is shuffled: (D,).

    Breiman 2001 (Machine Learning 45), with a random forest, in cross-validation, so that chance gets about 0. A
    conditional hyperparameter is shuffled among the configurations in which it is active. `y_N`: infinity or nan, a
    failure, counts as `cap`, or as the worst value where there is none; values above `cap` count as that.
    """
    from sklearn.model_selection import KFold

    X, y, active = _prepared(X_ND, y_N, cap)
    if len(y) < 2 * FOLDS or np.ptp(y) == 0:
        return _nothing(X.shape[1])
    rng = np.random.default_rng(seed)
    drops, errors = [], []
    for fold, (fit, test) in enumerate(KFold(FOLDS, shuffle=True, random_state=seed).split(X)):
        forest = _forest(seed + fold).fit(X[fit], y[fit])
        errors.append(((forest.predict(X[test]) - y[test]) ** 2).mean())
        drops.append(_shuffled(forest, X[test], y[test], active[test], repeats, rng))
    lost = (np.array(drops) - np.array(errors)[:, None]) / y.var()
    return Importance(lost.mean(axis=0), lost.std(axis=0), float(1 - np.mean(errors) / y.var()))


def fanova(X_ND: npt.ArrayLike, y_N: npt.ArrayLike, seed: int = 0, cap: float | None = None) -> Importance:
    """Return the share of the forest's variance over the whole cube that each hyperparameter explains alone: (D,).

    Functional ANOVA, Hutter, Hoos and Leyton-Brown 2014 (ICML), algorithm 2, main effects; what is missing to 1 are
    interactions. Own code on scikit-learn's forest: Optuna's evaluator has the same values (the tests' oracle) and
    takes 28 s for 1,000 configurations of 8 hyperparameters. Failures as in `permutation_importance`.
    """
    X, y, _ = _prepared(X_ND, y_N, cap)
    if len(y) < 2 * FOLDS or np.ptp(y) == 0:
        return _nothing(X.shape[1])
    forest = _forest(seed, oob_score=True).fit(X, y)
    shares = np.array([s for s in (_main_effects(e.tree_, X.shape[1]) for e in forest.estimators_) if s is not None])
    return Importance(shares.mean(axis=0), shares.std(axis=0), float(forest.oob_score_))


def _main_effects(tree: object, n_dimensions: int) -> Array | None:
    """Variance of each dimension's marginal over that of the tree, both under the uniform distribution: (D,)."""
    low, high, values = _leaves(tree, n_dimensions)
    widths = high - low
    volumes = widths.prod(axis=1)
    mean = float((values * volumes).sum())
    total = float((volumes * (values - mean) ** 2).sum())
    if total <= 0:
        return None
    found = [
        _marginal_variance(low[:, d], high[:, d], values * volumes / widths[:, d], mean) for d in range(n_dimensions)
    ]
    return np.array(found) / total


def _marginal_variance(low: Array, high: Array, density: Array, mean: float) -> float:
    """The marginal is constant between the leaves' borders: what begins adds its density, what ends takes it away."""
    borders = np.unique(np.append(low, high))
    steps = np.bincount(np.searchsorted(borders, low), density, len(borders))
    steps -= np.bincount(np.searchsorted(borders, high), density, len(borders))
    marginal = steps.cumsum()[:-1]
    return float((np.diff(borders) * (marginal - mean) ** 2).sum())


def _leaves(tree: object, n_dimensions: int) -> tuple[Array, Array, Array]:
    """The boxes and values of a tree's leaves, in the unit cube: (L, D), (L, D), (L,)."""
    left, right, feature, threshold, value = (
        getattr(tree, name) for name in ("children_left", "children_right", "feature", "threshold", "value")
    )
    low, high = np.zeros((len(left), n_dimensions)), np.ones((len(left), n_dimensions))
    for node in np.flatnonzero(left >= 0):  # parents come before their children
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], feature[node]] = low[right[node], feature[node]] = threshold[node]
    ends = left < 0
    return low[ends], high[ends], value[ends].ravel()


def _shuffled(
    forest: RandomForestRegressor,
    X: Array,
    y: Array,
    active_ND: npt.NDArray[np.bool_],
    repeats: int,
    rng: np.random.Generator,
) -> Array:
    """Mean squared error when each hyperparameter is shuffled, (D,): one prediction of all, since a call costs most."""
    n_dimensions = X.shape[1]
    changed = np.tile(X, (n_dimensions, repeats, 1, 1))
    for d in range(n_dimensions):
        own = active_ND[:, d]
        for repeat in range(repeats):
            changed[d, repeat, own, d] = rng.permutation(X[own, d])
    predicted = forest.predict(changed.reshape(-1, n_dimensions)).reshape(n_dimensions, -1)
    return np.asarray(((predicted - np.tile(y, repeats)) ** 2).mean(axis=1))


def _prepared(X_ND: npt.ArrayLike, y_N: npt.ArrayLike, cap: float | None) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    X, y = np.asarray(X_ND, dtype=float), np.asarray(y_N, dtype=float)
    if X.ndim != 2 or X.shape[:1] != y.shape:
        raise ValueError(f"configurations {X.shape} and values {y.shape} do not belong together")
    active = ~np.isnan(X)
    if ((X < 0) | (X > 1)).any():
        raise ValueError("configurations must lie in the unit cube (`Space.encode`)")
    failed = ~np.isfinite(y)
    worst = cap if cap is not None else (y[~failed].max() if not failed.all() else 0.0)
    y = np.where(failed, worst, y)
    return np.where(active, X, INACTIVE), y if cap is None else np.minimum(y, cap), active


def _forest(seed: int, oob_score: bool = False) -> RandomForestRegressor:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_estimators=N_TREES, max_depth=64, oob_score=oob_score, random_state=seed)


def _nothing(n_dimensions: int) -> Importance:
    return Importance(np.full(n_dimensions, np.nan), np.full(n_dimensions, np.nan), float("nan"))
