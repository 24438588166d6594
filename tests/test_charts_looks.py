"""Every further figure: no text clipped, on another or too small, and one look for each optimizer."""

import itertools
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from carps_lite.analysis import figures
from carps_lite.analysis.canvas import PAGE
from carps_lite.analysis.charts.shades import DEEPEST, HEAT, THEMED
from carps_lite.analysis.rendering import TEMPLATES
from carps_lite.analysis.style import looks

_spec = spec_from_file_location("chart_examples", Path(__file__).with_name("chart_examples.py"))
ex = module_from_spec(_spec)
_spec.loader.exec_module(ex)

SMALLEST = 6  # points
MAY_OVERLAP = {"parallel"}  # names of choices lie on the lines


def figure_of(drawn):
    axes = drawn[0] if isinstance(drawn, list) else drawn
    return axes.get_figure(root=True)


def shown_texts(figure):
    """All texts that are drawn: no labels of ticks beyond the limits."""
    figure.draw_without_rendering()
    found = [*figure.texts, *(t for legend in figure.legends for t in legend.get_texts())]
    for axes in figure.axes:
        found += axes.texts
        if not axes.axison:
            continue
        found += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]
        for labels, limits, d in (
            (axes.get_xticklabels(), axes.get_xlim(), 0), (axes.get_yticklabels(), axes.get_ylim(), 1),
        ):  # fmt: skip
            low, high = sorted(limits)
            found += [t for t in labels if low - 1e-9 <= t.get_position()[d] <= high + 1e-9]
    return [t for t in found if t.get_visible() and t.get_text().strip()]


def overlap(one, two):
    wide = min(one.x1, two.x1) - max(one.x0, two.x0)
    tall = min(one.y1, two.y1) - max(one.y0, two.y0)
    return wide > 1 and tall > 1.5


CASES = [(n, name) for n in (1, 4, 20) for name in ex.examples(ex.FEW)]


@pytest.mark.parametrize(("n", "name"), CASES)
def test_texts_lie_inside_the_figure_apart_from_each_other_and_can_be_read(n, name):
    names = ex.FEW[:n] if n <= 4 else ex.MANY
    figure = figure_of(ex.examples(names)[name]())
    texts = shown_texts(figure)
    assert texts
    boxes = [Text.get_window_extent(t) for t in texts]
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{text.get_text()!r} is cut off"
        assert text.get_fontsize() >= SMALLEST
    level = [(t, b) for t, b in zip(texts, boxes, strict=True) if t.get_rotation() == 0]
    if name not in MAY_OVERLAP:
        for (one, a), (two, b) in itertools.combinations(level, 2):
            assert not overlap(a, b), f"{one.get_text()!r} lies on {two.get_text()!r}"
    assert figure.get_size_inches()[0] <= PAGE + 0.6


@pytest.mark.parametrize("name", ex.examples(ex.FEW))
def test_figures_take_the_colours_of_the_page_and_fetch_nothing(name, tmp_path):
    themed = figures.variables(looks(ex.FEW))[0]
    drawn = ex.examples(ex.FEW)[name]()
    axes = drawn[0] if isinstance(drawn, list) else drawn
    svg = figures.inline(figures.save(axes, tmp_path, name), name, themed)
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)  # every colour is a variable
    assert "http" not in svg.replace("http://www.w3.org/1999/xlink", "")
    assert "<image" not in svg
    assert len(svg) < 300_000


def test_the_page_knows_every_variable():
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    for colour, variable in THEMED.items():
        light, dark = re.findall(rf"{variable}:(#[0-9a-f]+)", style)[:2]
        assert light == colour
        assert dark != light


@pytest.mark.parametrize("name", ["anytime", "map", "parallel", "failures"])
def test_pdf_is_vector_and_the_same_each_time(name, tmp_path):
    for folder in ("one", "two"):
        drawn = ex.examples(ex.FEW)[name]()
        figures.save(drawn, tmp_path / folder, name, pdf=True)
    one, two = ((tmp_path / folder / f"{name}.pdf").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert one.startswith(b"%PDF")
    assert b"CreationDate" not in one
    assert b"/Subtype /Image" not in one
    assert b"/Type3" not in one  # fonts that publishers refuse


def test_without_being_asked_no_pdf_is_written(tmp_path):
    figures.save(ex.examples(ex.FEW)["anytime"](), tmp_path, "anytime")
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".png"}


MARKED = ["anytime", "profile", "ratios", "ecdf", "cd", "aggregates", "groups", "overhead", "portfolio", "runtimes"]


@pytest.mark.parametrize("name", [*MARKED, "bayes", "contributions", "final", "map", "pareto", "wins"])
def test_an_optimizer_has_its_own_marker_in_its_own_colour(name):
    own = looks(ex.FEW)
    pairs = {(look.colour, look.marker) for look in own.values()}
    seen = {
        (to_hex(line.get_color()), line.get_marker())
        for axes in figure_of(ex.examples(ex.FEW)[name]()).axes
        for line in axes.lines
        if line.get_marker() not in ("None", "", " ", "_", "x") and to_hex(line.get_color()) in {c for c, _ in pairs}
    }
    assert seen == pairs


def luminance(rgb):
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one, two):
    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


def on(ground, colour, alpha):
    return [alpha * c + (1 - alpha) * g for c, g in zip(to_rgba(colour)[:3], to_rgba(ground)[:3], strict=True)]


def grounds():
    """For light and dark: colour in the figure -> colour on the screen, and the ground."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    own = looks(ex.MANY).values()
    for number, ground in enumerate(("#ffffff", re.findall(r"--bg:(#[0-9a-f]+)", style)[1])):
        swapped = {c: re.findall(rf"{v}:(#[0-9a-f]+)", style)[number] for c, v in THEMED.items()}
        yield ground, {**swapped, **{look.colour: (look.colour, look.dark)[number] for look in own}}


@pytest.mark.parametrize("name", ["map", "bayes", "kinds"])
@pytest.mark.parametrize("number", [0, 1])
def test_text_on_cells_has_enough_contrast_in_light_and_dark(name, number):
    ground, swapped = list(grounds())[number]
    axes = figure_of(ex.examples(ex.MANY)[name]()).axes[0]
    cells = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_fill()]
    lowest = 99.0
    for text in axes.texts:
        x, y = text.get_position()
        for cell in cells if text.get_text().strip() else []:
            if (
                cell.get_x() < x < cell.get_x() + cell.get_width()
                and cell.get_y() < y < cell.get_y() + cell.get_height()
            ):
                colour = swapped[to_hex(cell.get_facecolor())]
                seen = on(ground, colour, cell.get_facecolor()[3])
                lowest = min(lowest, contrast(seen, to_rgba(swapped[text.get_color()])[:3]))
    assert 4.5 <= lowest < 99


def test_the_deepest_cell_bears_ink():
    for ground, swapped in grounds():
        ink = next(colour for colour, variable in THEMED.items() if variable == "--ink")
        assert contrast(on(ground, swapped[HEAT], DEEPEST), to_rgba(swapped[ink])[:3]) >= 4.5
