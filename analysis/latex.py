"""Tables for a paper: LaTeX with the rules of booktabs, numbers as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence

from carps_lite.analysis.sections.section import Table, cells, is_number

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$", "τ": r"$\tau$",
    "×": r"$\times$", "…": r"\ldots{}", "→": r"$\to$",
}  # fmt: skip


def latex(table: Table, caption: str) -> str:
    """A `table` environment with the label `tab:NAME`; it needs `\\usepackage{booktabs}`."""
    names = [str(c) for c in table.frame.columns]
    columns = "".join("r" if is_number(table, name) else "l" for name in names)
    rows = [[str(cell["text"]) for cell in row] for row in cells(table)]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _row(names),
        r"\midrule",
        *(_row(row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text in which TeX finds nothing special."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _row(parts: Sequence[str]) -> str:
    return " & ".join(map(escaped, parts)) + r" \\"
