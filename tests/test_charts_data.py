"""Further figures: what is drawn lies where the arrays say, and what cannot be drawn is said in words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from carps_lite.analysis.charts.aggregates import Aggregate, aggregates
from carps_lite.analysis.charts.anytime_regret import anytime_regret
from carps_lite.analysis.charts.bayes_bars import PAIRS, bayes_bars
from carps_lite.analysis.charts.bayes_triangle import bayes_triangle
from carps_lite.analysis.charts.complementarity import contributions, portfolio, wins
from carps_lite.analysis.charts.critical_difference import SCALE, critical_difference
from carps_lite.analysis.charts.expected_runtimes import expected_runtimes
from carps_lite.analysis.charts.failures import failure_kinds, failures
from carps_lite.analysis.charts.final_scores import final_scores
from carps_lite.analysis.charts.group_ranks import group_ranks
from carps_lite.analysis.charts.importance import importance
from carps_lite.analysis.charts.overhead import overhead
from carps_lite.analysis.charts.parallel_coordinates import INACTIVE, parallel_coordinates
from carps_lite.analysis.charts.parameters import Parameter, places
from carps_lite.analysis.charts.pareto_fronts import attainment, pareto_fronts
from carps_lite.analysis.charts.profiles import performance_profile, runtime_ecdf
from carps_lite.analysis.charts.score_map import MOST, score_map
from carps_lite.analysis.charts.sheet import fitting, power, wrapped
from carps_lite.analysis.charts.slices import slices
from carps_lite.analysis.charts.subset_points import subset_points
from carps_lite.analysis.charts.which_k import Measure, which_k
from carps_lite.analysis.style import INK, looks

NAMES = ["gp", "tpe", "random"]
LOOKS = looks(NAMES)
NAN, INF = np.nan, np.inf


def texts(axes):
    return [t.get_text() for t in axes.texts]


def lines_of(axes, name, marker=None):
    found = [line for line in axes.lines if to_hex(line.get_color()) == LOOKS[name].colour]
    return [line for line in found if line.get_marker() == marker] if marker else found


def marks(axes, name):
    """Positions of an optimizer's markers."""
    return [
        (float(x), float(y))
        for line in lines_of(axes, name, LOOKS[name].marker)
        for x, y in zip(*line.get_data(), strict=True)
    ]


def cells(axes):
    return [p for p in axes.patches if isinstance(p, Rectangle)]


def value_at(line, x):
    xs, ys = line.get_data()
    return ys[np.searchsorted(xs, x, side="right") - 1]


def steps_of(axes, name):
    (line,) = [line for line in lines_of(axes, name) if line.get_drawstyle() == "steps-post"]
    return line


@pytest.mark.parametrize("log", [False, True])
def test_curves_are_steps_through_the_values(log):
    budgets, y = np.arange(1.0, 11), np.random.default_rng(0).uniform(0.1, 1, (3, 10))
    axes = anytime_regret(budgets, y, None, NAMES, LOOKS, xlabel="evaluations", log_x=log, log_y=log)
    for name, own in zip(NAMES, y, strict=True):
        assert [value_at(steps_of(axes, name), b) for b in budgets] == pytest.approx(own)
    assert axes.get_xscale() == axes.get_yscale() == ("log" if log else "linear")
    assert set(NAMES) <= set(texts(axes))


def test_a_curve_without_values_is_named_as_such():
    y = np.array([[0.5, 0.4], [NAN, NAN], [INF, 0.7]])
    axes = anytime_regret(np.array([1.0, 2.0]), y, None, NAMES, LOOKS, xlabel="evaluations")
    assert "tpe: none" in texts(axes)
    assert "gp" in texts(axes)


def test_regret_of_zero_is_left_out_of_a_log_axis():
    axes = anytime_regret(
        np.array([1.0, 2, 3]), np.array([[0.5, 0.1, 0.0]]), None, ["gp"], LOOKS, xlabel="", log_y=True
    )
    assert axes.get_ylim()[0] > 0
    assert np.isnan(steps_of(axes, "gp").get_ydata()[-1])


def test_shares_are_drawn_from_0_to_100_per_cent_with_their_bands():
    x, shares = np.geomspace(1, 1e4, 9), np.linspace(0, 1, 27).reshape(3, 9)
    bands = np.stack([shares - 0.1, shares + 0.1], -1)
    axes = runtime_ecdf(x, shares, bands, NAMES, LOOKS, xlabel="evaluations")
    assert value_at(steps_of(axes, "tpe"), x[4]) == pytest.approx(shares[1, 4])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert len(axes.collections) == 3
    assert axes.get_xscale() == "log"


def test_the_cd_diagram_shows_ranks_the_bar_and_the_sets():
    ranks = np.array([2.5, 1.25, 2.25])
    axes = critical_difference(ranks, [(0, 2)], NAMES, LOOKS, cd=0.8, note="depends on the pool")
    for name, rank in zip(NAMES, ranks, strict=True):
        assert (rank, SCALE) in marks(axes, name)
    ink = [line.get_xdata().tolist() for line in axes.lines if line.get_color() == INK]
    assert [2.25, 2.5] in ink  # the set
    assert pytest.approx([1, 1.8]) in ink  # the critical difference
    assert "CD 0.80" in texts(axes)
    assert [t.get_text() for t in axes.figure.texts] == ["depends on the pool"]


def test_a_critical_difference_beyond_the_scale_says_so():
    axes = critical_difference(np.array([1.0, 2.0]), [(0, 1)], NAMES[:2], LOOKS, cd=2.5)
    assert "CD 2.50, beyond the scale" in texts(axes)


def test_bayes_bars_are_as_long_as_the_probabilities():
    better = np.array([[NAN, 0.6, 0.9], [0.1, NAN, 0.2], [0.05, 0.3, NAN]])
    equivalent = np.array([[NAN, 0.3, 0.05], [0.3, NAN, 0.5], [0.05, 0.5, NAN]])
    axes = bayes_bars(better, equivalent, NAMES, LOOKS, rope="0.01")
    widths = [cell.get_width() for cell in cells(axes)]
    assert widths == pytest.approx([0.6, 0.3, 0.1, 0.9, 0.05, 0.05, 0.2, 0.5, 0.3])
    assert to_hex(cells(axes)[0].get_facecolor()) == LOOKS["gp"].colour
    assert to_hex(cells(axes)[2].get_facecolor()) == LOOKS["tpe"].colour


def test_of_many_pairs_those_with_the_first_are_drawn():
    names = [f"opt{i}" for i in range(12)]
    third = np.full((12, 12), 1 / 3)
    axes = bayes_bars(third, third, names, looks(names), rope="0.01")
    assert len(names) * (len(names) - 1) / 2 > PAIRS
    assert len(cells(axes)) == 3 * 11


def test_triangle_puts_each_corner_where_it_belongs():
    corners = np.eye(3)
    axes = bayes_triangle(corners, np.array([1, 0, 0.0]), ("gp", "tpe"), LOOKS, rope="0.01")
    points = next(line for line in axes.lines if line.get_linestyle() == "None" and len(line.get_xdata()) == 3)
    assert points.get_xdata() == pytest.approx([0, 0.5, 1])
    assert points.get_ydata() == pytest.approx([0, 3**0.5 / 2, 0])


def test_runtimes_stand_at_their_value_and_those_never_reached_beyond_the_axis():
    ert = np.array([[10.0, 100], [1000, INF], [NAN, 50]])
    axes = expected_runtimes(ert, ["f1", "f2"], NAMES, LOOKS, xlabel="evaluations")
    assert [x for x, _ in marks(axes, "gp")] == [10, 100]
    never = [line for line in axes.lines if line.get_gid() == "never"]
    assert [to_hex(line.get_color()) for line in never] == [LOOKS["tpe"].colour]
    assert never[0].get_xdata()[0] > 1  # in fractions of the axes
    assert [x for x, _ in marks(axes, "random")] == [50]


def test_the_map_writes_scores_and_marks_what_failed_or_is_missing():
    scores = np.array([[0.25, 0.5, NAN], [INF, 0.125, 0.75]])
    axes = score_map(scores, 1 - scores, ["a", "b"], NAMES, LOOKS, note="regret")
    assert [t for t in texts(axes) if t != "regret"] == ["0.250", "0.500", "–", "failed", "0.125", "0.750"]
    bold = [t.get_text() for t in axes.texts if t.get_weight() == "bold"]
    assert bold == ["0.250", "0.125"]
    filled = {(c.get_x(), c.get_y()): c.get_facecolor()[3] for c in cells(axes) if c.get_fill()}
    assert filled[-0.5, -0.5] > filled[0.5, -0.5]  # the better the deeper
    assert (1.5, -0.5) not in filled
    assert (-0.5, 0.5) not in filled


def test_a_map_of_too_many_tasks_says_how_many_are_not_shown():
    axes = score_map(np.ones((103, 1)), np.ones((103, 1)), [f"t{i}" for i in range(103)], ["gp"], LOOKS, note="regret")
    assert len(axes.get_yticks()) == MOST
    assert any("3 more tasks" in text for text in texts(axes))


def test_final_scores_draw_every_run_its_quartiles_and_what_was_lost():
    runs = [np.array([1.0, 2, 3]), np.array([2.0, INF, NAN]), np.array([5.0])]
    quartiles = np.array([[1.5, 2, 2.5], [2, 2, 2], [NAN] * 3])
    axes = final_scores(runs, quartiles, NAMES, LOOKS, xlabel="error")
    assert [x for x, _ in marks(axes, "gp")] == [1, 2, 3]
    assert [x for x, _ in marks(axes, "random")] == [5]
    assert "2 lost" in texts(axes)
    boxes = [(c.get_x(), c.get_width()) for c in cells(axes)]
    assert boxes == [(1.5, 1.0), (2.0, 0.0)]
    assert [t.get_text() for t in axes.get_yticklabels()] == NAMES


def test_aggregates_draw_the_estimate_and_its_interval():
    bounds = np.array([[0.1, 0.3], [0.2, 0.4], [NAN, NAN]])
    panels = aggregates(
        [Aggregate("IQM", np.array([0.2, 0.3, NAN]), bounds), Aggregate("mean", np.ones(3))], NAMES, LOOKS
    )
    assert marks(panels[0], "gp") == [(0.2, 0)]
    assert [0.2, 0.4] in [line.get_xdata().tolist() for line in lines_of(panels[0], "tpe")]
    assert "no value" in texts(panels[0])
    assert [axes._left_title.get_text() for axes in panels] == ["IQM", "mean"]


def test_ranks_of_groups_stand_in_their_panel():
    ranks = np.array([[1.0, 2, 3], [3, NAN, 1]])
    panels = group_ranks(ranks, None, ["dimension 2", "dimension 5"], [4, 1], NAMES, LOOKS)
    assert [marks(axes, "gp") for axes in panels] == [[(1.0, 0)], [(3.0, 0)]]
    assert marks(panels[1], "tpe") == []
    assert panels[1]._left_title.get_text() == "dimension 5 (1 task)"


def test_a_front_is_a_staircase_and_its_reference_is_marked():
    front = np.array([[3.0, 1], [1, 3], [2, 2]])
    (axes,) = pareto_fronts({"gp": front, "tpe": np.empty((0, 2))}, ["a", "b"], np.array([4.0, 4]), LOOKS)
    stairs = steps_of(axes, "gp")
    assert [value_at(stairs, x) for x in (1, 1.5, 2, 2.5, 3, 3.9)] == [3, 3, 2, 2, 1, 1]
    assert sorted(marks(axes, "gp")) == [(1, 3), (2, 2), (3, 1)]
    assert any(line.get_marker() == "x" and line.get_xdata()[0] == 4 for line in axes.lines)


def test_three_objectives_are_drawn_as_three_projections():
    front = np.array([[1.0, 2, 3], [3, 1, 2]])
    panels = pareto_fronts({"gp": front}, ["a", "b", "c"], None, LOOKS)
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in panels] == [("a", "b"), ("a", "c"), ("b", "c")]
    for axes, (i, j) in zip(panels, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert marks(axes, "gp") == [(p[i], p[j]) for p in front]


def test_the_attainment_band_lies_between_the_quartiles():
    median = np.array([[1.0, 3], [2, 2]])
    axes = attainment({"gp": (median - 0.5, median, median + 0.5)}, ["a", "b"], None, LOOKS)
    assert [value_at(steps_of(axes, "gp"), x) for x in (1, 2)] == [3, 2]
    (band,) = axes.collections
    path = band.get_paths()[0]
    assert path.contains_point((2.2, 2.2))
    assert not path.contains_point((2.2, 1.2))


def test_configurations_pass_through_their_values_and_below_what_is_inactive():
    parameters = [Parameter("lr", 1e-4, 1, log=True), Parameter("kind", choices=("a", "b")), Parameter("m", 0, 2)]
    values = np.array([[1e-2, 1, 1.0], [1, 0, NAN], [1e-4, 0, 0]])
    axes = parallel_coordinates(values, np.array([0.1, 0.5, NAN]), parameters, measure="error")
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 3]
    assert [own.tolist() for own in drawn] == [pytest.approx([1, 0.25, INACTIVE]), pytest.approx([0.5, 0.75, 0.5])]
    assert axes.lines[1].get_color() == INK  # the best one, on top
    assert {"a", "b"} <= set(texts(axes))


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_places_run_from_0_to_1_along_the_range(a, b, share):
    low, high = sorted((a, b))
    if high > low * 1.001:
        for log in (False, True):
            x = low * (high / low) ** share if log else low + share * (high - low)
            assert places(np.array([x]), Parameter("p", low, high, log))[0] == pytest.approx(share, abs=1e-6)


def test_slices_put_scores_over_values_and_ring_the_best():
    parameters = [Parameter("lr", 1e-4, 1, log=True), Parameter("kind", choices=("a", "b"))]
    values, scores = np.array([[1e-3, 0], [1e-2, 1], [0.1, NAN]]), np.array([3.0, 1, INF])
    first, second = slices(values, scores, parameters, ylabel="error")
    assert first.lines[0].get_data()[0].tolist() == [1e-3, 1e-2]
    assert first.lines[0].get_data()[1].tolist() == [3, 1]
    assert (first.lines[1].get_xdata()[0], first.lines[1].get_ydata()[0]) == (1e-2, 1)
    assert first.get_xscale() == "log"
    assert np.abs(second.lines[0].get_xdata() - [0, 1]).max() < 0.3
    assert [t.get_text() for t in second.get_xticklabels()] == ["a", "b"]


def test_importance_is_sorted_and_says_where_there_is_none():
    axes = importance(np.array([0.1, NAN, 0.6]), None, ["a", "b", "c"])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["c", "a", "b"]
    assert [c.get_width() for c in cells(axes)] == [0.6, 0.1]
    assert texts(axes) == ["0.60", "0.10", "none"]


def test_overhead_shows_the_own_time_and_shares_that_add_up():
    seconds = np.array([[0.1, 0.7, 0.2], [1e-3, 1, 0], [NAN, NAN, NAN]])
    own, whole = overhead(seconds, NAMES, LOOKS)
    assert marks(own, "gp") == [(pytest.approx(0.3), 0)]
    assert own.get_xscale() == "log"
    assert [c.get_width() for c in cells(whole)][:3] == pytest.approx([0.1, 0.7, 0.2])
    assert "not measured" in texts(whole)


def test_failures_are_stacked_and_counted():
    counts = np.array([[10, 0, 0, 0], [5, 2, 1, 2], [0, 0, 0, 0]])
    axes = failures(counts, NAMES, LOOKS)
    assert [c.get_width() for c in cells(axes)] == counts.ravel().tolist()
    assert [c.get_x() for c in cells(axes)][4:8] == [0, 5, 7, 8]
    assert texts(axes) == ["all 10 done", "5 of 10 lost", "none planned"]
    kinds = failure_kinds(np.array([[0, 3, 0], [1, 0, 1200]]), ["timeout", "memory"], NAMES, LOOKS)
    assert texts(kinds) == ["3", "1", "1,200"]


def test_wins_contributions_and_portfolio_are_as_given():
    axes = wins(np.array([[2.0, 1, 1], [0, 0, 0]]), ["dim 2", "dim 5"], NAMES, LOOKS)
    assert [c.get_width() for c in cells(axes)] == [0.5, 0.25, 0.25]
    assert texts(axes) == ["4 tasks", "0 tasks"]
    axes = contributions(np.array([0.2, 0.0, NAN]), np.array([[0.1, 0.3], [0, 0], [NAN, NAN]]), NAMES, LOOKS)
    assert [c.get_width() for c in cells(axes)] == [0.2, 0.0]
    assert [0.1, 0.3] in [line.get_xdata().tolist() for line in axes.lines]
    axes = portfolio(np.array([0.3, 0.1, 0.0]), NAMES, LOOKS, within=0.05)
    assert [marks(axes, name) for name in NAMES] == [[(0.3, 0)], [(0.1, 1)], [(0.0, 2)]]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["1  gp", "2  + tpe", "3  + random"]


def test_subset_points_are_all_tasks_the_chosen_ones_and_the_box():
    points = np.random.default_rng(0).uniform(0, 1, (20, 3))
    panels = subset_points(points, {"dev": [1, 4, 7]}, NAMES, corner=np.array([0.2, 0.4, 0.6]))
    for axes, (i, j) in zip(panels, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert axes.lines[0].get_data()[0].tolist() == points[:, i].tolist()
        assert axes.lines[1].get_data()[1].tolist() == points[[1, 4, 7], j].tolist()
        (box,) = cells(axes)
        assert (box.get_width(), box.get_height()) == ((0.2, 0.4, 0.6)[i], (0.2, 0.4, 0.6)[j])


def test_which_k_draws_chosen_random_and_the_recommendation():
    sizes, tau = np.array([5, 10, 20]), np.array([0.6, 0.8, 0.9])
    random = np.stack([tau - 0.3, tau - 0.2, tau - 0.1], 1)
    (axes,) = which_k(sizes, [Measure("τ", tau, random)], recommended=10)
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 3]
    assert [own.tolist() for own in drawn] == [random[:, 1].tolist(), tau.tolist()]
    assert any(list(line.get_xdata()) == [10, 10] for line in axes.lines)
    assert len(axes.collections) == 1


E3, NONE = np.full(3, NAN), np.empty(0)
EMPTY = {
    "anytime": lambda: anytime_regret(np.array([1.0]), np.full((3, 1), NAN), None, NAMES, LOOKS, xlabel=""),
    "no budgets": lambda: anytime_regret(NONE, np.empty((3, 0)), None, NAMES, LOOKS, xlabel=""),
    "profile": lambda: performance_profile(NONE, np.empty((0, 0)), None, [], {}),
    "cd": lambda: critical_difference(NONE, [], [], {}),
    "bayes": lambda: bayes_bars(np.full((1, 1), NAN), np.full((1, 1), NAN), ["gp"], LOOKS, rope="0"),
    "triangle": lambda: bayes_triangle(np.empty((0, 3)), E3, ("gp", "tpe"), LOOKS, rope="0"),
    "runtimes": lambda: expected_runtimes(np.full((3, 2), NAN), ["a", "b"], NAMES, LOOKS, xlabel=""),
    "map": lambda: score_map(np.empty((0, 3)), np.empty((0, 3)), [], NAMES, LOOKS, note=""),
    "final": lambda: final_scores([NONE] * 3, np.full((3, 3), NAN), NAMES, LOOKS, xlabel=""),
    "aggregates": lambda: aggregates([], NAMES, LOOKS),
    "groups": lambda: group_ranks(np.empty((0, 3)), None, [], [], NAMES, LOOKS),
    "pareto": lambda: pareto_fronts({"gp": np.empty((0, 2))}, ["a", "b"], None, LOOKS),
    "attainment": lambda: attainment({"gp": (np.empty((0, 2)),) * 3}, ["a", "b"], None, LOOKS),
    "parallel": lambda: parallel_coordinates(np.ones((2, 1)), E3[:2], [Parameter("a")], measure=""),
    "slices": lambda: slices(np.ones((2, 1)), E3[:2], [Parameter("a")], ylabel=""),
    "importance": lambda: importance(E3, None, NAMES),
    "overhead": lambda: overhead(np.full((3, 3), NAN), NAMES, LOOKS),
    "failures": lambda: failures(np.zeros((3, 4), int), NAMES, LOOKS),
    "kinds": lambda: failure_kinds(np.zeros((1, 3), int), ["timeout"], NAMES, LOOKS),
    "wins": lambda: wins(np.zeros((1, 3)), ["all"], NAMES, LOOKS),
    "contributions": lambda: contributions(E3, None, NAMES, LOOKS),
    "portfolio": lambda: portfolio(NONE, [], {}),
    "points": lambda: subset_points(np.empty((0, 2)), {}, NAMES[:2]),
    "which_k": lambda: which_k(NONE, []),
}


@pytest.mark.parametrize("name", EMPTY)
def test_where_there_is_nothing_to_draw_the_axes_say_so(name):
    drawn = EMPTY[name]()
    axes = drawn[0] if isinstance(drawn, list) else drawn
    axes.figure.draw_without_rendering()
    assert not axes.axison
    assert any(text.strip() for text in texts(axes))


def test_names_are_cut_only_so_far_as_they_stay_apart():
    assert fitting(["gp", "tpe"], 12) == ["gp", "tpe"]
    assert fitting(["a_very_long_name", "tpe"], 8) == ["a_very_…", "tpe"]
    cut = fitting(["cmaes/restarts:ipop", "cmaes/restarts:bipop2"], 14)
    assert len(set(cut)) == 2
    assert max(map(len, cut)) <= 14
    assert fitting(["aaaa1bbbb", "aaaa2bbbb"], 5) == ["aaaa1bbbb", "aaaa2bbbb"]


def test_words_are_broken_into_lines_that_fit():
    assert wrapped("one", 5) == "one"
    lines = wrapped("depends on which optimizers are compared", 1.0).splitlines()
    assert " ".join(lines) == "depends on which optimizers are compared"
    assert len(lines) > 1


@pytest.mark.parametrize(
    ("x", "text"), [(1, "1"), (0.01, "0.01"), (1000, "1,000"), (1e5, "10⁵"), (1e-8, "10⁻⁸"), (0, "")]
)
def test_ticks_of_log_axes(x, text):
    assert power(x) == text
