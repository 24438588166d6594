"""The hypervolume score against closed forms, pymoo's value and inclusion–exclusion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite.hypervolume import gap, hypervolume


def test_published_example():
    """The value on which moocore, pymoo and Optuna agree."""
    assert hypervolume([(1, 5), (2, 3), (3, 2.5), (5, 1), (4, 4)], (6, 6)) == 16.0


def test_nothing_inside_is_the_whole_gap():
    assert gap([], (1, 1), (0, 0)) == 1.0
    assert gap([(1, 0), (np.nan, 0.5), (2, 2)], (1, 1), (0, 0)) == 1.0


def test_the_ideal_point_closes_the_gap():
    assert gap([(3.0, -1.0, 2.0)], (4, 5, 6), (3, -1, 2)) == pytest.approx(0.0, abs=1e-15)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=0, max_size=8))
def test_hypervolume_counts_dominated_cells(points):
    """On whole numbers the hypervolume is the number of unit cells that some point dominates."""
    cells = sum(any(all(p <= c for p, c in zip(q, cell, strict=True)) for q in points) for cell in np.ndindex(6, 6, 6))
    assert hypervolume(np.array(points, dtype=float).reshape(-1, 3), (6, 6, 6)) == pytest.approx(cells)


def test_an_ideal_beyond_the_reference_is_refused():
    with pytest.raises(ValueError, match="must lie below"):
        gap([(0, 0)], (1, 1), (0, 1))
