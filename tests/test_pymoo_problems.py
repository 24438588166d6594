"""ZDT, DTLZ and WFG against pymoo's public call, formulas written here, and properties of their fronts."""

import pickle

import numpy as np
import pytest

from carps_lite.errors import InputError, MissingDependency
from carps_lite.hypervolume import hypervolume
from carps_lite.tasks.pymoo_problems import DTLZ, WFG, ZDT

pytest.importorskip("pymoo", reason="needs the extra 'pymoo'")

ZDTS = [ZDT(1, 30), ZDT(2, 30), ZDT(3, 30), ZDT(4, 10), ZDT(5, 80), ZDT(6, 10)]
DTLZS = [DTLZ(fid, m + 6, m) for fid in range(1, 8) for m in (2, 3, 5)]
WFGS = [WFG(fid, 12, m) for fid in range(1, 10) for m in (2, 3)]
ALL = [*ZDTS, *DTLZS, *WFGS]


def configs(task, n, seed=0):
    space = task.problem.space
    return space.decode_many(np.random.default_rng(seed).random((n, len(space))))


def values(task, xs):
    return np.array([list(task.evaluate(x, None, 0).values()) for x in xs])


def corners(task, n=64):
    return task.problem.space.decode_many(
        np.random.default_rng(0).integers(0, 2, (n, len(task.problem.space))).astype(float)
    )


@pytest.mark.parametrize("task", ALL, ids=repr)
def test_values_are_those_of_the_public_call(task):
    xs = configs(task, 10)
    rows = np.array([list(x.values()) for x in xs], dtype=bool if task in ZDTS[4:5] else float)
    assert values(task, xs) == pytest.approx(task._pymoo.evaluate(rows), rel=1e-12)
    assert values(pickle.loads(pickle.dumps(task)), xs).tolist() == values(task, xs).tolist()
    assert task._pymoo.n_var == len(task.problem.space)
    space = task.problem.space
    assert [p.low for p in space.values()] == task._pymoo.xl.tolist()
    assert [p.high for p in space.values()] == task._pymoo.xu.tolist()


@pytest.mark.parametrize("task", ALL, ids=repr)
def test_no_configuration_reaches_the_reference_point(task):
    found = values(task, [*configs(task, 300, 1), *corners(task)])
    assert (found < np.array(task.problem.reference)).all()


@pytest.mark.parametrize("task", [t for t in ALL if t.pareto_front() is not None], ids=repr)
def test_fronts_are_non_dominated_and_unbeaten(task):
    front = task.pareto_front(300)
    assert front.shape[1] == len(task.problem.objectives)
    assert (front < np.array(task.problem.reference)).all()
    for p in front:
        assert not ((front <= p).all(axis=1) & (front < p).any(axis=1)).any()
    found = values(task, [*configs(task, 200, 2), *corners(task)])
    gaps = (found[:, None, :] < front[None] - 1e-9).all(axis=2)
    assert not gaps.any()  # no configuration is better than a point of the front in every objective


@pytest.mark.parametrize("task", [*DTLZS, *WFGS, *ZDTS[:4], ZDTS[5]], ids=repr)
def test_best_configurations_lie_on_the_front(task):
    """Distance parameters at their published best values, the others anywhere: within a step of some front point."""
    front = task.pareto_front(500)
    if front is None:
        return
    for x in best(task, 25):
        f = values(task, [x])[0]
        if ((front < f - 1e-6).all(axis=1)).any():
            assert task.fid in (1, 2, 3, 7)  # a gap between pieces of a front: dominated by another piece
            continue
        assert np.abs(front - f).max(axis=1).min() < 0.2 * np.ptp(front, axis=0).max()


def best(task, n):
    names = list(task.problem.space)
    rng = np.random.default_rng(3)
    for _ in range(n):
        if isinstance(task, ZDT):
            yield dict.fromkeys(names, 0.0) | {"x0": float(rng.random())}
        elif isinstance(task, DTLZ):
            tail = 0.0 if task.fid in (6, 7) else 0.5
            m = task.objectives
            yield dict(zip(names, [*rng.random(m - 1).tolist(), *[tail] * (task.dim - m + 1)], strict=True))
        else:
            x = task._pymoo._positional_to_optimal(rng.random((1, task._position)))[0]
            yield dict(zip(names, x.tolist(), strict=True))


@pytest.mark.parametrize("m", [2, 3, 5])
def test_front_equations_of_dtlz_and_wfg(m):
    """At the best distance, DTLZ1 lies on a plane, DTLZ2 to 4 on a sphere, WFG4 to 9 on an ellipsoid."""
    for fid in (1, 2, 3, 4):
        task = DTLZ(fid, m + 4, m)
        f = values(task, list(best(task, 10)))
        assert (f.sum(axis=1) if fid == 1 else (f**2).sum(axis=1)) == pytest.approx(0.5 if fid == 1 else 1.0)
    for fid in range(4, 10):
        task = WFG(fid, 20, m)
        f = values(task, list(best(task, 10))) / (2 * np.arange(1, m + 1))
        assert (f**2).sum(axis=1) == pytest.approx(1.0, rel=1e-6)


def test_zdt1_by_its_formula_and_its_published_hypervolume():
    task = ZDT(1, 5)
    for x in configs(task, 20):
        first, *rest = x.values()
        g = 1 + 9 * np.mean(rest)
        assert values(task, [x])[0] == pytest.approx([first, g * (1 - np.sqrt(first / g))])
    front = task.pareto_front(20001)
    assert np.trapezoid(1 - front[:, 1], front[:, 0]) == pytest.approx(2 / 3, abs=1e-4)


CLOSED = [t for t in (DTLZ(f, 8, m) for f in range(1, 8) for m in (2, 3)) if t.front_hypervolume() is not None]
CLOSED += [t for t in (WFG(f, 10, m) for f in range(1, 10) for m in (2, 3)) if t.front_hypervolume() is not None]
CLOSED.append(DTLZ(2, 8, 4))


@pytest.mark.parametrize("task", CLOSED, ids=repr)
def test_closed_hypervolumes_are_the_limit_of_sampled_ones(task):
    """A sample of the front has less, by an amount that falls with the distance of its points."""
    reference, exact = np.array(task.problem.reference), task.front_hypervolume()
    m = len(reference)
    sizes = (200, 200 * 3 ** (m - 1))  # a third of the distance
    missing = [exact - hypervolume(task.pareto_front(n), reference) for n in sizes]
    assert missing[0] > missing[1] > 0
    assert missing[1] / missing[0] == pytest.approx(1 / 3, abs=0.1)


def test_where_no_formula_is_known_there_is_none():
    assert {t.fid for t in CLOSED if isinstance(t, DTLZ) and t.objectives > 2} == {1, 2, 3, 4}
    assert {t.fid for t in CLOSED if isinstance(t, WFG) and t.objectives > 2} == set(range(4, 10))


def test_the_front_of_zdt5_is_reached():
    task = ZDT(5, 40)
    names = list(task.problem.space)
    for ones, point in zip(range(31), task.pareto_front(), strict=True):
        x = dict(zip(names, [1] * ones + [0] * (30 - ones) + [1] * 10, strict=True))
        assert values(task, [x])[0] == pytest.approx(point)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ZDT(7), "zdt: fid must be 1 to 6, got 7"),
        (lambda: ZDT(1, 1), "zdt: dim must be at least 2, got 1"),
        (lambda: ZDT(5, 30), "zdt: dim of ZDT5 must be 30 + 5 k bits with k from 1, such as 80, got 30"),
        (lambda: DTLZ(0), "dtlz: fid must be 1 to 7, got 0"),
        (lambda: DTLZ(1, 2, 3), "dtlz: 3 objectives need dim:3 or more, got 2"),
        (lambda: DTLZ(1, 12, 11), "dtlz: objectives must be 2 to 10, got 11"),
        (lambda: WFG(10), "wfg: fid must be 1 to 9, got 10"),
        (lambda: WFG(1, 4, 3), "wfg: dim must be at least 5, got 4"),
        (lambda: WFG(2, 9, 3), "wfg: dim of WFG2 with 3 objectives must be 4 plus an even number, got 9"),
        (lambda: WFG(1, 2.5), "wfg: dim must be a whole number, got 2.5"),
    ],
)
def test_wrong_options_are_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymoo.problems.multi.zdt", None)
    with pytest.raises(MissingDependency, match=r"pip install 'carps-lite\[pymoo\]'"):
        ZDT(1, 2).evaluate({"x0": 0.5, "x1": 0.5}, None, 0)
