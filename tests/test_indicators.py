"""IGD+, additive epsilon and attainment surfaces against published examples and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite.analysis import indicators


def point_sets(min_size=1, max_size=6):
    point = st.tuples(st.integers(0, 6), st.integers(0, 6))
    return st.lists(point, min_size=min_size, max_size=max_size).map(lambda p: np.array(p, dtype=float).reshape(-1, 2))


def test_igd_plus_of_its_papers_example():
    """Ishibuchi et al. 2015, example 4: B is dominated by A, which IGD+ says and IGD does not."""
    reference = np.array([[10, 0], [6, 1], [2, 2], [1, 6], [0, 10]])
    a, b = np.array([[4, 2], [3, 3], [2, 4]]), np.array([[8, 2], [4, 4], [2, 8]])
    assert indicators.igd_plus(a, reference) == pytest.approx(1.482842712474619)
    assert indicators.igd_plus(b, reference) == pytest.approx(2.260112615949154)


@given(point_sets(), point_sets())
def test_definitions(points, reference):
    missed = np.maximum(points[None] - reference[:, None], 0)
    assert indicators.igd_plus(points, reference) == pytest.approx(
        np.sqrt((missed**2).sum(axis=2)).min(axis=1).mean(), abs=1e-9
    )
    worst = (points[None] - reference[:, None]).max(axis=2)
    assert indicators.epsilon_additive(points, reference) == pytest.approx(worst.min(axis=1).max(), abs=1e-9)


def test_igd_plus_is_pymoos():
    pymoo = pytest.importorskip("pymoo.indicators.igd_plus", reason="pymoo is in the extra pymoo")
    rng = np.random.default_rng(0)
    for m in (2, 3):
        points, reference = rng.random((9, m)), indicators.front(rng.random((30, m)))
        assert indicators.igd_plus(points, reference) == pytest.approx(pymoo.IGDPlus(reference)(points))


@given(point_sets(), point_sets(), st.data())
def test_losing_a_point_never_helps(points, reference, data):
    i = data.draw(st.integers(0, len(points) - 1))
    fewer, failed = np.delete(points, i, axis=0), points.copy()
    failed[i] = np.nan
    for indicator in (indicators.igd_plus, indicators.epsilon_additive):
        assert indicator(fewer, reference) >= indicator(points, reference) - 1e-12
        assert indicator(failed, reference) == indicator(fewer, reference)


def test_without_points_nothing_is_reached():
    reference = np.array([[0.0, 0.0]])
    assert indicators.igd_plus(np.empty((0, 2)), reference) == np.inf
    assert indicators.epsilon_additive([[np.inf, 1.0]], reference) == np.inf
    with pytest.raises(ValueError, match="at least one point"):
        indicators.igd_plus([[1.0, 1.0]], np.empty((0, 2)))


@given(point_sets())
def test_front_is_what_nobody_dominates(points):
    unique = np.unique(points, axis=0)
    dominated = [any((q <= p).all() and (q < p).any() for q in unique) for p in unique]
    assert indicators.front(points).tolist() == unique[~np.array(dominated)].tolist()


def test_scaling_by_fixed_points():
    assert indicators.scaled([[1.0, 10.0], [3.0, 30.0]], [1, 10], [3, 20]).tolist() == [[0, 0], [1, 2]]
    with pytest.raises(ValueError, match="below the reference"):
        indicators.scaled([[1.0, 1.0]], [1, 1], [2, 1])


@settings(max_examples=60)
@given(st.lists(point_sets(min_size=0, max_size=4), min_size=1, max_size=6), st.sampled_from([0.1, 0.25, 0.5, 0.75, 1]))
def test_attainment_point_by_point(runs, share):
    """Every point of the grid: dominated by the surface exactly where enough runs attained it."""
    (surface,) = indicators.attainment_surfaces(runs, [share])
    assert surface.shape[1] == 2
    for x in np.ndindex(8, 8):
        attained = sum(bool((points <= x).all(axis=1).any()) for points in runs)
        assert bool((surface <= x).all(axis=1).any()) == (attained / len(runs) >= share - 1e-12)
    assert indicators.front(surface).tolist() == surface.tolist()


def test_runs_without_points_keep_the_median_back():
    runs = [[[1.0, 1.0]], np.empty((0, 2)), np.empty((0, 2)), [[2.0, 0.0]]]
    best, median, worst = indicators.attainment_surfaces(runs, (0.25, 0.5, 1.0))
    assert best.tolist() == [[1, 1], [2, 0]]
    assert median.tolist() == [[2, 1]]
    assert worst.shape == (0, 2)
    assert indicators.attainment_surfaces([np.empty((0, 2))])[0].shape == (0, 2)
    with pytest.raises(ValueError, match="share"):
        indicators.attainment_surfaces(runs, [0.0])
