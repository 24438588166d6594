"""The parity study: arrays to numbers against closed forms, and the whole example in a tiny size."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carps_lite.analysis.parity import differences, page, summary, timing, tuning
from carps_lite.analysis.parity.design import Design
from carps_lite.analysis.parity.largest import largest
from carps_lite.analysis.parity.observations import Observations, observe
from carps_lite.core import Fidelity, Problem, TrialFailed
from carps_lite.errors import InputError, MissingDependency
from carps_lite.space import Categorical, Float, Space

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "03_eight_bit_parity.py"
SPACE = Space({"x": Float(0.0, 1.0), "kind": Categorical(("a", "b"))})


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("eight_bit_parity", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["eight_bit_parity"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["eight_bit_parity"]


# ---- design


def test_the_design_is_the_same_for_every_seed_and_goes_on():
    def drawn(seed, n, **options):
        optimizer = Design(Problem(SPACE), seed, **options)
        return [optimizer.ask().config for _ in range(n)]

    assert drawn(0, 100) == drawn(7, 100)
    assert drawn(0, 100)[:10] == drawn(3, 10)
    assert drawn(0, 5) != drawn(0, 5, draw=1)
    assert len({json.dumps(config) for config in drawn(0, 100)}) == 100


# ---- differences


def test_noise_by_hand():
    found = differences.noise(np.array([[1.0, 3.0], [5.0, 5.0], [2.0, 8.0]]))
    # standard deviations sqrt(2), 0, sqrt(18): variances 2, 0, 18
    assert found.pooled == pytest.approx(np.sqrt(20 / 3))
    assert found.median == pytest.approx(np.sqrt(2))
    assert found.gap == pytest.approx((2 + 0 + 6) / 3)


def test_noise_leaves_failures_out_and_needs_two_seeds():
    found = differences.noise(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, 9.0]]))
    assert found == pytest.approx((np.sqrt(2), np.sqrt(2), 2.0))
    assert np.isnan(differences.noise(np.array([[1.0], [2.0]]))).all()


def test_a_constant_shift_is_found_without_uncertainty():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(8, 3))
    found = differences.paired(reference + 0.25, reference, rope=0.1)
    assert found.n == 24
    assert (found.mean, found.absolute, found.largest) == pytest.approx((0.25, 0.25, 0.25))
    assert found.interval == pytest.approx([0.25, 0.25])
    assert found.seed_interval == pytest.approx([0.25, 0.25])
    assert found.probabilities[2] > 0.99  # worse by more than the ROPE
    assert differences.paired(reference + 0.05, reference, rope=0.1).probabilities[1] > 0.99
    assert differences.paired(reference - 0.25, reference, rope=0.1).probabilities[0] > 0.99


def test_the_interval_has_the_width_of_the_normal_one():
    """With one seed and many configurations, the bootstrap's interval is the mean ± 1.96 standard errors."""
    d = np.random.default_rng(1).normal(0.3, 1.0, size=(400, 2))
    d[:, 1] = d[:, 0]  # seeds that repeat each other add nothing
    found = differences.paired(d, np.zeros_like(d), rope=0.1)
    half = 1.96 * d[:, 0].std(ddof=1) / np.sqrt(400)
    assert found.interval == pytest.approx([d.mean() - half, d.mean() + half], abs=0.12 * half)
    assert found.seed_interval == pytest.approx([d.mean()] * 2)


def test_failures_are_no_differences_but_count():
    reference = np.zeros((4, 2))
    reference[3, 1] = np.nan
    own = np.full((4, 2), 0.5)
    own[0, 0] = own[1, 1] = own[3, 1] = np.nan
    found = differences.paired(own, reference, rope=0.1)
    assert (found.n, found.mean, found.only_this, found.only_reference) == (5, 0.5, 2, 0)
    everything = differences.paired(np.full((4, 2), np.nan), np.zeros((4, 2)), rope=0.1)
    assert everything.n == 0
    assert np.isnan(everything.mean)
    assert np.isnan(everything.interval).all()
    assert everything.probabilities[2] > 0.99


def test_swapping_formats_turns_everything_round():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 6, 3))
    b[0, 0] = np.nan
    one, other = differences.paired(a, b, 0.2), differences.paired(b, a, 0.2)
    assert one.mean == pytest.approx(-other.mean)
    assert one.largest == pytest.approx(-other.largest)
    assert one.probabilities == pytest.approx(other.probabilities[::-1])
    assert one.interval == pytest.approx(-other.interval[::-1], abs=1e-9)
    assert (one.only_this, one.only_reference) == (other.only_reference, other.only_this)


# ---- tuning


def test_ranking_by_hand():
    reference = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    assert tuning.ranking(reference, reference) == (0, 1.0, 1.0, 1.0)
    turned = tuning.ranking(reference[::-1], reference)
    assert turned == (2, 3.0, -1.0, -1.0)
    swapped = np.array([[2.0, 2.0], [1.0, 1.0], [3.0, 3.0]])
    assert tuning.ranking(swapped, reference) == (1, 2.0, pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_a_configuration_that_failed_once_is_worse_than_any_other():
    own = np.array([[0.1, np.nan], [2.0, 2.0], [np.nan, np.nan]])
    assert tuning.means(own).tolist() == [np.inf, 2.0, np.inf]
    assert tuning.winner(own) == 1
    assert tuning.winner(np.full((2, 2), np.nan)) == -1
    found = tuning.ranking(own, np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    assert np.isnan(found.rank)  # the winner of 32 bits failed here
    assert np.isnan(tuning.ranking(np.full((2, 2), np.nan), np.ones((2, 2))).tau)


def test_tuned_is_chosen_on_other_seeds_and_judged_at_the_one_left_out():
    # seed 2 alone likes configuration 1; a choice that saw it would take it
    loss = np.array([[[1.0, 1.0, 5.0], [2.0, 2.0, 0.0]], [[4.0, 4.0, 4.0], [1.0, 1.0, 1.0]]])
    judged = loss + 100
    reference, other = tuning.tuned(loss, judged)
    # left out 0: means over seeds 1 and 2 are 3 and 1; left out 2: they are 1 and 2
    assert reference.own.tolist() == [102.0, 102.0, 105.0]
    assert reference.own.tolist() == reference.carried.tolist()
    assert other.own.tolist() == [101.0, 101.0, 101.0]
    assert other.carried.tolist() == [101.0, 101.0, 104.0]
    assert np.isnan(tuning.tuned(loss[:, :, :1], judged[:, :, :1])[0].own).all()


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 4))
def test_carrying_over_the_optimum_costs_nothing_where_formats_agree(seed, n_configs, n_seeds):
    one = np.random.default_rng(seed).normal(size=(n_configs, n_seeds))
    reference, other = tuning.tuned(np.stack([one, one]), np.stack([one, one]))
    np.testing.assert_array_equal(other.own, other.carried)
    np.testing.assert_array_equal(other.own, reference.own)
    assert tuning.ranking(one, one).rank == 1


# ---- observations


def rows(task, losses, failures=()):
    for seed, of_seed in enumerate(losses):
        for ask, loss in enumerate(of_seed):
            failed = (ask, seed) in failures
            info = {} if failed else {"test_loss": loss + 1, "state_bytes": 80.0, "train_seconds": 2.0}
            yield {
                "task": task,
                "seed": seed,
                "ask": ask,
                "value": np.nan if failed else loss,
                "failure": "nan: at step 3" if failed else None,
                "config": json.dumps({"x": ask}),
                "info": json.dumps(info),
            }


def test_observations_come_from_the_table_by_place_and_seed():
    table = pd.DataFrame(
        [*rows("t/32", [[1.0, 2.0, 9.0], [3.0, 4.0, 9.0]]), *rows("t/8", [[5.0, 6.0]], failures=[(1, 0)])]
    )
    found = observe(table, "t", ["t/32", "t/8"], ["32", "8"], 2, [0, 1])
    assert found.shape == (2, 2, 2)
    assert found.loss[0].tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert found.test[0].tolist() == [[2.0, 4.0], [3.0, 5.0]]
    np.testing.assert_array_equal(found.loss[1], [[5.0, np.nan], [np.nan, np.nan]])
    assert [found.failures(0), found.failures(1)] == [Counter(), Counter({"nan": 1})]
    assert [found.missing(0), found.missing(1)] == [0, 2]


def test_other_configurations_are_refused():
    table = pd.DataFrame([*rows("t/32", [[1.0, 2.0]]), *rows("t/8", [[5.0, 6.0]])])
    table.loc[3, "config"] = json.dumps({"x": 0.5})
    with pytest.raises(ValueError, match="their spaces differ"):
        observe(table, "t", ["t/32", "t/8"], ["32", "8"], 2, [0])


# ---- timing and the largest size


class Training:
    """A training of a second of set-up and `factor` seconds a step, by a clock of its own."""

    problem = Problem(SPACE, fidelity=Fidelity("steps", 1, 10))
    clock = 0.0

    def __init__(self, factor=1.0, fails=False):
        self.factor, self.fails = factor, fails

    def evaluate(self, config, fidelity, seed):
        if self.fails:
            raise TrialFailed("diverged")
        level = 10 if fidelity is None else fidelity
        Training.clock += 1 + self.factor * level
        return {"loss": 0.0, "train_seconds": self.factor * level}


def test_seconds_leave_the_set_up_out(monkeypatch):
    monkeypatch.setattr(timing, "process_time", lambda: Training.clock)
    tasks = {"32": Training(), "8": Training(3.0), "linear8": Training(fails=True)}
    found = timing.seconds(tasks, 3, on_gpu=False)
    assert found == {"32": [pytest.approx(10)] * 3, "8": [pytest.approx(30)] * 3, "linear8": []}


def test_seconds_of_a_gpu_are_those_of_the_task():
    found = timing.seconds({"32": Training(), "8": Training(2.0)}, 1, on_gpu=True)
    assert found == {"32": [10.0], "8": [20.0]}


def test_seconds_on_a_cpu_need_two_lengths_of_training():
    task = Training()
    task.problem = Problem(SPACE)
    with pytest.raises(ValueError, match="two levels"):
        timing.seconds({"32": task}, 1, on_gpu=False)


@given(st.integers(1, 3000), st.integers(1, 2000))
def test_the_largest_size_fits_and_one_a_little_larger_does_not(capacity, limit):
    asked = []

    def fits(size):
        asked.append(size)
        return size <= capacity

    found = largest(fits, limit)
    assert 1 <= found <= min(capacity, limit)
    assert found == limit or found + max(1, int(0.02 * found)) > capacity
    assert max(asked) <= limit
    assert len(asked) <= 2 + 2 * np.log2(limit + 1)


def test_nothing_fits():
    with pytest.raises(InputError, match="smallest"):
        largest(lambda size: False, 10)


# ---- summary and page


def seen(loss, task="t", formats=("32", "8", "linear8"), state=(100.0, 25.0, 25.0)):
    failure = np.where(np.isnan(loss), "diverged", "").astype("<U60")
    bytes_FCS = np.where(np.isnan(loss), np.nan, np.array(state)[:, None, None])
    return Observations(
        task, formats, loss, loss + 0.1, bytes_FCS, np.ones(loss.shape), np.full(loss.shape, np.nan), failure
    )


def losses(shift=0.0):
    reference = 1 + np.arange(12.0)[:, None] / 4 + np.random.default_rng(3).normal(0, 0.1, size=(12, 3))
    lost = np.full((12, 3), np.nan)
    return np.stack([reference, reference + shift, lost])


def test_a_row_says_what_was_found():
    found = summary.analyse(seen(losses(0.01)), {"32": [2.0, 1.0], "8": [1.5, 1.7]}, rope=0.5)
    reference, eight, linear = summary.rows([found])
    assert eight.difference == pytest.approx(0.01)
    assert eight.difference_in_sd == pytest.approx(0.01 / found.noise.median)
    assert eight.state_bytes_ratio == 0.25
    assert eight.seconds_ratio == pytest.approx(1.5)  # least of the rounds over least of the rounds
    assert (eight.rank_of_best_of_32, eight.tau) == (1.0, pytest.approx(1.0))
    assert eight.tuned_difference == pytest.approx(0.01)
    assert eight.carried_difference == pytest.approx(0.0)
    assert (linear.failures, linear.pairs, linear.best_configuration) == ("diverged:36", 0, -1)
    assert np.isnan(linear.seconds)
    assert [page.verdict(line) for line in (eight, linear)] == ["equivalent", "worse"]
    assert page.verdict(summary.rows([summary.analyse(seen(losses(1.0)), {}, rope=0.5)])[1]) == "worse"
    assert page.verdict(summary.rows([summary.analyse(seen(losses(-1.0)), {}, rope=0.5)])[1]) == "better"
    assert reference.difference == 0


def test_tables_hold_one_line_a_format_and_one_a_training(tmp_path):
    found = summary.analyse(seen(losses()), {}, rope=0.5)
    summary.write_csv(summary.rows([found]), tmp_path / "a.csv")
    summary.write_trainings([found], tmp_path / "b.csv")
    lines, trainings = pd.read_csv(tmp_path / "a.csv"), pd.read_csv(tmp_path / "b.csv")
    assert lines["format"].astype(str).tolist() == ["32", "8", "linear8"]
    assert len(trainings) == 3 * 12 * 3
    assert (trainings["failure"] == "diverged").sum() == 36
    back = trainings[trainings["format"] == "8"]["loss"].to_numpy().reshape(12, 3)
    np.testing.assert_allclose(back, found.observations.loss[1], rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 12, 3), (3, 1, 1), (1, 4, 2)], ids=str)
@pytest.mark.parametrize("gpu", [False, True])
def test_the_page_is_written_whatever_came_out(tmp_path, shape, gpu):
    loss = losses()[: shape[0], : shape[1], : shape[2]]
    observed = seen(loss, formats=("32", "8", "linear8")[: shape[0]], state=(100.0, 25.0, 25.0)[: shape[0]])
    found = summary.analyse(observed, {}, rope=0.5)
    html, text = page.write([found, found], tmp_path, 0.5, {"device": "x <y>"}, "python a.py", gpu)
    written = html.read_text()
    assert written.count("<svg") == 2
    assert not any(f'{where}="http' in written for where in ("src", "href"))  # one file, nothing fetched
    assert "x &lt;y&gt;" in written
    assert ("--device cuda" in text.read_text()) is not gpu
    assert "nan" not in text.read_text()
    for figure in ("differences", "losses"):
        assert (tmp_path / "figures" / f"{figure}.svg").exists()


# ---- the example


def test_wrong_arguments_are_refused_in_a_line(example):
    pytest.importorskip("torch")
    for wrong, said in (
        (["--formats", "32,16"], "no format '16'"),
        (["--configs", "-1"], "--configs must be at least 1"),
        (["--rope", "-1"], "must not be negative"),
        (["--device", "tpu"], "device must be cpu"),
        (["--largest"], "add --device cuda"),
    ):
        with pytest.raises(InputError, match=said) as raised:
            example.settle(example.arguments(wrong))
        assert "\n" not in str(raised.value)


def test_a_format_without_its_library_is_left_out_with_a_line(example, monkeypatch, capsys):
    def make(spec):
        if "bits:4" in spec:
            raise MissingDependency("needs torchao: pip install 'carps-lite[torch]'")

    monkeypatch.setattr(example.cl, "make_task", make)
    assert example.usable(["a", "b"], ["32", "4", "8"]) == ["32", "8"]
    assert capsys.readouterr().out == "left out 4: needs torchao: pip install 'carps-lite[torch]'\n"
    with pytest.raises(MissingDependency):
        example.usable(["a/bits:4"], ["32"])


def test_a_device_without_memory_ends_the_search_and_not_the_program(example, tmp_path, monkeypatch, capsys):
    """Without a GPU: a model that does not fit into a memory of so many bytes runs out of it, as on a device."""
    torch = pytest.importorskip("torch")
    from carps_lite.tasks import torch_capacity, torch_networks

    for bits in ("32", "linear8"):
        assert torch_capacity.fits(torch_networks.Size(64, 1, 16), bits, "cpu")

    memory, per_parameter = 16 * 50_000_000 * 7.5, {"32": 16, "8": 10}

    def two_steps(size, bits, device, batch):
        if size.parameters * per_parameter[bits] > memory:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch_capacity, "_two_steps", two_steps)
    args = example.arguments(["--formats", "32,8", "--out", str(tmp_path)])
    args.formats = ["32", "8"]
    found = example.largest_models(args)
    one_layer = torch_networks.Size(2048, 2, 256).parameters - torch_networks.Size(2048, 1, 256).parameters
    for bits, size in found.items():
        assert size * per_parameter[bits] <= memory < (size + one_layer) * per_parameter[bits]
    assert found["8"] / found["32"] == pytest.approx(1.6, rel=0.2)
    assert json.loads((tmp_path / "largest.json").read_text()) == found
    assert "largest model with 8 bits" in capsys.readouterr().out


def test_the_whole_study_goes_on_and_repeats_itself(example, tmp_path, monkeypatch, capsys):
    for package in ("torch", "bitsandbytes"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)

    def run(configs):
        given = ["--tasks", "torch_images/epochs:2", "--formats", "32,8", "--rounds", "1", "--processes", "0"]
        assert example.study(example.arguments([*given, "--configs", str(configs)])) == 0
        return capsys.readouterr().out, (tmp_path / "parity" / "trainings.csv").read_text()

    first, few = run(1)
    _, two = run(2)
    again, same = run(2)
    assert "8 bits against 32 at equal hyperparameters" in first
    assert "kept 4" in again
    assert two == same
    assert set(few.splitlines()) < set(two.splitlines())
    assert len(two.splitlines()) == 1 + 2 * 2 * 2
    table = pd.read_csv(tmp_path / "parity" / "summary.csv")
    assert table["state_bytes_ratio"].iloc[1] == pytest.approx(24912 / 71784, rel=1e-4)
    assert (table["seconds"] > 0).all()
