"""From a configuration to a scikit-learn estimator, and how large a fitted one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR

from carps_lite.space import Config

SCALED = ("linear", "knn", "svm", "mlp")  # models whose features are standardised where nothing else is chosen
SVM_ITERATIONS = 10_000  # libsvm's steps; without a limit some kernels never end
LINEAR_SWEEPS = 50  # passes over the rows (saga) or iterations (lbfgs)
# from 1.8 on the penalty follows from l1_ratio alone, and naming it is deprecated
RATIO_ALONE = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8)


class SeededSVR(SVR):  # type: ignore[misc]
    """SVR takes no seed and draws one for libsvm, which does not use it, from NumPy's global generator."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> SeededSVR:
        """Fit, the global generator untouched."""
        self.random_state = 0
        super().fit(x, y)
        return self


class Fit(NamedTuple):
    """What a configuration does not say of a fit: the kind of target, rows, features, and the seed."""

    classification: bool
    rows: int
    features: int
    seed: int


def _svm(c: Config, fit: Fit) -> list[Any]:
    if fit.classification:
        return [SVC(max_iter=SVM_ITERATIONS, random_state=fit.seed, **c)]
    return [SeededSVR(max_iter=SVM_ITERATIONS, **c)]


def _forest(c: Config, fit: Fit) -> list[Any]:
    grow = RandomForestClassifier if fit.classification else RandomForestRegressor
    rest = {name: value for name, value in c.items() if name != "trees"}
    return [grow(n_estimators=c["trees"], random_state=fit.seed, n_jobs=1, **rest)]


def _boosting(c: Config, fit: Fit) -> list[Any]:
    boost = HistGradientBoostingClassifier if fit.classification else HistGradientBoostingRegressor
    rest = {name: value for name, value in c.items() if name != "iterations"}
    return [boost(max_iter=c["iterations"], early_stopping=False, random_state=fit.seed, **rest)]


def _mlp(c: Config, fit: Fit) -> list[Any]:
    """A network that trains for all its epochs: a plateau does not stop it, so that epochs mean what they say."""
    network = MLPClassifier if fit.classification else MLPRegressor
    return [
        network(
            hidden_layer_sizes=(int(c["width"]),) * int(c["layers"]),
            activation=c["activation"],
            solver=c["solver"],
            momentum=c.get("momentum", 0.9),  # adam has none
            learning_rate_init=c["learning_rate"],
            alpha=c["alpha"],
            batch_size=min(int(c["batch_size"]), fit.rows),
            max_iter=c["epochs"],
            n_iter_no_change=int(c["epochs"]) + 1,
            random_state=fit.seed,
        )
    ]


def _linear(c: Config, fit: Fit) -> list[Any]:
    """Logistic regression, or least squares with the penalty of the elastic net for all three.

    The loss of a regression is mean squared error / 2 + alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2), with
    l1_ratio 0 (l2) and 1 (l1) at the ends; Ridge counts its alpha against the sum over the rows.
    """
    ratio = {"l2": 0.0, "l1": 1.0}.get(str(c["penalty"]), c.get("l1_ratio"))
    if fit.classification:
        named = {} if RATIO_ALONE else {"penalty": "elasticnet"}
        solver = "lbfgs" if RATIO_ALONE and ratio == 0 else "saga"
        limits = {"max_iter": LINEAR_SWEEPS, "random_state": fit.seed, "solver": solver}
        return [LogisticRegression(C=c["C"], l1_ratio=ratio, **limits, **named)]
    if ratio == 0:
        return [Ridge(alpha=float(c["alpha"]) * fit.rows)]
    if ratio == 1:
        return [Lasso(alpha=c["alpha"], random_state=fit.seed)]
    return [ElasticNet(alpha=c["alpha"], l1_ratio=ratio, random_state=fit.seed)]


def _knn(c: Config, fit: Fit) -> list[Any]:
    """Principal components, then the nearest neighbours: at most as many of either as there are rows."""
    near = KNeighborsClassifier if fit.classification else KNeighborsRegressor
    limit = min(fit.rows, fit.features)
    components = max(1, round(float(c["components"]) * limit))
    neighbours = near(n_neighbors=min(int(c["n_neighbors"]), fit.rows), weights=c["weights"], p=c["p"], n_jobs=1)
    return [PCA(components, svd_solver="full", random_state=fit.seed), neighbours]


_BUILDERS: Mapping[str, Callable[[Config, Fit], list[Any]]] = {
    "svm": _svm,
    "forest": _forest,
    "boosting": _boosting,
    "mlp": _mlp,
    "linear": _linear,
    "knn": _knn,
}
_SCALERS: Mapping[str, Callable[[], Any]] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "robust": RobustScaler,
}


def build(model: str, config: Config, fit: Fit) -> Any:
    """An unfitted estimator on raw features and targets. A regressor scales its targets by those it is fitted on."""
    scaler = "standard" if model in SCALED else "none"
    if model == "pipeline":
        scaler, model = str(config["scaler"]), str(config["algorithm"])
        prefix = f"{model}_"
        config = {name.removeprefix(prefix): value for name, value in config.items() if name.startswith(prefix)}
    scaling = [_SCALERS[scaler]()] if scaler != "none" else []
    estimator = make_pipeline(*scaling, *_BUILDERS[model](config, fit))
    return estimator if fit.classification else TransformedTargetRegressor(estimator, transformer=StandardScaler())


def model_size(fitted: Any) -> int:
    """Numbers that a prediction needs: weights that are not 0, support vectors, stored rows, nodes of trees.

    An inner node of a tree counts 4 (feature, threshold, two children), a leaf its outputs. Principal components are
    counted, scaling is not.
    """
    steps = (fitted.regressor_ if isinstance(fitted, TransformedTargetRegressor) else fitted).steps
    return sum(_components(step) if isinstance(step, PCA) else 0 for _, step in steps) + _size(steps[-1][1])


def _components(pca: Any) -> int:
    return int(pca.components_.size + pca.mean_.size)


def _size(model: Any) -> int:
    if isinstance(model, SVC | SVR):
        return int(model.support_vectors_.size + model.dual_coef_.size + np.size(model.intercept_))
    if isinstance(model, RandomForestClassifier | RandomForestRegressor):
        outputs = int(getattr(model, "n_classes_", 1))
        trees = [tree.tree_ for tree in model.estimators_]
        return sum(4 * (t.node_count - t.n_leaves) + outputs * t.n_leaves for t in trees)
    if isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        leaves = [tree.get_n_leaf_nodes() for trees in model._predictors for tree in trees]  # no public count
        return sum(4 * (n - 1) + n for n in leaves)
    if isinstance(model, MLPClassifier | MLPRegressor):
        return sum(w.size for w in (*model.coefs_, *model.intercepts_))
    if isinstance(model, KNeighborsClassifier | KNeighborsRegressor):
        return int(model.n_samples_fit_ * (model.n_features_in_ + 1))
    return int(np.count_nonzero(model.coef_) + np.size(model.intercept_))
