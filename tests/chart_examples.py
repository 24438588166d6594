"""One example of every further figure, for any optimizers: realistic arrays from a fixed seed."""

import numpy as np

from carps_lite.analysis.charts.aggregates import Aggregate, aggregates
from carps_lite.analysis.charts.anytime_regret import anytime_regret
from carps_lite.analysis.charts.bayes_bars import bayes_bars
from carps_lite.analysis.charts.bayes_triangle import bayes_triangle
from carps_lite.analysis.charts.complementarity import contributions, portfolio, wins
from carps_lite.analysis.charts.critical_difference import critical_difference
from carps_lite.analysis.charts.expected_runtimes import expected_runtimes
from carps_lite.analysis.charts.failures import failure_kinds, failures
from carps_lite.analysis.charts.final_scores import final_scores
from carps_lite.analysis.charts.group_ranks import group_ranks
from carps_lite.analysis.charts.importance import importance
from carps_lite.analysis.charts.overhead import overhead
from carps_lite.analysis.charts.parallel_coordinates import parallel_coordinates
from carps_lite.analysis.charts.parameters import Parameter
from carps_lite.analysis.charts.pareto_fronts import attainment, pareto_fronts
from carps_lite.analysis.charts.profiles import data_profile, performance_profile, ratio_profile, runtime_ecdf
from carps_lite.analysis.charts.score_map import score_map
from carps_lite.analysis.charts.slices import slices
from carps_lite.analysis.charts.subset_points import subset_points
from carps_lite.analysis.charts.which_k import Measure, which_k
from carps_lite.analysis.style import looks

FEW = ["gp", "tpe", "cmaes/restarts:ipop", "random"]
MANY = [
    "gp", "tpe", "cmaes", "random", "smac", "dehb", "hebo", "nevergrad/optimizer:NGOpt", "ax", "turbo", "bohb", "asha",
    "nsga2", "tpe/multivariate:true", "tpe/multivariate:true/group:true", "cmaes/restarts:bipop",
    "regularized_evolution", "hyperband", "optuna_gp", "gp_legacy",
]  # fmt: skip
PARAMETERS = [
    Parameter("learning_rate", 1e-5, 1, log=True),
    Parameter("batch_size", 16, 512, log=True),
    Parameter("dropout", 0, 0.8),
    Parameter("optimizer", choices=("adamw", "sgd", "lion")),
    Parameter("momentum", 0.5, 0.99),
    Parameter("a_rather_long_parameter_name", -3, 3),
]


def around(values, by):
    return np.stack([values - by, values + by], axis=-1)


def regret(n, rng):
    clean = np.exp(-np.outer(np.linspace(0.05, 0.005, n), np.arange(1.0, 101))) * 0.8 + 0.02
    return np.minimum.accumulate(clean * np.exp(rng.normal(0, 0.02, clean.shape)), axis=1)


def configurations(rng, n=150):
    values = np.column_stack(
        [
            10 ** rng.uniform(-5, 0, n), 2 ** rng.uniform(4, 9, n), rng.uniform(0, 0.8, n), rng.integers(0, 3, n),
            rng.uniform(0.5, 0.99, n), rng.uniform(-3, 3, n),
        ]
    )  # fmt: skip
    values[values[:, 3] != 1, 4] = np.nan  # momentum is active for one choice only
    scores = (np.log10(values[:, 0]) + 2.5) ** 2 / 5 + values[:, 2] / 3 + 0.01
    scores[:5] = np.inf
    return values, scores


def curves(names, rng):
    own, n = looks(names), len(names)
    y, budgets = regret(n, rng), np.arange(1.0, 101)
    x, taus = np.geomspace(1, 1e5, 80), np.linspace(0, 1.2, 60)
    reached = np.clip(np.linspace(0.2, 0.08, n)[:, None] * np.log10(x), 0, 1)
    shares = 1 - np.exp(-np.outer(np.linspace(6, 2, n), taus))
    gap = y.copy()
    gap[-1] = np.nan
    return {
        "anytime": lambda: anytime_regret(budgets, y, around(y, 0.02), names, own, xlabel="full-fidelity evaluations"),
        "anytime_log": lambda: anytime_regret(
            budgets, gap, None, names, own, xlabel="evaluations", log_x=True, log_y=True, width=6.9
        ),
        "profile": lambda: performance_profile(taus, shares, around(shares, 0.03), names, own),
        "ratios": lambda: ratio_profile(x, reached, names, own),
        "data": lambda: data_profile(budgets, reached[:, :1].repeat(100, 1), names, own),
        "ecdf": lambda: runtime_ecdf(x, reached, around(reached, 0.03), names, own, xlabel="evaluations"),
    }


def rows(names, rng):
    own, n = looks(names), len(names)
    values, ranks = rng.uniform(0.1, 0.6, n), np.sort(rng.uniform(1, max(n, 1.01), n))
    some = [Aggregate("IQM of regret", values, around(values, 0.04)), Aggregate("mean", values)]
    some += [Aggregate("P(improvement) over random", values, None, "higher is better", reference=0.5)]
    scores = [rng.normal(o, 0.5, 20) for o in range(n)]
    scores[0][3] = np.inf
    quartiles = np.array([np.quantile(s[np.isfinite(s)], (0.25, 0.5, 0.75)) for s in scores])
    groups = rng.uniform(1, max(n, 1.01), (3, n))
    added = np.sort(rng.uniform(0, 0.3, n))[::-1]
    planned = np.column_stack([np.full(n, 55), *(rng.integers(0, 4, n) for _ in range(3))])
    cliques = [tuple(range(i, min(n, i + 3))) for i in range(0, max(n - 2, 0), 2)]
    return {
        "cd": lambda: critical_difference(ranks, cliques, names, own, cd=1.36, note="Nemenyi; depends on the pool"),
        "aggregates": lambda: aggregates(some, names, own),
        "groups": lambda: group_ranks(
            groups, around(groups, 0.3), ["dimension 2", "dimension 5", "mixed"], [8, 8, 1], names, own
        ),
        "final": lambda: final_scores(scores, quartiles, names, own, xlabel="validation error"),
        "overhead": lambda: overhead(10 ** rng.uniform(-4, 0, (n, 3)), names, own),
        "failures": lambda: failures(planned, names, own),
        "contributions": lambda: contributions(values, around(values, 0.03), names, own),
        "portfolio": lambda: portfolio(added, names, own, within=0.05, share=True),
    }


def cells(names, rng):
    own, n = looks(names), len(names)
    tasks = [f"bbob fid:{t + 1}" if t % 3 else f"yahpo scenario:rbv2_svm instance:{t}" for t in range(14)]
    scores = rng.uniform(0, 1, (14, n)) ** 2
    scores[3, 0], scores[5, -1] = np.nan, np.inf
    runtimes = 10 ** rng.uniform(1, 5, (n, 14))
    runtimes[0, ::4] = np.inf
    three = rng.dirichlet([3, 1, 2], (n, n))
    upper = np.triu(np.ones((n, n)), 1) > 0
    better = np.where(upper, three[..., 0], three[..., 2].T)
    equivalent = np.where(upper, three[..., 1], three[..., 1].T)
    kinds = ["timeout", "memory", "crash (signal 11)"]
    won = rng.dirichlet(np.ones(n), 3) * np.array([[8], [12], [1]])
    return {
        "map": lambda: score_map(scores, 1 - scores, tasks, names, own, note="normalised regret; deeper is better"),
        "runtimes": lambda: expected_runtimes(runtimes, tasks, names, own, xlabel="evaluations to 1e-3"),
        "bayes": lambda: bayes_bars(better, equivalent, names, own, rope="0.01 of the range"),
        "kinds": lambda: failure_kinds(rng.integers(1, 1500, (3, n)), kinds, names, own),
        "wins": lambda: wins(won, ["dimension 2", "dimension 5", "mixed spaces"], names, own),
    }


def fronts(names, rng):
    own = looks(names)
    x = np.linspace(0.1, 2, 8)
    two = {name: np.column_stack([x, 1 / x + 0.3 * k]) for k, name in enumerate(names[:5])}
    three = {name: rng.uniform(0, 1, (12, 3)) for name in names[:5]}
    levels = {name: (front - np.array([0, 0.1]), front, front + np.array([0, 0.2])) for name, front in two.items()}
    return {
        "pareto": lambda: pareto_fronts(two, ["error", "time (s)"], np.array([2.2, 12.0]), own),
        "pareto3": lambda: pareto_fronts(three, ["error", "time (s)", "memory (GB)"], np.ones(3) * 1.1, own),
        "attainment": lambda: attainment(levels, ["error", "time (s)"], np.array([2.2, 12.0]), own),
    }


def others(rng):
    values, scores = configurations(rng)
    points, sizes = rng.uniform(0, 1, (100, 3)) ** 1.5, np.array([5, 10, 15, 20, 30])
    d = 0.6 / np.sqrt(sizes)
    measures = [
        Measure("discrepancy", d / 2, np.stack([d * 0.7, d, d * 1.5], 1), np.stack([d * 0.6, d * 0.8, d], 1)),
        Measure("Kendall's τ", 1 - d, np.stack([1 - 2 * d, 1 - 1.4 * d, 1 - d / 2], 1), None, around(1 - d, 0.1)),
        Measure("share with the same best", 1 - d / 2, 1 - d, limits=(0, 1.02)),
    ]  # fmt: skip
    chosen = {"bb_dev": np.arange(0, 100, 10), "bb_test": np.arange(5, 100, 10)}
    names = [p.name for p in PARAMETERS]
    shares = np.array([0.5, 0.1, 0.2, 0.05, 0.02, np.nan])
    return {
        "triangle": lambda: bayes_triangle(
            rng.dirichlet([9, 2, 4], 4000), np.array([0.93, 0.02, 0.05]), ("gp", "cmaes/restarts:ipop"), looks(FEW),
            rope="0.01 of the range",
        ),
        "parallel": lambda: parallel_coordinates(values, scores, PARAMETERS, measure="error"),
        "slices": lambda: slices(values, scores, PARAMETERS, ylabel="error", log_y=True),
        "importance": lambda: importance(shares, around(shares, 0.02), names),
        "points": lambda: subset_points(points, chosen, FEW[:3], corner=np.array([0.4, 0.6, 0.8]), unit="regret"),
        "which_k": lambda: which_k(sizes, measures, recommended=15),
    }  # fmt: skip


def examples(names):
    """Name -> function that draws it."""
    rng = np.random.default_rng(1)
    return {**curves(names, rng), **rows(names, rng), **cells(names, rng), **fronts(names, rng), **others(rng)}
