"""SBOX-COST and MA-BBOB against bare ioh, and what tells them from BBOB."""

import pickle

import numpy as np
import pytest

from carps_lite.errors import InputError, MissingDependency
from carps_lite.tasks.bbob import BBOB
from carps_lite.tasks.ioh_suites import MABBOB, SBOX

ioh = pytest.importorskip("ioh", reason="needs the extra 'bbob'")


def value(task, x):
    return task.evaluate(dict(zip(task.problem.space, map(float, x), strict=True)), None, 0)["value"]


def points(dim, n=30):
    return np.random.default_rng(0).uniform(-5, 5, (n, dim))


@pytest.mark.parametrize("fid", range(1, 25))
def test_sbox_is_that_of_ioh_and_its_optimum_is_reached_and_unbeaten(fid):
    task, bare = SBOX(5, fid, 2), ioh.get_problem(fid, 2, 5, ioh.ProblemClass.SBOX)
    assert [value(task, x) for x in points(5)] == [bare(x.tolist()) for x in points(5)]
    assert value(task, bare.optimum.x) == pytest.approx(task.optimum, abs=1e-8)
    assert min(value(task, x) for x in points(5, 300)) > task.optimum
    assert task.optimum == BBOB(5, fid, 2).optimum


def test_sbox_is_a_bbob_function_that_was_moved():
    """The sphere: squared distance to an optimum that lies outside of [-4, 4] in some instance."""
    farthest = 0.0
    for instance in range(1, 15):
        best = np.array(ioh.get_problem(1, instance, 3, ioh.ProblemClass.SBOX).optimum.x)
        task = SBOX(3, 1, instance)
        for x in points(3, 5):
            assert value(task, x) == pytest.approx(((x - best) ** 2).sum() + task.optimum)
        farthest = max(farthest, np.abs(best).max())
    assert 4 < farthest <= 5


@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("instance", [1, 2, 77, 10001])
def test_mabbob_is_that_of_ioh_and_its_optimum_is_zero(dim, instance):
    task, bare = MABBOB(dim, instance), ioh.problem.ManyAffine(instance, dim)
    assert [value(task, x) for x in points(dim)] == [bare(x.tolist()) for x in points(dim)]
    assert value(task, bare.optimum.x) == pytest.approx(task.optimum, abs=1e-9)
    assert task.optimum == pytest.approx(0.0, abs=1e-10)
    assert min(value(task, x) for x in points(dim, 300)) > 1e-6


def test_a_mixture_depends_on_its_instance_alone():
    for instance in (1, 5):
        small, large = (ioh.problem.ManyAffine(instance, dim).weights for dim in (2, 7))
        assert list(small) == list(large)
        assert sum(small) == pytest.approx(1)
    assert value(MABBOB(2, 1), (1, 1)) != value(MABBOB(2, 2), (1, 1))


@pytest.mark.parametrize("task", [SBOX(3, 7, 2), MABBOB(3, 7)])
def test_tasks_travel_before_and_after_use(task):
    x = points(3)[0]
    before = pickle.loads(pickle.dumps(task))
    assert value(before, x) == value(task, x) == value(pickle.loads(pickle.dumps(task)), x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SBOX(5, 25), "sbox: fid must be 1 to 24, got 25"),
        (lambda: SBOX(1), "sbox: dim must be at least 2, got 1"),
        (lambda: SBOX(2, 1, 0), "sbox: instance must be 1 to 2147483647, got 0"),
        (lambda: MABBOB(101), "mabbob: dim must be 2 to 100, got 101"),
        (lambda: MABBOB(2, 0), "mabbob: instance must be 1 to 2147483647, got 0"),
        (lambda: MABBOB("5"), "mabbob: dim must be a whole number, got '5'"),
    ],
)
def test_wrong_options_are_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ioh", None)
    for task in (SBOX(), MABBOB()):
        with pytest.raises(MissingDependency, match=r"^(sbox|mabbob) needs ioh: pip install 'carps-lite\[bbob\]'"):
            task.evaluate(task.problem.space.default, None, 0)
