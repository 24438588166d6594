"""The inner optimizers of trainings in torch: one table from a name to its hyperparameters and state formats.

A format says how the optimizer's state is stored:

- `32`: 32-bit floats; torch's own optimizer where there is one, else that of bitsandbytes or pytorch_optimizer;
- `8`: block-wise dynamic quantization to 8 bits (Dettmers, Lewis, Shleifer, Zettlemoyer 2021, arXiv:2110.02861),
  by bitsandbytes, whose block-wise LAMB and LARS leave out the limit on the norm of the update that its 32-bit ones
  have, so that these two are other algorithms in 8 bits;
- `ao8`, `4`, `fp8`: 8-bit dynamic, 4-bit (Li, Chen, Zhu 2023, arXiv:2309.01507) and 8-bit float states, by torchao;
- `linear8`: both moments of Adam under plain linear 8-bit quantization: the control that is expected to fail.

A hyperparameter has the same name and range in every format. Learning rates of optimizers that find their own
(Prodigy, D-Adaptation) are factors around 1. No library is imported before an optimizer is made.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from carps_lite.errors import InputError, MissingDependency, nearest, unknown
from carps_lite.libraries import installed_version
from carps_lite.space import Categorical, Config, Float, Param

if TYPE_CHECKING:
    import torch

CHOICE = "choice"  # as the name of an optimizer or a format: the configuration says which
FORMATS = ("32", "8", "ao8", "4", "fp8", "linear8")
TORCHAO_MIN_SIZE = 4096  # torchao quantizes tensors of at least so many elements; it has no option for it

Params = Mapping[str, Param]
Arguments = dict[str, Any]


class Source(NamedTuple):
    """Where a constructor is found, which distribution brings it, and what it is always given."""

    package: str
    path: str
    fixed: Arguments = {}  # noqa: RUF012 - never written to


@dataclass(frozen=True)
class Inner:
    """An inner optimizer: its hyperparameters and, for each format, its constructor."""

    params: Params
    formats: Mapping[str, Source]
    schedule: bool = True  # whether a learning-rate schedule goes with it
    create_graph: bool = False  # whether it needs second derivatives
    matrices_apart: bool = False  # whether hidden matrices are a parameter group of their own (Muon)


class Chosen(NamedTuple):
    """What a configuration says of the inner optimizer: its name, its format, its hyperparameters by plain name."""

    name: str
    bits: str
    hyper: Config


def _rate(low: float, high: float, default: float) -> Params:
    return {"learning_rate": Float(low, high, log=True, default=default)}


def _minus(name: str, low: float, high: float, default: float) -> Params:
    """A decay rate close to 1, by its distance from 1."""
    return {f"one_minus_{name}": Float(low, high, log=True, default=default)}


_BETAS = {**_minus("beta1", 0.02, 0.3, 0.1), **_minus("beta2", 1e-3, 0.1, 1e-3)}
_MOMENTUM = _minus("momentum", 0.01, 0.5, 0.1)
_DECOUPLED = {"weight_decay": Float(1e-4, 1.0, log=True, default=1e-2)}  # times the learning rate, off the weights
_COUPLED = {"weight_decay": Float(1e-7, 1e-2, log=True, default=1e-5)}  # an L2 penalty, through the gradient


def _torch(name: str, **fixed: Any) -> dict[str, Source]:
    return {"32": Source("torch", f"torch.optim.{name}", fixed)}


def _eight(name: str, **fixed: Any) -> dict[str, Source]:
    return {"8": Source("bitsandbytes", f"bitsandbytes.optim.{name}8bit", fixed)}


def _both(name: str, **fixed: Any) -> dict[str, Source]:
    full = Source(
        "bitsandbytes", f"bitsandbytes.optim.{name}", {"optim_bits": 32, **fixed}
    )  # AdEMAMix32bit fails in 0.50
    return {"32": full, **_eight(name, **fixed)}


def _low_bits(name: str) -> dict[str, Source]:
    endings = {"ao8": "8bit", "4": "4bit", "fp8": "Fp8"}
    found = {bits: Source("torchao", f"torchao.optim.{name}{ending}") for bits, ending in endings.items()}
    return {**found, "linear8": Source("torch", "carps_lite.tasks.torch_linear8.LinearAdamW")}


def _other(name: str, **fixed: Any) -> dict[str, Source]:
    return {"32": Source("pytorch_optimizer", f"pytorch_optimizer.{name}", fixed)}


OPTIMIZERS: Mapping[str, Inner] = {
    "adamw": Inner(
        {**_rate(1e-4, 1e-1, 1e-3), **_BETAS, **_DECOUPLED},
        {**_torch("AdamW", fused=True), **_eight("AdamW"), **_low_bits("AdamW")},
    ),
    "adam": Inner(  # without weight decay, which torch couples with the gradient and bitsandbytes does not
        {**_rate(1e-4, 1e-1, 1e-3), **_BETAS},
        {**_torch("Adam", fused=True), **_eight("Adam"), **_low_bits("Adam")},
    ),
    "sgd": Inner({**_rate(1e-3, 1.0, 0.1), **_MOMENTUM, **_COUPLED}, {**_torch("SGD", fused=True), **_eight("SGD")}),
    "lion": Inner(
        {
            **_rate(1e-5, 1e-2, 3e-4),
            **_minus("beta1", 0.02, 0.3, 0.1),
            **_minus("beta2", 1e-3, 0.1, 0.01),
            **_DECOUPLED,
        },
        _both("Lion"),
    ),
    "rmsprop": Inner(
        {**_rate(1e-4, 3e-2, 1e-3), **_minus("alpha", 1e-3, 0.3, 0.01), **_COUPLED},
        {**_torch("RMSprop", foreach=True), **_eight("RMSprop")},
    ),
    "adagrad": Inner({**_rate(1e-3, 1.0, 1e-2), **_COUPLED}, {**_torch("Adagrad", foreach=True), **_eight("Adagrad")}),
    "ademamix": Inner(
        {
            **_rate(1e-4, 1e-1, 1e-3),
            **_BETAS,
            **_minus("beta3", 1e-4, 1e-2, 1e-3),
            "alpha": Float(1.0, 10.0, default=5.0),
            **_DECOUPLED,
        },
        _both("AdEMAMix"),
    ),
    "lamb": Inner({**_rate(1e-3, 3e-1, 2e-2), **_BETAS, **_DECOUPLED}, _both("LAMB")),
    "lars": Inner({**_rate(1e-3, 10.0, 0.1), **_MOMENTUM, **_COUPLED}, _both("LARS")),
    "adahessian": Inner(
        {**_rate(1e-3, 1.0, 0.1), **_BETAS, **_DECOUPLED}, _other("AdaHessian", foreach=False), create_graph=True
    ),
    "muon": Inner(
        {
            **_rate(1e-3, 0.2, 2e-2),
            **_minus("momentum", 0.01, 0.3, 0.05),
            "adamw_lr": Float(1e-4, 3e-2, log=True, default=3e-3),
            **_DECOUPLED,
        },
        _other("Muon"),
        matrices_apart=True,
    ),
    "soap": Inner(
        {
            **_rate(1e-4, 3e-2, 3e-3),
            **_minus("beta1", 0.02, 0.3, 0.05),
            **_minus("beta2", 1e-3, 0.1, 0.05),
            **_DECOUPLED,
        },
        _other("SOAP"),
    ),
    "shampoo": Inner({**_rate(1e-2, 10.0, 0.3), **_minus("momentum", 0.05, 1.0, 0.5), **_COUPLED}, _other("Shampoo")),
    "prodigy": Inner({**_rate(0.3, 3.0, 1.0), **_BETAS, **_DECOUPLED}, _other("Prodigy", safeguard_warmup=True)),
    "dadaptation": Inner(
        {**_rate(0.3, 3.0, 1.0), **_BETAS, **_DECOUPLED},
        _other("DAdaptAdam", weight_decouple=True, bias_correction=True),
    ),
    "schedulefree": Inner(
        {**_rate(3e-4, 1e-1, 2.5e-3), **_BETAS, **_DECOUPLED}, _other("ScheduleFreeAdamW"), schedule=False
    ),
}
NAMES = (*OPTIMIZERS, CHOICE)
WITH_8_BITS = tuple(name for name, inner in OPTIMIZERS.items() if "8" in inner.formats)  # what a choice is made from
CHOICE_FORMATS = ("32", "8")


def check(owner: str, name: str, bits: str) -> None:
    """Raise InputError on an unknown name, format or pair of them, MissingDependency where its library is missing."""
    if name not in NAMES:
        raise unknown(f"{owner}: no optimizer", name, NAMES)
    if bits not in (*FORMATS, CHOICE):
        raise unknown(f"{owner}: no bits", bits, (*FORMATS, CHOICE))
    for one in _candidates(name):
        formats = OPTIMIZERS[one].formats
        for form in CHOICE_FORMATS if bits == CHOICE else (bits,):
            if form not in formats:
                raise InputError(f"{owner}: optimizer {name} has no bits {form!r}{nearest(form, formats)}")
            package = formats[form].package
            if installed_version(package) is None:
                raise MissingDependency(
                    f"{owner}/optimizer:{name}/bits:{bits} needs {package}: pip install 'carps-lite[torch]'"
                )


def space_of(name: str, bits: str) -> dict[str, Param]:
    """The hyperparameters of an optimizer and its schedule, with the choice of either where `choice` is given.

    Under a choice of the optimizer, hyperparameters are called `<optimizer>_<name>` and active under their own.
    """
    params: dict[str, Param] = {}
    if name == CHOICE:
        params["optimizer"] = Categorical(WITH_8_BITS)
        for one in WITH_8_BITS:
            for key, p in OPTIMIZERS[one].params.items():
                params[f"{one}_{key}"] = replace(p, when={"optimizer": (one,)})
    else:
        params |= OPTIMIZERS[name].params
    if bits == CHOICE:
        params["bits"] = Categorical(CHOICE_FORMATS)
    if name == CHOICE or OPTIMIZERS[name].schedule:
        params["schedule"] = Categorical(("cosine", "linear", "constant"))
    return {**params, "warmup": Float(0.0, 0.2, default=0.05)}


def chosen(config: Config, name: str, bits: str) -> Chosen:
    """Read the optimizer, its format and its hyperparameters out of a configuration."""
    if name == CHOICE:
        name = str(config["optimizer"])
        hyper = {key: config[f"{name}_{key}"] for key in OPTIMIZERS[name].params}
    else:
        hyper = {key: config[key] for key in OPTIMIZERS[name].params}
    return Chosen(name, str(config["bits"]) if bits == CHOICE else bits, hyper)


def arguments(hyper: Config) -> Arguments:
    """Turn hyperparameters into keyword arguments of a constructor: distances from 1 into decay rates, and so on."""
    rest = dict(hyper)
    found: Arguments = {"lr": rest.pop("learning_rate")}
    betas = [
        1.0 - float(rest.pop(key)) for key in ("one_minus_beta1", "one_minus_beta2", "one_minus_beta3") if key in rest
    ]
    if betas:
        found["betas"] = tuple(betas)
    for key in ("momentum", "alpha"):
        if f"one_minus_{key}" in rest:
            found[key] = 1.0 - float(rest.pop(f"one_minus_{key}"))
    return {**found, **rest}


def make(
    choice: Chosen, model: torch.nn.Module, *, min_8bit_size: int = 4096, full_precision: Iterable[torch.Tensor] = ()
) -> list[torch.optim.Optimizer]:
    """Build the optimizer of a model; a second one, with 32-bit states, takes the parameters in `full_precision`.

    `min_8bit_size`: tensors with fewer elements keep 32-bit states (formats `8` and `linear8`).
    """
    apart = set() if choice.bits == "32" else {id(p) for p in full_precision}
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    parts = [(choice.bits, [t for t in trained if id(t[1]) not in apart])]
    parts.append(("32", [t for t in trained if id(t[1]) in apart]))
    return [_build(choice, bits, part, min_8bit_size) for bits, part in parts if part]


def _build(
    choice: Chosen, bits: str, parameters: Sequence[tuple[str, torch.Tensor]], min_8bit_size: int
) -> torch.optim.Optimizer:
    inner = OPTIMIZERS[choice.name]
    source = inner.formats[bits]
    given = {**arguments(choice.hyper), **source.fixed}
    if bits in ("8", "linear8"):
        given["min_8bit_size"] = min_8bit_size
    groups: Any = [p for _, p in parameters]
    if inner.matrices_apart:
        groups = _matrices_apart(parameters, float(choice.hyper["weight_decay"]))
    constructor: Callable[..., torch.optim.Optimizer] = _locate(source.path)
    return constructor(groups, **given)


def _matrices_apart(parameters: Sequence[tuple[str, torch.Tensor]], weight_decay: float) -> list[dict[str, Any]]:
    """Muon's two groups: hidden matrices, and what its author leaves to AdamW (Jordan et al. 2024).

    Those are vectors, embeddings and the output layer: a parameter named `head`, or the last matrix of a network.
    """
    matrices = [name for name, p in parameters if p.ndim >= 2]
    hidden = {name for name in matrices[:-1] if not name.startswith(("embedding", "head"))}
    groups = [
        {
            "params": [p for name, p in parameters if (name in hidden) is use],
            "use_muon": use,
            "weight_decay": weight_decay,
        }
        for use in (True, False)
    ]
    return [group for group in groups if group["params"]]


def _locate(path: str) -> Any:
    """Import without the lines that bitsandbytes and torchao log about absent kernels, and the variables they set."""
    module, _, name = path.rpartition(".")
    before, disabled = dict(os.environ), logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        return getattr(import_module(module), name)
    finally:
        logging.disable(disabled)
        for key in set(os.environ) - set(before):
            del os.environ[key]


def _candidates(name: str) -> tuple[str, ...]:
    return WITH_8_BITS if name == CHOICE else (name,)
