"""The Bayesian signed-rank test against baycomp, and what must hold of any posterior."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite.analysis import bayes


def differences(min_size=1):
    value = st.integers(-4, 4).map(float) | st.sampled_from([np.inf, -np.inf])
    return st.lists(value, min_size=min_size, max_size=8).map(np.array)


@pytest.mark.parametrize("rope", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(("shift", "n"), [(0.0, 12), (0.15, 20), (-0.4, 7)])
def test_probabilities_are_baycomps(rope, shift, n):
    baycomp = pytest.importorskip("baycomp", reason="baycomp is in the group dev")
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(size=n)
    a += shift - (a - b).mean() * 0.5
    found = bayes.probabilities(bayes.posterior(a - b, rope))
    # baycomp: left is x higher, which here is the second better
    expected = baycomp.SignedRankTest.probs(a, b, rope, nsamples=20_000, random_state=1)
    second, first = expected[0], expected[-1]
    assert found[[0, 2]] == pytest.approx([first, second], abs=0.01)
    assert found[1] == pytest.approx(expected[1] if rope else 0.0, abs=0.01)


def test_mean_shares_are_those_of_the_dirichlet():
    """E[w_i w_j] of a Dirichlet with parameters alpha: (alpha_i alpha_j + [i = j] alpha_i) / (A (A + 1))."""
    d, rope, prior = np.array([-0.3, 0.05, 0.21, -0.02, 0.9]), 0.1, 0.5
    z, alpha = np.append(0.0, d), np.append(prior, np.ones(5))
    total = alpha.sum()
    moments = (np.outer(alpha, alpha) + np.diag(alpha)) / (total * (total + 1))
    sums = z[:, None] + z
    expected = [(moments * (sums < -2 * rope)).sum(), (moments * (sums > 2 * rope)).sum()]
    draws = bayes.posterior(d, rope, prior, n=200_000)
    assert draws.mean(axis=0)[[0, 2]] == pytest.approx(expected, abs=0.003)


@settings(max_examples=50, deadline=None)
@given(differences(), st.sampled_from([0.0, 0.5, 2.0]))
def test_shares_sum_to_one_and_turn_with_the_pair(d, rope):
    draws = bayes.posterior(d, rope, n=500)
    assert draws.sum(axis=1) == pytest.approx(np.ones(500))
    assert (draws >= 0).all()
    assert bayes.posterior(-d, rope, n=500)[:, ::-1] == pytest.approx(draws, abs=1e-12)
    assert bayes.probabilities(draws).sum() == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(differences(), st.sampled_from([0.0, 0.5, 2.0]), st.data())
def test_failing_never_helps(d, rope, data):
    """The first fails where it had not: its difference becomes infinite, or nothing where the second failed too."""
    i = data.draw(st.integers(0, len(d) - 1))
    failed = d.copy()
    failed[i] = max(d[i], 0.0) if d[i] == -np.inf else np.inf
    before, after = bayes.posterior(d, rope, n=500), bayes.posterior(failed, rope, n=500)
    assert (after[:, 0] <= before[:, 0] + 1e-12).all()
    assert (after[:, 2] >= before[:, 2] - 1e-12).all()


def test_clear_cases():
    assert bayes.probabilities(bayes.posterior(np.full(15, -1.0), 0.1))[0] > 0.999
    assert bayes.probabilities(bayes.posterior(np.full(15, 0.01), 0.1))[1] > 0.999
    assert bayes.probabilities(bayes.posterior(np.full(15, np.inf), 0.1))[2] > 0.999
    assert bayes.probabilities(bayes.posterior(np.zeros(4), 0.0)).tolist() == [0.5, 0.0, 0.5]


def test_all_pairs_are_single_ones():
    scores = np.random.default_rng(0).normal(size=(9, 4))
    scores[2, 1] = np.nan
    found = bayes.pairwise(scores, 0.2, n=3000)
    d = np.where(np.isnan(scores[:, 0] - scores[:, 1]), -np.inf, scores[:, 0] - scores[:, 1])
    one = bayes.probabilities(bayes.posterior(d, 0.2, n=3000))
    assert [found.better[0, 1], found.equivalent[0, 1], found.better[1, 0]] == pytest.approx(one)
    off = ~np.eye(4, dtype=bool)
    assert (found.better + found.better.T + found.equivalent)[off] == pytest.approx(np.ones(12))
    assert np.isnan(np.diag(found.better)).all()


def test_what_was_not_compared_is_not_known():
    assert np.isnan(bayes.compare([[], [1.0, 2.0]], 0.1, n=100)).all(axis=1).tolist() == [True, False]
    with pytest.raises(ValueError, match="negative"):
        bayes.posterior([1.0], -0.1)
    with pytest.raises(ValueError, match="nan"):
        bayes.posterior([np.nan], 0.1)


def test_results_repeat_and_do_not_touch_the_global_generator():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert (bayes.posterior([0.3, -1.0], 0.1, n=50) == bayes.posterior([0.3, -1.0], 0.1, n=50)).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
