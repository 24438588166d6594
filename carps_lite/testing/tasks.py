"""The checks behind `carps_lite.testing.check_task`."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np

from carps_lite.core import KINDS, Fidelity, Problem, Task
from carps_lite.errors import InputError
from carps_lite.shown import rules
from carps_lite.space import Config, Space
from carps_lite.spec import Resolved
from carps_lite.testing import Check, ContractError, MakeTask, Meta, require
from carps_lite.testing.world import world_untouched

Answer = Mapping[str, Any] | None  # None where the trial failed
N_CORNERS, N_FOR_OPTIMUM, N_SEEDS = 8, 25, 12


def checks(make: MakeTask, meta: Meta, n_points: int) -> Iterator[Check]:
    """Yield (name, check)."""
    yield "problem_is_well_formed", partial(problem_is_well_formed, make, meta)
    yield "shown_objectives_exist", partial(shown_objectives_exist, make, meta)
    for check in (answers_are_complete, corners_are_answered, leaves_arguments_alone, leaves_the_world_alone):
        yield check.__name__, partial(check, make, n_points)
    yield "survives_pickling", partial(survives_pickling, make, meta, n_points)
    yield "cost_is_as_declared", partial(cost_is_as_declared, make, meta, n_points)
    if meta.get("deterministic", False):
        yield "repeats_itself", partial(repeats_itself, make, meta, n_points)
    if "noisy" in meta:
        yield "noise_is_as_declared", partial(noise_is_as_declared, make, meta, n_points)
    # what a task has is known only once it is built: these pass where there is nothing to check
    yield "fidelity_is_accepted", partial(fidelity_is_accepted, make, meta, n_points)
    yield "optimum_is_unbeaten", partial(optimum_is_unbeaten, make, meta, n_points * N_FOR_OPTIMUM)
    yield "many_are_as_single_ones", partial(many_are_as_single_ones, make, meta, n_points)


def configs_of(space: Space, n: int, seed: int = 0) -> list[Config]:
    """The default and n random configurations, always the same ones."""
    return [space.default, *space.decode_many(np.random.default_rng(seed).random((n, len(space))))]


def told(fidelity: Fidelity | None, value: float | None = None) -> float | None:
    """A fidelity as the run loop passes it: the full one for None, whole numbers as int."""
    if fidelity is None:
        return None
    value = fidelity.high if value is None else value
    return int(value) if fidelity.integer else value


def answer(task: Task, config: Config, fidelity: float | None = None, seed: int = 0) -> Answer:
    """Evaluate at `fidelity` (None: in full) and check the form of the answer; None where the trial failed."""
    problem = task.problem
    try:
        found = task.evaluate(dict(config), told(problem.fidelity, fidelity), seed)
    except Exception:  # whatever a task raises is a failed trial
        return None
    require(isinstance(found, Mapping), f"evaluate returned {type(found).__name__}, expected a dict")
    names = (*problem.objectives, *problem.constraints)
    missing = [name for name in names if name not in found]
    require(not missing, f"evaluate returned {', '.join(map(str, found))}; missing: {', '.join(missing)}")
    for key, value in found.items():
        if key in names or key == "cost":
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            require(number, f"{key}={value!r} in {dict(config)} is {type(value).__name__}, expected a number")
        else:
            plain = value is None or type(value) in (float, int, str, bool)
            require(plain, f"{key}={value!r} is {type(value).__name__}, expected a plain number, string or bool")
    cost = float(found.get("cost", 0.0))
    require(0 <= cost < math.inf, f"cost={cost} in {dict(config)}, expected a finite number, 0 at least")
    return found if all(math.isfinite(found[name]) for name in names) else None


def values(problem: Problem, found: Answer, cost: bool = False) -> tuple[float, ...] | None:
    """The numbers that an optimizer would be told, as Python's own."""
    if found is None:
        return None
    names = (*problem.objectives, *problem.constraints, *(["cost"] if cost and "cost" in found else []))
    return tuple(float(found[name]) for name in names)


def problem_is_well_formed(make: MakeTask, meta: Meta) -> None:
    """A Problem of a declared kind with a legal default, the same one each time."""
    task = make()
    problem = task.problem
    require(isinstance(problem, Problem), f"problem is {type(problem).__name__}, expected a Problem")
    require(task.problem == problem and make().problem == problem, "problem differs from call to call")
    require(len(problem.space) > 0, "the space has no parameters")
    wrong = problem.space.violation(problem.space.default)
    require(wrong is None, f"the default configuration is not legal: {wrong}")
    names = [*problem.objectives, *problem.constraints]
    require(len(set(names)) == len(names), f"objectives and constraints share names: {', '.join(names)}")
    require("cost" not in names, "no objective or constraint can be named 'cost'")
    kinds = meta.get("kinds", KINDS)
    require(problem.kind in kinds, f"the task is {problem.kind}, and its metadata declares {', '.join(kinds)}")
    if problem.reference is not None:
        require(all(map(math.isfinite, problem.reference)), f"reference={problem.reference} is not finite")


def shown_objectives_exist(make: MakeTask, meta: Meta) -> None:
    """`meta.shown` is well formed and names objectives of the task.

    A family may name those that other options give, so only what is close to an objective of this task that has no
    declaration is taken for a slip.
    """
    declared = meta.get("shown")
    named = declared if isinstance(declared, Mapping) else {}
    options = [pair.partition(":")[0] for key in named for pair in str(key).split("/")[1:]]
    try:
        found = rules(Resolved("tasks", "the task", "the task", "", dict.fromkeys(options), meta))
    except InputError as error:
        raise ContractError(str(error)) from None
    objectives, names = make().problem.objectives, {rule.objective for rule in found}
    for name in sorted(names - set(objectives)):
        close = get_close_matches(name, [o for o in objectives if o not in names], n=1, cutoff=0.8)
        require(not close, f"meta.shown names {name!r}, and the task has {', '.join(map(repr, close))}")


def answers_are_complete(make: MakeTask, n: int) -> None:
    """Every objective and constraint is a number or the trial fails; at random points it does not always fail."""
    task = make()
    space = task.problem.space
    answers = [answer(task, config) for config in configs_of(space, n)]
    if all(found is None for found in answers):
        answers = [answer(task, config) for config in configs_of(space, 10 * n, seed=1)]
    require(any(found is not None for found in answers), f"all of {len(answers)} trials failed, the default one too")


def corners_are_answered(make: MakeTask, n: int) -> None:
    """The ends of all ranges are legal values: two opposite corners of the unit cube and some of the others."""
    task = make()
    space = task.problem.space
    rng = np.random.default_rng(0)
    d = len(space)
    some = list(product((0.0, 1.0), repeat=d)) if 2**d <= N_CORNERS else rng.integers(0, 2, (N_CORNERS - 2, d)).tolist()
    for config in space.decode_many(np.array([[0.0] * d, [1.0] * d, *some], dtype=float)):
        wrong = space.violation(config)
        require(wrong is None, f"a corner of the space is not legal: {wrong}")
        answer(task, config)


def leaves_arguments_alone(make: MakeTask, n: int) -> None:
    """`evaluate` changes neither the configuration that it is given nor the problem."""
    task = make()
    problem = copy.deepcopy(task.problem)
    for config in configs_of(problem.space, n):
        given = dict(config)
        try:
            task.evaluate(given, told(problem.fidelity), 0)
        except Exception:
            require(given == config, f"evaluate changed {config} into {given} and failed")
        require(given == config, f"evaluate changed {config} into {given}")
    require(task.problem == problem, "evaluate changed the problem")


def leaves_the_world_alone(make: MakeTask, n: int) -> None:
    """No global generator is used or seeded, no variable of the environment set."""
    answer(make(), make().problem.space.default)  # imports may set what they like
    with world_untouched("the task"):
        task = make()
        for config in configs_of(task.problem.space, n):
            answer(task, config, seed=1)


def survives_pickling(make: MakeTask, meta: Meta, n: int) -> None:
    """A task travels to worker processes, before and after its first evaluation."""
    task = make()
    config = next((c for c in configs_of(task.problem.space, n) if answer(task, c) is not None), None)
    for travelled in (pickle.loads(pickle.dumps(make())), pickle.loads(pickle.dumps(task))):
        require(travelled.problem == task.problem, "the problem changes when the task is pickled")
        if config is not None and meta.get("deterministic", False):
            same_answers(task.problem, [config], [answer(task, config)], [answer(travelled, config)], "a pickled copy")


def cost_is_as_declared(make: MakeTask, meta: Meta, n: int) -> None:
    """`recorded` and `measured` costs are there; a task that knows only `evaluations` reports none."""
    task = make()
    declared = meta.get("cost")
    for config in configs_of(task.problem.space, n):
        found = answer(task, config)
        if found is not None and declared in ("recorded", "measured"):
            require("cost" in found, f"the metadata says cost: {declared}, but evaluate returned no cost")
        if found is not None and declared == "evaluations":
            require("cost" not in found, "the metadata says cost: evaluations, but evaluate returned a cost")


def repeats_itself(make: MakeTask, meta: Meta, n: int) -> None:
    """Same configuration, fidelity and seed, same numbers: again, in another instance, in another order."""
    task, other = make(), make()
    configs, problem = configs_of(task.problem.space, n), task.problem
    cost = meta.get("cost") != "measured"
    first = [answer(task, c, seed=3) for c in configs]
    again = [answer(task, c, seed=3) for c in configs]
    backwards = [answer(other, c, seed=3) for c in reversed(configs)][::-1]
    same_answers(problem, configs, first, again, "the second call", cost)
    same_answers(problem, configs, first, backwards, "a fresh instance in another order", cost)


def same_answers(
    problem: Problem, configs: Sequence[Config], a: Sequence[Answer], b: Sequence[Answer], what: str, cost: bool = False
) -> None:
    """Raise ContractError, naming the configuration, where two lists of answers differ."""
    for config, one, other in zip(configs, a, b, strict=True):
        x, y = values(problem, one, cost), values(problem, other, cost)
        require(x == y, f"{what} gave {y or 'a failure'} after {x or 'a failure'} in {config}")


def noise_is_as_declared(make: MakeTask, meta: Meta, n: int) -> None:
    """Values depend on the seed where the metadata says noisy, and only there."""
    task = make()
    configs, problem = configs_of(task.problem.space, n), task.problem
    by_seed = [[values(problem, answer(task, c, seed=s)) for s in (0, 1, 2**31 - 1)] for c in configs]
    if meta["noisy"]:
        depends = any(len(set(found)) > 1 for found in by_seed)
        require(
            depends, f"the metadata says noisy, but three seeds gave the same values in {len(configs)} configurations"
        )
        return
    for config, found in zip(configs, by_seed, strict=True):
        require(
            len(set(found)) == 1, f"the metadata says not noisy, but the seed changes the values in {config}: {found}"
        )


def fidelity_is_accepted(make: MakeTask, meta: Meta, n: int) -> None:
    """The lowest, a middle and the full fidelity are answered, and more fidelity never costs less.

    Measured costs may fall by chance, and recorded or modelled ones where the metadata says `cost_grows: false`; such a
    task cannot have checkpoints, since what a continued trial pays is a difference of costs.
    """
    task = make()
    axis = task.problem.fidelity
    if axis is None:
        return
    may_fall = meta.get("cost") == "measured" or not meta.get("cost_grows", True)
    continued = bool(meta.get("checkpoints", False)) and not meta.get("cost_grows", True)
    require(not continued, "the metadata says checkpoints: true, which a task with cost_grows: false cannot have")
    middle = math.sqrt(axis.low * axis.high)
    levels = sorted({axis.low, float(round(middle)) if axis.integer else middle, axis.high})
    succeeded = 0
    for config in configs_of(task.problem.space, n):
        answers = [answer(task, config, level) for level in levels]
        costs = [float(a["cost"]) for a in answers if a is not None and "cost" in a]
        grows = may_fall or all(a <= b for a, b in pairwise(costs))
        require(grows, f"the cost falls with the fidelity: {costs} at {axis.name} {levels} in {config}")
        succeeded += all(a is not None for a in answers)
    require(succeeded, f"no configuration was answered at every one of {axis.name} {levels}")


def optimum_is_unbeaten(make: MakeTask, meta: Meta, n: int) -> None:
    """No random feasible configuration is better than the stated optimum; of a noisy task, no mean over twelve seeds.

    Allowed are rounding, 1e-9 of the optimum's size, and four standard errors of such a mean.
    """
    task: Any = make()
    problem: Problem = task.problem
    if getattr(task, "optimum", None) is None:
        return
    optimum = np.atleast_1d(np.asarray(task.optimum, dtype=float))
    require(optimum.size == len(problem.objectives), f"optimum={task.optimum}, expected a number for each objective")
    require(np.isfinite(optimum).all(), f"optimum={task.optimum} is not finite")
    n_seeds = N_SEEDS if meta.get("noisy", True) else 1
    for config in configs_of(problem.space, n):
        found = [values(problem, answer(task, config, seed=seed)) for seed in range(n_seeds)]
        rows = np.array([row for row in found if row is not None])
        if len(rows) < n_seeds or (rows[:, optimum.size :] > 0).any():
            continue
        observed = rows[:, : optimum.size]
        slack = 1e-9 * np.maximum(1, np.abs(optimum)) + 4 * observed.std(axis=0) / math.sqrt(n_seeds)
        beaten = observed.mean(axis=0) < optimum - slack
        require(not beaten.any(), f"optimum={task.optimum} is beaten by {observed.mean(axis=0).tolist()} in {config}")


def many_are_as_single_ones(make: MakeTask, meta: Meta, n: int) -> None:
    """`evaluate_many` gives what single evaluations give, up to rounding: `meta.batch_rtol`, else 1e-6 of the value.

    Each configuration must keep to it or, where `meta.batch_rtol_of` is `median`, at least half of them: a training
    that is unstable amplifies rounding without bound, or fails only one way.
    """
    task: Any = make()
    problem: Problem = task.problem
    if not hasattr(task, "evaluate_many"):
        return
    configs = [c for c in configs_of(problem.space, n) if answer(task, c) is not None]
    many = task.evaluate_many([dict(c) for c in configs], [told(problem.fidelity)] * len(configs), [0] * len(configs))
    require(len(many) == len(configs), f"evaluate_many gave {len(many)} answers for {len(configs)} configurations")
    rtol, of = meta.get("batch_rtol", 1e-6), meta.get("batch_rtol_of", "each")
    require(of in ("each", "median"), f"meta.batch_rtol_of={of!r}; known: each, median")
    apart = []
    for config, found in zip(configs, many, strict=True):
        one = values(problem, answer(task, config))
        other = None if isinstance(found, BaseException) else values(problem, found)
        if one is None or other is None or not np.allclose(one, other, rtol=rtol, atol=1e-9):
            apart.append(f"evaluate_many gave {other} and evaluate {one} in {config}")
    allowed = len(configs) // 2 if of == "median" else 0
    require(len(apart) <= allowed, f"{len(apart)} of {len(configs)} are further apart than {rtol:g}: {apart[:1]}")
