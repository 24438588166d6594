"""Nemenyi, Conover and the bars of a critical-difference diagram against scikit-posthocs, autorank and brute force."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import posthoc, stats

FIVE = ["Ax", "SMAC3-BlackBoxFacade", "HEBO", "Optuna-TPE", "RandomSearch"]
PAIR = FIVE.index("Ax"), FIVE.index("Optuna-TPE")


@pytest.fixture(scope="module")
def oracle():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is in the group dev")


def tables():
    value = st.integers(0, 5).map(float) | st.just(np.inf)
    shape = st.tuples(st.integers(3, 8), st.integers(2, 5))
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def test_published_values(published):
    five = published[FIVE].to_numpy()
    assert posthoc.nemenyi(five)[PAIR] == pytest.approx(0.03061, abs=1e-5)
    assert posthoc.conover(five).p_holm[PAIR] == pytest.approx(0.00335, abs=1e-5)


def test_all_pairs_are_those_of_scikit_posthocs(published, oracle):
    for table in (published[FIVE].to_numpy(), published.to_numpy()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nemenyi = np.array(oracle.posthoc_nemenyi_friedman(table))
            raw = np.array(oracle.posthoc_conover_friedman(table))
            holm = np.array(oracle.posthoc_conover_friedman(table, p_adjust="holm"))
        assert posthoc.nemenyi(table) == pytest.approx(nemenyi, abs=1e-6)
        assert posthoc.conover(table).p == pytest.approx(raw, abs=1e-9)
        assert posthoc.conover(table).p_holm == pytest.approx(holm, abs=1e-9)


def test_ties_and_failures_are_those_of_scikit_posthocs(oracle):
    rng = np.random.default_rng(5)
    for _ in range(5):
        table = rng.integers(0, 4, (9, 4)).astype(float)
        worst = np.where(rng.random(table.shape) < 0.2, np.inf, table)
        finite = np.where(np.isinf(worst), 99.0, worst)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = np.array(oracle.posthoc_conover_friedman(finite))
        assert posthoc.conover(worst).p == pytest.approx(raw, abs=1e-9)


@given(tables())
def test_p_values_are_symmetric_probabilities(scores):
    for p in (posthoc.nemenyi(scores), *posthoc.conover(scores)):
        assert (p == p.T).all()
        assert (np.diag(p) == 1).all()
        assert ((p >= 0) & (p <= 1)).all()


def test_a_clean_sweep_leaves_no_doubt_and_no_difference_is_none():
    assert posthoc.conover([[1, 2, 3]] * 4).p[0, 1] < 1e-12
    assert (posthoc.conover([[1.0, 1.0, 1.0]] * 4).p == 1).all()
    with pytest.raises(ValueError, match="at least 2 tasks"):
        posthoc.nemenyi([[1.0, 2.0]])


def test_pool_dependence(published):
    """Fact 1: Nemenyi tells Ax and TPE apart among 5 and not among 13; the signed-rank p is the same in both."""
    names = list(published)
    everyone = posthoc.nemenyi(published)[names.index("Ax"), names.index("Optuna-TPE")]
    assert posthoc.nemenyi(published[FIVE])[PAIR] < 0.05 < everyone
    two = published[["Ax", "Optuna-TPE"]]
    alone = stats.pairwise_wilcoxon(two)[0].p
    among = [p.p for p in stats.pairwise_wilcoxon(published) if {names[p.first], names[p.second]} == set(two)]
    assert among == [alone]


def test_bars_of_the_published_table_are_those_of_demsar(published):
    """By Nemenyi a bar is a longest run of neighbours within the critical difference."""
    means = stats.mean_ranks(published)
    order = np.argsort(means, kind="stable")
    cd = stats.nemenyi_cd(13, 20)
    runs = {
        tuple(order[i:j].tolist())
        for i, j in itertools.combinations(range(14), 2)
        if j - i > 1 and means[order[j - 1]] - means[order[i]] <= cd
    }
    longest = {r for r in runs if not any(set(r) < set(other) for other in runs)}
    found = posthoc.cliques(means, posthoc.nemenyi(published) < 0.05)
    assert set(found) == longest
    assert [means[c[0]] for c in found] == sorted(means[c[0]] for c in found)


@given(st.integers(1, 7), st.randoms(use_true_random=False))
def test_bars_are_all_largest_sets_of_those_not_told_apart(n, random):
    apart = np.zeros((n, n), dtype=bool)
    for a, b in itertools.combinations(range(n), 2):
        apart[a, b] = apart[b, a] = random.random() < 0.5
    means = np.array([random.random() for _ in range(n)])

    def alike(members):
        return not any(apart[a, b] for a, b in itertools.combinations(members, 2))

    subsets = [set(c) for k in range(2, n + 1) for c in itertools.combinations(range(n), k) if alike(c)]
    largest = [s for s in subsets if not any(s < other for other in subsets)]
    found = posthoc.cliques(means, apart)
    assert sorted(map(sorted, found)) == sorted(map(sorted, largest))
    assert all(list(means[list(c)]) == sorted(means[list(c)]) for c in found)
