"""The contract checks themselves: each fault, put into an otherwise good optimizer or task, is found by its check."""

from __future__ import annotations

import math
import os
import random
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from carps_lite.core import Exhausted, Fidelity, Problem, Trial, TrialFailed
from carps_lite.space import Float, Int, Space
from carps_lite.testing import ContractError, check_optimizer, check_task

META = {"kinds": ["bb", "mf", "mo", "momf"], "deterministic": True}


class Good:
    """Random search, the base of the faulty ones."""

    def __init__(self, problem, seed):
        self.problem, self.space, self.rng = problem, problem.space, np.random.default_rng(seed)

    def ask(self):
        return Trial(self.space.sample(self.rng))

    def tell(self, trial, result):
        pass


class NumpyScalars(Good):
    def ask(self):
        return Trial({k: np.float64(v) if isinstance(v, float) else v for k, v in super().ask().config.items()})


class Inactive(Good):
    def ask(self):
        u = self.rng.random(len(self.space))
        return Trial({name: p.decode(u[i : i + 1])[0] for i, (name, p) in enumerate(self.space.items())})


class Outside(Good):
    def ask(self):
        return Trial({k: v + 100 if isinstance(v, float) else v for k, v in super().ask().config.items()})


class HalfEpochs(Good):
    def ask(self):
        return Trial(super().ask().config, 1.5 if self.problem.fidelity else None)


class Deadlocked(Good):
    def ask(self):
        self.n = getattr(self, "n", 0) + 1
        return None if self.n == 5 else super().ask()


class Unseeded(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, 0)


class Forgetful(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, None)


class GlobalSeed(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        np.random.seed(42)  # noqa: NPY002


class GlobalRandom(Good):
    def ask(self):
        random.random()
        return super().ask()


class Environment(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        os.environ["CARPS_LITE_CONTRACT_TEST"] = str(os.urandom(4))


class Sequential(Good):
    """Takes results only in the order in which it asked."""

    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        self.out = []

    def ask(self):
        self.out.append(super().ask())
        return self.out[-1]

    def tell(self, trial, result):
        if self.out.pop(0) is not trial:
            raise RuntimeError("out of order")


class BatchBound(Good):
    """Counts on the oldest pending trial being told within three others."""

    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        self.out = []

    def ask(self):
        self.out.append([super().ask(), 0])
        return self.out[-1][0]

    def tell(self, trial, result):
        self.out = [[t, waited + 1] for t, waited in self.out if t is not trial]
        if any(waited > 4 for _, waited in self.out):
            raise RuntimeError("lost a trial")


class NoFailures(Good):
    def tell(self, trial, result):
        int(result.values[0] * 100)


class NeedsOneSuccess(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        self.values = []

    def ask(self):
        if self.values:
            min(v for v in self.values if v == v)
        return super().ask()

    def tell(self, trial, result):
        self.values.append(result.values[0])


class Editor(Good):
    def tell(self, trial, result):
        trial.config.clear()


class Worse(Good):
    """Moves away from good trials: proposes the worst corner."""

    def ask(self):
        return Trial(self.space.decode(0.9 + 0.1 * self.rng.random(len(self.space))))


class Zombie(Good):
    """Says that it is exhausted, and goes on when it is asked again."""

    def ask(self):
        self.n = getattr(self, "n", 0) + 1
        if self.n == 4:
            raise Exhausted
        return super().ask()


class Flat(Good):
    """Divides by the range of the values."""

    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        self.values = []

    def tell(self, trial, result):
        if result.ok:
            self.values.append(result.values[0])
        if len(self.values) > 3:
            1 / (max(self.values) - min(self.values))


class BadAdvice(Good):
    def recommend(self):
        return {}


class NoConstants(Good):
    def __init__(self, problem, seed):
        super().__init__(problem, seed)
        if len(problem.space) < 3:
            raise ValueError("at least three parameters")


FAULTS = [
    (NumpyScalars, "asks_valid_trials[bb]", "is float64, expected float"),
    (Inactive, "asks_valid_trials[bb]", "is not active"),
    (Outside, "asks_valid_trials[mo]", "is outside"),
    (HalfEpochs, "asks_valid_trials[mf]", "fidelity=1.5 is outside"),
    (Deadlocked, "asks_valid_trials[bb]", "ask returned None at trial 4 although no result is pending"),
    (Unseeded, "other_seed_other_trials[bb]", "seeds 0 and 1 gave the same 25 trials"),
    (Forgetful, "same_seed_same_trials[bb]", "the same seed gave other trials: trial 0 is"),
    (GlobalSeed, "leaves_the_world_alone[bb]", "changed NumPy's global generator"),
    (GlobalRandom, "leaves_the_world_alone[bb]", "changed the generator of `random`"),
    (Environment, "leaves_the_world_alone[bb]", "changed the environment variables"),
    (Sequential, "accepts_reversed_tells[bb]", "out of order"),
    (BatchBound, "accepts_late_tells[bb]", "lost a trial"),
    (NoFailures, "survives_failures[bb]", "cannot convert float NaN"),
    (NeedsOneSuccess, "survives_failures_only[bb]", "empty"),
    (Editor, "leaves_arguments_alone", "changed a configuration"),
    (Worse, "not_worse_than_random[bb]", "worse than"),
    (Zombie, "asks_valid_trials[bb]", "raised Exhausted, and then returned"),
    (Flat, "takes_odd_values", "division by zero"),
    (BadAdvice, "asks_valid_trials[bb]", "recommend: parameter 'x' is missing"),
    (NoConstants, "takes_small_space[constants only]", "at least three parameters"),
]


@pytest.fixture(autouse=True)
def same_world():
    """The faulty ones change global state: put it back."""
    generator, environment = np.random.get_state(), dict(os.environ)  # noqa: NPY002
    yield
    np.random.set_state(generator)  # noqa: NPY002
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.parametrize(("faulty", "name", "message"), FAULTS, ids=lambda x: getattr(x, "__name__", None))
def test_a_fault_of_an_optimizer_is_found(faulty, name, message):
    checks = dict(check_optimizer(faulty, META))
    with pytest.raises(Exception, match=re.escape(message)) as caught:
        checks[name]()
    assert "\n" not in str(caught.value)


def test_a_good_optimizer_passes_without_metadata():
    for _, check in check_optimizer(Good):
        check()


@pytest.mark.parametrize(
    "meta",
    [
        {"kinds": ["bb"], "parameters": ["float"], "conditions": False, "constraints": False},
        {"kinds": ["mo"], "parameters": ["categorical", "ordinal"]},
        {"kinds": ["mf", "momf"], "parameters": ["int", "constant"], "uses_budget": True},
    ],
)
def test_a_good_optimizer_passes_with_any_metadata(meta):
    for _, check in check_optimizer(Good, meta):
        check()


def test_spaces_hold_what_is_declared_and_nothing_else():
    from carps_lite.spec import parameter_kind
    from carps_lite.testing.optimizers import space_of

    kinds = {parameter_kind(p) for p in space_of({}).values()}
    assert kinds == {"float", "int", "categorical", "ordinal", "constant"}
    assert space_of({}).conditional
    only = space_of({"parameters": ["int"], "conditions": False})
    assert {parameter_kind(p) for p in only.values()} == {"int"}
    assert not only.conditional


# --- tasks ------------------------------------------------------------------------------------------------------------

AXIS = Fidelity("epochs", 1, 9)
HONEST = {"kinds": ["mf"], "deterministic": True, "noisy": False, "cost": "recorded"}


@dataclass
class Bowl:
    """A good task with a fidelity and an optimum, the base of the faulty ones."""

    optimum = 0.0

    @property
    def problem(self):
        return Problem(Space({"x": Float(-1, 1), "n": Int(1, 9)}), fidelity=AXIS)

    def evaluate(self, config, fidelity, seed):
        return {"loss": config["x"] ** 2 + config["n"] - 1, "cost": fidelity * config["n"], "note": "seen"}

    def evaluate_many(self, configs, fidelities, seeds):
        return [self.evaluate(*item) for item in zip(configs, fidelities, seeds, strict=True)]


@dataclass
class Incomplete(Bowl):
    def evaluate(self, config, fidelity, seed):
        return {"los": 1.0, "cost": 1.0}


@dataclass
class Textual(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"loss": "0.3"}


@dataclass
class NoDict(Bowl):
    def evaluate(self, config, fidelity, seed):
        return 0.3


@dataclass
class ArrayExtra(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"curve": [1, 2]}


@dataclass
class AlwaysFails(Bowl):
    def evaluate(self, config, fidelity, seed):
        raise TrialFailed("no")


@dataclass
class Free(Bowl):
    def evaluate(self, config, fidelity, seed):
        return {"loss": config["x"] ** 2}


@dataclass
class NegativeCost(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"cost": -1.0}


@dataclass
class CheaperLater(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"cost": 10 - fidelity}


@dataclass
class Mutating(Bowl):
    def evaluate(self, config, fidelity, seed):
        return {"loss": config.pop("x") ** 2, "cost": 1.0}


@dataclass
class Remembers(Bowl):
    n: int = 0

    def evaluate(self, config, fidelity, seed):
        self.n += 1
        return super().evaluate(config, fidelity, seed) | {"loss": float(self.n)}


@dataclass
class Seeded(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"loss": float(seed)}


@dataclass
class GlobalNoise(Bowl):
    def evaluate(self, config, fidelity, seed):
        return super().evaluate(config, fidelity, seed) | {"extra": float(np.random.random())}  # noqa: NPY002


@dataclass
class Unpicklable(Bowl):
    def __post_init__(self):
        self.f = lambda x: x


@dataclass
class Beaten(Bowl):
    optimum = 1.0


@dataclass
class Infinite(Bowl):
    optimum = -math.inf


@dataclass
class ManyDiffer(Bowl):
    def evaluate_many(self, configs, fidelities, seeds):
        return [{"loss": 0.5, "cost": 1.0} for _ in configs]


@dataclass
class ClosedCorner(Bowl):
    def evaluate(self, config, fidelity, seed):
        return {} if abs(config["x"]) == 1 else super().evaluate(config, fidelity, seed)


@dataclass
class FullOnly(Bowl):
    def evaluate(self, config, fidelity, seed):
        if fidelity < AXIS.high:
            raise ValueError("full fidelity only")
        return super().evaluate(config, fidelity, seed)


@dataclass
class CostObjective(Bowl):
    @property
    def problem(self):
        return replace(super().problem, objectives=("cost",))


@dataclass
class NewProblem(Bowl):
    @property
    def problem(self):
        return Problem(Space({"x": Float(-1, random.Random().random())}), fidelity=AXIS)


TASK_FAULTS = [
    (Incomplete, "answers_are_complete", "evaluate returned los, cost; missing: loss"),
    (Textual, "answers_are_complete", "is str, expected a number"),
    (NoDict, "answers_are_complete", "evaluate returned float, expected a dict"),
    (ArrayExtra, "answers_are_complete", "curve=[1, 2] is list"),
    (AlwaysFails, "answers_are_complete", "trials failed"),
    (NegativeCost, "answers_are_complete", "cost=-1.0"),
    (Free, "cost_is_as_declared", "evaluate returned no cost"),
    (CheaperLater, "fidelity_is_accepted", "the cost falls with the fidelity"),
    (FullOnly, "fidelity_is_accepted", "no configuration was answered at every one of epochs"),
    (Mutating, "leaves_arguments_alone", "evaluate changed"),
    (Remembers, "repeats_itself", "the second call gave"),
    (Seeded, "noise_is_as_declared", "the seed changes the values"),
    (GlobalNoise, "leaves_the_world_alone", "changed NumPy's global generator"),
    (Unpicklable, "survives_pickling", "pickle"),
    (Beaten, "optimum_is_unbeaten", "optimum=1.0 is beaten by"),
    (Infinite, "optimum_is_unbeaten", "is not finite"),
    (ManyDiffer, "many_are_as_single_ones", "evaluate_many gave"),
    (ClosedCorner, "corners_are_answered", "missing: loss"),
    (CostObjective, "problem_is_well_formed", "named 'cost'"),
    (NewProblem, "problem_is_well_formed", "differs from call to call"),
]


@pytest.mark.parametrize(("faulty", "name", "message"), TASK_FAULTS, ids=lambda x: getattr(x, "__name__", None))
def test_a_fault_of_a_task_is_found(faulty, name, message):
    checks = dict(check_task(faulty, HONEST))
    with pytest.raises(Exception, match=re.escape(message)) as caught:
        checks[name]()
    assert "\n" not in str(caught.value)


def test_a_good_task_passes():
    for _, check in check_task(Bowl, HONEST):
        check()


@pytest.mark.parametrize(
    ("meta", "name", "message"),
    [
        ({"kinds": ["bb"]}, "problem_is_well_formed", "the task is mf, and its metadata declares bb"),
        ({"noisy": True}, "noise_is_as_declared", "three seeds gave the same values"),
        ({"cost": "evaluations"}, "cost_is_as_declared", "evaluate returned a cost"),
        ({"cost_grows": False, "checkpoints": True}, "fidelity_is_accepted", "cost_grows: false cannot have"),
    ],
)
def test_a_false_declaration_is_found(meta, name, message):
    with pytest.raises(ContractError, match=message):
        dict(check_task(Bowl, HONEST | meta))[name]()


def test_costs_may_fall_where_the_metadata_says_so():
    dict(check_task(CheaperLater, HONEST | {"cost_grows": False}))["fidelity_is_accepted"]()
