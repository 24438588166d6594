"""From frames to scores: step functions, budgets, fidelities, failures and gaps, each against a hand-made case."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite.analysis.labels import families, short_tasks, when
from carps_lite.analysis.pool import Cell, build, natural
from carps_lite.analysis.scores import score
from carps_lite.analysis.selection import Choice
from carps_lite.errors import InputError


def a_run(optimizer, task, seed, values, **other):
    """One run as a pair of frames rows: `values` may hold (value, fidelity, end, constraint) or plain numbers."""
    trials = []
    spent = 0.0
    for ask, item in enumerate(values):
        item = item if isinstance(item, dict) else {"value": item}
        fidelity = item.get("fidelity", np.nan)
        spent += item.get("share", 1.0)
        trials.append(
            {
                "ask": ask,
                "end": item.get("end", ask + 1.0),
                "fidelity": fidelity,
                "spent": spent,
                "value": float(item["value"]),
                "constraints": np.array(item.get("constraints", []), dtype=float),
                "failure": "nan" if np.isnan(item["value"]) else None,
            }
        )
    run = {
        "task": task,
        "optimizer": optimizer,
        "seed": seed,
        "n_workers": 1,
        "variant": "",
        "state": "done",
        "error": "",
        "n_trials": len(trials),
        "n_failed": sum(t["failure"] is not None for t in trials),
        "spent": spent,
        "kind": "bb",
        "objectives": ["loss"],
        "reference": None,
        "optimum": np.nan,
        "group": task,
        "stale": False,
        "seconds": 1.0,
        "ask_seconds": 0.1,
        "tell_seconds": 0.1,
        "header": {"problem": {"fidelity": None}},
    }
    return {**run, **other}, trials


def frames(*runs):
    """The frames of a store that holds these runs."""
    rows, trials = [], []
    for number, (run, own) in enumerate(runs):
        rows.append({"run": number, **run})
        trials += [{"run": number, **trial} for trial in own]
    return pd.DataFrame(rows), pd.DataFrame(trials)


def scored(*runs, choice=Choice(), **arguments):  # noqa: B008
    rows, trials = frames(*runs)
    return score(build(rows, choice), trials, **arguments)


def pair(*runs):
    """Runs of another optimizer beside the given ones, so that there is something to compare."""
    tasks = dict.fromkeys(run["task"] for run, _ in runs)
    n = max(len(trials) for _, trials in runs)
    return (*runs, *(a_run("zzz", task, 0, [9.0] * n) for task in tasks))


# curves


def test_a_curve_is_the_best_so_far_carried_forward():
    s = scored(*pair(a_run("a", "t", 0, [5, 7, np.nan, 3, 4])))
    assert s.budgets.tolist() == [1, 2, 3, 4, 5]
    assert s.values_OTSB[0, 0, 0].tolist() == [5, 5, 5, 3, 3]


@given(st.lists(st.floats(-5, 5) | st.just(np.nan), min_size=1, max_size=12))
def test_curves_are_running_minima_of_what_succeeded(values):
    s = scored(*pair(a_run("a", "t", 0, values)))
    best = np.inf
    for at, value in zip(s.values_OTSB[0, 0, 0], values, strict=True):
        best = min(best, np.inf if np.isnan(value) else value)
        assert at == best


def test_nothing_is_interpolated_between_the_steps_of_fractional_budgets():
    values = [{"value": 4.0, "share": 0.5}, {"value": 2.0, "share": 1.5}]
    s = scored(*pair(a_run("a", "t", 0, values)), budget=2)
    assert s.budgets.tolist() == [1, 2]
    assert s.values_OTSB[0, 0, 0].tolist() == [4, 2]


def test_before_the_first_success_there_is_no_value():
    s = scored(*pair(a_run("a", "t", 0, [np.nan, np.nan, 2])))
    assert s.values_OTSB[0, 0, 0].tolist() == [np.inf, np.inf, 2]


def test_only_full_fidelity_makes_an_incumbent():
    axis = {"problem": {"fidelity": {"name": "epochs", "low": 1, "high": 27}}}
    values = [
        {"value": 1.0, "fidelity": 9.0, "share": 1 / 3},
        {"value": 5.0, "fidelity": 27.0, "share": 2 / 3},
        {"value": 4.0},
        {"value": 0.5, "fidelity": 26.0},
    ]
    other = a_run("zzz", "t", 0, [9.0] * 3, header=axis, kind="mf")
    s = scored(a_run("a", "t", 0, values, header=axis, kind="mf"), other)
    assert s.budgets.tolist() == [1, 2, 3]
    assert s.values_OTSB[0, 0, 0].tolist() == [5, 4, 4]
    assert when(s.pool, s.axis, s.budget) == "3 full-fidelity evaluations"


def test_an_infeasible_trial_is_no_incumbent():
    values = [{"value": 1.0, "constraints": [0.0, 0.1]}, {"value": 3.0, "constraints": [0.0, -1.0]}]
    s = scored(*pair(a_run("a", "t", 0, values)))
    assert s.values_OTSB[0, 0, 0].tolist() == [np.inf, 3]


def test_on_the_simulated_clock_a_trial_counts_when_it_ends():
    values = [{"value": 1.0, "end": 4.0}, {"value": 2.0, "end": 1.0}, {"value": 3.0, "end": 2.0}]
    runs = a_run("a", "t", 0, values), a_run("zzz", "t", 0, [9.0] * 4)
    s = scored(*runs, budget="4sim")
    assert s.axis == "sim"
    assert s.values_OTSB[0, 0, 0][[0, -1]].tolist() == [np.inf, 1]
    assert s.values_OTSB[0, 0, 0][np.searchsorted(s.budgets, 2.0)] == 2
    assert scored(*runs, budget="2trials").values_OTSB[0, 0, 0].tolist() == [1, 1]
    assert when(s.pool, "sim", 4) == "4 simulated seconds"


def test_long_budgets_are_spread_by_ratio_and_end_in_the_last():
    s = scored(a_run("a", "t", 0, range(2000)), a_run("b", "t", 0, range(2000)))
    assert len(s.budgets) <= 151
    assert s.budgets[0] == 1
    assert s.budget == 2000
    assert s.logarithmic


def test_on_a_noisy_task_the_choice_is_by_what_was_seen_and_the_score_is_without_noise():
    """The second trial looks best by luck; what it is worth counts, also where that is more than before."""
    runs, trials = frames(*pair(a_run("a", "t", 0, [3.0, 1.0, np.nan, 0.5], optimum=1.0)))
    own = trials["run"] == 0
    trials["noise_free"] = np.nan
    trials.loc[own, "noise_free"] = [2.0, 2.5, np.nan, 1.5]
    s = score(build(runs), trials)
    assert s.values_OTSB[0, 0, 0].tolist() == [2.0, 2.5, 2.5, 1.5]
    assert s.averaged_T.tolist() == [True]
    assert s.regret_T.tolist() == [True]
    lucky = score(build(runs), trials.assign(noise_free=np.nan))
    assert lucky.values_OTSB[0, 0, 0].tolist() == [3.0, 1.0, 1.0, 0.5]
    assert not lucky.averaged_T.any()
    assert lucky.regret_T.tolist() == [False]  # 0.5 lies below the optimum of the mean


# budgets


def test_the_common_budget_is_the_largest_that_every_finished_run_reached():
    runs = a_run("a", "t", 0, [5, 4, 3]), a_run("a", "t", 1, [5, 4, 3, 2]), a_run("b", "t", 0, [1] * 9)
    s = scored(*runs)
    assert s.budget == 3
    assert s.final_OTS[0, 0].tolist() == [3, 3]


def test_a_failed_run_does_not_shorten_the_budget():
    assert scored(a_run("a", "t", 0, [5], state="failed"), a_run("b", "t", 0, [1] * 4)).budget == 4


def test_an_exhausted_run_reaches_every_budget():
    s = scored(a_run("a", "t", 0, [5, 4], why="exhausted"), a_run("b", "t", 0, [1] * 4, why="budget"))
    assert s.budget == 4
    assert s.final_OTS[0, 0, 0] == 4


def test_a_run_covers_the_simulated_seconds_that_it_was_given():
    header = {"problem": {"fidelity": None}, "budget": "10sim"}
    short = a_run("a", "t", 0, [{"value": 1.0, "end": 7.0}], header=header)
    s = scored(short, a_run("b", "t", 0, [9.0] * 12, header=header), axis="sim")
    assert s.budget == 10
    assert s.final_OTS[:, 0, 0].tolist() == [1, 9]


def test_a_run_that_ended_before_a_budget_given_is_missing_there():
    s = scored(a_run("a", "t", 0, [5, 4]), a_run("b", "t", 0, [1] * 4), budget=4)
    assert s.n_short == 1
    assert s.final_OTS[0, 0, 0] == np.inf
    assert s.pool.count(Cell.MISSING).tolist() == [1, 0]


def test_a_budget_that_nobody_reached_is_refused():
    runs = pair(a_run("a", "t", 0, [5, 4]))
    with pytest.raises(InputError, match="no run reached a budget of 30 full evaluations; the longest has 2"):
        scored(*runs, budget=30)
    with pytest.raises(InputError, match="axis=wall needs the seconds"):
        scored(*runs, budget="60wall")
    with pytest.raises(InputError, match="no axis 'time'"):
        scored(*runs, axis="time")


# failures and gaps


def test_a_failed_run_stays_failed_whatever_it_found():
    s = scored(a_run("a", "t", 0, [0.001, 0.001], state="failed"), a_run("b", "t", 0, [1, 1]))
    assert s.final_OTS[:, 0, 0].tolist() == [np.inf, 1]


def test_a_seed_that_an_optimizer_has_elsewhere_is_missing_and_one_that_it_has_nowhere_is_not():
    runs = [a_run("a", t, s, [1, 1]) for t in ("t", "u") for s in (0, 1) if (t, s) != ("u", 1)]
    runs += [a_run("b", t, s, [2, 2]) for t in ("t", "u") for s in (5, 6, 7)]
    s = scored(*runs)
    assert s.pool.seeds == ((0, 1), (5, 6, 7))
    assert s.final_OTS[0] == pytest.approx(np.array([[1, 1, np.nan], [1, np.inf, np.nan]]), nan_ok=True)
    assert s.pool.count(Cell.MISSING).tolist() == [1, 0]
    assert s.medians_OTB[:, :, -1].tolist() == [[1, np.inf], [2, 2]]


def test_a_task_that_an_optimizer_never_ran_stays_and_counts_as_missing():
    runs = [a_run(o, t, 0, [1, 1]) for o in ("a", "b", "c") for t in ("t", "u") if (o, t) != ("c", "u")]
    s = scored(*runs)
    assert s.pool.tasks == ("t", "u")
    assert s.final_OTS[2, 1, 0] == np.inf
    assert s.pool.ran_OT.tolist() == [[True, True], [True, True], [True, False]]


def test_a_finished_run_without_a_valid_result_is_counted():
    s = scored(a_run("a", "t", 0, [np.nan, np.nan]), a_run("b", "t", 0, [1, 1]))
    assert s.no_result.tolist() == [1, 0]


def test_quartiles_are_observed_values_and_reach_into_failures():
    runs = [a_run("a", "t", s, [s, s]) for s in range(4)] + [a_run("a", "t", 4, [0], state="failed")]
    s = scored(*runs, a_run("b", "t", 0, [1, 1]))
    assert [s.quantile_OTB(q)[0, 0, -1] for q in (0.25, 0.5, 0.75, 1)] == [1, 2, 3, np.inf]
    assert s.medians_OTB[0, 0, -1] == 2


# what is compared


def test_tasks_of_one_optimizer_alone_are_left_out_and_said():
    runs = [a_run("a", t, 0, [1]) for t in ("t", "u")] + [a_run("b", "t", 0, [1])]
    pool = build(frames(*runs)[0])
    assert pool.tasks == ("t",)
    assert pool.left_out == ("1 task with runs of one optimizer only: u",)


def test_no_common_task_is_refused():
    with pytest.raises(InputError, match=r"no task was run by two optimizers \(a ran t; b ran u\)"):
        build(frames(a_run("a", "t", 0, [1]), a_run("b", "u", 0, [1]))[0])


def test_an_empty_store_is_refused():
    with pytest.raises(InputError, match="no finished runs yet"):
        build(frames(a_run("a", "t", 0, [1]))[0].iloc[:0])


def test_other_settings_are_other_optimizers():
    runs = [a_run("a", "t", 0, [1], n_workers=n) for n in (1, 4)]
    runs += [a_run("a", "t", 0, [1], n_workers=4, variant="sync,budget=1")]
    assert build(frames(*runs)[0]).names == ("a [1 worker]", "a [4 workers, sync,budget=1]", "a [4 workers]")
    assert build(frames(*runs)[0], Choice(n_workers=4)).names == ("a", "a [sync,budget=1]")


def test_stale_runs_are_never_pooled_with_new_ones():
    new = [a_run("a", "t", s, [1]) for s in (0, 1)]
    old = [a_run("a", "t", 2, [0.1], stale=True), a_run("b", "t", 0, [2], stale=True)]
    pool = build(frames(*new, *old)[0])
    assert pool.names == ("a", "b (stale)")
    assert pool.seeds == ((0, 1), (0,))
    assert "1 stale run of a beside new ones" in pool.left_out[0]


def test_choosing_by_name_pattern_and_prefix():
    runs = [a_run(o, t, s, [1]) for o in ("a", "ab/x:1") for t in ("bbob/fid:10", "bbob/fid:2", "u") for s in (0, 1)]
    rows = frames(*runs)[0]
    assert build(rows, Choice(tasks=["bbob"])).tasks == ("bbob/fid:2", "bbob/fid:10")
    assert build(rows, Choice(tasks=["*:2", "u"], seeds=[1])).seeds == ((1,), (1,))
    assert build(rows, Choice(optimizers=["a"])).names == ("a",)
    with pytest.raises(InputError, match=r"no run of optimizer 'aa'; did you mean 'a'\?"):
        build(rows, Choice(optimizers=["aa"]))
    with pytest.raises(InputError, match="no run with seed 7; there are 0 and 1"):
        build(rows, Choice(seeds=[7]))


def test_of_two_runs_of_a_cell_the_finished_and_longer_one_speaks():
    runs = a_run("a", "t", 0, [5, 5], state="failed"), a_run("a", "t", 0, [3]), a_run("a", "t", 0, [3, 2])
    pool = build(frames(*runs, a_run("b", "t", 0, [1]))[0])
    assert pool.run_OTS[0, 0, 0] == 2


def test_names():
    assert sorted(["fid:10", "fid:2"], key=natural) == ["fid:2", "fid:10"]
    tasks = ["bbob/dim:5/fid:1", "bbob/dim:5/fid:15", "mlp/data:car/width:1", "mlp/data:bus/width:1", "svm/data:car"]
    assert short_tasks(tasks) == ["bbob fid:1", "bbob fid:15", "mlp car", "mlp bus", "svm car"]
    assert families(tasks) == "2 bbob, 2 mlp and 1 svm"
