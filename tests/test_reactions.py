"""Reaction tables: the reader on a made-up archive, and the real tables where they are."""

import zipfile

import numpy as np
import pytest

from carps_lite import data, spec
from carps_lite.core import TrialFailed
from carps_lite.errors import InputError
from carps_lite.tasks import reactions
from carps_lite.tasks.reactions import Reactions

CSV = "Aryl halide,Base,Yield\nCCl,N#N,0.25\nCBr,N#N,0.5\nCCl,[OH-],0.75\n"  # the fourth combination is missing


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """The data folder with tables of two halides and two bases, taken out of an archive as `data get` does it."""
    archive = tmp_path / "toy.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, _ in reactions.TABLES.values():
            file.writestr(f"{reactions.FOLDER}{name}_cleaned.csv", CSV)
    with zipfile.ZipFile(archive) as file:
        arrays = reactions.extract(file)
    np.savez(tmp_path / "reactions.npz", **arrays, **{data.STAMP: np.array(data.source("reactions").stamp)})
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(tmp_path))
    reactions._read.cache_clear()
    yield
    reactions._read.cache_clear()


def test_each_combination_is_found_by_its_reagents(made_up):
    task = Reactions("amination")
    space = task.problem.space
    assert {name: p.choices for name, p in space.items()} == {"aryl_halide": ("CBr", "CCl"), "base": ("N#N", "[OH-]")}
    for halide, base, value in (("CCl", "N#N", 0.25), ("CBr", "N#N", 0.5), ("CCl", "[OH-]", 0.75)):
        assert task.evaluate({"aryl_halide": halide, "base": base}, None, 0) == {"minus_yield": -value}
    assert task.optimum == -0.75
    with pytest.raises(TrialFailed, match="not recorded"):
        task.evaluate({"aryl_halide": "CBr", "base": "[OH-]"}, None, 0)
    with pytest.raises(InputError, match=r"reactions: .*base"):
        task.evaluate({"aryl_halide": "CBr", "base": "OH"}, None, 0)


def test_an_unknown_table_is_one_line():
    with pytest.raises(InputError, match=r"^reactions: no dataset 'borylatoin'; did you mean 'borylation'"):
        Reactions("borylatoin")


@pytest.mark.skipif(data.missing("reactions") is not None, reason="carps-lite data get reactions")
def test_the_real_tables_are_all_there():
    arrays = data.load("reactions")
    assert sorted(reactions.TABLES) == spec.meta("tasks", "reactions")["values"]["dataset"]
    sizes = {"amination": 3955, "borylation": 1518, "coupling": 1536, "fluorination": 740, "thiol_addition": 1075}
    for dataset, n in sizes.items():
        task = Reactions(dataset)
        n_points = np.prod([len(p.choices) for p in task.problem.space.values()])
        assert (np.isfinite(arrays[dataset]).sum(), arrays[dataset].size) == (n, n_points)
        assert task.optimum == -np.nanmax(arrays[dataset])
        assert -task.optimum == pytest.approx(
            {"thiol_addition": 3.1346, "coupling": 0.3981}.get(dataset, 1.0), rel=0.07
        )
