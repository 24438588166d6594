"""Mean ranks within groups of tasks, such as dimension 2, 5 and 10."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from carps_lite.analysis.canvas import SMALL, Looks
from carps_lite.analysis.charts.rows import dots, panels_of_rows
from carps_lite.analysis.charts.scales import linear_axis
from carps_lite.analysis.charts.sheet import nothing
from carps_lite.analysis.numbers import count
from carps_lite.analysis.stats import Array
from carps_lite.analysis.style import MUTE


def group_ranks(
    ranks_GO: Array,
    bounds_GO2: Array | None,
    groups: Sequence[str],
    n_tasks_G: Sequence[int],
    names: Sequence[str],
    looks: Looks,
    *,
    per_line: int = 4,
    width: float | None = None,
) -> list[Axes]:
    """Draw a panel for each group of tasks with the mean rank of each optimizer in it, 1 is best, and its interval.

    `ranks_GO`: (G, O), nan where an optimizer has no run in the group; `bounds_GO2`: (G, O, 2) or None; `groups`: what
    the panels are called, `n_tasks_G`: how many tasks each of them holds. The reader sees whom to choose for which kind
    of task, and on how few tasks that rests.
    """
    titles = [f"{group} ({count(n, 'task')})" for group, n in zip(groups, n_tasks_G, strict=True)]
    made = panels_of_rows(names, titles, per_line=per_line, width=width)
    for g, axes in enumerate(made[: len(groups)]):
        axes.set_xlim(0.8, max(len(names), 2) + 0.2)
        dots(axes, ranks_GO[g], None if bounds_GO2 is None else bounds_GO2[g], names, looks)
        linear_axis(axes, "x", 5, integer=True)
        axes.set_xlabel("mean rank (1 is best)", fontsize=SMALL, color=MUTE)
    if not groups:
        nothing(made[0], "no groups of tasks")
    return made
