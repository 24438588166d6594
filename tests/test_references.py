"""Fixed references of tasks: closed forms, a made-up table, what is stored, and the command."""

import math
from statistics import median

import numpy as np
import pytest

from carps_lite import catalog, reference_fronts, references, spec
from carps_lite.cli import main
from carps_lite.errors import InputError
from carps_lite.hypervolume import gap
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

class Noisy(Table):
    meta = {**Table.meta, "noisy": True}
    problem = Problem(Space({"x": Categorical(("a", "b"))}), ("p", "q"), reference=(4.0, 4.0))
    def evaluate(self, config, fidelity, seed):
        seen, worth = {"a": (1.0, 2.0), "b": (3.0, 0.5)}[config["x"]]
        return {"p": seen, "q": seen, "mean_p": worth, "mean_q": worth}

class Flat(Two):
    problem = Problem(Space({"x": Categorical(("a", "b", "c"))}), ("p", "q"), reference=(1.0, 5.0))

class Trained(Table):
    meta = {**Table.meta, "cost": "measured"}
    calls = []
    def evaluate(self, config, fidelity, seed):
        Trained.calls.append(seed)
        return Table.evaluate(self, config, fidelity, seed)

class Counts(Trained):
    def log(self):
        return len(Trained.calls)

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
    # by cells: (3, 0.5) covers 1 x 4.5, (1, 2) 3 x 3, (2, 1) 2 x 4; the union is 9 + 2 + 0.5 of a box of 3 x 4.5
    assert found.good == pytest.approx(1 - 11.5 / 13.5)
    assert (found.bad, found.budget) == (found.good, BUDGET)
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
    # below the front f2 = 1 - sqrt(f1) lies a third of the unit square
    assert found.good == pytest.approx(1 / 3 / (1.1 * 11), rel=1e-3)
    assert found.good >= 1 / 3 / (1.1 * 11)  # a sample of the front leaves a little more
    assert found.good < found.bad < 1


def test_a_closed_front_is_exact():
    pytest.importorskip("pymoo", reason="needs carps-lite[pymoo]")
    found = reference("dtlz/fid:2")
    assert found.good == pytest.approx(math.pi / 6 / 2.475**3, rel=1e-12)  # an eighth of the unit ball


def test_what_random_search_leaves_is_the_median_gap_of_its_trials():
    pytest.importorskip("pymoo", reason="needs carps-lite[pymoo]")
    found, task = reference("zdt/fid:2/dim:3"), spec.make("tasks", "zdt/fid:2/dim:3")
    gaps = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        u = np.concatenate([rng.random((32, 3)), rng.random((64, 3)), rng.random((128, 3))])[:BUDGET]
        points = np.array([list(task.evaluate(c, None, 0).values()) for c in task.problem.space.decode_many(u)])
        f1, area, floor = points[np.argsort(points[:, 0])], 0.0, 11.0
        for x, y in f1:  # strips from left to right, each as high as the least f2 so far leaves
            area += max(0.0, 1.1 - x) * max(0.0, floor - y)
            floor = min(floor, y)
        gaps.append(1 - area / (1.1 * 11.0))
    assert found.bad == pytest.approx(median(gaps), rel=1e-9)


def test_noise_free_values_count_of_what_was_seen_to_be_undominated(own):
    found = reference("table_for_references.Noisy")
    # seen are (1, 1), which is worth (2, 2), and (3, 3), which is worth (0.5, 0.5) but looks dominated
    assert found.bad == pytest.approx(1 - 4 / 4)
    assert found.ideal == (2.0, 2.0)


def test_trainings_have_fewer_evaluations(own):
    found = reference("table_for_references.Trained")
    assert (found.budget, found.bad, found.good) == (references.TRAINED, 2.0, 0.5)
    assert spec.make("tasks", "table_for_references.Counts").log() == references.TRAINED * references.TRAINED_SEEDS


@pytest.mark.parametrize("m", [6, 9])
def test_approximate_gaps_are_near_exact_ones(m):
    rng = np.random.default_rng(m)
    directions = np.abs(rng.normal(size=(40, m)))
    points = 1 - directions / np.linalg.norm(directions, axis=1, keepdims=True)
    scale = 10.0 ** rng.integers(-3, 4, m)  # objectives of very different size
    exact = gap(points * scale, 1.1 * scale, 0 * scale)
    found = reference_fronts.gap_of(points * scale, tuple(1.1 * scale), tuple(0 * scale))
    assert 1 - found == pytest.approx(1 - exact, rel=5e-3)


def test_an_ideal_that_is_not_below_the_reference_is_said(own):
    with pytest.raises(InputError, match="must lie below the reference point"):
        reference("table_for_references.Flat")


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
        several = one.ideal is not None
        assert one.source in (("front", "sample") if several else ("optimum", "search"))
        if several and one.reference is None:
            assert one.bad is None
            continue
        assert one.good <= one.bad
        if several:
            assert all(low < high for low, high in zip(one.ideal, one.reference, strict=True))
            assert 0 <= one.good < 1
        trained = resolved.meta["cost"] == "measured"
        assert one.budget in ((references.TRAINED,) if trained else (BUDGET, references.LONGER))


def test_the_bbob_suite_is_there():
    assert {one.id for one in spec.resolve_all("tasks", "bbob24")} <= set(STORED)


REPRODUCED = (
    "bbob/fid:1/dim:2",
    "bbob/fid:15/dim:5",
    "mfsynthetic",
    "curve",
    "constrained",
    "mixed/kind:momf",
    "mfzdt",
    "dtlz/fid:7",
)


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
