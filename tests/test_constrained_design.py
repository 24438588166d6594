"""The constrained designs: published best designs, optima found anew, botorch's formulas."""

import math
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

from carps_lite.errors import InputError
from carps_lite.tasks.constrained_design import DESIGNS, ConstrainedDesign

PUBLISHED = {  # best known designs of the literature, to their printed digits
    "welded_beam": ((0.205730, 3.470489, 9.036624, 0.205730), 1.724852),
    "pressure_vessel": ((13, 7, 42.098446, 176.636596), 6059.714335),
    "speed_reducer": ((3.5, 0.7, 17, 7.3, 7.71532, 3.350215, 5.286654), 2994.471066),
    "spring": ((0.051689, 0.356718, 11.288966), 0.012665),
}


def evaluate(task, x):
    answer = task.evaluate(dict(zip(task.problem.space, x, strict=True)), None, 0)
    return answer["loss"], [answer[name] for name in task.problem.constraints]


def solved(task, fixed, starts=12):
    """The best feasible value that SLSQP finds from random starts, whole numbers held at `fixed`."""
    space = task.problem.space
    free = [name for name in space if name not in fixed]
    low, high = np.array([(space[n].low, space[n].high) for n in free], dtype=float).T

    def call(u):
        values = dict(zip(free, low + np.clip(u, 0, 1) * (high - low), strict=True)) | fixed
        return evaluate(task, [values[name] for name in space])

    best, scale = math.inf, abs(task.optimum)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in np.random.default_rng(0).random((starts, len(free))):
            found = minimize(
                lambda u: call(u)[0] / scale,
                start,
                method="SLSQP",
                bounds=[(0, 1)] * len(free),
                constraints={"type": "ineq", "fun": lambda u: -np.array(call(u)[1])},
                options={"ftol": 1e-14, "maxiter": 400},
            )
            value, constraints = call(found.x)
            if max(constraints) <= 1e-9:
                best = min(best, value)
    return best


@pytest.mark.parametrize("name", DESIGNS)
def test_published_designs_have_their_published_values(name):
    task = ConstrainedDesign(name)
    x, value = PUBLISHED[name]
    loss, constraints = evaluate(task, x)
    assert loss == pytest.approx(value, rel=1e-4)
    assert max(constraints) < 1e-4
    assert task.optimum == pytest.approx(value, rel=3e-5)


@pytest.mark.parametrize(("name", "fixed"), [("welded_beam", {}), ("spring", {}), ("speed_reducer", {"teeth": 17})])
def test_optima_are_found_again(name, fixed):
    task = ConstrainedDesign(name)
    assert solved(task, fixed) == pytest.approx(task.optimum, rel=1e-7)


def test_more_teeth_do_not_help():
    task = ConstrainedDesign("speed_reducer")
    assert solved(task, {"teeth": 18}, 6) > task.optimum + 100


def test_the_vessel_by_trying_every_pair_of_thicknesses():
    """Given both thicknesses the radius and length are best at a bound of the radius: cost falls with volume fixed."""
    task = ConstrainedDesign("pressure_vessel")
    best = math.inf
    for shell in range(1, 40):
        for head in range(1, 40):
            largest = min(0.0625 * shell / 0.0193, 0.0625 * head / 0.00954, 200)
            for radius in np.append(np.linspace(10, largest, 60), largest) if largest >= 10 else ():
                length = (1296000 - 4 / 3 * math.pi * radius**3) / (math.pi * radius**2) * (1 + 1e-12)
                if length <= 200:
                    loss, constraints = evaluate(task, (shell, head, radius, max(10.0, length)))
                    if max(constraints) <= 1e-9:
                        best = min(best, loss)
    assert best == pytest.approx(task.optimum, rel=1e-9)


def test_signs_of_constraints_are_those_of_botorch():
    torch = pytest.importorskip("torch", reason="needs torch")
    synthetic = pytest.importorskip("botorch.test_functions.synthetic", reason="needs botorch")
    for name, other in (("speed_reducer", synthetic.SpeedReducer()), ("spring", synthetic.TensionCompressionString())):
        task = ConstrainedDesign(name)
        space = task.problem.space
        for x in space.decode_many(np.random.default_rng(0).random((50, len(space)))):
            row = torch.tensor([list(map(float, x.values()))], dtype=torch.double)
            loss, constraints = evaluate(task, x.values())
            assert loss == pytest.approx(float(other._evaluate_true(row)), rel=1e-6)
            slack = other._evaluate_slack_true(row).numpy()[0]
            assert ((np.array(constraints) <= 0) == (slack >= 0)).all()


@pytest.mark.parametrize("name", DESIGNS)
def test_feasible_configurations_exist_and_are_not_all(name):
    task = ConstrainedDesign(name)
    space = task.problem.space
    xs = space.decode_many(np.random.default_rng(1).random((5000, len(space))))
    share = np.mean([max(evaluate(task, x.values())[1]) <= 0 for x in xs])
    assert 0 < share < 0.6


def test_an_unknown_design_is_one_line():
    with pytest.raises(InputError) as caught:
        ConstrainedDesign("welded_bean")
    assert str(caught.value) == "design: no design 'welded_bean'; did you mean 'welded_beam'?"
