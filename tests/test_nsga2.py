"""NSGA-II: a bare Optuna study as oracle, generations, conditional spaces, constraints, several workers."""

from __future__ import annotations

import math
import warnings
from collections import Counter

import numpy as np
import pytest

from carps_lite import spec
from carps_lite.core import Budget, Problem, Result
from carps_lite.errors import InputError
from carps_lite.loop import Rules, Simulation
from carps_lite.optimizers.nsga2 import NSGA2
from carps_lite.optimizers.optuna_samplers import Optuna
from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Space
from carps_lite.tasks.synthetic import Mixed

optuna = pytest.importorskip("optuna")
NAN = math.nan
FLAT = Space(
    {
        "x": Float(-2.0, 3.0),
        "lr": Float(1e-4, 1.0, log=True),
        "n": Int(1, 100, log=True),
        "size": Ordinal(("s", "m", "l")),
        "kind": Categorical(("a", "b", True, 1)),
        "fixed": Constant("as is"),
    }
)
NESTED = Space(
    {
        "model": Categorical(("svm", "net")),
        "c": Float(0, 1, when={"model": ("svm",)}),
        "layers": Int(1, 8, when={"model": ("net",)}),
        "dropout": Float(0, 1, when={"layers": (2, 3, 4, 5, 6, 7, 8)}),
        "x": Float(0, 1),
    }
)


def two(space, constraints=()):
    return Problem(space, ("a", "b"), tuple(constraints))


def outcome(space, trial, number, constrained=False, failing=False):
    u = space.encode(trial.config)
    values = tuple(float(np.mean((u - target) ** 2)) for target in (0.2, 0.7))
    cut = (float(0.5 - u[0]),) if constrained else ()
    if failing and number % 7 == 3:
        return Result((NAN, NAN), constraints=(NAN,) * len(cut))
    return Result(values, constraints=cut)


def play(optimizer, space, n, **kwargs):
    trials = []
    for number in range(n):
        trials.append(optimizer.ask())
        optimizer.tell(trials[-1], outcome(space, trials[-1], number, **kwargs))
    return trials


def bare_study(n, seed, constrained, failing, crossover, mutation):
    """The same search written against Optuna alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.NSGAIISampler(
            population_size=8,
            crossover=optuna.samplers.nsgaii.SBXCrossover(20.0) if crossover == "sbx" else None,
            mutation=optuna.samplers.nsgaii.PolynomialMutation(20.0) if mutation == "polynomial" else None,
            seed=seed,
        )
    study, configs = optuna.create_study(sampler=sampler, directions=["minimize"] * 2), []
    for number in range(n):
        trial = study.ask()
        config = {
            "x": trial.suggest_float("x", -2.0, 3.0),
            "lr": trial.suggest_float("lr", 1e-4, 1.0, log=True),
            "n": trial.suggest_int("n", 1, 100, log=True),
            "size": ("s", "m", "l")[trial.suggest_int("size", 0, 2)],
            "kind": ("a", "b", True, 1)[trial.suggest_categorical("kind", range(4))],
            "fixed": "as is",
        }
        configs.append(config)
        u = FLAT.encode(config)
        if failing and number % 7 == 3:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        if constrained:
            trial.set_constraint("cut", float(0.5 - u[0]))
        study.tell(trial, [float(np.mean((u - target) ** 2)) for target in (0.2, 0.7)])
    return configs


@pytest.mark.parametrize(("crossover", "mutation"), [("sbx", "polynomial"), ("uniform", "resample")])
@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("failing", [False, True])
def test_it_asks_what_a_bare_study_asks(crossover, mutation, constrained, failing):
    made = NSGA2(two(FLAT, ["cut"] * constrained), 3, population_size=8, crossover=crossover, mutation=mutation)
    asked = play(made, FLAT, 60, constrained=constrained, failing=failing)
    assert [t.config for t in asked] == bare_study(60, 3, constrained, failing, crossover, mutation)


def test_optunas_defaults_are_one_setting_away():
    plain = Optuna(two(FLAT), 3, "NSGAIISampler")
    made = NSGA2(two(FLAT), 3, population_size=50, crossover="uniform", mutation="resample")
    assert play(plain, FLAT, 120) == play(made, FLAT, 120)


def generations(optimizer):
    """How many trials of each generation succeeded."""
    trials = optimizer._study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    return Counter(t.system_attrs["NSGAIISampler:generation"] for t in trials)


def test_a_generation_has_the_size_of_the_population():
    optimizer = NSGA2(two(FLAT), 0, population_size=10)
    play(optimizer, FLAT, 45)
    assert generations(optimizer) == {0: 10, 1: 10, 2: 10, 3: 10, 4: 5}


@pytest.mark.parametrize(("failed", "n_asked_first"), [("ignore", 12), ("worst", 10)])
def test_a_failed_trial_is_replaced_or_counts_as_worst(failed, n_asked_first):
    """Of the first twelve trials those numbered 3 and 10 fail."""
    optimizer = NSGA2(two(FLAT), 0, population_size=10, failed=failed)
    first = play(optimizer, FLAT, n_asked_first, failing=True)
    optimizer.ask()
    running = optimizer._study.get_trials(deepcopy=False)[-1]
    assert running.system_attrs["NSGAIISampler:generation"] == 1
    assert len(first) == n_asked_first
    assert generations(optimizer) == {0: 10}


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_with_several_workers_a_generation_takes_what_is_asked_until_it_is_full(workers):
    wide = Problem(**{**vars(Mixed("mo").problem), "n_workers": workers})
    optimizer = NSGA2(wide, 0, population_size=10)
    records = list(Simulation(Mixed("mo"), optimizer, wide, 0, Budget(100), Rules(noisy=False)))
    sizes = generations(optimizer)
    assert len(records) == 100
    assert sorted(sizes) == list(range(len(sizes)))
    assert all(10 <= sizes[g] <= 10 + workers - 1 for g in range(len(sizes) - 1))
    assert workers > 1 or set(sizes.values()) == {10}
    for at in {r.end for r in records if r.end < max(r.start for r in records)}:
        assert sum(r.start <= at < r.end for r in records) == workers  # nobody waits for a generation


def test_inactive_parameters_are_passed_on():
    """Every individual has all parameters; the trial shows the active ones only."""
    optimizer = NSGA2(two(NESTED), 0, population_size=8)
    asked = play(optimizer, NESTED, 64)
    stored = optimizer._study.get_trials(deepcopy=False)
    assert all(set(t.params) == set(NESTED) for t in stored)
    assert all(NESTED.violation(t.config) is None for t in asked)
    assert {"svm", "net"} == {t.config["model"] for t in asked}
    seen, inherited = set(), 0
    for trial, individual in zip(asked, stored, strict=True):
        if "c" not in trial.config:
            inherited += individual.params["c"] in seen
        seen.add(individual.params["c"])
    assert inherited > 5  # drawn anew, a float would never come again


def test_inactive_parameters_are_drawn_anew_where_they_are_omitted():
    optimizer = NSGA2(two(NESTED), 0, population_size=8, inactive="omit")
    asked = play(optimizer, NESTED, 64)
    assert [set(t.params) for t in optimizer._study.get_trials(deepcopy=False)] == [set(t.config) for t in asked]
    values = [t.config["c"] for t in asked if "c" in t.config]
    assert len(set(values)) == len(values)


def test_feasible_individuals_take_over():
    optimizer = NSGA2(two(FLAT, ["cut"]), 0, population_size=10)
    feasible = [t.config["x"] >= 0.5 for t in play(optimizer, FLAT, 100, constrained=True)]
    assert 0 < sum(feasible[:10]) < 10
    assert sum(feasible[50:]) >= 45


def test_it_comes_nearer_to_the_optimal_set_than_random_search():
    """The mean distance of the last 50 of 150 trials from the optimal set, a segment in the unit cube."""
    problem = two(Space({f"x{i}": Float(0, 1) for i in range(6)}))

    def mean_distance(name, seed):
        optimizer = spec.make("optimizers", name, problem=problem, seed=seed)
        u = np.array([problem.space.encode(t.config) for t in play(optimizer, problem.space, 150)])[100:]
        nearest = np.clip(u.mean(axis=1), 0.2, 0.7)[:, None]  # on the segment from 0.2 to 0.7 in every coordinate
        return float(np.linalg.norm(u - nearest, axis=1).mean())

    for seed in range(3):
        assert mean_distance("nsga2", seed) < 0.75 * mean_distance("random", seed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 1}, "NSGAIISampler refuses these options: `population_size` must be"),
        ({"crossover": "sbxx"}, "no crossover 'sbxx'; did you mean 'sbx'"),
        ({"mutation": "gauss"}, "no mutation 'gauss'; known: polynomial, resample"),
        ({"crossover_eta": -1.0}, "Optuna refuses this crossover: The value of `eta`"),
        ({"mutation_eta": -1.0}, "Optuna refuses this mutation: `eta` must be"),
        ({"crossover_prob": 2.0}, "NSGAIISampler refuses these options: `crossover_prob` must be"),
        ({"inactive": "impute"}, "no inactive 'impute'; known: keep, omit"),
        ({"failed": "best"}, "no failed 'best'"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        NSGA2(two(FLAT), 0, **options)
