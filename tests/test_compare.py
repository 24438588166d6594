"""`carps-lite compare` says what the numbers say: counts by brute force, signs from either side, gaps named."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from carps_lite import references
from carps_lite.analysis.compare import compare
from carps_lite.cli import main
from carps_lite.errors import InputError
from carps_lite.references import Reference


def frames(values, groups=None):
    """Runs of one trial: `values[optimizer][task] = [value of seed 0, ...]`."""
    runs, trials = [], []
    for optimizer, tasks in values.items():
        for task, seeds in tasks.items():
            for seed, value in enumerate(seeds):
                header = {"budget": "1", "problem": {"fidelity": None}, "task_identity": {"version": 1}}
                runs.append({
                    "run": len(runs), "task": task, "optimizer": optimizer, "seed": seed, "n_workers": 1, "variant": "",
                    "state": "done", "why": "budget", "error": "", "n_trials": 1, "n_failed": 0, "spent": 1.0,
                    "kind": "bb", "objectives": ["loss"], "reference": None, "optimum": np.nan,
                    "group": (groups or {}).get(task, task), "stale": False, "seconds": 0.0, "ask_seconds": 0.0,
                    "tell_seconds": 0.0, "file": "", "header": header,
                })  # fmt: skip
                trials.append({
                    "run": len(trials), "task": task, "optimizer": optimizer, "ask": 0, "start": 0.0, "end": 1.0,
                    "fidelity": np.nan, "spent": 1.0, "cost": 1.0, "value": value, "noise_free": np.nan,
                    "values": [value], "constraints": [], "failure": None if np.isfinite(value) else "bad",
                    "ask_seconds": 0.0, "evaluate_seconds": 0.0, "tell_seconds": 0.0,
                })  # fmt: skip
    return pd.DataFrame(runs), pd.DataFrame(trials)


@pytest.fixture
def known(monkeypatch):
    """References of t0, t1, ...: good 0, bad 10."""
    kept = {f"t{i}": Reference(f"t{i}", 1, "optimum", 100, 10.0, 0.0) for i in range(30)}
    for module in ("carps_lite.references", "carps_lite.analysis.pool"):
        try:
            monkeypatch.setattr(f"{module}.known", lambda: kept)
        except AttributeError:
            continue
    monkeypatch.setattr(references, "known", lambda: kept)
    return kept


def made(n, rng, shift=1.0):
    tasks = [f"t{i}" for i in range(n)]
    a = {t: list(rng.uniform(2, 6, 3)) for t in tasks}
    b = {t: [v + shift + rng.normal(0, 0.2) for v in a[t]] for t in tasks}
    return {"a": a, "b": b}


def test_counts_median_and_wilcoxon_by_hand(known):
    values = made(9, np.random.default_rng(1))
    found = compare(*frames(values), "a", "b")
    beats = [np.mean([[(x < y) + 0.5 * (x == y) for y in values["b"][t]] for x in values["a"][t]]) for t in values["a"]]
    c = found.comparison
    assert (c.wins, c.losses, c.ties) == (
        sum(p > 0.5 for p in beats), sum(p < 0.5 for p in beats), sum(p == 0.5 for p in beats)
    )  # fmt: skip
    gains = np.array([(np.mean(values["b"][t]) - np.mean(values["a"][t])) / 10 for t in values["a"]])
    pairs = [(gains[i] + gains[j]) / 2 for i in range(9) for j in range(i, 9)]
    assert found.difference[0] == pytest.approx(np.median(pairs))
    assert found.difference[1] <= found.difference[0] <= found.difference[2]
    assert c.p == pytest.approx(
        scipy_stats.wilcoxon(np.array(beats) - 0.5, method="exact" if len(set(beats)) == 9 else "auto").pvalue, rel=0.6
    )
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.probabilities[0] > 0.95
    assert found.verdict == "a is better than b on these 9 tasks."
    text = "\n".join(found.lines)
    assert text.startswith("9 tasks, 3 seeds, 1 evaluation\na is better on ")
    assert re.search(r"median difference 0\.\d+ of the range in favour of a \[0\.\d+, 0\.\d+\]", text)


def test_the_other_side_says_the_same(known):
    data = frames(made(7, np.random.default_rng(2)))
    a, b = compare(*data, "a", "b"), compare(*data, "b", "a")
    assert (a.comparison.wins, a.comparison.losses) == (b.comparison.losses, b.comparison.wins)
    assert a.difference[0] == pytest.approx(-b.difference[0])
    assert a.difference[1] == pytest.approx(-b.difference[2])
    np.testing.assert_allclose(a.probabilities, b.probabilities[::-1], atol=0.02)
    assert a.comparison.p == b.comparison.p
    assert a.verdict == b.verdict
    assert "in favour of a" in b.lines[1]


def test_equal_optimizers_are_equivalent(known):
    values = made(8, np.random.default_rng(3))
    values["b"] = values["a"]
    found = compare(*frames(values), "a", "b")
    assert (found.comparison.wins, found.comparison.losses, found.comparison.ties) == (0, 0, 8)
    assert found.difference[0] == 0
    assert found.probabilities[1] > 0.9
    assert "cannot be told apart" in found.verdict
    assert "median difference 0.000 of the range [0.000, 0.000]" in found.lines[1]


def test_a_wider_rope_makes_small_differences_equivalent(known):
    data = frames(made(10, np.random.default_rng(4), shift=0.3))
    assert compare(*data, "a", "b", rope=0.001).probabilities[0] > 0.9
    assert compare(*data, "a", "b", rope=0.2).probabilities[1] > 0.9


def test_tasks_without_references_take_part_in_ranks_only(known):
    values = made(6, np.random.default_rng(5))
    for o in values:
        values[o] |= {"unknown": values[o]["t0"]}
    found = compare(*frames(values), "a", "b")
    assert (found.n_normalised, found.comparison.n_tasks) == (6, 7)
    assert any(line.startswith("6 of 7 tasks have references to normalise by") for line in found.lines)
    only = compare(*frames({o: {"unknown": v["t0"], "other": v["t1"]} for o, v in values.items()}), "a", "b")
    assert np.isnan(only.difference[0])
    assert "median" not in only.lines[1]
    assert any(line.startswith("No task here has references") for line in only.lines)


def test_instances_of_one_function_count_as_one(known):
    data = frames(made(8, np.random.default_rng(6)), {f"t{i}": f"g{i % 2}" for i in range(8)})
    found = compare(*data, "a", "b")
    assert (found.n_groups, found.comparison.n_groups) == (2, 2)
    one = compare(*frames(made(3, np.random.default_rng(7)), {f"t{i}": "g" for i in range(3)}), "a", "b")
    assert one.verdict == "One group of tasks cannot show which is better in general."
    assert "no test" in one.lines[2]


def test_failures_count_against_who_failed(known):
    values = made(7, np.random.default_rng(8))
    values["a"]["t0"] = [np.nan] * 3
    found = compare(*frames(values), "a", "b")
    assert found.comparison.losses == 1
    assert any("found no valid result" in line for line in found.lines)


def test_others_in_the_store_do_not_matter(known):
    values = made(6, np.random.default_rng(9))
    alone = compare(*frames(values), "a", "b")
    values["c"] = {t: [0.0] * 5 for t in values["a"]}
    assert compare(*frames(values), "a", "b").lines == alone.lines


def test_names_that_stand_for_none_or_several(known):
    runs, trials = frames(made(4, np.random.default_rng(10)))
    with pytest.raises(InputError, match="did you mean"):
        compare(runs, trials, "a", "bb")
    with pytest.raises(InputError, match="two different"):
        compare(runs, trials, "a", "a")
    again = runs.assign(n_workers=4, run=runs["run"] + len(runs))
    both = (
        pd.concat([runs, again], ignore_index=True),
        pd.concat([trials, trials.assign(run=trials["run"] + len(trials))], ignore_index=True),
    )
    with pytest.raises(InputError, match=r"'a' stands for a \[1 worker\] and a \[4 workers\]"):
        compare(*both, "a", "b")
    assert compare(*both, "a [1 worker]", "a [4 workers]").comparison.ties == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["compare"], "compare needs two optimizers, got none"),
        (["compare", "tpe"], "compare needs two optimizers, got tpe"),
        (["compare", "tpe", "gp"], "no store in 'results'"),
        (["compare", "tpe", "gp", "rope=2"], "rope must be a number from 0 to 1, got '2'"),
        (["compare", "tpe", "gp", "n_workers=0"], "n_workers must be a whole number of at least 1, got '0'"),
        (["compare", "tpe", "gp", "budgt=3"], "compare has no option 'budgt'; did you mean 'budget'?"),
        (["compare", "tpe", "gp", "task="], "task must be a name or several"),
        (["compare", "tpe", "gp", "--x"], "compare has no flag '--x'"),
        (["compare", "random", "tpe", "own", "budget=99"], "no run reached a budget of 99"),
        (["compare", "random", "tpe", "own", "seeds=[7]"], "no run with seed 7"),
        (["compare", "random", "tpee", "own"], "did you mean 'tpe'?"),
    ],
)
def test_wrong_commands(capsys, monkeypatch, tmp_path, args, said):
    monkeypatch.chdir(tmp_path)
    if "own" in args:
        main(["run", "task=sphere", "optimizer=random,tpe", "seeds=1", "budget=3", "processes=0", "results=own"])
    elif "task=" in args:
        main(["run", "task=sphere", "optimizer=random", "seeds=1", "budget=3", "processes=0"])
    capsys.readouterr()
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
