"""The two-objective multi-fidelity problem: its front at every fidelity, by search and by its equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite.errors import InputError
from carps_lite.tasks.momf_functions import MFZDT, SHAPES

unit = st.floats(0, 1)


def at(task, x, percent=None):
    answer = task.evaluate(dict(zip(task.problem.space, x, strict=True)), percent, 0)
    return answer["f1"], answer["f2"]


@given(st.sampled_from(sorted(SHAPES)), st.lists(unit, min_size=2, max_size=8), st.integers(1, 100))
def test_no_configuration_lies_below_the_front_nor_beyond_the_reference(shape, x, percent):
    task = MFZDT(shape, len(x))
    f1, f2 = at(task, x, percent)
    front = task.pareto_front(2001, percent)
    assert f2 >= np.interp(f1, front[:, 0], front[:, 1]) - 0.03  # the chord lies above a convex front near 0
    assert f1 < task.problem.reference[0]
    assert f2 < task.problem.reference[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percent", [1, 25, 60, 100])
def test_the_front_is_reached_where_it_is_said(shape, percent):
    task, missing = MFZDT(shape, 5), 1 - percent / 100
    front = task.pareto_front(50, percent)
    for f1, f2 in front:
        assert at(task, [f1] + [0.3 * missing] * 4, percent) == pytest.approx((f1, f2), abs=1e-12)
    assert (np.diff(front[:, 0]) > 0).all()
    assert (np.diff(front[:, 1]) < 0).all()  # so none of its points dominates another


@given(st.sampled_from(sorted(SHAPES)), unit, st.integers(1, 100), st.floats(0, 1), st.floats(0, 1))
def test_f2_grows_with_the_distance(shape, f1, percent, a, b):
    task = MFZDT(shape, 2)
    best = 0.3 * (1 - percent / 100)
    near, far = sorted((a * (1 - best), b * (1 - best)))
    assert at(task, (f1, best + near), percent)[1] <= at(task, (f1, best + far), percent)[1] + 1e-12


def test_the_full_fidelity_is_that_of_zdt():
    problems = pytest.importorskip("pymoo.problems.multi.zdt", reason="needs the extra 'pymoo'")
    for shape, other in (("convex", problems.ZDT1(n_var=6)), ("concave", problems.ZDT2(n_var=6))):
        for x in np.random.default_rng(0).random((30, 6)):
            assert at(MFZDT(shape, 6), x.tolist()) == pytest.approx(tuple(other.evaluate(x)))


def test_low_fidelities_prefer_other_configurations_and_cost_less():
    task = MFZDT("convex", 3)
    assert at(task, (0.5, 0.3, 0.3), 1)[1] < at(task, (0.5, 0.0, 0.0), 1)[1]
    assert at(task, (0.5, 0.3, 0.3), 100)[1] > at(task, (0.5, 0.0, 0.0), 100)[1]
    costs = [task.evaluate(task.problem.space.default, z, 0)["cost"] for z in (1, 10, 50, 100)]
    assert costs == sorted(costs)
    assert costs[-1] == 1.0
    assert task.problem.kind == "momf"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("convexe", 3), "mfzdt: no shape 'convexe'; did you mean 'convex'?"),
        (("convex", 1), "mfzdt: dim must be a whole number from 2, got 1"),
    ],
)
def test_wrong_options_are_one_line(options, message):
    with pytest.raises(InputError) as caught:
        MFZDT(*options)
    assert str(caught.value) == message
