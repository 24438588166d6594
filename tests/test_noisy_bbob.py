"""Noise models against the formulas of the report, by their distributions."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from carps_lite.errors import InputError
from carps_lite.tasks.bbob import BBOB
from carps_lite.tasks.noisy_bbob import LEVELS, MODELS, NoisyBBOB

ioh = pytest.importorskip("ioh", reason="needs the extra 'bbob'")
COCO = json.loads((Path(__file__).parent / "data" / "noisy_bbob.json").read_text())  # by make_noisy_bbob.py
X = {"x0": 1.0, "x1": -2.0, "x2": 3.0}


def distances(noise, level, n=2000, dim=3):
    """Disturbed distances to the optimum over n seeds, without the shift, and the exact distance."""
    task = NoisyBBOB(dim, 8, 1, noise, level)
    exact = BBOB(dim, 8, 1).evaluate(X, None, 0)["value"] - task.optimum
    seen = np.array([task.evaluate(X, None, seed)["value"] for seed in range(n)])
    return seen - task.optimum - 1.01e-8, exact


@pytest.mark.parametrize(("level", "b"), [("moderate", 0.01), ("severe", 1.0)])
def test_gaussian_noise_is_log_normal(level, b):
    seen, exact = distances("gauss", level)
    assert kstest(np.log(seen / exact) / b, "norm").pvalue > 1e-3


@pytest.mark.parametrize(("level", "scale"), [("moderate", 0.01), ("severe", 1.0)])
def test_uniform_noise_is_a_product(level, scale):
    """log(f'/f) = b log u + a v log(1e9 / f), with independent uniform u and v."""
    seen, exact = distances("uniform", level)
    reach = scale * (0.49 + 1 / 3) * math.log(1e9 / exact)
    u, v = np.random.default_rng(1).random((2, 200_000))
    expected = scale * np.log(u) + reach * v
    ours = np.log(seen / exact)
    assert ours.mean() == pytest.approx(-scale + reach / 2, abs=4 * expected.std() / math.sqrt(len(ours)))
    for q in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(ours, q) == pytest.approx(np.quantile(expected, q), abs=0.15 * expected.std())


@pytest.mark.parametrize(("level", "a", "p"), [("moderate", 0.01, 0.05), ("severe", 1.0, 0.2)])
def test_cauchy_noise_has_rare_outliers(level, a, p):
    seen, exact = distances("cauchy", level, 4000)
    added = (seen - exact) / a - 1000
    outliers = np.abs(added) > 1e-4 / a
    assert outliers.mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 4000))
    # a normal number over the absolute value of another one: Cauchy, cut off at -1000
    assert kstest(added[outliers], "cauchy").pvalue > 1e-3


@pytest.mark.parametrize("row", COCO["rows"], ids=lambda row: f"{row['noise']}-{row['level']}")
def test_quantiles_are_those_of_coco(row):
    """The sphere at a point of COCO's own noisy suite, 20,000 draws there and 8,000 here.

    COCO starts its generator anew, from a counter, for each number: its uniform numbers are not quite that.
    """
    near = 0.05 if row["noise"] == "uniform" else 0.025
    rng = np.random.default_rng(0)
    ours = [MODELS[row["noise"]](COCO["exact"], row["level"] == "severe", 5, rng) for _ in range(8000)]
    for q, theirs in row["quantiles"].items():
        low, high = np.quantile(ours, [max(0, float(q) - near), min(1, float(q) + near)])
        assert low - 1e-6 <= theirs <= high + 1e-6


@pytest.mark.parametrize("noise", MODELS)
@pytest.mark.parametrize("level", LEVELS)
def test_the_record_holds_the_undisturbed_value_and_none_is_below_the_optimum(noise, level):
    for fid in range(1, 25):
        task, exact = NoisyBBOB(2, fid, 3, noise, level), BBOB(2, fid, 3)
        assert task.optimum == exact.optimum
        for seed, (x0, x1) in enumerate(np.random.default_rng(0).uniform(-5, 5, (20, 2)).tolist()):
            answer = task.evaluate({"x0": x0, "x1": x1}, None, seed)
            assert answer["mean_value"] == exact.evaluate({"x0": x0, "x1": x1}, None, 0)["value"]
            assert answer["value"] >= task.optimum
            assert math.isfinite(answer["value"])


def test_seeds_and_points_differ_and_repeat():
    task = NoisyBBOB(3, 1, 1, "gauss", "severe")
    other = X | {"x0": 1.5}
    assert task.evaluate(X, None, 1) == pickle.loads(pickle.dumps(task)).evaluate(dict(reversed(X.items())), None, 1)
    assert task.evaluate(X, None, 1)["value"] != task.evaluate(X, None, 2)["value"]
    factors = [(a["value"] - task.optimum) / (a["mean_value"] - task.optimum) for a in map(at(task), (X, other))]
    assert factors[0] != pytest.approx(factors[1], rel=1e-3)


def at(task):
    return lambda x: task.evaluate(x, None, 7)


def test_the_optimum_itself_is_not_disturbed():
    task = NoisyBBOB(2, 1, 1, "cauchy", "severe")
    x = ioh.get_problem(1, 1, 2, ioh.ProblemClass.BBOB).optimum.x
    assert task.evaluate({"x0": float(x[0]), "x1": float(x[1])}, None, 5)["value"] == task.optimum


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "gaus"}, "bbob_noisy: no noise 'gaus'; did you mean 'gauss'?"),
        ({"level": "sever"}, "bbob_noisy: no level 'sever'; did you mean 'severe'?"),
        ({"fid": 25}, "bbob_noisy: fid must be 1 to 24, got 25"),
        ({"dim": 1}, "bbob_noisy: dim must be at least 2, got 1"),
    ],
)
def test_wrong_options_are_one_line(options, message):
    with pytest.raises(InputError) as caught:
        NoisyBBOB(**options)
    assert str(caught.value) == message
