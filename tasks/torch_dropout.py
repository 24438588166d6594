"""Dropout whose masks come from a generator of its own, so that trainings done together see those of each alone.

On a CPU four elements share one 64-bit draw, which takes a tenth of the time of torch's own dropout: an element is
dropped where its 16 bits are below p 2^16, so that p counts in steps of 2^-16.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

_LOWEST = -(1 << 63)
PER_DRAW = 4  # elements that share a 64-bit draw


class Masks:
    """Factors 0 and 1 / (1 - p) for the layers of K networks, each network with a share p and a generator of its own.

    `shapes` are those of the layers' values without the first axis, K. A network draws for its layers one after the
    other; one with p = 0 draws nothing.
    """

    def __init__(
        self, shapes: Sequence[Sequence[int]], shares: Sequence[float], generators: Sequence[torch.Generator]
    ) -> None:
        self._shapes = [torch.Size(shape) for shape in shapes]
        self._draws = [-(-shape.numel() // PER_DRAW) for shape in self._shapes]
        self._bits = torch.zeros(len(shares), sum(self._draws), dtype=torch.int64)
        self._rows = [(row, g) for row, p, g in zip(self._bits, shares, generators, strict=True) if p]
        self._limits = torch.tensor([round(p * 65536) - 32768 for p in shares])[:, None].to(torch.int16)
        self._scales = torch.tensor([1 / (1 - p) for p in shares])[:, None]

    def draw(self) -> list[torch.Tensor]:
        """The next factors of each layer, of shape (K, ...)."""
        for row, generator in self._rows:
            row.random_(_LOWEST, None, generator=generator)
        parts = zip(self._bits.split(self._draws, 1), self._shapes, strict=True)
        return [self._factors(bits.view(torch.int16)[:, : shape.numel()], shape) for bits, shape in parts]

    def _factors(self, bits: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        kept = torch.ge(bits, self._limits, out=torch.empty(bits.shape))  # straight to floats: no pass over booleans
        return kept.mul_(self._scales).view(-1, *shape)


class Dropout(nn.Module):  # type: ignore[misc]
    """Zero each element with probability p while training, and scale the others so that the mean stays."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator
        self._masks: dict[torch.Size, Masks] = {}  # by shape: making them anew would take longer than drawing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape; on a GPU torch's own dropout, from the global generator."""
        if not (self.training and self.p):
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.p)
        if x.shape not in self._masks:
            self._masks[x.shape] = Masks([x.shape], [self.p], [self.generator])
        return x * self._masks[x.shape].draw()[0][0]
