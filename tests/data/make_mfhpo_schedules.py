"""Write mfhpo_schedules.json: what mfhpo-simulator's wrapper mode does with the small cases below.

    pip install mfhpo-simulator==1.4.6        # best into an environment of its own
    python tests/data/make_mfhpo_schedules.py

There, W real threads call a wrapped function that waits on files until its worker is the next to finish; real seconds
of asking are part of its clock, so a unit of duration here is 1,000 of its seconds, and times are rounded to units.
tests/test_loop.py imports the cases and puts them through the run loop.
"""

from __future__ import annotations

import json
import tempfile
import threading
import warnings
from hashlib import blake2b
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WORKERS = (1, 2, 4, 8)
TRIALS = 24
UNIT = 1000.0
MAX_EPOCHS = 9
Told = tuple[float, int, float]  # x, epochs, loss


def chance(*seen: object) -> float:
    """A number in [0, 1) that depends on all that was seen."""
    return int.from_bytes(blake2b(repr(seen).encode(), digest_size=6).digest(), "big") / 2**48


def duration(x: float, epochs: int) -> int:
    """Units of time from the start of training up to this epoch; so wide that no two trials end together."""
    return epochs * (1000 + int(9000 * chance("duration", x)))


def loss(x: float, epochs: int) -> float:
    """What the optimizer is told."""
    return chance("loss", x) + 1 / epochs


class Deaf:
    """Random search."""

    def __init__(self) -> None:
        self.asked = 0

    def choose(self) -> tuple[float, int]:
        self.asked += 1
        return chance("x", self.asked), MAX_EPOCHS

    def hear(self, told: Told) -> None:
        pass


class Listening(Deaf):
    """Each choice depends on all results so far, and on their order."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Told] = []

    def choose(self) -> tuple[float, int]:
        self.asked += 1
        return chance("x", self.asked, self.told), MAX_EPOCHS

    def hear(self, told: Told) -> None:
        self.told.append(told)


class Stepping(Listening):
    """In turns: continue the best configuration that is neither at its end nor at work, and begin a new one."""

    def choose(self) -> tuple[float, int]:
        ready = [(loss_, x, epochs) for x, epochs, loss_ in self.told if epochs < MAX_EPOCHS]
        if self.asked % 2 and ready:
            _, x, epochs = min(ready)
            self.told.remove((x, epochs, loss(x, epochs)))
            self.asked += 1
            return x, 3 * epochs
        self.asked += 1
        return chance("x", self.asked), 1


OPTIONS: dict[str, Any] = {
    "save_dir_name": "run",
    "n_evals": TRIALS,
    "n_actual_evals_in_opt": TRIALS + max(WORKERS),
    "fidel_keys": ["epochs"],
    "continual_max_fidel": MAX_EPOCHS,
    "allow_parallel_sampling": True,
}
CASES = {"deaf": Deaf, "listening": Listening, "stepping": Stepping}


def schedule(case: str, workers: int) -> list[list[float]]:
    """The first trials in the order in which they end: (x, epochs, end in units)."""
    from benchmark_simulator import get_multiple_wrappers

    optimizer, lock, ends = CASES[case](), threading.Lock(), []

    def objective(eval_config: dict[str, Any], fidels: dict[str, int], seed: int | None, **_: Any) -> dict[str, float]:
        x, epochs = eval_config["x"], fidels["epochs"]
        return {"loss": loss(x, epochs), "runtime": UNIT * duration(x, epochs)}

    def work(wrapper: Any) -> None:
        while not wrapper._main_wrapper._terminated:
            with lock:
                x, epochs = optimizer.choose()
            answer = wrapper({"x": x}, fidels={"epochs": epochs})
            with lock:
                ends.append([x, epochs, round(wrapper._main_wrapper._cumtime / UNIT)])
                optimizer.hear((x, epochs, answer["loss"]))

    with tempfile.TemporaryDirectory() as folder:
        wrappers = get_multiple_wrappers(objective, n_workers=workers, tmp_dir=folder, **OPTIONS)
        threads = [threading.Thread(target=work, args=(wrapper,)) for wrapper in wrappers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return ends[:TRIALS]


def main() -> None:
    """Write the file."""
    from importlib.metadata import version

    warnings.simplefilter("ignore")  # it warns of more workers than cores
    schedules = {f"{case} {workers}": schedule(case, workers) for case in CASES for workers in WORKERS}
    content = {"made by": f"mfhpo-simulator {version('mfhpo-simulator')}", "schedules": schedules}
    text = json.dumps(content).replace("[[", "[\n  [").replace("]], ", "]\n],\n").replace("], [", "],\n  [")
    (HERE / "mfhpo_schedules.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
