"""Optuna's samplers (Akiba et al. 2019, KDD, doi:10.1145/3292500.3330701) behind ask and tell, studies in memory."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import optuna
from optuna.trial import TrialState

from carps_lite.core import Problem, Result, Trial
from carps_lite.errors import InputError, MissingDependency, one_line, unknown
from carps_lite.space import Categorical, Config, Constant, Float, Int, Ordinal, Param, Space

Suggest = Callable[[optuna.Trial], Any]
FAILED = ("ignore", "worst")
INACTIVE = ("omit", "impute", "keep")


class Optuna:
    """A study driven by one of Optuna's samplers, always at full fidelity.

    `sampler` is the name of a class of `optuna.samplers`; `options` go to it as they are. A choice of a categorical
    parameter travels as its position, an ordinal as an integer (so that its order counts), a constant not at all.

    `failed` says what a failed trial leaves in the model: `ignore` nothing (Optuna's own way, `TrialState.FAIL`);
    `worst` the worst value of each objective and constraint seen so far, and nothing where no trial succeeded yet.

    `inactive` says how a conditional space is modelled: `omit` asks for the active parameters only, in the order of
    the space (define-by-run); `impute` asks for all of them and stores inactive ones at their default, for samplers
    that model no parameter which is missing in some trials; `keep` asks for all and stores what was drawn, for
    genetic algorithms, which pass inactive genes on. Raises InputError on an unknown sampler or setting.
    """

    def __init__(
        self, problem: Problem, seed: int, sampler: str, failed: str = "ignore", inactive: str = "omit", **options: Any
    ) -> None:
        for name, value, allowed in (("failed", failed, FAILED), ("inactive", inactive, INACTIVE)):
            if value not in allowed:
                raise unknown(f"no {name}", value, allowed)
        self._space, self._constraints = problem.space, problem.constraints
        self._needs_torch = sampler == "GPSampler"
        if self._needs_torch:
            _require("torch", "greenlet")  # without greenlet Optuna falls back to a slower way that rounds differently
        self._study = _study(sampler, seed, len(problem.objectives), options)
        self._suggest = {name: _suggest(name, p) for name, p in problem.space.items()}
        self._asks_all = inactive != "omit" and problem.space.conditional
        self._imputed = _defaults(problem.space) if inactive == "impute" and problem.space.conditional else None
        self._worst = [-math.inf] * (len(problem.objectives) + len(problem.constraints)) if failed == "worst" else None

    def ask(self) -> Trial:
        """Suggest a trial; the token is Optuna's."""
        if not self._needs_torch:
            return self._ask()
        with one_torch_thread():
            return self._ask()

    def _ask(self) -> Trial:
        trial = self._study.ask()
        config: Config = {}
        for name, suggest in self._suggest.items():
            if self._asks_all or self._space.active(name, config):
                config[name] = suggest(trial)
        return Trial(self._space.prune(config) if self._asks_all else config, token=trial)

    def tell(self, trial: Trial, result: Result) -> None:
        """Enter a result, or what stands for a failed one, into the study."""
        numbers = [*result.values, *result.constraints]
        if all(map(math.isfinite, numbers)):
            if self._worst is not None:
                self._worst = list(map(max, self._worst, numbers))
        elif self._worst is not None and all(map(math.isfinite, self._worst)):
            numbers = self._worst
        else:
            self._study.tell(trial.token, state=TrialState.FAIL)
            return
        n = len(result.values)
        self._enter(trial, numbers[:n], dict(zip(self._constraints, numbers[n:], strict=True)))

    def _enter(self, trial: Trial, values: list[float], constraints: dict[str, float]) -> None:
        asked: optuna.Trial = trial.token
        if self._imputed is None:
            for name, value in constraints.items():
                asked.set_constraint(name, value)
            self._study.tell(asked, values)
            return
        # Optuna changes no trial once it is asked: close it without a value and add a corrected one
        self._study.tell(asked, state=TrialState.FAIL)
        params = {name: asked.params[name] if name in trial.config else x for name, x in self._imputed.items()}
        self._study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=asked.distributions, values=values, constraints=constraints
            )
        )


def _defaults(space: Space) -> dict[str, Any]:
    """The default of every parameter that Optuna knows of, in its terms."""
    return {
        name: p.index(p.default) if isinstance(p, Categorical) and p.default is not None else p.default
        for name, p in space.items()
        if not isinstance(p, Constant)
    }


def _suggest(name: str, p: Param) -> Suggest:
    """How to ask Optuna for one parameter."""
    match p:
        case Float(low, high, log):
            return lambda trial: trial.suggest_float(name, low, high, log=log)
        case Int(low, high, log):
            return lambda trial: trial.suggest_int(name, low, high, log=log)
        case Ordinal(choices):
            return lambda trial: choices[trial.suggest_int(name, 0, len(choices) - 1)]
        case Categorical(choices):
            # positions, because Optuna takes True and 1 for one choice
            return lambda trial: choices[trial.suggest_categorical(name, range(len(choices)))]
        case Constant(value):
            return lambda trial: value
    raise InputError(f"parameter {name!r} is of no kind that Optuna knows: {p!r}")


def _study(sampler: str, seed: int, n_objectives: int, options: dict[str, Any]) -> optuna.Study:
    made = getattr(optuna.samplers, sampler, None)
    if made is None:
        raise unknown("Optuna has no sampler", sampler, (n for n in dir(optuna.samplers) if n.endswith("Sampler")))
    level = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        # experimental and deprecated options are written out on purpose, so that no new default moves a result
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            built = made(seed=seed % 2**32, **options)
            return optuna.create_study(sampler=built, directions=["minimize"] * n_objectives)
        except (TypeError, ValueError) as error:
            raise InputError(f"{sampler} refuses these options: {one_line(error)}") from error
        finally:
            optuna.logging.set_verbosity(level)


def _require(*libraries: str) -> None:
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        raise MissingDependency(f"Optuna's GPSampler needs {' and '.join(missing)}: pip install 'carps-lite[gp]'")


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Hold torch to one thread: sums split over threads differ in the last bits from machine to machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
