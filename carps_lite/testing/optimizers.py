"""The checks behind `carps_lite.testing.check_optimizer`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile

import numpy as np

from carps_lite.core import KINDS, Budget, Exhausted, Fidelity, Optimizer, Problem, Result, Trial
from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Param, Space
from carps_lite.spec import mismatch, parameter_kind
from carps_lite.testing import Check, MakeOptimizer, Meta, require
from carps_lite.testing.world import world_untouched

Outcome = Callable[[int, Trial], Result]  # the number of a trial and the trial -> what the optimizer is told

PARAMS: dict[str, Param] = {
    "x": Float(-5, 5),
    "lr": Float(1e-5, 1, log=True),
    "n": Int(1, 9),
    "width": Int(4, 512, log=True),
    "size": Ordinal(("s", "m", "l", "xl")),
    "method": Categorical(("sgd", "adam", "lbfgs")),
    "flag": Categorical((False, True, 1)),  # True is not 1
    "fixed": Constant("as is"),
}
PARENTS = {"method": ("sgd", "adam"), "size": ("m", "l"), "n": (2, 3, 4, 5)}  # the first that is handled is a parent
ONES: dict[str, Param] = {
    "float": Float(0, 1),
    "int": Int(0, 3),
    "categorical": Categorical(("a", "b")),
    "ordinal": Ordinal((1, 2, 4)),
}
FIDELITY = Fidelity("epochs", 1, 27)
N_SEEDS, N_SPHERE, N_REFERENCE, WORST_QUANTILE = 5, 30, 200, 0.85


def checks(make: MakeOptimizer, meta: Meta, n_trials: int) -> Iterator[Check]:
    """Yield (name, check): each declared kind with each check, then those that need one kind only."""
    kinds = list(meta.get("kinds", KINDS))
    several = [asks_valid_trials, accepts_late_tells, accepts_reversed_tells, survives_failures]
    several += [survives_failures_only, leaves_the_world_alone]
    several += [same_seed_same_trials] if meta.get("deterministic", True) else []
    several += [other_seed_other_trials] if meta.get("seeded", True) else []
    for kind in kinds:
        problem = problem_of(kind, meta)
        for check in several:
            yield f"{check.__name__}[{kind}]", partial(check, make, problem, n_trials)
        if meta.get("constraints", True):
            constrained = replace(problem, constraints=("too_slow", "too_big"))
            yield f"takes_constraints[{kind}]", partial(survives_failures, make, constrained, n_trials)
    single = [kind for kind in kinds if kind in ("bb", "mf")]
    yield "refuses_what_it_does_not_declare", partial(refuses_the_rest, meta)
    first = problem_of(kinds[0], meta)
    for name, space in small_spaces(meta):
        yield f"takes_small_space[{name}]", partial(asks_valid_trials, make, replace(first, space=space), n_trials)
    yield "leaves_arguments_alone", partial(leaves_arguments_alone, make, first)
    yield "takes_odd_values", partial(takes_odd_values, make, first, n_trials)
    if single:
        yield f"not_worse_than_random[{single[0]}]", partial(not_worse_than_random, make, problem_of(single[0], meta))


def space_of(meta: Meta) -> Space:
    """A space with every kind of parameter, and with the conditions, that the metadata declares."""
    handled = meta.get("parameters")
    params = {name: p for name, p in PARAMS.items() if handled is None or parameter_kind(p) in handled}
    parent = next((name for name in PARENTS if name in params), None)
    if parent is not None and meta.get("conditions", True):
        p = next(iter(params.values()))
        when = {parent: PARENTS[parent]}
        params["child"] = replace(p, when=when)
        params["grandchild"] = replace(params[parent], when=when)
        params["third"] = replace(p, when={"grandchild": PARENTS[parent][:1], **when})
    return Space(params)


def problem_of(kind: str, meta: Meta) -> Problem:
    """A problem of this kind over all that the metadata declares."""
    return Problem(
        space_of(meta),
        objectives=("loss", "seconds") if kind.startswith("mo") else ("loss",),
        fidelity=FIDELITY if kind.endswith("mf") else None,
        reference=(1.0, 1.0) if kind.startswith("mo") else None,
        budget=Budget(25) if meta.get("uses_budget") else None,
    )


def small_spaces(meta: Meta) -> Iterator[tuple[str, Space]]:
    """Spaces of a single parameter of each declared kind, and of constants only."""
    handled = meta.get("parameters", (*ONES, "constant"))
    for kind, p in ONES.items():
        if kind in handled:
            yield f"one {kind}", Space({"p": p})
    if "constant" in handled:
        yield "constants only", Space({"p": Constant(1), "q": Constant("b")})
    elif "float" in handled:
        yield "one value only", Space({"p": Float(1, 1)})


def distance(space: Space, trial: Trial, target: float = 0.3) -> float:
    """Mean squared distance to a point of the unit cube, in [0, 1]; inactive parameters count as its middle."""
    return float(np.mean((space.encode(trial.config) - target) ** 2)) if len(space) else 0.0


def smooth(problem: Problem) -> Outcome:
    """Objectives with different optima, constraints that cut off part of the space, a cost that grows with fidelity."""

    def outcome(number: int, trial: Trial) -> Result:
        share = float(problem.share(trial.fidelity))
        values = [
            distance(problem.space, trial, 0.3 + 0.4 * i) + 0.01 * (1 - share) for i in range(len(problem.objectives))
        ]
        cuts = [distance(problem.space, trial, 0.9) - 0.25 * (i + 1) for i in range(len(problem.constraints))]
        return Result(tuple(values), share, tuple(cuts))

    return outcome


def failing(problem: Problem, every: int) -> Outcome:
    """Like `smooth`, but each `every`-th trial fails."""
    good = smooth(problem)

    def outcome(number: int, trial: Trial) -> Result:
        result = good(number, trial)
        if number % every:
            return result
        nan = math.nan
        return Result((nan,) * len(result.values), result.cost, (nan,) * len(result.constraints))

    return outcome


def drive(
    optimizer: Optimizer, problem: Problem, n: int, outcome: Outcome | None = None, *, order: str = "first"
) -> list[Trial]:
    """Ask for n trials, `problem.n_workers` pending at most, and check each; fewer where the optimizer is exhausted.

    `order` says which pending trials are told when the workers are busy: the `first`, the `last` (the first one then
    waits until the end or until nothing else is pending), or `all` of them, the last first.
    """
    outcome = outcome or smooth(problem)
    asked: list[Trial] = []
    pending: list[tuple[int, Trial]] = []
    while len(asked) < n:
        try:
            trial = optimizer.ask()
        except Exhausted:
            exhausted_for_good(optimizer, bool(pending))
            break
        if trial is not None:
            valid(trial, problem, len(asked))
            pending.append((len(asked), trial))
            asked.append(trial)
        require(pending, f"ask returned None at trial {len(asked)} although no result is pending")
        if trial is None or len(pending) == problem.n_workers:
            for number, told in taken(pending, order):
                optimizer.tell(told, outcome(number, told))
    for number, told in taken(pending, "all"):
        optimizer.tell(told, outcome(number, told))
    return asked


def taken(pending: list[tuple[int, Trial]], order: str) -> list[tuple[int, Trial]]:
    """Remove from `pending` what is to be told now."""
    if order == "all":
        told = pending[::-1]
        pending.clear()
        return told
    return [pending.pop(0 if order == "first" else -1)]


def valid(trial: Trial, problem: Problem, number: int) -> None:
    """Check one trial: legal, plain Python scalars, active parameters only, a fidelity that exists."""
    at = f"trial {number}"
    require(isinstance(trial, Trial), f"{at}: ask returned {type(trial).__name__}, expected a Trial or None")
    require(type(trial.config) is dict, f"{at}: config is {type(trial.config).__name__}, expected a dict")
    wrong = problem.space.violation(trial.config)
    require(wrong is None, f"{at}: {wrong}")
    for name, value in trial.config.items():
        plain = type(value) in (float, int, str, bool)  # a NumPy scalar is no JSON
        require(plain, f"{at}: {name}={value!r} is {type(value).__name__}, expected float, int, str or bool")
    fidelity, axis = trial.fidelity, problem.fidelity
    if fidelity is None:
        return
    require(axis is not None, f"{at}: fidelity={fidelity}, but the problem has none")
    if axis is not None:
        inside = axis.low <= fidelity <= axis.high and (not axis.integer or fidelity == int(fidelity))
        require(inside, f"{at}: fidelity={fidelity} is outside {axis}")


def exhausted_for_good(optimizer: Optimizer, pending: bool) -> None:
    """An optimizer that has nothing left, and waits for nothing, keeps saying so."""
    if pending:
        return
    try:
        again = optimizer.ask()
    except Exhausted:
        return
    require(False, f"ask raised Exhausted, and then returned {again} without being told anything")


def asks_valid_trials(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """Legal trials from the first on; a recommendation, where there is one, is legal too."""
    optimizer = make(problem, 0)
    asked = drive(optimizer, problem, n)
    require(asked, "the first ask raised Exhausted")
    recommend = getattr(optimizer, "recommend", None)
    if recommend is not None:
        wrong = problem.space.violation(recommend())
        require(wrong is None, f"recommend: {wrong}")


def same_seed_same_trials(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """A run is a function of its seed, with one worker and with several."""
    for order, workers in (("first", 1), ("last", 3)):
        wide = replace(problem, n_workers=workers)
        one, other = (drive(make(wide, 7), wide, n, order=order) for _ in range(2))
        same_trials(one, other, "the same seed")


def same_trials(a: Sequence[Trial], b: Sequence[Trial], what: str) -> None:
    """Raise ContractError, naming the first difference, where two trajectories differ."""
    n_equal = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
    if n_equal < max(len(a), len(b)):
        one, other = ([*t, None][min(n_equal, len(t))] for t in (a, b))
        require(False, f"{what} gave other trials: trial {n_equal} is {one}, and then {other}")


def other_seed_other_trials(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """The seed matters."""
    zero, one = (drive(make(problem, seed), problem, n) for seed in (0, 1))
    require(zero != one, f"seeds 0 and 1 gave the same {len(zero)} trials")


def accepts_late_tells(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """Results may arrive in any order: here the first trial's result is the last of all."""
    wide = replace(problem, n_workers=4)
    drive(make(wide, 0), wide, n, order="last")


def accepts_reversed_tells(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """Results may arrive in batches, the last asked first."""
    wide = replace(problem, n_workers=4)
    drive(make(wide, 0), wide, n, order="all")


def survives_failures(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """Every third trial fails, the first one among them."""
    drive(make(problem, 0), problem, n, failing(problem, 3))


def survives_failures_only(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """All trials fail, with one worker and with several."""
    for workers in (1, 4):
        wide = replace(problem, n_workers=workers)
        drive(make(wide, 0), wide, n, failing(problem, 1), order="all")


def leaves_the_world_alone(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """No global generator is used or seeded, no variable of the environment set."""
    drive(make(problem, 0), problem, n)  # imports may set what they like
    with world_untouched("the optimizer"):
        drive(make(problem, 0), problem, n)


def leaves_arguments_alone(make: MakeOptimizer, problem: Problem) -> None:
    """Neither the problem nor a trial or a result that was told is changed."""
    before, optimizer = copy.deepcopy(problem), make(problem, 0)
    outcome = smooth(problem)
    told: list[tuple[Trial, dict[str, object]]] = []
    for number in range(3):
        trial = optimizer.ask()
        if trial is None:
            break
        told.append((trial, dict(trial.config)))
        optimizer.tell(trial, outcome(number, trial))
    require(problem == before, "the optimizer changed the problem")
    for trial, config in told:
        require(trial.config == config, f"the optimizer changed a configuration: {config} became {trial.config}")


def takes_odd_values(make: MakeOptimizer, problem: Problem, n: int) -> None:
    """Values that are all equal, and values that span forty orders of magnitude."""
    n_values = len(problem.objectives)
    drive(make(problem, 0), problem, n, lambda number, trial: Result((0.0,) * n_values))
    good = smooth(problem)
    wide: Outcome = lambda number, trial: Result(tuple(10 ** (80 * v - 20) for v in good(number, trial).values))  # noqa: E731
    drive(make(problem, 0), problem, n, wide)


def refuses_the_rest(meta: Meta) -> None:
    """Metadata accepts all that it declares, and gives a reason for everything else."""
    for kind in KINDS:
        problem = problem_of(kind, meta)
        reason = mismatch(meta, problem)
        if kind in meta.get("kinds", KINDS):
            require(reason is None, f"the metadata declares {kind} and refuses it: {reason}")
        else:
            require(reason, f"the metadata does not declare {kind} and accepts it")
    problem = problem_of(next(iter(meta.get("kinds", KINDS))), meta)
    handled = meta.get("parameters", [parameter_kind(p) for p in PARAMS.values()])
    beyond = {
        f"{parameter_kind(p)} parameters": Space({"p": p}) for p in PARAMS.values() if parameter_kind(p) not in handled
    }
    if not meta.get("conditions", True):
        beyond["conditions"] = Space({"p": Int(0, 3), "q": Int(0, 3, when={"p": (1,)})})
    for what, space in beyond.items():
        require(mismatch(meta, replace(problem, space=space)), f"the metadata does not declare {what} and accepts them")
    if not meta.get("constraints", True):
        refused = mismatch(meta, replace(problem, constraints=("c",)))
        require(refused, "the metadata does not declare constraints and accepts them")


def not_worse_than_random(make: MakeOptimizer, problem: Problem) -> None:
    """On a sphere the mean quantile among random searches is at most 0.85 over five seeds (random search: 0.5 +- 0.13).

    The sphere has three parameters of the first declared kind and ignores the fidelity; the budget counts full
    evaluations.
    """
    p = next(p for p in problem.space.values() if parameter_kind(p) != "constant")
    problem = replace(problem, space=Space(dict.fromkeys("abc", p)))
    draws = np.random.default_rng(0).random((N_REFERENCE * N_SPHERE, 3))
    scores = [distance(problem.space, Trial(config)) for config in problem.space.decode_many(draws)]
    bests = np.min(np.reshape(scores, (-1, N_SPHERE)), axis=1)
    reached = [best_on_sphere(make(problem, seed), problem) for seed in range(N_SEEDS)]
    quantile = float(np.mean([np.mean(bests < best) for best in reached]))
    require(
        quantile <= WORST_QUANTILE,
        f"after {N_SPHERE} evaluations of a sphere it is worse than {quantile:.0%} of random searches (mean of "
        f"{N_SEEDS} seeds; at most {WORST_QUANTILE:.0%} is allowed)",
    )


def best_on_sphere(optimizer: Optimizer, problem: Problem) -> float:
    """The best distance that is asked for within the budget."""
    best, spent = math.inf, 0.0
    while spent < N_SPHERE:
        try:
            trial = optimizer.ask()
        except Exhausted:
            break
        if trial is None:
            require(False, "ask returned None although no result is pending")
            break
        value, share = distance(problem.space, trial), float(problem.share(trial.fidelity))
        best, spent = min(best, value), spent + share
        optimizer.tell(trial, Result((value,) * len(problem.objectives), share))
    return best
