"""The search for subsets against brute force, a reference of other make, and its own promises."""

import _thread
import json
import signal
import threading
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite.analysis.subset.plain import star_discrepancy_by_grid
from carps_lite.errors import InputError

pytest.importorskip("numba", reason="numba is not installed: pip install 'carps-lite[subset]'")

from carps_lite.analysis.subset import select_subset, select_subsets, star_discrepancy
from carps_lite.analysis.subset.limits import lower_bound

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
INSTANCES = SHARED / "discrepancy"


def clumped(n, d, seed):
    """Points with ties, duplicates and coordinates of exactly 0 and 1."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(0.4, 0.4, (n, d)), 0, 1).round(1)


def best_of_all(points, k, keep=()):
    """The smallest discrepancy over every subset, each by the plain NumPy path."""
    rest = [p for p in range(len(points)) if p not in keep]
    return min(
        star_discrepancy_by_grid(points[[*keep, *more]]) for more in combinations(rest, k - len(keep))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n", "k", "d", "seed"), [(9, 4, 2, 0), (10, 3, 3, 1), (8, 5, 1, 2), (12, 2, 2, 3), (7, 6, 3, 4)]
)
@pytest.mark.parametrize("make", [clumped, lambda n, d, seed: np.random.default_rng(seed).random((n, d))])
def test_small_cases_reach_the_optimum_of_brute_force(n, k, d, seed, make):
    points = make(n, d, seed)
    found = select_subset(points, k, seed=seed, time_limit=None, max_steps=3000)
    assert found.discrepancy == pytest.approx(best_of_all(points, k), abs=1e-9)
    assert found.discrepancy == pytest.approx(star_discrepancy_by_grid(points[list(found.indices)]), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_proof_agrees_with_brute_force(seed):
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    points = clumped(10, 2, seed) if seed else np.random.default_rng(9).random((10, 2))
    keep = (1, 4)
    found = select_subset(points, 4, seed=seed, time_limit=20, keep=keep, prove=True)
    assert found.proven
    assert found.lower_bound == found.discrepancy == pytest.approx(best_of_all(points, 4, keep), abs=1e-8)


def test_a_proof_finds_what_the_search_missed():
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    from carps_lite.analysis.subset.proof import prove_optimum

    points = np.random.default_rng(5).random((12, 2))
    start = (0, 1, 2, 3)
    proof = prove_optimum(points, start, star_discrepancy(points[list(start)]), 0.0, (), np.empty((0, 3)), 20, 0, 1)
    assert proof.proven
    assert proof.discrepancy == pytest.approx(best_of_all(points, 4), abs=1e-8)
    assert star_discrepancy(points[list(proof.indices)]) == pytest.approx(proof.discrepancy, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(0, 2))
def test_the_lower_bound_is_below_every_subset(seed, k, kept):
    points = clumped(7, 2, seed)
    keep = tuple(range(min(k, kept)))
    assert lower_bound(points, k, keep) <= best_of_all(points, k, keep) + 1e-12


@pytest.mark.parametrize("k", [1, 20, 64, 100])
def test_any_size_works_and_beats_random_subsets(k):
    points = np.random.default_rng(0).random((150, 2))
    found = select_subset(points, k, seed=1, time_limit=None, max_steps=150)
    assert found.indices == tuple(sorted(set(found.indices)))
    assert len(found.indices) == k
    assert found.discrepancy == pytest.approx(star_discrepancy(points[list(found.indices)]), abs=1e-12)
    rng = np.random.default_rng(2)
    drawn = [star_discrepancy(points[rng.choice(150, k, replace=False)]) for _ in range(30)]
    assert found.lower_bound <= found.discrepancy < min(drawn)


def test_the_same_seed_and_steps_give_the_same_subset():
    points = np.random.default_rng(0).random((80, 3))
    rows = [
        select_subset(points, 12, seed=seed, time_limit=None, max_steps=400, n_processes=n).indices
        for seed, n in [(4, 1), (4, 1), (5, 1), (4, 2), (4, 2)]
    ]
    assert rows[0] == rows[1] != rows[2]
    assert rows[3] == rows[4]


def test_more_walks_are_not_worse():
    points = np.random.default_rng(1).random((80, 3))
    one, three = (select_subset(points, 12, time_limit=None, max_steps=300, n_processes=n) for n in (1, 3))
    assert three.discrepancy <= one.discrepancy
    assert three.steps == 900


def test_the_arguments_and_the_global_generator_stay_as_they_are():
    points = np.random.default_rng(1).random((30, 3))
    before, state = points.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    select_subset(points, 5, time_limit=None, max_steps=50)
    assert (points == before).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_rows_to_keep_stay():
    points = clumped(60, 3, 0)
    keep = (3, 17, 42)
    found = select_subset(points, 10, time_limit=None, max_steps=500, keep=keep)
    assert set(keep) <= set(found.indices)
    assert len(set(found.indices)) == 10
    assert select_subset(points, 3, max_steps=5, keep=keep).indices == keep


def test_all_points_are_one_subset():
    points = clumped(12, 3, 1)
    found = select_subset(points, 12)
    assert found.indices == tuple(range(12))
    assert found.proven
    assert found.discrepancy == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


def test_time_is_limited_by_the_clock_given_and_progress_is_told():
    ticks, told = iter(np.arange(0, 1e6, 0.02)), []
    points = np.random.default_rng(3).random((40, 3))
    found = select_subset(points, 8, time_limit=2, prove=False, clock=lambda: float(next(ticks)), progress=told.append)
    assert 1.9 < found.seconds < 2.5
    assert len(told) > 5
    assert all(a.discrepancy >= b.discrepancy for a, b in pairwise(told))
    assert told[-1].lower_bound <= found.discrepancy <= told[-1].discrepancy


def test_an_interrupted_search_gives_its_best_so_far():
    points = np.random.default_rng(3).random((200, 3))
    select_subset(points, 20, time_limit=None, max_steps=1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
    try:
        timer = threading.Timer(0.4, _thread.interrupt_main)
        timer.start()
        found = select_subset(points, 20, time_limit=60)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.interrupted
    assert not found.proven
    assert found.seconds < 30
    assert found.discrepancy == pytest.approx(star_discrepancy(points[list(found.indices)]), abs=1e-12)


@pytest.mark.parametrize("method", ["sequential", "split", "joint"])
@pytest.mark.parametrize("per_group", [1, 4, 25])
def test_several_subsets_share_no_task_and_no_group(method, per_group):
    points, sizes = clumped(100, 3, 2), (8, 12)
    groups = [f"f{i // per_group}" for i in range(100)]
    found = select_subsets(points, sizes, groups, method=method, seed=1, time_limit=None, max_steps=200)
    assert tuple(len(set(one.indices)) for one in found) == sizes
    first, second = ({groups[row] for row in one.indices} for one in found)
    assert not first & second
    for one in found:
        assert one.discrepancy == pytest.approx(star_discrepancy(points[list(one.indices)]), abs=1e-12)
        assert one.lower_bound <= one.discrepancy
        assert not one.proven
    again = select_subsets(points, sizes, groups, method=method, seed=1, time_limit=None, max_steps=200)
    assert [one.indices for one in again] == [one.indices for one in found]


@pytest.mark.parametrize("method", ["sequential", "split", "joint"])
def test_several_subsets_keep_their_members(method):
    points, groups = clumped(60, 2, 5), [i // 3 for i in range(60)]
    found = select_subsets(points, (6, 6), groups, method=method, time_limit=None, max_steps=100, keep=[(0, 1), (30,)])
    assert {0, 1} <= set(found[0].indices)
    assert 30 in found[1].indices
    assert not {groups[row] for row in found[0].indices} & {groups[row] for row in found[1].indices}


def test_one_subset_of_a_sequence_is_proven_and_the_next_among_what_it_left():
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    points = clumped(14, 2, 3)
    first, second = select_subsets(points, (4, 4), range(14), method="sequential", time_limit=20)
    assert first.proven
    assert second.proven
    assert first.discrepancy == first.lower_bound == pytest.approx(best_of_all(points, 4), abs=1e-8)
    left = points[[row for row in range(14) if row not in first.indices]]
    assert second.discrepancy == pytest.approx(best_of_all(left, 4), abs=1e-8)


@pytest.mark.parametrize("method", ["split", "joint"])
def test_together_a_subset_is_proven_where_it_is_the_best_of_all_rows(method):
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    points = clumped(12, 2, 6)
    best = best_of_all(points, 3)
    found = select_subsets(points, (3, 3), range(12), method=method, time_limit=4)
    for one in found:
        assert one.lower_bound <= best + 1e-8
        assert not one.proven or one.discrepancy == pytest.approx(best, abs=1e-8)
    if method == "joint":
        assert any(one.proven for one in found) == (min(one.discrepancy for one in found) <= best + 1e-8)


@pytest.mark.parametrize(
    ("points", "k"),
    [
        ([[0.813], [0.655], [0.468], [0.312], [0.423]], 2),
        (
            [[0.441, 0.397], [0.977, 0.14], [0.462, 0.72], [0.861, 0.86], [0.643, 0.944], [0.971, 0.484],
             [0.453, 0.451], [0.783, 0.179], [0.787, 0.17], [0.822, 0.894], [0.103, 0.977]],
            3,
        ),
    ],
)  # fmt: skip
def test_a_bound_just_below_the_optimum_does_not_end_the_proof(points, k):
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    best = best_of_all(np.array(points), k)
    assert 1e-8 < best - lower_bound(np.array(points), k) < 1e-3
    found = select_subset(points, k, time_limit=20, prove=True)
    assert found.proven
    assert found.lower_bound == found.discrepancy == pytest.approx(best, abs=1e-8)


@pytest.mark.parametrize("make", [clumped, lambda n, d, seed: np.random.default_rng(seed).random((n, d))])
def test_small_cases_are_proven_unasked(make):
    pytest.importorskip("ortools", reason="ortools is not installed: pip install 'carps-lite[subset]'")
    found = select_subset(make(30, 3, 2), 10, seed=2, time_limit=60)
    assert found.proven
    assert found.lower_bound == found.discrepancy
    assert found.seconds < 60


def test_more_time_goes_on_from_where_less_time_ended():
    points, told = np.random.default_rng(3).random((60, 3)), []
    for limit in (0.5, 1.0):
        ticks, seen = iter(np.arange(0, 1e6, 0.02)), []
        select_subset(
            points, 9, time_limit=limit, prove=False, clock=lambda t=ticks: float(next(t)), progress=seen.append,
            progress_every=0.0,
        )  # fmt: skip
        told.append([(one.indices, one.steps) for one in seen])
    short, long = told
    assert len(short) > 5
    assert long[: len(short)] == short
    assert len(long) > len(short)


def test_joint_subsets_are_balanced_where_sequential_ones_are_not():
    """Few good points: the first of the sequence takes them, together they share."""
    rng = np.random.default_rng(0)
    points = np.vstack([rng.random((30, 2)), 0.2 * rng.random((60, 2))])
    sequential, joint = (
        select_subsets(points, (10, 10), range(90), method=method, seed=0, time_limit=None, max_steps=500)
        for method in ("sequential", "joint")
    )
    assert max(one.discrepancy for one in joint) <= max(one.discrepancy for one in sequential)


@pytest.mark.data
@pytest.mark.parametrize("name", ["uni_27_9_3", "clump_60_10_3", "clump_106_20_3", "clump_2188_20_3", "clump_100_12_6"])
def test_the_search_is_not_worse_than_the_reference(name):
    if not (INSTANCES / f"{name}.npy").is_file():
        pytest.skip("the instances are not here")
    wanted = json.loads((INSTANCES / "reference.json").read_text(encoding="utf-8"))[name]
    points = np.load(INSTANCES / f"{name}.npy")
    found = select_subset(points, wanted["k"], seed=0, time_limit=None, max_steps=4000)
    best = min(wanted["reference_best"], wanted.get("prototype_3_cpu_seconds", 1))
    assert found.discrepancy <= best + 1e-6


POINTS = np.random.default_rng(0).random((6, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 7}, "k must be at most the number of points, 6, got 7"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"k": 2.0}, "k must be a whole number, got 2.0"),
        ({"k": 2, "keep": (6,)}, "no row 6; rows are 0 to 5"),
        ({"k": 1, "keep": (0, 1)}, "2 rows are to be kept, more than k=1"),
        ({"k": 2, "time_limit": None}, "give time_limit or max_steps"),
        ({"k": 2, "time_limit": 0}, "time_limit must be above 0"),
        ({"k": 2, "seed": -1}, "seed must be at least 0, got -1"),
        ({"k": 2, "points": np.full((5, 2), 0.25)}, r"all 5 points are equal, \[0.25, 0.25\]"),
        ({"k": 2, "points": [[0.2, np.nan], [0.1, 0.3]]}, "row 0 is NaN"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message):
    given_ = {"points": POINTS, **arguments}
    with pytest.raises(InputError, match=message):
        select_subset(given_.pop("points"), given_.pop("k"), **given_)


@pytest.mark.parametrize(
    ("sizes", "groups", "options", "message"),
    [
        ((2, 2), range(6), {"method": "joined"}, "did you mean 'joint'"),
        ((4, 4), range(6), {}, "8 rows in all are more than the 6"),
        ((2, 2), range(5), {}, "a group for each of 6 rows, got 5"),
        ((2, 2), [0] * 6, {}, "no way found to give subsets of 2, 2 rows groups of their own: 1 groups"),
        ((2, 2), [0, 0, 1, 1, 2, 2], {"keep": [(0,), (1,)]}, "group 0 has rows to keep in more than one subset"),
        ((2, 2), range(6), {"keep": [(0,)]}, "keep must have rows for each of 2 subsets, got 1"),
        ((), range(6), {}, "at least one size"),
    ],
)
def test_bad_arguments_for_several_are_one_line(sizes, groups, options, message):
    with pytest.raises(InputError, match=message):
        select_subsets(POINTS, sizes, list(groups), **{"time_limit": 1, **options})
