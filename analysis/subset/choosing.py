"""From results to subsets: which tasks, how good the choice is, and which size is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from carps_lite.analysis import subset
from carps_lite.analysis.numbers import count, listing
from carps_lite.analysis.subset.agreement import Ranks, ranks_of
from carps_lite.analysis.subset.performance import Performance
from carps_lite.analysis.subset.points import Points, to_points
from carps_lite.analysis.subset.which_k import Size, Yardstick, measure, recommend
from carps_lite.errors import InputError, nearest

METHODS = ("joint", "sequential", "split")
LEAST_SECONDS = 0.3  # of the search for one size of a study
MUCH = 0.4  # discrepancy of all tasks together
MOST_WHOLE = 1000  # tasks up to which it is computed


@dataclass(frozen=True)
class Request:
    """What is asked for. One subset for each of `names`; `sizes` has one size for all, one for each, or a range.

    `axes`: the optimizers that span the space, at least two; `kept_out`: those that only validate, by default the rest.
    `keep`: name -> tasks that must be in that subset. `seconds`: of search for each subset.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    is_range: bool = False
    axes: tuple[str, ...] = ()
    kept_out: tuple[str, ...] | None = None
    scale: str = "rank"
    between: str = "references"
    method: str = "joint"
    keep: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 10.0
    processes: int = 1


@dataclass(frozen=True)
class Choice:
    """What was chosen: a subset for each name; for a range also the sizes looked at and the one recommended."""

    points: Points
    everyone: Ranks | None
    kept_out: Ranks | None
    names: tuple[str, ...]
    subsets: tuple[Size, ...]
    studied: tuple[Size, ...]
    recommended: tuple[int, str] | None
    interrupted: bool
    notes: tuple[str, ...]

    def tasks(self, number: int) -> list[str]:
        """The ids of a subset's tasks."""
        return [self.points.tasks[i] for i in self.subsets[number].members]


Watch = Callable[[str], Callable[..., Any] | None]


def choose(performance: Performance, request: Request, watch: Watch = lambda _: None) -> Choice:
    """Choose subsets of the tasks of `performance`.

    `watch`: what is being searched, in words -> a callback for the search's progress. Raises InputError on sizes that
    the tasks or their groups cannot fill, on unknown optimizers and on tasks to keep that have no results.
    """
    axes, rest = axes_of(performance, request)
    points = to_points(performance, axes, request.scale, request.between)
    request = _within(points, request)
    _check_sizes(points, request)
    everyone = ranks_of(points.performance, (*axes, *rest))
    kept_out = ranks_of(points.performance, rest)
    keep = _places(points, request)
    yardstick = Yardstick(points, everyone, kept_out, request.seed)
    studied, recommended = _study(yardstick, request, keep, watch)
    sizes = [recommended[0]] if recommended else list(request.sizes)
    sizes = sizes * len(request.names) if len(sizes) == 1 else sizes
    found = _search(points, sizes, request, keep, watch)
    measured = tuple(measure(yardstick, one) for one in found)
    interrupted = any(one.interrupted for one in found)
    notes = (
        *points.notes,
        *_emptiness(points),
        *_lacking(everyone, "all optimizers"),
        *_lacking(kept_out, "those kept out"),
    )
    return Choice(points, everyone, kept_out, request.names, measured, studied, recommended, interrupted, notes)


def _within(points: Points, request: Request) -> Request:
    """The sizes of a range that there are tasks for, a subset of each name at once; a single size is left as it is."""
    most = len(points.tasks) // len(request.names)
    fitting = tuple(k for k in request.sizes if k <= most)
    return replace(request, sizes=fitting) if request.is_range and fitting else request


def _emptiness(points: Points) -> list[str]:
    """A sentence where the points of all tasks together leave so much of the cube empty that a subset has no say."""
    whole = subset.star_discrepancy(points.points) if len(points.tasks) <= MOST_WHOLE else 0.0
    if whole < MUCH:
        return []
    remedy = "; scale=rank spreads them" if points.scale in ("raw", "log") else ""
    return [f"all tasks together have discrepancy {whole:.2f}: they leave parts of the cube empty{remedy}"]


def axes_of(performance: Performance, request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The optimizers that span the space, and those that only validate. Raises InputError on unknown ones."""
    axes = request.axes or performance.optimizers
    for name in axes:
        performance.place(name, "optimizer")
    rest = tuple(o for o in performance.optimizers if o not in axes) if request.kept_out is None else request.kept_out
    for name in rest:
        performance.place(name, "validate")
        if name in axes:
            raise InputError(f"validate: {name} is also one of the axes (optimizer={','.join(axes)})")
    return tuple(axes), rest


def _check_sizes(points: Points, request: Request) -> None:
    n, names = len(points.tasks), request.names
    if request.method not in METHODS:
        raise InputError(
            f"method must be one of {listing(METHODS, 'or')}, got {request.method!r}{nearest(request.method, METHODS)}"
        )
    if not request.is_range and len(request.sizes) not in (1, len(names)):
        raise InputError(f"k has {len(request.sizes)} sizes for {count(len(names), 'name')}; give one, or one for each")
    wanted = sum(request.sizes) if len(request.sizes) == len(names) > 1 else max(request.sizes) * len(names)
    if wanted > n:
        raise InputError(f"k: {wanted} of {count(n, 'task')} cannot be chosen; {points.performance.source} has too few")
    for name, tasks in request.keep.items():
        if len(tasks) > max(request.sizes):
            raise InputError(f"keep: {name} has {count(len(tasks), 'task')} already, more than k={max(request.sizes)}")


def _places(points: Points, request: Request) -> dict[str, tuple[int, ...]]:
    places = {task: t for t, task in enumerate(points.tasks)}
    for name, tasks in request.keep.items():
        lost = [task for task in tasks if task not in places]
        if lost:
            raise InputError(
                f"keep: {listing(lost)} of {name} {'has' if len(lost) == 1 else 'have'} no point here: run "
                f"{'it' if len(lost) == 1 else 'them'} with all of {listing(list(points.axes))} first"
            )
    return {name: tuple(places[task] for task in tasks) for name, tasks in request.keep.items()}


def _study(
    yardstick: Yardstick, request: Request, keep: dict[str, Any], watch: Watch
) -> tuple[tuple[Size, ...], tuple[int, str] | None]:
    """Look at every size of a range for one subset of that size."""
    if not request.is_range:
        return (), None
    first = keep.get(request.names[0], ())
    sizes = [k for k in request.sizes if k >= max(1, len(first))]
    seconds = max(LEAST_SECONDS, request.seconds / len(sizes))

    def select(k: int) -> Any:
        return subset.select_subset(
            yardstick.points.points, k, seed=request.seed, time_limit=seconds, keep=first,
            n_processes=request.processes, progress=watch(f"k={k}"),
        )  # fmt: skip

    studied = tuple(measure(yardstick, select(k)) for k in sizes)
    return studied, recommend(studied)


def _search(points: Points, sizes: Sequence[int], request: Request, keep: dict[str, Any], watch: Watch) -> list[Any]:
    if len(sizes) == 1:
        name = request.names[0]
        return [
            subset.select_subset(
                points.points, sizes[0], seed=request.seed, time_limit=request.seconds, keep=keep.get(name, ()),
                n_processes=request.processes, progress=watch(name),
            )
        ]  # fmt: skip
    return list(
        subset.select_subsets(
            points.points, sizes, points.groups, method=request.method, seed=request.seed,
            time_limit=request.seconds * len(sizes), keep=[keep.get(name, ()) for name in request.names],
            n_processes=request.processes, progress=watch(listing(list(request.names))),
        )
    )  # fmt: skip


def _lacking(ranks: Ranks | None, who: str) -> list[str]:
    if ranks is None or not ranks.n_lacking:
        return []
    return [f"{count(ranks.n_lacking, 'task')} on which {who} cannot be ranked, for want of runs of some"]
