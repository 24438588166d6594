"""Language models: decoder-only transformers from 0.03 to 85 million parameters on the bytes of real or made text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from carps_lite.core import Fidelity
from carps_lite.errors import check_whole, unknown
from carps_lite.space import Categorical, Config, Float, Ordinal, Param
from carps_lite.tasks import torch_corpus
from carps_lite.tasks.torch_training import Scores, TorchTraining

if TYPE_CHECKING:
    import torch

    from carps_lite.tasks.torch_trial import Work

SHAPES = {  # width, layers, context; named by their parameters in millions
    "0.03": (32, 1, 32),
    "0.1": (64, 2, 64),
    "0.8": (128, 4, 128),
    "3": (256, 4, 256),
    "11": (384, 6, 256),
    "51": (512, 16, 512),
    "86": (768, 12, 512),
}
EMBEDDINGS = ("plain", "stable", "choice")
SCORED_BYTES = 8192  # of the validation and of the test part, in windows at fixed places
LARGE = 1_000_000  # parameters from which on batches are larger


@dataclass(frozen=True)
class TorchLm(TorchTraining):
    """Predict the next byte. `val_loss` is the cross-entropy in nats a byte (a uniform guess: 5.545).

    Training windows start at random places of the first 90 % of the text; the same windows at fixed places of the next
    5 % validate, of the last 5 % test. Gradients are clipped at norm 1, but for AdaHessian, which needs their graph.

    `embedding`: `stable` adds a layer norm behind the token embedding and initialises it by Xavier's rule (Dettmers et
    al. 2021, section 2.3). `embedding_bits`: `32` keeps 32-bit states for the token embedding whatever `bits` says, as
    that paper does; `same` does not.
    """

    owner: ClassVar[str] = "torch_lm"
    losses: ClassVar[tuple[str, ...]] = ("loss",)
    clip: ClassVar[float] = 1.0

    text: str = "made"
    size: str = "0.03"
    embedding: str = "plain"
    embedding_bits: str = "32"
    steps_full: int = 54

    def __post_init__(self) -> None:
        torch_corpus.check(self.owner, self.text)
        object.__setattr__(self, "size", str(self.size))
        object.__setattr__(self, "embedding_bits", str(self.embedding_bits))
        for name, known in (("size", tuple(SHAPES)), ("embedding", EMBEDDINGS), ("embedding_bits", ("32", "same"))):
            if getattr(self, name) not in known:
                raise unknown(f"{self.owner}: no {name}", getattr(self, name), known)
        check_whole(self.owner, "steps_full", self.steps_full, 1, 1_000_000)
        super().__post_init__()

    @property
    def guess_loss(self) -> float:
        """Of 256 bytes, equally likely."""
        return math.log(256)

    @property
    def axis(self) -> Fidelity:
        """Optimizer steps, from a 27th of a full training."""
        return Fidelity("steps", max(1, self.steps_full // 27), self.steps_full)

    @property
    def largest(self) -> int:
        """Parameters of the network, about: blocks and embeddings."""
        width, layers, context = SHAPES[self.size]
        return 12 * width * width * layers + (512 + context) * width

    def architecture(self) -> dict[str, Param]:
        """Windows in a batch; the network is that of `size`."""
        return {"batch_size": Ordinal((16, 32, 64) if self.largest > LARGE else (4, 8, 16))}

    def fixed(self) -> Config:
        """The middle batch size."""
        return {name: p.default for name, p in self.architecture().items() if p.default is not None}

    def regularisation(self) -> dict[str, Param]:
        """Dropout of the shortcuts, and the kind of embedding where it is a choice."""
        choice: dict[str, Param] = {"embedding": Categorical(("plain", "stable"))} if self.embedding == "choice" else {}
        return {"dropout": Float(0.0, 0.3, default=0.0), **choice}

    def steps(self, config: Config, level: float) -> int:
        """The fidelity itself."""
        return int(level)

    def prepare(self, config: Config, seed: int, device: torch.device) -> Work:
        """Build the transformer; the text lies on the device already."""
        from carps_lite.tasks.torch_networks import Size, Transformer, byte_loss
        from carps_lite.tasks.torch_streams import dropout_of, windows
        from carps_lite.tasks.torch_trial import Work

        size = Size(*SHAPES[self.size])
        stable = config.get("embedding", self.embedding) == "stable"
        model = Transformer(size, dropout_of(float(config["dropout"]), seed), stable).to(device)
        text = torch_corpus.load(self.text, str(device))
        batches = partial(windows, text.train, size.context, int(config["batch_size"]), seed)
        kept: list[torch.Tensor] = [model.embedding.weight] if self.embedding_bits == "32" else []
        return Work(model, batches, byte_loss, lambda: self.scores(model, text, size.context), kept)

    def scores(self, model: torch.nn.Module, text: torch_corpus.Text, context: int) -> Scores:
        """Losses of fixed windows of the validation and the test part."""
        import torch

        from carps_lite.tasks.torch_loop import precision
        from carps_lite.tasks.torch_networks import byte_loss
        from carps_lite.tasks.torch_streams import cut

        model.eval()
        found: Scores = {}
        for prefix, part in (("val", text.validation), ("test", text.test)):
            rows = torch.linspace(0, len(part) - context - 1, max(1, SCORED_BYTES // context)).long()
            losses = []
            with torch.no_grad(), precision(part.device):
                for starts in rows.split(32):
                    inputs, targets = cut(part, starts.to(part.device), context)
                    losses.append(byte_loss(model(inputs), targets).item() * len(starts))
            found[f"{prefix}_loss"] = sum(losses) / len(rows)
        return found
