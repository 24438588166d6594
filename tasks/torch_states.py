"""Bytes of optimizer state, counted from the tensors that hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch


def state_bytes(optimizers: Iterable[torch.optim.Optimizer]) -> int:
    """Bytes of all tensors in the states of the optimizers; a storage that several share counts once.

    Quantized tensors count codes, scales and maps; step counters that are tensors count too.
    """
    stores = {}
    for optimizer in optimizers:
        for tensor in _tensors(list(optimizer.state.values())):
            storage = tensor.untyped_storage()
            stores[(str(tensor.device), storage.data_ptr() or id(storage))] = storage.nbytes()
    return sum(stores.values())


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Plain tensors in a state: within lists and mappings, and those that a tensor of another class is made of."""
    if isinstance(value, torch.Tensor):
        if type(value) in (torch.Tensor, torch.nn.Parameter) or not hasattr(value, "__tensor_flatten__"):
            yield value
        else:
            for name in value.__tensor_flatten__()[0]:
                yield from _tensors(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
