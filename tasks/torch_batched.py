"""Many perceptrons of one architecture trained at once, by batched matrix products, each with its own hyperparameters.

Suffix letters name axes: K trainings, B rows of a batch, I inputs, O outputs, P all parameters of one network.
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
from carps_lite.tasks.torch_states import state_bytes
from carps_lite.tasks.torch_training import order

if TYPE_CHECKING:
    from carps_lite.tasks.torch_rows import RowsTraining

Columns = Mapping[str, torch.Tensor]  # hyperparameters, each of shape (K, 1)
State = dict[str, torch.Tensor]
Rule = Callable[[torch.Tensor, torch.Tensor, State, Columns, int], None]
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


def _adam(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
    first = _zeros(state, "first", p).lerp_(g, 1 - h["beta1"])
    second = _zeros(state, "second", p).lerp_(g * g, 1 - h["beta2"])
    root_of_bias = (1 - h["beta2"] ** step).sqrt()
    root = second.sqrt().add_(1e-8 * root_of_bias)
    p.sub_(torch.div(first, root).mul_(h["lr"] * root_of_bias / (1 - h["beta1"] ** step)))


def _with_penalty(rule: Rule) -> Rule:
    def penalised(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
        rule(p, g + h["weight_decay"] * p, state, h, step)

    return penalised


def _with_decay(rule: Rule) -> Rule:
    def decayed(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
        p.mul_(1 - h["lr"] * h["weight_decay"])
        rule(p, g, state, h, step)

    return decayed


def _sgd(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
    p.sub_(h["lr"] * _zeros(state, "momentum", p).mul_(h["momentum"]).add_(g))


def _rmsprop(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
    square = _zeros(state, "square", p).mul_(h["alpha"]).add_((1 - h["alpha"]) * g * g)
    p.sub_(h["lr"] * g / square.sqrt().add_(1e-8))


def _adagrad(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
    p.sub_(h["lr"] * g / _zeros(state, "sum", p).addcmul_(g, g).sqrt().add_(1e-10))


def _lion(p: torch.Tensor, g: torch.Tensor, state: State, h: Columns, step: int) -> None:
    momentum = _zeros(state, "momentum", p)
    p.sub_(h["lr"] * momentum.lerp(g, 1 - h["beta1"]).sign_())
    momentum.lerp_(g, 1 - h["beta2"])


RULES: Mapping[str, Rule] = {  # what the 32-bit optimizers of these names do
    "adamw": _with_decay(_adam),
    "adam": _adam,
    "sgd": _with_penalty(_sgd),
    "rmsprop": _with_penalty(_rmsprop),
    "adagrad": _with_penalty(_adagrad),
    "lion": _with_decay(_lion),
}


class Stack:
    """K perceptrons of one shape: all parameters in one tensor (K, P), their dropout generators beside it."""

    def __init__(self, task: RowsTraining, members: Sequence[Member], device: torch.device) -> None:
        rows, self.generators, self.dropouts = [], [], []
        for member in members:
            torch.manual_seed(member.seed)
            modules = list(task.network(member.config, member.seed).modules())
            linear = [m for m in modules if isinstance(m, nn.Linear)]
            tensors = [t.detach().reshape(-1) for layer in linear for t in (layer.weight.t(), layer.bias)]
            rows.append(torch.cat(tensors))
            dropout = next(m for m in modules if isinstance(m, Dropout))
            self.generators.append(dropout.generator)
            self.dropouts.append(dropout.p)
        self.shapes = [(layer.in_features, layer.out_features) for layer in linear]
        self.sizes = [n for i, o in self.shapes for n in (i * o, o)]
        self.flat_KP = torch.stack(rows).to(device)
        self.activation = ACTIVATIONS[str(members[0].config.get("activation", "relu"))]

    def forward(self, flat_KP: torch.Tensor, x_KBI: torch.Tensor, training: bool) -> torch.Tensor:
        """Outputs of shape (K, B, O)."""
        parts = flat_KP.split(self.sizes, dim=1)
        layers = list(zip(self.shapes, parts[::2], parts[1::2], strict=True))
        for place, ((n_in, n_out), weights, biases) in enumerate(layers):
            x_KBI = torch.baddbmm(biases[:, None, :], x_KBI, weights.view(-1, n_in, n_out))
            if place < len(layers) - 1:
                x_KBI = self.activation(x_KBI)
                if training and any(self.dropouts):
                    x_KBI = x_KBI * masks(x_KBI.shape, self.dropouts, self.generators)
        return x_KBI


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
        "parameters": float(sum(stack.sizes)),
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
    plan, rule, columns = members[0].plan, RULES[choices[0].name], _columns(choices, device)
    rates = torch.tensor([[rate(i, m.plan) for m in members] for i in range(plan.steps)], device=device)
    orders = [order(len(part.y), int(m.config["batch_size"]), m.seed, device) for m in members]
    state: State = {}
    failures: list[Any] = [None] * len(members)
    losses_K = [0.0] * len(members)
    began = begin = perf_counter()
    for step in range(plan.steps):
        batch_KB = torch.stack([next(one) for one in orders])
        flat_KP = stack.flat_KP.requires_grad_()
        with precision(device):
            loss_K = _losses(task, stack.forward(flat_KP, part.x[batch_KB], True), part.y[batch_KB])
        (gradient_KP,) = torch.autograd.grad(loss_K.sum(), flat_KP)
        with torch.no_grad():
            stack.flat_KP = flat_KP.detach()
            scaled = {**columns, "lr": columns["lr"] * rates[step][:, None]}
            rule(stack.flat_KP, gradient_KP, state, scaled, step + 1)
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
    widest = max(n for shape in stack.shapes for n in shape)
    at_once = max(1, SCORED_NUMBERS // (len(stack.dropouts) * widest))
    with torch.no_grad():
        expanded = [x.expand(len(stack.dropouts), *x.shape) for x in part.x.split(at_once)]
        return torch.cat([stack.forward(stack.flat_KP, x, False) for x in expanded], dim=1)


def _columns(choices: Sequence[torch_optimizers.Chosen], device: torch.device) -> dict[str, torch.Tensor]:
    rows: list[dict[str, float]] = []
    for choice in choices:
        given = torch_optimizers.arguments(choice.hyper)
        betas = given.pop("betas", ())
        rows.append({**given, **{f"beta{i}": beta for i, beta in enumerate(betas, 1)}})
    return {name: torch.tensor([row[name] for row in rows], device=device)[:, None] for name in rows[0]}


def _zeros(state: State, name: str, like: torch.Tensor) -> torch.Tensor:
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def _state_bytes(task: RowsTraining, config: Config) -> int:
    """What the optimizer of one such network holds, counted after one step without gradient."""
    model = task.network(config, 0)
    optimizers = torch_optimizers.make(torch_optimizers.chosen(config, task.optimizer, task.bits), model)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    for optimizer in optimizers:
        optimizer.step()
    return state_bytes(optimizers)
