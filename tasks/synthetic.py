"""Small analytic tasks with known answers, for tests, documentation and the check of the framework's own limits."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from carps_lite.core import KINDS, Fidelity, Problem
from carps_lite.errors import InputError, check_whole, nearest
from carps_lite.space import Categorical, Config, Constant, Float, Int, Ordinal, Space, When

Answer = dict[str, float]


def _one_of(task: str, name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{task}: no {name} {value!r}{nearest(value, known)}")


@dataclass(frozen=True)
class Sphere:
    """The sum of squares on [-5, 10]^dim, whose best point, the origin, is not the centre of the space."""

    dim: int = 2
    optimum = 0.0

    def __post_init__(self) -> None:
        check_whole("sphere", "dim", self.dim, 1)

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats x0, x1, ... and the objective `loss`."""
        return Problem(Space({f"x{i}": Float(-5.0, 10.0) for i in range(self.dim)}))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return the sum of squares."""
        return {"loss": math.fsum(float(x) ** 2 for x in config.values())}


@dataclass(frozen=True)
class Brittle:
    """The sphere of `dim` >= 2 on [-5, 10]^dim, a third of which raises, while other parts give no finite value.

    Raises FloatingPointError where x0 > 5; elsewhere the loss is infinite where x1 > 8 and nan where 6 < x1 <= 8.
    """

    dim: int = 2
    optimum = 0.0

    def __post_init__(self) -> None:
        check_whole("brittle", "dim", self.dim, 2)

    @cached_property
    def problem(self) -> Problem:
        """`dim` floats x0, x1, ... and the objective `loss`."""
        return Problem(Space({f"x{i}": Float(-5.0, 10.0) for i in range(self.dim)}))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return the sum of squares, or fail as the class says."""
        x0, x1 = float(config["x0"]), float(config["x1"])
        if x0 > 5:
            raise FloatingPointError(f"diverged at x0={x0:.4g}")
        if x1 > 6:
            return {"loss": math.inf if x1 > 8 else math.nan}
        return {"loss": math.fsum(float(x) ** 2 for x in config.values())}


@dataclass(frozen=True)
class Mixed:
    """A made-up choice of model: all kinds of parameter, conditions nested and over two parents, and any task type.

    `kind` is the task type: `bb` (minimise `error`), `mf` (with epochs 1 to 27), `mo` (`error` and `size`) or `momf`.
    The cost is in made-up seconds, epochs * (0.1 + size / 100), and counts from the start of training. With one
    objective the optimum is an error of 0.1, of a net of 8 layers with nesterov SGD.
    """

    kind: str = "bb"

    def __post_init__(self) -> None:
        _one_of("mixed", "kind", self.kind, KINDS)

    @property
    def optimum(self) -> float | None:
        """The least error at full fidelity; None where there are two objectives."""
        return None if "mo" in self.kind else 0.1

    @cached_property
    def problem(self) -> Problem:
        """Nine parameters, of which three to eight are active."""
        net: When = {"model": ("net",)}
        sgd: When = {"model": ("net",), "optimizer": ("sgd",)}
        space = Space(
            {
                "classes": Constant(10),
                "model": Categorical(("linear", "tree", "net")),
                "l2": Float(1e-6, 1.0, log=True, when={"model": ("linear", "net")}),
                "depth": Int(1, 12, when={"model": ("tree",)}),
                "layers": Ordinal((1, 2, 4, 8), when=net),
                "optimizer": Categorical(("sgd", "adam"), when=net),
                "lr": Float(1e-4, 1.0, log=True, when=net),
                "momentum": Float(0.0, 0.99, when={"optimizer": ("sgd",)}),
                "nesterov": Categorical((False, True), when=sgd),
            }
        )
        two = "mo" in self.kind
        return Problem(
            space,
            ("error", "size") if two else ("error",),
            fidelity=Fidelity("epochs", 1, 27) if "mf" in self.kind else None,
            reference=(1.0, 100.0) if two else None,
        )

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return error (0 to 1), size (1 to 81, in made-up units) and cost; only the objectives are told."""
        epochs = 27.0 if fidelity is None else float(fidelity)
        error, size = _error_and_size(config)
        slow = {"linear": 0.1, "tree": 0.2, "net": 0.4}[str(config["model"])]
        return {
            "error": error + slow * (1 / epochs - 1 / 27),
            "size": size,
            "cost": epochs * (0.1 + size / 100),
        }


def _error_and_size(config: Config) -> tuple[float, float]:
    """Error after all 27 epochs, and size, of a configuration of `Mixed`."""
    model = config["model"]
    if model == "tree":
        depth = float(config["depth"])
        return 0.2 + 0.004 * (depth - 7) ** 2, 1 + 2 * depth
    l2 = math.log10(float(config["l2"]))
    if model == "linear":
        return 0.3 + 0.01 * (l2 + 3) ** 2, 1.0
    layers, lr = float(config["layers"]), math.log10(float(config["lr"]))
    error = 0.1 + 0.005 * (l2 + 4) ** 2 + 0.02 * (3 - math.log2(layers))
    if config["optimizer"] == "adam":
        return error + 0.01 + 0.03 * (lr + 3) ** 2, 1 + 10 * layers
    error += 0.02 * (lr + 1) ** 2 + 0.05 * (float(config["momentum"]) - 0.9) ** 2
    return error + (0.0 if config["nesterov"] else 0.01), 1 + 10 * layers


@dataclass(frozen=True)
class Curve:
    """Noisy learning curves that cross: small learning rates lead at first, and lose.

    After `epochs` epochs the mean loss is `floor`; before that, floor + (e^-r - epochs^-r) / 2 after e epochs, with
    u = log10(lr) + 2, v = log2(width / 64), floor = 0.1 + 0.05 u^2 + 0.02 v^2 and r = max(0.1, 0.5 + 0.25 u). Each
    epoch of each evaluation seed has its own normal deviation of standard deviation `noise`, so that a curve goes on
    where it stopped. The cost is in made-up seconds and counts from the start of training. `optimum` is the least mean
    loss, recorded with each trial as `mean_loss`; single losses can lie below.
    """

    epochs: int = 27
    noise: float = 0.01
    optimum = 0.1

    def __post_init__(self) -> None:
        check_whole("curve", "epochs", self.epochs, 1)
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise InputError(f"curve: noise must be a number from 0, got {self.noise!r}")

    @cached_property
    def problem(self) -> Problem:
        """A learning rate and a width, the objective `loss` and the fidelity `epochs`."""
        space = Space({"lr": Float(1e-4, 1.0, log=True), "width": Int(8, 512, log=True)})
        return Problem(space, fidelity=Fidelity("epochs", 1, self.epochs))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return the loss after `fidelity` epochs, its mean over seeds and the cost."""
        epoch = self.epochs if fidelity is None else int(fidelity)
        width = float(config["width"])
        u, v = math.log10(float(config["lr"])) + 2, math.log2(width / 64)
        rate = max(0.1, 0.5 + 0.25 * u)
        mean = 0.1 + 0.05 * u**2 + 0.02 * v**2 + (epoch**-rate - self.epochs**-rate) / 2
        deviation = float(np.random.default_rng((seed, epoch)).normal(0.0, self.noise)) if self.noise else 0.0
        return {"loss": mean + deviation, "cost": epoch * (0.5 + width / 64), "mean_loss": mean}


@dataclass(frozen=True)
class Constrained:
    """A linear objective under a wavy and a disc constraint on the unit square.

    The toy problem of Gramacy, Gray, Le Digabel, Lee, Ranjan, Wells and Wild (2016), Modeling an Augmented Lagrangian
    for Blackbox Constrained Optimization, Technometrics 58(1). The best feasible point is about (0.195, 0.405).
    """

    optimum = 0.59978805201  # the least feasible value, 0.59978805201006..., cut off; a test computes it again

    @cached_property
    def problem(self) -> Problem:
        """Two floats in [0, 1], the objective `loss` and the constraints `wave` and `disc`, met where <= 0."""
        return Problem(Space({"x0": Float(0.0, 1.0), "x1": Float(0.0, 1.0)}), constraints=("wave", "disc"))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return x0 + x1 and both constraints."""
        x0, x1 = float(config["x0"]), float(config["x1"])
        return {
            "loss": x0 + x1,
            "wave": 1.5 - x0 - 2 * x1 - 0.5 * math.sin(2 * math.pi * (x0**2 - 2 * x1)),
            "disc": x0**2 + x1**2 - 1.5,
        }


ACTS = ("none", "hang", "memory", "kill")


@dataclass(frozen=True)
class Hostile:
    """A sphere around (0.7, 0.7) on the unit square that misbehaves where x0 < `share`, to test time and memory limits.

    `act` says how: `hang` sleeps for `seconds` without using the processor, `memory` fills memory by 32 MB every 50 ms
    up to `gigabytes` and holds it two seconds, `kill` sends SIGKILL to its own process, `none` does nothing. Where no
    limit stops the first two, they end by themselves: TimeoutError, MemoryError. Run `kill` in a worker process only.
    """

    act: str = "none"
    share: float = 0.1
    seconds: float = 600.0
    gigabytes: float = 2.0
    optimum = 0.0

    def __post_init__(self) -> None:
        _one_of("hostile", "act", self.act, ACTS)
        for name, high in (("share", 1.0), ("seconds", 3600.0), ("gigabytes", 4.0)):
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise InputError(f"hostile: {name} must be 0 to {high:g}, got {value!r}")

    @cached_property
    def problem(self) -> Problem:
        """Two floats in [0, 1] and the objective `loss`."""
        return Problem(Space({"x0": Float(0.0, 1.0), "x1": Float(0.0, 1.0)}))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> Answer:
        """Return the sum of squared distances from 0.7, or misbehave as the class says."""
        x0, x1 = float(config["x0"]), float(config["x1"])
        if x0 < self.share:
            self._misbehave()
        return {"loss": (x0 - 0.7) ** 2 + (x1 - 0.7) ** 2}

    def _misbehave(self) -> None:
        if self.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.act == "hang":
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                time.sleep(0.05)
            raise TimeoutError(f"hung for {self.seconds:g} s and no limit stopped it")
        elif self.act == "memory":
            step = 32 * 10**6
            hoard: list[bytes] = []
            while len(hoard) * step < self.gigabytes * 1e9:
                hoard.append(b"\1" * step)  # written, so that it is resident
                time.sleep(0.05)
            time.sleep(2.0)
            raise MemoryError(f"took {self.gigabytes:g} GB and no limit stopped it")
