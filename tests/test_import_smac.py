"""Run histories that SMAC wrote (`tests/data/make_smac.py`), against what its target function returned call by call."""

import json
import shutil
from pathlib import Path

import pytest

from carps_lite.store import Store

WRITTEN = Path(__file__).parent / "data" / "smac"
pytestmark = pytest.mark.usefixtures("own_folder")


def told(name, seed):
    return json.loads((WRITTEN / name / str(seed) / "told.json").read_text())["calls"]


def test_a_multi_fidelity_run_of_smac(carps):
    code, out, err = carps("import", "smac", str(WRITTEN / "mf"), "task=mine")
    assert (code, err) == (0, "")
    assert "1 run of 1 optimizer on 1 task, 24 trials: 1 imported" in out
    runs, trials = Store().frames()
    calls = told("mf", 5)
    assert (runs["seed"][0], runs["optimizer"][0], runs["kind"][0]) == (5, "smac", "mf")
    header = runs["header"][0]
    assert header["problem"]["objectives"] == ["cost"]  # as the scenario calls it
    assert header["problem"]["fidelity"]["high"] == 9
    assert trials["fidelity"].tolist() == [call["budget"] for call in calls]
    assert trials["failure"].notna().tolist() == ["failed" in call for call in calls]
    assert 0 < trials["failure"].notna().sum() < len(trials)
    assert set(trials["failure"].dropna()) == {"crashed"}
    well = [i for i, call in enumerate(calls) if "failed" not in call]
    assert trials["value"].iloc[well].tolist() == [calls[i]["values"][0] for i in well]
    assert [json.loads(text) for text in trials["config"]] == [call["config"] for call in calls]
    assert (trials["spent"].diff().dropna() * 9).tolist() == pytest.approx([call["budget"] for call in calls[1:]])


def test_a_run_of_smac_with_two_objectives(carps):
    assert carps("import", "smac", str(WRITTEN / "mo"), "task=mine")[0] == 0
    runs, trials = Store().frames()
    calls = told("mo", 6)
    assert (runs["seed"][0], runs["kind"][0]) == (6, "mo")
    assert runs["header"][0]["problem"]["objectives"] == ["error", "size"]
    assert [list(values) for values in trials["values"]] == [call["values"] for call in calls]
    assert [json.loads(text) for text in trials["config"]] == [call["config"] for call in calls]


def test_the_seed_is_the_scenario_s_and_not_the_folder_s(carps, tmp_path):
    shutil.copytree(WRITTEN / "mf" / "5", tmp_path / "77")
    assert carps("import", "smac", "77", "task=mine")[0] == 0
    assert Store().runs()["seed"].tolist() == [5]


def test_a_damaged_scenario_is_one_line(carps, tmp_path):
    shutil.copytree(WRITTEN / "mf" / "5", tmp_path / "5")
    (tmp_path / "5" / "scenario.json").write_text('{"seed": 5')
    code, _, err = carps("import", "smac", "5", "task=mine")
    assert (code, err.count("\n")) == (2, 1)
    assert "scenario.json:1: no readable JSON" in err
    assert not (tmp_path / "results").exists()
