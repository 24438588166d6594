"""Exports are read by their own readers: CSV by us, Parquet by pandas, IOH by iohinspector, COCO by cocopp."""

import warnings

import numpy as np
import pandas as pd
import pytest

from carps_lite.cli import main
from carps_lite.store import Store

TASKS = "sphere/dim:2,brittle,constrained,mixed/kind:mf,mixed/kind:mo,mixed/kind:bb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store with failures, fidelities, two objectives, categories, and BBOB where ioh is there."""
    root = tmp_path_factory.mktemp("export")
    for workers, optimizers in (("1", "random,tpe"), ("3", "random")):
        args = [f"task={TASKS}", f"optimizer={optimizers}", "seeds=2", "budget=8", f"n_workers={workers}"]
        assert main(["run", *args, "processes=0", f"results={root / 'own'}"]) == 0
    args = ["task=curve", "optimizer=asha", "seeds=1", "budget=4", "processes=0", f"results={root / 'own'}"]
    assert main(["run", *args]) == 0
    return root


@pytest.fixture(scope="module")
def bbob(tmp_path_factory):
    pytest.importorskip("ioh", reason="needs carps-lite[bbob]")
    root = tmp_path_factory.mktemp("bbob")
    args = ["task=bbob/fid:1+8/dim:2+5,bbob/dim:4,sphere", "optimizer=random,tpe", "seeds=3", "budget=12"]
    assert main(["run", *args, "processes=0", f"results={root / 'own'}"]) == 0
    return root


@pytest.fixture(autouse=True)
def quiet(capsys):
    return capsys


def key(frame):
    return frame.sort_values(["task", "optimizer", "n_workers", "seed", "ask"]).reset_index(drop=True)


def test_what_csv_exports_imports_as_the_same_table(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["export", "csv", "own", "out=a.csv"]) == 0
    assert "37 runs" in capsys.readouterr().out
    assert main(["import", "csv", "a.csv", "results=back"]) == 0
    ours, theirs = key(Store("own").table()), key(Store("back").table())
    assert set(theirs["variant"]) == {"imported"}
    dropped = ["run", "variant"]
    for column in ours.columns.drop(dropped):
        a, b = ours[column], theirs[column]
        if column in ("values", "noise_free_values", "constraints"):
            for x, y in zip(a, b, strict=True):
                assert (x is None) == (y is None)
                np.testing.assert_array_equal(np.array(x, float), np.array(y, float))
        elif a.dtype == float:
            np.testing.assert_allclose(
                a, b, rtol=0 if "seconds" not in column else 1e-9, atol=1e-9 * ("seconds" in column)
            )
        else:
            assert a.astype(object).where(a.notna(), None).tolist() == b.astype(object).where(b.notna(), None).tolist()


def test_parquet_holds_both_frames(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["export", "parquet", "own", "out=pq", "optimizer=tpe"]) == 0
    runs, trials = pd.read_parquet("pq/runs.parquet"), pd.read_parquet("pq/trials.parquet")
    assert set(runs["optimizer"]) == {"tpe"}
    assert len(runs) == 12
    assert set(trials["run"]) == set(runs["run"])
    ours = Store("own").table()
    assert trials["value"].tolist() == pytest.approx(ours[ours["optimizer"] == "tpe"]["value"].tolist(), nan_ok=True)


def test_iohinspector_reads_what_ioh_exports(bbob, capsys, monkeypatch):
    reader = pytest.importorskip("iohinspector", reason="needs iohinspector")
    monkeypatch.chdir(bbob)
    assert main(["export", "ioh", "own", "out=ioh"]) == 0
    manager = reader.DataManager()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reader and of polars
        manager.add_folder("ioh")
        loaded = manager.load(monotonic=True, include_meta_data=True).to_pandas()
    runs, trials = Store("own").frames()
    overview = manager.overview.to_pandas()
    assert len(overview) == len(runs)
    best = trials.groupby("run")["value"].min()
    assert sorted(overview["best_y"]) == pytest.approx(sorted(best))
    assert set(overview["evals"]) == {12}
    fids = overview[overview["suite"] == "bbob"]
    assert set(zip(fids["function_id"], fids["dimension"], strict=True)) == {(1, 2), (1, 4), (1, 5), (8, 2), (8, 5)}
    run = runs[(runs["task"] == "bbob/dim:5/fid:8/instance:1") & (runs["optimizer"] == "tpe") & (runs["seed"] == 2)]
    own = trials[trials["run"] == run["run"].item()].sort_values("ask")
    steps = own[own["value"] < own["value"].cummin().shift(fill_value=np.inf)]
    chosen = (loaded["algorithm_name"] == "tpe") & (loaded["function_id"] == 8) & (loaded["dimension"] == 5)
    theirs = loaded[chosen & (loaded["run_id"] == 3) & (loaded["suite"] == "bbob")].sort_values("evaluations")
    assert theirs["evaluations"].tolist() == (steps["ask"] + 1).tolist()
    assert theirs["raw_y"].tolist() == steps["value"].tolist()


def test_cocopp_reads_what_coco_exports(bbob, capsys, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pproc = pytest.importorskip("cocopp.pproc", reason="needs cocopp and six", exc_type=ImportError)
    monkeypatch.chdir(bbob)
    assert main(["export", "coco", "own", "out=coco"]) == 0
    out = capsys.readouterr().out
    assert "left out: bbob/dim:4/fid:1/instance:1: cocopp knows 2, 3, 5, 10, 20, 40 dimensions only\n" in out
    assert "left out: sphere/dim:2: of these suites, cocopp knows BBOB and SBOX-COST only\n" in out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {(d.funcId, d.dim): d for d in pproc.DataSetList(["coco/tpe"])}
    capsys.readouterr()
    assert set(found) == {(f, d) for f in (1, 8) for d in (2, 5)}
    runs, trials = Store("own").frames()
    for (fid, dim), data in found.items():
        own = runs[(runs["task"] == f"bbob/dim:{dim}/fid:{fid}/instance:1") & (runs["optimizer"] == "tpe")]
        best = [trials.loc[trials["run"] == run, "value"].min() for run in own.sort_values("seed")["run"]]
        np.testing.assert_allclose(data.finalfunvals, np.array(best) - own["optimum"].iloc[0], rtol=1e-8)
        assert data.maxevals.tolist() == [12, 12, 12]
        assert set(data.instancenumbers) == {1}
        # the expected running time of a target on cocopp's grid, from the evaluations at which it is first met
        target = 10 ** (np.ceil(5 * np.log10(np.median(data.finalfunvals))) / 5)
        needed = [
            next((i + 1 for i, v in enumerate(_gaps(trials, run, own)) if v <= target), None) for run in own["run"]
        ]
        spent = sum(12 if n is None else n for n in needed)
        hits = sum(n is not None for n in needed)
        assert data.detERT([target])[0] == pytest.approx(spent / hits)


@pytest.fixture(scope="module")
def relatives(tmp_path_factory):
    """Suites that look like BBOB and are not."""
    pytest.importorskip("ioh", reason="needs carps-lite[bbob]")
    root = tmp_path_factory.mktemp("relatives")
    tasks = "bbob_noisy/dim:2/noise:gauss+cauchy,mabbob/dim:2/instance:1+2,sbox/dim:2,zdt,mfhartmann"
    for one in (tasks, "bbob_constrained/dim:2"):
        if one.startswith("bbob_c"):
            pytest.importorskip("cocoex", reason="needs carps-lite[coco]")
        assert main(["run", f"task={one}", "optimizer=random", "seeds=2", "budget=9", "processes=0",
                     f"results={root / 'own'}"]) == 0  # fmt: skip
    return root


UNKNOWN = "of these suites, cocopp knows BBOB and SBOX-COST only"
NOISY = "bbob_noisy/dim:2/fid:1/instance:1/noise:gauss/level:moderate"


@pytest.mark.parametrize(
    ("form", "task", "said"),
    [
        ("coco", "bbob_noisy/*gauss*", f"there is no run that COCO's format can hold: {NOISY}: {UNKNOWN}"),
        ("coco", "mabbob/dim:2/instance:1", f"COCO's format can hold: mabbob/dim:2/instance:1: {UNKNOWN}"),
        ("coco", "bbob_constrained", "bbob_constrained/dim:2/fid:1/instance:1: this format does not hold constraints"),
        ("ioh", "bbob_constrained", "bbob_constrained/dim:2/fid:1/instance:1: this format does not hold constraints"),
        ("ioh", "zdt", "zdt/fid:1/dim:30: this format does not hold several objectives"),
        ("ioh", "mfhartmann", "this format does not hold fidelities"),
    ],
)
def test_what_a_format_does_not_hold_is_one_line(relatives, carps, monkeypatch, form, task, said):
    monkeypatch.chdir(relatives)
    code, out, err = carps("export", form, "own", f"task={task}", "out=none")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.rstrip("\n").endswith(said)
    assert not (relatives / "none").exists()


def test_iohinspector_reads_suites_that_only_look_like_bbob(relatives, carps, monkeypatch):
    reader = pytest.importorskip("iohinspector", reason="needs iohinspector")
    monkeypatch.chdir(relatives)
    code, out, _ = carps("export", "ioh", "own", "out=ioh")
    assert code == 0
    assert out.count("left out: ") == 3
    manager = reader.DataManager()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manager.add_folder("ioh")
    overview = manager.overview.to_pandas()
    runs, trials = Store("own").frames()
    best = trials.groupby("run")["value"].min()
    for family, n_functions, instances in (("bbob_noisy", 2, {1}), ("mabbob", 1, {1, 2}), ("sbox", 1, {1})):
        theirs = overview[overview["suite"] == family]
        own = runs[runs["task"].astype(str).str.startswith(f"{family}/")]
        assert len(theirs) == len(own) == 2 * n_functions * len(instances)
        assert theirs["function_id"].nunique() == n_functions
        assert set(theirs["instance"]) == instances
        assert sorted(theirs["best_y"]) == pytest.approx(sorted(best[own["run"]]))


def test_cocopp_reads_sbox_as_its_own_suite(relatives, carps, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pproc = pytest.importorskip("cocopp.pproc", reason="needs cocopp and six", exc_type=ImportError)
    monkeypatch.chdir(relatives)
    code, out, _ = carps("export", "coco", "own", "out=sbox")
    assert code == 0
    assert "mabbob/dim:2/instance:1" in out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (data,) = pproc.DataSetList(["sbox/random"])
    assert (data.funcId, data.dim, data.suite_name) == (1, 2, "bbob-boxed")  # its name for SBOX-COST
    runs, trials = Store("own").frames()
    own = runs[runs["task"].astype(str).str.startswith("sbox/")].sort_values("seed")
    best = [trials.loc[trials["run"] == run, "value"].min() for run in own["run"]]
    np.testing.assert_allclose(data.finalfunvals, np.array(best) - own["optimum"].iloc[0], rtol=1e-8)


def _gaps(trials, run, own):
    values = trials[trials["run"] == run].sort_values("ask")["value"]
    return values.cummin() - own["optimum"].iloc[0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["export"], "export needs a format: csv, parquet, ioh, coco, baseline"),
        (["export", "cvs", "own", "out=x"], "export has no format 'cvs'; did you mean 'csv'?"),
        (["export", "csv", "own"], "export csv needs out=PATH"),
        (["export", "csv", "own", "out=x.txt"], "export csv writes a file .csv, got out=x.txt"),
        (["export", "csv", "nope", "out=x.csv"], "no store in 'nope'"),
        (["export", "csv", "own", "out=x.csv", "task=spher"], "no run of task 'spher'; did you mean 'sphere'?"),
        (["export", "csv", "own", "out=x.csv", "seeds=[9]"], "no run has"),
        (["export", "csv", "own", "out=x.csv", "configs=true"], "export csv takes no configs="),
        (["export", "coco", "own", "out=x", "task=sphere"], "there is no run that COCO's format can hold"),
        (["export", "ioh", "own", "out=x", "task=mixed/kind:mo"], "there is no run that this format can hold"),
        (["export", "ioh", "own", "out=full"], "out=full is not empty"),
        (["export", "csv", "own", "out=full/a/b.csv"], "full/a is a file"),
    ],
)
def test_wrong_commands(folder, capsys, monkeypatch, args, said):
    monkeypatch.chdir(folder)
    (folder / "full").mkdir(exist_ok=True)
    (folder / "full" / "a").write_text("")
    capsys.readouterr()
    assert main(args) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not any(p.name.startswith("x") for p in folder.iterdir() if p.is_file())
