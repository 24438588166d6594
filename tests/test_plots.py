"""Figures: what is drawn is what was given, in the same look everywhere, and no label lies on another."""

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.text import Text

from carps_lite.analysis import canvas, figures, panels, plots
from carps_lite.analysis.placement import spread
from carps_lite.analysis.rendering import TEMPLATES
from carps_lite.analysis.style import BASELINE, COLOURS, INK, looks, outline

NAMES = ["gp", "tpe", "cmaes/restarts:ipop", "random"]
LOOKS = looks(NAMES)
BUDGETS = np.arange(1.0, 31)


def falling(n_tasks=3, seed=0):
    drops = np.random.default_rng(seed).exponential(size=(len(NAMES), n_tasks, len(BUDGETS)))
    return 10 - np.cumsum(drops, axis=-1) / 10


def rank_axes(ends=(1.2, 2.0, 2.05, 2.1)):
    means = np.linspace(2.5, ends, len(BUDGETS)).T
    bands = np.stack([means - 0.2, means + 0.2], axis=-1)
    return plots.anytime_ranks(BUDGETS, means, bands, NAMES, LOOKS, xlabel="evaluations"), means


def panel_axes(n_tasks=3, optimum=np.nan, curves=None):
    curves = falling(n_tasks) if curves is None else curves
    tasks = [panels.Panel(f"task {t}", "loss", optimum) for t in range(n_tasks)]
    three = panels.Bands(curves, curves - 0.1, curves + 0.1)
    return panels.incumbents(BUDGETS, three, tasks, NAMES, LOOKS, xlabel="evaluations")


def steps_of(axes, name):
    """The step line that an optimizer has in some axes."""
    colour = LOOKS[name].colour
    (line,) = [
        line for line in axes.lines if line.get_drawstyle() == "steps-post" and to_hex(line.get_color()) == colour
    ]
    return line


def value_at(line, x):
    xs, ys = line.get_data()
    return ys[np.searchsorted(xs, x, side="right") - 1]


def test_anytime_ranks_draw_the_given_means_as_steps():
    axes, means = rank_axes()
    for name, mean in zip(NAMES, means, strict=True):
        line = steps_of(axes, name)
        assert [value_at(line, b) for b in BUDGETS] == pytest.approx(mean)
        assert line.get_xdata()[-1] > 30  # the last step can be seen
    assert len(axes.collections) == len(NAMES)  # the bands


def test_no_band_is_drawn_where_there_is_none():
    means = np.full((4, 30), 2.5)
    axes = plots.anytime_ranks(BUDGETS, means, np.full((4, 30, 2), np.nan), NAMES, LOOKS, xlabel="evaluations")
    assert len(axes.collections) == 0


@pytest.mark.parametrize("ends", [(1.2, 2.0, 2.05, 2.1), (2.5, 2.5, 2.5, 2.5), (1.0, 1.0, 4.0, 4.0)])
def test_labels_at_the_lines_ends_do_not_overlap(ends):
    axes, _ = rank_axes(ends)
    axes.figure.draw_without_rendering()
    boxes = sorted((Text.get_window_extent(t) for t in axes.texts), key=lambda b: b.y0)
    assert len(boxes) == len(NAMES)
    assert all(below.y1 <= above.y0 + 0.5 for below, above in itertools.pairwise(boxes))
    assert all(box.x1 <= axes.figure.bbox.x1 for box in boxes)


def test_incumbents_are_steps_of_the_medians():
    curves = falling()
    for t, axes in enumerate(panel_axes(curves=curves)):
        for o, name in enumerate(NAMES):
            line = steps_of(axes, name)
            assert [value_at(line, b) for b in BUDGETS] == pytest.approx(curves[o, t])


def test_incumbents_are_regret_on_a_log_axis_where_the_optimum_is_known():
    curves = falling()
    optimum = float(curves.min())
    for t, axes in enumerate(panel_axes(optimum=optimum, curves=curves)):
        assert axes.get_yscale() == "log"
        for o, name in enumerate(NAMES):
            drawn = [value_at(steps_of(axes, name), b) for b in BUDGETS]
            assert drawn == pytest.approx(np.maximum(curves[o, t] - optimum, panels.FLOOR))


def test_a_curve_begins_where_there_is_a_result():
    curves = falling(1)
    curves[0, 0, :10] = np.inf
    curves[1] = np.inf
    (axes,) = panel_axes(1, curves=curves)
    assert np.isnan(value_at(steps_of(axes, NAMES[0]), 10))
    assert value_at(steps_of(axes, NAMES[0]), 11) == curves[0, 0, 10]
    assert np.isnan(steps_of(axes, NAMES[1]).get_ydata()).all()
    assert np.isfinite(axes.get_ylim()).all()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 12])
def test_there_is_a_panel_for_each_task(n):
    drawn = panel_axes(n)
    assert [axes.get_title() for axes in drawn] == [f"task {t}" for t in range(n)]
    assert drawn[0].figure.get_size_inches()[0] <= canvas.PAGE


def test_mean_ranks_are_drawn_with_both_intervals():
    means = np.array([1.5, 2.0, 3.0, 3.5])
    seeds, tasks = np.stack([means - 0.1, means + 0.1], 1), np.stack([means - 0.4, means + 0.4], 1)
    axes = plots.mean_ranks(means, seeds, tasks, NAMES, LOOKS)
    spans = [line.get_xdata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert spans == [list(pair) for both in zip(tasks, seeds, strict=True) for pair in both]
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the best on top


def test_pairs_are_coloured_where_the_row_is_better():
    verdicts = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]])
    chances = np.array([[np.nan, 0.9, 0.6], [0.1, np.nan, 0.5], [0.4, 0.5, np.nan]])
    notes = [["", "p = .01", "p = .3"]] * 3
    axes = plots.pairs(chances, verdicts, notes, NAMES[:3], LOOKS)
    (patch,) = axes.patches
    assert (patch.get_x(), patch.get_y()) == (0.5, -0.5)
    assert "90 %" in [t.get_text() for t in axes.texts]


def test_every_optimizer_has_one_look_of_its_own():
    names = [f"opt{i}" for i in range(20)] + ["random"]
    found = looks(names)
    assert len({(look.colour, look.marker, look.dash) for look in found.values()}) == len(names)
    assert found["random"].marker == "D"
    assert looks(names[::-1]) == found  # the order of the names does not matter
    assert all(outline(look.marker).startswith("M") for look in found.values())


def contrast(one, two):
    """Ratio of relative luminances, WCAG 2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


def mix(colour, share, ground):
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def test_text_on_coloured_cells_can_be_read():
    """The page mixes at most 34 % of an optimizer's colour, and 46 % of the heat, into the ground."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root{([^}]*)}", style)
    light, dark = (dict(re.findall(r"--(\w+):(#[0-9a-f]+)", block)) for block in blocks)
    light["bg"] = "#ffffff"
    for number, theme in enumerate((light, dark)):
        for colour in (*(pair[number] for pair in COLOURS), BASELINE[number]):
            assert contrast(mix(colour, 0.34, theme["bg"]), theme["ink"]) >= 4.5
        hot = mix(theme["heat"], 0.46, theme["bg"])
        assert contrast(hot, mix(theme["ink"], 0.78, hot)) >= 4.5
        assert contrast(theme["bg"], theme["mute"]) >= 4.5
        assert contrast(theme["card"], theme["warn"]) >= 4.5


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=12),
    st.floats(0.01, 2),
)
def test_labels_are_spread_and_keep_their_order(wanted, gap):
    places = spread(wanted, gap, 0, 10)
    room = min(gap, 10 / max(1, len(wanted) - 1))
    ordered = sorted(places)
    assert all(b - a >= room - 1e-9 for a, b in itertools.pairwise(ordered))
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 10 + 1e-9
    in_order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    assert [places[i] for i in in_order] == sorted(places)


def test_labels_that_have_room_stay_where_they_are():
    assert spread([1.0, 5.0, 3.0], 1, 0, 10) == [1.0, 5.0, 3.0]
    assert spread([2.0, 2.0], 1, 0, 10) == [1.5, 2.5]


def test_the_svg_hangs_on_no_digit_that_it_does_not_show(tmp_path):
    def drawn(shift):
        axes = Figure(figsize=(2, 2)).add_axes((0.1, 0.1, 0.8 + shift, 0.8))
        axes.scatter([0, 1, 2], [0, 1, 4])
        line = axes.plot([0, 1, 2], [0, 1, 4], "o-")[0]
        line.set_clip_path(Circle((0.5, 0.5), 0.5, transform=axes.transAxes))
        axes.set_title("#p0123456789")  # a label that looks like an id
        return axes

    one, two = (figures.save(drawn(shift), tmp_path, "p") for shift in (0.0, 1e-13))
    assert one == two
    root = ET.fromstring(one)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    used = {
        word
        for element in root.iter()
        for value in element.attrib.values()
        for word in re.findall("#(p-[0-9]+)", value)
    }
    assert len(ids) == len(set(ids))
    assert len(used) >= 4
    assert used <= set(ids)
    assert "#p0123456789" in "".join(root.itertext())


def test_files_are_the_same_each_time_and_hold_text_and_no_date(tmp_path):
    for folder in ("one", "two"):
        figures.save(rank_axes()[0], tmp_path / folder, "ranks")
    one, two = (Path(tmp_path / folder / "ranks.svg").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert (tmp_path / "one" / "ranks.png").read_bytes() == (tmp_path / "two" / "ranks.png").read_bytes()
    texts = "".join(ET.fromstring(one).itertext())
    assert "mean rank (1 is best)" in texts
    assert b"dc:date" not in one
    assert len(one) < 60_000


def test_the_inlined_figure_takes_the_pages_colours_and_fetches_nothing(tmp_path):
    colours, light, dark = figures.variables(LOOKS)
    svg = figures.inline(figures.save(panel_axes()[0], tmp_path, "incumbents"), "label", colours)
    root = ET.fromstring(svg.replace("xlink:href", "href"))
    assert root.attrib["aria-label"] == "label"
    for look in LOOKS.values():
        assert look.colour not in svg
        assert f"var({colours[look.colour]})" in svg
        assert f"{colours[look.colour]}:{look.colour}" in light
        assert f"{colours[look.colour]}:{look.dark}" in dark
    assert "http" not in svg
    assert INK not in svg
    assert "font-family" not in svg


def test_rounding_of_coordinates_leaves_labels_alone(tmp_path):
    axes, _ = rank_axes()
    axes.set_title("0.12345 of 1.2250")
    text = figures.save(axes, tmp_path, "titled")
    assert "0.12345 of 1.2250" in text
