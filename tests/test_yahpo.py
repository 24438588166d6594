"""The YAHPO surrogates against the values of the reference implementation, and their spaces against the raw JSON.

The data are looked for in CARPS_LITE_TEST_DATA, else in ../shared/data/yahpo beside the repository.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carps_lite import spec
from carps_lite.core import Task
from carps_lite.errors import InputError
from carps_lite.space import Categorical, Float, Int
from carps_lite.tasks import yahpo, yahpo_data, yahpo_surrogate
from carps_lite.tasks.yahpo import YAHPO, predict, predict_many
from carps_lite.tasks.yahpo_checksums import CHECKSUMS
from carps_lite.tasks.yahpo_encoding import Encoder
from carps_lite.tasks.yahpo_inputs import full_space
from carps_lite.tasks.yahpo_scenarios import LARGER_IS_BETTER, SCENARIOS
from carps_lite.tasks.yahpo_space import read_space
from carps_lite.testing import check_task

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "yahpo"
FOLDER = Path(os.environ.get("CARPS_LITE_TEST_DATA", BESIDE))
FILES = ("config_space.json", "encoding.json", "model.onnx")
WITH_MODEL = ("lcbench", "rbv2_xgboost", "rbv2_rpart", "iaml_glmnet")
TASKS = {  # one task of each kind and scenario, with objectives of both directions
    "lcbench/bb": YAHPO("lcbench", "167168"),
    "lcbench/momf": YAHPO("lcbench", "189873", "momf", ("val_cross_entropy", "val_balanced_accuracy", "time")),
    "rbv2_xgboost/mf": YAHPO("rbv2_xgboost", "12", "mf", repl=1),
    "rbv2_rpart/mo": YAHPO("rbv2_rpart", "1485", "mo", ("f1", "timetrain")),
    "iaml_glmnet/mo": YAHPO("iaml_glmnet", "1489", "mo"),
}
needs_data = pytest.mark.skipif(
    not (FOLDER / "lcbench").is_dir(),
    reason=f"no yahpo_data in {FOLDER}; CARPS_LITE_TEST_DATA may name a checkout with oracle.json and scenarios.json",
)
with_model = pytest.mark.parametrize("scenario", WITH_MODEL)
each_scenario = pytest.mark.parametrize("scenario", sorted(SCENARIOS))


@pytest.fixture(autouse=True)
def data(monkeypatch):
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(FOLDER))
    pytest.importorskip("onnxruntime", reason="needs the extra 'yahpo'")


def load(name):
    return json.loads((FOLDER / name).read_text())


def raw(scenario, name):
    path = FOLDER / scenario / name
    return json.loads((path if path.exists() else FOLDER / "config_spaces" / scenario / name).read_text())


def close(found, expected, rtol):
    return found == pytest.approx(expected, rel=rtol, abs=0)


# --- facts -----------------------------------------------------------------------------------------------------------


@needs_data
@each_scenario
def test_inputs_and_outputs_stand_in_the_order_of_the_reference(scenario):
    ours, theirs = SCENARIOS[scenario], load("scenarios.json")[scenario]
    assert list(ours.categorical) == theirs["cat_names"]
    assert list(ours.continuous) == theirs["cont_names"]
    assert list(ours.outputs) == theirs["y_names"]
    assert ours.runtime == theirs["runtime_name"]
    assert ours.instance == theirs.get("instance_names")
    assert [name for name in (ours.fidelity, ours.repeats) if name] == theirs["fidelity_params"]


@needs_data
@each_scenario
def test_directions_are_those_of_the_reference_but_for_f1(scenario):
    theirs = load("scenarios.json")[scenario]
    minimised = dict(zip(theirs["y_names"], theirs["y_minimize"], strict=True))
    for o in SCENARIOS[scenario].objectives.values():
        wrongly_listed = o.output == "f1" and scenario.startswith("rbv2")
        assert minimised[o.output] == (o.scale is None or wrongly_listed), o


@needs_data
@pytest.mark.parametrize(("scenario", "instance"), [("rbv2_rpart", "1485"), ("rbv2_rpart", "1461")])
def test_f1_of_rbv2_is_better_when_larger(scenario, instance):
    stats = pytest.importorskip("scipy.stats")
    task = YAHPO(scenario, instance, "mo", ("f1", "error"))
    configs = task.problem.space.decode_many(np.random.default_rng(0).random((200, len(task.problem.space))))
    found = task.evaluate_many(configs, [None] * 200, [0] * 200)
    assert stats.spearmanr([a["one_minus_f1"] for a in found], [a["error"] for a in found]).statistic > 0.7


@needs_data
def test_checksums_are_those_of_the_public_repository():
    published = {path: entry["git_blob_sha1"] for path, entry in load("checksums.json")["files"].items()}
    assert {path: CHECKSUMS[path] for path in published} == published
    assert set(CHECKSUMS) == {f"{s}/{name}" for s in SCENARIOS for name in FILES} | {yahpo_data.STATISTICS}


def test_metadata_lists_the_scenarios():
    assert spec.meta("tasks", "yahpo")["values"]["scenario"] == sorted(SCENARIOS)


# --- values ----------------------------------------------------------------------------------------------------------


@needs_data
@with_model
def test_single_predictions_are_those_of_the_reference(scenario):
    cases = load("oracle.json")[scenario]
    assert len(cases) == 60
    for case in cases:
        assert close(predict(scenario, case["config"]), case["y"], 1e-5)


@needs_data
@with_model
def test_batches_agree_with_single_rows_within_32_bits(scenario):
    cases = load("oracle.json")[scenario]
    names = SCENARIOS[scenario].outputs
    many = np.array([list(y.values()) for y in predict_many(scenario, [case["config"] for case in cases])])
    expected = np.array([[case["y"][name] for name in names] for case in cases])
    assert np.allclose(many, expected, rtol=5e-4, atol=1e-5 * expected.std(axis=0))


@needs_data
@with_model
def test_tasks_answer_what_the_reference_says(scenario):
    known = SCENARIOS[scenario]
    all_objectives = tuple(known.objectives)
    for case in load("oracle.json")[scenario][:25]:
        config, y = dict(case["config"]), case["y"]
        fidelity = config.pop(known.fidelity)
        repl = {"repl": config.pop("repl")} if known.repeats else {}
        task = YAHPO(scenario, config.pop(known.instance), "momf", all_objectives, **repl)
        answer = task.evaluate(config, fidelity, seed=7)
        for name in known.outputs:
            larger, scale = LARGER_IS_BETTER.get(name, (name, None))
            if larger in task.problem.objectives:
                assert close(answer[larger], y[name] if scale is None else 1 - y[name] / scale, 1e-5)
            assert close(answer[name], y[name], 1e-5)
        assert close(answer["cost"], max(0, y[known.runtime]), 1e-5)


@needs_data
def test_without_a_fidelity_the_full_one_is_evaluated():
    task, config = YAHPO(kind="mf"), YAHPO().problem.space.default
    in_full = predict("lcbench", {**config, "OpenML_task_id": "167168", "epoch": 52})
    assert task.evaluate(config, None, 0) == task.evaluate(config, 52, 0) == YAHPO().evaluate(config, None, 0)
    assert task.evaluate(config, None, 0)["val_accuracy"] == in_full["val_accuracy"]
    assert predict("lcbench", {**config, "OpenML_task_id": 167168}) == in_full
    assert task.evaluate(config, 1, 0) != task.evaluate(config, 52, 0)


@needs_data
@pytest.mark.parametrize("name", TASKS)
def test_batches_of_a_task_agree_with_its_single_answers_as_declared(name):
    task, rtol = TASKS[name], spec.meta("tasks", "yahpo")["batch_rtol"]
    space, axis = task.problem.space, task.problem.fidelity
    configs = space.decode_many(np.random.default_rng(6).random((40, len(space))))
    levels = [None] * 20 + [axis.low if axis else None] * 20
    together = task.evaluate_many(configs, levels, [0] * 40)
    for config, level, found in zip(configs, levels, together, strict=True):
        alone = task.evaluate(config, level, 0)
        for objective in (*task.problem.objectives, "cost"):
            assert np.isfinite(alone[objective])
            assert found[objective] == pytest.approx(alone[objective], rel=rtol, abs=1e-9)


@needs_data
def test_instances_may_be_given_as_numbers():
    task = YAHPO("lcbench", 167168)
    assert task == YAHPO()
    assert task.evaluate(task.problem.space.default, None, 0) == YAHPO().evaluate(task.problem.space.default, None, 0)


@needs_data
def test_further_repetitions_are_another_task():
    few, all_ten = YAHPO("rbv2_rpart", "1485", repl=1), YAHPO("rbv2_rpart", "1485")
    config = few.problem.space.default
    assert few.evaluate(config, None, 0) != all_ten.evaluate(config, None, 0)
    expected = predict("rbv2_rpart", {**config, "task_id": "1485", "repl": 1, "trainsize": 1.0})
    assert few.evaluate(config, None, 0)["acc"] == expected["acc"]


@needs_data
@pytest.mark.parametrize("name", ["lcbench/momf", "rbv2_rpart/mo", "iaml_glmnet/mo"])
def test_reference_point_is_the_worst_recorded_value(name):
    pandas = pytest.importorskip("pandas")
    task = TASKS[name]
    rows = pandas.read_csv(FOLDER / yahpo_data.STATISTICS, dtype={"instance": str})
    rows = rows[(rows.scenario == task.scenario) & (rows.instance == task.instance)]
    by_name = rows.pivot_table(index="metric", columns="statistic", values="value")
    outputs = {o.name: o.output for o in SCENARIOS[task.scenario].objectives.values()}
    for objective, worst in zip(task.problem.objectives, task.problem.reference, strict=True):
        output = outputs[objective]
        larger = output in LARGER_IS_BETTER
        expected = 1 - by_name.loc[output, "min"] if larger else by_name.loc[output, "max"]
        assert worst == pytest.approx(expected)


@needs_data
def test_sessions_are_shared_and_single_threaded():
    first, second = YAHPO(), YAHPO(instance="189873")
    assert first._surrogate is second._surrogate
    options = first._surrogate._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@needs_data
def test_a_task_pickles_before_and_after_its_first_evaluation():
    task = YAHPO("rbv2_xgboost", "12", "momf")
    config = task.problem.space.default
    answer = task.evaluate(config, 0.5, 0)
    again = pickle.loads(pickle.dumps(task))
    assert isinstance(again, Task)
    assert again == task
    assert again.evaluate(config, 0.5, 0) == answer


def checks():
    meta = spec.meta("tasks", "yahpo")
    for name, task in TASKS.items():
        for check, run in check_task(partial(type(task), *task.__reduce__()[1]), meta, n_points=8):
            yield pytest.param(run, id=f"{name}-{check}")


@needs_data
@pytest.mark.parametrize("check", list(checks()))
def test_tasks_of_all_kinds_keep_the_contract(check):
    check()


# --- spaces ----------------------------------------------------------------------------------------------------------


def holds(condition, config):
    """A condition of the JSON, evaluated as it is written."""
    if condition["type"] == "AND":
        return all(holds(part, config) for part in condition["conditions"])
    allowed = condition["values"] if condition["type"] == "IN" else [condition["value"]]
    return config.get(condition["parent"]) in allowed


def active_names(written, config):
    """Active parameters of a complete assignment, by striking out until nothing changes."""
    left = dict(config)
    while True:
        out = [c["child"] for c in written["conditions"] if c["child"] in left and not holds(c, left)]
        if not out:
            return set(left)
        for name in out:
            del left[name]


@needs_data
@each_scenario
def test_parameters_are_read_as_they_are_written(scenario):
    written = raw(scenario, "config_space.json")
    known = SCENARIOS[scenario]
    space = read_space(json.dumps(written))
    assert {entry["name"] for entry in written["hyperparameters"]} == set(space)
    assert set(space) == {*known.categorical, *known.continuous}
    for entry in written["hyperparameters"]:
        p = space[entry["name"]]
        assert p.default == entry["default"]
        if isinstance(p, Categorical):
            assert list(p.choices) == entry["choices"]
            assert all(choice in raw(scenario, "encoding.json")[entry["name"]] for choice in p.choices)
        else:
            assert isinstance(p, Int if "int" in entry["type"] else Float)
            assert (p.low, p.high, p.log) == (entry["lower"], entry["upper"], entry["log"])


@needs_data
@each_scenario
def test_activity_is_what_the_written_conditions_say(scenario):
    written, space = raw(scenario, "config_space.json"), yahpo.search_space(scenario)
    columns = [p.decode(np.random.default_rng(1).permutation(np.linspace(0, 1, 300))) for p in space.values()]
    seen = set()
    for row in zip(*columns, strict=True):
        everything = dict(zip(space, row, strict=True))
        kept = space.prune(everything)
        assert set(kept) == active_names(written, everything)
        assert space.prune(kept) == kept
        assert space.violation(kept) is None
        seen |= everything.keys() - kept.keys()
    assert seen == {c["child"] for c in written["conditions"]}  # each condition was false at least once


@needs_data
@each_scenario
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_configurations_survive_the_unit_cube(scenario, seed):
    space = yahpo.search_space(scenario)
    config = space.sample(np.random.default_rng(seed))
    back = space.decode(space.encode(config))
    assert back.keys() == config.keys()
    for name, value in config.items():
        assert back[name] == (pytest.approx(value, rel=1e-9) if isinstance(space[name], Float) else value)


@needs_data
@pytest.mark.parametrize("scenario", ["rbv2_super", "iaml_super", "nb301"])
def test_conditional_spaces_are_those_of_configspace(scenario):
    pytest.importorskip("ConfigSpace", reason="needs the extra 'configspace'")
    from carps_lite.convert import to_configspace

    space = yahpo.search_space(scenario)
    theirs = to_configspace(space)
    theirs.seed(3)
    for config in theirs.sample_configuration(60):
        plain = {name: getattr(v, "item", lambda v=v: v)() for name, v in dict(config).items()}
        assert space.violation(space.prune(plain)) is None  # pruned, as `to_configspace` says; what is active is there


@needs_data
def test_the_choice_of_a_learner_activates_its_parameters_only():
    space = yahpo.search_space("rbv2_super")
    everything = {name: p.default for name, p in space.items()}
    chosen = {"learner_id": "xgboost", "xgboost.booster": "dart", "svm.kernel": "radial", "ranger.splitrule": "gini"}
    kept = space.prune(everything | chosen)
    assert {name.split(".")[0] for name in kept} == {"learner_id", "num", "xgboost"}
    assert len([name for name in kept if name.startswith("xgboost.")]) == 13
    linear = space.prune(everything | chosen | {"xgboost.booster": "gblinear"})
    assert "xgboost.max_depth" in kept
    assert "xgboost.max_depth" not in linear


def written_space(**changes):
    number = {"name": "x", "type": "uniform_float", "lower": 0, "upper": 1, "log": False, "default": 0.5}
    kind = {"name": "kind", "type": "categorical", "choices": ["a", "b"], "default": "a"}
    return json.dumps({"hyperparameters": [number, kind], "conditions": [], "forbiddens": [], **changes})


def test_children_may_stand_before_their_parents():
    condition = {"child": "x", "parent": "kind", "type": "EQ", "value": "b"}
    space = read_space(written_space(conditions=[condition]))
    assert list(space) == ["kind", "x"]
    assert space.prune({"kind": "a", "x": 0.1}) == {"kind": "a"}


def test_several_conditions_of_one_child_hold_together():
    conditions = [
        {"child": "x", "parent": "kind", "type": "IN", "values": ["a", "b"]},
        {"child": "x", "parent": "kind", "type": "EQ", "value": "b"},
    ]
    assert read_space(written_space(conditions=conditions))["x"].when == {"kind": ("b",)}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"forbiddens": [{"name": "kind"}]}, "forbidden"),
        ({"conditions": [{"child": "x", "parent": "kind", "type": "GT", "value": "a"}]}, "GT"),
        ({"conditions": [{"child": "y", "parent": "kind", "type": "EQ", "value": "a"}]}, "y"),
        ({"conditions": [{"child": "kind", "parent": "kind", "type": "EQ", "value": "a"}]}, "circle"),
        ({"hyperparameters": [{"name": "n", "type": "normal_float", "mu": 0}]}, "normal_float"),
        ({"hyperparameters": [{"name": "n", "type": "uniform_int", "lower": 0, "upper": 4, "q": 2}]}, "steps"),
    ],
)
def test_what_a_space_cannot_express_is_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        read_space(written_space(**changes))


# --- encoding, for all scenarios, with a session that writes down what it is given ---------------------------------


class Session:
    def __init__(self, scenario, width):
        self.n, self.width, self.fed = len(SCENARIOS[scenario].outputs), width, []

    def get_inputs(self):
        return [SimpleNamespace(name="numbers", type="tensor(float)"), SimpleNamespace(name="cats", type=self.width)]

    def run(self, names, feeds):
        self.fed.append(feeds)
        return [np.tile(np.arange(self.n, dtype=np.float32), (len(feeds["cats"]), 1))]


@pytest.fixture
def anything_goes(monkeypatch, tmp_path):
    """A folder with all scenarios, whose surrogates are stand-ins; hashes are not compared."""
    for scenario in SCENARIOS:
        there = FOLDER / scenario if (FOLDER / scenario).exists() else FOLDER / "config_spaces" / scenario
        shutil.copytree(there, tmp_path / "yahpo_data" / scenario, ignore=shutil.ignore_patterns("*.onnx"))
        (tmp_path / "yahpo_data" / scenario / "model.onnx").write_bytes(b"")
    monkeypatch.setattr(yahpo_data, "_verify", lambda file, path: None)
    return tmp_path


@needs_data
@each_scenario
@pytest.mark.parametrize("width", ["int32", "int64"])
def test_every_scenario_is_encoded_as_its_files_say(scenario, width, anything_goes, monkeypatch):
    session = Session(scenario, f"tensor({width})")
    monkeypatch.setattr(yahpo_surrogate, "_session", lambda file: session)
    known, codes = SCENARIOS[scenario], raw(scenario, "encoding.json")
    task = YAHPO(scenario, yahpo.instances(scenario, str(anything_goes))[-1], "mf", data=str(anything_goes))
    space, axis = task.problem.space, task.problem.fidelity
    for config in (space.default, *space.decode_many(np.random.default_rng(2).random((6, len(space))))):
        answer = task.evaluate(config, axis.low, 0)
        full = config | {axis.name: axis.low, "repl": 10, known.instance or "": task.instance}
        assert session.fed[-1]["cats"].tolist() == [[codes[n][full.get(n, "#na#")] for n in known.categorical]]
        assert session.fed[-1]["numbers"].tolist() == [[np.float32(full.get(n, 0)) for n in known.continuous]]
        assert session.fed[-1]["cats"].dtype == width
        assert answer["cost"] == known.outputs.index(known.runtime)
    if scenario == "nb301":
        assert task.instance == "CIFAR10"


@needs_data
@pytest.mark.parametrize("scenario", ["rbv2_super", "iaml_super", "nb301", "rbv2_xgboost"])
def test_the_encoder_refuses_what_the_space_refuses(scenario):
    space = full_space(SCENARIOS[scenario], FOLDER)
    encode = Encoder(SCENARIOS[scenario], space, raw(scenario, "encoding.json")).encode
    rng, names = np.random.default_rng(4), list(space)
    odd = (None, "x", -1.0, 1e9, 0.5, 3, True, np.float64(0.5), "gbtree", "extratrees", float("nan"))
    refused = 0
    for _ in range(400):
        config = space.sample(rng)
        name = names[rng.integers(len(names))]
        change = odd[rng.integers(len(odd))]
        if change is None:
            config.pop(name, None)
        else:
            config[name] = change
        wrong = space.violation(config)
        refused += wrong is not None
        if wrong is None:
            assert len(encode(config)[0]) == len(SCENARIOS[scenario].categorical)
        else:
            with pytest.raises(InputError) as error:
                encode(config)
            assert wrong in str(error.value)
    assert 100 < refused < 400


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A data folder with one scenario and the statistics."""
    for name in ("iaml_glmnet", "global_statistics"):
        shutil.copytree(FOLDER / name, tmp_path / "data" / "yahpo_data" / name, copy_function=shutil.copyfile)
        (tmp_path / "data" / "yahpo_data" / name).chmod(0o755)
    return tmp_path / "data"


@needs_data
def test_the_folder_is_a_checkout_or_holds_one(checkout, monkeypatch):
    config = YAHPO("iaml_glmnet", "1489").problem.space.default
    expected = YAHPO("iaml_glmnet", "1489").evaluate(config, None, 0)
    for place in (checkout, checkout / "yahpo_data"):
        monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(place))
        assert YAHPO("iaml_glmnet", "1489").evaluate(config, None, 0) == expected
        monkeypatch.delenv("CARPS_LITE_DATA_DIR")
        assert YAHPO("iaml_glmnet", "1489", data=str(place)).evaluate(config, None, 0) == expected
    monkeypatch.setenv("HOME", str(checkout))
    checkout.joinpath("carps-data").symlink_to(checkout / "yahpo_data")
    assert YAHPO("iaml_glmnet", "1489").evaluate(config, None, 0) == expected


@needs_data
def test_what_is_missing_is_said_with_its_remedy(checkout, tmp_path, monkeypatch):
    for place, scenario in ((tmp_path / "nothing", "lcbench"), (checkout, "rbv2_svm")):
        with pytest.raises(
            InputError, match=rf"no data for yahpo {scenario} in .*put a checkout of yahpo_data"
        ) as error:
            _ = YAHPO(scenario, "11", data=str(place)).problem
        assert "CARPS_LITE_DATA_DIR" in str(error.value)
        assert "\n" not in str(error.value)
    (checkout / "yahpo_data" / "iaml_glmnet" / "model.onnx").unlink()
    with pytest.raises(InputError, match=r"iaml_glmnet has no model\.onnx"):
        _ = YAHPO("iaml_glmnet", "1489", data=str(checkout)).problem


@needs_data
def test_spaces_alone_make_no_task():
    assert len(yahpo.search_space("rbv2_svm")) == 6
    with pytest.raises(InputError, match="no data for yahpo rbv2_svm"):
        _ = YAHPO("rbv2_svm", "11").problem


@needs_data
@pytest.mark.parametrize("name", [*(f"iaml_glmnet/{name}" for name in FILES), yahpo_data.STATISTICS])
def test_a_damaged_file_is_named(checkout, name):
    file = checkout / "yahpo_data" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} is damaged or of another version") as error:
        _ = YAHPO("iaml_glmnet", "1489", "mo", data=str(checkout)).problem
    assert "\n" not in str(error.value)
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert YAHPO("iaml_glmnet", "1489", "mo", data=str(checkout)).problem.kind == "mo"


@needs_data
def test_a_file_is_checked_once_a_process(checkout, monkeypatch):
    hashed, sha1 = [], yahpo_data.hashlib.sha1
    monkeypatch.setattr(yahpo_data.hashlib, "sha1", lambda *a, **k: hashed.append(1) or sha1(*a, **k))
    for instance in ("1489", "1067", "1489"):
        task = YAHPO("iaml_glmnet", instance, data=str(checkout))
        task.evaluate(task.problem.space.default, None, 0)
    assert len(hashed) == len(FILES)


# --- wrong options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scenario": "lcbenhc"}, r"no scenario 'lcbenhc'; did you mean 'lcbench'"),
        ({"kind": "mff"}, r"no kind 'mff'; did you mean 'mf'"),
        ({"objectives": ("val_acuracy",)}, r"no objective 'val_acuracy'; did you mean 'val_accuracy'"),
        ({"objectives": "test_cross_entropy"}, r"test_cross_entropy is held out"),
        ({"objectives": ("val_error", "time")}, r"kind bb needs one objective, got val_error, time"),
        ({"kind": "mo", "objectives": ("time",)}, r"kind mo needs two or more objectives, got time"),
        ({"kind": "mo", "objectives": ("val_error", "val_accuracy")}, r"one of them twice"),
        ({"repl": 2}, r"lcbench has not"),
        ({"scenario": "rbv2_svm", "repl": 11}, r"repl must be 1 to 10, got 11"),
        ({"scenario": "rbv2_svm", "repl": True}, r"repl must be 1 to 10, got True"),
    ],
)
def test_wrong_options_are_named(options, said):
    with pytest.raises(InputError, match=said):
        YAHPO(**options)


@needs_data
def test_wrong_instances_and_configurations_are_named():
    with pytest.raises(InputError, match=r"no instance '16716'; did you mean '167168'"):
        _ = YAHPO(instance="16716").problem
    with pytest.raises(InputError, match="known: CIFAR10"):
        yahpo.check_instance(SCENARIOS["nb301"], FOLDER, "cifar")
    task = YAHPO("rbv2_xgboost", "12", "mf")
    config = task.problem.space.default
    for wrong in (config | {"eta": 2.0}, config | {"task_id": "12"}, {}, config | {"booster": "dart"}):
        with pytest.raises(InputError, match="yahpo rbv2_xgboost"):
            task.evaluate(wrong, None, 0)
    for fidelity in (0.0, 1.5):
        with pytest.raises(InputError, match="trainsize must be"):
            task.evaluate(config, fidelity, 0)
    with pytest.raises(InputError, match="epoch must be"):
        YAHPO(kind="mf").evaluate(YAHPO().problem.space.default, 2.5, 0)
    with pytest.raises(InputError, match="no instance '3'"):
        predict("lcbench", {**YAHPO().problem.space.default, "OpenML_task_id": "3"})
    with pytest.raises(InputError, match="no scenario 'lc'"):
        predict("lc", {})
    assert predict_many("lcbench", []) == []
    assert task.evaluate_many([], [], []) == []


@needs_data
def test_specs_name_tasks():
    one = "yahpo/scenario:rbv2_rpart/instance:1485/kind:momf/objectives:acc@memory/repl:3"
    task = spec.make("tasks", one)
    assert spec.canonical("tasks", one) == one
    assert task.problem.objectives == ("error", "memory")
    assert task.problem.fidelity.name == "trainsize"
    assert len(spec.expand("tasks", "yahpo/scenario:all")) == 14
    assert {s.split("/")[0] for s in CHECKSUMS} == {*SCENARIOS, "global_statistics"}


def test_a_folder_that_cannot_be_looked_into_is_one_line():
    with pytest.raises(InputError, match=r"^cannot look for .+config_space\.json \(.+\): make its folder readable"):
        yahpo.search_space("lcbench", data="x" * 300)
