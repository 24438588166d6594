"""bbob-constrained against cocoex: its values, its constraints, and the best point that it writes into a file."""

import pickle

import numpy as np
import pytest

from carps_lite.errors import InputError, MissingDependency
from carps_lite.tasks.bbob_constrained import BBOBConstrained, best_point

cocoex = pytest.importorskip("cocoex", reason="needs carps-lite[coco]")

SOME = [(fid, dim, instance) for fid in range(1, 55) for dim, instance in ((2, 1), (5, 3), (10, 7))]


@pytest.fixture(scope="module")
def suite():
    return cocoex.Suite("bbob-constrained", "instances: 1-15", "dimensions: 2,5,10")


@pytest.mark.parametrize(("fid", "dim", "instance"), SOME[::7])
def test_values_and_constraints_are_cocos(suite, fid, dim, instance):
    task = BBOBConstrained(dim, fid, instance)
    coco = suite.get_problem_by_function_dimension_instance(fid, dim, instance)
    assert len(task.problem.constraints) == coco.number_of_constraints
    assert all((p.low, p.high) == (-5, 5) for p in task.problem.space.values())
    assert (coco.lower_bounds == -5).all()
    assert (coco.upper_bounds == 5).all()
    for config in task.problem.space.decode_many(np.random.default_rng(0).random((20, dim))):
        x = np.array(list(config.values()))
        assert list(task.evaluate(config, None, 0).values()) == [coco(x), *coco.constraint(x)]


def test_the_best_points_are_cocos(suite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for fid, dim, instance in SOME:
        coco = suite.get_problem_by_function_dimension_instance(fid, dim, instance)
        coco._best_parameter("print")  # COCO's way to tell
        written = np.loadtxt("._bbob_problem_best_parameter.txt")
        assert best_point(fid, dim, instance) == pytest.approx(written, abs=1e-12)
        assert max(coco.constraint(written)) <= 1e-9
        coco.free()


@pytest.mark.parametrize("fid", range(1, 55, 4))
def test_nothing_feasible_near_the_best_point_is_better(fid):
    """Steps of all sizes; most functions have active constraints there, without which it would not be the best."""
    task = BBOBConstrained(3, fid, 2)
    best, names = best_point(fid, 3, 2), list(task.problem.space)
    rng = np.random.default_rng(fid)
    at_best = task.evaluate(dict(zip(names, best.tolist(), strict=True)), None, 0)
    assert at_best["value"] == task.optimum
    active = [c for c in task.problem.constraints if abs(at_best[c]) < 1e-9]
    assert active
    n_feasible = 0
    for size in (1e-4, 1e-2, 0.3, 2.0):
        for step in rng.normal(0, size, (400, 3)):
            x = np.clip(best + step, -5, 5)
            found = task.evaluate(dict(zip(names, x.tolist(), strict=True)), None, 0)
            if all(found[c] <= 0 for c in task.problem.constraints):
                n_feasible += 1
                assert found["value"] >= task.optimum - 1e-9 * abs(task.optimum)
    assert n_feasible > 0


def test_it_travels_and_outlives_its_suite():
    task = BBOBConstrained(5, 9, 4)
    config = task.problem.space.default
    answer = task.evaluate(config, None, 0)
    assert pickle.loads(pickle.dumps(task)).evaluate(config, None, 0) == answer
    others = [BBOBConstrained(2, fid).evaluate({"x0": 0.0, "x1": 0.0}, None, 0) for fid in range(1, 55)]
    assert len(others) == 54
    assert task.evaluate(config, None, 0) == answer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BBOBConstrained(4), "bbob_constrained: dim must be 2, 3, 5, 10, 20 or 40, got 4"),
        (lambda: BBOBConstrained(fid=55), "bbob_constrained: fid must be 1 to 54, got 55"),
        (lambda: BBOBConstrained(instance=0), "bbob_constrained: instance must be 1 to 100000, got 0"),
    ],
)
def test_wrong_options_are_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cocoex", None)
    with pytest.raises(MissingDependency, match=r"pip install 'carps-lite\[coco\]'"):
        _ = BBOBConstrained().problem
