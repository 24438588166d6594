"""Studies of other programs become runs: values, signs, costs and fidelities as they were, or one line and no run."""

import json
import math

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from carps_lite.errors import InputError
from carps_lite.exchange.cells import config_text, parse_config_value
from carps_lite.exchange.naming import identify, template
from carps_lite.store import Store

optuna.logging.set_verbosity(optuna.logging.ERROR)


pytestmark = pytest.mark.usefixtures("own_folder")


def csv(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


HEAD = "task,optimizer,seed,trial,value,cost,config.x,config.act"


def test_csv_rows_become_trials_in_the_order_of_trial(carps, tmp_path):
    file = csv(
        tmp_path / "a.csv", HEAD, "mine,bo,3,1,0.25,2.5,1,relu", "mine,bo,3,0,0.5,1.5,0.5,tanh", "mine,bo,3,2,,4,2,relu"
    )
    code, out, _ = carps("import", "csv", file)
    assert code == 0
    assert "1 run of 1 optimizer on 1 task, 3 trials: 1 imported, 0 there already → results" in out
    runs, trials = Store().frames()
    (run,) = runs.to_dict("records")
    assert (run["task"], run["optimizer"], run["seed"], run["variant"], run["state"]) == (
        "mine",
        "bo",
        3,
        "imported",
        "done",
    )
    assert run["header"]["imported"] == {"format": "csv", "file": "a.csv"}
    assert not run["stale"]
    assert trials["value"].tolist()[:2] == [0.5, 0.25]
    assert math.isnan(trials["value"][2])
    assert trials["failure"].tolist()[2] == "no value"
    assert (trials["start"].tolist(), trials["end"].tolist()) == ([0, 1.5, 4], [1.5, 4, 8])
    assert trials["spent"].tolist() == [1, 2, 3]
    assert json.loads(trials["config"][0]) == {"x": 0.5, "act": "tanh"}


def test_columns_are_mapped_and_larger_is_better_turned(carps, tmp_path):
    file = csv(tmp_path / "a.csv", "data,method,acc,epochs,lr,extra", "d1,bo,0.5,3,0.1,?", "d1,bo,0.75,9,0.2,?")
    args = ("columns=task:data,optimizer:method,value:acc,fidelity:epochs,config:lr", "seed=4", "maximize=true")
    code, out, _ = carps("import", "csv", file, *args)
    assert code == 0
    assert "left out: columns extra of" in out
    runs, trials = Store().frames()
    assert runs["header"][0]["problem"]["fidelity"]["name"] == "epochs"
    assert runs["header"][0]["problem"]["objectives"] == ["acc"]
    assert (runs["seed"][0], runs["kind"][0]) == (4, "mf")
    assert trials["value"].tolist() == [-0.5, -0.75]
    assert trials["spent"].tolist() == pytest.approx([1 / 3, 4 / 3])


def test_parallel_trials_start_on_the_worker_that_is_free_first(carps, tmp_path):
    rows = [f"mine,bo,0,2,{i},{cost}" for i, cost in enumerate((3, 1, 1, 5))]
    carps("import", "csv", csv(tmp_path / "a.csv", "task,optimizer,seed,n_workers,value,cost", *rows))
    trials = Store().table()
    assert trials["start"].tolist() == [0, 0, 1, 2]
    assert trials["end"].tolist() == [3, 1, 2, 7]


def test_a_task_that_is_known_brings_its_optimum_group_and_space(carps, tmp_path):
    pytest.importorskip("ioh", reason="needs carps-lite[bbob]")
    file = csv(tmp_path / "a.csv", "task,optimizer,seed,value,config.x0,config.x1", "bbob/fid:3/dim:2,bo,0,90,1.5,-2")
    code, _, err = carps("import", "csv", file)
    assert (code, err) == (0, "")
    (run,) = Store().runs().to_dict("records")
    assert run["task"] == "bbob/dim:2/fid:3/instance:1"
    assert run["group"] == "bbob/fid:3"
    assert math.isfinite(run["optimum"])
    for row, said in (("1.5,-20", "x1"), ("1.5,", "x1")):
        code, _, err = carps("import", "csv", csv(tmp_path / "b.csv", "task,optimizer,seed,value,config.x0,config.x1",
                             f"bbob/fid:3/dim:2,bo,1,90,{row}"))  # fmt: skip
        assert code == 2
        assert "b.csv:2: " in err
        assert said in err


BAD = [
    ((HEAD, "mine,bo,0,0,abc,1,1,relu"), "a.csv:2: value must be a number, got 'abc'"),
    ((HEAD, "mine,bo,0,0,1,1,1,relu", "mine,bo,zero,0,1,1,1,relu"), "a.csv:3: seed must be a whole number, got 'zero'"),
    ((HEAD, "mine,bo,0,0,1,1,1"), "a.csv:2: 7 cells, but the header has 8"),
    ((HEAD, "mine,bo,0,0,1,1,1,r", "mine,bo,0,0,1,1,1,r"), "a.csv:3: trial 0 of bo on mine, seed 0, stands twice"),
    ((HEAD, "mine,bo,0,0,1,-1,1,r"), "a.csv:2: cost must be a number of at least 0, got -1.0"),
    ((HEAD, "mine,my opt,0,0,1,1,1,r"), "a.csv:2: optimizer name 'my opt' may hold letters"),
    ((HEAD, "bbob/fid:99,bo,0,0,1,1,1,r"), "a.csv:2: bbob: fid"),
    ((HEAD, ",bo,0,0,1,1,1,r"), "a.csv:2: task is empty"),
    ((HEAD,), "the file has a header and no rows"),
    ((), "the file is empty"),
    (("task,optimizer,seed,loss", "mine,bo,0,1"), "a.csv:1: no column 'value'"),
    (("optimizer,seed,value", "bo,0,1"), "a.csv:1: no column 'task'"),
    (("task,optimizer,seed,value,start,end", "mine,bo,0,1,3,2"), "a.csv:2: it ends at 2, before it starts at 3"),
    (("task,optimizer,seed,value,info", "mine,bo,0,1,[]"), "a.csv:2: info must be a JSON object"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), BAD, ids=[said[:50] for _, said in BAD])
def test_a_bad_row_is_one_line_and_nothing_is_written(carps, tmp_path, lines, said):
    good = csv(tmp_path / "good.csv", HEAD, "mine,bo,9,0,1,1,1,relu")
    (tmp_path / "a.csv").write_text("".join(f"{line}\n" for line in lines))
    code, out, err = carps("import", "csv", good, str(tmp_path / "a.csv"))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["import"], "import needs a format (csv, optuna, smac)"),
        (["import", "cvs", "x"], "import has no format 'cvs'; did you mean 'csv'?"),
        (["import", "csv"], "import csv needs a file"),
        (["import", "csv", "x.csv"], "cannot read x.csv: No such file"),
        (["import", "csv", "x.csv", "colums=a"], "import has no option 'colums'; did you mean 'columns'?"),
        (["import", "smac", "x", "columns=a:b"], "import smac takes no columns="),
        (["import", "smac", "x"], "cannot read x: No such file"),
        (["import", "csv", "x.csv", "columns=value"], "columns must be role:column pairs"),
        (["import", "optuna", "x.db"], "no file 'x.db'"),
        (["import", "optuna", "x.db", "names={tsk}"], "names={tsk}: {tsk} must be one of {task}"),
        (["import", "csv", "x.csv", "full_fidelity=-1"], "full_fidelity must be a positive number"),
        (["import", "csv", "x.csv", "maximize=yes"], "maximize must be true or false"),
        (["import", "csv", "--x"], "import has no flag '--x'"),
    ],
)
def test_wrong_commands(carps, tmp_path, args, said):
    if "full_fidelity=-1" in args or "maximize=yes" in args:
        csv(tmp_path / "x.csv", HEAD, "mine,bo,9,0,1,1,1,relu")
    code, out, err = carps(*args)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_the_same_again_is_kept_and_other_trials_are_refused(carps, tmp_path):
    file = tmp_path / "a.csv"
    carps("import", "csv", csv(file, HEAD, "mine,bo,0,0,1,1,1,relu"))
    assert "0 imported, 1 there already" in carps("import", "csv", str(file))[1]
    csv(file, HEAD, "mine,bo,0,0,2,1,1,relu", "mine,bo,1,0,2,1,1,relu")
    code, _, err = carps("import", "csv", str(file))
    assert code == 2
    assert "bo on mine with seed 0 was imported before, with other trials; replace=true" in err
    assert Store().table()["value"].tolist() == [1]
    code, out, _ = carps("import", "csv", str(file), "replace=true")
    assert "2 imported" in out
    assert Store().table()["value"].tolist() == [2, 2]


def test_an_import_that_cannot_be_written_leaves_nothing(carps, tmp_path, monkeypatch):
    file = csv(tmp_path / "a.csv", HEAD, "mine,bo,0,0,1,1,1,r", "mine,bo,1,0,1,1,1,r")
    from carps_lite.exchange import bring

    real, calls = bring.dump_record, []

    def full(record):
        calls.append(record)
        if len(calls) > 1:  # the first run is staged already
            raise OSError(28, "No space left on device")
        return real(record)

    monkeypatch.setattr(bring, "dump_record", full)
    code, _, err = carps("import", "csv", file)
    assert code == 2
    assert "No space left on device" in err
    assert [p for p in (tmp_path / "results").rglob("*") if p.suffix in (".part", ".jsonl")] == []


def test_an_imported_run_is_never_kept_extended_or_pooled_with_own_ones(carps, tmp_path):
    file = csv(tmp_path / "a.csv", "task,optimizer,seed,value", *(f"sphere/dim:2,random,{s},{s}.5" for s in (0, 1)))
    carps("import", "csv", file)
    code, out, _ = carps("run", "task=sphere", "optimizer=random", "seeds=2", "budget=4", "processes=0")
    assert code == 0
    assert "2 ran" in out
    runs = Store().runs()
    assert sorted(runs["variant"]) == ["", "", "imported", "imported"]
    assert not runs["stale"].any()
    assert sorted(runs["n_trials"]) == [1, 1, 4, 4]
    code, out, _ = carps("compare", "random", "random [imported]")
    assert code == 0
    assert out.startswith("1 task, 2 seeds, 1 evaluation\n")


@pytest.fixture
def storage(tmp_path):
    """Three studies that were minimised, one maximised with pruning and a failure, one with two objectives."""
    url = f"sqlite:///{tmp_path / 'o.db'}"
    kept = {}
    for seed in range(2):
        study = optuna.create_study(
            storage=url, study_name=f"mine-tpe-{seed}", sampler=optuna.samplers.RandomSampler(seed)
        )
        study.optimize(lambda t: t.suggest_float("x", -5, 5) ** 2, n_trials=5)
        kept[study.study_name] = [t.value for t in study.trials]
    study = optuna.create_study(storage=url, study_name="pruned", direction="maximize")
    for name, value in (("task", "curve2"), ("optimizer", "median"), ("seed", 4)):
        study.set_user_attr(name, value)
    for last, state in ((8, "COMPLETE"), (2, "PRUNED"), (None, "FAIL"), (8, "COMPLETE")):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        for step in range(0 if last is None else last + 1):
            trial.report(0.1 * step, step)
        study.tell(
            trial,
            *([0.9] if state == "COMPLETE" else []),
            **({} if state == "COMPLETE" else {"state": optuna.trial.TrialState[state]}),
        )
    study.ask()
    return kept  # fmt: skip


def test_optuna_studies_by_their_names(carps, storage, tmp_path):
    before = (tmp_path / "o.db").read_bytes()
    code, out, _ = carps("import", "optuna", "o.db", "study=mine*", "names={task}-{optimizer}-{seed}")
    assert code == 0
    assert "2 runs of 1 optimizer on 1 task, 10 trials: 2 imported" in out
    runs, trials = Store().frames()
    for run in runs.to_dict("records"):
        own = trials[trials["run"] == run["run"]]
        assert own["value"].tolist() == storage[f"mine-tpe-{run['seed']}"]
        assert run["header"]["imported"]["study"] == f"mine-tpe-{run['seed']}"
    assert (tmp_path / "o.db").read_bytes() == before


def test_a_pruned_trial_counts_at_the_step_that_it_reached(carps, storage):
    code, out, _ = carps("import", "optuna", "sqlite:///o.db", "study=pruned")
    assert code == 0
    assert "left out: 1 unfinished trial of study pruned" in out
    runs, trials = Store().frames()
    assert (runs["task"][0], runs["optimizer"][0], runs["seed"][0]) == ("curve2", "median", 4)
    assert trials["value"].tolist()[:2] == pytest.approx([-0.9, -0.2])  # maximised, so the sign turns
    assert trials["fidelity"].tolist()[1] == 3  # steps 0, 1 and 2 are three
    assert trials["failure"].tolist()[2] == "failed"
    assert trials["spent"].tolist() == pytest.approx([1, 1 + 3 / 9, 2 + 3 / 9, 3 + 3 / 9])


def test_optuna_constraints_are_met_at_or_below_zero(carps, tmp_path):
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'c.db'}", study_name="mine-bo-0", sampler=sampler)

    def limited(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("half", x - 0.5)
        return x

    study.optimize(limited, n_trials=6)
    code, _, err = carps("import", "optuna", "c.db", "names={task}-{optimizer}-{seed}")
    assert (code, err) == (0, "")
    trials = Store().table()
    assert [list(c) for c in trials["constraints"]] == [[t.params["x"] - 0.5] for t in study.trials]
    assert trials["feasible"].tolist() == [t.params["x"] <= 0.5 for t in study.trials]


def test_a_failed_trial_may_lack_its_constraints(carps, tmp_path):
    rows = ("constrained,bo,0,1,0.5,-1", "constrained,bo,0,,,")
    file = csv(tmp_path / "a.csv", "task,optimizer,seed,value,constraint.wave,constraint.disc", *rows)
    assert carps("import", "csv", file)[0] == 0
    assert Store().table()["feasible"].tolist() == [False, False]


def test_optuna_journal_with_two_objectives(carps, tmp_path):
    backend = JournalStorage(JournalFileBackend(str(tmp_path / "j.log")))
    study = optuna.create_study(storage=backend, study_name="zz-nsga-1", directions=["minimize", "maximize"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("y", 0, 9)), n_trials=4)
    code, _, err = carps("import", "optuna", "j.log", "names={task}-{optimizer}-{seed}")
    assert (code, err) == (0, "")
    assert [list(v) for v in Store().table()["values"]] == [[t.values[0], -t.values[1]] for t in study.trials]
    code, _, err = carps("import", "optuna", "j.log", "results=other")
    assert code == 2
    assert "nothing says its task; give task=..., or names=" in err


def history(path, data, **scenario):
    path.mkdir(parents=True, exist_ok=True)
    configs = {str(i): {"x": i / 10} for i in range(1, 6)}
    (path / "runhistory.json").write_text(json.dumps({"stats": {}, "data": data, "configs": configs}))
    if scenario:
        (path / "scenario.json").write_text(json.dumps(scenario))


def entry(config, cost, status=1, budget=None, seconds=0.5):
    return {"config_id": config, "instance": None, "seed": 7, "budget": budget, "cost": cost, "time": seconds,
            "cpu_time": 0.1, "status": status, "starttime": 1.0, "endtime": 2.0, "additional_info": {}}  # fmt: skip


def test_smac_objects_with_fidelities_and_failures(carps, tmp_path):
    data = [entry(1, 0.5, budget=3.0), entry(2, 2147483647.0, status=2, budget=3.0), entry(1, 0.25, budget=9.0),
            entry(3, 0.0, status=5, budget=9.0)]  # fmt: skip
    history(tmp_path / "out" / "run" / "11", data, seed=11, objectives="cost", name="run")
    code, out, _ = carps("import", "smac", "out", "task=mine", "optimizer=smac/facade:mf")
    assert code == 0
    assert "left out: 1 unfinished trial of" in out
    runs, trials = Store().frames()
    assert (runs["optimizer"][0], runs["seed"][0], runs["kind"][0]) == ("smac/facade:mf", 11, "mf")
    assert trials["value"].tolist()[::2] == [0.5, 0.25]
    assert trials["failure"].tolist()[1] == "crashed"
    assert trials["fidelity"].tolist() == [3, 3, 9]
    assert trials["cost"].tolist() == [0.5] * 3
    assert trials["evaluate_seconds"].tolist() == pytest.approx([0.5] * 3)
    assert json.loads(trials["config"][0]) == {"x": 0.1}


def test_smac_lists_and_the_seed_of_the_folder(carps, tmp_path):
    history(tmp_path / "mine" / "5", [[1, None, 0, None, [1.0, 2.0], 0.0, 1, 0.0, 0.0, {}]])
    code, _, err = carps("import", "smac", ".", "names={task}/{seed}/*")
    assert (code, err) == (0, "")
    runs, trials = Store().frames()
    assert (runs["task"][0], runs["optimizer"][0], runs["seed"][0], runs["kind"][0]) == ("mine", "smac", 5, "mo")
    assert list(trials["values"][0]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"data": [}', "runhistory.json:1: no readable JSON"),
        ("{}", "is no run history of SMAC 2"),
        ('{"data": [{"config_id": 1}], "configs": {}}', "data[0]: no trial with config_id"),
        (json.dumps({"data": [entry(1, 1.0, status=9)], "configs": {}}), "data[0]: no status 9"),
        (json.dumps({"data": [entry(8, 1.0)], "configs": {}}), "data[0]: no configuration 8"),
        (json.dumps({"data": [entry(1, "x")], "configs": {}}), "data[0]: cost must be a number"),
    ],
)
def test_a_bad_run_history_is_one_line(carps, tmp_path, content, said):
    (tmp_path / "runhistory.json").write_text(content)
    code, _, err = carps("import", "smac", "runhistory.json", "task=mine", "seed=0")
    assert code == 2
    assert said in err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "value", [1, 1.0, 0.1, True, False, "a", "1", "true", "", " a", '"', "null", "[1]", "NaN", "1e5"]
)
def test_a_value_of_a_configuration_survives_a_cell(value):
    back = parse_config_value(config_text(value))
    assert (back, type(back)) == (value, type(value))


def test_templates():
    names = template("{task}--{optimizer}_{seed}")
    assert identify("f", "a/b-c--opt/x_12", names, {}, {}) == ("a/b-c", "opt/x", 12)
    assert identify("f", "a--o_1", names, {"seed": 3}, {"task": "no"}) == ("a", "o", 3)
    with pytest.raises(InputError, match="does not have the form"):
        identify("f", "a-o-1", names, {}, {})
    with pytest.raises(InputError, match="twice"):
        template("{task}{task}")
