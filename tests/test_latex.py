"""LaTeX tables read back by a parser of LaTeX: environments, columns, and the very text that went in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("pylatexenc", reason="needs pylatexenc")
from pylatexenc.latex2text import LatexNodes2Text, get_default_latex_context_db
from pylatexenc.latex2text import MacroTextSpec as Spec
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexMacroNode, LatexSpecialsNode, LatexWalker

import carps_lite
from carps_lite.analysis import latex
from carps_lite.analysis.sections.section import Table

RULES = ("toprule", "midrule", "bottomrule", "endfirsthead", "endhead")
NASTY = r"a_b%c&d#e~f^g\h{i}j$k<l>m|n" + '"o'


def _context():
    """What the parser knows, and the two macros that it does not: a character by number, and a greater-than sign."""
    db = get_default_latex_context_db()
    own = [Spec("symbol", lambda node: chr(int(node.nodeargd.argnlist[0].latex_verbatim().strip("{}"))))]
    own += [Spec("textless", "<"), Spec("textgreater", ">"), Spec("textbar", "|"), Spec("textasciicircum", "^")]
    db.add_context_category("tables", prepend=True, macros=own)
    return db


def walk(text):
    from pylatexenc.latexwalker import get_default_latex_context_db as known
    from pylatexenc.macrospec import MacroSpec

    db = known()
    db.add_context_category("tables", prepend=True, macros=[MacroSpec("symbol", "{")])
    return LatexWalker(text, latex_context=db, tolerant_parsing=False)


def plain(nodes):
    return LatexNodes2Text(latex_context=_context(), math_mode="verbatim", strict_latex_spaces=True).nodelist_to_text(
        nodes
    )


def environments(nodes):
    for node in nodes or []:
        if isinstance(node, LatexEnvironmentNode):
            yield node
            yield from environments(node.nodelist)


def parsed(text):
    """The environments by name, the columns of the table, and its rows as texts."""
    nodes, _, length = walk(text).get_latex_nodes()
    assert length == len(text)  # nothing is left over
    found = {node.environmentname: node for node in environments(nodes)}
    body = found.get("tabular") or found["longtable"]
    columns = body.nodeargd.argnlist[-1].latex_verbatim().strip("{}") if body.nodeargd.argnlist else None
    nodes = body.nodelist
    if columns is None:  # the parser takes longtable's columns for its first group
        columns, nodes = nodes[0].latex_verbatim().strip("{}"), nodes[1:]
    rows, cells, cell = [], [], []
    for node in nodes:
        name = getattr(node, "macroname", None)
        if isinstance(node, LatexSpecialsNode) and node.specials_chars == "&":
            cells.append(cell)
            cell = []
        elif isinstance(node, LatexMacroNode) and name == "\\":
            assert node.latex_verbatim() == r"\\", "a cell was taken for its argument"
            rows.append([plain(c).strip() for c in (*cells, cell)])
            cells, cell = [], []
        elif name not in (*RULES, "caption", "label"):
            cell.append(node)
    assert not cells
    assert not plain(cell).strip()
    return found, columns, rows


def text_of(file):
    return file.read_text(encoding="utf-8")


def table(frame):
    return Table("final", "Final", frame, "")


@pytest.mark.parametrize("n", [3, 60])
def test_a_table_has_its_columns_its_rows_and_its_words(n):
    frame = pd.DataFrame({NASTY: [f"{NASTY}{i}" for i in range(n)], "mean rank": np.arange(n) + 0.5})
    text = latex.latex(table(frame), f"A caption of {NASTY}.")
    found, columns, rows = parsed(text)
    assert set(found) == ({"longtable"} if n > 40 else {"table", "tabular"})
    assert columns == "lr"
    if n > 40:  # the caption is a row of a longtable; the head stands twice
        assert rows.pop(0) == [f"A caption of {NASTY}."]
        assert rows.pop(0) == [NASTY, "mean rank"]
    assert rows[0] == [NASTY, "mean rank"]
    assert [row[0] for row in rows[1:]] == frame[NASTY].tolist()
    assert {len(row) for row in rows} == {2}
    assert rf"\caption{{A caption of {latex.escaped(NASTY)}.}}" in text


LETTERS = st.characters(min_codepoint=32, max_codepoint=126)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=4))
@example(["[a]", "*b", "--c--", "!`?``d''", r"\\", "{", "}", "$x$", "%", "a & b", "~^#_"])
@example(["tpe/multivariate:true [4 workers]", "bbob/dim:5/fid:3", "my_pkg.opt.MyOpt/lr:1e-3"])
def test_every_ascii_text_comes_back(names):
    frame = pd.DataFrame({"task": names, "optimizer": names[::-1]})
    _, columns, rows = parsed(latex.latex(table(frame), "x"))
    assert columns == "ll"
    told = [[" ".join(cell.split()) for cell in row] for row in rows[1:]]
    assert told == [[" ".join(x.split()) for x in pair] for pair in zip(names, names[::-1], strict=True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Müller, Çelik, Šimek, Erdős, Øre, Łódź", "Müller, Çelik, Šimek, Erdős, Øre, Łódź"),
        ("Wąs", "Was"),  # an ogonek and an eth are not in TeX's default fonts
        ("ðþ", "dth"),
        ("«a»", "``a''"),
        ("贝叶斯", "???"),
        ("λ → ∞", r"$\lambda$ $\to$ ?"),
        ("ﬁne\u00a0x", "fine x"),
        ("a\nb\tc\x00", "a b c "),
    ],
)
def test_unicode_that_tex_has_stays_and_the_rest_gives_way(text, said):
    assert latex.escaped(text) == said


def test_every_table_of_a_report_with_nasty_names_is_parsed(tmp_path):
    from carps_lite.analysis.report import write

    store = carps_lite.Store(tmp_path / "s")
    for task in ("sphere", "brittle", "mixed"):
        for optimizer in ("random", "tpe"):
            for seed in range(2):
                carps_lite.run(task, optimizer, seed=seed, budget=6, store=store)
    labels = {"random": NASTY, "tpe": "*[ü_ber] λ--100 %"}
    write(store, tmp_path / "r", labels=labels, pdf=False)
    files = sorted((tmp_path / "r" / "tables").glob("*.tex"))
    assert len(files) > 8
    for file in files:
        _, columns, rows = parsed(text_of(file))
        heads = rows[1:] if text_of(file).startswith(r"\begin{longtable}") else rows
        assert {len(row) for row in heads} == {len(columns)}, file.name
    ranking = parsed(text_of(tmp_path / "r" / "tables" / "ranking.tex"))[2]
    assert {row[0] for row in ranking[1:]} == {NASTY, r"*[ü_ber] $\lambda$--100 %"}
