"""A network or a batch for which memory does not suffice is a failed trial, and the next trial finds its memory."""

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from carps_lite.tasks.torch_device import is_out_of_memory  # noqa: E402

LIMITED = """
import resource
from pathlib import Path
from carps_lite import spec
from carps_lite.core import TrialFailed

small, large = (spec.make("tasks", f"torch_lm/size:{size}/steps_full:1") for size in ("0.03", "11"))
before = small.evaluate(small.problem.space.default, None, 0)["val_loss"]
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (120 << 20), -1))
try:
    large.evaluate(large.problem.space.default, None, 0)
except TrialFailed as failure:
    print(failure.kind, failure.cost > 0)
print(small.evaluate(small.problem.space.default, None, 0)["val_loss"] == before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space as Linux does")
def test_a_network_larger_than_the_memory_that_is_left():
    """11 million parameters, their gradients and two moments take 176 MB; 120 MB are left."""
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=200)
    assert done.stdout.split() == ["out_of_memory", "True", "True"], done.stderr[-2000:]


@pytest.mark.parametrize("said", [
    "CUDA out of memory. Tried to allocate 20.00 MiB.",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.",
    "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.",
    "std::bad_alloc",
])  # fmt: skip
def test_what_libraries_say_when_memory_does_not_suffice(said):
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(ValueError(said))


def test_other_errors_are_none_of_memory():
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
