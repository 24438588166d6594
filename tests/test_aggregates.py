"""IQM, median, mean and optimality gap: SciPy and explicit resamples as oracles; failing never improves one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import aggregates, resampling
from carps_lite.analysis.aggregates import NAMES


def names_of(n):
    return [f"opt{i}" for i in range(n)]


def regrets():
    shape = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
    value = st.sampled_from([-0.2, 0.0, 0.1, 0.3, 0.8, 1.0, 1.7, np.inf])
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def plain(runs, cap=1.0):
    """The four numbers of one optimizer, (T, S), straight from their definitions."""
    from scipy.stats import trim_mean

    runs = np.minimum(runs, cap)
    return (
        trim_mean(runs, 0.25, axis=None),
        np.median(runs.mean(axis=1)),
        runs.mean(),
        np.maximum(runs, 0).mean(),
    )


def test_values_are_scipys_and_the_definitions():
    runs = np.random.default_rng(0).normal(0.4, 0.5, (4, 7, 5))
    runs[1, 2, 3] = np.inf
    runs[2, :, 4] = np.nan
    found = aggregates.aggregates(runs, names_of(4), names_of(7), n=50)
    for o, own in enumerate([runs[0], runs[1], runs[2][:, :4], runs[3]]):
        assert [found[name].values[o] for name in NAMES] == pytest.approx(plain(own), abs=1e-12)


@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_are_those_of_the_runs_drawn(grouped):
    """Each resample written out run by run gives the same four numbers, and so the same interval."""
    runs = np.random.default_rng(1).normal(0.4, 0.5, (1, 5, 4))
    groups = list("aabbc")
    seeds, tasks = resampling.seed_counts(runs[0], "opt0", 60), resampling.group_counts(groups, 60)
    expected = []
    for r in range(60):
        rows = []
        for t in range(5):
            drawn = np.repeat(runs[0, t], seeds[r, t].astype(int))
            rows += [drawn] * (int(tasks[r, t]) if grouped else 1)
        expected.append(plain(np.array(rows)))
    found = aggregates.aggregates(runs, ["opt0"], groups, n=60)
    for i, name in enumerate(NAMES):
        bands = found[name].task_intervals if grouped else found[name].seed_intervals
        assert bands[0] == pytest.approx(np.quantile(np.array(expected)[:, i], [0.025, 0.975]))


def test_more_seeds_narrow_the_interval_and_repeated_instances_do_not():
    """Fact 3: with 20 seeds at most 0.6 times as wide as with 5."""

    def width(n_seeds, seed):
        runs = np.random.default_rng(seed).normal(0.5, 0.1, (5, 20, n_seeds))
        found = aggregates.aggregates(runs, names_of(5), names_of(20), n=500)
        return np.array([np.diff(found[name].seed_intervals).mean() for name in NAMES])

    ratio = np.mean([width(20, i) for i in range(3)], axis=0) / np.mean([width(5, i) for i in range(3)], axis=0)
    assert ((ratio > 0.4) & (ratio < 0.6)).all()
    task_effects = np.random.default_rng(0).normal(0.5, 0.2, (1, 4, 1)) + np.zeros((1, 4, 3))
    copies = np.repeat(task_effects, 10, axis=1)
    by_group = aggregates.aggregates(copies, ["a"], np.repeat(names_of(4), 10))["mean"].task_intervals
    once = aggregates.aggregates(task_effects, ["a"], names_of(4))["mean"].task_intervals
    assert by_group == pytest.approx(once)


def test_the_others_in_the_pool_move_nothing():
    runs = np.random.default_rng(3).random((3, 4, 5))
    groups = names_of(4)
    everyone = aggregates.aggregates(runs, names_of(3), groups, n=100)
    alone = aggregates.aggregates(runs[1:2], ["opt1"], groups, n=100)
    for name in NAMES:
        for whole, part in zip(everyone[name], alone[name], strict=True):
            assert (whole[1] == part[0]).all()


def test_intervals_that_cannot_be_had_are_not_given():
    found = aggregates.aggregates(np.random.default_rng(0).random((2, 3, 1)), names_of(2), ["g"] * 3, n=20)
    assert np.isnan(found["iqm"].seed_intervals).all()
    assert np.isnan(found["iqm"].task_intervals).all()
    assert np.isfinite(found["iqm"].values).all()


@settings(max_examples=60, deadline=None)
@given(regrets(), st.data(), st.sampled_from([1.0, np.inf]))
def test_failing_improves_no_aggregate_and_no_bound(runs, data, cap):
    o, t, s = (data.draw(st.integers(0, n - 1)) for n in runs.shape)
    failed = runs.copy()
    failed[o, t, s] = np.inf
    names, groups = names_of(len(runs)), names_of(runs.shape[1])
    before, after = (aggregates.aggregates(v, names, groups, cap=cap, n=40) for v in (runs, failed))
    for name in NAMES:
        for one, two in zip(before[name], after[name], strict=True):
            assert (np.nan_to_num(two, nan=0.0, posinf=1e9) >= np.nan_to_num(one, nan=0.0, posinf=1e9) - 1e-9).all()
    assert (aggregates.task_means(failed) >= aggregates.task_means(runs)).all()


def test_without_a_cap_a_failure_makes_the_mean_infinite_and_not_the_iqm():
    runs = np.full((1, 3, 4), 0.5)
    runs[0, 0, 0] = np.inf
    found = aggregates.aggregates(runs, ["a"], names_of(3), cap=np.inf, n=50)
    assert found["mean"].values[0] == np.inf
    assert found["iqm"].values[0] == 0.5
    assert found["median"].values[0] == 0.5


def test_bounds_are_numpys_and_bear_infinities():
    samples = np.random.default_rng(0).normal(size=(101, 3))
    expected = np.quantile(samples, [0.025, 0.975], axis=0).T
    assert resampling.bounds(samples) == pytest.approx(expected)
    samples[np.argsort(samples[:, 1])[-1], 1] = np.inf  # one of 101 does not reach the upper bound
    assert resampling.bounds(samples) == pytest.approx(expected)
    samples[np.argsort(samples[:, 1])[-4:], 1] = np.inf
    samples[np.argsort(samples[:, 2])[:4], 2] = -np.inf
    found = resampling.bounds(samples)
    assert found[1].tolist() == [pytest.approx(expected[1, 0]), np.inf]
    assert found[2].tolist() == [-np.inf, pytest.approx(expected[2, 1])]
    assert resampling.bounds(np.full((5, 1), np.inf)).tolist() == [[np.inf, np.inf]]


def test_a_task_without_scores_is_refused_not_taken_for_an_unused_seed():
    runs = np.random.default_rng(0).random((2, 3, 4))
    runs[:, 0] = np.nan
    for call in (aggregates.task_means, lambda v: aggregates.aggregates(v, names_of(2), names_of(3), n=5)):
        with pytest.raises(ValueError, match="on every task or on none"):
            call(runs)


def test_resamples_in_parts_are_the_same(monkeypatch):
    runs = np.random.default_rng(0).random((2, 3, 4))
    whole = aggregates.aggregates(runs, names_of(2), names_of(3), n=50)
    monkeypatch.setattr(resampling, "CHUNK", 100)
    parts = aggregates.aggregates(runs, names_of(2), names_of(3), n=50)
    for name in NAMES:
        for one, two in zip(whole[name], parts[name], strict=True):
            assert one == pytest.approx(two, abs=1e-12)
