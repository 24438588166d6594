"""Times to target, ERT, runtime distributions and AOCC: cocopp, closed forms, brute force; failing never helps."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import runtimes

BUDGET = 10.0


def names_of(n):
    return [f"opt{i}" for i in range(n)]


@pytest.fixture(scope="module")
def cocopp():
    def refuse(*_args, **_options):
        raise OSError("tests download nothing")

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr("urllib.request.urlretrieve", refuse)  # its import looks for archives
        return pytest.importorskip("cocopp.toolsstats", reason="cocopp and six are in the group dev")


def curves():
    """Values (2, T, S, B) of few levels, infinite until the first result, falling."""
    value = st.sampled_from([0.0, 1.0, 2.0, 5.0, np.inf])
    shape = st.tuples(st.just(2), st.integers(1, 3), st.integers(1, 3), st.just(10))
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value)).map(
        lambda v: np.minimum.accumulate(v, axis=-1)
    )


def test_ert_of_the_standard_case(cocopp):
    assert runtimes.ert([100, 200, 300, np.inf], 1000) == pytest.approx(533.3333333, abs=1e-6)
    assert cocopp.sp([100, 200, 300, 1000], issuccessful=[1, 1, 1, 0])[0] == pytest.approx(533.3333333, abs=1e-6)


def test_ert_is_cocopps(cocopp):
    rng = np.random.default_rng(0)
    for _ in range(50):
        times = rng.integers(1, 100, 7).astype(float)
        times[rng.random(7) < 0.5] = np.inf
        solved = np.isfinite(times)
        spent = np.where(solved, times, 100.0)
        expected = cocopp.sp(spent, issuccessful=solved)
        assert runtimes.ert(times, 100.0) == pytest.approx(expected[0])
        table = runtimes.expected_runtimes(times.reshape(1, 1, 7, 1), 100.0, ["a"], n=20)
        assert table.ert[0, 0, 0] == pytest.approx(expected[0])
        assert table.successes[0, 0, 0] == expected[2]
        assert runtimes.success_rates(times.reshape(1, 1, 7, 1))[0, 0, 0] == pytest.approx(expected[1])


def test_ert_of_nothing():
    assert runtimes.ert([np.inf, np.inf], 50) == np.inf
    assert np.isnan(runtimes.ert([np.nan], 50))
    with pytest.raises(ValueError, match="beyond the budget"):
        runtimes.ert([60.0], 50)


def test_ert_intervals_are_the_bootstraps():
    rng = np.random.default_rng(1)
    times = rng.integers(1, 90, (1, 1, 12, 1)).astype(float)
    times[0, 0, :4, 0] = np.inf
    found = runtimes.expected_runtimes(times, 100.0, ["a"], n=4000)
    own = times[0, 0, :, 0]
    drawn = [runtimes.ert(own[rng.integers(0, 12, 12)], 100.0) for _ in range(4000)]
    assert found.intervals[0, 0, 0] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=0.06)


def test_ert_counts_only_the_seeds_in_use():
    times = np.array([[[[5.0], [np.inf], [np.nan]]], [[[5.0], [7.0], [np.inf]]]])
    found = runtimes.expected_runtimes(times, [10.0], names_of(2), n=200)
    assert found.ert[:, 0, 0].tolist() == [15.0, 11.0]
    assert found.runs.tolist() == [2, 3]
    assert found.intervals[0, 0, 0, 1] == np.inf  # two failures are drawn in a quarter of the resamples
    assert runtimes.success_rates(times)[:, 0, 0] == pytest.approx([1 / 2, 2 / 3])


@given(curves())
def test_times_to_target_step_by_step(values):
    budgets, targets = np.arange(1.0, 11.0), np.tile([2.5, 1.0, 0.0, -1.0], (values.shape[1], 1))
    found = runtimes.times_to_target(values, budgets, targets)
    for o, t, s, k in np.ndindex(found.shape):
        reached = [b for b, v in zip(budgets, values[o, t, s], strict=True) if v <= targets[t, k]]
        assert found[o, t, s, k] == (reached[0] if reached else np.inf)


def test_first_hit_of_a_curve_that_rises_again():
    values = np.array([3.0, 1.0, 2.0]).reshape(1, 1, 1, 3)
    assert runtimes.times_to_target(values, [1, 2, 3], [[1.5]])[0, 0, 0, 0] == 2
    assert np.isnan(runtimes.times_to_target(values * np.nan, [1, 2, 3], [[1.5]]))
    assert np.isinf(runtimes.times_to_target(values + np.inf, [1, 2, 3], [[np.inf]]))
    with pytest.raises(ValueError, match="increase"):
        runtimes.times_to_target(values, [1, 1, 3], [[1.5]])


def test_ecdf_by_counting():
    rng = np.random.default_rng(2)
    times = rng.integers(1, 15, (2, 3, 4, 5)).astype(float)
    times[times > 10] = np.inf
    times[1, :, 3] = np.nan
    at = np.arange(0, 12)
    found = runtimes.runtime_ecdf(times, at, names_of(2), names_of(3), n=100)
    for o in range(2):
        own = times[o][:, ~np.isnan(times[o, 0, :, 0])]
        assert found.values[o] == pytest.approx([(own <= x).mean() for x in at])
    assert found.seed_intervals.shape == found.task_intervals.shape == (2, 12, 2)


@settings(max_examples=50, deadline=None)
@given(curves(), st.data())
def test_failing_helps_no_runtime(values, data):
    o, t, s = (data.draw(st.integers(0, n - 1)) for n in values.shape[:3])
    failed = values.copy()
    failed[o, t, s] = np.inf
    n_tasks, names = values.shape[1], names_of(2)
    budgets, targets = np.arange(1.0, 11.0), np.tile([2.5, 1.0, 0.0], (n_tasks, 1))
    one, two = (runtimes.times_to_target(v, budgets, targets) for v in (values, failed))
    before, after = (runtimes.expected_runtimes(x, BUDGET, names, n=30) for x in (one, two))
    assert (after.ert >= before.ert - 1e-9).all()
    assert (runtimes.success_rates(two) <= runtimes.success_rates(one)).all()
    before, after = (runtimes.runtime_ecdf(x, budgets, names, names_of(n_tasks), n=30) for x in (one, two))
    assert all((b <= a + 1e-12).all() for a, b in zip(before, after, strict=True) if not np.isnan(a).any())
    for carried in (False, True):
        areas = [runtimes.aocc(v, budgets, 0.0, 5.0, log=False, carried=carried) for v in (values, failed)]
        assert (areas[1] <= areas[0]).all()


def test_aocc_is_the_sum_over_evaluations():
    """Between 1e-8 and 1e2: mean over evaluations of 1 − (log10 of the clipped precision + 8) / 10."""
    precision = np.array([1e3, 1e2, 1.0, 1.0, 1e-9]).reshape(1, 1, 1, 5)
    found = runtimes.aocc(precision, np.arange(1, 6), 1e-8, 1e2)
    assert found[0, 0, 0] == pytest.approx(np.mean([0, 0, 0.2, 0.2, 1.0]))


def test_aocc_is_the_limit_of_the_ecdf():
    rng = np.random.default_rng(3)
    precision = np.minimum.accumulate(10 ** rng.uniform(-8, 2, (1, 1, 1, 40)), axis=-1)
    budgets = np.arange(1.0, 41.0)
    targets = runtimes.log_targets(1e-8, 1e2, 4001)
    times = runtimes.times_to_target(precision, budgets, targets)
    ecdf = runtimes.runtime_ecdf(times, budgets, ["a"], ["g"], n=2).values[0]
    assert runtimes.aocc(precision, budgets, 1e-8, 1e2)[0, 0, 0] == pytest.approx(ecdf.mean(), abs=1e-3)


def test_aocc_on_a_clock_integrates_the_steps():
    """0 to 2 nothing, 2 to 5 a half, 5 to 10 three quarters."""
    values = np.array([0.5, 0.25, 0.0]).reshape(1, 1, 1, 3)
    found = runtimes.aocc(values, [2.0, 5.0, 10.0], 0.0, 1.0, log=False, carried=True)
    assert found[0, 0, 0] == pytest.approx((3 * 0.5 + 5 * 0.75) / 10)
    with pytest.raises(ValueError, match="above 0"):
        runtimes.aocc(values, [2.0, 5.0, 10.0], 0.0, 1.0)


def test_coco_targets():
    targets = runtimes.log_targets(1e-8, 1e2)
    assert targets.shape == (1, 51)
    assert targets[0, [0, 5, -1]] == pytest.approx([1e2, 10.0, 1e-8])
