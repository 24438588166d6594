"""Who wins where, what each adds, and the smallest portfolio: brute force over all subsets and orders."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carps_lite.analysis import complementarity


def tables(failures=False, max_optimizers=5):
    value = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0])
    value = value | st.just(np.inf) if failures else value
    shape = st.tuples(st.integers(1, max_optimizers), st.integers(1, 5))
    return shape.flatmap(lambda s: hnp.arrays(float, s, elements=value))


def test_winners_and_virtual_best():
    scores = [[0.1, np.inf, 0.5], [0.1, np.nan, 0.4], [0.3, np.inf, 0.41]]
    assert complementarity.virtual_best(scores).tolist() == [0.1, np.inf, 0.4]
    assert complementarity.winners(scores).tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert complementarity.winners(scores, tolerance=0.02)[2].tolist() == [0, 0, 1]


def test_marginal_contributions():
    scores = np.array([[0.1, 0.9, 0.5], [0.4, 0.2, 0.5], [0.4, 0.9, 0.5]])
    assert complementarity.marginal_contributions(scores) == pytest.approx([0.1, 0.7 / 3, 0.0])
    scores[[1, 2], 0] = np.inf
    assert complementarity.marginal_contributions(scores)[0] == np.inf
    assert complementarity.marginal_contributions([[np.inf, 0.2], [np.inf, 0.2]]).tolist() == [0, 0]


@settings(max_examples=40)
@given(tables(failures=True, max_optimizers=4))
def test_shapley_values_average_over_all_orders_of_joining(scores):
    clipped = np.minimum(scores, 1.0)
    expected = np.zeros(len(scores))
    orders = list(itertools.permutations(range(len(scores))))
    for order in orders:
        best = np.ones(scores.shape[1])
        for o in order:
            joined = np.minimum(best, clipped[o])
            expected[o] += (best - joined).mean()
            best = joined
    found = complementarity.shapley_values(scores)
    assert found == pytest.approx(expected / len(orders))
    assert found.sum() == pytest.approx(1 - clipped.min(axis=0).mean())


@settings(max_examples=60)
@given(tables(), st.sampled_from([0.0, 0.05, 0.2]), st.booleans())
def test_smallest_portfolio_by_brute_force(scores, within, relative):
    found = complementarity.smallest_portfolio(scores, within, relative)

    def mean(members):
        return scores[list(members)].min(axis=0).mean()

    everyone = range(len(scores))
    best, single = mean(everyone), min(mean([o]) for o in everyone)
    limit = best + within * ((single - best) if relative else 1) + 1e-9
    enough = [c for k in range(1, len(scores) + 1) for c in itertools.combinations(everyone, k) if mean(c) <= limit]
    size = len(enough[0])
    assert found.exact
    assert len(found.members) == size
    assert found.mean == pytest.approx(min(mean(c) for c in enough if len(c) == size)) == mean(found.members)
    assert (found.virtual_best, found.single_best) == pytest.approx((best, single))
    assert 0 <= found.gap_closed <= 1 + 1e-9
    if relative:
        assert found.gap_closed >= 1 - within - 1e-6


def test_fifteen_are_enumerated_and_many_are_not():
    """Each solves one task alone: the smallest portfolio of no loss are all of them."""
    alone = complementarity.smallest_portfolio(1 - np.eye(15), within=0.0)
    assert alone.exact
    assert alone.members == tuple(range(15))
    many = complementarity.smallest_portfolio(1 - np.eye(30), within=0.0)
    assert not many.exact
    assert many.members == tuple(range(30))
    assert many.gap_closed == pytest.approx(1)


def test_few_of_many_are_still_exact():
    """One of 40 is nearly best everywhere, though greedy would need more than the two that are best."""
    scores = np.full((40, 6), 1.0)
    scores[0] = [0.0, 0.0, 0.4, 0.0, 0.0, 0.4]  # the best single one
    scores[1], scores[2] = [0, 0, 0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0, 0, 0]
    found = complementarity.smallest_portfolio(scores, within=0.0)
    assert found.members == (1, 2)
    assert found.exact


def test_failures_need_a_price():
    with pytest.raises(ValueError, match="finite"):
        complementarity.smallest_portfolio([[0.1, np.inf], [0.2, 0.3]])


@given(tables(failures=True), st.data())
def test_failing_earns_nothing(scores, data):
    o, t = (data.draw(st.integers(0, n - 1)) for n in scores.shape)
    failed = scores.copy()
    failed[o, t] = np.inf
    assert (complementarity.virtual_best(failed) >= complementarity.virtual_best(scores)).all()
    assert (complementarity.winners(failed)[o] <= complementarity.winners(scores)[o]).all()
    for measure in (complementarity.marginal_contributions, complementarity.shapley_values):
        assert measure(failed)[o] <= measure(scores)[o] + 1e-12
