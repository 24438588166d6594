"""The Python API: specs, objects and plain functions; in memory and into a store."""

import math

import pytest
from matplotlib.axes import Axes

import carps_lite as cl
from carps_lite import spec
from carps_lite.evaluation import BrokenRun

SPACE = cl.Space({"x": cl.Float(-5, 5)})


def parabola(config):
    return (config["x"] - 2) ** 2


def test_a_plain_function():
    run = cl.run(parabola, "tpe", space=SPACE, budget=50)
    assert len(run.records) == 50
    assert run.best.values == (min(r.result.values[0] for r in run.records),)
    assert abs(run.best.config["x"] - 2) < 0.5
    assert run.records[run.best.ask].trial.config == run.best.config


def test_plot_draws_the_incumbent_as_steps():
    run = cl.run(parabola, "random", space=SPACE, budget=20)
    ax = run.plot()
    assert isinstance(ax, Axes)
    (line,) = ax.lines
    best = math.inf
    expected = [best := min(best, r.result.values[0]) for r in run.records]
    assert line.get_ydata().tolist() == expected
    assert line.get_drawstyle() == "steps-post"


def test_specs_and_objects_are_the_same_run():
    task = cl.make_task("sphere/dim:3")
    named = cl.run("sphere/dim:3", "random", budget=9, seed=4)
    assert [r.trial for r in named.records] == [r.trial for r in cl.run(task, "random", budget=9, seed=4).records]


def test_make_optimizer_asks_and_tells():
    task = cl.make_task("bbob/fid:3/dim:2")
    optimizer = cl.make_optimizer("tpe", task.problem, seed=0)
    trial = optimizer.ask()
    optimizer.tell(trial, cl.Result((1.0,)))
    assert task.problem.space.violation(trial.config) is None


def test_a_store_keeps_and_extends(tmp_path):
    short = cl.run("sphere", "random", budget=5, store=tmp_path)
    long = cl.run("sphere", "random", budget=9, store=tmp_path)
    assert long.records[:5] == short.records
    again = cl.run("sphere", "random", budget=9, store=tmp_path)
    assert again.records == long.records
    assert len(cl.Store(tmp_path).table()) == 9


def test_an_object_in_a_store_needs_a_name(tmp_path):
    with pytest.raises(cl.InputError, match="needs name="):
        cl.run(parabola, "random", space=SPACE, budget=5, store=tmp_path)
    cl.run(parabola, "random", space=SPACE, budget=5, store=tmp_path, name="parabola")
    assert cl.Store(tmp_path).runs()["task"].tolist() == ["parabola"]


def test_the_default_budget_is_the_tasks_own():
    assert len(cl.run("curve", "random").records) == spec.meta("tasks", "curve")["budget"]


def test_fidelities_and_the_best():
    run = cl.run("curve", "random", budget=5)
    assert run.best.values[0] == min(r.result.values[0] for r in run.records)


def test_wrong_input_is_one_line(tmp_path):
    for wrong, message in (
        (lambda: cl.run(parabola, "random"), "a plain function needs space="),
        (lambda: cl.run(3, "random"), "a task must be a spec"),
        (lambda: cl.run("mixed", "cmaes"), "cmaes cannot run on mixed/kind:bb: it handles"),
        (lambda: cl.run("sphere", "random", budget="5foo"), "no budget unit 'foo'"),
        (lambda: cl.run("sphere", "random", budget=0), "must be a positive number"),
        (lambda: cl.run("mixed/kind:mo", "random", budget=5).best, "no single best trial"),
        (lambda: cl.make_task("spere"), "did you mean 'sphere'"),
    ):
        with pytest.raises(cl.InputError, match=message) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_a_broken_optimizer_raises():
    class Broken:
        def __init__(self, problem, seed):
            pass

        def ask(self):
            return cl.Trial({"x": 77.0})

        def tell(self, trial, result):
            pass

    with pytest.raises(BrokenRun, match="asked an impossible trial"):
        cl.run(parabola, Broken, space=SPACE, budget=3)


def test_all_names_are_there():
    for name in cl.__all__:
        assert getattr(cl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cl.nonsense


def test_a_smaller_budget_gives_the_shorter_run(tmp_path):
    long = cl.run("sphere", "random", seed=1, budget=30, store=tmp_path)
    short = cl.run("sphere", "random", seed=1, budget=5, store=tmp_path)
    assert short.records == long.records[:5]
    given = {"task": "curve", "optimizer": "random", "n_workers": 2}
    cl.run(**given, budget=30, store=tmp_path)
    cut, fresh = cl.run(**given, budget="90sim", store=tmp_path), cl.run(**given, budget="90sim")
    assert [r.end for r in cut.records] == [r.end for r in fresh.records]


def test_a_trial_that_ends_behind_the_limit_is_no_incumbent():
    run = cl.run("curve", "random", budget="60sim", n_workers=2)
    late = [r for r in run.records if r.end > 60]
    assert late
    assert run.best.ask not in {r.ask for r in late}


def test_another_object_under_the_same_name_is_refused(tmp_path):
    def shifted(by):
        return lambda config: config["x"] + by

    cl.run(shifted(1.0), "random", space=SPACE, budget=5, store=tmp_path, name="f")
    same = cl.run(shifted(1.0), "random", space=SPACE, budget=5, store=tmp_path, name="f")
    assert len(same.records) == 5
    for other, space in ((shifted(2.0), SPACE), (shifted(1.0), cl.Space({"x": cl.Float(-1, 1)}))):
        with pytest.raises(cl.InputError, match="made by other code, options or state"):
            cl.run(other, "random", space=space, budget=5, store=tmp_path, name="f")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"n_workers": 0}, "n_workers must be a whole number"),
        ({"n_workers": 1.5}, "n_workers must be a whole number"),
        ({"overhead": -1}, "overhead must be a number"),
        ({"overhead": "x"}, "overhead must be a number"),
        ({"overhead": math.nan}, "overhead must be a number"),
        ({"sync": "yes"}, "sync must be True or False"),
        ({"optimizer": 3}, "an optimizer must be a spec or a class"),
        ({"store": 5}, "store must be a Store or a folder"),
        ({"space": {"x": 1}}, "space must be a Space"),
        ({"space": SPACE}, "space= goes with a plain function"),
    ],
)
def test_wrong_arguments_are_one_line(wrong, message):
    with pytest.raises(cl.InputError, match=message):
        cl.run(**({"task": "sphere", "optimizer": "random", "budget": 3} | wrong))
