"""Effect sizes against brute force, SciPy and statsmodels' definitions; failing never improves one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import chances, effects, resampling


def values(n_optimizers=2):
    shape = st.tuples(st.just(n_optimizers), st.integers(1, 4), st.integers(1, 3))
    value = st.integers(0, 4).map(float) | st.just(np.inf)
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def names_of(n):
    return [f"opt{i}" for i in range(n)]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=9))
def test_hodges_lehmann_is_the_median_of_the_averages(d):
    averages = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(d, 2)]
    assert effects.hodges_lehmann(d) == pytest.approx(np.median(averages))


def test_hodges_lehmann_bears_failures():
    assert effects.hodges_lehmann([1.0, 2.0, 3.0, np.inf]) == 2.75  # of 1 1.5 2 2 2.5 3 and four infinities
    assert effects.hodges_lehmann([np.inf, np.inf, 1.0]) == np.inf
    assert effects.hodges_lehmann([-np.inf, np.inf]) == 0.0
    assert np.isnan(effects.hodges_lehmann([]))


def test_bootstrap_of_the_paired_difference_is_scipys():
    from scipy.stats import bootstrap

    d = np.random.default_rng(4).normal(0.3, size=14)
    i, j = np.triu_indices(14)

    def estimate(sample, axis):
        return np.median((sample[..., i] + sample[..., j]) / 2, axis=axis)

    expected = bootstrap((d,), estimate, method="percentile", n_resamples=4000, rng=np.random.default_rng(0))
    value, low, high = effects.paired_difference(d, n=4000)
    assert value == pytest.approx(estimate(d, -1))
    assert (low, high) == pytest.approx(expected.confidence_interval, abs=0.06)


def test_a_resample_is_the_estimate_of_what_was_drawn():
    d, counts = np.array([0.3, -1.0, 2.0, 0.7]), np.array([2, 0, 1, 1])
    drawn = effects._pseudo_medians(d, counts[None].astype(float))[0]
    assert drawn == pytest.approx(effects.hodges_lehmann(np.repeat(d, counts)))


def test_paired_difference_needs_two_groups():
    assert effects.paired_difference([0.5])[0] == 0.5
    assert np.isnan(effects.paired_difference([0.5])[1:]).all()


def test_wins_ties_and_losses():
    scores = np.array([[1, 2, 1], [np.inf, 3, np.nan], [2, 1, 1.05]])
    found = effects.wins(scores)
    assert found.tolist() == [[0, 1, 0], [2, 0, 2], [1, 1, 0]]
    assert (3 - found - found.T)[0, 2] == 2
    assert effects.wins(scores, tolerance=0.1)[2, 1] == 1
    assert effects.wins(scores, tolerance=0.1)[1, 2] == 1


def test_cliffs_delta_by_counting():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (3, 6)).astype(float), rng.integers(0, 5, (3, 4)).astype(float)
    expected = [np.mean([np.sign(y - x) for x in a[t] for y in b[t]]) for t in range(3)]
    assert effects.cliffs_delta(a, b) == pytest.approx(expected)


def test_groups_average_and_failures_outvote():
    d = [1.0, 3.0, np.inf, 0.0, np.inf, -np.inf, 4.0]
    assert effects.over_groups(d, list("aabbccc")).tolist() == [2.0, np.inf, pytest.approx(4 / 3)]


@given(values(), st.data())
def test_failing_improves_no_effect(runs, data):
    t, s = (data.draw(st.integers(0, n - 1)) for n in runs.shape[1:])
    failed = runs.copy()
    failed[0, t, s] = np.inf

    def measured(v):
        median = np.median(v, axis=2, keepdims=False) if v.shape[2] % 2 else np.sort(v, axis=2)[:, :, v.shape[2] // 2]
        d = effects.difference(median[0], median[1])
        grouped = effects.over_groups(d, ["g"] * len(d))[0]
        wins = effects.wins(median.T)
        return (
            -effects.hodges_lehmann(d),
            -grouped,
            wins[0, 1] - wins[1, 0],
            *effects.cliffs_delta(v[0], v[1]),
        )

    assert all(after <= before for before, after in zip(measured(runs), measured(failed), strict=True))


def test_probability_of_improvement_is_the_mean_superiority():
    runs = np.random.default_rng(1).integers(0, 6, (3, 5, 4)).astype(float)
    runs[2, :, 3] = np.nan
    runs[1, 0, 0] = np.inf
    found = effects.probability_of_improvement(runs, names_of(3), names_of(5), n=200)
    for a, b in itertools.permutations(range(3), 2):
        assert found.values[a, b] == pytest.approx(chances.superiority(runs[a], runs[b]).mean())
    assert (np.diag(found.values) == 0.5).all()
    for bands in found[1:]:
        off = ~np.eye(3, dtype=bool)
        assert (bands[..., 0] + bands[..., 1].T)[off] == pytest.approx(np.ones(6))


def test_its_resamples_are_those_of_the_ranks():
    """The mean rank of one of two optimizers is 1 + what the other wins: the same draws give the same intervals."""
    runs = np.random.default_rng(2).normal(size=(2, 6, 5))
    groups = list("aabbcc")
    found = effects.probability_of_improvement(runs, names_of(2), groups, n=400)
    drawn = chances.resampled_ranks(runs[..., None], names_of(2), 400)[..., 0]
    from carps_lite.analysis import bootstrap

    assert 2 - found.seed_intervals[0, 1, ::-1] == pytest.approx(bootstrap.bounds(bootstrap.seed_means(drawn))[0])
    tasks = bootstrap.bounds(bootstrap.task_means(drawn, groups))[0]
    assert 2 - found.task_intervals[0, 1, ::-1] == pytest.approx(tasks)


@settings(max_examples=30, deadline=None)
@given(values(n_optimizers=3), st.data())
def test_failing_never_lifts_the_probability_of_improvement_nor_its_bounds(runs, data):
    o, t, s = (data.draw(st.integers(0, n - 1)) for n in runs.shape)
    failed = runs.copy()
    failed[o, t, s] = np.inf
    groups = names_of(runs.shape[1])
    before, after = (effects.probability_of_improvement(v, names_of(3), groups, n=50) for v in (runs, failed))
    for one, two in zip(before, after, strict=True):
        assert (np.nan_to_num(two[o]) <= np.nan_to_num(one[o]) + 1e-9).all()


def test_draws_are_those_of_the_ranks():
    runs = np.random.default_rng(3).normal(size=(4, 6))
    runs[:, 4] = np.nan
    shares = chances._drawn(runs[..., None], "tpe", 30)
    assert resampling.seed_counts(runs, "tpe", 30) / 5 == pytest.approx(np.delete(shares, 4, axis=2))
