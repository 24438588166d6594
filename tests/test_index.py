"""The index and the page of all tasks are what their generator gives now, and say what is true."""

import json

import pytest

from carps_lite import catalog, index, spec
from carps_lite.commands.index import PAGE, packaged_names, refreshed, write
from carps_lite.commands.task_filter import between
from carps_lite.commands.tasks_page import page
from carps_lite.derive import derive, is_absence, members
from carps_lite.errors import InputError

REMEDY = "run: python -m carps_lite.commands.index"


@pytest.mark.parametrize("name", packaged_names())
def test_the_index_is_what_the_classes_say(name):
    stored = index.load().get(name)
    try:
        now = derive(name)
    except InputError as error:
        if is_absence(spec.resolve("tasks", name), error):
            pytest.skip(str(error))
        raise
    assert stored is not None, REMEDY
    if now.n_unseen > stored.n_unseen:
        pytest.skip(f"the index was made where {now.n_unseen - stored.n_unseen} more tasks of {name} could be built")
    assert stored == now, REMEDY


def test_the_index_has_all_families_and_no_other():
    assert sorted(index.load()) == packaged_names(), REMEDY
    for name, family in index.load().items():
        assert family.version == catalog.load("tasks", name).meta["version"], REMEDY


@pytest.mark.skipif(not PAGE.is_file(), reason="the page belongs to a checkout")
def test_the_page_is_what_its_generator_gives():
    assert PAGE.read_text() == page(index.load()), REMEDY


def test_an_index_survives_writing_and_reading(tmp_path):
    written = tmp_path / "index.json"
    written.write_text(index.dump(index.load().values()))
    assert index.load(written) == index.load()
    assert written.read_text() == index.PATH.read_text()
    assert list(json.loads(written.read_text())) == sorted(index.load())


def test_writing_keeps_what_cannot_be_derived_here(tmp_path, monkeypatch):
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setattr("carps_lite.commands.index.packaged_names", lambda: ["sphere", "hpob"])
    families, notes = refreshed({"hpob": index.load()["hpob"]})
    assert [f.name for f in families] == ["sphere", "hpob"]
    assert families[1] == index.load()["hpob"]
    assert notes == ["hpob: kept as it was, no data for hpob: carps-lite data get hpob"]
    file = tmp_path / "index.json"
    assert write(file, tmp_path / "no_folder" / "tasks.md") == [
        "hpob: not in the index, no data for hpob: carps-lite data get hpob"
    ]
    assert list(json.loads(file.read_text())) == ["sphere"]


def ids(name):
    return [one.id for one in members(name)]


def test_what_a_family_stands_for():
    biases = ("good", "moderate", "bad", "terrible")
    assert set(ids("mfhartmann")) == {f"mfhartmann/dim:{d}/bias:{b}/instance:0" for d in (3, 6) for b in biases}
    assert ids("sphere") == ["sphere/dim:2"]
    assert len(ids("zdt")) == 5
    assert ids("mixed") == [f"mixed/kind:{kind}" for kind in ("bb", "mf", "mo", "momf")]
    # named by suites, each in all types
    yahpo = ids("yahpo")
    assert len(set(yahpo)) == len(yahpo)
    for kind in ("bb", "mf", "mo", "momf"):
        assert f"yahpo/scenario:rbv2_svm/instance:10101/kind:{kind}" not in yahpo
        assert f"yahpo/scenario:rbv2_xgboost/instance:16/kind:{kind}" in yahpo


def test_hpob_stands_for_the_92_tasks_of_its_suite():
    assert set(ids("hpob")) == {one.id for one in spec.resolve_all("tasks", "hpob92")}
    assert index.load()["hpob"].n_tasks == 92


TASK = """
from carps_lite.core import Fidelity, Problem
from carps_lite.errors import InputError
from carps_lite.space import Categorical, Float, Space

class Made:
    def __init__(self, dim, epochs, low, name, measures):
        if not 2 <= dim <= 7 or dim % 2 and name == "even":
            raise InputError("no such dim")
        space = {f"x{i}": Float(0, 1) for i in range(dim - 1)}
        space["c"] = Categorical((1, 2)) if name == "even" else Float(0, 1, when={"x0": (0.0,)})
        self.problem = Problem(Space(space), tuple(measures), fidelity=Fidelity("epochs", low, epochs))
        self.optimum = 0.0 if name == "even" else None
"""
YAML = """
_target_: made_for_index.Made
dim: 4
epochs: 20
low: 3
name: even
measures: [a]
meta:
  summary: made up
  kinds: [mf, momf]
  identity: [dim, epochs, low, name, measures]
  values: {low: 1..5, name: [even, odd]}
  variants: ["measures:a@b"]
  group: "made/{name}"
  version: 3
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_for_index.py").write_text(TASK)
    (tmp_path / "configs" / "tasks").mkdir(parents=True)
    (tmp_path / "configs" / "tasks" / "made.yaml").write_text(YAML)


def test_a_family_of_the_users_own_is_derived(made):
    family = index.family("made")
    # two names x one or two measures; `low` only moves the fidelity; dim and epochs have no list
    assert family.n_tasks == 4
    assert family.free == {"dim": (2, 6), "epochs": (3, None)}
    assert family.size == "dim"
    assert family.version == 3
    by_kind = {(s.kind, s.optimum): s for s in family.shapes}
    assert len(by_kind) == 4
    even, odd = by_kind["mf", True], by_kind["momf", False]
    assert even.parameters == {"categorical": 1, "float": 3}
    assert even.groups == {"made/even": 1}
    assert (odd.objectives, odd.conditional, odd.fidelity) == (2, 1, "epochs")
    assert family.dims(even) == (2, 6)


def test_ranges_in_words():
    assert between([(3, 3), (6, 6)]) == "3 to 6"
    assert between([(2, 2)]) == "2"
    assert between([(2, None), (1, 1)]) == "from 1"
