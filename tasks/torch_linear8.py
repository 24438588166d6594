"""AdamW (Adam, without decay) with moments under plain linear 8-bit quantization: the control of 8-bit states.

Per block of 256 elements the first moment is rounded to one of 255 equal steps of [-a, a], the second to one of 256
of [0, a], where a is the largest magnitude of the block. Small second moments become 0, and the step divides by their
root: Dettmers et al. (2021, section 2.1 and appendix) choose a dynamic map for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

BLOCK = 256


def quantize(x: torch.Tensor, signed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes, uint8 of shape (blocks, 256), and the largest magnitude of each block, shape (blocks, 1)."""
    flat = torch.nn.functional.pad(x.reshape(-1), (0, -x.numel() % BLOCK)).view(-1, BLOCK)
    largest = flat.abs().amax(1, keepdim=True)
    unit = flat / largest.clamp_min(torch.finfo(flat.dtype).tiny)
    codes = (unit * 127).round() + 127 if signed else (unit * 255).round()
    return codes.to(torch.uint8), largest


def dequantize(codes: torch.Tensor, largest: torch.Tensor, shape: torch.Size, signed: bool) -> torch.Tensor:
    """The inverse of `quantize` up to rounding, of the given shape."""
    unit = (codes.float() - 127) / 127 if signed else codes.float() / 255
    return (unit * largest).view(-1)[: shape.numel()].view(shape)


class LinearAdamW(torch.optim.Optimizer):  # type: ignore[misc]
    """AdamW (Loshchilov, Hutter 2019) with linear 8-bit moments for tensors of at least `min_8bit_size` elements."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        min_8bit_size: int = 4096,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.min_8bit_size = min_8bit_size

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """One step on the gradients that are there."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group)

    def _update(self, p: torch.Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2), grad = self.state[p], group["betas"], p.grad
        p.mul_(1 - group["lr"] * group["weight_decay"])
        step = state["step"] = state.get("step", 0) + 1
        first = self._load(state, "first", p, True).lerp_(grad, 1 - beta1)
        second = self._load(state, "second", p, False).mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        self._store(state, "first", first, True)
        self._store(state, "second", second, False)
        root = (second / (1 - beta2**step)).sqrt_().add_(group["eps"])
        p.addcdiv_(first, root, value=-group["lr"] / (1 - beta1**step))

    def _load(self, state: dict[str, Any], name: str, p: torch.Tensor, signed: bool) -> torch.Tensor:
        if name not in state:
            return torch.zeros_like(p)
        if p.numel() < self.min_8bit_size:
            kept: torch.Tensor = state[name]
            return kept
        return dequantize(state[name], state[f"{name}_largest"], p.shape, signed)

    def _store(self, state: dict[str, Any], name: str, value: torch.Tensor, signed: bool) -> None:
        if value.numel() < self.min_8bit_size:
            state[name] = value
        else:
            state[name], state[f"{name}_largest"] = quantize(value, signed)
