"""Parts of the comparison: each as if compared alone, one family of tests over all."""

import numpy as np
import pytest

from carps_lite.analysis import breakdown, ranking, stats


def names_of(n):
    return [f"opt{i}" for i in range(n)]


@pytest.fixture(scope="module")
def runs():
    """Three optimizers; the first wins in the first half of the tasks and loses in the second."""
    values = np.random.default_rng(0).normal(size=(3, 24, 5))
    values[0, :12] -= 2
    values[0, 12:] += 2
    return values


LABELS = ["small"] * 12 + ["large"] * 12


def test_each_part_is_what_it_is_alone(runs):
    groups = names_of(24)
    found = breakdown.by_label(runs, names_of(3), groups, LABELS)
    assert found.labels == ("small", "large")
    for i, part in enumerate((slice(12), slice(12, 24))):
        alone = ranking.rank(runs[:, part], names_of(3), groups[part])
        assert found.mean_ranks[i] == pytest.approx(alone.mean_ranks)
        for j, (a, b) in enumerate(found.pairs):
            assert found.p[i, j] == alone.between(a, b).p
            assert found.superiority[i, j] == pytest.approx(alone.between(a, b).superiority)
        assert (found.seed_intervals[i, :, 0] <= found.mean_ranks[i] + 1e-9).all()
        assert (found.seed_intervals[i, :, 1] >= found.mean_ranks[i] - 1e-9).all()


def test_verdicts_go_both_ways_and_the_family_is_everything(runs):
    found = breakdown.by_label(runs, names_of(3), names_of(24), LABELS)
    assert found.verdicts[:, :2].tolist() == [[1, 1], [-1, -1]]
    assert found.p_holm.ravel() == pytest.approx(stats.holm(found.p.ravel()))
    assert found.p_holm.size == 6
    assert (found.n_tasks == 12).all()


def test_instances_of_one_function_are_one_block(runs):
    groups = [f"f{t // 4}" for t in range(24)]
    found = breakdown.by_label(runs, names_of(3), groups, LABELS)
    assert found.n_groups.tolist() == [3, 3]
    assert (found.p >= 0.25).all()  # three blocks allow no less
    assert (found.verdicts == 0).all()


def test_a_pair_is_tested_on_what_both_ran(runs):
    ran = np.ones((3, 24), dtype=bool)
    ran[2, :12] = False
    values = np.where(ran[..., None], runs, np.inf)
    found = breakdown.by_label(values, names_of(3), names_of(24), LABELS, ran)
    assert np.isnan(found.superiority[0, 1])
    assert found.p[0, 1] == 1
    assert found.mean_ranks[0, 2] == 3  # but it ranks last where it did not run


def test_unlabelled_tasks_are_left_out_and_single_seeds_have_no_interval(runs):
    found = breakdown.by_label(runs[..., :1], names_of(3), names_of(24), ["a"] * 5 + [""] * 19)
    assert found.n_tasks.tolist() == [5]
    assert np.isnan(found.seed_intervals).all()
    with pytest.raises(ValueError, match="no task has a label"):
        breakdown.by_label(runs, names_of(3), names_of(24), [""] * 24)


def test_budgets_are_parts_too(runs):
    curves = np.stack([runs[::-1], runs], axis=-1)
    found = breakdown.by_budget(curves, names_of(3), names_of(24), ["10", "100"])
    whole = ranking.rank(runs, names_of(3), names_of(24))
    assert found.mean_ranks[1] == pytest.approx(whole.mean_ranks)
    assert found.mean_ranks[0] == pytest.approx(whole.mean_ranks[::-1])
    assert found.p[1] == pytest.approx([whole.between(a, b).p for a, b in found.pairs])
