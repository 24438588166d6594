"""From store to arrays, the rest: several objectives, axes, normalised regret, groups, coverage and names."""

import importlib.util
import itertools
from pathlib import Path

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carps_lite
from carps_lite.analysis import coverage, fronts, measures, normalised
from carps_lite.analysis.curves import COLUMNS
from carps_lite.analysis.pool import build
from carps_lite.analysis.scores import score
from carps_lite.analysis.selection import Choice
from carps_lite.errors import InputError, MissingDependency
from carps_lite.hypervolume import gap
from carps_lite.references import Reference

_spec = importlib.util.spec_from_file_location("scores_frames", Path(__file__).with_name("test_scores.py"))
_frames = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_frames)
a_run, frames, pair = _frames.a_run, _frames.frames, _frames.pair

POINTS = st.integers(2, 4).flatmap(
    lambda m: st.lists(
        st.lists(st.integers(0, 6).map(lambda x: x / 4), min_size=m, max_size=m), min_size=1, max_size=14
    )
)


def brute_volumes(points, counts, reference):
    """Again and in the plainest way: moocore on all points so far."""
    found = []
    for n in range(1, len(points) + 1):
        inside = [p for p, c in zip(points[:n], counts, strict=False) if c and (p < reference).all()]
        empty = np.nan if not any(counts[:n]) else 0.0
        found.append(moocore.hypervolume(np.array(inside), ref=reference) if inside else empty)
    return np.array(found, dtype=float)


# several objectives


@settings(max_examples=150, deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_volume_after_each_trial_is_that_of_all_points_so_far(points, random):
    points = np.array(points, dtype=float)
    counts = np.array([random.random() < 0.8 for _ in points])
    reference = np.full(points.shape[1], 1.3)
    expected = brute_volumes(points, counts, reference)
    np.testing.assert_allclose(fronts.volumes(points, counts, reference), expected, atol=1e-12)
    worth = np.roll(points, 1, axis=0)
    chosen = fronts.volumes(points, counts, reference, worth)
    at = fronts.front(points, counts)
    if len(at):
        inside = worth[at][(worth[at] < reference).all(axis=1)]
        last = moocore.hypervolume(inside, ref=reference) if len(inside) else 0.0
        assert chosen[-1] == pytest.approx(last, abs=1e-12)


def test_many_objectives_are_approximated_within_a_hundredth():
    x = np.abs(np.random.default_rng(0).normal(size=(15, 7)))
    x /= np.linalg.norm(x, axis=1)[:, None]
    reference = np.full(7, 1.1)
    found = fronts.volumes(x, np.ones(15, dtype=bool), reference)[-1]
    assert found == pytest.approx(moocore.hypervolume(x, ref=reference), rel=0.02)


def a_front(optimizer, task, seed, points, **other):
    """A run with two objectives; `points` may hold dicts with `values` and the keys that `a_run` knows."""
    items = [p if isinstance(p, dict) else {"values": p} for p in points]
    changed = {"kind": "mo", "objectives": ["f1", "f2"], "reference": [4.0, 4.0], **other}
    run, trials = a_run(optimizer, task, seed, [{"value": p["values"][0], **p} for p in items], **changed)
    return run, [{**t, "values": np.array(p["values"], dtype=float)} for t, p in zip(trials, items, strict=True)]


def kept(task, **known):
    return {task: Reference(task, 1, "front", 100, reference=(4.0, 4.0), ideal=(0.0, 0.0), **known)}


def test_several_objectives_are_scored_by_the_gap_and_stand_beside_one():
    values = [(3, 3), (5, 0), (1, 3.5), (np.nan, np.nan), (2, 2)]
    mo = [a_front("a", "zdt1", 0, values), a_front("b", "zdt1", 0, [(5, 5)] * 5)]
    runs, trials = frames(*mo, a_run("a", "t", 0, [1.0] * 5), a_run("b", "t", 0, [2.0] * 5))
    s = score(build(runs, references=kept("zdt1")), trials)
    assert s.pool.metrics == ("loss", "hypervolume gap")
    expected = [gap(np.array(values[:n]), (4, 4), (0, 0)) for n in range(1, 6)]
    assert s.values_OTSB[0, 1, 0] == pytest.approx(expected)
    assert s.values_OTSB[1, 1, 0].tolist() == [1.0] * 5  # it has results, and none beyond the reference
    assert np.isnan(s.pool.optima[1])


def test_only_feasible_points_in_full_enter_a_front():
    axis = {"problem": {"fidelity": {"name": "epochs", "low": 1, "high": 9}}}
    points = [
        {"values": (1, 1), "fidelity": 3.0},
        {"values": (1, 1), "constraints": [0.5]},
        {"values": (3, 3), "fidelity": 9.0, "constraints": [0.0]},
    ]
    runs = [a_front("a", "m", 0, points, header=axis, kind="momf"), a_front("b", "m", 0, [(3, 3)] * 3, header=axis)]
    found, trials = frames(*runs)
    s = score(build(found, references=kept("m")), trials)
    assert s.values_OTSB[0, 0, 0].tolist() == [np.inf, np.inf, 1 - 1 / 16]


def test_a_noisy_front_is_chosen_by_what_was_seen_and_scored_without_noise():
    runs, trials = frames(a_front("a", "z", 0, [(3, 3), (1, 1)]), a_front("b", "z", 0, [(3, 3), (2, 2)]))
    worth = [np.array([2.0, 2.0]), np.array([3.0, 3.5]), None, None]
    s = score(build(runs, references=kept("z")), trials.assign(noise_free_values=worth))
    assert s.values_OTSB[:, 0, 0].tolist() == [[1 - 4 / 16, 1 - 0.5 / 16], [1 - 1 / 16, 1 - 4 / 16]]
    assert s.averaged_T.tolist() == [True]


def test_without_an_ideal_point_fronts_are_ranked_by_volume_and_without_a_reference_left_out():
    runs, trials = frames(*(a_front(o, "z", 0, [(x, x)]) for o, x in (("a", 1), ("b", 2))))
    s = score(build(runs, references={}), trials)
    assert s.pool.metrics == ("negative hypervolume",)
    assert s.final_OTS[:, 0, 0].tolist() == [-9, -4]
    assert s.normalised_notes == ("1 task has no references and takes part in ranks only: z",)
    bare = [a_front(o, "q", 0, [(1, 1)], reference=None) for o in "ab"]
    more, _ = frames(*pair(a_run("a", "t", 0, [1])), *bare)
    assert build(more, references={}).left_out == (
        "1 task with several objectives and no reference point for their hypervolume: q",
    )
    with pytest.raises(InputError, match="no reference point"):
        build(frames(*bare)[0], references={})


def test_from_a_real_store_of_all_kinds(tmp_path):
    store = carps_lite.Store(tmp_path / "results")
    tasks = ("sphere/dim:2", "zdt/fid:1", "mfzdt", "curve")
    for task, seed, optimizer in itertools.product(tasks, range(2), ("random", "tpe")):
        try:
            carps_lite.run(task, optimizer, seed=seed, budget=8, store=store)
        except MissingDependency as error:
            pytest.skip(str(error))
    runs, trials = store.frames()
    s = score(build(runs), store.frames(columns=COLUMNS)[1], axis="wall")
    assert s.axis == "wall"
    assert np.isfinite(s.final_OTS).any()
    s = score(build(runs), trials)
    for t, task in enumerate(s.pool.tasks):
        if s.pool.measures[t].several:
            one = trials[trials["run"] == s.pool.run_OTS[0, t, 0]]
            full = one[one["fidelity"].isna() & one["feasible"]]
            m = s.pool.measures[t]
            assert m.metric == "hypervolume gap", task
            points = np.stack(full[full["spent"] <= s.budget]["values"].to_list())
            assert s.final_OTS[0, t, 0] == pytest.approx(gap(points, m.reference, m.ideal))
    assert set(s.pool.label("family")) == {"sphere", "zdt", "mfzdt", "curve"}
    assert s.by("kind")["bb"].pool.label("dimension") == ("2",)


def test_only_the_columns_asked_for_are_loaded_and_say_the_same(tmp_path):
    store = carps_lite.Store(tmp_path / "results")
    for task in ("sphere/dim:2", "brittle"):
        carps_lite.run(task, "random", seed=0, budget=6, store=store)
    narrow, again = (store.frames(columns=COLUMNS)[1] for _ in range(2))  # from the files, and from the table
    assert set(narrow.columns) == set(COLUMNS)
    whole = store.table()
    for name in set(COLUMNS) - {"values", "noise_free_values"}:
        assert narrow[name].equals(whole[name]), name
        assert again[name].equals(whole[name]), name
    assert narrow["values"].isna().all()
    assert whole["feasible"].tolist() == whole["failure"].isna().tolist()
    carps_lite.run("mfzdt", "random", seed=0, budget=4, store=store)
    for _ in range(2):
        mixed = store.frames(columns=COLUMNS)[1]
        assert mixed["values"].notna().sum() == (mixed["task"].astype(str).str.startswith("mfzdt")).sum() > 0


# axes


def with_columns(runs, **columns):
    found, trials = frames(*runs)
    return found, trials.assign(**columns)


def test_wall_time_adds_up_in_the_order_of_asking():
    runs = pair(a_run("a", "t", 0, [5, 7, 3]))
    found, trials = with_columns(runs, ask_seconds=0.5, evaluate_seconds=[1, 2, 3, 1, 1, 1.0], tell_seconds=0.0)
    s = score(build(found), trials, axis="wall")
    assert s.budget == 4.5  # the second run takes 3 x 1.5, the first 7.5
    assert s.values_OTSB[0, 0, 0][[0, -1]].tolist() == [np.inf, 5]
    s = score(build(found), trials, budget="7.5wall")
    assert s.final_OTS[0, 0, 0] == 3
    assert s.n_short == 1


def test_energy_adds_up_where_every_run_records_it():
    runs = pair(a_run("a", "t", 0, [5, np.nan, 3]))
    found, trials = with_columns(runs, energy_joules=[10.0, np.nan, 30.0, 20.0, 20.0, 20.0])
    s = score(build(found), trials, axis="energy", budget=40)
    assert s.final_OTS[:, 0, 0].tolist() == [3, 9]
    with pytest.raises(InputError, match="axis=energy needs energy_joules with every trial; 1 of 2 runs do not"):
        score(build(found), trials.assign(energy_joules=[1.0, 1, 1, 1, np.nan, 1]), axis="energy")


@pytest.mark.parametrize("axis", ["full", "trials", "sim", "wall"])
def test_a_smaller_budget_sees_a_part_of_the_same_curve(axis):
    runs = [a_run(o, "t", s, np.random.default_rng(s).random(30)) for o in "ab" for s in range(2)]
    found, trials = with_columns(runs, ask_seconds=0.0, evaluate_seconds=1.0, tell_seconds=0.0)
    unit = "" if axis == "full" else axis
    whole = score(build(found), trials, budget=f"30{unit}")
    for budget in (1, 7, 29):
        at = int(np.searchsorted(whole.budgets, budget * (1 + 1e-9), side="right")) - 1
        cut = score(build(found), trials, budget=f"{budget}{unit}")
        assert cut.final_OTS.tolist() == whole.values_OTSB[..., at].tolist()


# normalised regret


def reference(task, good, bad):
    return Reference(task, 1, "optimum", 100, bad, good)


def test_normalised_regret_is_not_cut_off_and_failures_are_bounded():
    runs = [a_run("a", "t", s, [v, v]) for s, v in enumerate((2.0, 4.0, 8.0, 1.0))]
    runs += [
        a_run("b", "t", 0, [3.0, 3.0], state="failed"),
        a_run("b", "u", 0, [3.0, 3.0]),
        a_run("a", "u", 0, [1.0, 2]),
    ]
    found, trials = frames(*runs)
    s = score(build(found, references={"t": reference("t", 2.0, 6.0)}), trials)
    assert s.normalised_OTS[0, 0].tolist() == [0, 0.5, 1.5, -0.25]
    assert s.normalised_OTS[1, 0, 0] == np.inf
    assert np.isnan(s.normalised_OTS[:, 1]).all()
    assert s.normalises_T.tolist() == [True, False]
    assert normalised.bounded(s.normalised_OTS)[1, 0, 0] == 1
    assert normalised.seed_means(s.normalised_OTS)[:, 0].tolist() == [(0 + 0.5 + 1 - 0.25) / 4, 1]
    assert normalised.log10(np.array([-1.0, 0.0, 0.01, np.nan, np.inf]), 1e-3)[:3].tolist() == [-3, -3, -2]


def test_references_hold_for_one_version_and_need_room():
    header = {"problem": {"fidelity": None}, "task_identity": {"version": 2}}
    runs = frames(*(a_run(o, "t", 0, [1.0], header=header) for o in "ab"))[0]
    assert not measures.measures(runs, {"t": reference("t", 0, 1)})["t"].normalises
    newer = Reference("t", 2, "optimum", 100, 1.0, 0.0)
    assert measures.measures(runs, {"t": newer})["t"].normalises
    assert not measures.measures(runs, {"t": Reference("t", 2, "optimum", 100, 1.0, 1.0)})["t"].normalises


VALUES = st.lists(st.floats(-5, 50) | st.just(np.nan), min_size=3, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, min_size=3, max_size=5), st.integers(0, 2))
def test_adding_or_removing_an_optimizer_moves_nobody(rows, gone):
    names = "abcde"[: len(rows)]
    runs = [
        a_run(n, t, 0, v, state="failed" if i == 4 else "done")
        for i, (n, v) in enumerate(zip(names, rows, strict=True))
        for t in "tu"
    ]
    references = {"t": reference("t", 0.0, 10.0), "u": reference("u", -1.0, 4.0)}
    found, trials = frames(*runs)
    every = score(build(found, references=references), trials, budget=3)
    rest = [n for i, n in enumerate(names) if i != gone]
    fewer = score(build(found, Choice(optimizers=rest), references=references), trials, budget=3)
    at = [every.pool.names.index(n) for n in fewer.pool.names]
    np.testing.assert_array_equal(every.normalised_OTSB[at], fewer.normalised_OTSB)


@given(st.lists(st.floats(-5, 50), min_size=2, max_size=6), st.data())
def test_failing_never_improves_an_average(values, data):
    regret = np.array(values).reshape(1, 1, -1)
    worse = regret.copy()
    worse[0, 0, data.draw(st.integers(0, len(values) - 1))] = np.inf
    assert normalised.seed_means(worse)[0, 0] >= normalised.seed_means(regret)[0, 0] - 1e-12


# groups, coverage, names


def test_tasks_are_grouped_by_what_they_have_in_common():
    def header(n, kind="float", budget="100"):
        space = {f"x{i}": {"kind": kind} for i in range(n)} | {"c": {"kind": "constant"}}
        return {"problem": {"fidelity": None, "space": space, "constraints": ["g"]}, "budget": budget}

    tasks = {"f/d:10": header(10), "f/d:2": header(2), "g": header(2, "int", "200trials")}
    runs = [a_run(o, t, s, [s + 1.0]) for o in "ab" for t in tasks for s in range(2)]
    found, trials = frames(*((({**r, "header": tasks[r["task"]]}), own) for r, own in runs))
    s = score(build(found), trials)
    assert s.pool.tasks == ("f/d:2", "f/d:10", "g")
    assert s.pool.label("dimension") == ("2", "10", "2")
    assert s.pool.label("parameters") == ("float", "float", "int")
    assert s.pool.label("constraints") == ("1",) * 3
    assert {k: v.pool.tasks for k, v in s.by("dimension").items()} == {"2": ("f/d:2", "g"), "10": ("f/d:10",)}
    assert list(s.by("budget")) == ["100", "200trials"]
    part = s.by("family")["g"]
    assert part.values_OTSB.tolist() == s.values_OTSB[:, 2:].tolist()
    assert set(part.pool.runs["task"]) == {"g"}
    with pytest.raises(InputError, match="tasks cannot be grouped by 'dimensions'; did you mean 'dimension'"):
        s.by("dimensions")


def test_every_cell_is_counted_once():
    runs = [
        a_run("a", "t", 0, [1.0, np.nan]),
        a_run("a", "t", 1, [1.0]),
        a_run("a", "u", 0, [1.0, 1], state="failed", error="x"),
    ]
    runs += [a_run("b", t, s, [np.nan, np.nan] if t == "u" else [2.0, 2]) for t in "tu" for s in range(2)]
    found, trials = frames(*runs)
    s = score(build(found), trials, budget=2)
    c = coverage.coverage(s)
    assert c.planned.tolist() == [[2, 2], [2, 2]]
    assert c.done.tolist() == [[1, 0], [2, 2]]
    assert c.short.tolist() == [[1, 0], [0, 0]]
    assert c.failed.tolist() == [[0, 1], [0, 0]]
    assert c.absent.tolist() == [[0, 1], [0, 0]]
    assert c.empty.tolist() == [[0, 0], [0, 2]]
    assert (c.planned == c.done + c.failed + c.absent + c.short).all()
    assert (c.without_result == np.isinf(s.final_OTS).sum(axis=2)).all()
    assert c.failed_trials.tolist() == [[1, 0], [0, 4]]
    assert coverage.coverage_frame(s)["planned"].sum() == 8
    why = coverage.failures_frame(s, trials)
    assert why.iloc[0].tolist() == ["b", "u", "trial", "nan", 4]
    assert ["a", "u", "run", "x", 1] in why.to_numpy().tolist()


def test_optimizers_are_renamed_and_ordered():
    runs = frames(*(a_run(o, "t", 0, [1.0]) for o in ("a", "b", "c/x:1")))[0]
    pool = build(runs, Choice(labels={"a": "Zeta", "c/x:1": "C"}, order=["c*", "b"]))
    assert pool.names == ("C", "b", "Zeta")
    assert pool.ids == ("c/x:1", "b", "a")
    with pytest.raises(InputError, match="labels: a and b would both be shown as 'b'"):
        build(runs, Choice(labels={"a": "b"}))
    with pytest.raises(InputError, match="labels: the store has no run of optimizer 'aa'; did you mean 'a'"):
        build(runs, Choice(labels={"aa": "b"}))
