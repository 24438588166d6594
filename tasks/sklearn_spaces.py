"""Search spaces of the scikit-learn models. A parameter that is the fidelity of a task leaves its space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from carps_lite.core import Fidelity
from carps_lite.errors import InputError, nearest, unknown
from carps_lite.space import Categorical, Float, Int, Ordinal, Param, Space

Params = dict[str, Param]
SAMPLES = "samples"
OWN_AXIS = {"forest": "trees", "boosting": "iterations", "mlp": "epochs"}  # what else than samples can be a fidelity
ALGORITHMS = ("linear", "knn", "svm", "forest", "boosting", "mlp")  # of the pipeline
SCALERS = ("standard", "minmax", "robust", "none")


def _svm(classification: bool) -> Params:
    params: Params = {
        "C": Float(1e-3, 1e3, log=True),
        "kernel": Categorical(("rbf", "poly", "sigmoid", "linear")),
        "gamma": Float(1e-5, 1e1, log=True, when={"kernel": ("rbf", "poly", "sigmoid")}),
        "degree": Int(2, 4, when={"kernel": ("poly",)}),
        "coef0": Float(0.0, 2.0, when={"kernel": ("poly", "sigmoid")}),
    }
    return params if classification else {**params, "epsilon": Float(1e-3, 1.0, log=True)}


def _forest(classification: bool) -> Params:
    params: Params = {
        "trees": Int(3, 81, log=True, default=27),
        "max_features": Float(0.05, 1.0, default=0.5),
        "max_depth": Int(1, 20, log=True, default=20),
        "min_samples_leaf": Int(1, 20, log=True, default=1),
        "bootstrap": Categorical((True, False)),
        "max_samples": Float(0.1, 1.0, default=1.0, when={"bootstrap": (True,)}),
    }
    return {**params, "criterion": Categorical(("gini", "entropy"))} if classification else params


def _boosting(classification: bool) -> Params:
    return {
        "iterations": Int(3, 27, log=True, default=27),
        "learning_rate": Float(1e-2, 1.0, log=True),
        "max_leaf_nodes": Int(3, 31, log=True),
        "min_samples_leaf": Int(1, 50, log=True),
        "l2_regularization": Float(1e-6, 1e2, log=True),
        "max_features": Float(0.1, 1.0, default=1.0),
    }


def _mlp(classification: bool) -> Params:
    return {
        "epochs": Int(3, 27, log=True, default=27),
        "layers": Int(1, 2),
        "width": Int(8, 64, log=True),
        "activation": Categorical(("relu", "tanh")),
        "solver": Categorical(("adam", "sgd")),
        "momentum": Float(0.0, 0.99, default=0.9, when={"solver": ("sgd",)}),
        "learning_rate": Float(1e-4, 1e-1, log=True),
        "alpha": Float(1e-6, 1e0, log=True),
        "batch_size": Ordinal((32, 64, 128)),
    }


def _linear(classification: bool) -> Params:
    strength = {"C": Float(1e-4, 1e2, log=True)} if classification else {"alpha": Float(1e-4, 1e1, log=True)}
    return {
        **strength,
        "penalty": Categorical(("l2", "l1", "elasticnet")),
        "l1_ratio": Float(0.01, 0.99, when={"penalty": ("elasticnet",)}),
    }


def _knn(classification: bool) -> Params:
    return {
        "n_neighbors": Int(1, 50, log=True, default=5),
        "weights": Categorical(("uniform", "distance")),
        "p": Categorical((1, 2)),
        "components": Float(0.05, 1.0, default=1.0),
    }


def _pipeline(classification: bool) -> Params:
    """A tree: the algorithm, below it its parameters as `algorithm_parameter`, below these their own children."""
    params: Params = {"scaler": Categorical(SCALERS), "algorithm": Categorical(ALGORITHMS)}
    for algorithm in ALGORITHMS:
        for name, p in _PARAMS[algorithm](classification).items():
            when = {f"{algorithm}_{parent}": values for parent, values in p.when.items()}
            params[f"{algorithm}_{name}"] = replace(p, when={"algorithm": (algorithm,), **when})
    return params


_PARAMS: Mapping[str, Callable[[bool], Params]] = {
    "linear": _linear,
    "knn": _knn,
    "svm": _svm,
    "forest": _forest,
    "boosting": _boosting,
    "mlp": _mlp,
    "pipeline": _pipeline,
}
MODELS = tuple(_PARAMS)


def space_of(model: str, classification: bool, axis: str | None) -> Space:
    """The space of a model, without the parameter that is the fidelity. Raises InputError on an unknown model."""
    if model not in _PARAMS:
        raise unknown("sklearn: no model", model, MODELS)
    return Space({name: p for name, p in _PARAMS[model](classification).items() if name != axis})


def fidelity_of(model: str, classification: bool, axis: str) -> Fidelity:
    """The fidelity called `axis` of a model. Raises InputError where the model has none of that name.

    `samples` is the share of each fold's training rows that is fitted, 1/9 to 1; the others have the range of the
    parameter whose place they take.
    """
    own = OWN_AXIS.get(model)
    if axis == SAMPLES:
        return Fidelity("train_share", 1 / 9, 1.0, integer=False)
    if axis != own:
        known = [SAMPLES, *([own] if own else [])]
        raise InputError(f"sklearn: model {model} has no fidelity {axis!r}{nearest(axis, known)}")
    p = _PARAMS[model](classification)[axis]
    if not isinstance(p, Int):
        raise TypeError(f"{model}: the fidelity {axis} must be an Int, got {p}")
    return Fidelity(axis, p.low, p.high)
