"""One trial of a training in torch from start to end: from its checkpoint where there is one, to what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import torch

from carps_lite.space import Config
from carps_lite.tasks import torch_optimizers
from carps_lite.tasks.torch_checkpoints import Checkpoint, restore, save
from carps_lite.tasks.torch_device import Meter
from carps_lite.tasks.torch_loop import Loss, Trained, to_training, train
from carps_lite.tasks.torch_states import state_bytes
from carps_lite.tasks.torch_streams import BatchesFrom

if TYPE_CHECKING:
    from carps_lite.tasks.torch_training import Scores, TorchTraining


class Work(NamedTuple):
    """A training that is ready to start, but for its optimizer."""

    model: torch.nn.Module
    batches: BatchesFrom
    loss_of: Loss
    score: Callable[[], Scores]  # `val_loss` and, of the test rows, `test_loss`; errors where there are classes
    full_precision: Sequence[torch.Tensor] = ()  # parameters whose optimizer state keeps 32 bits


class Place(NamedTuple):
    """Where a trial stands: seed, device, what it goes on from, and the largest checkpoint that it may leave."""

    seed: int
    device: torch.device
    start: Checkpoint | None = None
    limit: int = 0  # bytes


def run(task: TorchTraining, config: Config, level: float, place: Place) -> tuple[Scores, Checkpoint | None]:
    """Train and score a whole configuration: the answer, and the checkpoint where one is to be left.

    Raises TrialFailed where training fails or its validation loss is no good.
    """
    start = place.start
    meter = Meter(place.device, start.measures if start else {})
    work = task.prepare(config, place.seed, place.device)
    choice = torch_optimizers.chosen(config, task.optimizer, task.bits)
    optimizers = torch_optimizers.make(
        choice, work.model, min_8bit_size=task.min_8bit_size, full_precision=work.full_precision
    )
    plan = task.plan(config, level, place.device.type)
    if start:
        restore(start.state, work.model, optimizers)
    trained = train(work.model, optimizers, work.batches(start.steps if start else 0), work.loss_of, plan, start)
    left = _checkpoint(trained, plan.steps, meter, save(work.model, optimizers, place.limit)) if place.limit else None
    to_training(optimizers, False)
    begin = perf_counter()
    scores = work.score()
    scoring = perf_counter() - begin
    info = {
        "state_bytes": float(state_bytes(optimizers)),
        "parameters": float(sum(p.numel() for p in work.model.parameters())),
        "first_step_seconds": trained.first_step_seconds,
        **({"continued_seconds": start.seconds} if start else {}),
        **meter.read(),
    }
    return task.answer(trained, scores, scoring, info), left


def _checkpoint(trained: Trained, steps: int, meter: Meter, state: bytes | None) -> Checkpoint | None:
    if state is None:
        return None
    return Checkpoint(steps, trained.seconds, trained.first_step_seconds, meter.read(), state)
