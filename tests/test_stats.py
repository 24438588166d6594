"""Ranks, tests and intervals against published numbers, other libraries and brute force."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import bootstrap, chances, ranking, stats

FIVE = ["Ax", "SMAC3-BlackBoxFacade", "HEBO", "Optuna-TPE", "RandomSearch"]


@pytest.fixture(scope="module")
def five(published):
    return published[FIVE]


def small_scores(min_tasks=2, min_optimizers=2):
    """Tables (T, O) of few distinct values, so that ties are frequent, with some failures."""
    shape = st.tuples(st.integers(min_tasks, 7), st.integers(min_optimizers, 5))
    value = st.integers(0, 5).map(float) | st.just(np.inf)
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def runs(min_optimizers=2):
    """Values (O, T, S), lower is better, inf a failure."""
    shape = st.tuples(st.integers(min_optimizers, 4), st.integers(1, 4), st.integers(1, 3))
    value = st.integers(0, 4).map(float) | st.just(np.inf)
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


# ranks


def test_mean_ranks_of_the_published_table(published, five):
    assert stats.mean_ranks(five) == pytest.approx(five.rank(axis=1).mean().to_numpy(), abs=1e-12)
    assert stats.mean_ranks(published) == pytest.approx(published.rank(axis=1).mean().to_numpy(), abs=1e-12)
    assert stats.mean_ranks(published)[list(published).index("RandomSearch")] == 9.175


def test_dropping_failed_tasks_flatters_and_ranking_them_last_does_not(published):
    """Random search fails on its 6 worst tasks: dropped 8.25, ranked last 9.675, without failures 9.175."""
    column = list(published).index("RandomSearch")
    own = stats.ranks(published)[:, column]
    worst = np.argsort(-own, kind="stable")[:6]
    failed = published.to_numpy().copy()
    failed[worst, column] = np.nan
    assert np.delete(own, worst).mean() == 8.25
    assert stats.mean_ranks(failed)[column] == 9.675


def test_failures_share_the_worst_rank():
    assert stats.ranks([[1.0, np.nan, np.inf, 0.5]]).tolist() == [[2.0, 3.5, 3.5, 1.0]]


@given(small_scores())
def test_ranks_of_a_task_sum_to_what_they_must(scores):
    k = scores.shape[1]
    assert stats.ranks(scores).sum(axis=1) == pytest.approx(k * (k + 1) / 2)


@given(small_scores(), st.data())
def test_failing_never_improves_a_rank(scores, data):
    t = data.draw(st.integers(0, scores.shape[0] - 1))
    o = data.draw(st.integers(0, scores.shape[1] - 1))
    failed = scores.copy()
    failed[t, o] = np.nan
    before, after = stats.mean_ranks(scores), stats.mean_ranks(failed)
    assert after[o] >= before[o] - 1e-12
    assert (np.delete(after, o) <= np.delete(before, o) + 1e-12).all()


def test_mean_ranks_and_critical_difference_are_autoranks(five):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        autorank = pytest.importorskip("autorank", reason="autorank is in the group dev")
        result = autorank.autorank(five, alpha=0.05, order="ascending", force_mode="nonparametric")
    assert stats.mean_ranks(five) == pytest.approx(result.rankdf.loc[FIVE, "meanrank"].to_numpy())
    assert stats.nemenyi_cd(5, 20) == pytest.approx(result.cd, abs=1e-4)


# omnibus


def test_friedman_of_the_published_table(five):
    f = stats.friedman(five)
    assert f.chi2 == pytest.approx(30.041666666, abs=1e-6)
    assert f.p == pytest.approx(4.79977e-6, rel=1e-5)
    assert f.iman_davenport_f == pytest.approx(11.42535, abs=1e-5)
    assert f.iman_davenport_p == pytest.approx(2.5913e-7, rel=1e-4)


@given(small_scores(min_optimizers=3))
def test_friedman_is_scipys_ties_included(scores):
    from scipy.stats import friedmanchisquare

    r = stats.ranks(scores)
    if (r == r[:, :1]).all():
        assert stats.friedman(scores) == (0.0, 1.0, 0.0, 1.0)
        return
    expected = friedmanchisquare(*r.T)
    assert stats.friedman(scores)[:2] == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)


def test_friedman_of_a_clean_sweep_and_of_too_little():
    assert stats.friedman([[1, 2, 3]] * 4)[2:] == (np.inf, 0.0)
    with pytest.raises(ValueError, match="at least 2 tasks and 2 optimizers"):
        stats.friedman([[1.0, 2.0]])


def test_critical_difference_has_its_root_of_two():
    assert stats.nemenyi_cd(5, 20) == pytest.approx(1.36389, abs=1e-5)
    # two optimizers: the range of two is |difference|, whose standard error is sqrt(2): CD = z sqrt(k(k+1)/6N)
    assert stats.nemenyi_cd(2, 30) == pytest.approx(1.959964 * np.sqrt(6 / 180), rel=1e-5)


def test_posthocs_agree_with_the_critical_difference(five):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posthocs = pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is in the group dev")
        p = np.array(posthocs.posthoc_nemenyi_friedman(five.to_numpy()))
    means = stats.mean_ranks(five)
    beyond = np.abs(means[:, None] - means) > stats.nemenyi_cd(5, 20)
    assert p[FIVE.index("Ax"), FIVE.index("Optuna-TPE")] == pytest.approx(0.03061, abs=1e-5)
    off = ~np.eye(5, dtype=bool)
    assert (beyond == (p < 0.05))[off].all()


# pairs


PUBLISHED_P = {
    ("Ax", "SMAC3-BlackBoxFacade"): 0.112779,
    ("Ax", "HEBO"): 0.15899,
    ("Ax", "Optuna-TPE"): 0.021802,
    ("Ax", "RandomSearch"): 0.000536,
    ("SMAC3-BlackBoxFacade", "RandomSearch"): 0.000455,
    ("Optuna-TPE", "RandomSearch"): 0.001696,
}


def test_wilcoxon_of_the_published_table(five):
    """Its differences hold zeros, where SciPy, and so the oracle, takes the normal approximation."""
    found = {(FIVE[p.first], FIVE[p.second]): p.p for p in stats.pairwise_wilcoxon(five, exact=False)}
    for pair, p in PUBLISHED_P.items():
        assert found[pair] == pytest.approx(p, abs=1e-6)


def test_signed_rank_is_scipys_exact_test_without_ties():
    from scipy.stats import wilcoxon

    rng = np.random.default_rng(1)
    for n in (3, 7, 12, 20, 45):
        d = rng.normal(0.3, size=n)
        assert stats.signed_rank(d).p == pytest.approx(wilcoxon(d, method="exact").pvalue, rel=1e-12)


@given(st.lists(st.integers(-3, 3) | st.just(np.inf) | st.just(-np.inf), min_size=1, max_size=9))
def test_signed_rank_is_exact_with_ties_zeros_and_infinities(differences):
    """Brute force: every change of sign of the mid-ranks is equally likely."""
    d = np.array([x for x in differences if x != 0], dtype=float)
    r = pd.Series(np.abs(d)).rank().to_numpy()
    observed = min(r[d < 0].sum(), r[d > 0].sum())
    sums = np.array([np.dot(r, signs) for signs in itertools.product((0, 1), repeat=len(d))])
    expected = min(1.0, 2 * (sums <= observed + 1e-9).mean())
    assert stats.signed_rank(differences).p == pytest.approx(expected, abs=1e-12)


def test_signed_rank_beyond_the_exact_range_agrees_with_the_exact_one():
    d = np.random.default_rng(0).normal(0.1, size=stats.EXACT_UP_TO)
    assert stats.signed_rank(d).p == pytest.approx(stats.signed_rank(d, exact=False).p, rel=0.02)
    assert stats.signed_rank(np.append(d, 0.01)).p == stats.signed_rank(np.append(d, 0.01), exact=False).p


def test_no_difference_at_all_is_no_evidence():
    assert stats.signed_rank(np.zeros(8)) == (1.0, 0.0, 0.0, 0)
    assert stats.pairwise_wilcoxon([[np.inf, np.nan]] * 9)[0].p == 1.0


@pytest.fixture(scope="module")
def multitest():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is in the group dev")


def test_holm_is_statsmodels(multitest):
    rng = np.random.default_rng(0)
    for n in [1, 2, 3, 5, 10] * 6:
        p = rng.random(n).round(1) ** rng.integers(1, 5)  # with ties
        assert stats.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_how_many_tasks_it_takes():
    assert stats.smallest_p(5) == 0.0625  # five wins in five tasks are not significant
    assert stats.signed_rank(np.arange(1, 6)).p == 0.0625
    assert stats.tasks_needed(1) == 6
    for n_pairs in (1, 3, 6, 78):
        n = stats.tasks_needed(n_pairs)
        assert stats.smallest_p(n, n_pairs) <= 0.05 < stats.smallest_p(n - 1, n_pairs)


def test_a_pairs_p_does_not_depend_on_the_pool_and_nemenyis_verdict_does(published, five):
    """Fact 1: Ax and TPE differ by Nemenyi among 5 and not among 13; the paired p is the same."""

    def beyond(table):
        means = dict(zip(table, stats.mean_ranks(table), strict=True))
        return abs(means["Ax"] - means["Optuna-TPE"]) > stats.nemenyi_cd(table.shape[1], len(table))

    def raw(table):
        names = list(table)
        pair = {"Ax", "Optuna-TPE"}
        return next(p.p for p in stats.pairwise_wilcoxon(table) if {names[p.first], names[p.second]} == pair)

    assert beyond(five)
    assert not beyond(published)
    assert raw(five) == raw(published)


# ranks of runs


def ordinary_expected_ranks(values):
    """Average of the ranks over every way to draw one run of each optimizer."""
    n_optimizers, n_tasks, n_seeds = values.shape
    result = np.zeros((n_optimizers, n_tasks))
    choices = list(itertools.product(range(n_seeds), repeat=n_optimizers))
    for seeds in choices:
        drawn = np.array([values[o, :, s] for o, s in enumerate(seeds)])
        result += stats.ranks(drawn.T).T
    return result / len(choices)


@settings(max_examples=60)
@given(runs())
def test_expected_ranks_are_the_average_over_all_draws(values):
    assert chances.expected_ranks(values) == pytest.approx(ordinary_expected_ranks(values), abs=1e-9)


@settings(max_examples=60)
@given(runs())
def test_expected_rank_is_one_plus_what_the_others_win(values):
    """Adding an optimizer adds to everybody's rank and changes no pair."""
    n = len(values)
    for a in range(n):
        lost = sum(chances.superiority(values[b], values[a]) for b in range(n) if b != a)
        assert chances.expected_ranks(values)[a] == pytest.approx(1 + lost)


def test_one_seed_gives_ordinary_ranks(five):
    assert pytest.approx(stats.ranks(five)) == chances.expected_ranks(five.to_numpy().T[..., None]).T


@settings(max_examples=60)
@given(runs(), st.data())
def test_a_failed_run_never_improves_a_rank_or_a_chance(values, data):
    o, t, s = (data.draw(st.integers(0, n - 1)) for n in values.shape)
    failed = values.copy()
    failed[o, t, s] = np.inf
    before, after = chances.expected_ranks(values), chances.expected_ranks(failed)
    assert (after[o] >= before[o] - 1e-9).all()
    others = [i for i in range(len(values)) if i != o]
    assert (after[others] <= before[others] + 1e-9).all()
    for other in others:
        lower = chances.superiority(failed[o], failed[other]) <= chances.superiority(values[o], values[other])
        assert lower.all()


def test_superiority_is_the_effect_size_of_vargha_and_delaney():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 6, (4, 7)).astype(float), rng.integers(0, 6, (4, 5)).astype(float)
    u = mannwhitneyu(b, a, axis=1).statistic
    assert chances.superiority(a, b) == pytest.approx(u / 35)


def test_unused_seeds_do_not_count():
    short = np.array([[1.0, 2.0, np.nan]])
    assert chances.superiority(short, np.array([[1.5, 1.5, 1.5]])) == pytest.approx([0.5])
    both = np.stack([short, np.array([[1.5, 3.0, 3.0]])])
    assert chances.expected_ranks(both)[:, 0] == pytest.approx([1 + 1 / 6, 2 - 1 / 6])


# the whole ranking


def names_of(n):
    return [f"opt{i}" for i in range(n)]


@settings(max_examples=25, deadline=None)
@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_optimizers_only_permutes(values, random):
    n = len(values)
    names, groups = names_of(n), [f"g{t}" for t in range(values.shape[1])]
    order = random.sample(range(n), n)
    one = ranking.rank(values, names, groups)
    two = ranking.rank(values[order], [names[i] for i in order], groups)
    assert two.mean_ranks == pytest.approx(one.mean_ranks[order])
    assert two.seed_intervals == pytest.approx(one.seed_intervals[order], nan_ok=True)
    assert two.p_best == pytest.approx(one.p_best[order], nan_ok=True)
    for c in two.comparisons:
        same = one.between(order[c.first], order[c.second])
        assert (c.p, c.verdict, c.wins, c.losses) == (same.p, same.verdict, same.wins, same.losses)
        assert c.p_holm == pytest.approx(same.p_holm)


@settings(max_examples=40, deadline=None)
@given(runs(min_optimizers=3), st.data())
def test_a_comparison_does_not_depend_on_others(values, data):
    n = len(values)
    names, groups = names_of(n), [f"g{t}" for t in range(values.shape[1])]
    out = data.draw(st.integers(0, n - 1))
    left = [i for i in range(n) if i != out]
    whole, part = ranking.rank(values, names, groups), ranking.rank(values[left], [names[i] for i in left], groups)
    for c in part.comparisons:
        same = whole.between(left[c.first], left[c.second])
        assert (c.p, c.superiority) == (same.p, same.superiority)
        assert (c.wins, c.ties, c.losses) == (same.wins, same.ties, same.losses)


def normal_runs(n_seeds, seed, n_tasks=20):
    offsets = np.array([0, 0.2, 0.4, 0.6, 0.8])[:, None, None]
    return np.random.default_rng(seed).normal(size=(5, n_tasks, n_seeds)) + offsets


def test_more_seeds_narrow_the_interval():
    """Fact 3: with 20 seeds at most 0.6 times as wide as with 5 (0.5 would be exact); the CD bar does not move."""

    def width(n_seeds):
        found = [ranking.rank(normal_runs(n_seeds, i), names_of(5), names_of(20)).seed_intervals for i in range(4)]
        return np.diff(found, axis=-1).mean()

    assert 0.4 < width(20) / width(5) < 0.6


def test_intervals_hold_their_estimate_and_cover_the_truth():
    """On fixed tasks whose true ranks are known, 95 % intervals over seeds cover them about that often."""
    from scipy.stats import norm

    offsets = np.array([0, 0.2, 0.4, 0.6, 0.8])
    chance = norm.cdf((offsets[:, None] - offsets) / np.sqrt(2))  # that row loses against column
    truth = 1 + chance.sum(axis=1) - 0.5
    covered = []
    for i in range(40):
        r = ranking.rank(normal_runs(10, 100 + i, n_tasks=8), names_of(5), names_of(8))
        low, high = r.seed_intervals.T
        assert ((low <= r.mean_ranks) & (r.mean_ranks <= high)).all()
        covered.append((low <= truth) & (truth <= high))
    assert 0.86 <= np.mean(covered) <= 0.99


def test_repeated_instances_of_one_function_do_not_count_as_new_tasks():
    """Eight copies of three tasks: as groups of their own they look like much evidence; by group they do not."""
    values = np.repeat(normal_runs(5, 0, n_tasks=3), 8, axis=1)
    by_function = ranking.rank(values, names_of(5), np.repeat(names_of(3), 8))
    as_if_new = ranking.rank(values, names_of(5), names_of(24))
    once = ranking.rank(values[:, ::8], names_of(5), names_of(3))
    assert np.diff(by_function.task_intervals).mean() > 1.5 * np.diff(as_if_new.task_intervals).mean()
    assert [c.p for c in by_function.comparisons] == [c.p for c in once.comparisons]
    assert by_function.friedman == pytest.approx(once.friedman)


def test_what_cannot_be_had_is_not_given():
    one_seed = ranking.rank(normal_runs(1, 0), names_of(5), names_of(20))
    assert np.isnan(one_seed.seed_intervals).all()
    assert np.isfinite(one_seed.task_intervals).all()
    one_task = ranking.rank(normal_runs(5, 0, n_tasks=1), names_of(5), ["g"])
    assert np.isnan(one_task.task_intervals).all()
    assert one_task.p_best_over == "seeds"
    assert one_task.friedman is None
    neither = ranking.rank(normal_runs(1, 0, n_tasks=1), names_of(5), ["g"])
    assert neither.p_best_over == ""
    assert np.isnan(neither.p_best).all()


def test_p_best_is_a_distribution_and_ties_share():
    r = ranking.rank(normal_runs(5, 0), names_of(5), names_of(20))
    assert r.p_best.sum() == pytest.approx(1)
    assert r.p_best.argmax() == 0
    assert bootstrap.p_best(np.array([[1.5, 1.5, 3.0], [1.0, 2.0, 3.0]])).tolist() == [0.75, 0.25, 0.0]


def test_a_pair_is_tested_on_the_tasks_that_both_ran():
    values = normal_runs(3, 0)
    values[1, 10:] = np.inf
    ran = np.ones((5, 20), dtype=bool)
    ran[1, 10:] = False
    r = ranking.rank(values, names_of(5), names_of(20), ran)
    assert r.between(0, 1).n_tasks == 10
    assert r.between(1, 0).wins == r.between(0, 1).losses
    assert r.between(0, 2).n_tasks == 20
    assert (r.ranks_OT[1, 10:] == 5).all()  # but it ranks last where it did not run


def test_anytime_ranks_end_in_the_final_ones():
    values = np.minimum.accumulate(np.random.default_rng(0).normal(size=(3, 4, 5, 200)), axis=-1)
    index, means, bands = ranking.anytime(values, names_of(3))
    assert len(index) <= 60
    assert index[0] == 0
    assert index[-1] == 199
    final = ranking.rank(values[..., -1], names_of(3), names_of(4))
    assert means[:, -1] == pytest.approx(final.mean_ranks)
    assert ((bands[..., 0] <= means) & (means <= bands[..., 1])).all()
