"""What tasks have in common, as labels to group them by: one text a task and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from carps_lite.core import Budget

KEYS = ("kind", "family", "dimension", "size", "parameters", "objectives", "fidelity", "constraints", "budget")
SIZES = ((3, "1 to 3"), (7, "4 to 7"), (15, "8 to 15"))  # numbers of parameters; more: 16 and more


def labels(runs: pd.DataFrame, tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, by key (see KEYS), a label for each of `tasks`, in their order.

    `kind`: bb, mf, mo or momf; `family`: the first part of the id; `dimension`: the number of parameters, constants
    aside, and `size` a class of it; `parameters`: their kinds, such as `float, int`; `objectives`: how many; `fidelity`
    its name or `none`; `constraints`: how many; `budget`: what most runs were given. `unknown`: a log says nothing.
    """
    first = runs.drop_duplicates("task").set_index("task")
    budgets = runs.assign(budget=[str(h.get("budget", "unknown")) for h in runs["header"]])
    usual = budgets.groupby("task", sort=False)["budget"].agg(lambda given: given.mode().iloc[0])
    rows = [_one(task, first.loc[task], str(usual[task])) for task in tasks]
    return {key: tuple(row[key] for row in rows) for key in KEYS}


def order(values: Sequence[str]) -> list[str]:
    """Return the different labels, numbers by size and before words, `100` before `200trials`."""
    return sorted(set(values), key=lambda text: (*_leading(text), text))


def _one(task: str, run: Any, budget: str) -> Mapping[str, str]:
    problem = run["header"].get("problem") or {}
    space = problem.get("space")
    shape = {"dimension": "unknown", "size": "unknown", "parameters": "unknown"}
    if space is not None:
        kinds = [p["kind"] for p in space.values() if p["kind"] != "constant"]
        shape = {
            "dimension": str(len(kinds)),
            "size": next((name for most, name in SIZES if len(kinds) <= most), "16 and more"),
            "parameters": ", ".join(dict.fromkeys(sorted(kinds))) or "none",
        }
    fidelity = problem.get("fidelity")
    return {
        "kind": str(run["kind"]),
        "family": task.split("/")[0],
        **shape,
        "objectives": str(len(run["objectives"])),
        "fidelity": str(fidelity.get("name", "yes")) if fidelity else "none",
        "constraints": str(len(problem.get("constraints") or ())),
        "budget": budget,
    }


def _leading(text: str) -> tuple[int, float]:
    word = text.split(" ")[0]
    try:
        return 0, Budget.parse(word).amount
    except ValueError:
        return (0, float(word)) if word.isdigit() else (1, 0.0)
