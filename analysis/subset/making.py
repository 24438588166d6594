"""The whole of `carps-lite subset` behind its command line: results in; suites, records and pages out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carps_lite.analysis.numbers import count, listing
from carps_lite.analysis.subset import page, record
from carps_lite.analysis.subset.agreement import Agreement
from carps_lite.analysis.subset.choosing import Choice, Request, Watch, axes_of, choose
from carps_lite.analysis.subset.performance import Performance
from carps_lite.analysis.subset.which_k import Size
from carps_lite.files import write_at_once


@dataclass(frozen=True)
class Made:
    """What was written, and what to say about it."""

    choice: Choice
    lines: tuple[str, ...]
    files: tuple[Path, ...]


def make(
    performance: Performance,
    request: Request,
    *,
    suites: Path,
    out: Path,
    inputs: dict[str, Any],
    watch: Watch = lambda _: None,
) -> Made:
    """Choose subsets and write, for each, `suites`/NAME.yaml, `out`/NAME.json and `out`/NAME.html with its figures.

    `inputs`: where the results came from, for the record. Raises InputError where nothing can be chosen or written.
    """
    choice = choose(performance, request, watch)
    files: list[Path] = []
    for number, name in enumerate(choice.names):
        content = record.record(choice, number, request, inputs)
        files += [suites / f"{name}.yaml", out / f"{name}.json", out / f"{name}.html"]
        write_at_once(files[-2], record.as_json(content))
        write_at_once(files[-1], page.render(choice, number, content, out / f"{name}_figures"))
        write_at_once(files[-3], record.suite_text(choice, number))
    return Made(choice, tuple(_lines(choice)), tuple(files))


def headline(performance: Performance, request: Request) -> str:
    """What the choice is about to be made from."""
    axes, rest = axes_of(performance, request)
    kept = f"; {listing(rest)} kept out to validate" if rest else ""
    return f"{count(len(performance.tasks), 'task')} × {count(len(axes), 'optimizer')} ({listing(axes)}{kept})"


def _lines(choice: Choice) -> Sequence[str]:
    lines = []
    if choice.recommended:
        k, because = choice.recommended
        lines.append(f"k = {k} is recommended: {because}")
    for name, one in zip(choice.names, choice.subsets, strict=True):
        bound = "proven optimal" if one.proven else f"lower bound {one.lower_bound:.4f}"
        stopped = ", stopped early: the best so far" if choice.interrupted else ""
        random = f"random subsets of {one.k}: {one.random.discrepancy[1]:.4f} median"
        lines.append(
            f"{name}: {count(one.k, 'task')}, discrepancy {one.discrepancy:.4f}, {bound}{stopped}   ({random})"
        )
        lines += [line for line in (_agreement(choice, one), _kept_out(choice, one)) if line]
    return [*lines, *(f"note: {note}" for note in choice.notes)]


def _agreement(choice: Choice, one: Size) -> str:
    if choice.everyone is None or one.everyone is None:
        return ""
    return (
        f"  ranking of all {count(len(choice.everyone.optimizers), 'optimizer')} on them against all "
        f"{len(choice.points.tasks)} tasks: {tau_text(one.everyone)}   random subsets {one.random.tau[1]:.2f}, "
        f"stratified {one.stratified.tau[1]:.2f}"
    )


def _kept_out(choice: Choice, one: Size) -> str:
    if choice.kept_out is None or one.kept_out is None:
        return ""
    return (
        f"  of the {len(choice.kept_out.optimizers)} kept out: {tau_text(one.kept_out)}   random subsets "
        f"{one.random.kept_out_tau[1]:.2f}"
    )


def tau_text(found: Agreement) -> str:
    """`Kendall τ .95 [.82, 1]`."""
    low, high = found.tau_interval
    return f"Kendall τ {found.tau:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low == low else "")
