"""Tables for a paper: LaTeX with the rules of booktabs, numbers as the page shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from carps_lite.analysis.sections.section import Table, cells, is_number

LONG = 40  # rows beyond which a table does not fit a page
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\symbol{34}", "−": "$-$", "–": "--", "—": "---", "≤": r"$\leq$", "≥": r"$\geq$",
    "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "…": r"\ldots{}", "→": r"$\to$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "²": r"$^2$", "³": r"$^3$",
    "µ": r"$\mu$", "“": "``", "”": "''", "‘": "`", "’": "'", "\n": " ", "`": "{}`{}",
}  # fmt: skip
_ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"  # that TeX puts on any letter
_FURTHER = frozenset("ßæÆøØœŒłŁı¡¿§©®°£¶")
_PLAINER = {"ð": "d", "Ð": "D", "đ": "d", "Đ": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
            "«": "``", "»": "''"}  # fmt: skip
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
    """Text in which TeX finds nothing special; a letter that its default fonts lack gives way to its plainest form."""
    parts = [_letter(letter) for letter in text]
    for i, (before, letter) in enumerate(pairwise(text), 1):
        if before == letter and letter in "-'":  # TeX would make one sign of two
            parts[i] = "{}" + parts[i]
    return "".join(parts)


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter in _GREEK:
        return rf"$\{_GREEK[letter]}$"
    if letter in _PLAINER:
        return _PLAINER[letter]
    parts = unicodedata.normalize("NFD", letter)
    base, marks = parts[0], parts[1:]
    if letter in _FURTHER or (" " <= base <= "~" and (not marks or (len(marks) == 1 and marks in _ACCENTS))):
        return letter  # without fontenc too: an ogonek, say, would stop the compiler
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(part, part if part.isprintable() else " ") for part in plain) or "?"


def _row(parts: Sequence[str]) -> str:
    return " & ".join(_guarded(escaped(part)) for part in parts) + r" \\"


def _guarded(cell: str) -> str:
    """A cell that begins with a bracket or star would be read as an argument of the row's end before."""
    return rf"{{}}{cell}" if cell.startswith(("[", "*")) else cell
