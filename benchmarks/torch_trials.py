"""Trainings in torch: seconds a trial, trials a second alone and together, state bytes and step time in 8 and 32 bits.

    python benchmarks/torch_trials.py [--device cuda] [--quick]

Prints lines of Markdown tables. One thread; medians; on a CPU in seconds of its time, which depend less on what else
runs than those of a clock. What needs a GPU is skipped with its reason where there is none.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from carps_lite import spec
from carps_lite.core import TrialFailed
from carps_lite.errors import InputError
from carps_lite.space import Config, Space
from carps_lite.tasks import torch_optimizers, torch_states
from carps_lite.tasks.torch_capacity import fits
from carps_lite.tasks.torch_device import session
from carps_lite.tasks.torch_dropout import Dropout
from carps_lite.tasks.torch_inner import OPTIMIZERS
from carps_lite.tasks.torch_lm import SHAPES
from carps_lite.tasks.torch_networks import Size, Transformer
from carps_lite.tasks.torch_optimizers import Chosen

FULL = (
    "torch_images",
    "torch_images/model:cnn",
    "torch_images/dataset:mnist5k",
    "torch_images/dataset:mnist5k/model:cnn",
    "torch_images/dataset:mnist1d",
    "torch_tabular",
    "torch_tabular/dataset:breast_cancer",
    "torch_tabular/dataset:diamonds",
    "torch_lm",
    "torch_lm/size:0.1",
    "torch_lm/size:0.1/bits:8",
)
TOGETHER = ("torch_images/search:training", "torch_tabular/search:training", "torch_images", "torch_tabular")


def seconds_of(action: Callable[[], object], times: int, clock: Callable[[], float] = process_time) -> float:
    """Median seconds of an action by a clock."""
    taken = []
    for _ in range(times):
        begin = clock()
        action()
        taken.append(clock() - begin)
    return statistics.median(taken)


def full_trials(times: int, device: str) -> None:
    """Seconds of a default configuration at full fidelity."""
    print("\n| task at full fidelity, default configuration | seconds |\n|---|--:|")
    for one in FULL:
        try:
            task = spec.make("tasks", one, **({} if device == "cpu" else {"device": device}))
        except InputError as error:
            print(f"| `{one}` | skipped: {error} |")
            continue
        config = task.problem.space.default
        task.evaluate(config, None, 0)
        clock = process_time if device == "cpu" else perf_counter
        took = seconds_of(lambda task=task, config=config: task.evaluate(config, None, 1), times, clock)
        print(f"| `{one}` | {took:.2f} |")


def together(n: int, times: int) -> None:
    """Trials a second, one by one and n at once, of random configurations with and without dropout."""
    print(f"\n| {n} random configurations | a second alone | together | factor | median relative difference, largest |")
    print("|---|--:|--:|--:|--:|")
    for one in TOGETHER:
        task = spec.make("tasks", one)
        space = task.problem.space
        drawn = space.decode_many(np.random.default_rng(0).random((n, len(space))))
        print(_row(one, task, drawn, times))
        print(_row(f"{one}, no dropout", task, [{**c, "dropout": 0.0} for c in drawn], times))


def _row(label: str, task: Any, configs: list[Config], times: int) -> str:
    n, few = len(configs), min(len(configs), 8 * times)
    begin = process_time()
    alone = [_loss(task, configs[i], i) for i in range(few)]
    single = (process_time() - begin) / few
    answers: list[Any] = []

    def all_at_once() -> None:
        answers[:] = task.evaluate_many(configs, [None] * n, list(range(n)))

    many = seconds_of(all_at_once, times) / n
    pairs = [(a["val_loss"], b) for a, b in zip(answers, alone, strict=False) if isinstance(a, dict) and b is not None]
    off = [abs(a / b - 1) for a, b in pairs if b]  # a loss may be 0
    return (
        f"| `{label}` | {1 / single:.1f} | {1 / many:.1f} | {single / many:.1f} "
        f"| {statistics.median(off):.1e}, {max(off):.1e} |"
    )


def _loss(task: Any, config: Config, seed: int) -> float | None:
    try:
        return float(task.evaluate(config, None, seed)["val_loss"])
    except TrialFailed:
        return None


def state_bytes(device: str) -> None:
    """State bytes of AdamW by preset of the language model, the token embedding in 32 bits as by default."""
    print("\n| language model, AdamW | parameters | bytes in 32 bits | in 8 bits | ratio |\n|---|--:|--:|--:|--:|")
    for name, shape in SHAPES.items():
        size = Size(*shape)
        if size.parameters > 20e6 and device == "cpu":
            print(f"| `size:{name}` | {size.parameters:,} | skipped: large for a CPU | | |")
            continue
        found = {}
        for bits in ("32", "8"):
            with session(device, 0) as place:
                model, optimizers = _model(size, "adamw", bits, place)
                for optimizer in optimizers:
                    optimizer.step()
                found[bits] = torch_states.state_bytes(optimizers)
                del model, optimizers
        print(
            f"| `size:{name}` | {size.parameters:,} | {found['32']:,} | {found['8']:,} "
            f"| {found['8'] / found['32']:.3f} |"
        )


def _model(
    size: Size, name: str, bits: str, place: torch.device
) -> tuple[torch.nn.Module, list[torch.optim.Optimizer]]:
    with place:
        model = Transformer(size, Dropout(0.0, torch.Generator()), stable=False)
    for p in model.parameters():
        p.grad = torch.full_like(p, 1e-3)
    config = Space(OPTIMIZERS[name].params).default
    return model, torch_optimizers.make(Chosen(name, bits, config), model, full_precision=[model.embedding.weight])


def step_times(times: int, size: str) -> None:
    """Milliseconds of the optimizer's step alone, in 8 and in 32 bits, on a CPU."""
    print(
        f"\n| optimizer's step, language model `size:{size}`, CPU | ms in 32 bits | in 8 bits | ratio |"
        "\n|---|--:|--:|--:|"
    )
    for name in torch_optimizers.WITH_8_BITS:
        found = {}
        for bits in ("32", "8"):
            with session("cpu", 0) as place:
                _, optimizers = _model(Size(*SHAPES[size]), name, bits, place)
                step = optimizers[0].step if len(optimizers) == 1 else lambda: [o.step() for o in optimizers]  # noqa: B023
                step()
                found[bits] = 1e3 * seconds_of(step, times)
        print(f"| {name} | {found['32']:.2f} | {found['8']:.2f} | {found['8'] / found['32']:.1f} |")


def on_gpu(device: str, times: int) -> None:
    """Whole training steps at 51 and 86 million parameters, and the largest model that fits in each format."""
    if device == "cpu" or not torch.cuda.is_available():
        print("\nskipped, no CUDA device asked for: whole steps at 50 M parameters, and the largest model that fits")
        return
    print(
        f"\n{torch.cuda.get_device_name()}\n\n| whole step, AdamW | ms in 32 bits, fused "
        "| in 8 bits | ratio |\n|---|--:|--:|--:|"
    )
    for name in ("51", "86"):
        found = {bits: 1e3 * _whole_step(Size(*SHAPES[name]), bits, device, times) for bits in ("32", "8")}
        print(f"| `size:{name}` | {found['32']:.2f} | {found['8']:.2f} | {found['8'] / found['32']:.3f} |")
    print("\n| format | largest model of width 2,048 that trains, millions of parameters |\n|---|--:|")
    for bits in ("32", "8", "4", "fp8"):
        print(f"| {bits} | {_largest(bits, device) / 1e6:,.0f} |")


def _whole_step(size: Size, bits: str, device: str, times: int) -> float:
    from torch.nn import functional

    from carps_lite.tasks.torch_loop import precision

    with session(device, 0) as place:
        model, optimizers = _model(size, "adamw", bits, place)
        windows = _windows(size, place)

        def step() -> None:
            inputs, targets = next(windows)
            with precision(place):
                loss = functional.cross_entropy(model(inputs).flatten(0, 1).float(), targets.flatten())
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            torch.cuda.synchronize()

        for _ in range(5):
            step()
        return seconds_of(step, 10 * times, perf_counter)


def _windows(size: Size, place: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    whole = torch.randint(256, (32, size.context + 1), device=place)
    while True:
        yield whole[:, :-1], whole[:, 1:]


def _largest(bits: str, device: str) -> int:
    """Parameters of the deepest model of width 2,048 and context 512 that trains: doubling, then bisection."""
    low, high = 0, 1
    while fits(Size(2048, high, 512), bits, device):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(Size(2048, middle, 512), bits, device) else (low, middle)
    return Size(2048, low, 512).parameters


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="each figure once, fewer trials together")
    given = parser.parse_args()
    torch.set_num_threads(1)
    times = 1 if given.quick else 3
    full_trials(times, given.device)
    together(16 if given.quick else 64, times)
    state_bytes(given.device)
    step_times(10 * times, "0.8")
    on_gpu(given.device, times)


if __name__ == "__main__":
    main()
