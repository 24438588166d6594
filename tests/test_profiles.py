"""Profiles by counting, their bands, and failures that lift nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import profiles


def names_of(n):
    return [f"opt{i}" for i in range(n)]


def costs():
    shape = st.tuples(st.integers(1, 4), st.integers(1, 5))
    value = st.integers(1, 9).map(float) | st.just(np.inf)
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def test_score_profile_by_counting():
    runs = np.random.default_rng(0).random((3, 4, 5))
    runs[0, 1, 2] = np.inf
    runs[2, :, 3:] = np.nan
    at = np.linspace(0, 1, 7)
    found = profiles.score_profile(runs, at, names_of(3), names_of(4), n=200)
    expected = [[np.mean(own[~np.isnan(own)] <= x) for x in at] for own in runs]
    assert found.values == pytest.approx(np.array(expected))
    assert found.values[0, -1] == pytest.approx(19 / 20)
    for bands in found[1:]:
        assert bands.shape == (3, 7, 2)
        assert (bands[..., 0] <= found.values + 1e-9).all()
        assert (bands[..., 1] >= found.values - 1e-9).all()


def test_score_profile_bands_are_binomial_for_one_task():
    """Resampling n runs of which a share p is good gives a binomial count."""
    from scipy.stats import binom

    runs = np.append(np.zeros(30), np.ones(20)).reshape(1, 1, 50)
    bands = profiles.score_profile(runs, [0.5], ["a"], ["g"], n=8000).seed_intervals[0, 0]
    assert bands == pytest.approx(binom.ppf([0.025, 0.975], 50, 0.6) / 50, abs=0.021)


def test_dolan_more_of_a_small_table():
    """Problem 1: 1, 2, -; problem 2: 4, 2, 6; problem 3 unsolved by all; problem 4: 3, 3, 3."""
    table = np.array([[1, 4, np.inf, 3], [2, 2, np.inf, 3], [np.inf, 6, np.inf, 3]], dtype=float)
    found = profiles.performance_profile(table, [1, 2, 3, 1e9])
    assert found.tolist() == [[0.5, 0.75, 0.75, 0.75], [0.5, 0.75, 0.75, 0.75], [0.25, 0.25, 0.5, 0.5]]


def test_more_wild_counts_simplex_gradients():
    table, dimensions = np.array([[6.0, 30.0, np.inf]]), [2, 4, 2]
    assert profiles.data_profile(table, dimensions, [1, 2, 6, 1e9]) == pytest.approx(np.array([[0, 1, 2, 2]]) / 3)
    with pytest.raises(ValueError, match="at least one dimension"):
        profiles.data_profile(table, [0, 1, 1], [1.0])


def test_exact_multiples_count_in_spite_of_rounding():
    table = np.array([[0.3, 1.0], [0.1, 1.0]])
    assert profiles.performance_profile(table, [3.0])[0, 0] == 1.0


@given(costs())
def test_profiles_rise_and_end_in_the_success_rate(table):
    scale = profiles.ratio_scale(table)
    found = profiles.performance_profile(table, scale)
    assert (np.diff(found, axis=1) >= 0).all()
    assert found[:, -1] == pytest.approx(np.isfinite(table).mean(axis=1))
    best = np.isfinite(table) & (table == table.min(axis=0))
    assert found[:, 0] == pytest.approx(best.mean(axis=1))


@given(costs(), st.data())
def test_failing_lifts_no_profile(table, data):
    o, p = (data.draw(st.integers(0, n - 1)) for n in table.shape)
    failed = table.copy()
    failed[o, p] = np.inf
    scale, dimensions = np.geomspace(1, 20, 30), np.arange(1, table.shape[1] + 1)
    one, two = profiles.performance_profile(table, scale), profiles.performance_profile(failed, scale)
    assert (two[o] <= one[o]).all()
    one, two = profiles.data_profile(table, dimensions, scale), profiles.data_profile(failed, dimensions, scale)
    assert (two <= one).all()


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(float, (2, 3, 3), elements=st.sampled_from([0.0, 0.4, 1.2, np.inf])), st.data())
def test_failing_lifts_no_score_profile(runs, data):
    o, t, s = (data.draw(st.integers(0, n - 1)) for n in runs.shape)
    failed = runs.copy()
    failed[o, t, s] = np.inf
    at = [0.0, 0.5, 1.0, 2.0, np.inf]
    one, two = (profiles.score_profile(v, at, names_of(2), names_of(3), n=40) for v in (runs, failed))
    assert all((b <= a + 1e-12).all() for a, b in zip(one, two, strict=True))


def test_costs_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        profiles.performance_profile([[0.0, 1.0]], [1.0])
