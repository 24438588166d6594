"""Specs: expansion, resolution, ids, and one clear line for whatever is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite import catalog, spec, values
from carps_lite.commands.settings import parse_seeds, parse_shard
from carps_lite.errors import InputError


@pytest.fixture
def own_configs(tmp_path, monkeypatch):
    """A working directory with configs of its own."""
    monkeypatch.chdir(tmp_path)
    for kind in ("tasks", "optimizers", "suites"):
        (tmp_path / "configs" / kind).mkdir(parents=True)

    def write(path, text):
        (tmp_path / "configs" / path).write_text(text)

    return write


def message(kind, text):
    with pytest.raises(InputError) as caught:
        spec.resolve_all(kind, text)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_ranges_and_alternatives_multiply():
    assert spec.expand("tasks", "bbob/fid:1..3/dim:2+5") == [
        f"bbob/fid:{fid}/dim:{dim}" for fid in (1, 2, 3) for dim in (2, 5)
    ]


def test_all_stands_for_every_allowed_value():
    assert len(spec.expand("tasks", "bbob/fid:all")) == 24


def test_what_is_named_twice_counts_once():
    assert spec.expand("tasks", ["sphere", "sphere"]) == ["sphere"]
    assert len(spec.resolve_all("tasks", ["bbob/fid:1", "bbob/dim:5/fid:1", "bbob"])) == 1


def test_a_task_id_spells_its_identity_keys_and_an_optimizer_id_what_is_off_its_default():
    assert spec.canonical("tasks", "bbob/fid:3") == "bbob/dim:5/fid:3/instance:1"
    assert spec.canonical("tasks", "bbob/instance:1/fid:3/dim:5") == "bbob/dim:5/fid:3/instance:1"
    assert spec.canonical("optimizers", "tpe/multivariate:true") == "tpe/multivariate:true"
    assert spec.canonical("optimizers", "tpe/multivariate:false") == "tpe"


@pytest.mark.parametrize("kind", ["tasks", "optimizers"])
def test_ids_are_specs_of_themselves(kind):
    for name in spec.names(kind):
        identifier = spec.canonical(kind, name)
        assert spec.canonical(kind, identifier) == identifier
        assert spec.resolve(kind, identifier).options == spec.resolve(kind, name).options


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("tasks", "bbop/fid:1", "no task named 'bbop'; did you mean 'bbob'?"),
        ("tasks", "quickstrat", "no task or suite named 'quickstrat'; did you mean 'quickstart'?"),
        ("tasks", "quickstart/seed:1", "'quickstart' is a suite and takes no options"),
        ("tasks", "bbob/fid:25", "bbob: fid must be 1 to 24, got 25"),
        ("tasks", "bbob/fid:0..3", "bbob: fid must be 1 to 24, got 0"),
        ("tasks", "bbob/fid:3..1", "bbob: fid:3..1 must be first..last"),
        ("tasks", "bbob/fid:two", "bbob: fid must be a whole number, got 'two'"),
        ("tasks", "bbob/fid", "'fid' must be key:value"),
        ("tasks", "bbob/fid:1/fid:2", "gives 'fid' twice"),
        ("tasks", "bbob/dim:all", "has no finite list"),
        ("tasks", "hpobench_mlp/dataset:ca", "no dataset 'ca'; did you mean 'car'?"),
        ("tasks", "./nowhere.yaml", "no suite file './nowhere.yaml'"),
        ("tasks", "", "an empty name"),
        ("optimizers", "tpp", "no optimizer named 'tpp'; did you mean 'tpe'?"),
        ("optimizers", "tpe/multivariat:true", "tpe has no option 'multivariat'; did you mean 'multivariate'?"),
        ("optimizers", "tpe/multivariate:maybe", "tpe: multivariate must be true or false, got 'maybe'"),
        ("optimizers", "no_such_package.Opt", "cannot import 'no_such_package.Opt': no module 'no_such_package'"),
        ("optimizers", "carps_lite.space.Spac", "carps_lite.space has no 'Spac'; did you mean 'Space'?"),
    ],
)
def test_wrong_input_is_one_line(kind, text, expected):
    assert expected in message(kind, text)


def test_an_import_path_is_a_spec(tmp_path, monkeypatch):
    (tmp_path / "mine_for_spec.py").write_text(
        "class Opt:\n    meta = {'kinds': ['bb']}\n    def __init__(self, problem, seed, lr=0.1): self.lr = lr\n"
    )
    monkeypatch.chdir(tmp_path)
    found = spec.resolve("optimizers", "mine_for_spec.Opt/lr:0.5")
    assert found.id == "mine_for_spec.Opt/lr:0.5"
    assert found.meta == {"kinds": ["bb"]}
    assert spec.build(found, problem=None, seed=0).lr == 0.5
    assert "did you mean 'lr'?" in message("optimizers", "mine_for_spec.Opt/lt:0.5")


def test_a_module_that_does_not_import_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "broken_for_spec.py").write_text("import no_such_library_xyz\n")
    (tmp_path / "raising_for_spec.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    assert "needs no_such_library_xyz" in message("optimizers", "broken_for_spec.Opt")
    assert "raised ZeroDivisionError" in message("optimizers", "raising_for_spec.Opt")


def test_own_configs_stand_beside_the_packaged_ones(own_configs):
    own_configs("tasks/mine.yaml", "_target_: carps_lite.tasks.synthetic.Sphere\ndim: 3\n")
    own_configs("suites/few.yaml", "# A few\n- mine/dim:2..4\n- bbob/fid:1\n")
    assert len(spec.resolve_all("tasks", "few")) == 4
    assert spec.make("tasks", "mine").dim == 3


def test_a_suite_that_contains_itself_is_refused(own_configs):
    own_configs("suites/one.yaml", "- two\n")
    own_configs("suites/two.yaml", "- one\n")
    assert "contains itself" in message("tasks", "one")


def test_a_name_that_both_folders_hold_is_refused(own_configs):
    own_configs("tasks/bbob.yaml", "_target_: x.Y\n")
    assert "has the name of a packaged task" in message("tasks", "bbob")


def test_a_name_that_is_task_and_suite_is_refused(own_configs):
    own_configs("suites/bbob.yaml", "- sphere\n")
    assert "both a task and a suite" in message("tasks", "bbob")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("tasks/bad.yaml", "dim: 3\n", "must be a mapping with a `_target_`"),
        ("tasks/bad.yaml", "_target_: [\n", "cannot read"),
        ("suites/bad.yaml", "a: 1\n", "must be a list of task specs"),
    ],
)
def test_damaged_files_are_one_line(own_configs, path, text, expected):
    own_configs(path, text)
    assert expected in message("tasks", "bad")


scalars = st.one_of(
    st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.just("word")
)


@given(scalars)
def test_text_and_value_are_inverse(value):
    assert values.parse("x", "k", values.text(value), value) == value


@given(st.lists(st.integers(0, 99), min_size=1))
def test_lists_and_their_text_are_inverse(value):
    assert values.parse("x", "k", values.text(value), value) == value


@pytest.mark.parametrize(
    ("given_seeds", "expected"),
    [(3, [0, 1, 2]), ("5..7", [5, 6, 7]), ("1+3", [1, 3]), ([1, 3], [1, 3]), (["1..2", 9], [1, 2, 9])],
)
def test_seeds(given_seeds, expected):
    assert parse_seeds(given_seeds) == expected


@pytest.mark.parametrize("wrong", [0, -1, "x", "3..1", True, None, "", 1.5])
def test_wrong_seeds(wrong):
    with pytest.raises(InputError, match="seeds must be"):
        parse_seeds(wrong)


def test_shards():
    assert parse_shard("2of8") == (2, 8)
    assert parse_shard(None) == (1, 1)
    for wrong in ("0of8", "9of8", "2/8", "of", 3):
        with pytest.raises(InputError, match="shard must be"):
            parse_shard(wrong)


def test_every_suite_expands_and_has_a_summary():
    for name in catalog.names("suites"):
        assert spec.resolve_all("tasks", name)
        path = catalog.suite_path(name)
        assert path is not None
        assert catalog.suite_summary(path)
