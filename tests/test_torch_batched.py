"""Trainings done together: autograd and single trainings as oracles, failures, memory, and who is charged."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("bitsandbytes", reason="needs the extra torch")

from torch.nn import functional  # noqa: E402

from carps_lite.core import TrialFailed  # noqa: E402
from carps_lite.tasks import torch_batched  # noqa: E402
from carps_lite.tasks.torch_dropout import Dropout, Masks  # noqa: E402
from carps_lite.tasks.torch_networks import mlp  # noqa: E402
from carps_lite.tasks.torch_perceptrons import Perceptrons, losses  # noqa: E402
from carps_lite.tasks.torch_rows import TorchImages, TorchTabular  # noqa: E402

TIMED = ("cost", "train_seconds", "first_step_seconds", "log10_train_seconds")
DIVERGING = {"learning_rate": 1.0, "one_minus_momentum": 0.01, "dropout": 0.5, "schedule": "constant", "warmup": 0.0}


def random_configs(task, n, seed):
    space = task.problem.space
    return space.decode_many(np.random.default_rng(seed).random((n, len(space))))


def steady(task, n, seed):
    """Random configurations with a small learning rate, whose training does not amplify rounding."""
    low = task.problem.space["learning_rate"].low
    configs = random_configs(task, n, seed)
    return [{**c, "learning_rate": low * (c["learning_rate"] / low) ** 0.3} for c in configs]


def test_dropout_keeps_the_share_and_the_mean():
    shares, shape = (0.0, 0.3, 0.5), (999, 101)
    (found,) = Masks([shape], shares, [torch.Generator().manual_seed(i) for i in range(3)]).draw()
    assert (found[0] == 1).all()
    for mask, p in zip(found[1:], shares[1:], strict=True):
        assert (mask == 0).float().mean().item() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / mask.numel()))
        assert mask.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
    alone = Dropout(0.3, torch.Generator().manual_seed(1)).train()
    assert torch.equal(alone(torch.ones(shape)), found[1])
    assert torch.equal(alone.eval()(torch.ones(5)), torch.ones(5))


def test_masks_of_all_layers_are_those_that_each_draws_in_turn():
    shapes = [(5, 7), (5, 3), (5, 7)]
    for k, p in enumerate((0.4, 0.2)):
        many = Masks(shapes, [0.4, 0.2], [torch.Generator().manual_seed(i) for i in range(2)])
        alone = Dropout(p, torch.Generator().manual_seed(k)).train()
        for _ in range(3):
            for mask, shape in zip(many.draw(), shapes, strict=True):
                assert torch.equal(mask[k], alone(torch.ones(shape)))


@pytest.mark.parametrize("n_out", [1, 2, 10])
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_are_those_of_autograd(n_out, depth, activation, dropout):
    """With dropout; parameters in 64 bits, outputs and masks in 32."""
    if depth == 0 and dropout:
        pytest.skip("no hidden layer, nothing to drop")
    generators = [torch.Generator().manual_seed(i) for i in range(3)]
    networks = [mlp(6, n_out, 8, depth, Dropout(dropout, generators[i]), activation).double() for i in range(3)]
    x = torch.randn(3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    y = x[:, :, 0] if n_out == 1 else (x[:, :, 0] > 0).long()
    expected, expected_losses = [], []
    for network, inputs, targets in zip(networks, x, y, strict=True):
        outputs = network.train()(inputs)
        of = (
            functional.mse_loss(outputs.squeeze(1), targets)
            if n_out == 1
            else functional.cross_entropy(outputs, targets)
        )
        expected.append(torch.cat([g.flatten() for g in torch.autograd.grad(of, list(network.parameters()))]))
        expected_losses.append(of.item())
    again = [torch.Generator().manual_seed(i) for i in range(3)]
    masks = Masks([(5, 8)] * depth, [dropout] * 3, again) if dropout else None
    stack = Perceptrons(networks, activation, torch.device("cpu"), torch.float64)
    outputs = stack.step(x, y, masks)
    tolerance = 1e-5 if dropout else 1e-6
    torch.testing.assert_close(stack.gradients_KP, torch.stack(expected), rtol=tolerance, atol=tolerance)
    assert losses(outputs, y).tolist() == pytest.approx(expected_losses, rel=tolerance)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop", "adagrad", "lion"])
@pytest.mark.parametrize("make", [TorchImages, TorchTabular])
def test_trainings_done_together_are_those_done_alone(make, name):
    task = make(kind="mf", epochs=2, search="training", optimizer=name)
    configs = steady(task, 6, seed=1)
    levels, seeds = [2, 2, 1, 2, 1, 2], [0, 1, 2, 3, 4, 0]
    together = task.evaluate_many(configs, levels, seeds)
    for config, level, seed, found in zip(configs, levels, seeds, together, strict=True):
        alone = task.evaluate(config, level, seed)
        assert found["trained_together"] == levels.count(level)
        for key in ("val_loss", "test_loss", "train_loss"):
            assert found[key] == pytest.approx(alone[key], rel=1e-3), (config, key)
        assert found["state_bytes"] == alone["state_bytes"]
        assert found["parameters"] == alone["parameters"]
        assert set(found) == {*alone, "trained_together"}


@pytest.mark.parametrize(
    "task", [TorchImages(epochs=2), TorchTabular(epochs=2), TorchTabular(dataset="wine", epochs=2)]
)
def test_a_random_batch_of_the_whole_space_is_as_single_trainings(task):
    """All shapes, most of them once; the middle difference is rounding, as the metadata declares."""
    configs, seeds = random_configs(task, 12, seed=3), list(range(12))
    off = []
    for config, seed, found in zip(configs, seeds, task.evaluate_many(configs, [None] * 12, seeds), strict=True):
        assert found["trained_together"] >= 1
        off.append(abs(found["val_loss"] / task.evaluate(config, None, seed)["val_loss"] - 1))
    assert np.median(off) < 1e-5


def test_a_failure_in_a_batch_is_its_own():
    task = TorchImages(optimizer="sgd", epochs=2, search="training")
    good = {**DIVERGING, "learning_rate": 0.01, "one_minus_momentum": 0.1, "dropout": 0.1, "weight_decay": 1e-5}
    bad = {**DIVERGING, "weight_decay": 1e-5}
    without = task.evaluate_many([good, good], [None] * 2, [1, 2])
    found = task.evaluate_many([good, bad, good], [None] * 3, [1, 0, 2])
    assert isinstance(found[1], TrialFailed)
    assert found[1].kind in ("diverged", "nan")
    assert found[1].cost > 0
    for one, other in ((found[0], without[0]), (found[2], without[1])):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-5)


def test_nan_in_one_training_reaches_no_other():
    networks = [mlp(6, 3, 8, 2, Dropout(0.0, torch.Generator())) for _ in range(3)]
    x, y = torch.randn(3, 5, 6), torch.zeros(3, 5, dtype=torch.int64)
    stack = Perceptrons(networks, "relu", torch.device("cpu"))
    with torch.no_grad():
        stack.step(x, y, None)
        before = stack.gradients_KP.clone()
        stack.parameters_KP[1] = math.nan
        stack.step(x, y, None)
    assert stack.gradients_KP[1].isnan().any()
    assert torch.equal(stack.gradients_KP[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize(("largest", "expected"), [(1, [1, 1, 1, 1, 1]), (3, [3, 3, 3, 2, 2]), (99, [5] * 5)])
def test_parts_are_of_even_size_and_the_same_result(monkeypatch, largest, expected):
    task = TorchTabular(epochs=1, search="training")
    configs = steady(task, 5, seed=2)
    whole = task.evaluate_many(configs, [None] * 5, list(range(5)))
    monkeypatch.setattr(torch_batched, "_at_once", lambda *given: largest)
    found = task.evaluate_many(configs, [None] * 5, list(range(5)))
    assert sorted((one["trained_together"] for one in found), reverse=True) == expected
    for one, other in zip(found, whole, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-5)


def test_what_does_not_fit_in_memory_is_halved_until_it_does(monkeypatch):
    """Three together do not fit; the one with seed 4 never does, and fails alone with its kind."""
    task = TorchTabular(epochs=1, search="training")
    configs = steady(task, 5, seed=2)
    whole = task.evaluate_many(configs, [None] * 5, list(range(5)))
    train = torch_batched._train

    def cramped(task, members, rows, device):
        if len(members) > 2 or 4 in [m.seed for m in members]:
            raise MemoryError
        return train(task, members, rows, device)

    monkeypatch.setattr(torch_batched, "_train", cramped)
    found = task.evaluate_many(configs, [None] * 5, list(range(5)))
    assert isinstance(found[4], TrialFailed)
    assert found[4].kind == "out_of_memory"
    for one, other in zip(found[:4], whole, strict=False):
        assert one["trained_together"] <= 2
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-5)


def test_equal_work_is_charged_equally_and_all_of_it(monkeypatch):
    """A clock that ticks once a look: what is charged is what the parts took, in equal shares."""
    task = TorchImages(epochs=1, search="training")
    configs = steady(task, 5, seed=2)
    taken = []
    trained = torch_batched._trained

    def noted(*given):
        courses, seconds = trained(*given)
        taken.extend(one.training + one.scoring for one in seconds)
        return courses, seconds

    ticks = iter(range(10**9))
    monkeypatch.setattr(torch_batched, "_trained", noted)
    monkeypatch.setattr(torch_batched, "_at_once", lambda *given: 2)
    monkeypatch.setattr(torch_batched, "perf_counter", lambda: float(next(ticks)))
    found = task.evaluate_many(configs, [None] * 5, list(range(5)))
    costs = [one["cost"] for one in found]
    assert len(taken) == 3
    assert costs == pytest.approx([costs[0]] * 5)
    assert sum(costs) == pytest.approx(sum(taken))


def test_what_cannot_be_trained_together_is_trained_alone():
    for task in (TorchImages(epochs=1, bits="8"), TorchImages(epochs=1, optimizer="lamb")):
        config = task.problem.space.default
        together = task.evaluate_many([config] * 2, [None] * 2, [0, 1])
        for seed, found in enumerate(together):
            alone = task.evaluate(config, None, seed)
            assert {k: v for k, v in found.items() if k not in TIMED} == {
                k: v for k, v in alone.items() if k not in TIMED
            }
    assert not hasattr(TorchImages(kind="mo", objectives=("loss", "seconds")), "evaluate_many")
