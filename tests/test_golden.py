"""Shipped optimizers and tasks give what they gave when their `version` was last raised.

tests/golden.json holds, for each name in configs/, the `version` of its metadata and one hash for each set of library
versions that somebody recorded. After a change that is meant: raise `version` in the YAML, then

    python tests/test_golden.py              # records what is missing or belongs to an older version, and says so
    python tests/test_golden.py 'tasks/torch*'    # the same for these names alone

The numbers are rounded to four digits (optimizers, trainings) or nine (other tasks) before hashing, so that the last
bits, in which kinds of CPU differ, seldom matter. Of trainings, whose costs are measured, short ones under fixed seeds
are hashed, without what a clock or a meter gave.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from carps_lite import spec
from carps_lite.core import Fidelity, Problem, Result
from carps_lite.errors import InputError
from carps_lite.libraries import installed_version
from carps_lite.space import Categorical, Float, Int, Ordinal, Space

GOLDEN = Path(__file__).with_name("golden.json")
N_TRIALS = 14  # four beyond the random start of tpe and gp, two generations of cmaes
FURTHER_TASKS = {  # beside the defaults: each function, data set or type of a family
    "bbob": "bbob/fid:all/dim:3",
    "bbob_constrained": "bbob_constrained/fid:all/dim:3",
    "reactions": "reactions/dataset:all",
    "hpobench_mlp": "hpobench_mlp/dataset:all",
    "hpolib": "hpolib/dataset:all",
    "nasbench201": "nasbench201/dataset:all",
    "mixed": "mixed/kind:all",
    "hpob": "hpob92",
    "lcbench_finals": "lcbench_finals/dataset:all",
    "nasbench_graph": "nasbench_graph/dataset:all",
    "chemistry": "chemistry/dataset:all",
    "mfhartmann": "mfhartmann/dim:all/bias:all",
    "mfsynthetic": "mfsynthetic/function:all",
    "zdt": "zdt/fid:all/dim:10",
    "dtlz": "dtlz/fid:all",
    "wfg": "wfg/fid:all",
    "re": "re/name:all",
    "mfzdt": "mfzdt/shape:all",
    "design": "design/name:all",
    "bbob_noisy": "bbob_noisy/noise:all/level:all/fid:1+8",
    "sbox": "sbox/fid:all/dim:3",
    "mabbob": "mabbob/instance:1..5/dim:3",
}
TRAININGS = {  # short ones at the lowest fidelity: each inner optimizer, format, network and data set that is bundled
    "sklearn": ("sklearn/model:all/dataset:wine+diabetes/kind:mf/folds:1",),
    "torch_images": (
        "torch_images/kind:mf/epochs:3/search:training/optimizer:all",
        "torch_images/kind:mf/epochs:3/search:training/bits:all",
        "torch_images/kind:mf/epochs:3/optimizer:choice/bits:8",
        "torch_images/kind:mf/epochs:3/model:cnn",
    ),
    "torch_lm": (
        "torch_lm/kind:mf/steps_full:108/embedding:all",
        "torch_lm/kind:mf/steps_full:108/embedding_bits:same/bits:all",
    ),
    "torch_tabular": ("torch_tabular/dataset:diabetes+breast_cancer+wine/kind:momf/epochs:3",),
}
MEASURED = re.compile("cost|seconds|joules|peak")  # keys of an answer that a clock or a meter gave
SMOOTH = {"x": Float(-5, 5), "lr": Float(1e-5, 1, log=True), "n": Int(1, 50), "size": Ordinal((1, 2, 4, 8))}
CHOICES = {"c": Categorical(("a", "b", "c")), "momentum": Float(0, 1, when={"c": ("a", "b")})}


def names():
    return [(kind, name) for kind in ("optimizers", "tasks") for name in spec.names(kind)]


def variants(name):
    return [f"{name}/{v}".rstrip("/") for v in ("", *spec.meta("optimizers", name).get("variants", ()))]


def trajectories(name):
    """Short runs of an optimizer and its variants on an analytic problem with one and, if it can, two objectives."""
    for one in variants(name):
        meta = spec.meta("optimizers", one)
        space = Space(SMOOTH | (CHOICES if "categorical" in meta["parameters"] else {}))
        kinds = set(meta["kinds"])
        fidelity = None if kinds & {"bb", "mo"} else Fidelity("epochs", 1, 9)
        for objectives in [("a",)] * bool(kinds & {"bb", "mf"}) + [("a", "b")] * bool(kinds & {"mo", "momf"}):
            yield trajectory(one, Problem(space, objectives, fidelity=fidelity))


def trajectory(one, problem):
    optimizer, waiting, asked = spec.make("optimizers", one, problem=problem, seed=1), [], []
    while len(asked) < N_TRIALS:
        trial = optimizer.ask()
        if trial is not None:
            waiting.append(trial)
            level = [] if trial.fidelity is None else [trial.fidelity]
            asked.append([rounded(v, 4) for v in (*trial.config.values(), *level)])
            if len(asked) % 6:  # each sixth result comes late
                continue
        for t in waiting:
            optimizer.tell(t, outcome(problem, t))
        waiting = []
    return asked


def outcome(problem, trial):
    u = problem.space.encode(trial.config)
    values = [float(np.sum((u - target) ** 2 + 0.1 * u)) for target in (0.2, 0.7)]
    return Result(tuple(values[: len(problem.objectives)]) if u[0] < 0.9 else (math.nan,) * len(problem.objectives))


def table(name):
    """What a family answers at fixed points, fidelities and seeds; of real trainings, less of it."""
    for one in spec.expand("tasks", TRAININGS.get(name, ())):
        yield [spec.resolve("tasks", one).id, *short_trainings(spec.make("tasks", one))]
    for one in spec.expand("tasks", [name, *([FURTHER_TASKS[name]] if name in FURTHER_TASKS else [])]):
        resolved = spec.resolve("tasks", one)
        if resolved.meta["deterministic"]:
            yield [resolved.id, *answers(spec.build(resolved), resolved.meta["cost"] != "measured")]


def answers(task, with_cost):
    problem = task.problem
    levels = [None] if problem.fidelity is None else [int(problem.fidelity.low), int(problem.fidelity.high)]
    points = problem.space.decode_many(np.random.default_rng(0).random((5, len(problem.space))))
    for config in (problem.space.default, *points):
        for level in levels:
            for seed in (0, 1):
                yield answer(task, config, level, seed, with_cost)
    optimum = getattr(task, "optimum", None)
    yield None if optimum is None else rounded(float(optimum), 9)


def short_trainings(task):
    """Losses and all else that is not measured, at three points."""
    space, level = task.problem.space, task.problem.fidelity.low
    for config in (space.default, *space.decode_many(np.random.default_rng(0).random((2, len(space))))):
        found = answer(task, config, level, 0, False)
        if isinstance(found, str):
            yield found
        else:
            yield {key: rounded(float(value), 4) for key, value in found.items() if not MEASURED.search(key)}


def answer(task, config, level, seed, with_cost):
    try:
        found = task.evaluate(dict(config), level, seed)
    except Exception as error:
        return type(error).__name__
    return {key: rounded(value, 9) for key, value in sorted(found.items()) if with_cost or key != "cost"}


def rounded(value, digits):
    return f"{value:.{digits}g}" if isinstance(value, float) else value


def lacking(resolved):
    """Why a name cannot be checked here: a library or data that are not there."""
    missing = spec.unavailable(resolved)
    if missing is None and resolved.kind == "tasks":
        try:
            _ = spec.build(resolved).problem
        except InputError as error:
            return str(error)
    return missing


def environment(kind, meta):
    """What the numbers may depend on: library versions and, where rounding errors add up to other trials, the CPU."""
    libraries = sorted({"numpy", *meta.get("libraries", ())})
    trained = not meta.get("deterministic", True)  # 32-bit sums, as in onnxruntime, or trials that follow from rounding
    sums_differ = kind == "optimizers" or trained or "onnxruntime" in libraries
    machine = f"{platform.machine()} {cpu()}" if sums_differ else platform.machine()
    return ", ".join([machine, *(f"{name} {installed_version(name)}" for name in libraries)])


def cpu():
    """The model of the CPU, and the kernels that OpenBLAS is told to use."""
    facts = dict(re.findall(r"^(vendor_id|cpu family|model)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M))
    return " ".join([*facts.values(), os.environ.get("OPENBLAS_CORETYPE", "")]).strip()


def digest(kind, name):
    content = list(trajectories(name) if kind == "optimizers" else table(name))
    if not content:
        raise ValueError(f"{kind}/{name}: nothing is hashed; add short trainings to TRAININGS")
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("kind", "name"), names())
def test_golden(kind, name):
    resolved = spec.resolve(kind, name)
    missing = lacking(resolved)
    if missing:
        pytest.skip(missing)
    entry = json.loads(GOLDEN.read_text()).get(f"{kind}/{name}", {"version": None, "hashes": {}})
    if entry["version"] != resolved.meta["version"]:
        pytest.fail(f"nothing is recorded for version {resolved.meta['version']}: run `python tests/test_golden.py`")
    here = environment(kind, resolved.meta)
    if here not in entry["hashes"]:
        pytest.skip(f"recorded with {' | '.join(entry['hashes'])}; here: {here}")
    if digest(kind, name) != entry["hashes"][here]:
        pytest.fail(
            f"{name} gives other numbers than it did as version {entry['version']}: where that is meant, raise "
            f"`version` in configs/{kind}/{name}.yaml and run `python tests/test_golden.py`"
        )


def test_an_empty_list_is_no_golden_value(monkeypatch):
    monkeypatch.delitem(TRAININGS, "sklearn")
    with pytest.raises(ValueError, match=r"^tasks/sklearn: nothing is hashed"):
        digest("tasks", "sklearn")


def record(*patterns):
    """Write what is missing; a hash that no longer holds under the same version is left to the test."""
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for kind, name in names():
        if patterns and not any(fnmatch(f"{kind}/{name}", pattern) for pattern in patterns):
            continue
        resolved = spec.resolve(kind, name)
        here, version = environment(kind, resolved.meta), resolved.meta["version"]
        entry = golden.get(f"{kind}/{name}")
        if entry is None or entry["version"] != version:
            entry = golden[f"{kind}/{name}"] = {"version": version, "hashes": {}}
        if here not in entry["hashes"] and lacking(resolved) is None:
            entry["hashes"][here] = digest(kind, name)
            print(f"recorded {kind}/{name}, version {version}, for {here}")
    known = {f"{kind}/{name}" for kind, name in names()}
    kept = {key: golden[key] for key in sorted(golden) if key in known}
    GOLDEN.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    record(*sys.argv[1:])
