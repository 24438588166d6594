"""Trainings on rows: images by a multilayer perceptron or a convolutional network, tables by a perceptron."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from carps_lite.core import Fidelity, TrialFailed
from carps_lite.errors import InputError, check_whole, unknown
from carps_lite.space import Categorical, Config, Float, Int, Ordinal, Param
from carps_lite.tasks import torch_data, torch_device, torch_optimizers
from carps_lite.tasks.torch_data import Part, Source
from carps_lite.tasks.torch_training import Scores, TorchTraining

if TYPE_CHECKING:
    import torch

    from carps_lite.tasks.torch_trial import Work

MODELS = ("mlp", "cnn")
SCORED_AT_ONCE = 4096  # rows of a forward pass without gradients


@dataclass(frozen=True)
class RowsTraining(TorchTraining):
    """A training whose data are rows with a class or a number each.

    `val_loss` is the cross-entropy in nats (a uniform guess among 10 classes: 2.303) or, of a regression, the mean
    squared error in variances of the training targets (guessing their mean: about 1).
    """

    known: ClassVar[dict[str, Source]]

    dataset: str = ""
    model: str = "mlp"
    epochs: int = 27

    def __post_init__(self) -> None:
        torch_data.source(self.owner, self.dataset, self.known)
        if self.model not in MODELS:
            raise unknown(f"{self.owner}: no model", self.model, MODELS)
        check_whole(self.owner, "epochs", self.epochs, 1, 1000)
        super().__post_init__()
        if "error" in self.objectives and not self.source.classes:
            raise InputError(f"{self.owner}: {self.dataset} has no classes, so no objective error; known: loss")

    @property
    def source(self) -> Source:
        """What is known of the data set."""
        return self.known[self.dataset]

    @property
    def guess_loss(self) -> float:
        """The loss of a constant guess."""
        return math.log(self.source.classes) if self.source.classes else 1.0

    @property
    def axis(self) -> Fidelity:
        """Passes over the training rows."""
        return Fidelity("epochs", 1, self.epochs)

    @property
    def largest(self) -> int:
        """Parameters of the largest network of the space."""
        n_in, n_out = math.prod(self.source.shape), self.source.classes or 1
        if self.model == "cnn":
            return 32 * 64 * 9 + 64 * n_in * n_out
        return n_in * 256 + 2 * 256 * 256 + 256 * n_out + 3 * 256 + n_out

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Batch sizes to choose from."""
        if self.source.large:
            return (256, 512, 1024)
        return (16, 32, 64) if self.source.rows < 1000 else (32, 64, 128)

    def architecture(self) -> dict[str, Param]:
        """Width, depth and batch size, or channels and batch size."""
        batch: dict[str, Param] = {"batch_size": Ordinal(self.batch_sizes)}
        if self.model == "cnn":
            return {"channels": Ordinal((8, 16, 32), default=8), **batch}
        return {"width": Ordinal((32, 64, 128, 256), default=64), "depth": Int(1, 3, default=2), **batch}

    def fixed(self) -> Config:
        """The defaults of the same parameters."""
        return {name: p.default for name, p in self.architecture().items() if p.default is not None}

    def regularisation(self) -> dict[str, Param]:
        """Dropout."""
        return {"dropout": Float(0.0, 0.5, default=0.0)}

    def steps(self, config: Config, level: float) -> int:
        """Whole batches of the epochs."""
        rows = self.source.train_rows
        return int(level) * (rows // min(int(config["batch_size"]), rows))

    def network(self, config: Config, seed: int) -> torch.nn.Module:
        """Build the network that a configuration describes."""
        from carps_lite.tasks.torch_networks import cnn, mlp
        from carps_lite.tasks.torch_streams import dropout_of

        shape, n_out, dropout = self.source.shape, self.source.classes or 1, dropout_of(float(config["dropout"]), seed)
        if self.model == "cnn":
            return cnn(shape, n_out, int(config["channels"]), dropout)
        width, depth, activation = int(config["width"]), int(config["depth"]), str(config.get("activation", "relu"))
        return mlp(math.prod(shape), n_out, width, depth, dropout, activation)

    def loss_of(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch; outputs have shape (rows, classes), or (rows, 1) for a regression."""
        from torch.nn import functional

        if self.source.classes:
            return functional.cross_entropy(outputs, targets)
        return functional.mse_loss(outputs.squeeze(1).float(), targets)

    def prepare(self, config: Config, seed: int, device: torch.device) -> Work:
        """Build the network; the rows lie on the device already."""
        from carps_lite.tasks.torch_streams import batches_of
        from carps_lite.tasks.torch_trial import Work

        model = self.network(config, seed).to(device)
        rows = torch_data.load(self.dataset, str(device))
        batches = batches_of(*rows.train, int(config["batch_size"]), seed)
        return Work(model, batches, self.loss_of, lambda: self.scores(model, rows))

    @property
    def evaluate_many(self) -> Callable[[Sequence[Config], Sequence[float | None], Sequence[int]], list[Any]]:
        """Evaluate trials together: perceptrons of one shape, batch size, optimizer and length are trained at once.

        Other networks and other formats are trained one by one, and so is whatever drops out on a GPU, whose dropout
        cannot be drawn apart. A trial that fails is answered by its exception. The cost of a trial is its share of
        what its group took. There is no such attribute where seconds are an objective.
        """
        if "seconds" in self.objectives:
            raise AttributeError("evaluate_many: seconds of a training are measured one by one")
        return self._evaluate_many

    def _evaluate_many(
        self, configs: Sequence[Config], fidelities: Sequence[float | None], seeds: Sequence[int]
    ) -> list[Any]:
        answers: list[Any] = [None] * len(configs)
        groups: dict[Any, list[int]] = defaultdict(list)
        for i, (config, fidelity) in enumerate(zip(configs, fidelities, strict=True)):
            groups[self._group(self.complete(config), self.level(config, fidelity)) or i].append(i)
        for key, group in groups.items():
            trials = [(configs[i], fidelities[i], seeds[i]) for i in group]
            together = self._together(trials) if isinstance(key, tuple) and len(configs) > 1 else None
            for place, i in enumerate(group):
                answers[i] = together[place] if together else self._alone(configs[i], fidelities[i], seeds[i])
        return answers

    def _group(self, config: Config, level: float) -> tuple[Any, ...] | None:
        """What trainings must share to be trained at once; None where they cannot be."""
        from carps_lite.tasks.torch_rules import RULES

        choice = torch_optimizers.chosen(config, self.optimizer, self.bits)
        drops_on_gpu = self.device not in (None, "cpu") and config["dropout"]
        if self.model != "mlp" or self.compile or choice.bits != "32" or choice.name not in RULES or drops_on_gpu:
            return None
        shape = (config[name] for name in ("batch_size", "width", "depth"))
        return (choice.name, self.steps(config, level), config.get("activation"), *shape)

    def _together(self, trials: Sequence[tuple[Config, float | None, int]]) -> list[Any] | None:
        """Answers of trials of one group; None where memory does not suffice for all at once."""
        from carps_lite.tasks.torch_batched import Member, train_many

        name = torch_device.check(self.owner, self.device)
        members = []
        for config, fidelity, seed in trials:
            whole, level = self.complete(config), self.level(config, fidelity)
            members.append(Member(whole, self.plan(whole, level, name.partition(":")[0]), seed))
        try:
            with torch_device.session(name, 0) as device:
                return list(train_many(self, members, torch_data.load(self.dataset, str(device)), device))
        except TrialFailed:
            return None

    def _alone(self, config: Config, fidelity: float | None, seed: int) -> Any:
        try:
            return self.evaluate(config, fidelity, seed)
        except Exception as error:  # one trial's failure is not the batch's
            return error

    def scores(self, model: torch.nn.Module, rows: torch_data.Rows) -> Scores:
        """Loss and, of classes, error on validation and test rows."""
        import torch

        model.eval()
        found: Scores = {}
        with torch.no_grad():
            for prefix, part in (("val", rows.validation), ("test", rows.test)):
                outputs = torch.cat([model(x) for x in part.x.split(SCORED_AT_ONCE)])
                found |= {f"{prefix}_{name}": value for name, value in self.judge(outputs, part).items()}
        return found

    def judge(self, outputs: torch.Tensor, part: Part) -> Scores:
        """`loss` and, of classes, `error` of outputs of shape (rows, classes)."""
        found = {"loss": self.loss_of(outputs, part.y).item()}
        if self.source.classes:
            found["error"] = (outputs.argmax(1) != part.y).float().mean().item()
        return found


@dataclass(frozen=True)
class TorchImages(RowsTraining):
    """Classify images: digits (8 x 8), 5,000 of MNIST (28 x 28) or MNIST-1D (40 values in a row)."""

    owner: ClassVar[str] = "torch_images"
    losses: ClassVar[tuple[str, ...]] = ("loss", "error")
    known: ClassVar[dict[str, Source]] = torch_data.IMAGES

    dataset: str = "digits"


@dataclass(frozen=True)
class TorchTabular(RowsTraining):
    """Regression (diabetes, diamonds) or classification (breast_cancer, wine) of standardised tables."""

    owner: ClassVar[str] = "torch_tabular"
    losses: ClassVar[tuple[str, ...]] = ("loss", "error")
    known: ClassVar[dict[str, Source]] = torch_data.TABLES

    dataset: str = "diabetes"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model != "mlp":
            raise InputError(f"torch_tabular: model must be mlp, got {self.model!r}")

    def architecture(self) -> dict[str, Param]:
        """Activation beside width, depth and batch size."""
        return {"activation": Categorical(("relu", "gelu", "silu")), **super().architecture()}
