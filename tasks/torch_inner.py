"""The table of inner optimizers: from a name to its hyperparameters and, for each format of its state, its constructor.

A format says how the optimizer's state is stored:

- `32`: 32-bit floats; torch's own optimizer where there is one, else that of bitsandbytes or pytorch_optimizer;
- `8`: block-wise dynamic quantization to 8 bits (Dettmers, Lewis, Shleifer, Zettlemoyer 2021, arXiv:2110.02861),
  by bitsandbytes, whose block-wise LAMB and LARS leave out the limit on the norm of the update that its 32-bit ones
  have, so that these two are other algorithms in 8 bits;
- `ao8`, `4`, `fp8`: 8-bit dynamic, 4-bit (Li, Chen, Zhu 2023, arXiv:2309.01507) and 8-bit float states, by torchao;
- `linear8`: both moments of Adam under plain linear 8-bit quantization: the control that is expected to fail.

A hyperparameter has the same name and range in every format. Learning rates of optimizers that find their own
(Prodigy, D-Adaptation) are factors around 1. Every state can be saved and restored exactly (torch_checkpoints.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from carps_lite.space import Float, Param

TORCHAO = {"ao8": "8bit", "4": "4bit", "fp8": "Fp8"}  # its formats, and how the names of their classes end
FORMATS = ("32", "8", *TORCHAO, "linear8")

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
    found = {bits: Source("torchao", f"torchao.optim.{name}{ending}") for bits, ending in TORCHAO.items()}
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
