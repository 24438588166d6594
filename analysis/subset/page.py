"""The page of one subset: what it is worth, the points, the sizes looked at, and every task with its coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from carps_lite.analysis import figures, subset
from carps_lite.analysis.charts.subset_points import subset_points
from carps_lite.analysis.charts.which_k import Measure, which_k
from carps_lite.analysis.numbers import count, listing
from carps_lite.analysis.rendering import environment
from carps_lite.analysis.subset.agreement import Agreement
from carps_lite.analysis.subset.choosing import Choice
from carps_lite.analysis.subset.points import SCALES
from carps_lite.analysis.subset.which_k import Drawn, Size

BETWEEN = {
    "references": "the task's fixed references (a random search, and the best known)",
    "range": "the best and the worst mean of these optimizers on it",
    "none": "values that were in the unit cube already",
}


def render(choice: Choice, number: int, content: dict[str, Any], folder: Path) -> str:
    """Draw the figures into `folder` and return the page as HTML. `content`: the record (`record.record`)."""
    one, points, name = choice.subsets[number], choice.points, choice.names[number]
    drawn = {"points": _points(choice, number)}
    if len(choice.studied) > 1:
        drawn["sizes"] = _sizes(choice)
    shown = {key: Markup(figures.inline(figures.save(axes, folder, key), key, {})) for key, axes in drawn.items()}
    view = {
        "title": f"{name}: {count(one.k, 'task')} of {len(points.tasks)}",
        "headline": _headline(choice, one, name),
        "evidence": _evidence(choice, one),
        "tiles": _tiles(choice, one),
        "notes": choice.notes,
        "figures": shown,
        "axes": points.axes,
        "rows": [_row(choice, t) for t in range(len(points.tasks))],
        "chosen": choice.tasks(number),
        "sizes": [_size_row(s, choice) for s in choice.studied or (one,)],
        "recommended": choice.recommended,
        "between": BETWEEN[points.between],
        "scale": SCALES.get(points.scale, "that value"),
        "record": content,
        "together": content["together_with"],
    }
    return environment(escape=True).get_template("subset.html").render(view)


def _points(choice: Choice, number: int) -> Axes:
    points, names = choice.points, choice.names
    order = [number, *(i for i in range(len(names)) if i != number)]  # the box is the first one's
    members = {names[i]: np.array(choice.subsets[i].members) for i in order}
    corner = subset.attaining_box(points.points[list(choice.subsets[number].members)]).corner
    return subset_points(points.points, members, points.axes, corner=np.array(corner))[0]


def _sizes(choice: Choice) -> Axes:
    sizes = choice.studied
    measures = [
        Measure(
            "star discrepancy",
            np.array([s.discrepancy for s in sizes]),
            np.array([s.random.discrepancy for s in sizes]),
            np.array([s.stratified.discrepancy for s in sizes]),
            note="lower: spread more evenly",
        )
    ]
    if choice.everyone is not None:
        measures += _agreements(sizes)
    recommended = choice.recommended[0] if choice.recommended else None
    return which_k(np.array([float(s.k) for s in sizes]), measures, recommended=recommended)[0]


def _agreements(sizes: Sequence[Size]) -> list[Measure]:
    found = [s.everyone for s in sizes if s.everyone is not None]
    return [
        Measure(
            "Kendall's τ with all tasks",
            np.array([a.tau for a in found]),
            np.array([s.random.tau for s in sizes]),
            np.array([s.stratified.tau for s in sizes]),
            np.array([a.tau_interval for a in found]),
            (-1.0, 1.0) if min(a.tau for a in found) < 0 else (0.0, 1.0),
            "1: the same ranking",
        ),
        Measure(
            "agreement on the best optimizer",
            np.array([a.best for a in found]),
            np.array([s.random.best for s in sizes]),
            np.array([s.stratified.best for s in sizes]),
            np.array([a.best_interval for a in found]),
            (0.0, 1.0),
            "1: the same one",
        ),
    ]


def _headline(choice: Choice, one: Size, name: str) -> str:
    how = (
        "the least possible"
        if one.proven
        else f"{one.discrepancy / one.random.discrepancy[1]:.0%} of a random choice's"
    )
    return (
        f"{name}: {count(one.k, 'task')} stand for {len(choice.points.tasks)}, with a star discrepancy of "
        f"{one.discrepancy:.3f}, {how}"
    )


def _evidence(choice: Choice, one: Size) -> list[str]:
    said = []
    everyone, kept_out, n = choice.everyone, choice.kept_out, len(choice.points.tasks)
    if everyone and one.everyone:
        said.append(
            f"They rank {count(len(everyone.optimizers), 'optimizer')} as all {n} tasks do up to {_tau(one.everyone)}; "
            f"random subsets of this size reach {one.random.tau[1]:.2f} in the median, "
            f"and {one.random.best:.0%} of them name the same best optimizer"
            f"{_these(one.everyone.best)}."
        )
    if kept_out and one.kept_out:
        said.append(
            f"Optimizers that were not used for the choice ({listing(list(kept_out.optimizers))}): "
            f"{_tau(one.kept_out)}, random subsets {one.random.kept_out_tau[1]:.2f}."
        )
    return said


def _these(best: float) -> str:
    return {1.0: ", as these do", 0.0: ", which these do not"}.get(best, "")


def _tau(found: Agreement) -> str:
    low, high = found.tau_interval
    interval = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"Kendall's τ = {found.tau:.2f}{interval}"


def _tiles(choice: Choice, one: Size) -> list[dict[str, str]]:
    points = choice.points
    bound = "proven optimal" if one.proven else f"no subset of {one.k} is below {one.lower_bound:.3f}"
    if choice.interrupted:
        bound += "; the search was stopped"
    low, median, high = one.random.discrepancy
    groups = len({points.groups[i] for i in one.members})
    tiles = (
        (f"{one.discrepancy:.3f}", f"star discrepancy; {bound}"),
        (f"{median:.3f}", f"random subsets of {one.k}; 5 to 95 %: {low:.3f} to {high:.3f}"),
        (count(groups, "group"), f"of tasks, of {len(set(points.groups))} in all"),
        (f"{len(points.axes)} axes", listing(list(points.axes))),
    )
    return [{"head": head, "text": text} for head, text in tiles]


def _row(choice: Choice, t: int) -> dict[str, Any]:
    points = choice.points
    within = [name for name, s in zip(choice.names, choice.subsets, strict=True) if t in s.members]
    return {
        "task": points.tasks[t],
        "group": points.groups[t],
        "subset": ", ".join(within),
        "point": [f"{x:.3f}" for x in points.points[t]],
    }


def _size_row(size: Size, choice: Choice) -> dict[str, Any]:
    recommended = choice.recommended is not None and size.k == choice.recommended[0]
    return {
        "k": size.k,
        "recommended": recommended,
        "discrepancy": f"{size.discrepancy:.3f}",
        "bound": "proven" if size.proven else f"{size.lower_bound:.3f}",
        "random": _three(size.random, "discrepancy"),
        "tau": "–" if size.everyone is None else f"{size.everyone.tau:.2f}",
        "interval": "" if size.everyone is None else _interval(size.everyone.tau_interval),
        "random_tau": _three(size.random, "tau"),
        "stratified_tau": _three(size.stratified, "tau"),
        "kept_out": "–" if size.kept_out is None else f"{size.kept_out.tau:.2f}",
        "best": "–" if size.everyone is None else f"{size.everyone.best:.0%}",
        "random_best": "–" if np.isnan(size.random.best) else f"{size.random.best:.0%}",
    }


def _three(drawn: Drawn, what: str) -> str:
    low, median, high = getattr(drawn, what)
    return "–" if np.isnan(median) else f"{median:.2f} [{low:.2f}, {high:.2f}]"


def _interval(bounds: Sequence[float]) -> str:
    return "" if np.isnan(bounds[0]) else f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"
