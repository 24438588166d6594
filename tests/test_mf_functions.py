"""Multi-fidelity functions against mf-prior-bench, botorch and optima found independently."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from carps_lite.errors import InputError
from carps_lite.tasks.mf_functions import BIASES, FUNCTIONS, MFFunction, MFHartmann

PUBLISHED = json.loads((Path(__file__).parent / "data" / "mfhartmann.json").read_text())  # by make_mfhartmann.py
MINIMA = {3: (0.114614, 0.555649, 0.852547), 6: (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)}
TEXTBOOK = {3: -3.86278, 6: -3.32237}


def at(task, x, fidelity=None, seed=0):
    return task.evaluate(dict(zip(task.problem.space, map(float, x), strict=True)), fidelity, seed)


@pytest.mark.parametrize("dim", [3, 6])
@pytest.mark.parametrize("bias", BIASES)
def test_the_optimum_of_hartmann_is_the_textbook_one(dim, bias):
    task = MFHartmann(dim, bias)
    assert task.optimum == pytest.approx(TEXTBOOK[dim], abs=6e-6)
    found = minimize(
        lambda x: at(task, x)["value"], MINIMA[dim], method="Nelder-Mead", options={"xatol": 1e-9, "maxiter": 5000}
    )
    assert found.fun == pytest.approx(task.optimum, abs=1e-9)
    assert found.x == pytest.approx(MINIMA[dim], abs=1e-4)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda r: f"{r['dim']}-{r['bias']}-{r['z']}")
def test_hartmann_is_that_of_mf_prior_bench(row):
    """The undisturbed value exactly; the noise, which is drawn by another hash, in its mean over instances."""
    tasks = [MFHartmann(row["dim"], row["bias"], i) for i in range(400)]
    answers = [at(task, row["x"], row["z"]) for task in tasks]
    values = np.array([a["value"] for a in answers])
    scale = BIASES[row["bias"]][1] * (1 - math.log(row["z"]) / math.log(100))
    assert answers[0]["cost"] == pytest.approx(row["cost"])
    assert (values >= row["value"] - 1e-12).all()
    assert values.mean() == pytest.approx(row["mean"], abs=6 * scale * 0.603 / math.sqrt(200) + 1e-12)
    assert values.mean() - row["value"] == pytest.approx(scale * math.sqrt(2 / math.pi), abs=0.15 * scale + 1e-12)


def test_hartmann_beside_an_installed_mf_prior_bench():
    generators = pytest.importorskip("mfpbench.synthetic.hartmann.generators", reason="needs mf-prior-bench")
    rng = np.random.default_rng(1)
    for dim in (3, 6):
        made = getattr(generators, f"MFHartmann{dim}")(100, 3.0, 0.0)
        for x in rng.random((20, dim)):
            assert at(MFHartmann(dim), x)["value"] == pytest.approx(made(100, tuple(x)), rel=1e-12)


def test_deviations_of_hartmann_belong_to_point_fidelity_and_instance():
    task, x = MFHartmann(3, "bad"), (0.1, 0.2, 0.3)
    assert at(task, x, 10, seed=1) == at(task, x, 10, seed=2)
    others = [at(task, x, 11), at(task, (0.1, 0.2, 0.30001), 10), at(MFHartmann(3, "bad", 1), x, 10)]
    assert len({a["value"] for a in [*others, at(task, x, 10)]}) == 4
    assert at(task, x, 100) == at(MFHartmann(3, "good", 5), x, 100)


def test_low_fidelities_mislead_more_from_good_to_terrible():
    rng = np.random.default_rng(0)
    xs = rng.random((300, 6))
    full = [at(MFHartmann(6), x)["value"] for x in xs]
    agreement = [np.corrcoef(full, [at(MFHartmann(6, b), x, 30)["value"] for x in xs])[0, 1] for b in BIASES]
    assert agreement == sorted(agreement, reverse=True)


def test_full_branin_and_hartmann_are_those_of_botorch():
    torch = pytest.importorskip("torch", reason="needs torch")
    functions = pytest.importorskip("botorch.test_functions", reason="needs botorch")
    rng = np.random.default_rng(0)
    cases = [(MFFunction("branin"), functions.Branin()), (MFHartmann(3), functions.Hartmann(3))]
    for task, other in [*cases, (MFHartmann(6), functions.Hartmann(6))]:
        for x in task.problem.space.decode_many(rng.random((20, len(task.problem.space)))):
            expected = other.evaluate_true(torch.tensor([list(x.values())], dtype=torch.double))
            assert task.evaluate(x, None, 0)["value"] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_optima_of_the_others(name):
    task = MFFunction(name)
    low, high = np.array([(p.low, p.high) for p in task.problem.space.values()]).T
    starts = np.random.default_rng(0).random((8, len(low)))
    found = min(
        minimize(lambda u: at(task, low + u * (high - low))["value"], u, bounds=[(0, 1)] * len(low), tol=1e-14).fun
        for u in starts
    )
    assert found == pytest.approx(task.optimum, rel=1e-7)
    assert found >= task.optimum - 1e-9 * abs(task.optimum)


def test_published_numbers_of_the_others():
    """Branin's three minima; Currin's best x1 = 13/60; Borehole's well-known ends of the flow, 7.82 to 309.6."""
    branin = MFFunction("branin")
    for x in ((-math.pi, 12.275), (math.pi, 2.275), (3 * math.pi, 2.475)):
        assert at(branin, x)["value"] == pytest.approx(0.397887, abs=1e-6)
    assert at(MFFunction("currin"), (13 / 60, 0.0))["value"] == pytest.approx(-13.798722, abs=1e-6)
    worst = (0.05, 50000, 63070, 990, 63.1, 820, 1680, 9855)
    assert at(MFFunction("borehole"), worst)["value"] == pytest.approx(-7.8197, abs=1e-4)


def test_low_fidelities_by_hand():
    """Each at one point and half the fidelity, written out here."""
    x1, x2, m = 2.0, 5.0, 0.5
    b, c, t = 5.1 / (4 * math.pi**2) - 0.01 * m, 5 / math.pi - 0.1 * m, 1 / (8 * math.pi) + 0.005 * m
    expected = (x2 - b * x1**2 + c * x1 - 6) ** 2 + 10 * (1 - t) * math.cos(x1) + 10
    assert at(MFFunction("branin"), (x1, x2), 50) == pytest.approx({"value": expected, "cost": 0.325})
    full, none = (at(MFFunction("currin"), (0.4, x), 100)["value"] for x in (0.7, 0.0))  # without and with all decay
    half = at(MFFunction("currin"), (0.4, 0.7), 50)["value"]
    assert half - full == pytest.approx(0.05 * (none - full))
    borehole, x = MFFunction("borehole"), [p.default for p in MFFunction("borehole").problem.space.values()]
    values = [at(borehole, x, z)["value"] for z in (20, 60, 100)]
    assert values[1] - values[0] == pytest.approx(values[2] - values[1])  # linear in z
    rw, r, tu, hu, tl, hl, length, kw = x
    log = math.log(r / rw)
    crude = -5 * tu * (hu - hl) / (log * (1.5 + 2 * length * tu / (log * rw**2 * kw) + tu / tl))
    assert values[0] - (values[2] - values[0]) / 4 == pytest.approx(crude)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MFHartmann(4), "mfhartmann: dim must be 3 or 6, got 4"),
        (lambda: MFHartmann(True), "mfhartmann: dim must be 3 or 6, got True"),
        (lambda: MFHartmann(3, "god"), "mfhartmann: no bias 'god'; did you mean 'good'?"),
        (lambda: MFHartmann(3, "good", -1), "mfhartmann: instance must be a whole number from 0, got -1"),
        (lambda: MFFunction("brannin"), "mfsynthetic: no function 'brannin'; did you mean 'branin'?"),
    ],
)
def test_wrong_options_are_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message
