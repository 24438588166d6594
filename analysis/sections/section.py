"""A part of a report: sentences, figures and tables, which the page, Markdown, LaTeX and CSV show each in its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes

Format = Callable[[float], str]
Drawing = Callable[[], Axes | Sequence[Axes]]


@dataclass(frozen=True)
class Figure:
    """A figure: its file's name, how it is drawn, what it shows in a few words, and how to read it.

    It is drawn when it is saved. `caption`: what it stands on, where that is not what the section stands on.
    """

    name: str
    drawing: Drawing
    label: str
    how: str
    wide: bool = True  # over the whole column; else beside its caption
    caption: str = ""

    def draw(self) -> Axes:
        """Draw it; the first of its axes."""
        made = self.drawing()
        return made if isinstance(made, Axes) else made[0]


@dataclass(frozen=True)
class Table:
    """A table: its file's name, a heading, the data as they are, and how to read it.

    `formats`: column -> how a number is shown (the files keep it as it is); text stays text. `hints`: column -> what it
    is, in a few words. `folded`: shown on demand.
    """

    name: str
    title: str
    frame: pd.DataFrame
    how: str
    formats: Mapping[str, Format] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """One part of the page, with its place in the contents.

    `caption`: the tasks and runs that it stands on, where these are not all of the report. `answers`: sentences for the
    top of the page.
    """

    key: str
    title: str
    blocks: tuple[Figure | Table, ...]
    sentences: tuple[str, ...] = ()
    caption: str = ""
    answers: tuple[str, ...] = ()

    @property
    def figures(self) -> list[Figure]:
        """Its figures."""
        return [b for b in self.blocks if isinstance(b, Figure)]

    @property
    def tables(self) -> list[Table]:
        """Its tables."""
        return [b for b in self.blocks if isinstance(b, Table)]


def cells(table: Table) -> list[list[dict[str, object]]]:
    """The rows of a table for the page: text to show and the value to sort by."""
    columns = [_column(table, str(name)) for name in table.frame.columns]
    return [list(row) for row in zip(*columns, strict=True)] if len(table.frame) else []


def is_number(table: Table, column: str) -> bool:
    """Whether a column is shown flush right."""
    return column in table.formats or bool(pd.api.types.is_numeric_dtype(table.frame[column]))


def _column(table: Table, name: str) -> list[dict[str, object]]:
    values, shown = table.frame[name], table.formats.get(name)
    number = is_number(table, name)
    return [_cell(value, number, shown) for value in values]


def _cell(value: object, number: bool, shown: Format | None) -> dict[str, object]:
    if not number:
        return {"text": str(value), "sort": None}
    x = float(value)  # type: ignore[arg-type]
    if not math.isfinite(x):
        return {"text": "–", "sort": ""}
    return {"text": shown(x) if shown else f"{x:,.0f}" if x == round(x) else f"{x:.4g}", "sort": x}
