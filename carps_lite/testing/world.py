"""What a well-behaved optimizer or task leaves as it was: generators, environment, working directory, threads."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from carps_lite.testing import require


@contextmanager
def world_untouched(what: str) -> Iterator[None]:
    """Raise ContractError where the body changes global state; `what` names who is under test.

    The generators are put off by one draw meanwhile: a body that seeds them would else go unseen the second time.
    """
    numpy_state, random_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.random()  # noqa: NPY002
    random.random()
    try:
        before = _world()
        yield
        for name, state in _world().items():
            require(state == before.get(name, state), f"{what} changed {name}")
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(random_state)


def _world() -> dict[str, Any]:
    world: dict[str, Any] = {
        "NumPy's global generator": repr(np.random.get_state()),  # noqa: NPY002
        "the generator of `random`": random.getstate(),
        "the environment variables": dict(os.environ),
        "the working directory": os.getcwd(),
        "NumPy's error handling": np.geterr(),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        world["torch's global generator"] = torch.get_rng_state().tolist()
        world["torch's number of threads"] = torch.get_num_threads()
        world["torch's default type"] = torch.get_default_dtype()
    return world
