"""Archives hold what reports need, stand beside stores, and the first named source counts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carps_lite import archive
from carps_lite.analysis.report import Report
from carps_lite.analysis.selection import Choice
from carps_lite.analysis.summary import summarise
from carps_lite.archive import Archive
from carps_lite.cli import main
from carps_lite.errors import InputError
from carps_lite.stack import Stack, open_sources
from carps_lite.store import Store

TASKS = "sphere/dim:2,brittle,constrained,mixed/kind:mf,mixed/kind:mo,mixed/kind:bb,curve"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two stores that share some runs: failures, constraints, fidelities, noise, parallel workers, two objectives."""
    root = tmp_path_factory.mktemp("baseline")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for results, optimizers, workers in (("one", "random,tpe", 1), ("one", "random", 3), ("two", "random", 1)):
            given = [f"task={TASKS}", f"optimizer={optimizers}", "seeds=2", "budget=7", f"n_workers={workers}"]
            main(["run", *given, "processes=0", f"results={results}"])
        main(
            ["run", "task=curve", "optimizer=asha", "seeds=2", "budget=4", "n_workers=2", "processes=0", "results=one"]
        )
        main(["run", "task=sphere/dim:2", "optimizer=cmaes", "seeds=2", "budget=7", "processes=0", "results=two"])
        assert main(["export", "baseline", "one", "out=small.parquet"]) == 0
        assert main(["export", "baseline", "one", "out=whole.parquet", "configs=true"]) == 0
    return root


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def ordered(runs, trials):
    """Both frames in one order, with runs named by what they are."""
    names = ["task", "optimizer", "n_workers", "variant", "seed"]
    runs = runs.assign(**{n: runs[n].astype(str) if n != "seed" else runs[n] for n in names}).sort_values(names)
    places = {run: i for i, run in enumerate(runs["run"])}
    trials = trials.assign(run=trials["run"].map(places)).sort_values(["run", "ask"])
    return runs.reset_index(drop=True), trials.reset_index(drop=True)


def same_cells(a, b):
    for x, y in zip(a, b, strict=True):
        if isinstance(x, list | np.ndarray) and any(isinstance(v, str) for v in x):
            assert list(x) == list(y)
        elif isinstance(x, list | np.ndarray):
            np.testing.assert_array_equal(np.array(x, float), np.array(y, float))
        else:
            assert x == y or (pd.isna(x) and pd.isna(y)), (x, y)


@pytest.mark.parametrize("name", ["small", "whole"])
def test_an_archive_gives_back_the_frames_of_its_store(name):
    runs, trials = ordered(*Store("one").frames())
    archived_runs, archived_trials = ordered(*Archive(f"{name}.parquet").frames())
    assert list(archived_runs.columns) == list(runs.columns)
    assert list(archived_trials.columns) == list(trials.columns)
    assert archived_trials.dtypes.drop(["task", "optimizer", "variant", "failure"]).equals(
        trials.dtypes.drop(["task", "optimizer", "variant", "failure"])
    )
    for column in trials.columns:
        if column.endswith("_seconds"):
            np.testing.assert_allclose(archived_trials[column], trials[column], rtol=0.008, atol=2e-9)
        elif column in ("config", "info") and name == "small":
            assert set(archived_trials[column]) == {"{}"}
        else:
            same_cells(trials[column], archived_trials[column])
    for column in runs.columns.drop(["run", "file", "header"]):
        same_cells(runs[column], archived_runs[column])
    for ours, theirs in zip(runs["header"], archived_runs["header"], strict=True):
        assert {k: v for k, v in ours.items() if k not in ("host", "pid")} == theirs
    # the store of this test has what an archive must be able to hold
    assert trials["failure"].notna().any()
    assert (trials["constraints"].map(len) > 0).any()
    assert trials["fidelity"].notna().any()
    assert (trials["values"].map(len) > 1).any()
    assert (runs["n_workers"].astype(int) > 1).any()


def test_values_without_noise_are_kept(tmp_path):
    pytest.importorskip("ioh", reason="needs carps-lite[bbob]")
    main(
        [
            "run",
            "task=bbob_noisy/fid:1",
            "optimizer=random",
            "seeds=1",
            "budget=5",
            "processes=0",
            f"results={tmp_path}/r",
        ]
    )
    main(["export", "baseline", f"{tmp_path}/r", f"out={tmp_path}/r.parquet"])
    ours, theirs = Store(tmp_path / "r").table(), Archive(tmp_path / "r.parquet").frames()[1]
    assert ours["noise_free"].notna().all()
    assert theirs["noise_free"].tolist() == ours["noise_free"].tolist()


def test_an_archive_is_small():
    """Well under the store's own logs: 84 runs here, most of the file is the headers of so few trials."""
    logs = sum(p.stat().st_size for p in Store("one").root.rglob("*.jsonl"))
    assert (Store("one").root.parent / "small.parquet").stat().st_size < logs / 3


def test_the_first_named_source_counts():
    stack = open_sources(["two", "one"])
    runs, trials = stack.frames()
    two, one = Store("two").runs(), Store("one").runs()
    keys = ["task", "optimizer", "seed", "n_workers", "variant"]
    shared = two.merge(one, on=keys)
    assert len(runs) == len(two) + len(one) - len(shared)
    assert len(shared) == 14
    assert not runs.duplicated(keys).any()
    assert set(runs.merge(shared[keys], on=keys)["source"]) == {"two"}
    assert stack.notes == ("14 runs of one stand in a source named before it too, which counts",)
    assert runs["run"].is_unique
    counted = trials.groupby("run").size()
    assert counted.reindex(runs["run"], fill_value=0).tolist() == runs["n_trials"].tolist()
    for run in runs.itertuples():
        own = trials[trials["run"] == run.run]
        assert set(own["task"].astype(str)) <= {run.task}
        assert set(own["optimizer"].astype(str)) <= {run.optimizer}


def test_a_store_beside_an_archive_gives_the_summary_of_one_store():
    separate = Stack([Store("two"), Archive("small.parquet")], ["two", "small"])
    together = Stack([Store("two"), Store("one")], ["two", "one"])
    a, b = (summarise(*s.frames(), impossible=s.impossible()) for s in (separate, together))
    assert a.lines() == b.lines()
    np.testing.assert_array_equal(a.scores.values_OTSB, b.scores.values_OTSB)


def test_chosen_columns_only():
    columns = ["run", "ask", "value", "task"]
    for source in (Archive("small.parquet"), open_sources(["two", "small.parquet"])):
        assert sorted(source.frames(columns=columns)[1].columns) == sorted(columns)


def test_impossible_pairs_come_along(tmp_path):
    Store("one").impossible()
    runs, trials = Store("one").frames()
    pairs = {("curve", "random"), ("no such", "random")} | {(str(runs["task"][0]), "tpe")}
    archive.write(runs, trials, tmp_path / "x.parquet", impossible=pairs)
    assert Archive(tmp_path / "x.parquet").impossible() == {p for p in pairs if p[0] in set(runs["task"])}


def test_report_and_compare_take_stores_archives_and_baselines(capsys, monkeypatch, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "bb.parquet").write_bytes(Path("small.parquet").read_bytes())
    monkeypatch.setattr(archive, "BASELINES", tmp_path / "b")
    told = []

    def write(store, out, *, budget, tasks, **_):
        summary = summarise(*store.frames(), Choice(None, tasks), budget, impossible=store.impossible())
        told.append((out, summary.pool.names))
        return Report(out / "index.html", summary.lines(), summary)

    monkeypatch.setattr("carps_lite.analysis.report.write", write)
    assert main(["report", "two", "baseline:bb", "task=sphere/dim:2"]) == 0
    out = capsys.readouterr().out
    assert "14 runs of baseline:bb stand in a source named before it too, which counts." in out
    names = ("cmaes [1 worker]", "random [1 worker]", "random [3 workers]", "tpe [1 worker]")
    assert told == [(Path("two").absolute() / "report", names)]
    assert main(["report", "baseline:bb"]) == 0
    assert told[-1][0] == Path("results/report")
    assert main(["compare", "cmaes", "tpe", "results=two,baseline:bb", "task=sphere/dim:2"]) == 0
    assert "1 task, 2 seeds, 7 evaluations\n" in capsys.readouterr().out
    assert main(["report", "baseline:bbb"]) == 2
    assert "no baseline named 'bbb'; did you mean 'bb'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["report", "nope"], "no store in 'nope'"),
        (["report", "one", "one"], "one is named twice"),
        (["report", "results=one,nope"], "no store in 'nope'"),
        (["report", "results="], "results must be the name of a folder"),
        (["report", "other.parquet"], "other.parquet is no archive of runs"),
        (["report", "text.parquet"], "cannot read text.parquet"),
        (["report", "newer.parquet"], "newer.parquet was written by a newer carps-lite (schema 99"),
    ],
)
def test_wrong_sources_are_one_line(folder, capsys, args, said):
    pq.write_table(pa.table({"a": [1]}), "other.parquet")
    table = pq.read_table("small.parquet")
    pq.write_table(table.replace_schema_metadata({b"carps_lite.archive": b"99.0"}), "newer.parquet")
    (folder / "text.parquet").write_text("text")
    assert main(args) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_no_baselines_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "BASELINES", tmp_path)
    with pytest.raises(InputError, match="there are none in"):
        archive.baseline("bb")


def test_an_empty_store_can_be_read_beside_another(tmp_path):
    Store(tmp_path / "empty").create()
    runs, trials = open_sources([str(tmp_path / "empty"), "two"]).frames()
    assert len(runs) == len(Store("two").runs())
    assert len(trials) == len(Store("two").table())
    archive.write(*Store(tmp_path / "empty").frames(), tmp_path / "none.parquet")
    assert [len(f) for f in Archive(tmp_path / "none.parquet").frames()] == [0, 0]
