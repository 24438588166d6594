"""Where a training runs: the device, its threads, determinism, peak memory and energy; failures as failed trials."""

from __future__ import annotations

import gc
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from time import perf_counter
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from carps_lite.core import TrialFailed
from carps_lite.errors import InputError

if TYPE_CHECKING:
    import torch

DATA_STREAM, DROPOUT_STREAM = 1 << 31, 1 << 32  # added to a trial's seed, which is below both
_OUT_OF_MEMORY = re.compile(  # of torch, CUDA, bitsandbytes; the CPU's allocator; cuBLAS, cuDNN, cuSOLVER; C++
    r"out of memory|can't allocate memory|not enough memory|_STATUS_ALLOC_FAILED|bad_alloc", re.IGNORECASE
)


def check(owner: str, device: str | None) -> str:
    """The device as text, `cpu` for None. Raises InputError on another form or where there is no such device."""
    name = "cpu" if device is None else str(device)
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if match is None:
        raise InputError(f"{owner}: device must be cpu, cuda or cuda:N, got {device!r}")
    if name != "cpu":
        import torch

        n = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(match[1] or 0) >= n:
            found = f"{n} CUDA device(s)" if n else "no CUDA device"
            raise InputError(f"{owner}: device={name} is asked for, and torch {torch.__version__} finds {found} here")
    return name


@contextmanager
def session(name: str, seed: int, spent: float = 0.0) -> Iterator[torch.device]:
    """Train inside: one thread on a CPU, torch's generators seeded, repeatable kernels, no registry of earlier models.

    Everything global is put back afterwards, and memory of a GPU given back. A failure for lack of memory is raised as
    TrialFailed("out_of_memory") with the seconds it took, a decomposition of a matrix of nan as TrialFailed("nan");
    `spent` is what its training had taken before, where it goes on from a checkpoint.
    """
    import torch

    device = torch.device(name)
    begin = perf_counter()
    with ExitStack() as stack:
        stack.callback(_give_back, device)
        stack.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        stack.enter_context(_repeatable(device))
        stack.enter_context(_no_overrides())
        torch.manual_seed(seed)
        try:
            yield device
        except TrialFailed as error:
            clear_frames(error.__traceback__)
            raise
        except (RuntimeError, MemoryError) as error:
            kind = "out_of_memory" if is_out_of_memory(error) else "nan"
            if kind == "nan" and not isinstance(error, torch.linalg.LinAlgError):
                raise
            clear_frames(error.__traceback__)  # the caller's `with` holds the error while memory is given back
            failure = TrialFailed(kind, cost=spent + perf_counter() - begin)
        else:
            return
        raise failure


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on a GPU or off it."""
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def synchronize(device: torch.device) -> None:
    """Wait for a GPU, so that a clock may be read."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


class Meter:
    """Peak memory and energy of a GPU from construction to `read`; nothing on a CPU.

    `before` is what an earlier meter read of the same training, where it goes on from a checkpoint.
    """

    def __init__(self, device: torch.device, before: Mapping[str, float] = {}) -> None:
        self.device, self.before = device, before
        self._start: float | None = None
        if device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(device)
            self._start = _joules(device)

    def read(self) -> dict[str, float]:
        """`peak_bytes`, and `energy_joules` where NVML can be read (package nvidia-ml-py)."""
        if self.device.type != "cuda":
            return {}
        import torch

        synchronize(self.device)
        peak = float(torch.cuda.max_memory_allocated(self.device))
        found = {"peak_bytes": max(peak, self.before.get("peak_bytes", 0.0))}
        end = _joules(self.device)
        if self._start is not None and end is not None:
            found["energy_joules"] = end - self._start + self.before.get("energy_joules", 0.0)
        return found


def _joules(device: torch.device) -> float | None:
    """The energy counter of a GPU; None where NVML, its Python binding or the counter is missing."""
    import torch

    try:
        import pynvml  # type: ignore[import-untyped, import-not-found, unused-ignore]

        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except Exception:  # NVMLError of a driver that does not count, or no binding: energy is simply not known
        return None


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Kernels that give the same sums each time.

    A CPU keeps to one thread: its kernels then repeat by themselves, and two processes on two cores do not fight.
    """
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    tuned = torch.backends.cudnn.benchmark
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it; read at its first use
    try:
        if device.type == "cpu":
            torch.set_num_threads(1)
        else:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        with warnings.catch_warnings():
            _silence()
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        torch.backends.cudnn.benchmark = tuned


def _silence() -> None:
    """Warnings that a trial would repeat for ever and that call for nothing."""
    warnings.filterwarnings("ignore", message="Using backward\\(\\) with create_graph=True")  # gradients are dropped
    warnings.filterwarnings("ignore", message=".*_stable_hash_for_caching")  # torchao
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")


@contextmanager
def _no_overrides() -> Iterator[None]:
    """Hide the process-wide registry of bitsandbytes, where models of earlier trials leave overrides by id.

    A parameter whose id or position is that of an earlier one would silently take over its state precision.
    """
    import sys

    module: Any = sys.modules.get("bitsandbytes.optim.optimizer")
    manager = None if module is None else module.GlobalOptimManager
    before = None if manager is None else manager._instance  # no public way to put it back
    if manager is not None:
        manager._instance = None
    try:
        yield
    finally:
        if manager is None:
            module = sys.modules.get("bitsandbytes.optim.optimizer")
            manager = None if module is None else module.GlobalOptimManager
        if manager is not None:
            manager._instance = before


def _give_back(device: torch.device) -> None:
    if device.type == "cuda":
        import torch

        gc.collect()
        torch.cuda.empty_cache()
