"""Many perceptrons of one architecture trained at once, by batched matrix products, each with its own hyperparameters.

Suffix letters name axes: K trainings, B rows of a batch, I inputs, O outputs.
Every training sees the initialisation, the order of rows and the dropout that it would see by itself; sums are taken
in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from carps_lite.core import TrialFailed
from carps_lite.space import Config
from carps_lite.tasks import torch_optimizers
from carps_lite.tasks.torch_data import Part, Rows
from carps_lite.tasks.torch_device import synchronize
from carps_lite.tasks.torch_dropout import Dropout, masks
from carps_lite.tasks.torch_loop import (
    CHECK_EVERY,
    Plan,
    Trained,
    precision,
    rate,
    require_progress,
    without_first,
)
from carps_lite.tasks.torch_rules import update_of
from carps_lite.tasks.torch_states import state_bytes
from carps_lite.tasks.torch_training import order

if TYPE_CHECKING:
    from carps_lite.tasks.torch_rows import RowsTraining

ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
SCORED_NUMBERS = 1 << 23  # largest hidden layer of a forward pass without gradients


class Member(NamedTuple):
    """One training of a batch."""

    config: Config
    plan: Plan
    seed: int


class Stack:
    """K perceptrons of one shape: weights (K, I, O) and biases (K, 1, O) of each layer, and dropout generators."""

    def __init__(self, task: RowsTraining, members: Sequence[Member], device: torch.device) -> None:
        networks, self.generators, self.dropouts = [], [], []
        for member in members:
            torch.manual_seed(member.seed)
            modules = list(task.network(member.config, member.seed).modules())
            linear = [m for m in modules if isinstance(m, nn.Linear)]
            networks.append([t.detach() for layer in linear for t in (layer.weight.t(), layer.bias[None])])
            dropout = next(m for m in modules if isinstance(m, Dropout))
            self.generators.append(dropout.generator)
            self.dropouts.append(dropout.p)
        self.tensors = [torch.stack(same).to(device).requires_grad_() for same in zip(*networks, strict=True)]
        self.parameters = sum(t[0].numel() for t in self.tensors)
        self.activation = ACTIVATIONS[str(members[0].config.get("activation", "relu"))]

    def forward(self, x_KBI: torch.Tensor, training: bool) -> torch.Tensor:
        """Outputs of shape (K, B, O)."""
        layers = list(zip(self.tensors[::2], self.tensors[1::2], strict=True))
        for weights_KIO, bias_K1O in layers[:-1]:
            x_KBI = self.activation(torch.baddbmm(bias_K1O, x_KBI, weights_KIO))
            if training and any(self.dropouts):
                x_KBI = x_KBI * masks(x_KBI.shape, self.dropouts, self.generators)
        weights_KIO, bias_K1O = layers[-1]
        return torch.baddbmm(bias_K1O, x_KBI, weights_KIO)


def train_many(
    task: RowsTraining, members: Sequence[Member], rows: Rows, device: torch.device
) -> list[dict[str, float] | TrialFailed]:
    """Train all members, who share architecture, batch size, optimizer and steps; answers in their order."""
    stack = Stack(task, members, device)
    losses_K, failures, trained = _fit(task, stack, members, rows.train, device)
    begin = perf_counter()
    outputs = [_outputs(stack, part) for part in (rows.validation, rows.test)]
    info = {
        "state_bytes": float(_state_bytes(task, members[0].config)),
        "parameters": float(stack.parameters),
        "first_step_seconds": trained.first_step_seconds,
        "trained_together": float(len(members)),
    }
    found: list[dict[str, float] | TrialFailed] = []
    for k in range(len(members)):
        scores: dict[str, float] = {}
        for prefix, part, outputs_KBO in zip(("val", "test"), (rows.validation, rows.test), outputs, strict=True):
            scores |= {f"{prefix}_{name}": value for name, value in task.judge(outputs_KBO[k], part).items()}
        try:
            if failures[k] is not None:
                raise failures[k]
            share = (perf_counter() - begin) / (k + 1)
            found.append(task.answer(trained._replace(train_loss=losses_K[k]), scores, share, info))
        except TrialFailed as failure:
            found.append(failure)
    return found


def _fit(
    task: RowsTraining, stack: Stack, members: Sequence[Member], part: Part, device: torch.device
) -> tuple[list[float], list[Any], Trained]:
    """Last losses, failures (None where there is none) and the share of one training in the seconds."""
    choices = [torch_optimizers.chosen(m.config, task.optimizer, task.bits) for m in members]
    plan, columns = members[0].plan, _columns(choices, device)
    update = update_of(choices[0].name, stack.tensors)
    rates = torch.tensor([[rate(i, m.plan) for m in members] for i in range(plan.steps)], dtype=torch.float64).to(
        device
    )
    orders = [order(len(part.y), int(m.config["batch_size"]), m.seed, device) for m in members]
    failures: list[Any] = [None] * len(members)
    losses_K = [0.0] * len(members)
    began = begin = perf_counter()
    for step in range(plan.steps):
        batch_KB = torch.stack([next(one) for one in orders])
        with precision(device):
            loss_K = _losses(task, stack.forward(part.x[batch_KB], True), part.y[batch_KB])
        gradients = torch.autograd.grad(loss_K.sum(), stack.tensors)
        with torch.no_grad():
            update(gradients, {**columns, "lr": columns["lr"] * rates[step]}, step + 1)
        if step == 0:
            synchronize(device)
            begin = perf_counter()
        if (step + 1) % CHECK_EVERY == 0 or step + 1 == plan.steps:
            losses_K = loss_K.tolist()
            _note_failures(failures, losses_K, step, plan.guess_loss, (perf_counter() - began) / len(members))
    synchronize(device)
    first = (begin - began) / len(members)
    seconds = without_first((perf_counter() - begin) / len(members), first, plan.steps)
    return losses_K, failures, Trained(seconds, first, 0.0)


def _note_failures(failures: list[Any], losses: list[float], step: int, guess_loss: float, seconds: float) -> None:
    for k, loss in enumerate(losses):
        if failures[k] is None:
            try:
                require_progress(loss, step, guess_loss, seconds)
            except TrialFailed as failure:
                failures[k] = failure


def _losses(task: RowsTraining, outputs_KBO: torch.Tensor, targets_KB: torch.Tensor) -> torch.Tensor:
    """Mean loss of each training's batch, shape (K,)."""
    if task.source.classes:
        each = functional.cross_entropy(outputs_KBO.flatten(0, 1), targets_KB.flatten(), reduction="none")
        return each.view(targets_KB.shape).mean(1)
    return (outputs_KBO.squeeze(2).float() - targets_KB).square().mean(1)


def _outputs(stack: Stack, part: Part) -> torch.Tensor:
    widest = max(n for t in stack.tensors for n in t.shape[1:])
    at_once = max(1, SCORED_NUMBERS // (len(stack.dropouts) * widest))
    with torch.no_grad():
        expanded = [x.expand(len(stack.dropouts), *x.shape) for x in part.x.split(at_once)]
        return torch.cat([stack.forward(x, False) for x in expanded], dim=1)


def _columns(choices: Sequence[torch_optimizers.Chosen], device: torch.device) -> dict[str, torch.Tensor]:
    rows: list[dict[str, float]] = []
    for choice in choices:
        given = torch_optimizers.arguments(choice.hyper)
        betas = given.pop("betas", ())
        rows.append({**given, **{f"beta{i}": beta for i, beta in enumerate(betas, 1)}})
    return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64, device=device) for name in rows[0]}


def _state_bytes(task: RowsTraining, config: Config) -> int:
    """What the optimizer of one such network holds, counted after one step without gradient."""
    model = task.network(config, 0)
    optimizers = torch_optimizers.make(torch_optimizers.chosen(config, task.optimizer, task.bits), model)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    for optimizer in optimizers:
        optimizer.step()
    return state_bytes(optimizers)
