"""A choice as files: the suite that `carps-lite run task=NAME` takes, and a JSON record of how it came about."""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from typing import Any

from carps_lite.analysis.numbers import count
from carps_lite.analysis.subset.agreement import Agreement
from carps_lite.analysis.subset.choosing import Choice, Request
from carps_lite.analysis.subset.which_k import Size

MARK = "chosen by `carps-lite subset`"
LIBRARIES = ("carps-lite", "numpy", "scipy", "numba")


def suite_text(choice: Choice, number: int) -> str:
    """The suite file of one subset: a comment that says what it is, and a task a line."""
    one, points = choice.subsets[number], choice.points
    head = (
        f"# {count(one.k, 'task')} of {len(points.tasks)} by star discrepancy ({one.discrepancy:.4f}) over "
        f"{', '.join(points.axes)}; {MARK}"
    )
    lines = [f"- {task}" for task in choice.tasks(number)]
    return "\n".join([head, *lines]) + "\n"


def record(choice: Choice, number: int, request: Request, inputs: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to judge one subset and to compute it again."""
    one, points = choice.subsets[number], choice.points
    return {
        "suite": choice.names[number],
        "tasks": choice.tasks(number),
        "k": one.k,
        "discrepancy": one.discrepancy,
        "lower_bound": one.lower_bound,
        "proven_optimal": one.proven,
        "interrupted": choice.interrupted,
        "points": {task: dict(zip(points.axes, own, strict=True)) for task, own in _points(choice).items()},
        "groups": dict(zip(points.tasks, points.groups, strict=True)),
        "measured": measured(one),
        "sizes": [{"k": s.k, "discrepancy": s.discrepancy, **measured(s)} for s in choice.studied],
        "recommended": None
        if choice.recommended is None
        else dict(zip(("k", "because"), choice.recommended, strict=True)),
        "together_with": [name for name in choice.names if name != choice.names[number]],
        "parameters": {
            "optimizer": list(points.axes),
            "validate": list(choice.kept_out.optimizers) if choice.kept_out else [],
            "scale": request.scale,
            "between": request.between,
            "method": request.method if len(choice.names) > 1 else None,
            "keep": list(request.keep.get(choice.names[number], ())),
            "seed": request.seed,
            "seconds": request.seconds,
            "processes": request.processes,
        },
        "inputs": {**inputs, "sha256": points.performance.sha256},
        "versions": {name: _version(name) for name in LIBRARIES},
        "notes": list(choice.notes),
    }


def measured(size: Size) -> dict[str, Any]:
    """Agreement with all tasks, beside random and stratified subsets, as plain numbers; None where unknown."""
    return {
        "all_optimizers": _agreement(size.everyone),
        "kept_out": _agreement(size.kept_out),
        "random_subsets": size.random.named(),
        "stratified_subsets": size.stratified.named(),
    }


def as_json(content: dict[str, Any]) -> str:
    """JSON text, nan as null."""
    return json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n"


def _points(choice: Choice) -> dict[str, list[float]]:
    return {t: [round(float(x), 9) for x in p] for t, p in zip(choice.points.tasks, choice.points.points, strict=True)}


def _agreement(found: Agreement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "tau": found.tau,
        "tau_interval": found.tau_interval,
        "top_1": found.best,
        "top_1_interval": found.best_interval,
    }


def _plain(x: Any) -> Any:
    if isinstance(x, dict):
        return {str(k): _plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(v) for v in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ImportError:
        return None
