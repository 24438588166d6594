"""What all families of trainings in torch share: options, objectives, search space, one trial from start to end."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from carps_lite.core import KINDS, Fidelity, Problem, TrialFailed
from carps_lite.errors import InputError, check_whole, unknown
from carps_lite.space import Config, Param, Space
from carps_lite.tasks import torch_device, torch_optimizers

if TYPE_CHECKING:
    import torch

    from carps_lite.tasks.torch_loop import Batch, Loss, Plan, Trained

Scores = dict[str, float]
SEARCHES = ("full", "training")


class Work(NamedTuple):
    """A training that is ready to start, but for its optimizer."""

    model: torch.nn.Module
    batches: Iterator[Batch]
    loss_of: Loss
    score: Callable[[], Scores]  # `val_loss` and, of the test rows, `test_loss`; errors where there are classes
    full_precision: Sequence[torch.Tensor] = ()  # parameters whose optimizer state keeps 32 bits


@dataclass(frozen=True)
class TorchTraining(ABC):
    """Train one network by one inner optimizer and judge it on the validation set.

    **Values**: `val_loss` (see the family), `val_error` (share of wrong classes), `log10_state_bytes` (of the
    optimizer's state, counted from its tensors; 0 where there is none) and `log10_train_seconds` (measured).
    **Cost**: measured seconds of training and validation; the first step, in which kernels may be compiled, counts as
    much as the others do on average.

    **Noise**: initialisation, dropout and the order of the data come from the seed; the split of the data does not.
    The same seed and device give the same losses bit for bit, whatever was trained before in the process.

    **Fidelity**: the schedule of the learning rate spans the full training, so that a cheaper trial is the beginning of
    a longer one, and the loop charges only what a longer trial adds.

    **Failures** are raised as TrialFailed with their seconds: `nan`, `diverged` (a loss above ten times that of a
    constant guess) and `out_of_memory`.

    `search`: `full` tunes the network and the batch size too, `training` leaves them at the family's defaults.
    `min_8bit_size`: tensors with fewer elements keep 32-bit states (formats `8` and `linear8`; torchao's own limit is
    4,096). `compile` runs the network through torch.compile. On a GPU matrices are multiplied in bfloat16.
    """

    owner: ClassVar[str]
    losses: ClassVar[tuple[str, ...]]  # of loss, error
    clip: ClassVar[float] = 0.0

    kind: str = "bb"
    objectives: Sequence[str] = ()
    optimizer: str = "adamw"
    bits: str = "32"
    search: str = "full"
    min_8bit_size: int = 4096
    compile: bool = False
    device: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown(f"{self.owner}: no kind", self.kind, KINDS)
        if self.search not in SEARCHES:
            raise unknown(f"{self.owner}: no search", self.search, SEARCHES)
        object.__setattr__(self, "bits", str(self.bits))
        check_whole(self.owner, "min_8bit_size", self.min_8bit_size, 1)
        torch_optimizers.check(self.owner, self.optimizer, self.bits)
        self._check_objectives()
        torch_device.check(self.owner, self.device)

    def _check_objectives(self) -> None:
        several = self.kind.startswith("mo")
        known = (*self.losses, "state_bytes", "seconds")
        given = tuple(self.objectives) or (("loss", "state_bytes") if several else ("loss",))
        object.__setattr__(self, "objectives", given)
        for name in given:
            if name not in known:
                raise unknown(f"{self.owner}: no objective", name, known)
        if len(set(given)) != len(given):
            raise InputError(f"{self.owner}: objectives must differ, got {'@'.join(given)}")
        if (len(given) > 1) != several:
            needed = "two or more objectives" if several else "one objective"
            raise InputError(f"{self.owner}: kind {self.kind} needs {needed}, got {'@'.join(given)}")

    @property
    @abstractmethod
    def guess_loss(self) -> float:
        """The loss of a constant guess."""

    @property
    @abstractmethod
    def axis(self) -> Fidelity:
        """The axis of shorter trainings."""

    @property
    @abstractmethod
    def largest(self) -> int:
        """Parameters of the largest network of the space."""

    @abstractmethod
    def architecture(self) -> dict[str, Param]:
        """What is tuned beside the optimizer where `search` is `full`."""

    @abstractmethod
    def fixed(self) -> Config:
        """The values of those parameters where `search` is `training`."""

    @abstractmethod
    def steps(self, config: Config, level: float) -> int:
        """Optimizer steps of a training at a fidelity."""

    @abstractmethod
    def prepare(self, config: Config, seed: int, device: torch.device) -> Work:
        """Build the network and its data; the seed of initialisation is set already."""

    def regularisation(self) -> dict[str, Param]:
        """Parameters of the training, beside the optimizer's, that `search` does not fix."""
        return {}

    @cached_property
    def problem(self) -> Problem:
        """Space, objectives and fidelity; nothing is read or imported."""
        tuned = self.architecture() if self.search == "full" else {}
        space = Space({**tuned, **self.regularisation(), **torch_optimizers.space_of(self.optimizer, self.bits)})
        worst = {
            "loss": self.guess_loss,
            "error": 1.0,
            "state_bytes": float(math.ceil(math.log10(16 * self.largest))),
            "seconds": 3.0,
        }
        return Problem(
            space,
            tuple(_NAMES[name] for name in self.objectives),
            fidelity=self.axis if self.kind.endswith("mf") else None,
            reference=tuple(worst[name] for name in self.objectives) if len(self.objectives) > 1 else None,
        )

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Train and score. Raises TrialFailed, with the seconds it took, where training fails."""
        level = self.level(config, fidelity)
        with torch_device.session(torch_device.check(self.owner, self.device), seed) as device:
            return self._trial(self.complete(config), level, seed, device)

    def level(self, config: Config, fidelity: float | None) -> float:
        """The fidelity as a number. Raises InputError on an illegal configuration or fidelity."""
        wrong = self.problem.space.violation(config)
        if wrong:
            raise InputError(f"{self.owner}: {wrong}")
        level = self.axis.high if fidelity is None or self.problem.fidelity is None else fidelity
        if not self.axis.low <= level <= self.axis.high:
            raise InputError(
                f"{self.owner}: {self.axis.name} must be {self.axis.low:g} to {self.axis.high:g}, got {fidelity}"
            )
        return level

    def complete(self, config: Config) -> Config:
        """The configuration with the parameters that `search` fixes."""
        return dict(config) if self.search == "full" else {**self.fixed(), **config}

    def plan(self, config: Config, level: float, device: str) -> Plan:
        """How a configuration is trained at a fidelity."""
        from carps_lite.tasks.torch_loop import Plan

        choice = torch_optimizers.chosen(config, self.optimizer, self.bits)
        return Plan(
            self.steps(config, level),
            self.steps(config, self.axis.high),
            str(config.get("schedule", "constant")),
            float(config["warmup"]),
            self.guess_loss,
            clip=self.clip,
            create_graph=torch_optimizers.OPTIMIZERS[choice.name].create_graph,
            compile=self.compile,
            eager_optimizer=device == "cpu" and choice.bits in ("ao8", "4", "fp8"),
        )

    def _trial(self, config: Config, level: float, seed: int, device: torch.device) -> dict[str, float]:
        from carps_lite.tasks.torch_loop import train
        from carps_lite.tasks.torch_states import state_bytes

        meter = torch_device.Meter(device)
        work = self.prepare(config, seed, device)
        choice = torch_optimizers.chosen(config, self.optimizer, self.bits)
        optimizers = torch_optimizers.make(
            choice, work.model, min_8bit_size=self.min_8bit_size, full_precision=work.full_precision
        )
        trained = train(work.model, optimizers, work.batches, work.loss_of, self.plan(config, level, device.type))
        begin = perf_counter()
        scores = work.score()
        scoring = perf_counter() - begin
        info = {
            "state_bytes": float(state_bytes(optimizers)),
            "parameters": float(sum(p.numel() for p in work.model.parameters())),
            "first_step_seconds": trained.first_step_seconds,
            **meter.read(),
        }
        return self.answer(trained, scores, scoring, info)

    def answer(self, trained: Trained, scores: Scores, scoring: float, info: Scores) -> dict[str, float]:
        """Objectives, cost and what only the log may know. Raises TrialFailed where the validation loss is no good."""
        cost = trained.seconds + scoring
        if not math.isfinite(scores["val_loss"]):
            raise TrialFailed("nan", cost=cost, info=info)
        from carps_lite.tasks.torch_loop import DIVERGED

        if scores["val_loss"] > DIVERGED * self.guess_loss:
            raise TrialFailed("diverged", cost=cost, info={**info, **scores})
        found = {
            **scores,
            "log10_state_bytes": math.log10(max(1.0, info["state_bytes"])),
            "log10_train_seconds": math.log10(max(1e-9, trained.seconds)),
        }
        told = {name: found[name] for name in self.problem.objectives}
        return {
            **told,
            "cost": cost,
            **{key: value for key, value in scores.items() if key not in told},
            "train_loss": trained.train_loss,
            "train_seconds": trained.seconds,
            **info,
        }


_NAMES = {
    "loss": "val_loss",
    "error": "val_error",
    "state_bytes": "log10_state_bytes",
    "seconds": "log10_train_seconds",
}


def dropout_of(config: Config, seed: int) -> Any:
    """The dropout of all layers of a network, from a stream of the seed that nothing else draws from."""
    import torch

    from carps_lite.tasks.torch_dropout import Dropout

    generator = torch.Generator().manual_seed(torch_device.DROPOUT_STREAM + seed)
    return Dropout(float(config["dropout"]), generator)


def order(n: int, batch: int, seed: int, device: torch.device) -> Iterator[torch.Tensor]:
    """Row numbers of batch after batch, shape (batch,): a new permutation each epoch, its partial batch left out."""
    import torch

    generator = torch.Generator().manual_seed(torch_device.DATA_STREAM + seed)
    batch = min(batch, n)
    while True:
        permutation = torch.randperm(n, generator=generator).to(device)
        for start in range(0, n - batch + 1, batch):
            yield permutation[start : start + batch]


def batches_of(x: Any, y: Any, batch: int, seed: int) -> Iterator[Batch]:
    """Batches of rows that lie on the device."""
    for rows in order(len(y), batch, seed, y.device):
        yield x[rows], y[rows]
