"""carps-lite: compare hyperparameter optimizers on benchmark tasks.

    import carps_lite as cl
    run = cl.run(lambda config: (config["x"] - 2) ** 2, "tpe", space=cl.Space({"x": cl.Float(-5, 5)}), budget=50)
    run.best.config, run.best.values

Names are imported when they are first used, so that the command line answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carps_lite.api import Run, make_optimizer, make_task, run
    from carps_lite.core import (
        Budget,
        Exhausted,
        Fidelity,
        Optimizer,
        Problem,
        Result,
        Task,
        Trial,
        TrialFailed,
    )
    from carps_lite.errors import InputError
    from carps_lite.space import Categorical, Config, Constant, Float, Int, Ordinal, Space
    from carps_lite.store import Store

_HOMES = {
    "api": ("Run", "make_optimizer", "make_task", "run"),
    "core": (
        "Budget",
        "Exhausted",
        "Fidelity",
        "Optimizer",
        "Problem",
        "Result",
        "Task",
        "Trial",
        "TrialFailed",
    ),
    "errors": ("InputError",),
    "space": ("Categorical", "Config", "Constant", "Float", "Int", "Ordinal", "Space"),
    "store": ("Store",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Budget",
    "Categorical",
    "Config",
    "Constant",
    "Exhausted",
    "Fidelity",
    "Float",
    "InputError",
    "Int",
    "Optimizer",
    "Ordinal",
    "Problem",
    "Result",
    "Run",
    "Space",
    "Store",
    "Task",
    "Trial",
    "TrialFailed",
    "make_optimizer",
    "make_task",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carps_lite' has no attribute {name!r}")
    return getattr(import_module(f"carps_lite.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
