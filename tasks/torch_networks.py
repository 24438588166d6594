"""The networks: a multilayer perceptron, a small convolutional network, a decoder-only transformer."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from carps_lite.tasks.torch_dropout import Dropout

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
VOCABULARY = 256  # bytes


def mlp(n_in: int, n_out: int, width: int, depth: int, dropout: Dropout, activation: str = "relu") -> nn.Sequential:
    """Hidden layers of one width; inputs have shape (rows, n_in), outputs (rows, n_out)."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(width if i else n_in, width), ACTIVATIONS[activation](), dropout]
    return nn.Sequential(*layers, nn.Linear(width if depth else n_in, n_out))


def cnn(shape: tuple[int, ...], n_out: int, channels: int, dropout: Dropout) -> nn.Sequential:
    """Two convolutions of width 3 and a linear layer; `shape` is that of one input, (length,) or (height, width).

    Strides halve the size, once for small images and twice for large ones: pooling has no repeatable gradient on a GPU.
    """
    conv = nn.Conv1d if len(shape) == 1 else nn.Conv2d
    first = 2 if max(shape) > 16 else 1
    sizes = [math.ceil(math.ceil(n / first) / 2) for n in shape]
    return nn.Sequential(
        nn.Unflatten(1, (1, *shape)),
        conv(1, channels, 3, stride=first, padding=1),
        nn.ReLU(),
        conv(channels, 2 * channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        dropout,
        nn.Linear(2 * channels * math.prod(sizes), n_out),
    )


def byte_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over all places, in nats a byte; outputs (batch, time, 256), targets (batch, time)."""
    return functional.cross_entropy(outputs.flatten(0, 1).float(), targets.flatten())


class Size(NamedTuple):
    """A transformer's shape; heads are 32 wide, or 64 where the width is 512 or more."""

    width: int
    layers: int
    context: int

    @property
    def heads(self) -> int:
        """Attention heads of a layer."""
        return self.width // (64 if self.width >= 512 else 32)

    @property
    def parameters(self) -> int:
        """Trained numbers with plain embeddings."""
        d = self.width
        block = 12 * d * d + 9 * d  # matrices; biases of the feed-forward part and two layer norms
        return self.layers * block + (2 * VOCABULARY + self.context) * d + 2 * d


class StableEmbedding(nn.Embedding):  # type: ignore[misc]
    """Xavier-uniform initialisation and a layer norm behind the embedding (Dettmers et al. 2021, section 2.3)."""

    def __init__(self, n: int, width: int) -> None:
        super().__init__(n, width)
        nn.init.xavier_uniform_(self.weight)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed tokens of shape (batch, time)."""
        embedded: torch.Tensor = self.norm(super().forward(x))
        return embedded


class Block(nn.Module):  # type: ignore[misc]
    """Causal self-attention and a feed-forward part, each behind a layer norm and beside a shortcut."""

    def __init__(self, size: Size, dropout: Dropout) -> None:
        super().__init__()
        d = size.width
        self.heads = size.heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.feed = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.dropout = dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (batch, time, width) to the same."""
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(b, t, d)))
        return x + self.dropout(self.feed(self.norm_feed(x)))


class Transformer(nn.Module):  # type: ignore[misc]
    """A decoder-only transformer over bytes: tokens of shape (batch, time) to logits (batch, time, 256)."""

    def __init__(self, size: Size, dropout: Dropout, stable: bool) -> None:
        super().__init__()
        self.embedding = StableEmbedding(VOCABULARY, size.width) if stable else nn.Embedding(VOCABULARY, size.width)
        self.embedding_positions = nn.Parameter(torch.empty(size.context, size.width))
        self.blocks = nn.Sequential(*(Block(size, dropout) for _ in range(size.layers)))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, VOCABULARY, bias=False)
        nn.init.normal_(self.embedding_positions, std=0.02)
        if not stable:
            nn.init.normal_(self.embedding.weight, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the next byte at each place."""
        logits: torch.Tensor = self.head(
            self.norm(self.blocks(self.embedding(x) + self.embedding_positions[: x.shape[1]]))
        )
        return logits
