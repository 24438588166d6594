"""Inner optimizers: the same algorithm in every format, states counted by hand, nothing left behind."""

import math

import pytest

torch = pytest.importorskip("torch")
bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs the extra torch")

from carps_lite.errors import InputError, MissingDependency  # noqa: E402
from carps_lite.space import Space  # noqa: E402
from carps_lite.tasks import torch_optimizers  # noqa: E402
from carps_lite.tasks.torch_linear8 import dequantize, quantize  # noqa: E402
from carps_lite.tasks.torch_optimizers import CHOICE, OPTIMIZERS, WITH_8_BITS, Chosen, arguments, chosen, make  # noqa: E402
from carps_lite.tasks.torch_rules import RULES, update_of  # noqa: E402
from carps_lite.tasks.torch_states import state_bytes  # noqa: E402

NEVER = 1 << 30  # a min_8bit_size that no tensor reaches
SIZE = 128 * 96  # divisible by every block length, so that quantized bytes can be counted by hand


def hyper(name, **changes):
    return {**Space(OPTIMIZERS[name].params).default, **changes}


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(96, 128), torch.nn.ReLU(), torch.nn.Linear(128, 4))


def trained(name, bits, steps=12, min_8bit_size=4096, **changes):
    """Weights and optimizers after some steps on a fixed problem."""
    model = network()
    optimizers = make(Chosen(name, bits, hyper(name, **changes)), model, min_8bit_size=min_8bit_size)
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(64, 96, generator=generator), torch.randint(0, 4, (64,), generator=generator)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        for p in model.parameters():
            p.grad = None
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()]), optimizers


@pytest.mark.parametrize("name", WITH_8_BITS)
def test_8_bit_class_without_a_tensor_to_quantize_is_the_32_bit_algorithm(name):
    """So that a difference between formats is one of precision, not of the algorithm or of a hyperparameter."""
    reference, _ = trained(name, "32")
    other, _ = trained(name, "8", min_8bit_size=NEVER)
    torch.testing.assert_close(other, reference, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", [n for n in WITH_8_BITS if n not in ("lamb", "lars", "lion")])
def test_8_bit_states_stay_close_to_32_bit_ones(name):
    start = torch.cat([p.detach().flatten() for p in network().parameters()])
    reference, _ = trained(name, "32")
    other, _ = trained(name, "8")
    assert not torch.equal(reference, other)
    assert (other - reference).norm() < 0.25 * (reference - start).norm()


@pytest.mark.parametrize("bits", ["ao8", "4", "fp8"])
def test_torchao_steps_are_those_of_adamw_up_to_precision(bits):
    pytest.importorskip("torchao")
    start = torch.cat([p.detach().flatten() for p in network().parameters()])
    with torch.compiler.set_stance("force_eager"):
        other, _ = trained("adamw", bits)
    reference, _ = trained("adamw", "32")
    assert 0 < (other - reference).norm() < 0.5 * (reference - start).norm()


def one_matrix(name, bits, min_8bit_size=4096):
    model = torch.nn.Linear(96, 128, bias=False)
    optimizers = make(Chosen(name, bits, hyper(name)), model, min_8bit_size=min_8bit_size)
    model.weight.grad = torch.ones_like(model.weight)
    with torch.compiler.set_stance("force_eager"):
        for optimizer in optimizers:
            optimizer.step()
    return state_bytes(optimizers)


def test_state_bytes_are_those_counted_by_hand():
    blocks, maps = SIZE // 256, 2 * 256 * 4
    assert one_matrix("adamw", "32") == 2 * 4 * SIZE + 4  # two moments, a step counter
    assert one_matrix("sgd", "32") == 4 * SIZE
    assert one_matrix("adamw", "8") == 2 * (SIZE + 4 * blocks) + maps
    assert one_matrix("adamw", "linear8") == 2 * (SIZE + 4 * blocks)
    assert one_matrix("ademamix", "32") == 3 * 4 * SIZE
    assert one_matrix("adamw", "8", min_8bit_size=NEVER) == 2 * 4 * SIZE


def test_state_bytes_of_torchao_count_codes_scales_and_maps():
    pytest.importorskip("torchao")
    step = 4
    assert one_matrix("adamw", "fp8") == 2 * (SIZE + 4 * (SIZE // 256)) + step
    assert one_matrix("adamw", "4") == 2 * (SIZE // 2 + 4 * (SIZE // 128) + 16 * 4) + step
    assert one_matrix("adamw", "ao8") == 2 * (SIZE + 4 * (SIZE // 256) + 256 * 4) + step


def test_a_storage_that_two_states_share_counts_once():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=1)
    shared = torch.zeros(10)
    for p in range(2):
        optimizer.state[p] = {"whole": shared, "nested": [shared[:5], {"deep": torch.zeros(2)}]}
    assert state_bytes([optimizer]) == 40 + 2 * 8


def test_parameters_of_full_precision_keep_32_bits():
    model = torch.nn.Sequential(torch.nn.Linear(96, 128, bias=False), torch.nn.Linear(128, 96, bias=False))
    optimizers = make(Chosen("adamw", "8", hyper("adamw")), model, full_precision=[model[0].weight])
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    for optimizer in optimizers:
        optimizer.step()
    assert state_bytes(optimizers) == (2 * 4 * SIZE + 4) + 2 * (SIZE + 4 * SIZE // 256) + 2 * 256 * 4


@pytest.mark.parametrize("signed", [True, False])
def test_linear_quantization_errs_by_half_a_step_at_most(signed):
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    x = x if signed else x.square()
    back = dequantize(*quantize(x, signed), x.shape, signed)
    largest = torch.cat([block.abs().max().expand(len(block)) for block in x.split(256)])
    assert ((back - x).abs() <= largest * (1 / 254 if signed else 1 / 510) * 1.001).all()


def test_linear_adamw_without_quantization_is_adamw():
    reference, _ = trained("adamw", "32")
    other, _ = trained("adamw", "linear8", min_8bit_size=NEVER)
    torch.testing.assert_close(other, reference, rtol=1e-4, atol=1e-6)
    reference, _ = trained("adam", "32")
    other, _ = trained("adam", "linear8", min_8bit_size=NEVER)
    torch.testing.assert_close(other, reference, rtol=1e-4, atol=1e-6)


def test_hyperparameters_become_arguments():
    found = arguments({"learning_rate": 0.1, "one_minus_beta1": 0.25, "one_minus_beta2": 0.5, "weight_decay": 0.0})
    assert found == {"lr": 0.1, "betas": (0.75, 0.5), "weight_decay": 0.0}
    assert arguments({"learning_rate": 1.0, "one_minus_momentum": 0.25}) == {"lr": 1.0, "momentum": 0.75}
    assert math.isclose(arguments(hyper("rmsprop"))["alpha"], 0.99)


def test_a_choice_makes_hyperparameters_conditional():
    space = Space(torch_optimizers.space_of(CHOICE, CHOICE))
    config = space.prune(
        {**space.default, **{n: p.default for n, p in space.items()}, "optimizer": "lion", "bits": "8"}
    )
    assert space.violation(config) is None
    assert {n for n in config if "_learning_rate" in n} == {"lion_learning_rate"}
    choice = chosen(config, CHOICE, CHOICE)
    assert choice == Chosen("lion", "8", {key: config[f"lion_{key}"] for key in OPTIMIZERS["lion"].params})


def test_hyperparameters_do_not_depend_on_the_format():
    for name, inner in OPTIMIZERS.items():
        spaces = {tuple(Space(torch_optimizers.space_of(name, bits)).items()).__repr__() for bits in inner.formats}
        assert len(spaces) == 1


def test_wrong_names_get_one_line(monkeypatch):
    with pytest.raises(InputError, match=r"^x: no optimizer 'adamww'; did you mean 'adamw'\?$"):
        torch_optimizers.check("x", "adamww", "32")
    with pytest.raises(InputError, match=r"^x: no bits '16'"):
        torch_optimizers.check("x", "adamw", "16")
    with pytest.raises(InputError, match=r"^x: optimizer muon has no bits '8'"):
        torch_optimizers.check("x", "muon", "8")
    monkeypatch.setattr(torch_optimizers, "installed_version", lambda name: None)
    with pytest.raises(MissingDependency, match=r"needs bitsandbytes: pip install 'carps-lite\[torch\]'$"):
        torch_optimizers.check("x", "adamw", "8")


@pytest.mark.parametrize("name", [n for n in WITH_8_BITS if "weight_decay" in OPTIMIZERS[n].params])
def test_weight_decay_means_the_same_in_both_classes(name):
    changes = {"weight_decay": 0.5, "learning_rate": 0.01}
    reference, _ = trained(name, "32", **changes)
    other, _ = trained(name, "8", min_8bit_size=NEVER, **changes)
    without, _ = trained(name, "32", **{**changes, "weight_decay": 0.0})
    torch.testing.assert_close(other, reference, rtol=2e-4, atol=2e-5)
    assert (reference - without).norm() > 0.001 * without.norm()


@pytest.mark.parametrize(
    ("name", "bits"),
    [(n, b) for n in ("adamw", "lion", "ademamix", "sgd") for b in OPTIMIZERS[n].formats],
)
def test_without_gradient_weight_decay_alone_shrinks_the_weights(name, bits):
    """By lr times the coefficient in the first step, for decoupled decay and for SGD's penalty alike."""
    pytest.importorskip(OPTIMIZERS[name].formats[bits].package)
    torch.manual_seed(0)
    model = torch.nn.Linear(96, 128, bias=False)
    before = model.weight.detach().clone()
    (optimizer,) = make(Chosen(name, bits, hyper(name, learning_rate=0.1, weight_decay=0.5)), model)
    model.weight.grad = torch.zeros_like(model.weight)
    with torch.compiler.set_stance("force_eager"):
        optimizer.step()
    torch.testing.assert_close(model.weight.detach(), before * (1 - 0.1 * 0.5), rtol=1e-4, atol=1e-7)


def test_muon_takes_hidden_matrices_and_adamw_the_rest():
    pytest.importorskip("pytorch_optimizer")
    (optimizer,) = make(Chosen("muon", "32", hyper("muon", weight_decay=0.25)), network())
    by_use = {group["use_muon"]: group for group in optimizer.param_groups}
    assert [tuple(p.shape) for p in by_use[True]["params"]] == [(128, 96)]
    assert [tuple(p.shape) for p in by_use[False]["params"]] == [(128,), (4, 128), (4,)]
    assert {group["weight_decay"] for group in by_use.values()} == {0.25}
    assert (by_use[True]["lr"], by_use[False]["lr"]) == (hyper("muon")["learning_rate"], hyper("muon")["adamw_lr"])


def test_prodigy_does_not_count_the_warm_up():
    """Its authors ask for the safeguard wherever the learning rate warms up."""
    pytest.importorskip("pytorch_optimizer")
    (optimizer,) = make(Chosen("prodigy", "32", hyper("prodigy")), network())
    assert optimizer.param_groups[0]["safeguard_warmup"] is True


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_rows_of_the_fused_kernel_are_the_rule_of_a_gpu(name):
    generator = torch.Generator().manual_seed(0)
    fused = [torch.randn(3, *shape, generator=generator) for shape in ((4, 5), (1, 5))]
    plain, states = [t.clone() for t in fused], [{}, {}]
    columns = {"lr": [0.1, 0.01, 1e-3], "beta1": [0.9, 0.8, 0.95], "beta2": [0.999, 0.9, 0.99]}
    columns = {k: torch.tensor(v, dtype=torch.float64) for k, v in columns.items()}
    if name == "adamw":
        columns["weight_decay"] = torch.tensor([0.5, 0.0, 0.1], dtype=torch.float64)
    update = update_of(name, fused)
    for step in range(1, 6):
        gradients = [torch.randn(t.shape, generator=generator) for t in fused]
        update(gradients, columns, step)
        for p, g, state in zip(plain, gradients, states, strict=True):
            RULES[name](p, g, state, {k: v.float()[:, None, None] for k, v in columns.items()}, step)
    for one, other in zip(fused, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
