"""The star discrepancy against closed forms, published values and a walk over every node of the grid."""

import json
import subprocess
import sys
from importlib import import_module
from itertools import count, product
from math import comb
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis.subset.plain import star_discrepancy_by_grid
from carps_lite.errors import InputError

pytest.importorskip("numba", reason="numba is not installed: pip install 'carps-lite[subset]'")

from carps_lite.analysis.subset import attaining_box, bounds, star_discrepancy

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SHAPES = st.sampled_from([(n, d) for d in (1, 2, 3, 4) for n in range(1, 8)])
TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(float, SHAPES, elements=TIED))
def test_ties_and_borders_agree_with_the_whole_grid(points):
    assert star_discrepancy(points) == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(float, SHAPES, elements=st.floats(0, 1)))
def test_any_points_agree_with_the_whole_grid(points):
    assert star_discrepancy(points) == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(63, 2), (64, 2), (65, 2), (130, 2), (70, 3), (9, 5)])
def test_bit_sets_of_several_words_agree_with_the_whole_grid(n, d):
    points = np.random.default_rng(n).random((n, d)).round(2)
    assert star_discrepancy(points) == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(float, st.sampled_from([(3, 5), (5, 5), (3, 6), (4, 6), (2, 7)]), elements=TIED | st.floats(0, 1)))
def test_many_dimensions_agree_with_the_whole_grid(points):
    assert star_discrepancy(points) == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


@pytest.mark.parametrize(("n", "d", "cells"), [(30, 3, 1000), (18, 4, 1000), (200, 3, 10), (150, 4, 8), (90, 5, 4)])
@pytest.mark.parametrize("make", ["uniform", "clumped", "in a corner"])
def test_sets_that_are_mostly_cut_off_agree_with_the_whole_grid(n, d, cells, make):
    """Points on {0, ..., cells}/cells, with duplicates and points at 0 and 1; most boxes are never looked at."""
    rng = np.random.default_rng(n * d)
    drawn = rng.random((n, d)) if make == "uniform" else np.clip(rng.normal(0.4, 0.4, (n, d)), 0, 1)
    points = (drawn**3 if make == "in a corner" else drawn) * cells // 1 / cells
    assert star_discrepancy(points) == pytest.approx(star_discrepancy_by_grid(points), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(float, SHAPES, elements=TIED | st.floats(0, 1)))
def test_the_attaining_box_has_that_discrepancy(points):
    box = attaining_box(points)
    corner = np.array(box.corner)
    within = (points <= corner if box.closed else points < corner).all(axis=1).sum()
    assert within == box.inside
    sign = 1 if box.closed else -1
    assert sign * (within / len(points) - np.prod(corner)) == pytest.approx(box.discrepancy, abs=1e-12)


def test_one_dimension_is_the_closed_form():
    """Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods (1992), theorem 2.6."""
    for n in (1, 2, 5, 100):
        x = np.sort(np.random.default_rng(n).random(n))
        expected = 0.5 / n + np.abs(x - (2 * np.arange(1, n + 1) - 1) / (2 * n)).max()
        assert star_discrepancy(x[:, None]) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(float, st.tuples(st.just(1), st.integers(1, 8)), elements=st.floats(0, 1)), st.integers(1, 70))
def test_one_point_and_its_duplicates_are_the_closed_form(point, copies):
    """The closed box up to the point, or the open box that ends at its largest coordinate."""
    expected = max(1 - point.prod(), point.max())
    assert star_discrepancy(np.repeat(point, copies, axis=0)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("m", "d"), [(1, 1), (7, 1), (4, 2), (9, 2), (3, 3), (5, 3), (2, 5), (2, 8)])
def test_full_grids_are_the_closed_form(m, d):
    """At {0, ..., m-1}/m and at the centres of the cells, the smallest closed box around all points is the worst."""
    corner = np.array(list(product(np.arange(m) / m, repeat=d)))
    assert star_discrepancy(corner) == pytest.approx(1 - (1 - 1 / m) ** d, abs=1e-12)
    assert star_discrepancy(corner + 0.5 / m) == pytest.approx(1 - (1 - 0.5 / m) ** d, abs=1e-12)


def van_der_corput(i):
    return int(f"{i:b}"[::-1], 2) / 2 ** len(f"{i:b}")


@pytest.mark.parametrize("m", range(2, 11))
def test_hammersley_points_have_the_published_value(m):
    """Halton and Zaremba, The extreme and L2 discrepancies of some plane sets (Monatsh. Math. 73, 1969)."""
    n = 2**m
    points = [(van_der_corput(i), i / n) for i in range(n)]
    assert n * star_discrepancy(points) == pytest.approx(m / 3 + 13 / 9 - (-1) ** m * 4 / (9 * n), abs=1e-9)


def test_halton_points_in_base_two_have_the_published_value():
    """Béjian and Faure, Discrépance de la suite de van der Corput (C. R. Acad. Sci. Paris 285, 1977).

    n D*_n is the sum over r >= 1 of the distance of n / 2^r to the nearest whole number.
    """
    qmc = pytest.importorskip("scipy.stats.qmc", reason="scipy is not installed")
    points = qmc.Halton(1, scramble=False).random(1000)
    for n in (1, 2, 3, 5, 21, 64, 85, 171, 683, 1000):
        parts = n / 2.0 ** np.arange(1, 60)
        assert n * star_discrepancy(points[:n]) == pytest.approx(np.abs(parts - np.round(parts)).sum(), abs=1e-9)


def faure(n, d, base):
    """The first n points of the Faure sequence: the digits of i, times the d powers of Pascal's matrix."""
    digits = np.array([[i // base**r % base for r in range(3)] for i in range(n)])
    points = np.zeros((n, d))
    for j in range(d):
        power = np.array([[comb(h, r) * j ** (h - r) if h >= r else 0 for h in range(3)] for r in range(3)])
        points[:, j] = (digits @ power.T % base) @ (1 / float(base) ** np.arange(1, 4))
    return points


@pytest.mark.parametrize(("n", "d", "base", "published"), [(121, 8, 11, 0.1702), (121, 9, 11, 0.2121)])
def test_faure_points_have_a_box_of_the_published_value(n, d, base, published):
    """Gnewuch, Wahlström, Winzen (SIAM J. Numer. Anal. 50, 2012), their table of exact values, to four digits.

    An exact computation in so many dimensions takes minutes; threshold accepting finds the box that attains the value.
    """
    from carps_lite.analysis.subset import accepting, pool

    points = faure(n, d, base)
    grid, rng, row = pool.make_grid(points), np.array([7], np.uint64), np.zeros(d + 2)
    found = max(accepting.accept(points, grid, closed, 200, rng, row) for closed in (False, True) for _ in range(8))
    assert found == pytest.approx(published, abs=5e-5)


def test_the_best_single_point_of_the_square_has_the_published_value():
    """Clement, Doerr, Klamroth, Paquete (arXiv 2311.17463) after White (1977): the golden section."""
    golden = (np.sqrt(5) - 1) / 2
    assert star_discrepancy([[golden, golden]]) == pytest.approx(golden, abs=1e-12)


def test_a_subset_of_carps_has_its_published_discrepancy():
    path = SHARED / "oracles" / "carps_subset_points_k100.csv"
    if not path.is_file():
        pytest.skip("the points of carps' subset are not here")
    points = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2, 3))
    assert points.shape == (100, 3)
    assert star_discrepancy(points) == pytest.approx(0.7972267, abs=1e-6)


def test_order_and_repetition_change_nothing():
    rng = np.random.default_rng(0)
    points = rng.random((40, 4)).round(2)
    value = star_discrepancy(points)
    assert star_discrepancy(points[rng.permutation(40)][:, [2, 0, 3, 1]]) == pytest.approx(value, abs=1e-12)
    assert star_discrepancy(np.vstack([points] * 3)) == pytest.approx(value, abs=1e-12)


def test_a_large_set_goes_by_slabs_to_the_same_value(monkeypatch):
    from carps_lite.analysis.subset import discrepancy

    for points in (np.random.default_rng(3).random((90, 3)), np.random.default_rng(4).random((20, 1))):
        value = star_discrepancy(points)
        monkeypatch.setattr(discrepancy, "SMALL", 0)
        assert star_discrepancy(points) == pytest.approx(value, abs=1e-12)
        monkeypatch.undo()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d", "seconds"), [(1000, 3, 1), (1000, 2, 1), (50, 6, 1), (100, 6, 2), (50, 8, 2)])
def test_it_is_fast(n, d, seconds):
    points = np.random.default_rng(0).random((n, d))
    star_discrepancy(points[:2])
    began = process_time()
    star_discrepancy(points)
    assert process_time() - began < seconds


def without_enumeration(monkeypatch):
    module = import_module("carps_lite.analysis.subset.bounds")  # the package's `bounds` is the function
    monkeypatch.setattr(module, "QUICK", 0)
    monkeypatch.setattr(module, "BOXES_PER_SECOND", 0)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(float, SHAPES, elements=TIED | st.floats(0, 1)), st.integers(0, 9))
def test_bounds_bracket_the_value_and_end_at_it(points, seed):
    """Threshold accepting and the cover alone; small covers are refined to the end."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        without_enumeration(monkeypatch)
        ticks = count(step=0.01)
        found = bounds(points, seed=seed, time_limit=1, clock=lambda: next(ticks))
    value = star_discrepancy_by_grid(points)
    assert found.exact
    assert found.lower == pytest.approx(value, abs=1e-12)
    assert found.upper == pytest.approx(value, abs=1e-12)


def test_bounds_hold_where_enumeration_is_out_of_reach():
    """A full grid of 10,000 points in d = 4, whose discrepancy is known in closed form."""
    points = np.array(list(product(np.arange(10) / 10, repeat=4)))
    found = bounds(points, time_limit=2)
    assert found.lower <= 1 - 0.9**4 + 1e-12
    assert found.upper >= 1 - 0.9**4 - 1e-12
    assert found.gap < 0.5


def test_more_time_narrows_the_bounds(monkeypatch):
    points = np.random.default_rng(0).random((100, 5))
    value = star_discrepancy(points)
    without_enumeration(monkeypatch)
    ticks = count(step=0.01)
    short, long = (bounds(points, time_limit=limit, clock=lambda: next(ticks)) for limit in (0.1, 0.3))
    for found in (short, long):
        assert found.lower <= value + 1e-12
        assert found.upper >= value - 1e-12
    assert long.gap < short.gap
    assert "between" in str(short)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (20, 5)])
def test_threshold_accepting_finds_an_attained_value_near_the_exact_one(n, d):
    points = np.random.default_rng(n).random((n, d))
    value = star_discrepancy(points)
    from carps_lite.analysis.subset import accepting, pool

    row, rng = np.zeros(d + 2), np.array([7], np.uint64)
    best = 0.0
    for closed in (False, True):
        found = accepting.accept(points, pool.make_grid(points), closed, 40, rng, row)
        within = (points <= row[:d] if closed else points < row[:d]).all(axis=1).sum()
        sign = 1 if closed else -1
        assert found == pytest.approx(sign * (within / n - row[:d].prod()), abs=1e-12)
        assert (row[d], row[d + 1]) == (closed, within)
        best = max(best, found)
    assert 0.9 * value <= best <= value + 1e-12


def test_exact_bounds_say_so():
    found = bounds([[0.5, 0.5]])
    assert found.lower == found.upper == 0.75
    assert found.box.corner == (0.5, 0.5)
    assert str(found) == "star discrepancy 0.75 (exact)"
    with pytest.raises(InputError, match="time_limit must be above 0"):
        bounds([[0.5, 0.5]], time_limit=0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.1, 0.2], [np.nan, 0.3], [0.5, np.inf]], "rows 1, 2 are NaN or infinite"),
        ([[0.1, 0.2], [0.5, 1.5]], "row 1 is outside, such as 1.5"),
        ([[-0.1, 0.2]] * 7, r"rows 0, 1, 2, 3, 4, ... \(7 in all\) are outside"),
        ([0.1, 0.2], r"shape \(2,\)"),
        (np.empty((0, 3)), r"shape \(0, 3\)"),
        ([["a", "b"]], "numbers in"),
    ],
)
def test_bad_points_are_one_line(points, message):
    with pytest.raises(InputError, match=message) as raised:
        star_discrepancy(points)
    assert "\n" not in str(raised.value)


def test_importing_the_package_loads_no_numba():
    code = (
        "import sys, json, carps_lite.analysis.subset as s\n"
        "print(json.dumps([m for m in ('numba', 'ortools', 'scipy', 'pandas', 'matplotlib') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_without_numba_one_line_names_the_extra():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from carps_lite.analysis.subset import star_discrepancy\n"
        "from carps_lite.errors import MissingDependency\n"
        "try: star_discrepancy([[0.5]])\n"
        "except MissingDependency as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the subset search needs numba: pip install 'carps-lite[subset]'"
