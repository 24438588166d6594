"""Whether a model of some size can be trained within a device's memory, by each format of the optimizer's state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carps_lite.core import TrialFailed
from carps_lite.space import Space
from carps_lite.tasks import torch_device, torch_optimizers

if TYPE_CHECKING:
    import torch

    from carps_lite.tasks.torch_networks import Size
    from carps_lite.tasks.torch_streams import Batch

LOOSE = 1e3  # a loss that no first step reaches a tenth of: random targets must not count as a divergence


def fits(size: Size, bits: str, device: str, batch: int = 1) -> bool:
    """Whether two whole steps of AdamW (forward, backward, update) on random bytes find memory enough.

    The transformer is made on the device, with 32-bit weights and gradients; a GPU multiplies in bfloat16, as in every
    training here. Two steps, as the optimizer's state is made in the first. Raises InputError on an unknown format or
    device.
    """
    torch_optimizers.check("capacity", "adamw", bits)
    try:
        with torch_device.session(torch_device.check("capacity", device), 0) as place:
            _two_steps(size, bits, place, batch)  # a frame of its own: its tensors are gone when memory is given back
    except TrialFailed as failure:
        return failure.kind != "out_of_memory"  # nan or diverged: both steps were taken
    return True


def _two_steps(size: Size, bits: str, device: torch.device, batch: int) -> None:
    import torch

    from carps_lite.tasks.torch_dropout import Dropout
    from carps_lite.tasks.torch_loop import Plan, train
    from carps_lite.tasks.torch_networks import Transformer, byte_loss

    config = Space(torch_optimizers.space_of("adamw", bits)).default
    with device:
        model = Transformer(size, Dropout(0.0, torch.Generator()), stable=False)
    optimizers = torch_optimizers.make(torch_optimizers.chosen(config, "adamw", bits), model)
    plan = Plan(2, 2, "constant", 0.0, LOOSE, eager_optimizer=torch_optimizers.stays_eager(bits, device.type))
    train(model, optimizers, _random_bytes(size, batch, device), byte_loss, plan)


def _random_bytes(size: Size, batch: int, device: torch.device) -> Iterator[Batch]:
    import torch

    while True:
        window = torch.randint(256, (batch, size.context + 1), device=device)
        yield window[:, :-1], window[:, 1:]
