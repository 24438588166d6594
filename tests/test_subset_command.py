"""`carps-lite subset` from a table and from a store, to a suite that `run` takes."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("numba", reason="needs numba: pip install 'carps-lite[subset]'")

from carps_lite import catalog, spec
from carps_lite.analysis.subset import star_discrepancy
from carps_lite.analysis.subset.which_k import LASTING, Size, recommend
from carps_lite.catalog import PACKAGED
from carps_lite.cli import main

N = 24


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Twelve groups of two tasks, four optimizers, values in the unit cube."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    values = rng.random((N, 4)).round(3)
    frame = pd.DataFrame(values, columns=["a", "b", "c", "d"])
    frame.insert(0, "task", [f"sphere/dim:{i + 1}" for i in range(N)])
    frame.insert(1, "group", [f"g{i // 2}" for i in range(N)])
    frame.to_csv("table.csv", index=False)
    return frame


def subset(*args):
    return main(["subset", "from=table.csv", "between=none", "seconds=0.5", "optimizer=a,b", *args])


def test_one_subset_from_a_table(table, tmp_path, capsys):
    assert subset("k=6", "name=few") == 0
    said = capsys.readouterr().out
    assert "24 tasks × 2 optimizers (a and b; c and d kept out to validate)" in said
    record = json.loads((tmp_path / "results/subsets/few.json").read_text())
    chosen = [one.id for one in spec.resolve_all("tasks", ["few"])]
    assert chosen == record["tasks"]
    assert len(set(chosen)) == 6
    points = table.set_index("task").loc[chosen, ["a", "b"]].to_numpy()
    assert star_discrepancy(points) == pytest.approx(record["discrepancy"], abs=1e-12)
    assert record["lower_bound"] <= record["discrepancy"] + 1e-12
    assert record["discrepancy"] < record["measured"]["random_subsets"]["discrepancy"]["5%"]
    assert record["parameters"]["validate"] == ["c", "d"]
    page = (tmp_path / "results/subsets/few.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert all(task in page for task in chosen)


def test_the_same_again_is_the_same(table, tmp_path):
    subset("k=5", "name=few")
    first = (tmp_path / "configs/suites/few.yaml").read_bytes()
    subset("k=5", "name=few")
    assert (tmp_path / "configs/suites/few.yaml").read_bytes() == first


def test_two_subsets_share_no_group(table, tmp_path, capsys):
    assert subset("k=5,4", "name=dev,test") == 0
    groups = dict(zip(table["task"], table["group"], strict=True))
    dev, test = ({groups[one.id] for one in spec.resolve_all("tasks", [name])} for name in ("dev", "test"))
    assert not dev & test
    assert len(spec.resolve_all("tasks", ["dev"])) == 5
    assert len(spec.resolve_all("tasks", ["test"])) == 4


def test_a_range_recommends_a_size_and_draws_it(table, tmp_path, capsys):
    assert subset("k=4..7", "name=few") == 0
    record = json.loads((tmp_path / "results/subsets/few.json").read_text())
    assert [size["k"] for size in record["sizes"]] == [4, 5, 6, 7]
    assert record["k"] == record["recommended"]["k"]
    assert f"k = {record['k']} is recommended" in capsys.readouterr().out
    assert (tmp_path / "results/subsets/few_figures/sizes.svg").exists()


def test_keep_drops_no_member(table, tmp_path):
    subset("k=4", "name=few")
    before = {one.id for one in spec.resolve_all("tasks", ["few"])}
    assert subset("k=7", "name=few", "--keep") == 0
    after = {one.id for one in spec.resolve_all("tasks", ["few"])}
    assert before < after
    assert len(after) == 7


def test_from_a_store_and_back_into_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tasks = "sphere/dim:2,brittle/dim:2,mfhartmann/dim:3+6/bias:all"
    run = ["run", f"task={tasks}", "optimizer=random,tpe", "seeds=2", "budget=60", "processes=0"]
    assert main(run) == 0
    assert main(["subset", "k=3", "name=few", "seconds=0.3", "kind=mf"]) == 0
    capsys.readouterr()
    assert main(["run", "task=few", "optimizer=random", "seeds=2", "budget=60", "processes=0"]) == 0
    assert "kept 6" in capsys.readouterr().out
    record = json.loads((tmp_path / "results/subsets/few.json").read_text())
    assert all(task.startswith("mfhartmann") for task in record["points"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("k=25",), "k: 25 of 24 tasks cannot be chosen"),
        (("k=zwei",), "k must be a size"),
        (("k=5", "optimizer=a"), "at least two optimizers as axes, got a"),
        (("k=5", "optimizer=a,e"), "table.csv has no optimizer 'e'"),
        (("k=5", "validate=a"), "validate: a is also one of the axes"),
        (("k=5", "method=jont"), "method must be one of joint, sequential or split, got 'jont'"),
        (("k=5", "scale=lag"), "no scale 'lag'; did you mean 'log'"),
        (("k=5", "name=sphere"), "'sphere' is a task already"),
        (("k=5", "name=smoke"), "is a suite that carps-lite brings"),
        (("k=5", "name=a/b"), "made of letters"),
        (("k=5", "name=few,few"), "has a name twice"),
        (("k=5", "--keep"), "there is no suite few"),
        (("k=5", "budget=10"), "budget: a table has no runs"),
        (("k=5", "from=nowhere.csv"), "no file 'nowhere.csv'"),
        (("k=5", "from=nowhere"), "no store in 'nowhere'"),
        (("k=5", "seconds=-1"), "seconds must be a positive number"),
        (("k=5,6,7", "name=x,y"), "k has 3 sizes for 2 names"),
        (("k=5", "between=references"), "has values without references; use between=range"),
        (("kk=5",), "subset has no option 'kk'"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(table, tmp_path, capsys, args, said):
    given = ["subset", "from=table.csv", "between=none", "seconds=0.5", "optimizer=a,b", "name=few"]
    keys = {arg.partition("=")[0] for arg in args}
    assert main([arg for arg in given if arg.partition("=")[0] not in keys or arg == "subset"] + list(args)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "configs").exists()


def test_a_suite_written_by_hand_is_left_alone(table, tmp_path, capsys):
    (tmp_path / "configs/suites").mkdir(parents=True)
    (tmp_path / "configs/suites/few.yaml").write_text("- sphere\n")
    assert subset("k=5", "name=few") == 2
    assert "was not made by this command" in capsys.readouterr().err


def test_an_interrupted_search_gives_its_best(table, tmp_path, capsys, monkeypatch):
    from carps_lite.analysis import subset as engine

    found = engine.select_subset

    def stopped(*args, **given):
        from dataclasses import replace

        return replace(found(*args, **given), interrupted=True)

    monkeypatch.setattr(engine, "select_subset", stopped)
    assert subset("k=5", "name=few") == 130
    assert "stopped early: the best so far" in capsys.readouterr().out
    assert json.loads((tmp_path / "results/subsets/few.json").read_text())["interrupted"]


def sizes(taus):
    from carps_lite.analysis.subset.agreement import Agreement

    return [
        Size(k, (), 0.1, 0.1, False, Agreement(tau, (0, 1), 1, (1, 1)), None, None, None)
        for k, tau in enumerate(taus, 4)
    ]


def test_the_recommended_size_is_where_agreement_stays():
    assert recommend(sizes([0.95, 0.5, 0.9, 0.95, 1.0]))[0] == 6
    assert recommend(sizes([0.5, 0.6, 0.7, 0.66]))[0] == 6
    few = sizes([0.2, 0.7, 0.69, 0.95])
    assert LASTING == 3
    assert recommend(few)[0] == 7  # high only at the end: the best reached, not one that stays
    assert "none stays" in recommend(few)[1]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_the_page_opens_without_a_network(table, tmp_path):
    subset("k=4..6", "name=few")
    out = tmp_path / "page.png"
    page = (tmp_path / "results/subsets/few.html").as_uri()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run(["chromium", *flags, f"--screenshot={out}", page], capture_output=True, timeout=60, check=True)
    assert out.stat().st_size > 10_000


RECORDS = sorted((PACKAGED.resolve().parent / "results" / "subsets").glob("*.json"))


@pytest.fixture(scope="module")
def archived():
    """The results behind a record, each archive read once."""
    from carps_lite.analysis.subset import reading
    from carps_lite.stack import open_sources

    known = {}

    def read(inputs):
        key = json.dumps(inputs, sort_keys=True)
        if key not in known:
            given = {name: value for name, value in inputs.items() if name not in ("from", "sha256")}
            known[key] = reading.from_store(open_sources([inputs["from"]]), inputs["from"], **given)
        return known[key]

    return read


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_packaged_suites_are_what_their_records_say(path, archived):
    """The archive gives the points of the record again, and they have its discrepancy."""
    from carps_lite.analysis.subset.points import to_points

    record = json.loads(path.read_text())
    assert catalog.load_suite(PACKAGED / "suites" / f"{path.stem}.yaml") == record["tasks"]
    axes, scale = record["parameters"]["optimizer"], record["parameters"]["scale"]
    points = to_points(archived(record["inputs"]), axes, scale, record["parameters"]["between"])
    assert list(points.tasks) == list(record["points"])
    found = np.array([[record["points"][task][axis] for axis in points.axes] for task in points.tasks])
    np.testing.assert_allclose(points.points, found, atol=1e-6)
    chosen = [points.tasks.index(task) for task in record["tasks"]]
    assert star_discrepancy(points.points[chosen]) == pytest.approx(record["discrepancy"], abs=1e-9)


def test_dev_and_test_suites_share_no_group():
    for path in RECORDS:
        record = json.loads(path.read_text())
        for other in record["together_with"]:
            theirs = json.loads(path.with_name(f"{other}.json").read_text())
            mine = {record["groups"][task] for task in record["tasks"]}
            assert not mine & {theirs["groups"][task] for task in theirs["tasks"]}
