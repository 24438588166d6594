"""Fixed references of tasks: closed forms, a made-up table, what is stored, and the command."""

import math
from statistics import median

import numpy as np
import pytest

from carps_lite import catalog, references, spec
from carps_lite.cli import main
from carps_lite.errors import InputError
from carps_lite.references import BUDGET, FILE, SEEDS, Reference, compute, known, of, read, write

STORED = read(catalog.PACKAGED / FILE)


def reference(text):
    return compute(spec.resolve("tasks", text))


def test_the_sphere_has_the_median_of_the_least_of_a_hundred_draws():
    found = reference("sphere/dim:2")
    # drawn here again, without the framework: random search takes its generator's numbers in order
    least = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        u = np.concatenate([rng.random((32, 2)), rng.random((64, 2)), rng.random((128, 2))])[:BUDGET]
        least.append(((15 * u - 5) ** 2).sum(axis=1).min())
    assert found.bad == pytest.approx(median(least), rel=1e-12)
    assert (found.good, found.source, found.version) == (0.0, "optimum", 1)
    # the least of n squared radii is near 225 / (pi n) times an exponential variable, with median ln 2
    theory = 225 / math.pi / BUDGET * math.log(2)
    assert theory / 3 < found.bad < theory * 3


def test_a_range_has_the_median_of_a_minimum_in_one_dimension():
    # |x| of 100 uniform draws on [-5, 10]: the median of the least has P(|x| > m)^100 = 1/2
    m = 15 * (1 - 0.5 ** (1 / BUDGET)) / 2
    assert m**2 / 6 < reference("sphere/dim:1").bad < m**2 * 6


TABLE = """
from carps_lite.core import Problem
from carps_lite.space import Categorical, Float, Space

ERRORS = {"a": (3.0, 0.5), "b": (1.0, 2.0), "c": (2.0, 1.0)}  # seen, and worth

class Table:
    meta = {"noisy": False, "deterministic": True, "version": 4}
    problem = Problem(Space({"x": Categorical(("a", "b", "c"))}), ("error",))
    def evaluate(self, config, fidelity, seed):
        seen, worth = ERRORS[config["x"]]
        return {"error": seen, "mean_error": worth}

class Exact(Table):
    optimum = 1.0
    def evaluate(self, config, fidelity, seed):
        return {"error": ERRORS[config["x"]][0]}

class Two(Table):
    problem = Problem(Space({"x": Categorical(("a", "b", "c"))}), ("p", "q"), reference=(4.0, 5.0))
    def evaluate(self, config, fidelity, seed):
        p, q = ERRORS[config["x"]]
        return {"p": p, "q": q}

class Never(Table):
    problem = Problem(Space({"x": Categorical(("a", "b", "c"))}), ("error",), constraints=("g",))
    def evaluate(self, config, fidelity, seed):
        return {"error": 1.0, "g": 1.0}

class Seldom(Table):
    optimum = 1.0
    problem = Problem(Space({"x": Float(0, 1)}), ("error",), constraints=("g",))
    def evaluate(self, config, fidelity, seed):
        return {"error": 1.0, "g": config["x"] - 0.001}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table_for_references.py").write_text(TABLE)
    return tmp_path


def test_a_table_of_three_rows(own):
    # every seed meets all rows in 100 draws: exactly the least value; the incumbent is chosen by what was seen
    assert reference("table_for_references.Exact") == Reference(
        "table_for_references.Exact", 4, "optimum", budget=100, bad=1.0, good=1.0
    )
    found = reference("table_for_references.Table")
    assert (found.bad, found.good, found.source) == (2.0, 0.5, "search")
    found = reference("table_for_references.Two")
    assert (found.reference, found.ideal, found.source) == ((4.0, 5.0), (1.0, 0.5), "sample")
    with pytest.raises(InputError, match="found nothing feasible in 2,000 evaluations"):
        reference("table_for_references.Never")
    # feasible in one draw of a thousand: most seeds need more than 100
    found = reference("table_for_references.Seldom")
    assert (found.budget, found.bad, found.good) == (2000, 1.0, 1.0)


def test_several_objectives_take_the_front_where_it_is_known():
    pytest.importorskip("pymoo", reason="needs carps-lite[pymoo]")
    found = reference("zdt/fid:1")
    assert found.source == "front"
    assert found.ideal == pytest.approx((0.0, 0.0), abs=1e-12)
    assert found.bad is None


def test_files_survive_writing_and_reading(tmp_path):
    both = [
        Reference("b/x:1", 2, "search", budget=100, bad=0.1 + 0.2, good=-1e-300),
        Reference("a", 1, "front", reference=(1.0, 2.0), ideal=(1 / 3, -0.0)),
        Reference("c/s:x,y", 1, "sample", reference=None, ideal=(1.0, 2.0)),
    ]
    file = tmp_path / "some" / "tasks.csv"
    write(file, both)
    assert read(file) == {one.task: one for one in both}
    assert list(read(file)) == ["a", "b/x:1", "c/s:x,y"]
    assert [p.name for p in file.parent.iterdir()] == ["tasks.csv"]
    file.write_text("task,version\na,one\n")
    with pytest.raises(InputError, match="is no file of references"):
        read(file)
    assert read(tmp_path / "none.csv") == {}


def test_the_command_computes_what_is_missing(own, capsys):
    name = "table_for_references.Exact"
    assert main(["references", f"task={name},sphere/dim:9"]) == 0
    said = capsys.readouterr().out
    assert f"{name}: bad 1, good 1 (optimum)" in said
    assert "2 computed, 0 kept, 0 failed → configs/references/tasks.csv" in said
    assert of(name).good == 1.0
    assert of("sphere/dim:9").good == 0.0
    assert main(["references", f"task={name}"]) == 0
    assert capsys.readouterr().out == "0 computed, 1 kept, 0 failed\n"
    assert main(["references", f"task={name}", "rerun=true"]) == 0
    assert "1 computed" in capsys.readouterr().out
    assert main(["references", "task=table_for_references.Never"]) == 1
    assert "1 failed" in capsys.readouterr().out
    stale = Reference(name, 3, "optimum", budget=100, bad=2.0, good=1.0)
    write(references.own_file(), [stale])
    assert of(name) is None
    main(["references", f"task={name}"])
    assert of(name).version == 4


def test_the_packages_references_hold(own):
    one = next(iter(STORED.values()))
    write(references.own_file(), [Reference(one.task, one.version, "search", bad=1e9, good=-1e9)])
    assert known()[one.task] == one
    assert main(["references", f"task={one.task}", "rerun=true"]) == 0
    assert read(references.own_file())[one.task].bad == 1e9


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], "references needs task=SPEC"),
        (["bbob"], "'bbob' must be key=value"),
        (["tsk=bbob"], "did you mean 'task'?"),
        (["task=bbop"], "did you mean 'bbob'?"),
        (["task=bbob", "rerun=yes"], "rerun must be true or false, got yes"),
    ],
)
def test_bad_input_is_one_line(own, capsys, args, expected):
    assert main(["references", *args]) == 2
    said = capsys.readouterr()
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_what_is_stored_is_small_and_consistent():
    assert (catalog.PACKAGED / FILE).stat().st_size < 300_000
    assert list(STORED) == sorted(STORED)
    for one in STORED.values():
        resolved = spec.resolve("tasks", one.task)
        assert resolved.id == one.task
        assert one.version == resolved.meta["version"], f"carps-lite references task={one.task}"
        if one.bad is not None:
            assert one.source in ("optimum", "search")
            assert one.good <= one.bad
            assert one.budget in (BUDGET, references.LONGER)
        else:
            assert one.source in ("front", "sample")
            assert one.reference is None or len(one.reference) == len(one.ideal)


def test_the_bbob_suite_is_there():
    assert {one.id for one in spec.resolve_all("tasks", "bbob24")} <= set(STORED)


REPRODUCED = ("bbob/fid:1/dim:2", "bbob/fid:15/dim:5", "mfsynthetic", "curve", "constrained", "mixed/kind:momf")


@pytest.mark.parametrize("text", REPRODUCED)
def test_stored_references_reproduce(text):
    one = spec.resolve("tasks", text)
    reason = spec.unavailable(one)
    if reason:
        pytest.skip(reason)
    found, stored = compute(one), STORED[one.id]
    assert (found.source, found.version) == (stored.source, stored.version)
    for key in ("bad", "good", "reference", "ideal"):
        now, then = getattr(found, key), getattr(stored, key)
        assert (now is None) == (then is None)
        if now is not None:
            assert now == pytest.approx(then, rel=1e-9, abs=1e-12)
