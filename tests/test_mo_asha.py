"""Multi-objective ASHA: fronts and spreads against brute force, hand cases, and a line-by-line loop as oracle."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carps_lite import spec
from carps_lite.commands.arguments import defaults
from carps_lite.commands.run import run_grid
from carps_lite.core import Budget, Fidelity, Problem, Result
from carps_lite.errors import InputError
from carps_lite.loop import Rules, Simulation
from carps_lite.optimizers.fronts import ORDERS, Dominance, crowding, epsilon_net
from carps_lite.optimizers.halving import ASHA
from carps_lite.optimizers.mo_asha import MOASHA, FrontRung
from carps_lite.optimizers.random_search import RandomSearch
from carps_lite.space import Float, Space
from carps_lite.tasks.synthetic import Mixed

NAN = math.nan
SPACE = Space({"x": Float(0, 1)})
unhurried = settings(deadline=None, max_examples=100)


def problem(objectives=("a", "b"), high=27, constraints=()):
    return Problem(SPACE, tuple(objectives), tuple(constraints), Fidelity("epochs", 1, high))


@st.composite
def clouds(draw, least=1, most=14):
    """Points on a coarse grid, so that many are equal or share a coordinate, or anywhere."""
    shape = draw(st.integers(least, most)), draw(st.integers(1, 4))
    elements = st.integers(0, 3).map(float) if draw(st.booleans()) else st.floats(-1e300, 1e300)
    return draw(arrays(float, shape, elements=elements))


# Fronts


def dominates(a, b, violation_a=0.0, violation_b=0.0):
    if violation_a != violation_b:
        return violation_a < violation_b
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def peeled(values, violation):
    """Fronts by definition: those that nobody left dominates."""
    left, found = list(range(len(values))), []
    while left:
        front = [i for i in left if not any(dominates(values[j], values[i], violation[j], violation[i]) for j in left)]
        found.append(front)
        left = [i for i in left if i not in front]
    return found


def fronts(values, violation):
    dominance = Dominance(values.shape[1])
    for point, excess in zip(values, violation, strict=True):
        dominance.add(point, excess)
    return dominance.fronts()


@given(clouds(most=30), st.data())
@unhurried
def test_fronts_are_what_nobody_left_dominates(values, data):
    violation = data.draw(arrays(float, len(values), elements=st.sampled_from([0.0, 0.0, 0.5, 2.0, math.inf])))
    assert [front.tolist() for front in fronts(values, violation)] == peeled(values, violation)


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_fronts_are_moocores(m):
    moocore = pytest.importorskip("moocore", reason="needs moocore: pip install moocore")
    points = np.random.default_rng(m).integers(0, 12, size=(300, m)).astype(float)
    ranks = np.full(300, -1)
    for rank, front in enumerate(fronts(points, np.zeros(300))):
        ranks[front] = rank
    assert ranks.tolist() == moocore.pareto_rank(points).tolist()


# Spreads


def scaled(points):
    low, high = [np.array([fold(c) for c in zip(*points, strict=True)]) / 2 for fold in (min, max)]
    return (np.array(points) / 2 - low) / np.where(high > low, high - low, 1)


@given(clouds())
@unhurried
def test_an_epsilon_net_goes_on_with_the_farthest_point(points):
    order, x = epsilon_net(points).tolist(), scaled(points)
    assert sorted(order) == list(range(len(points)))
    assert x[order[0], 0] == x[:, 0].min()
    for k in range(1, len(order)):
        distance = {i: min(((x[i] - x[j]) ** 2).sum() for j in order[:k]) for i in order[k:]}
        assert distance[order[k]] == max(distance.values())
        assert order[k] == min(i for i in distance if distance[i] == distance[order[k]])


def crowding_distances(points):
    """Deb et al. (2002), section III-B, one objective after the other."""
    x = scaled(points)
    distance = [0.0] * len(x)
    for m in range(x.shape[1]):
        order = sorted(range(len(x)), key=lambda i: x[i, m])
        if x[order[0], m] == x[order[-1], m]:
            continue
        distance[order[0]] = distance[order[-1]] = math.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            distance[i] += x[after, m] - x[before, m]
    return distance


@given(clouds())
@unhurried
def test_crowding_is_that_of_nsga2(points):
    distance = crowding_distances(points)
    assert crowding(points).tolist() == sorted(range(len(points)), key=lambda i: -distance[i])


def test_spreads_by_hand():
    """A front with a dense corner: both take the ends first, and then leave the corner."""
    front = np.array([(0, 10), (0.1, 9.9), (0.2, 9.8), (4, 6), (10, 0)], dtype=float)
    assert epsilon_net(front)[:3].tolist() == [0, 4, 3]
    assert sorted(crowding(front)[:2].tolist()) == [0, 4]
    assert crowding(front)[2] == 3


@pytest.mark.parametrize("order", list(ORDERS.values()))
def test_units_do_not_matter(order):
    points = np.random.default_rng(0).random((40, 3))
    assert order(points).tolist() == order(points * np.array([1e-6, 1.0, 2.0**40])).tolist()


@pytest.mark.parametrize("order", list(ORDERS.values()))
@pytest.mark.parametrize("size", [1e308, 1e-300])
def test_extreme_values_are_ordered_without_a_warning(order, size):
    points = np.array([(-1, 1), (0.5, 0.5), (1, -1)]) * size
    assert sorted(order(points).tolist()) == [0, 1, 2]
    assert order(points)[-1] == 1


# Promotion


def filled(results, eta=2, spread="epsilon_net"):
    rung = FrontRung(eta, ORDERS[spread], 2)
    for number, result in enumerate(results):
        rung.add(number, result if isinstance(result, Result) else Result(tuple(map(float, result))))
    return rung


def promoted(rung):
    return list(iter(rung.promote, None))


@pytest.mark.parametrize("spread", list(ORDERS))
def test_only_non_dominated_ones_are_promoted_where_they_suffice(spread):
    results = [(5, 5), (1, 4), (6, 6), (2, 2), (7, 1), (3, 3), (8, 8), (9, 9)]
    assert sorted(promoted(filled(results, 2, spread))) == [1, 3, 4, 5]  # three in the first front, one in the second
    assert set(promoted(filled(results, 4, spread))) == {1, 4}  # the ends of the first front
    assert set(promoted(filled(results[:6], 2, spread))) == {1, 3, 4}
    assert promoted(filled(results[:1], 2, spread)) == []


def test_each_is_promoted_once_and_later_results_count():
    rung = filled([(1, 9), (9, 1), (5, 5), (9, 9), (8, 8), (7, 7)], 3)
    assert promoted(rung) == [0, 1]
    rung.add(6, Result((0.0, 0.0)))
    assert promoted(rung) == [6]  # two of seven may leave, and it is the first of them
    for number in (7, 8):
        rung.add(number, Result((10.0, 10.0)))
    assert promoted(rung) == []  # three of nine: 6, 0 and 1


def test_failed_results_enlarge_the_rung_and_stay():
    rung = filled([(NAN, NAN), (2, 2), (NAN, NAN), (1, 3), (NAN, NAN), (NAN, NAN)], 2)
    assert promoted(rung) == [3, 1]


def test_feasible_before_infeasible_before_worse_violation():
    results = [
        Result((0.0, 0.0), constraints=(3.0,)),
        Result((9.0, 9.0), constraints=(-1.0,)),
        Result((1.0, 1.0), constraints=(0.5,)),
        Result((5.0, 8.0), constraints=(0.0,)),
    ]
    assert promoted(filled([*results, *[(NAN, NAN)] * 4])) == [3, 1, 2, 0]


def transcribed_job(rungs, promoted_numbers, eta, spread):
    """get_job of ASHA, with the candidates by non-dominated sorting; `rungs[k]`: {configuration: values}."""
    for k in range(len(rungs) - 2, -1, -1):
        known = sorted(c for c in rungs[k] if not math.isnan(rungs[k][c][0]))
        values, ranked = [rungs[k][c] for c in known], []
        for front in peeled(values, [0.0] * len(known)):
            order = ORDERS[spread](np.array([values[i] for i in front]))
            ranked += [known[front[i]] for i in order]
        for c in ranked[: len(rungs[k]) // eta]:
            if c not in promoted_numbers[k]:
                promoted_numbers[k].add(c)
                return c, k + 1
    return None


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from([2, 3]), st.sampled_from(list(ORDERS)), st.booleans()
)
@settings(deadline=None, max_examples=15)
def test_the_loop_is_that_of_asha_with_another_order(seed, n_workers, eta, spread, ties):
    rng = np.random.default_rng(seed)
    optimizer, reference = MOASHA(problem(), 4, eta, spread=spread), RandomSearch(problem(), 4)
    n_rungs = 5 if eta == 2 else 4
    rungs, taken, drawn, pending = [{} for _ in range(n_rungs)], [set() for _ in range(n_rungs)], [], []
    for _ in range(70):
        job = transcribed_job(rungs, taken, eta, spread)
        if job is None:
            drawn.append(reference.ask().config["x"])
            job = len(drawn) - 1, 0
        trial = optimizer.ask()
        assert (trial.config["x"], trial.token) == (drawn[job[0]], job)
        pending.append((*job, trial))
        while len(pending) > rng.integers(n_workers):
            number, k, told = pending.pop(rng.integers(len(pending)))
            values = rng.integers(4, size=2) if ties else rng.random(2)
            values = (NAN, NAN) if rng.random() < 0.2 else tuple(map(float, values))
            optimizer.tell(told, Result(values))
            rungs[k][number] = values


@pytest.mark.parametrize("spread", list(ORDERS))
@pytest.mark.parametrize("workers", [1, 5])
def test_with_one_objective_it_is_asha(spread, workers):
    """With ties, failures and constraints, and results in random order."""
    one, other = MOASHA(problem("a"), 2, spread=spread), ASHA(problem("a"), 2)
    rng, pending = np.random.default_rng(0), []
    for _ in range(300):
        a, b = one.ask(), other.ask()
        assert a == b
        pending.append((a, b))
        if len(pending) == workers:
            a, b = pending.pop(rng.integers(workers))
            value = NAN if rng.random() < 0.2 else float(rng.integers(6))
            result = Result((value,), constraints=(float(rng.normal()),))
            one.tell(a, result)
            other.tell(b, result)


# In the loop


def simulate(name, task, budget, workers=1, seed=0):
    wide = Problem(**{**vars(task.problem), "n_workers": workers})
    optimizer = spec.make("optimizers", name, problem=wide, seed=seed)
    return list(Simulation(task, optimizer, wide, seed, Budget(budget), Rules(noisy=False)))


@pytest.mark.parametrize("kind", ["mf", "momf"])
@pytest.mark.parametrize("workers", [1, 4])
def test_it_reaches_full_fidelity_within_a_small_budget(kind, workers):
    records = simulate("mo_asha", Mixed(kind), 20, workers)
    assert sum(r.trial.fidelity is None for r in records) >= 3


class TwoTargets:
    """Distances from two points of the unit cube, to which lower fidelities add the same everywhere."""

    problem = Problem(Space({f"x{i}": Float(0, 1) for i in range(5)}), ("a", "b"), fidelity=Fidelity("epochs", 1, 27))

    def evaluate(self, config, fidelity, seed):
        u = np.array(list(config.values()))
        return {k: float(np.mean((u - at) ** 2)) + 1 / fidelity for k, at in (("a", 0.2), ("b", 0.7))}


@pytest.mark.parametrize("spread", list(ORDERS))
def test_it_comes_nearer_to_the_optimal_set_than_random_search(spread):
    """Mean distance of the trials at full fidelity from the optimal segment, after 20 full evaluations."""

    def mean_distance(name, seed):
        records = simulate(name, TwoTargets(), 20, seed=seed)
        u = np.array([list(r.trial.config.values()) for r in records if r.trial.fidelity is None])
        return float(np.linalg.norm(u - np.clip(u.mean(axis=1), 0.2, 0.7)[:, None], axis=1).mean())

    for seed in range(3):
        assert mean_distance(f"mo_asha/spread:{spread}", seed) < 0.75 * mean_distance("random", seed)


def test_a_grid_of_every_type_is_the_same_in_one_process_and_in_two(tmp_path, monkeypatch, capsys):
    """Impossible cells are listed with their reasons, and the rest is done."""
    monkeypatch.chdir(tmp_path)
    logs = []
    for processes in (0, 2):
        cells = {"task": ["curve", "mixed/kind:momf", "mixed/kind:mo"], "optimizer": ["asha", "sh", "nsga2", "mo_asha"]}
        given = {"seeds": 1, "budget": "6", "n_workers": 4, "processes": processes, "results": f"r{processes}"}
        assert run_grid({**defaults("run"), **cells, **given}) == 0
        said = capsys.readouterr()
        assert "nsga2 on curve/epochs:27/noise:0.01: it handles mo, momf; the task is mf" in said.out + said.err
        assert "asha on mixed/kind:momf: it handles mf; the task is momf" in said.out + said.err
        found = {}
        for path in sorted((tmp_path / f"r{processes}").rglob("*.jsonl")):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            trials = [{k: v for k, v in row.items() if k != "measured_ns"} for row in rows if "config" in row]
            found[str(path.relative_to(tmp_path / f"r{processes}"))] = trials
        logs.append(found)
    assert len(logs[0]) == 6  # asha, sh and mo_asha on curve, nsga2 on both others, mo_asha on momf
    assert logs[0] == logs[1]


def test_wrong_input_is_named():
    with pytest.raises(InputError, match="no spread 'crowd'; did you mean 'crowding'"):
        MOASHA(problem(), 0, spread="crowd")
    with pytest.raises(InputError, match="needs a task with a fidelity, and this one has none"):
        MOASHA(Problem(SPACE, ("a", "b")), 0)
