"""Trainings kept where they stopped, so that a longer trial of the same configuration and seed goes on from there.

What goes on is bit for bit what training from the start would be: a checkpoint holds the weights, the whole state of
the optimizers and torch's generators. The order of the data is drawn again from its seed, up to the step.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import torch

from carps_lite.tasks.torch_dropout import Dropout
from carps_lite.tasks.torch_states import state_bytes

LIMIT_BYTES = 1 << 30  # of all checkpoints of one task object, in the memory of the CPU


class Checkpoint(NamedTuple):
    """A training after some steps: what it took and measured up to there, and the state that `restore` reads."""

    steps: int
    seconds: float
    first_step_seconds: float
    measures: Mapping[str, float]  # of a GPU: peak memory and energy
    state: bytes


class Checkpoints:
    """The furthest checkpoint of each configuration and seed, up to a total size; the least recently used goes first.

    They live as long as the task object does that trains, which is one run.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.limit = limit
        self._kept: OrderedDict[Any, Checkpoint] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(len(c.state) for c in self._kept.values())

    def before(self, key: Any, steps: int) -> Checkpoint | None:
        """The checkpoint that a training of so many steps goes on from; None where it starts from nothing."""
        found = self._kept.get(key)
        if found is None or found.steps >= steps:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, key: Any, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint where it fits and none further is there, at the price of those unused for longest."""
        found = self._kept.get(key)
        if len(checkpoint.state) > self.limit or (found is not None and found.steps >= checkpoint.steps):
            return
        self._kept[key] = checkpoint
        self._kept.move_to_end(key)
        while self.size > self.limit:
            self._kept.popitem(last=False)

    def drop(self, key: Any) -> None:
        """Forget a training that has reached its end."""
        self._kept.pop(key, None)


def save(model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer], limit: int) -> bytes | None:
    """The state of a training, to be taken before Schedule-Free optimizers switch to their other weights.

    None where it would take more than `limit` bytes, or more than there are.
    """
    if state_bytes(optimizers) + sum(t.nbytes for t in model.state_dict().values()) > limit:
        return None
    try:
        return _dumped(model, optimizers)
    except MemoryError:  # of the copy: no fault of the trial
        return None


def _dumped(model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> bytes:
    device = next(model.parameters()).device
    content = {
        "model": {name: t.cpu() for name, t in model.state_dict().items()},  # read into tensors that are there
        "optimizers": [_state_of(optimizer) for optimizer in optimizers],
        "dropout": [generator.get_state() for generator in _generators(model)],
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    buffer = BytesIO()
    torch.save(content, buffer)  # tensors that share memory share it again when they are read
    return buffer.getvalue()


def restore(state: bytes, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Put a training that was made anew, with the same configuration and seed, where the saved one stopped."""
    device = next(model.parameters()).device
    content = torch.load(BytesIO(state), weights_only=False)  # bytes of this process; each tensor to where it was
    model.load_state_dict(content["model"])
    for optimizer, saved in zip(optimizers, content["optimizers"], strict=True):
        _put_state(optimizer, saved)
    for generator, one in zip(_generators(model), content["dropout"], strict=True):
        generator.set_state(one)
    torch.set_rng_state(content["cpu"])
    if content["cuda"] is not None:
        torch.cuda.set_rng_state(content["cuda"], device)


def _generators(model: torch.nn.Module) -> list[torch.Generator]:
    return [module.generator for module in model.modules() if isinstance(module, Dropout)]


def _state_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """All that changes while an optimizer works; parameters by their place, and no rate, which a schedule sets.

    `state_dict` is not used: reading it back casts some states to the type of the parameters.
    """
    place = {id(p): i for i, p in enumerate(_parameters(optimizer))}
    return {
        "state": {place[id(p)]: dict(one) for p, one in optimizer.state.items()},
        "groups": [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in optimizer.param_groups],
    }


def _put_state(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    parameters = list(_parameters(optimizer))
    optimizer.state.update({parameters[i]: one for i, one in saved["state"].items()})
    for group, one in zip(optimizer.param_groups, saved["groups"], strict=True):
        group.update(one)


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[torch.Tensor]:
    return (p for group in optimizer.param_groups for p in group["params"])
