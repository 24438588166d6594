"""From results to points, and from points to agreement: against closed forms, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from carps_lite.analysis.subset import agreement, drawing, reading
from carps_lite.analysis.subset.performance import Performance
from carps_lite.analysis.subset.points import to_points
from carps_lite.errors import InputError


def results(values_OTS, normalised=True, names=None):
    n_optimizers, n_tasks = np.shape(values_OTS)[:2]
    return Performance(
        tuple(f"f/{t}" for t in range(n_tasks)),
        tuple(f"g{t // 2}" for t in range(n_tasks)),
        names or tuple("abcdefgh"[:n_optimizers]),
        np.asarray(values_OTS, dtype=float),
        normalised,
        "made up",
    )


REGRETS = [[[0.0, 1.0], [0.5, 0.1]], [[np.inf, 0.0], [0.5, -1.0]]]


def test_raw_points_are_mean_clipped_regrets_and_a_failure_is_one():
    points = to_points(results(REGRETS), ["a", "b"], scale="raw").points
    np.testing.assert_allclose(points, [[0.5, 0.5], [0.3, 0.25]])


def test_log_points_span_three_decades():
    points = to_points(results([[[1e-3], [1.0]], [[1e-9], [10**-1.5]]]), ["a", "b"], scale="log").points
    np.testing.assert_allclose(points, [[0, 0], [1, 0.5]], atol=1e-12)


def test_rank_points_are_spread_evenly_and_share_ties():
    points = to_points(results([[[3.0], [1.0], [1.0]], [[1.0], [2.0], [3.0]]]), ["a", "b"], scale="rank").points
    np.testing.assert_allclose(points, [[5 / 6, 1 / 6], [1 / 3, 1 / 2], [1 / 3, 5 / 6]])


def test_range_takes_the_best_and_the_worst_mean_of_the_axes_only():
    values = [[[0.0], [5.5]], [[10.0], [5.0]], [[4.0], [7.0]], [[1e9], [-1e9]]]
    points = to_points(results(values, normalised=False), ["a", "b", "c"], scale="raw", between="range").points
    np.testing.assert_allclose(points, [[0, 1, 0.4], [0.25, 0, 1]])


def test_another_optimizer_moves_no_point_between_references():
    rng = np.random.default_rng(0)
    values = rng.random((4, 9, 3))
    few = to_points(results(values[:3]), ["a", "b"]).points
    assert (to_points(results(values), ["a", "b"]).points == few).all()


def test_a_constant_optimizer_is_no_coordinate_and_said_so():
    found = to_points(results([[[0.1], [0.7]], [[0.2], [0.4]], [[5.0], [6.0]]]), ["a", "b", "c"], scale="raw")
    assert found.axes == ("a", "b")
    assert any("c is 1 on every task" in note for note in found.notes)


def test_duplicates_are_reported():
    found = to_points(results([[[0.1], [0.1], [0.9]], [[0.2], [0.2], [0.4]]]), ["a", "b"])
    assert any("2 tasks share their point with another, such as f/0 and f/1" in note for note in found.notes)


def test_tasks_without_runs_are_left_out_and_named():
    values = [[[0.1], [0.2], [0.3]], [[0.5], [np.nan], [0.4]]]
    found = to_points(results(values), ["a", "b"])
    assert found.tasks == ("f/0", "f/2")
    assert any("1 task without runs of every optimizer chosen (b on 1): f/1" in note for note in found.notes)


@pytest.mark.parametrize(
    ("values", "given", "said"),
    [
        (REGRETS, {"optimizers": ["a"]}, "at least two optimizers as axes, got a"),
        (REGRETS, {"optimizers": ["a", "bb"]}, "no optimizer 'bb'; did you mean 'b'"),
        (REGRETS, {"scale": "lag"}, "no scale 'lag'; did you mean 'log'"),
        ([[[1.0], [2.0]], [[3.0], [4.0]]], {"between": "none"}, "3 values are outside, such as 2"),
        ([[[0.5], [0.5]], [[0.1], [0.1]]], {}, "all 2 tasks of made up have the same point"),
        ([[[0.5], [0.4]], [[0.1], [np.nan]]], {}, "1 task of 2 in made up has runs of all of a and b"),
    ],
)
def test_bad_input_is_one_line(values, given, said):
    with pytest.raises(InputError) as error:
        to_points(results(values), given.pop("optimizers", ["a", "b"]), **given)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_references_are_needed_for_raw_values():
    with pytest.raises(InputError, match="use between=range"):
        to_points(results(REGRETS, normalised=False), ["a", "b"])


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 5), min_size=2, max_size=2))
def test_kendall_equals_scipy(pair):
    a, b = np.array(pair, dtype=float)
    np.testing.assert_allclose(agreement.kendall(a, b), kendalltau(a, b).statistic, atol=1e-12)


def test_same_best_shares_level_ones():
    assert agreement.same_best(np.array([1, 2, 3.0]), np.array([1, 3, 2.0])) == 1
    assert agreement.same_best(np.array([1, 2, 3.0]), np.array([2, 1, 3.0])) == 0
    assert agreement.same_best(np.array([1, 1, 3.0]), np.array([1, 2, 3.0])) == 0.5


def test_all_tasks_agree_with_themselves():
    ranks = agreement.ranks_of(results(np.random.default_rng(1).random((4, 6, 5))), "abcd")
    found = agreement.agreement(ranks, range(6))
    assert found == agreement.Agreement(1.0, (1.0, 1.0), 1.0, (1.0, 1.0))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_means_over_members_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    ranks_OT, members = rng.random((3, 7)), drawing.uniform(7, 3, 5, seed)
    found = agreement.means_over(ranks_OT, np.arange(7), members)
    for n, own in enumerate(members):
        np.testing.assert_allclose(found[n], ranks_OT[:, own].mean(axis=1), atol=1e-8)


def test_optimizers_are_ranked_where_all_ran():
    values = np.random.default_rng(2).random((3, 4, 2))
    values[2, 1] = np.nan
    ranks = agreement.ranks_of(results(values), "abc")
    assert ranks.n_lacking == 1
    assert ranks.place_T.tolist() == [0, -1, 1, 2]
    assert agreement.ranks_of(results(values), "a") is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99), st.data())
def test_every_stratum_has_its_share_up_to_one(sizes, seed, data):
    strata = [f"s{i}" for i, n in enumerate(sizes) for _ in range(n)]
    k = data.draw(st.integers(1, len(strata)))
    for members in drawing.stratified(strata, k, 20, seed):
        assert len(set(members.tolist())) == k
        for i, n in enumerate(sizes):
            taken = sum(strata[m] == f"s{i}" for m in members)
            assert abs(taken - k * n / len(strata)) < 1


def test_uniform_draws_take_every_task_equally_often():
    members = drawing.uniform(10, 3, 4000, 0)
    assert (np.bincount(members.ravel(), minlength=10) > 1050).all()
    assert all(len(set(own.tolist())) == 3 for own in members)


def test_wide_and_long_tables_are_the_same(tmp_path):
    wide = pd.DataFrame({"task": ["x", "y"], "group": ["g", "g"], "a": [1.0, 2.0], "b": [3.0, np.nan]})
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.melt(["task", "group"], var_name="optimizer", value_name="value").to_parquet(tmp_path / "long.parquet")
    one, other = reading.from_file(tmp_path / "wide.csv"), reading.from_file(tmp_path / "long.parquet")
    assert (one.tasks, one.groups, one.optimizers) == (other.tasks, other.groups, other.optimizers)
    np.testing.assert_array_equal(one.values_OTS, [[[1], [2]], [[3], [np.inf]]])
    assert one.sha256 == other.sha256


def test_a_missing_seed_is_a_failure_and_a_missing_task_no_run(tmp_path):
    rows = [("x", "a", 0, 1.0), ("x", "a", 1, 2.0), ("y", "a", 0, 3.0), ("x", "b", 0, 4.0)]
    pd.DataFrame(rows, columns=["task", "optimizer", "seed", "value"]).to_csv(tmp_path / "t.csv", index=False)
    found = reading.from_file(tmp_path / "t.csv").values_OTS
    np.testing.assert_array_equal(found, [[[1, 2], [3, np.inf]], [[4, np.nan], [np.nan, np.nan]]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,a,b\nx,1,2\ny,1,2\n", "needs a column task"),
        ("task,a,b\nx,1,2\nx,1,2\n", "task 'x' has two rows"),
        ("task,a,b\nx,1,two\ny,1,2\n", "column 'b' must hold numbers, row 2 has 'two'"),
        ("task,a\nx,1\ny,1\n", "at least two tasks and two optimizers"),
        ("task,optimizer,seed,value\nx,a,0,1\nx,a,0,2\ny,b,0,1\n", "two values of seed 0"),
        ("", "cannot read"),
    ],
)
def test_bad_tables_are_one_line(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        reading.from_file(tmp_path / "t.csv")
    assert "\n" not in str(error.value)
