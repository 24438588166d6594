"""What the seed of a trial draws, each from a stream of its own: the order of rows, windows of a text, dropout.

Every stream can be taken up after some steps: what they drew is drawn again, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import torch

from carps_lite.tasks.torch_device import DATA_STREAM, DROPOUT_STREAM
from carps_lite.tasks.torch_dropout import Dropout

DRAWN_AT_ONCE = 64  # batches of windows

Batch = tuple[torch.Tensor, torch.Tensor]
BatchesFrom = Callable[[int], Iterator[Batch]]  # from a step on


def dropout_of(p: float, seed: int) -> Dropout:
    """The dropout of all layers of a network, from a stream that nothing else draws from."""
    return Dropout(p, torch.Generator().manual_seed(DROPOUT_STREAM + seed))


def order(n: int, batch: int, seed: int, device: torch.device, start: int = 0) -> Iterator[torch.Tensor]:
    """Row numbers of batch after batch from a step on, shape (batch,).

    Each epoch is a new permutation, its partial batch left out.
    """
    generator = torch.Generator().manual_seed(DATA_STREAM + seed)
    batch = min(batch, n)
    firsts = range(0, n - batch + 1, batch)
    epochs, step = divmod(start, len(firsts))
    for _ in range(epochs):
        torch.randperm(n, generator=generator)
    while True:
        permutation = torch.randperm(n, generator=generator).to(device)
        for first in firsts[step:]:
            yield permutation[first : first + batch]
        step = 0


def batches_of(x: torch.Tensor, y: torch.Tensor, batch: int, seed: int) -> BatchesFrom:
    """Batches of rows that lie on the device."""
    return lambda start: ((x[rows], y[rows]) for rows in order(len(y), batch, seed, y.device, start))


def windows(text: torch.Tensor, context: int, batch: int, seed: int, start: int = 0) -> Iterator[Batch]:
    """Batches of windows at random places of the text, from a step on; see `cut`."""
    generator = torch.Generator().manual_seed(DATA_STREAM + seed)
    blocks, step = divmod(start, DRAWN_AT_ONCE)
    for block in count():
        places = torch.randint(0, len(text) - context, (DRAWN_AT_ONCE, batch), generator=generator)
        if block >= blocks:
            for starts in places[step if block == blocks else 0 :].to(text.device):
                yield cut(text, starts, context)


def cut(text: torch.Tensor, starts: torch.Tensor, context: int) -> Batch:
    """Inputs and targets, both (batch, context), of windows that start at the places (batch,)."""
    window = text[starts[:, None] + torch.arange(context + 1, device=text.device)]
    return window[:, :-1], window[:, 1:]
