"""One training loop for all families: schedule, clipping, mixed precision, honest seconds, and how training fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import torch

from carps_lite.core import TrialFailed
from carps_lite.tasks.torch_device import synchronize
from carps_lite.tasks.torch_streams import Batch

if TYPE_CHECKING:
    from carps_lite.tasks.torch_checkpoints import Checkpoint

CHECK_EVERY = 25  # steps between looks at the training loss; each makes a GPU wait
DIVERGED = 10.0  # a loss above so many times that of a constant guess is a divergence
FLOOR = 0.05  # what cosine and linear schedules end at, as a share of the learning rate

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Plan(NamedTuple):
    """How to train: `steps` of a schedule that spans `horizon`, so that a shorter training is the start of a longer."""

    steps: int
    horizon: int
    schedule: str
    warmup: float  # share of the horizon
    guess_loss: float  # of a constant guess: what divergence is measured by
    clip: float = 0.0  # largest norm of the gradient; 0: no limit
    create_graph: bool = False
    compile: bool = False
    eager_optimizer: bool = False  # torchao compiles its step, which on a CPU takes longer than a small training


class Trained(NamedTuple):
    """What a training took and how it went; `seconds` leave the first step, which may compile, out of account."""

    seconds: float
    first_step_seconds: float
    train_loss: float


def rate(step: int, plan: Plan) -> float:
    """The factor of the learning rate at a step from 0: a linear warm-up, then constant, linear or cosine decay."""
    warm = max(1, int(plan.warmup * plan.horizon))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, plan.horizon - warm)
    shapes = {
        "constant": 1.0,
        "linear": 1 - (1 - FLOOR) * done,
        "cosine": FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)),
    }
    return shapes[plan.schedule]


def precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where a GPU multiplies matrices; plain 32 bits on a CPU."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def attention(device: torch.device, twice: bool) -> AbstractContextManager[object]:
    """Attention kernels: the plain one where gradients are derived `twice`; on a GPU those that repeat themselves."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    if not twice and device.type != "cuda":
        return nullcontext()
    chosen: AbstractContextManager[object] = sdpa_kernel(
        [SDPBackend.MATH] if twice else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
    )
    return chosen


def train(
    model: torch.nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Iterator[Batch],
    loss_of: Loss,
    plan: Plan,
    start: Checkpoint | None = None,
) -> Trained:
    """Take the steps of the plan, those after `start` where model, optimizers and batches stand there.

    Seconds count from the first step of the training in either case. Raises TrialFailed, `nan` or `diverged`, with
    seconds, step and last loss. Schedule-Free optimizers are left in training: see `to_training`.
    """
    done, spent = (start.steps, start.seconds) if start else (0, 0.0)
    device = next(model.parameters()).device
    run: Callable[[torch.Tensor], torch.Tensor] = model
    if plan.compile:
        torch.compiler.reset()  # after eight networks of one class torch would silently compile no more
        run = torch.compile(model)
    parameters = list(model.parameters())
    base = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    model.train()
    to_training(optimizers, True)
    synchronize(device)  # weights may still be on their way
    began = begin = perf_counter()
    first, loss = 0.0, torch.zeros(())
    eager = torch.compiler.set_stance("force_eager") if plan.eager_optimizer else nullcontext()  # torch 2.6 has it
    with eager, attention(device, plan.create_graph):
        for step in range(done, plan.steps):
            _set_rates(optimizers, base, rate(step, plan))
            inputs, targets = next(batches)
            with precision(device):
                loss = loss_of(run(inputs), targets)
            loss.backward(create_graph=plan.create_graph)
            if plan.clip and not plan.create_graph:
                torch.nn.utils.clip_grad_norm_(parameters, plan.clip)
            for optimizer in optimizers:
                optimizer.step()
            for p in parameters:
                p.grad = None
            if step == done:
                synchronize(device)
                begin = perf_counter()
                first = begin - began
            if (step + 1) % CHECK_EVERY == 0 or step + 1 == plan.steps:
                require_progress(loss.item(), step, plan.guess_loss, spent + perf_counter() - began)
    synchronize(device)
    seconds = spent + without_first(perf_counter() - begin, first, plan.steps - done)
    return Trained(seconds, start.first_step_seconds if start else first, loss.item())


def without_first(rest: float, first: float, steps: int) -> float:
    """Seconds of all steps where the first is taken to last as long as the others do on average."""
    return rest * steps / (steps - 1) if steps > 1 else first


def require_progress(loss: float, step: int, guess_loss: float, seconds: float) -> None:
    """Raise TrialFailed where a loss is no number (`nan`) or far above that of a constant guess (`diverged`)."""
    if not math.isfinite(loss):
        raise TrialFailed("nan", cost=seconds, info={"failed_at_step": step + 1})
    if loss > DIVERGED * guess_loss:
        raise TrialFailed("diverged", cost=seconds, info={"failed_at_step": step + 1, "train_loss": loss})


def to_training(optimizers: Sequence[torch.optim.Optimizer], training: bool) -> None:
    """Schedule-Free optimizers keep two sets of weights: one to train with, one to judge (Defazio et al. 2024)."""
    for optimizer in optimizers:
        switch = getattr(optimizer, "train" if training else "eval", None)
        if switch is not None:
            switch()


def _set_rates(optimizers: Sequence[torch.optim.Optimizer], base: Sequence[Sequence[float]], factor: float) -> None:
    for optimizer, rates in zip(optimizers, base, strict=True):
        for group, one in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = one * factor
