"""The contract of optimizers and tasks as checks that anybody can run on a class of their own.

    @pytest.mark.parametrize(("name", "check"), list(check_optimizer(MyOptimizer, MyOptimizer.meta)))
    def test_contract(name, check):
        check()

`carps-lite check optimizer|task IMPORT_PATH` runs the same. Each check raises ContractError with one line that says
what was expected and what was seen. All seeds are fixed: a check that passes once passes always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from carps_lite.core import Optimizer, Problem, Task

Meta = Mapping[str, Any]
MakeOptimizer = Callable[[Problem, int], Optimizer]
MakeTask = Callable[[], Task]
Check = tuple[str, Callable[[], None]]


class ContractError(AssertionError):
    """An optimizer or a task does not keep the contract; the message is one line."""


def require(condition: object, message: str) -> None:
    """Raise ContractError with `message` where `condition` does not hold."""
    if not condition:
        raise ContractError(message)


def check_optimizer(make: MakeOptimizer, meta: Meta | None = None, n_trials: int = 25) -> Iterator[Check]:
    """Yield (name, check) for all that an optimizer with this metadata must do; `make(problem, seed)` builds it.

    `n_trials`: how many trials a check asks for; it should reach beyond a random start. Without metadata an optimizer
    is taken to handle everything. Keys of `meta` read here: kinds, parameters, conditions, constraints, uses_budget,
    deterministic (false: it need not repeat itself) and seeded (false: it need not depend on the seed).
    """
    from carps_lite.testing.optimizers import checks

    return checks(make, meta or {}, n_trials)


def check_task(make: MakeTask, meta: Meta | None = None, n_points: int = 8) -> Iterator[Check]:
    """Yield (name, check) for all that a task with this metadata must do; `make()` builds it.

    `n_points`: random configurations that a check evaluates. Keys of `meta` read here: kinds, deterministic (true: it
    is held to repeat itself), noisy, cost, shown.
    """
    from carps_lite.testing.tasks import checks

    return checks(make, meta or {}, n_points)
