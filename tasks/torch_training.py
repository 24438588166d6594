"""What all families of trainings in torch share: options, objectives, search space, trials and their checkpoints."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from carps_lite.core import KINDS, Fidelity, Problem, TrialFailed
from carps_lite.errors import InputError, check_whole, unknown
from carps_lite.space import Config, Param, Space
from carps_lite.tasks import objectives, torch_device, torch_optimizers
from carps_lite.tasks.torch_inner import OPTIMIZERS

if TYPE_CHECKING:
    import torch

    from carps_lite.tasks.torch_checkpoints import Checkpoints
    from carps_lite.tasks.torch_loop import Plan, Trained
    from carps_lite.tasks.torch_trial import Work

Scores = dict[str, float]
SEARCHES = ("full", "training")


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
    a longer one. A longer trial goes on from where one of the same configuration and seed stopped, as long as that is
    kept (torch_checkpoints.py): values are those of training from the start, cost and seconds count from there.

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
        known = (*self.losses, "state_bytes", "seconds")
        found = objectives.checked(self.owner, self.kind, self.objectives, known, ("loss", "state_bytes"))
        object.__setattr__(self, "objectives", found)
        torch_device.check(self.owner, self.device)

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

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """Where trainings at lower fidelities stopped: those of this object, and no copy of it."""
        from carps_lite.tasks.torch_checkpoints import Checkpoints

        return Checkpoints()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "checkpoints"}

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Train and score. Raises TrialFailed, with the seconds of the whole training, where it fails."""
        from carps_lite.tasks.torch_trial import Place, run

        level, whole = self.level(config, fidelity), self.complete(config)
        key = (frozenset(whole.items()), seed)
        start = self.checkpoints.before(key, self.steps(whole, level))
        limit = self.checkpoints.limit if level < self.axis.high else 0  # nothing goes on from a full training
        spent = start.seconds if start else 0.0
        with torch_device.session(torch_device.check(self.owner, self.device), seed, spent) as device:
            answer, left = run(self, whole, level, Place(seed, device, start, limit))
        if left is not None:
            self.checkpoints.keep(key, left)
        elif not limit:
            self.checkpoints.drop(key)
        return answer

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
            create_graph=OPTIMIZERS[choice.name].create_graph,
            compile=self.compile,
            eager_optimizer=torch_optimizers.stays_eager(choice.bits, device),
        )

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
