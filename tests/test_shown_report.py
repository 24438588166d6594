"""Reports show metrics in their own direction and unit, and nothing that is computed depends on it."""

import csv
import dataclasses
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import carps_lite
from carps_lite.analysis import compare, draw, figures, report, units
from carps_lite.analysis.charts.parallel_coordinates import parallel_coordinates
from carps_lite.analysis.charts.parameters import Parameter
from carps_lite.analysis.charts.pareto_fronts import attainment, pareto_fronts
from carps_lite.analysis.charts.slices import slices
from carps_lite.analysis.curves import COLUMNS
from carps_lite.analysis.numbers import together
from carps_lite.analysis.rows import task_rows
from carps_lite.analysis.sections import held_out
from carps_lite.analysis.sections.section import Figure
from carps_lite.analysis.style import looks
from carps_lite.analysis.summary import summarise
from carps_lite.cli import main
from carps_lite.core import Problem
from carps_lite.shown import Shown
from carps_lite.space import Float, Space
from carps_lite.store import Store

SPACE = Space({"x": Float(0, 1), "y": Float(0, 1)})
ACCURACY = {"name": "validation accuracy", "unit": "%", "scale": -100, "offset": 100}
SECONDS = {"name": "time", "unit": "s", "power10": True}
LOOKS = looks(["a", "b"])


class Net:
    """An error with a known optimum."""

    meta = {"deterministic": True, "noisy": False, "version": 1, "shown": {"error": ACCURACY}}
    problem, optimum = Problem(SPACE, ("error",)), 0.05

    def evaluate(self, config, fidelity, seed):
        return {"error": 0.05 + 0.5 * (config["x"] - 0.3) ** 2 + 0.2 * config["y"]}


class Trade:
    """An error against the logarithm of seconds."""

    meta = {**Net.meta, "shown": {"error": ACCURACY, "log10_seconds": SECONDS}}
    problem = Problem(SPACE, ("error", "log10_seconds"), reference=(1.0, 3.0))

    def evaluate(self, config, fidelity, seed):
        return {"error": 0.5 - 0.4 * config["x"] + 0.1 * config["y"], "log10_seconds": 2.5 * config["x"] - 1}


class Plain:
    """As it is minimised, no optimum."""

    meta = {"deterministic": True, "noisy": False, "version": 1}
    problem = Problem(SPACE, ("loss",))

    def evaluate(self, config, fidelity, seed):
        return {"loss": config["x"] + config["y"]}


class Known(Plain):
    """As it is minimised, with an optimum: shown as regret."""

    optimum = 0.0


TASKS = {"net": Net, "trade": Trade, "plain": Plain, "known": Known}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("shown") / "results")
    for (name, kind), optimizer, seed in itertools.product(TASKS.items(), ("random", "tpe"), range(3)):
        carps_lite.run(kind(), optimizer, seed=seed, budget=25, store=made, name=name)
    return made


def frames(store):
    return store.frames(columns=COLUMNS)


def without(runs):
    """The same runs as they were before logs said how objectives are shown."""
    bare = [{key: x for key, x in header.items() if key != "shown"} for header in runs["header"]]
    return runs.assign(header=bare)


def at(s, task):
    return s.pool.tasks.index(task)


# where it comes from


def test_logs_carry_it_and_keys_do_not(store):
    runs, _ = frames(store)
    said = dict(zip(runs["task"], (h["shown"] for h in runs["header"]), strict=True))
    assert said["plain"] == {}
    assert said["trade"]["log10_seconds"] == {"name": "time", "unit": "s", "power10": True}
    assert said["net"] == {"error": {**ACCURACY, "scale": -100.0, "offset": 100.0}}
    assert not any("shown" in file or "accuracy" in file for file in runs["file"])


OWN = """_target_: carps_lite.tasks.synthetic.Sphere
meta: {version: 1, deterministic: true, noisy: false, shown: {loss: {name: %s, scale: -1}}}
"""


def test_another_declaration_leaves_finished_runs_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "configs" / "tasks"
    folder.mkdir(parents=True)
    (folder / "ball.yaml").write_text("_target_: carps_lite.tasks.synthetic.Sphere\nmeta: {version: 1}\n")
    command = ["run", "task=ball", "optimizer=random", "seeds=1", "budget=5", "processes=1"]
    assert main(command) == 0
    (folder / "ball.yaml").write_text(OWN % "height")
    capsys.readouterr()
    assert main(command) == 0
    assert "kept 1" in capsys.readouterr().out
    runs = Store(tmp_path / "results").runs()
    assert not runs["stale"].any()
    # its log says nothing, so that the catalog speaks for it; once a log does, that is what counts
    assert units.shown(runs) == {runs["task"][0]: {"loss": Shown("height", scale=-1.0)}}
    assert main([*command, "rerun=all"]) == 0
    (folder / "ball.yaml").write_text(OWN % "altitude")
    assert units.shown(Store(tmp_path / "results").runs())[runs["task"][0]]["loss"].name == "height"


def test_the_catalog_speaks_for_its_own_version_only():
    header = {"task_identity": {"version": 1}, "problem": {"objectives": ["error"]}}
    frame = pd.DataFrame({"task": ["hpob/space:5859/dataset:31"], "header": [header]})
    assert units.shown(frame)[frame["task"][0]] == {"error": Shown("accuracy", "%", -100.0, 100.0)}
    header["task_identity"] = {"version": 77}
    assert units.shown(frame)[frame["task"][0]] == {}
    gone = pd.DataFrame({"task": ["no_such_task/a:1", "my.own.Task", "hpob/gone:1"], "header": [header] * 3})
    assert set(map(len, units.shown(gone).values())) == {0}


def test_of_different_accounts_the_latest_counts():
    headers = [
        {"started": "2026-02-02", "shown": {"e": {"name": "second"}}},
        {"started": "2026-01-01", "shown": {"e": {"name": "first"}}},
        {"started": "2026-03-03", "shown": {}},
    ]
    for order in itertools.permutations(headers):
        assert units.shown(pd.DataFrame({"task": ["t"] * 3, "header": order}))["t"] == {"e": Shown("second")}


# nothing computed depends on it


def test_scores_and_rankings_are_the_same_without_it(store, tmp_path):
    runs, table = frames(store)
    ours, bare = summarise(runs, table), summarise(without(runs), table)
    assert np.array_equal(ours.scores.values_OTSB, bare.scores.values_OTSB, equal_nan=True)
    for field in dataclasses.fields(ours.ranking):
        a, b = getattr(ours.ranking, field.name), getattr(bare.ranking, field.name)
        if isinstance(a, np.ndarray):
            assert np.array_equal(a, b, equal_nan=True), field.name
    assert ours.lines() == bare.lines()


# tables


def test_each_task_shows_its_own_measure(store):
    s = summarise(*frames(store)).scores
    assert {task: units.of(s, t).directed for t, task in enumerate(s.pool.tasks)} == {
        "net": "validation accuracy (%) ↑",
        "trade": "negative hypervolume ↓",
        "plain": "loss ↓",
        "known": "regret ↓",
    }
    bands = units.quartiles(s)
    assert (bands.low[..., -1] <= bands.high[..., -1]).all()
    t = at(s, "net")
    assert bands.median[:, t, -1] == pytest.approx(100 - 100 * s.medians_OTB[:, t, -1])
    assert (np.diff(bands.median[:, t], axis=-1) >= 0).all()  # accuracy rises


@pytest.fixture(scope="module")
def written(store, tmp_path_factory):
    folder, kept = tmp_path_factory.mktemp("page"), draw._drawings
    with pytest.MonkeyPatch.context() as patch:  # words and tables, no figures
        patch.setattr(figures, "save", lambda axes, *_, **__: '<svg viewBox="0 0 1 1"></svg>')
        patch.setattr(Figure, "draw", lambda self: None)
        patch.setattr(draw, "_drawings", lambda s: dict.fromkeys(kept(s), lambda: None))
        return report.write(store, folder, pdf=False), folder


def test_the_page_shows_accuracy_upwards_and_the_largest_in_bold(written):
    made, folder = written
    s = made.summary
    text = (folder / "index.html").read_text(encoding="utf-8")
    table = text[text.index('id="final"') :]
    row = next(line for line in table.splitlines() if ">net</th>" in line)
    assert "validation accuracy (%) ↑" in row
    best = float(re.search(r"<b>([\d.]+)</b>", row)[1])
    medians = 100 - 100 * s.scores.medians_OTB[:, at(s, "net"), -1]
    assert best == pytest.approx(medians.max(), abs=0.01)
    assert best > 50
    assert "validation accuracy (%) ↑" in (folder / "report.md").read_text(encoding="utf-8")
    assert "lower is better, bold" not in text


def test_files_say_name_unit_and_direction(written):
    _, folder = written
    final = pd.read_csv(folder / "tables" / "final.csv").set_index(["task", "optimizer"])
    own = final.loc["net"]
    assert set(own["shown"]) == {"validation accuracy (%)"}
    assert set(own["better"]) == {"larger"}
    assert own["shown_median"].to_numpy() == pytest.approx(100 - 100 * own["median"].to_numpy())
    assert (own["shown_quartile_1"] <= own["shown_quartile_3"]).all()
    assert final.loc["known", "shown_median"].to_numpy() == pytest.approx(final.loc["known", "median"].to_numpy())
    assert set(final.loc["plain", "better"]) == {"smaller"}
    curves = pd.read_csv(folder / "tables" / "incumbents.csv")
    net = curves[curves["task"] == "net"]
    assert net["shown_median"].to_numpy() == pytest.approx(100 - 100 * net["median"].to_numpy())
    latex = (folder / "tables" / "final.tex").read_text(encoding="utf-8")
    assert r"net & validation accuracy (\%) $\uparrow$ & " in latex
    with (folder / "tables" / "final.csv").open(newline="") as file:
        assert "shown_median" in next(csv.reader(file))


def test_a_task_without_results_does_not_look_like_the_best(store):
    runs, table = frames(store)
    tpe = runs.loc[(runs["task"] == "net") & (runs["optimizer"] == "tpe"), "run"]
    lost = table.assign(failure=table["failure"].astype(object).where(~table["run"].isin(tpe), "crash"))
    s = summarise(runs, lost)
    t, o = at(s, "net"), s.pool.names.index("tpe")
    assert units.quartiles(s.scores).median[o, t, -1] == -np.inf
    row = task_rows(s, figures.variables(s.looks)[0])[t]
    by_name = dict(zip(s.names, row["cells"], strict=True))
    assert (by_name["tpe"]["text"], by_name["tpe"]["best"], by_name["random"]["best"]) == ("no result", False, True)


def test_held_out_values_stand_in_the_same_unit(store):
    s = summarise(*frames(store))
    tuned = s.scores.final_OTS[s.order]
    table = held_out._by_task(s, tuned, tuned + 0.01, np.isfinite(tuned))
    rows = table.frame.set_index(["task", "optimizer"])
    assert rows.loc["net", "measure"].tolist() == ["validation accuracy (%) ↑"] * 2
    for o, name in enumerate(s.names):
        median = 100 - 100 * np.median(tuned[o, at(s, "net")])
        assert rows.loc[("net", name), "tuning value"] == pytest.approx(median)
        assert rows.loc[("net", name), "held-out value"] == pytest.approx(median - 1)
    assert rows.loc["known", "measure"].tolist() == ["loss ↓"] * 2


def test_an_optimum_that_was_beaten_is_no_best_value(store):
    runs, table = frames(store)
    s = summarise(runs, table).scores
    assert units.best_known(s, at(s, "net")) == pytest.approx(95)
    assert np.isnan(units.best_known(s, at(s, "plain")))
    wrong = runs.assign(optimum=runs["optimum"].where(runs["task"] != "net", 0.3))
    beaten = summarise(wrong, table).scores
    assert np.isnan(units.best_known(beaten, at(beaten, "net")))
    assert units.of(beaten, at(beaten, "net")).directed == "validation accuracy (%) ↑"


def test_accuracies_in_a_row_tell_the_best_two_apart():
    write = together([99.8111, 99.8124, 60.0], larger=True)
    assert [write(x) for x in (99.8111, 99.8124)] == ["99.811", "99.812"]
    assert together([97.3, 97.74], larger=True)(97.74) == "97.74"


# figures


def steps(axes, colour):
    return [x for x in axes.lines if x.get_drawstyle() == "steps-post" and to_hex(x.get_color()) == colour]


def test_curves_rise_with_accuracy_and_the_best_known_is_a_line(store):
    s = summarise(*frames(store))
    first = draw._incumbents(s, np.arange(len(s.pool.tasks)))
    panels = {axes.get_title(): axes for axes in first.get_figure().axes}
    net = panels["net"]
    assert net.get_ylabel().replace("\n", " ") == "validation accuracy (%) →"  # turned by a quarter it points up
    for o, name in enumerate(s.pool.names):
        (line,) = steps(net, s.looks[name].colour)
        y = line.get_ydata()
        assert y[-1] == pytest.approx(100 - 100 * s.scores.medians_OTB[o, at(s, "net"), -1])
        assert (np.diff(y[np.isfinite(y)]) >= 0).all()
    assert any(np.allclose(line.get_ydata(), 95.0) for line in net.lines)  # 1 - the optimum
    assert panels["known"].get_yscale() == "log"
    assert panels["known"].get_ylabel() == "regret ←"


ERROR, TIME = Shown("accuracy", "%", -100, 100), Shown("time", "s", power10=True)
FRONT = np.array([[0.1, 2.0], [0.2, 1.0], [0.4, 0.0]])


def test_a_front_is_drawn_in_shown_units_with_its_better_side_to_the_right():
    (axes,) = pareto_fronts({"a": FRONT}, [ERROR, TIME], np.array([1.0, 3.0]), LOOKS)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("accuracy (%) ↑", "time (s) ←")
    assert axes.get_yscale() == "log"
    (points,) = [line for line in axes.lines if line.get_marker() == LOOKS["a"].marker]
    assert sorted(zip(*points.get_data(), strict=True)) == [pytest.approx(p) for p in [(60, 1), (80, 10), (90, 100)]]
    (cross,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == pytest.approx((0, 1000))
    (border,) = steps(axes, LOOKS["a"].colour)
    x, y = border.get_data()
    assert x[-1] == axes.get_xlim()[0]  # what is dominated lies at the left
    assert y[0] == axes.get_ylim()[1]
    for accuracy, fastest in ((85, 100), (79, 10), (61, 10), (59, 1), (5, 1)):  # the time that it takes to get there
        after = np.flatnonzero(x >= accuracy)[-1]
        assert y[after] == pytest.approx(fastest)
    assert axes.get_xlim()[0] < 0 < 90 < axes.get_xlim()[1]


def test_bands_of_attainment_lie_between_the_quartiles_in_shown_units():
    shift = np.array([0.05, 0.5])
    axes = attainment({"a": (FRONT - shift, FRONT, FRONT + shift)}, [ERROR, TIME], np.array([1.0, 3.0]), LOOKS)
    (cross,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == pytest.approx((0, 1000))
    (band,) = axes.collections
    path = band.get_paths()[0]
    assert path.contains_point((80, 10))
    assert path.contains_point((90, 100))
    assert not path.contains_point((80, 400))  # worse than what three quarters of the runs attain
    assert not path.contains_point((94, 5))  # better than what a quarter does


def test_both_axes_may_run_upwards():
    (axes,) = pareto_fronts({"a": FRONT}, [ERROR, Shown("speed", scale=-1)], None, LOOKS)
    (border,) = steps(axes, LOOKS["a"].colour)
    x, y = border.get_data()
    assert (y[0], x[-1]) == (axes.get_ylim()[0], axes.get_xlim()[0])


def test_named_objectives_are_drawn_as_they_are():
    (axes,) = pareto_fronts({"a": FRONT}, ["e", "t"], None, LOOKS)
    assert (axes.get_xlabel(), axes.get_xscale()) == ("e", "linear")
    assert steps(axes, LOOKS["a"].colour)[0].get_xdata()[-1] == axes.get_xlim()[1]


def test_slices_and_lines_show_the_best_as_the_largest():
    values, scores = np.array([[0.2], [0.5], [0.8]]), np.array([0.3, 0.1, np.inf])
    (axes,) = slices(values, scores, [Parameter("x")], ylabel=ERROR.directed, shown=ERROR)
    assert axes.lines[0].get_ydata() == pytest.approx([70, 90])
    assert (axes.lines[1].get_xdata()[0], axes.lines[1].get_ydata()[0]) == pytest.approx((0.5, 90))
    axes = parallel_coordinates(values, scores, [Parameter("x")], measure=ERROR.directed, shown=ERROR)
    assert any("accuracy (%) ↑: from 70.0 (pale) to 90.0 (deep)" in t.get_text() for t in axes.texts)


# two optimizers, and what comes in from elsewhere


def test_compare_shows_a_single_task_in_its_own_unit(store):
    runs, table = frames(store)
    own = runs[runs["task"] == "net"]
    found = compare.compare(own, table, "tpe", "random")
    (line,) = [line for line in found.lines if line.startswith("validation accuracy (%) ↑: tpe ")]
    tpe, random = map(float, re.findall(r"(?:tpe|random) ([\d.]+)", line))
    s = summarise(own, table).scores
    medians = dict(zip(s.pool.names, 100 - 100 * s.medians_OTB[:, 0, -1], strict=True))
    assert (tpe, random) == pytest.approx((medians["tpe"], medians["random"]), abs=0.01)
    assert not any("↑" in line for line in compare.compare(runs, table, "tpe", "random").lines)


def test_imported_values_that_were_maximised_are_shown_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"d1,{o},{s},{0.5 + 0.1 * s + 0.01 * t}" for o in ("a", "b") for s in range(2) for t in range(3)]
    (tmp_path / "x.csv").write_text("\n".join(["task,optimizer,seed,value.acc", *rows]) + "\n")
    assert main(["import", "csv", "x.csv", "maximize=true"]) == 0
    runs, table = Store().frames(columns=COLUMNS)
    assert runs["header"][0]["shown"] == {"acc": {"name": "acc", "scale": -1.0}}
    s = summarise(runs, table).scores
    assert units.of(s, 0).directed == "acc ↑"
    assert units.quartiles(s).median[..., -1] == pytest.approx(0.57)
    assert main(["import", "csv", "x.csv", "task=other", "columns=optimizer:optimizer"]) == 0
    other = Store().runs().set_index("task").loc["other", "header"]
    assert other.iloc[0]["shown"] == {}


def test_imported_studies_bring_the_direction_of_each_objective(tmp_path, monkeypatch):
    optuna = pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/s.db", study_name="t-o-1", directions=["minimize", "maximize"]
    )
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.params["x"] / 2), n_trials=3)
    names = "names={task}-{optimizer}-{seed}"
    assert main(["import", "optuna", str(tmp_path / "s.db"), names]) == 0
    assert Store().runs()["header"][0]["shown"] == {"value1": {"name": "value1", "scale": -1.0}}
