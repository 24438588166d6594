"""BBOB against the published construction of its instances, written here from scratch, and against bare ioh."""

from __future__ import annotations

import math
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from carps_lite.core import Task
from carps_lite.errors import InputError, MissingDependency
from carps_lite.tasks import ioh_functions
from carps_lite.tasks.bbob import BBOB

ioh = pytest.importorskip("ioh", reason="needs the extra 'bbob'")


def uniforms(n, seed):
    """The generator of the BBOB instances: Park and Miller's, with a Bays-Durham shuffle of 32 numbers."""

    def step(state):
        high = state // 127773
        state = 16807 * (state - high * 127773) - 2836 * high
        return state + 2147483647 if state < 0 else state

    state, shuffle, numbers = max(abs(seed), 1), [0] * 32, []
    for i in range(39, -1, -1):
        state = step(state)
        if i < 32:
            shuffle[i] = state
    last = shuffle[0]
    for _ in range(n):
        state = step(state)
        at = last // 67108865
        last, shuffle[at] = shuffle[at], state
        numbers.append(last / 2147483647)
    return np.array(numbers)


def normal(seed):
    a, b = uniforms(2, seed)
    return math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)


def seed_of(fid, instance):
    return {4: 3, 18: 17}.get(fid, fid) + 10000 * instance  # two pairs of functions share their random numbers


def best_value(fid, instance):
    """f_opt: the ratio of two normal numbers, rounded to hundredths, within 1000 of zero."""
    seed = seed_of(fid, instance)
    return float(np.clip(np.round(100 * 100 * normal(seed) / normal(seed + 1)) / 100, -1000, 1000))


def best_point(fid, instance, dim):
    """x_opt of most functions: uniform in [-4, 4], cut to four digits of the unit interval."""
    return 8 * np.floor(1e4 * uniforms(dim, seed_of(fid, instance))) / 1e4 - 4


def points(dim, n=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-5, 5, (n, dim))


def value(task, x):
    return task.evaluate(dict(zip(task.problem.space, x.tolist(), strict=True)), None, 0)["value"]


@pytest.mark.parametrize("fid", range(1, 25))
def test_the_optimum_is_the_published_one_and_unbeaten(fid):
    for dim, instance in ((2, 1), (5, 2), (3, 77)):
        task = BBOB(dim, fid, instance)
        assert task.optimum == pytest.approx(best_value(fid, instance), abs=1e-9)
        known = ioh.get_problem(fid, instance, dim, ioh.ProblemClass.BBOB).optimum
        assert value(task, np.array(known.x)) == pytest.approx(task.optimum, abs=1e-8)
        assert all(value(task, x) > task.optimum for x in points(dim, n=50))


@pytest.mark.parametrize("dim", [2, 5, 20])
@pytest.mark.parametrize("instance", [1, 3, 1000])
def test_the_sphere_by_its_formula(dim, instance):
    task, x_opt = BBOB(dim, 1, instance), best_point(1, instance, dim)
    for x in points(dim):
        assert value(task, x) == pytest.approx(((x - x_opt) ** 2).sum() + best_value(1, instance), rel=1e-12)


@pytest.mark.parametrize("dim", [2, 5, 20])
@pytest.mark.parametrize("instance", [1, 3])
def test_the_rosenbrock_function_by_its_formula(dim, instance):
    task, x_opt = BBOB(dim, 8, instance), 0.75 * best_point(8, instance, dim)
    for x in points(dim):
        z = max(1.0, math.sqrt(dim) / 8) * (x - x_opt) + 1
        f = (100 * (z[:-1] ** 2 - z[1:]) ** 2 + (z[:-1] - 1) ** 2).sum()
        assert value(task, x) == pytest.approx(f + best_value(8, instance), rel=1e-10)


@pytest.mark.parametrize("fid", range(1, 25))
def test_values_are_those_of_bare_ioh_whatever_came_before(fid):
    bare = ioh.get_problem(fid, 4, 5, ioh.ProblemClass.BBOB)
    task, xs = BBOB(5, fid, 4), points(5)
    first = [value(task, x) for x in xs]
    assert first == [bare(x.tolist()) for x in xs]
    again = [value(task, x) for x in xs[::-1]]  # ioh counts evaluations and remembers its best
    assert again[::-1] == first


def test_seed_fidelity_and_order_of_keys_change_nothing():
    task = BBOB(3, 7, 2)
    config = {"x0": 1.25, "x1": -3, "x2": 0.5}
    assert task.evaluate(config, None, 0) == task.evaluate(dict(reversed(config.items())), 3.0, 99)


def test_the_problem_tells_the_box_and_nothing_of_the_function():
    task = BBOB(40, 24, 1)
    assert isinstance(task, Task)
    assert task.problem == BBOB(40, 3, 5).problem
    assert [*task.problem.space] == [f"x{i}" for i in range(40)]
    assert {(p.low, p.high, p.log) for p in task.problem.space.values()} == {(-5.0, 5.0, False)}
    assert (task.problem.kind, task.problem.objectives) == ("bb", ("value",))


def test_it_travels_to_other_processes_before_and_after_use():
    task = BBOB(4, 21, 3)
    x = points(4)[0]
    fresh = pickle.loads(pickle.dumps(task))
    assert value(fresh, x) == value(task, x)
    assert pickle.loads(pickle.dumps(task)) == task
    assert len(pickle.dumps(task)) < 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fid": 25}, "bbob: fid must be 1 to 24, got 25"),
        ({"fid": 0}, "bbob: fid must be 1 to 24, got 0"),
        ({"dim": 1}, "bbob: dim must be at least 2, got 1"),
        ({"instance": 0}, "bbob: instance must be 1 to 2147483647, got 0"),
        ({"instance": 2**31}, "bbob: instance must be 1 to 2147483647, got 2147483648"),
        ({"dim": 2.5}, "bbob: dim must be a whole number, got 2.5"),
        ({"fid": "3"}, "bbob: fid must be a whole number, got '3'"),
        ({"fid": True}, "bbob: fid must be a whole number, got True"),
    ],
)
def test_options_out_of_range_are_refused_in_one_line(options, message):
    with pytest.raises(InputError) as caught:
        BBOB(**options)
    assert str(caught.value) == message


def test_the_largest_instance_works():
    assert math.isfinite(value(BBOB(2, 3, 2**31 - 1), points(2)[0]))


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ioh", None)
    with pytest.raises(MissingDependency, match=r"pip install 'carps-lite\[bbob\]'"):
        BBOB(2, 1, 1).evaluate({"x0": 0.0, "x1": 0.0}, None, 0)


@pytest.mark.parametrize("given", [False, True])
def test_the_environment_is_left_as_it_was(given):
    code = "import os; b = dict(os.environ); from carps_lite.tasks.bbob import BBOB; BBOB().optimum"
    code += "; assert b == dict(os.environ)"
    env = {k: v for k, v in os.environ.items() if k != "IOH_RESOURCES"}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    if given:
        env["IOH_RESOURCES"] = str(pathlib.Path(ioh.__file__).parent / "static")
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_what_older_versions_write_into_the_environment_is_undone(monkeypatch):
    monkeypatch.delenv("IOH_RESOURCES", raising=False)
    monkeypatch.delitem(sys.modules, "ioh")
    real = __import__

    def importing(name, *rest):
        if name == "ioh":
            os.environ["IOH_RESOURCES"] = "somewhere"  # as ioh 0.3 does
            sys.modules["ioh"] = ioh
        return real(name, *rest)

    monkeypatch.setattr("builtins.__import__", importing)
    assert ioh_functions.import_ioh("bbob") is ioh
    assert "IOH_RESOURCES" not in os.environ
