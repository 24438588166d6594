"""From a store to a report: one self-contained page, the same as Markdown, and the data and figures as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from carps_lite.analysis import page, tables
from carps_lite.analysis.draw import draw
from carps_lite.analysis.selection import Choice
from carps_lite.analysis.summary import Summary, summarise
from carps_lite.core import Budget


class Frames(Protocol):
    """What a report needs of a store."""

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A row a run, and a row a trial."""

    def impossible(self) -> set[tuple[str, str]]:
        """The (task, optimizer) pairs that the optimizer does not handle."""


@dataclass(frozen=True)
class Report:
    """A report that was written: where it begins, and its answer in a few lines."""

    path: Path
    lines: tuple[str, ...]
    summary: Summary


def write(
    store: Frames,
    out: Path | str,
    *,
    budget: Budget | str | float | None = None,
    axis: str = "full",
    optimizers: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    n_workers: int | None = None,
    title: str = "carps-lite report",
) -> Report:
    """Write `index.html`, `report.md`, `tables/*.csv` and `figures/*.{svg,png}` into the folder `out`.

    `budget` is where optimizers are compared, with its unit (`100`, `200trials`, `3600sim`); by default the largest
    that every finished run reached, on `axis` (`full`, `trials`, `sim`). The rest chooses a part of the store; names
    may be shell patterns. Raises InputError, one line, where there is nothing to report.
    """
    choice = Choice(optimizers, tasks, seeds, n_workers)
    summary = summarise(*store.frames(), choice, budget, axis, store.impossible())
    out = Path(out)
    drawn = draw(summary, out / "figures")
    write_tables(summary, out / "tables")
    for name, text in page.render(summary, drawn, title).items():
        (out / name).write_text(text, encoding="utf-8")
    return Report(out / "index.html", summary.lines, summary)


def write_tables(s: Summary, folder: Path) -> None:
    """Write the data behind the report as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"final": tables.final_table(s.scores, s.ranking.ranks_OT if s.ranking else None)}
    made |= {"coverage": tables.coverage_table(s.scores), "runs": tables.runs_table(s.scores)}
    if s.has_curves:
        made["incumbents"] = tables.curve_table(s.scores)
    if s.ranking:
        made["ranking"], made["pairs"] = tables.ranking_table(s.ranking), tables.pairs_table(s.ranking)
        made["anytime_ranks"] = tables.anytime_table(s.scores, *s.anytime)
    for name, frame in made.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
