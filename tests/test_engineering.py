"""The RE suite against jmetalpy and botorch, which wrote it independently, and against published numbers."""

import math

import numpy as np
import pytest

from carps_lite.errors import InputError
from carps_lite.space import Float, Int, Ordinal
from carps_lite.tasks.engineering import AREAS, FORMULAS, RE, RE91, WIRES

# ideal points as published with the suite (github.com/ryojitanabe/reproblems)
IDEALS = {
    "RE21": (1237.8414230005742, 0.002761423749158419),
    "RE42": (-2756.2590400638524, 3962.557843228888, 1947.880856925791, 0.0),
}
NADIRS = {"RE42": (-1010.5229595219643, 13827.138456300128, 2611.9668107424536, 12.437669929732023)}
VIOLATIONS_DIFFER = ("RE41", "RE42", "RE61")  # jmetalpy 1.9 counts the constraints of these that are met


def configs(task, n=200, seed=0):
    space = task.problem.space
    return space.decode_many(np.random.default_rng(seed).random((n, len(space))))


def values(task, config):
    return list(task.evaluate(config, None, 0).values())


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_agree_with_jmetalpy(name):
    re = pytest.importorskip("jmetal.problem.multiobjective.re", reason="needs jmetalpy")
    solution = pytest.importorskip("jmetal.core.solution", reason="needs jmetalpy").FloatSolution
    other, task = getattr(re, name)(), RE(name)
    low, high = other.lower_bound, other.upper_bound
    for config in configs(task):
        x = [float(v) for v in config.values()]
        if name == "RE41":
            config = dict(zip(config, map(float, np.round(x)), strict=True))  # jmetalpy rounds
            x = list(config.values())
        if name == "RE23":  # jmetalpy takes inches where the suite counts sixteenths
            x[:2] = [0.0625 * v for v in x[:2]]
        theirs = solution(low, high, len(task.problem.objectives), 0)
        theirs.variables = x
        expected, mine = list(other.evaluate(theirs).objectives), values(task, config)
        if name in VIOLATIONS_DIFFER:
            expected, mine = expected[:-1], mine[:-1]
        # RE33: pi is 3.14 in the suite
        assert mine == pytest.approx(expected, rel=2e-3 if name == "RE33" else 1e-9, abs=1e-12)


def test_car_side_impact_agrees_with_botorch():
    torch = pytest.importorskip("torch", reason="needs torch")
    other = pytest.importorskip("botorch.test_functions.multi_objective", reason="needs botorch").CarSideImpact()
    task = RE("RE41")
    xs = configs(task)
    expected = other.evaluate_true(torch.tensor([list(x.values()) for x in xs], dtype=torch.double)).numpy()
    assert np.array([values(task, x) for x in xs]) == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert task.problem.reference == pytest.approx(other._ref_point, rel=0.005)


def corners_and_more(task, n=4000):
    d = len(task.problem.space)
    rng = np.random.default_rng(0)
    u = np.vstack([rng.integers(0, 2, (n, d)), rng.random((n, d))]).astype(float)
    return np.array([values(task, x) for x in task.problem.space.decode_many(u)])


@pytest.mark.parametrize("name", IDEALS)
def test_ideal_points_are_the_published_ones(name):
    """No configuration is better in any objective; corners of the space reach most of the published numbers."""
    task, ideal = RE(name), np.array(IDEALS[name])
    found = corners_and_more(task)
    assert (found >= ideal - 1e-3 * np.abs(ideal) - 1e-9).all()
    assert np.isclose(found.min(axis=0), ideal, rtol=1e-4, atol=1e-9).sum() >= 2
    if name in NADIRS:
        assert task.problem.reference == pytest.approx(np.array(NADIRS[name]) * 1.1 - 0.1 * ideal, rel=1e-4)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_reference_point_lies_beyond_the_ideal_and_within_reach(name):
    found = corners_and_more(RE(name), 1500)
    found, reference = found[np.isfinite(found).all(axis=1)], np.array(RE(name).problem.reference)
    assert (found.min(axis=0) < reference).all()
    assert (found < reference).all(axis=1).any()


@pytest.mark.parametrize("name", FORMULAS)
def test_answers_are_floats_and_violations_not_negative(name):
    task = RE(name)
    assert len(task.problem.objectives) == int(name[2])
    for config in configs(task, 50):
        answer = values(task, config)
        assert all(type(v) is float and math.isfinite(v) for v in answer)
        assert name in ("RE21", "RE34", "RE37") or answer[-1] >= 0


def test_spaces_are_mixed_as_published():
    kinds = {name: [type(p) for p in RE(name).problem.space.values()] for name in FORMULAS}
    assert kinds["RE22"] == [Ordinal, Float, Float]
    assert kinds["RE23"] == [Int, Int, Float, Float]
    assert kinds["RE25"] == [Int, Float, Ordinal]
    assert kinds["RE35"] == [Float, Float, Int, Float, Float, Float, Float]
    assert kinds["RE36"] == [Int] * 4
    assert all(set(k) == {Float} for n, k in kinds.items() if n not in ("RE22", "RE23", "RE25", "RE35", "RE36"))
    assert (len(AREAS), len(WIRES)) == (76, 19)
    assert sorted(AREAS) == list(AREAS)
    assert sorted(WIRES) == list(WIRES)


def test_a_beam_without_width_fails():
    answer = RE("RE22").evaluate({"x1": 1.0, "x2": 0.0, "x3": 10.0}, None, 0)
    assert answer["f2"] == math.inf


def test_car_cab_noise_has_the_recorded_means():
    task = RE91()
    config = task.problem.space.default
    answers = [task.evaluate(config, None, seed) for seed in range(4000)]
    for name in task.problem.objectives:
        seen = np.array([a[name] for a in answers])
        assert len({a[f"mean_{name}"] for a in answers}) == 1
        error = 4 * seen.std() / math.sqrt(len(seen))
        assert seen.mean() == pytest.approx(answers[0][f"mean_{name}"], abs=error + 0.01 * seen.std() + 1e-12)
    assert len({a["f1"] for a in answers}) == 1
    assert len({a["f3"] for a in answers}) > 1000


def test_car_cab_formulas_agree_with_jmetalpy():
    re = pytest.importorskip("jmetal.problem.multiobjective.re", reason="needs jmetalpy")
    solution = pytest.importorskip("jmetal.core.solution", reason="needs jmetalpy").FloatSolution
    other, task = re.RE91(), RE91()

    class Draws:
        def __init__(self, seed):
            self.numbers = iter(np.random.default_rng(seed).standard_normal(4).tolist())

        def gauss(self, mean, deviation):
            return next(self.numbers)

    for seed, config in enumerate(configs(task, 50)):
        other.random = Draws(seed)
        theirs = solution(other.lower_bound, other.upper_bound, 9, 0)
        theirs.variables = [*map(float, config.values()), 0.0, 0.0, 0.0, 0.0]
        expected = other.evaluate(theirs).objectives
        mine = task.evaluate(config, None, seed)
        assert [mine[f"f{m}"] for m in range(1, 10)] == pytest.approx(list(expected), rel=1e-9, abs=1e-12)


def test_an_unknown_problem_is_one_line():
    with pytest.raises(InputError) as caught:
        RE("RE43")
    assert str(caught.value).startswith("re: no problem 'RE43'; did you mean 'RE4")
