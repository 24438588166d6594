"""What is specific to each optimizer: bare library loops as oracles, restart schedules, failures, seeds."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from carps_lite import spec
from carps_lite.core import Exhausted, Problem, Result
from carps_lite.errors import InputError
from carps_lite.optimizers.cmaes import CMAES
from carps_lite.optimizers.optuna_samplers import Optuna
from carps_lite.optimizers.random_search import RandomSearch
from carps_lite.optimizers.restarts import BIPOP, IPOP, Run
from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Space

optuna = pytest.importorskip("optuna")
cma = pytest.importorskip("cma")
NAN = math.nan

MIXED = Space(
    {
        "model": Categorical(("svm", "net", True, 1)),
        "lr": Float(1e-4, 1.0, log=True, when={"model": ("net",)}),
        "layers": Ordinal((1, 2, 4, 8), when={"model": ("net",)}),
        "n": Int(1, 100, log=True),
        "fixed": Constant("as is"),
        "x": Float(-2.0, 3.0),
    }
)


def cube(d, kind=Float):
    return Problem(Space({f"x{i}": kind(0, 1) for i in range(d)}))


def rastrigin(x):
    """Many local minima in the unit cube; least at 0.4."""
    z = (np.asarray(x) - 0.4) * 10.24
    return float(10 * z.size + np.sum(z * z - 10 * np.cos(2 * np.pi * z)))


def play(optimizer, f, n):
    """The values of n trials (fewer where the optimizer is exhausted) of a function of the configuration's values."""
    seen = []
    while len(seen) < n:
        try:
            trial = optimizer.ask()
        except Exhausted:
            break
        seen.append(f(list(trial.config.values())))
        optimizer.tell(trial, Result((seen[-1],)))
    return seen


# --- random search ----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(block=st.integers(1, 70), first=st.integers(1, 70), seed=st.integers(0, 2**32))
def test_random_search_is_the_same_for_every_block_size(block, first, seed):
    problem = Problem(MIXED)
    blocks = RandomSearch(problem, seed, block=block, first_block=first)
    rng = np.random.default_rng(seed)
    one_by_one = [MIXED.sample(rng) for _ in range(100)]
    assert [blocks.ask().config for _ in range(100)] == one_by_one


def test_random_search_is_uniform_in_every_kind_of_parameter():
    space = Space(
        {"x": Float(-5, 5), "lr": Float(1e-5, 1, log=True), "n": Int(1, 5), "c": Categorical(("a", "b", "c"))}
    )
    optimizer = RandomSearch(Problem(space), 0)
    drawn = [optimizer.ask().config for _ in range(3000)]
    assert stats.kstest([c["x"] for c in drawn], "uniform", (-5, 10)).pvalue > 0.01
    assert stats.kstest([math.log10(c["lr"]) for c in drawn], "uniform", (-5, 5)).pvalue > 0.01
    for name in ("n", "c"):
        assert stats.chisquare(np.unique([c[name] for c in drawn], return_counts=True)[1]).pvalue > 0.01


def test_random_search_refuses_an_empty_block():
    with pytest.raises(InputError, match="at least 1, got block=0"):
        RandomSearch(cube(1), 0, block=0)


# --- Optuna -----------------------------------------------------------------------------------------------------------


def bare_study(options, seed, n, suggest, value):
    """The loop that Optuna's own documentation shows."""
    with pytest.warns(FutureWarning):  # options that Optuna deprecates, which it warns of and still obeys
        sampler = optuna.samplers.TPESampler(seed=seed, **options)
    study = optuna.create_study(sampler=sampler)
    configs = []
    for _ in range(n):
        trial = study.ask()
        configs.append(suggest(trial))
        study.tell(trial, value(configs[-1]))
    return configs


def suggest_mixed(trial):
    """The same space in Optuna's own words; True and 1 are told apart by their position."""
    config = {"model": ("svm", "net", True, 1)[trial.suggest_categorical("model", [0, 1, 2, 3])]}
    if config["model"] == "net":
        config["lr"] = trial.suggest_float("lr", 1e-4, 1.0, log=True)
        config["layers"] = (1, 2, 4, 8)[trial.suggest_int("layers", 0, 3)]
    config["n"] = trial.suggest_int("n", 1, 100, log=True)
    config["fixed"] = "as is"
    config["x"] = trial.suggest_float("x", -2.0, 3.0)
    return config


def mixed_value(config):
    return (config["x"] - 1) ** 2 + math.log(config["n"]) / 10 + (config["layers"] if config["model"] == "net" else 3)


def test_tpe_is_the_bare_study_with_the_options_of_its_yaml():
    resolved = spec.resolve("optimizers", "tpe")
    ours = ("sampler", "failed", "inactive")
    options = {key: value for key, value in resolved.options.items() if key not in ours}
    optimizer = spec.build(resolved, problem=Problem(MIXED), seed=5)
    configs = []
    for _ in range(30):
        trial = optimizer.ask()
        configs.append(trial.config)
        optimizer.tell(trial, Result((mixed_value(trial.config),)))
    assert configs == bare_study(options, 5, 30, suggest_mixed, mixed_value)
    assert any(type(config["model"]) is bool for config in configs)


def test_every_option_of_the_library_is_written_out_in_the_yaml():
    """A new option of TPESampler or GPSampler must get a value here before it can change a result silently."""
    import inspect

    elsewhere = {"self", "seed", "consider_prior", "gamma", "weights", "constraints_func", "independent_sampler"}
    for name in ("tpe", "gp"):
        options = spec.resolve("optimizers", name).options
        known = inspect.signature(getattr(optuna.samplers, options["sampler"]).__init__).parameters
        assert set(known) - elsewhere == set(options) - {"sampler", "failed", "inactive"}


def test_a_failed_trial_leaves_nothing_in_the_model_of_tpe():
    optimizer = spec.make("optimizers", "tpe", problem=cube(2), seed=0)
    for number in range(6):
        trial = optimizer.ask()
        optimizer.tell(trial, Result((NAN if number % 2 else 1.0,)))
    states = [t.state.name for t in optimizer._study.get_trials(deepcopy=False)]
    assert states == ["COMPLETE", "FAIL"] * 3


def test_failed_worst_takes_the_worst_of_each_objective_and_constraint():
    problem = Problem(cube(1).space, ("a", "b"), ("c",))
    optimizer = Optuna(problem, 0, "RandomSampler", failed="worst")
    told = [
        ((NAN, NAN), (NAN,)),
        ((1.0, 5.0), (-1.0,)),
        ((2.0, 4.0), (3.0,)),
        ((NAN, NAN), (NAN,)),
        ((0.0, 0.0), (NAN,)),
    ]
    for values, constraints in told:
        optimizer.tell(optimizer.ask(), Result(values, 1.0, constraints))
    trials = optimizer._study.get_trials(deepcopy=False)
    assert trials[0].state.name == "FAIL"  # nothing is known yet
    assert [t.values for t in trials[1:]] == [[1.0, 5.0], [2.0, 4.0], [2.0, 5.0], [2.0, 5.0]]
    assert [list(t.constraints.values()) for t in trials[1:]] == [[-1.0], [3.0], [3.0], [3.0]]


def test_imputed_trials_hold_the_default_of_what_is_inactive_and_what_was_asked_of_the_rest():
    optimizer = Optuna(Problem(MIXED), 0, "RandomSampler", inactive="impute")
    asked = []
    for number in range(20):
        asked.append(optimizer.ask())
        optimizer.tell(asked[-1], Result((float(number),)))
    trials = [t for t in optimizer._study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    assert [t.value for t in trials] == list(range(20))
    assert {t.config["model"] == "net" for t in asked} == {True, False}
    for trial, stored in zip(asked, trials, strict=True):
        net = trial.config["model"] == "net"
        assert stored.params["x"] == trial.config["x"]
        assert stored.params["lr"] == pytest.approx(trial.config["lr"] if net else 1e-2)
        assert stored.params["layers"] == ((1, 2, 4, 8).index(trial.config["layers"]) if net else 1)


def test_optuna_stays_as_loud_as_it_was():
    before = optuna.logging.get_verbosity()
    spec.make("optimizers", "tpe", problem=cube(2), seed=0)
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "TPESampla"}, "no sampler 'TPESampla'; did you mean 'TPESampler'"),
        ({"sampler": "TPESampler", "multivariate": False, "group": True}, "TPESampler refuses these options: .*group"),
        ({"sampler": "RandomSampler", "failed": "wurst"}, "no failed 'wurst'; did you mean 'worst'"),
        ({"sampler": "RandomSampler", "inactive": "emit"}, "no inactive 'emit'; did you mean 'omit'"),
    ],
)
def test_optuna_names_a_wrong_setting(options, message):
    with pytest.raises(InputError, match=message):
        Optuna(cube(1), 0, **options)


GP = "gp/n_startup_trials:3"
GP_RUN = f"""
import json, torch
from carps_lite import spec
from carps_lite.core import Problem, Result
from carps_lite.space import Float, Space
torch.set_num_threads(2)
problem, asked = Problem(Space(dict(x0=Float(0, 1), x1=Float(0, 1)))), []
optimizer = spec.make("optimizers", "{GP}", problem=problem, seed=1)
for _ in range(8):
    trial = optimizer.ask()
    asked.append(trial.config)
    optimizer.tell(trial, Result(((trial.config["x0"] - 0.3) ** 2 + trial.config["x1"],)))
print(json.dumps(asked))
"""


def test_gp_repeats_itself_in_a_fresh_process_and_with_more_threads():
    reason = spec.unavailable(spec.resolve("optimizers", "gp"))
    if reason:
        pytest.skip(reason)
    fresh = subprocess.run([sys.executable, "-c", GP_RUN], capture_output=True, text=True, check=True)
    optimizer, asked = spec.make("optimizers", GP, problem=cube(2), seed=1), []
    for _ in range(8):
        trial = optimizer.ask()
        asked.append(trial.config)
        optimizer.tell(trial, Result(((trial.config["x0"] - 0.3) ** 2 + trial.config["x1"],)))
    assert json.loads(fresh.stdout) == asked
    assert fresh.stderr == ""


# --- CMA-ES -----------------------------------------------------------------------------------------------------------

PYCMA = {"bounds": [0, 1], "seed": NAN, "verbose": -10, "verb_log": 0}


@pytest.mark.parametrize("d", [2, 5])
def test_cmaes_is_the_bare_loop_of_pycma(d):
    rng = np.random.default_rng(3)
    options = PYCMA | {"randn": lambda *shape: rng.standard_normal(shape)}
    es = cma.CMAEvolutionStrategy(np.full(d, 0.5), 0.25, options)
    bare = []
    while not es.stop():
        points = es.ask()
        values = [rastrigin(x) for x in points]
        bare += values
        es.tell(points, values)
    assert play(spec.make("optimizers", "cmaes", problem=cube(d), seed=3), rastrigin, 10**5) == bare
    assert len(bare) > 300


@pytest.mark.parametrize("restarts", ["ipop", "bipop"])
def test_restarts_are_those_of_fmin(restarts, monkeypatch):
    """pycma's own restart loop, fed from one generator, asks bit for bit the same 6,000 trials."""
    n = 6000
    rng = np.random.default_rng(0)
    starts = [np.full(3, 0.5)]
    monkeypatch.setattr(np.random, "uniform", rng.uniform)
    # fmin keeps these of its first run for all later ones, and a fraction of a trial in its default popsize
    limits = {"popsize": 8, "tolstagnation": 150, "maxiter": 2000}
    options = PYCMA | limits | {"randn": lambda *shape: rng.standard_normal(shape), "eval_final_mean": False}
    bare = []

    def objective(x):
        if len(bare) == n:
            raise StopIteration
        bare.append(rastrigin(x))
        return bare[-1]

    def x0():
        return starts.pop() if starts else rng.random(3)

    with pytest.raises(StopIteration):
        cma.fmin(objective, x0, 0.25, options, restarts=99, bipop=restarts == "bipop")
    assert play(CMAES(cube(3), 0, restarts=restarts, **limits), rastrigin, n) == bare


def test_ipop_doubles_the_population_at_every_restart():
    schedule = IPOP(Run(7, 100), np.random.default_rng(0))
    assert [schedule.following(1) for _ in range(3)] == [Run(14, 100), Run(28, 100), Run(56, 100)]


def test_bipop_gives_small_runs_as_many_trials_as_large_ones():
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    schedule = BIPOP(Run(10, 1000), rng)
    assert schedule.following(300) == Run(20, 1000)  # the first run, 300 trials, counts as a small one
    small = schedule.following(1000)
    sigma_factor, popsize = 10 ** (-2 * twin.uniform()), int(10 * (20 / 10) ** (twin.uniform() ** 2))
    assert small == Run(popsize, pytest.approx(500 / popsize), pytest.approx(sigma_factor))
    assert schedule.following(500).sigma_factor < 1  # 800 of 1000: another small one
    assert schedule.following(200) == Run(40, 1000)  # 1000 of 1000: a large one
    assert 10 <= schedule.following(4000).popsize <= 40


@settings(deadline=None, max_examples=20)
@given(st.randoms(use_true_random=False))
def test_cmaes_does_not_care_in_which_order_a_generation_is_told(shuffler):
    straight, shuffled = CMAES(cube(3), 1), CMAES(cube(3), 1)
    for _ in range(5):
        trials = [straight.ask() for _ in range(7)]
        assert [shuffled.ask() for _ in range(7)] == trials
        assert straight.ask() is None
        results = [(t, Result((rastrigin(list(t.config.values())),))) for t in trials]
        for trial, result in results:
            straight.tell(trial, result)
        shuffler.shuffle(results)
        for trial, result in results:
            shuffled.tell(trial, result)


def generation(optimizer, fails):
    """Tell one generation of a sphere in which the trials that `fails` picks fail; return its configurations."""
    trials = []
    while (trial := optimizer.ask()) is not None:
        trials.append(trial)
    for number, trial in enumerate(trials):
        value = NAN if fails(number) else sum(x * x for x in trial.config.values())
        optimizer.tell(trial, Result((value,)))
    return [t.config for t in trials]


def test_a_failed_trial_of_cmaes_counts_as_the_worst_of_its_generation(monkeypatch):
    told = []
    original = cma.CMAEvolutionStrategy.tell
    monkeypatch.setattr(cma.CMAEvolutionStrategy, "tell", lambda es, x, f: (told.append(list(f)), original(es, x, f)))
    optimizer = CMAES(cube(3), 0)
    configs = generation(optimizer, lambda number: number in (1, 4))
    values = [sum(x * x for x in c.values()) for c in configs]
    worst = max(v for number, v in enumerate(values) if number not in (1, 4))
    assert told == [[worst if number in (1, 4) else v for number, v in enumerate(values)]]


def test_a_generation_that_failed_throughout_changes_nothing_but_the_draws():
    optimizer = CMAES(cube(3), 0)
    mean, sigma = optimizer._es.mean.copy(), optimizer._es.sigma
    first = generation(optimizer, lambda number: True)
    assert generation(optimizer, lambda number: True) != first
    assert np.array_equal(optimizer._es.mean, mean)
    assert optimizer._es.sigma == sigma


def test_cmaes_solves_integers_and_ordinals():
    space = Space(
        {
            "i": Int(-10, 30),
            "n": Int(1, 1000, log=True),
            "o": Ordinal(tuple("abcdefgh")),
            "x": Float(0, 1),
            "one": Int(4, 4),
            "k": Constant(2),
        }
    )
    best = Problem(space), {"i": 23, "n": 30, "o": "g", "one": 4, "k": 2}

    def loss(config):
        return float(np.sum((space.encode(config) - space.encode({**best[1], "x": 0.7})) ** 2))

    solved = 0
    for seed in range(5):
        optimizer = spec.make("optimizers", "cmaes/restarts:ipop", problem=best[0], seed=seed)
        found = {}
        for _ in range(1500):
            trial = optimizer.ask()
            value = loss(trial.config)
            found[value] = trial.config
            optimizer.tell(trial, Result((value,)))
        config = found[min(found)]
        solved += {name: config[name] for name in best[1]} == best[1] and abs(config["x"] - 0.7) < 1e-3
    assert solved == 5


def test_the_standard_deviation_of_an_integer_stays_above_a_fifth_of_its_cell():
    space = Space({"n": Int(1, 10), "x": Float(0, 1)})
    optimizer = CMAES(Problem(space), 0)
    for _ in range(40):
        generation(optimizer, lambda number: False)
    std = optimizer._es.sigma * optimizer._es.sigma_vec.scaling * np.sqrt(optimizer._es.dC)
    assert std[0] >= 0.2 / 10 * (1 - 1e-6)
    assert std[1] < 0.2 / 10


@pytest.mark.parametrize("space", [{}, {"k": Constant(1)}, {"x": Float(0, 1)}, {"n": Int(0, 3), "one": Float(2, 2)}])
def test_cmaes_fills_up_to_two_dimensions(space):
    optimizer = CMAES(Problem(Space(space)), 0)
    assert optimizer._es.N == 2
    values = play(optimizer, lambda x: sum(float(v) for v in x), 10)
    assert len(values) == 10 or len(set(values)) == 1  # pycma stops after a generation of equal values


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ({"c": Categorical(("a", "b"))}, {}, "no categorical parameters, and 'c' is one"),
        ({"n": Int(0, 1), "x": Float(0, 1, when={"n": (1,)})}, {}, "no conditions, and parameter 'x' depends on n"),
        ({"x": Float(0, 1)}, {"restarts": "ipopp"}, "restarts must be one of none, ipop, bipop, got 'ipopp'"),
        ({"x": Float(0, 1)}, {"start": "centre"}, "start must be center or random, got 'centre'"),
        ({"x": Float(0, 1)}, {"popsize": 1}, "pycma refuses these options"),
        ({"x": Float(0, 1)}, {"sigma0": -1.0}, "sigma0 must be positive, got -1.0"),
    ],
)
def test_cmaes_says_what_it_cannot_do(space, options, message):
    with pytest.raises(InputError, match=message):
        CMAES(Problem(Space(space)), 0, **options)


def test_cmaes_starts_where_it_is_told_to():
    assert np.array_equal(CMAES(cube(4), 0)._es.x0, np.full(4, 0.5))
    starts = [CMAES(cube(4), seed, start="random")._es.x0 for seed in range(2)]
    assert not np.array_equal(*starts)
    assert np.array_equal(starts[0], np.random.default_rng(0).random(4))
