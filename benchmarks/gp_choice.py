"""Which Gaussian process to ship: Optuna's GPSampler or BoTorch? Prints the tables of docs/gp.md.

    OMP_NUM_THREADS=1 python benchmarks/gp_choice.py            # all parts, about half an hour on one core
    OMP_NUM_THREADS=1 python benchmarks/gp_choice.py contract   # or one: quality, options, repeat, contract

Needs carps-lite[bbob,tables,gp] and botorch. Every candidate starts with 10 random trials, holds torch to one thread
and pays CPU seconds, so that a busy machine changes little. The BoTorch adapter lives here and not in optimizers/.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial

import botorch
import numpy as np
import torch
from botorch.acquisition import LogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.transforms import Standardize
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from scipy.stats import rankdata

from carps_lite import spec
from carps_lite.core import Budget, Optimizer, Problem, Result, Trial
from carps_lite.loop import Record, Rules, Simulation
from carps_lite.optimizers.optuna_samplers import one_torch_thread
from carps_lite.space import Categorical, Config, Float, Ordinal
from carps_lite.testing import check_optimizer

TASKS = [
    *(f"bbob/fid:{fid}/dim:5" for fid in (1, 8, 15, 21)),
    "hpobench_mlp/dataset:segment",
    "hpobench_mlp/dataset:phoneme",
    "hpolib/dataset:naval_propulsion",
    "nasbench201/dataset:cifar10",
]
N_SEEDS, N_TRIALS = 5, 40


class BoTorch:
    """SingleTaskGP with its default prior over the unit cube, categorical parameters as one-hot columns.

    `acquisition` is logei or qlognei. In a space of floats without conditions it is maximised by gradients from 4 of
    256 points, elsewhere over random configurations and neighbours of the best ones, each encoded as it will be
    evaluated. A failed trial counts as the worst value so far; pending trials count in qLogNEI.
    """

    def __init__(self, problem: Problem, seed: int, acquisition: str = "logei", n_startup: int = 10) -> None:
        self._space, self._seed = problem.space, seed
        self._rng = np.random.default_rng(seed)
        self._acquisition, self._n_startup = acquisition, n_startup
        self._smooth = all(isinstance(p, Float) and not p.when for p in problem.space.values())
        self._told: list[tuple[Config, float]] = []
        self._pending: list[Trial] = []

    def ask(self) -> Trial:
        """Suggest a trial."""
        finite = [value for _, value in self._told if np.isfinite(value)]
        if len(self._told) < self._n_startup or not finite or not len(self._space):
            trial = Trial(self._space.sample(self._rng))
        else:
            with one_torch_thread(), torch.random.fork_rng(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.manual_seed(int(self._rng.integers(2**31)))
                trial = Trial(self._best(max(finite)))
        self._pending.append(trial)
        return trial

    def tell(self, trial: Trial, result: Result) -> None:
        """Take a result."""
        self._pending = [t for t in self._pending if t is not trial]
        self._told.append((trial.config, result.values[0] if result.ok else np.inf))

    def _best(self, worst: float) -> Config:
        x = self._features([config for config, _ in self._told])
        y = -torch.tensor([[min(value, worst)] for _, value in self._told], dtype=torch.double)
        model = SingleTaskGP(x, y, outcome_transform=Standardize(1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        pending = self._features([t.config for t in self._pending]) if self._pending else None
        if self._acquisition == "logei":
            score: Callable[..., torch.Tensor] = LogExpectedImprovement(model, best_f=y.max())
        else:
            score = qLogNoisyExpectedImprovement(model, x, prune_baseline=True, X_pending=pending)
        if self._smooth:
            bounds = torch.tensor([[0.0] * x.shape[1], [1.0] * x.shape[1]], dtype=torch.double)
            found, _ = optimize_acqf(score, bounds=bounds, q=1, num_restarts=4, raw_samples=256)
            return self._space.decode(found[0].numpy())
        candidates = self._candidates()
        with torch.no_grad():
            return candidates[int(score(self._features(candidates)[:, None, :]).argmax())]

    def _candidates(self) -> list[Config]:
        """1,000 random configurations, and 40 neighbours of each of the 5 best, without those already evaluated."""
        best = [config for config, _ in sorted(self._told, key=lambda pair: pair[1])[:5]]
        near = np.repeat([self._space.encode(config) for config in best], 40, axis=0)
        fresh = self._rng.random(near.shape)
        local = np.clip(near + self._rng.normal(0, 0.1, near.shape), 0, 1)
        categorical = [isinstance(p, Categorical) and not isinstance(p, Ordinal) for p in self._space.values()]
        mutated = np.where(categorical, fresh, local)
        near = np.where(self._rng.random(near.shape) < 1.5 / near.shape[1], mutated, near)
        found = self._space.decode_many(np.vstack([self._rng.random((1000, near.shape[1])), near]))
        seen = {repr(config) for config, _ in self._told}
        return [config for config in found if repr(config) not in seen] or found

    def _features(self, configs: list[Config]) -> torch.Tensor:
        """Shape (n, columns), in [0, 1]; inactive parameters at 0.5 or, as one-hot columns, all at 0."""
        columns = []
        for name, p in self._space.items():
            if isinstance(p, Categorical) and not isinstance(p, Ordinal):
                columns += [
                    [float(name in c and p.index(c[name]) == k) for c in configs] for k in range(len(p.choices))
                ]
            else:
                columns.append([float(p.encode(c[name])) if name in c else 0.5 for c in configs])
        return torch.tensor(columns, dtype=torch.double).T.contiguous()


Make = Callable[[Problem, int], Optimizer]
CANDIDATES: dict[str, Make] = {
    "Optuna GPSampler": lambda problem, seed: spec.make("optimizers", "gp", problem=problem, seed=seed),
    "BoTorch LogEI": partial(BoTorch, acquisition="logei"),
    "BoTorch qLogNEI": partial(BoTorch, acquisition="qlognei"),
    "TPE": lambda problem, seed: spec.make("optimizers", "tpe", problem=problem, seed=seed),
    "random": lambda problem, seed: spec.make("optimizers", "random", problem=problem, seed=seed),
}


def run(make: Make, task_spec: str, seed: int, n_trials: int = N_TRIALS) -> tuple[list[Record], float, float]:
    """Records, CPU seconds of the optimizer, and the regret of the incumbent (of its mean, where runs are recorded)."""
    resolved = spec.resolve("tasks", task_spec)
    task = spec.build(resolved)
    task.evaluate(task.problem.space.default, None, 0)  # reads the table or builds the function
    begin = time.process_time()
    optimizer = make(task.problem, seed)
    rules = Rules(noisy=bool(resolved.meta["noisy"]))
    records = list(Simulation(task, optimizer, task.problem, seed, Budget(n_trials, "trials"), rules))
    seconds = time.process_time() - begin
    best = min(records, key=lambda r: r.result.values[0] if r.result.ok else np.inf)
    value = best.info.get(f"mean_{task.problem.objectives[0]}", best.result.values[0])
    return records, seconds, float(value - (getattr(task, "optimum", None) or 0.0))


def quality() -> None:
    """Final regret and CPU seconds a trial."""
    regrets = np.empty((len(CANDIDATES), len(TASKS), N_SEEDS))
    seconds = np.empty_like(regrets)
    for o, make in enumerate(CANDIDATES.values()):
        run(make, TASKS[0], 0)  # imports are no trial's cost
        for t, task_spec in enumerate(TASKS):
            for seed in range(N_SEEDS):
                _, seconds[o, t, seed], regrets[o, t, seed] = run(make, task_spec, seed)
    ranks = rankdata(regrets, axis=0).mean(axis=2)
    print(f"\nMedian regret after {N_TRIALS} trials, {N_SEEDS} seeds; mean rank over tasks and seeds (1 is best)")
    rows = [[spec_, *(f"{v:.3g}" for v in np.median(regrets[:, t], axis=1))] for t, spec_ in enumerate(TASKS)]
    rows.append(["mean rank", *(f"{v:.2f}" for v in ranks.mean(axis=1))])
    rows.append(["CPU ms a trial", *(f"{1e3 * v:.1f}" for v in seconds.mean(axis=(1, 2)) / N_TRIALS)])
    worst = seconds.mean(axis=2).max(axis=1) / N_TRIALS
    rows.append(["CPU ms a trial, slowest task", *(f"{1e3 * v:.1f}" for v in worst)])
    table(["task", *CANDIDATES], rows)


def options() -> None:
    """What the adapter adds: failed trials as the worst value, inactive parameters imputed."""
    n_seeds = 20
    for task_spec, option, settings in (
        ("mixed/kind:bb", "inactive", ("omit", "impute")),
        ("brittle/dim:2", "failed", ("ignore", "worst")),
        ("brittle/dim:4", "failed", ("ignore", "worst")),
    ):
        rows = []
        for setting in settings:
            make: Make = lambda problem, seed, o=option, s=setting: spec.make(  # noqa: E731
                "optimizers", f"gp/{o}:{s}", problem=problem, seed=seed
            )
            found = [run(make, task_spec, seed) for seed in range(n_seeds)]
            regrets = [regret for _, _, regret in found]
            failed = np.mean([sum(r.failure is not None for r in records) for records, _, _ in found])
            quarter, half, most = np.quantile(regrets, (0.25, 0.5, 0.75))
            rows.append([f"{option}: {setting}", f"{half:.3g} [{quarter:.3g}, {most:.3g}]", f"{failed:.1f}"])
        print(f"\n{task_spec}: {N_TRIALS} trials, {n_seeds} seeds")
        table(["option", "median value or regret [quartiles]", "failed trials a run"], rows)


def digest(make: Make) -> str:
    """A hash of the exact values of two short runs, one of them in a mixed space with conditions."""
    values = [r.result.values for task_spec in ("bbob/fid:8", "mixed/kind:bb") for r in run(make, task_spec, 1, 20)[0]]
    return hashlib.sha256(repr(values).encode()).hexdigest()[:12]


def repeat() -> None:
    """Whether two runs in one process and one in a fresh process agree bit for bit."""
    rows = []
    for name, make in CANDIDATES.items():
        fresh = subprocess.run([sys.executable, __file__, "digest", name], capture_output=True, text=True, check=True)
        found = [digest(make), digest(make), fresh.stdout.split()[-1]]
        rows.append([name, *found, "yes" if len(set(found)) == 1 else "no"])
    print("\nRepeatable bit for bit?")
    table(["candidate", "first", "again", "fresh process", "same"], rows)


def contract() -> None:
    """The public contract checks: mixed and conditional spaces, failures, several pending trials, constraints."""
    meta = spec.meta("optimizers", "gp")
    rows = []
    for name, make in list(CANDIDATES.items())[:3]:
        declared = dict(meta) if name.startswith("Optuna") else {**meta, "kinds": ["bb", "mf"], "constraints": False}
        broken, n = [], 0
        for check_name, check in check_optimizer(make, declared, 14):
            n += 1
            try:
                check()
            except Exception as error:
                broken.append(f"{check_name}: {type(error).__name__} {error}"[:110])
        rows.append([name, ", ".join(declared["kinds"]), str(declared["constraints"]), f"{n - len(broken)} of {n}"])
        for line in broken:
            print(line, flush=True)
    print("\nContract checks passed")
    table(["candidate", "kinds", "constraints", "passed"], rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    print("\n".join(f"| {' | '.join(line)} |" for line in lines), flush=True)


def main(arguments: list[str]) -> None:
    """Run the parts that are named, or all."""
    if arguments[:1] == ["digest"]:
        print(digest(CANDIDATES[arguments[1]]))
        return
    parts = {"quality": quality, "options": options, "repeat": repeat, "contract": contract}
    libraries = ("optuna", "torch", "botorch", "gpytorch", "numpy", "scipy", "greenlet")
    print(
        ", ".join(f"{name} {spec_version(name)}" for name in libraries), f"; {torch.get_num_threads()} torch thread(s)"
    )
    for name in arguments or parts:
        parts[name]()


def spec_version(name: str) -> str:
    """The installed version of a distribution."""
    from importlib.metadata import version

    return version(name)


if __name__ == "__main__":
    botorch.settings.log_level(50)
    main(sys.argv[1:])
