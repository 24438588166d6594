"""NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002, doi:10.1109/4235.996017) from Optuna, with its operators by name."""

from __future__ import annotations

import warnings

from optuna.samplers import nsgaii

from carps_lite.core import Problem
from carps_lite.errors import InputError, unknown
from carps_lite.optimizers.optuna_samplers import Optuna

CROSSOVERS = ("sbx", "uniform")
MUTATIONS = ("polynomial", "resample")
INACTIVE = ("keep", "omit")


class NSGA2(Optuna):
    """Optuna's NSGAIISampler, always at full fidelity, with the operators of the paper unless told otherwise.

    `population_size`: trials a generation. `crossover`, with probability `crossover_prob`: `sbx` of distribution index
    `crossover_eta`, or `uniform`, which takes each parameter from the second parent with probability `swapping_prob`
    (categorical parameters are always crossed like this). `mutation` of each parameter with probability
    `mutation_prob` (None: 1 / number of parameters): `polynomial` of index `mutation_eta`, or `resample`, uniform over
    the range (categorical parameters are always mutated like this). Constraints count by constrained domination.

    Conditional spaces: with `inactive="keep"` an individual has a value for every parameter and passes the inactive
    ones on; with `omit` Optuna crosses only what all trials have, and draws everything else anew. `failed`: `ignore`
    leaves a failed trial out of its generation, which then takes one more; `worst` enters the worst values so far.

    Several workers: a generation does not wait, it ends when `population_size` of its trials have succeeded. Trials
    asked until then belong to it too, so that it is larger by up to the number of workers less one. Parents are chosen
    once, when the next generation begins: what is still out then has no children.

    Where Optuna differs from the paper: parents meet in tournaments by domination only, without crowding distance; a
    crossover gives one child instead of two; a child that equals an earlier trial is evaluated again. Each trial is
    charged as a full evaluation. Raises InputError on an unknown operator or a setting that Optuna refuses.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int,
        population_size: int = 20,
        crossover: str = "sbx",
        crossover_eta: float = 20.0,
        crossover_prob: float = 0.9,
        swapping_prob: float = 0.5,
        mutation: str = "polynomial",
        mutation_eta: float = 20.0,
        mutation_prob: float | None = None,
        failed: str = "ignore",
        inactive: str = "keep",
    ) -> None:
        if inactive not in INACTIVE:
            raise unknown("no inactive", inactive, INACTIVE)
        super().__init__(
            problem,
            seed,
            "NSGAIISampler",
            failed,
            inactive,
            population_size=population_size,
            crossover=_crossover(crossover, crossover_eta, swapping_prob),
            crossover_prob=crossover_prob,
            swapping_prob=swapping_prob,
            mutation=_mutation(mutation, mutation_eta),
            mutation_prob=mutation_prob,
        )


def _crossover(name: str, eta: float, swapping_prob: float) -> nsgaii.BaseCrossover:
    if name not in CROSSOVERS:
        raise unknown("no crossover", name, CROSSOVERS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, and chosen on purpose
        try:
            return nsgaii.SBXCrossover(eta) if name == "sbx" else nsgaii.UniformCrossover(swapping_prob)
        except ValueError as error:
            raise InputError(f"Optuna refuses this crossover: {error}") from error


def _mutation(name: str, eta: float) -> nsgaii.BaseMutation | None:
    if name not in MUTATIONS:
        raise unknown("no mutation", name, MUTATIONS)
    if name == "resample":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, and chosen on purpose
        try:
            return nsgaii.PolynomialMutation(eta)
        except ValueError as error:
            raise InputError(f"Optuna refuses this mutation: {error}") from error
