"""From a store to a report: one self-contained page, the same as Markdown, and the data and figures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from carps_lite import heldout
from carps_lite.analysis import figures, page, scores, tables
from carps_lite.analysis.curves import columns
from carps_lite.analysis.draw import draw
from carps_lite.analysis.latex import latex
from carps_lite.analysis.paper import paper_tables
from carps_lite.analysis.parts import Parts, assemble
from carps_lite.analysis.sections import citing
from carps_lite.analysis.selection import Choice
from carps_lite.analysis.summary import Summary, summarise
from carps_lite.core import Budget
from carps_lite.errors import unknown


class Frames(Protocol):
    """What a report needs of a store, or of several (`carps_lite.stack`)."""

    def frames(self, refresh: bool = True, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A row a run, and a row a trial."""

    def impossible(self) -> set[tuple[str, str]]:
        """The (task, optimizer) pairs that the optimizer does not handle."""


MOST_CONFIGS = 1_000_000  # trials up to which configurations are read as well, which takes seconds and memory
CONFIGS = ("run", "ask", "config")
ORDERS = ("rank", "given")


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
    labels: Mapping[str, str] | None = None,
    order: str = "rank",
    pdf: bool = True,
    title: str = "carps-lite report",
) -> Report:
    """Write `index.html`, `report.md`, `citations.bib`, `tables/*.{csv,tex}` and `figures/*.{svg,png,pdf}` into `out`.

    `budget` is where optimizers are compared, with its unit (`100`, `200trials`, `3600sim`); by default the largest
    that every finished run reached, on `axis` (`full`, `trials`, `sim`, `wall`, `energy`). `optimizers`, `tasks`,
    `seeds` and `n_workers` choose a part of the store; names may be shell patterns. `labels`: optimizer id -> the name
    to show. `order` of the optimizers in tables and figures: `rank`, the best first, or `given`, as `optimizers` names
    them, else by name. `pdf`: figures as PDF too. Raises InputError, one line, where there is nothing to report.
    """
    if order not in ORDERS:
        raise unknown("order must be rank or given, got", order, ORDERS, "")
    by_rank = order == "rank"
    choice = Choice(optimizers, tasks, seeds, n_workers, labels or {}, None if by_rank else optimizers)
    runs, table = store.frames(columns=columns(scores.parse_axis(budget, axis)[0]))
    summary = summarise(runs, table, choice, budget, axis, store.impossible(), by_rank)
    used = summary.pool.runs
    summary = replace(summary, evaluated=held_out(store, used))
    if len(table) <= MOST_CONFIGS:
        configs = store.frames(refresh=False, columns=CONFIGS)[1]
        summary = replace(summary, configs=configs[configs["run"].isin(used["run"])])
    out = Path(out)
    parts = assemble(summary)
    drawn = draw(summary, out / "figures", pdf) | draw_parts(parts, out / "figures", pdf)
    write_tables(summary, parts, out / "tables")
    texts = page.render(summary, parts, drawn, title) | {"citations.bib": citing.bibtex(summary)}
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return Report(out / "index.html", summary.lines(parts.answers), summary)


def held_out(store: Any, runs: pd.DataFrame) -> pd.DataFrame:
    """The evaluations on held-out seeds of these runs, from the folders of the stores; archives have none."""
    names = getattr(store, "names", ("",))
    folders = [getattr(source, "root", None) for source in getattr(store, "sources", (store,))]
    found = [
        heldout.load(folder, runs[runs["source"] == name] if "source" in runs else runs)
        for name, folder in zip(names, folders, strict=True)
        if folder is not None
    ]
    found = [frame for frame in found if len(frame)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(heldout.COLUMNS))


def draw_parts(parts: Parts, folder: Path, pdf: bool = True) -> dict[str, str]:
    """Save the figures of all sections. Returns name -> SVG."""
    drawn = {}
    for figure in (figure for section in parts.all for figure in section.figures):
        drawn[figure.name] = figures.save(figure.draw(), folder, figure.name, pdf=pdf)
    return drawn


def write_tables(s: Summary, parts: Parts, folder: Path) -> None:
    """Write the data behind the report as CSV, and tables for a paper as LaTeX."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"final": tables.final_table(s.scores, s.ranking.ranks_OT if s.ranking else None)}
    made |= {"coverage": tables.coverage_table(s.scores), "runs": tables.runs_table(s.scores)}
    if s.has_curves:
        made["incumbents"] = tables.curve_table(s.scores)
    if s.ranking:
        made["ranking"], made["pairs"] = tables.ranking_table(s.ranking), tables.pairs_table(s.ranking)
        made["anytime_ranks"] = tables.anytime_table(s.scores, *s.anytime)
    own = [table for section in parts.all for table in section.tables]
    captions = {table.name: section.caption for section in parts.all for table in section.tables}
    for name, frame in (made | {table.name: table.frame for table in own}).items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    for table in [*paper_tables(s), *own]:
        caption = f"{table.title or table.name}. {captions.get(table.name) or s.caption}."
        (folder / f"{table.name}.tex").write_text(latex(table, caption), encoding="utf-8")
