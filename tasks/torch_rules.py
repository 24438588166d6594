"""Update rules of inner optimizers for many trainings at once, each with its own hyperparameters.

Parameters and gradients have shape (K, ...): a row for each of K trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

Columns = Mapping[str, torch.Tensor]
State = dict[str, torch.Tensor]
Update = Callable[[Sequence[torch.Tensor], Columns, int], None]
Rule = Callable[[torch.Tensor, torch.Tensor, State, Columns, int], None]


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


def update_of(name: str, tensors: Sequence[torch.Tensor]) -> Update:
    """A function that updates the tensors, shape (K, ...), in place; hyperparameters have shape (K,), in 64 bits.

    On a CPU Adam goes training by training through torch's fused kernel, which is the one that such a training uses by
    itself, and keeps the numbers of a small network in the cache; all else takes the trainings together.
    """
    if tensors[0].device.type == "cpu" and name in ("adam", "adamw"):
        return _fused_adam(tensors)
    rule, states = RULES[name], [State() for _ in tensors]

    def update(gradients: Sequence[torch.Tensor], columns: Columns, step: int) -> None:
        rounded = {key: value.float() for key, value in columns.items()}
        for p, g, state in zip(tensors, gradients, states, strict=True):
            shaped = {key: value.view(-1, *[1] * (p.ndim - 1)) for key, value in rounded.items()}
            rule(p, g, state, shaped, step)

    return update


def _fused_adam(tensors: Sequence[torch.Tensor]) -> Update:
    zeros = [[torch.zeros_like(t) for t in tensors] for _ in range(2)]
    rows, first, second = (_by_training(some) for some in (tensors, *zeros))
    counts = [torch.zeros(()) for _ in tensors]

    def update(gradients: Sequence[torch.Tensor], columns: Columns, step: int) -> None:
        for count in counts:
            count.fill_(step)
        decay = columns.get("weight_decay", torch.zeros_like(columns["lr"]))
        numbers = zip(*(c.tolist() for c in (columns["lr"], columns["beta1"], columns["beta2"], decay)), strict=True)
        each = zip(rows, _by_training(gradients), first, second, numbers, strict=True)
        for p, g, m, v, (lr, beta1, beta2, weight_decay) in each:
            torch._fused_adamw_(
                p, g, m, v, [], counts, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay, eps=1e-8,
                amsgrad=False, maximize=False,
            )  # fmt: skip

    return update


def _by_training(tensors: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    return [list(one) for one in zip(*(t.detach().unbind() for t in tensors), strict=True)]


def _zeros(state: State, name: str, like: torch.Tensor) -> torch.Tensor:
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]
