"""The inner optimizers of trainings in torch, as a task names them: what is legal, what is tuned, how one is made.

The optimizers themselves and the formats of their states are the table in torch_inner.py. No library is imported before
an optimizer is made.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from carps_lite.errors import InputError, MissingDependency, nearest, unknown
from carps_lite.libraries import installed_version
from carps_lite.space import Categorical, Config, Float, Param
from carps_lite.tasks.torch_inner import FORMATS, OPTIMIZERS, TORCHAO, Arguments

if TYPE_CHECKING:
    import torch

CHOICE = "choice"  # as the name of an optimizer or a format: the configuration says which
NAMES = (*OPTIMIZERS, CHOICE)
WITH_8_BITS = tuple(name for name, inner in OPTIMIZERS.items() if "8" in inner.formats)  # what a choice is made from
CHOICE_FORMATS = ("32", "8")


class Chosen(NamedTuple):
    """What a configuration says of the inner optimizer: its name, its format, its hyperparameters by plain name."""

    name: str
    bits: str
    hyper: Config


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


def stays_eager(bits: str, device: str) -> bool:
    """Whether torchao's steps are run uncompiled: on a CPU, where compiling takes longer than a small training."""
    return bits in TORCHAO and device == "cpu"


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
