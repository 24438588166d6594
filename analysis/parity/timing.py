"""How long a training takes in each format, measured in turn so that a busy machine slows all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from time import process_time
from typing import Any

from carps_lite.core import Task, TrialFailed
from carps_lite.space import Config

SEED = 1


def seconds(tasks: Mapping[str, Task], rounds: int, on_gpu: bool) -> dict[str, list[float]]:
    """Train the default configuration in every format, round after round; seconds of a full training, a list each.

    `tasks`: by format, multi-fidelity ones. On a CPU they are CPU seconds, which other processes disturb less: those
    of a full training minus those of a short one, scaled up, so that set-up, compilation and scoring drop out. On a
    GPU they are what the task itself measured, its first step left out. The least of the rounds is the one to compare;
    a format whose training fails has an empty list.
    """
    measure = _on_gpu if on_gpu else _on_cpu
    found: dict[str, list[float]] = {name: [] for name in tasks}
    alive = dict(tasks)
    for i in range(rounds + 1):  # the first round warms up: libraries are imported, kernels compiled
        for name, task in list(alive.items()):
            try:
                took = measure(task, dict(task.problem.space.default))
            except TrialFailed:
                del alive[name]
                found[name].clear()
                continue
            if i:
                found[name].append(took)
    return found


def _on_cpu(task: Task, config: Config) -> float:
    axis = task.problem.fidelity
    if axis is None or axis.low == axis.high:
        raise ValueError("a task with two levels of fidelity is needed")
    short, long = (_cpu_seconds(task, config, level) for level in (axis.low, axis.high))
    return (long - short) * axis.high / (axis.high - axis.low)


def _cpu_seconds(task: Task, config: Config, level: float) -> float:
    fresh = copy(task)  # which has no checkpoint to go on from
    begin = process_time()
    fresh.evaluate(config, level, SEED)
    return process_time() - begin


def _on_gpu(task: Task, config: Config) -> float:
    answer: Mapping[str, Any] = task.evaluate(config, None, SEED)
    return float(answer["train_seconds"])
