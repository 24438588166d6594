"""Spread of random configurations and importance of hyperparameters: Optuna, scikit-learn and closed forms."""

import warnings

import numpy as np
import pytest

from carps_lite.analysis import robustness


@pytest.fixture(scope="module")
def additive():
    """Uniform X; y = 3 x0 + 1 x1 + 0 x2: variances 9 : 1 : 0."""
    X = np.random.default_rng(0).random((300, 3))
    return X, 3 * X[:, 0] + X[:, 1]


def test_spread_is_order_statistics_and_bears_failures():
    found = robustness.spread([np.arange(1.0, 101.0), [0.5, np.inf, np.nan, 0.1]], (0.05, 0.5, 0.95))
    assert found.quantiles.tolist() == [[5, 50, 95], [0.1, 0.5, np.inf]]
    assert found.failed.tolist() == [0, 0.5]
    assert found.n.tolist() == [100, 4]
    assert found.quantiles[0] == pytest.approx(
        np.quantile(np.arange(1.0, 101.0), (0.05, 0.5, 0.95), method="inverted_cdf")
    )
    with pytest.raises(ValueError, match="no configuration"):
        robustness.spread([[]])


def test_fanova_is_optunas():
    optuna = pytest.importorskip("optuna")
    rng = np.random.default_rng(1)
    X = rng.random((60, 3))
    y = (X[:, 0] - 0.5) ** 2 * 10 + X[:, 1] * X[:, 2] + 0.1 * rng.random(60)
    distributions = {str(i): optuna.distributions.FloatDistribution(0, 1) for i in range(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study()
        for x, value in zip(X, y, strict=True):
            params = {str(i): float(v) for i, v in enumerate(x)}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=float(value)))
        expected = optuna.importance.FanovaImportanceEvaluator(seed=0).evaluate(study)
    found = robustness.fanova(X, y, seed=0)
    assert found.values == pytest.approx([expected[str(i)] for i in range(3)], abs=1e-6)


def test_fanova_finds_the_shares_of_variance(additive):
    found = robustness.fanova(*additive)
    assert found.values == pytest.approx([0.9, 0.1, 0.0], abs=0.04)
    assert found.r2 > 0.9


def test_a_pure_interaction_is_nobodys_alone():
    X = np.random.default_rng(2).random((400, 2))
    found = robustness.fanova(X, np.sign((X[:, 0] - 0.5) * (X[:, 1] - 0.5)))
    assert found.values.sum() < 0.25
    both = robustness.permutation_importance(X, np.sign((X[:, 0] - 0.5) * (X[:, 1] - 0.5)))
    assert (both.values > 0.8).all()  # which permutation does see


def test_permutation_importance_is_the_closed_form(additive):
    """Shuffling x0 gives an error of 2 Var(3 x0), that is twice its share of the variance."""
    found = robustness.permutation_importance(*additive)
    assert found.values == pytest.approx([1.8, 0.2, 0.0], abs=0.25)
    assert abs(found.values[2]) < 0.02


def test_permutation_importance_is_scikit_learns(additive):
    """One split at a time, written out with scikit-learn's own function."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    X, y = additive[0][:150], additive[1][:150]
    expected = []
    for fold, (fit, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(X)):
        forest = RandomForestRegressor(n_estimators=64, max_depth=64, random_state=fold).fit(X[fit], y[fit])
        result = permutation_importance(
            forest, X[test], y[test], n_repeats=20, random_state=fold, scoring="neg_mean_squared_error"
        )
        expected.append(result.importances_mean / y.var())
    found = robustness.permutation_importance(X, y, repeats=20)
    assert found.values == pytest.approx(np.mean(expected, axis=0), abs=0.12)


def test_a_conditional_hyperparameter_is_shuffled_where_it_is_active():
    rng = np.random.default_rng(3)
    X = rng.random((300, 3))
    chosen = X[:, 0] < 0.5
    X[~chosen, 1] = np.nan
    y = np.where(chosen, X[:, 1], 0.5)
    found = robustness.permutation_importance(X, y)
    assert found.values[1] > 1.5
    assert abs(found.values[2]) < 0.02
    assert robustness.fanova(X, y).values[1] > robustness.fanova(X, y).values[2]


def test_noise_explains_nothing():
    rng = np.random.default_rng(4)
    found = robustness.permutation_importance(rng.random((200, 3)), rng.random(200))
    assert found.r2 < 0.1
    assert (np.abs(found.values) < 0.2).all()


def test_failures_count_as_the_cap_and_never_as_nothing(additive):
    X, y = additive
    failed = np.where(X[:, 2] > 0.8, np.inf, y)
    found = robustness.fanova(X, failed, cap=10.0)
    assert found.values[2] > 0.5
    assert (found.values == robustness.fanova(X, np.where(X[:, 2] > 0.8, np.nan, y), cap=10.0).values).all()
    assert (found.values == robustness.fanova(X, np.where(X[:, 2] > 0.8, 99.0, y), cap=10.0).values).all()
    worst = robustness.fanova(X, failed).values
    assert worst[2] == pytest.approx(
        robustness.fanova(X, np.where(np.isinf(failed), y[X[:, 2] <= 0.8].max(), y)).values[2]
    )


def test_too_little_or_no_difference_is_not_known():
    assert np.isnan(robustness.fanova(np.random.default_rng(0).random((5, 2)), np.arange(5)).values).all()
    constant = robustness.permutation_importance(np.random.default_rng(0).random((50, 2)), np.ones(50))
    assert np.isnan(constant.values).all()
    assert np.isnan(constant.r2)


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="unit cube"):
        robustness.fanova(np.full((20, 1), 2.0), np.arange(20))
    with pytest.raises(ValueError, match="belong together"):
        robustness.fanova(np.zeros((20, 1)), np.arange(19))
