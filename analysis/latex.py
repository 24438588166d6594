"""Tables for a paper: LaTeX with the rules of booktabs, numbers as the page shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from carps_lite.analysis.sections.section import Table, cells, is_number

LONG = 40  # rows beyond which a table does not fit a page
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "−": "$-$", "–": "--", "—": "---", "≤": r"$\leq$", "≥": r"$\geq$",
    "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "…": r"\ldots{}", "→": r"$\to$", "²": r"$^2$", "³": r"$^3$",
    "µ": r"$\mu$", "“": "``", "”": "''", "‘": "`", "’": "'", "\n": " ",
}  # fmt: skip
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "χ": "chi", "μ": "mu", "τ": "tau",
          "σ": "sigma", "λ": "lambda", "ρ": "rho"}  # fmt: skip


def latex(table: Table, caption: str) -> str:
    """A `table` environment with the label `tab:NAME`; more than 40 rows make a `longtable`.

    They need `\\usepackage{booktabs}`, and `longtable`, where there is one.
    """
    names = [str(c) for c in table.frame.columns]
    columns = "".join("r" if is_number(table, name) else "l" for name in names)
    rows = [_row([str(cell["text"]) for cell in row]) for row in cells(table)]
    head = [r"\toprule", _row(names), r"\midrule"]
    words = rf"\caption{{{escaped(caption)}}}"
    label = rf"\label{{tab:{table.name}}}"
    if len(rows) > LONG:
        begin, end = [rf"\begin{{longtable}}{{{columns}}}", words + label + r"\\"], [r"\end{longtable}"]
        return "\n".join([*begin, *head, r"\endfirsthead", *head, r"\endhead", *rows, r"\bottomrule", *end]) + "\n"
    begin = [r"\begin{table}", r"\centering", words, label, rf"\begin{{tabular}}{{{columns}}}"]
    return "\n".join([*begin, *head, *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def escaped(text: str) -> str:
    """Text in which TeX finds nothing special; a letter that it may not have gives way to its plainest form."""
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter in _GREEK:
        return rf"$\{_GREEK[letter]}$"
    if letter.isprintable() and ord(letter) < 0x180:  # ASCII and the accented letters of inputenc's utf8
        return letter
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(part, part) for part in plain) or "?"


def _row(parts: Sequence[str]) -> str:
    return " & ".join(_guarded(escaped(part)) for part in parts) + r" \\"


def _guarded(cell: str) -> str:
    """A cell that begins with a bracket would be read as the optional argument of the row before."""
    return rf"{{}}{cell}" if cell.startswith("[") else cell
