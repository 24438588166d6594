"""The surrogates of yahpo_data: residual networks in ONNX files, run by onnxruntime on one thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from carps_lite.errors import MissingDependency
from carps_lite.tasks.yahpo_data import locate
from carps_lite.tasks.yahpo_encoding import Encoder, Row
from carps_lite.tasks.yahpo_inputs import full_space
from carps_lite.tasks.yahpo_scenarios import Scenario


@cache
def surrogate(scenario: Scenario, folder: Path) -> Surrogate:
    """The surrogate of a scenario, loaded once a process (10 to 30 ms)."""
    return Surrogate(scenario, folder)


class Surrogate:
    """One inference session and the encoding of its inputs.

    Raises InputError where a file is missing or damaged, MissingDependency where onnxruntime is not installed.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        codes = json.loads(locate(folder, f"{scenario.name}/encoding.json").read_bytes())
        self.folder = folder
        self.encode = Encoder(scenario, full_space(scenario, folder), codes).encode
        self._session = _session(locate(folder, f"{scenario.name}/model.onnx"))
        # the categories go in as whole numbers, of a width that the file states, the rest as 32-bit floats
        inputs = {("float" in i.type): i for i in self._session.get_inputs()}
        self._categories, self._numbers = inputs[False].name, inputs[True].name
        self._width = np.int32 if "int32" in inputs[False].type else np.int64

    def run(self, rows: Sequence[Row]) -> list[list[float]]:
        """All outputs of n encoded configurations in one call: shape (n, outputs).

        A row of several differs from the same row alone in the last bits of 32-bit arithmetic; alone it is what
        yahpo_gym gives.
        """
        feeds = {
            self._categories: np.array([categories for categories, _ in rows], self._width),
            self._numbers: np.array([numbers for _, numbers in rows], np.float32),
        }
        outputs: list[list[float]] = self._session.run(None, feeds)[0].tolist()
        return outputs


def _session(file: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependency("yahpo needs onnxruntime: pip install 'carps-lite[yahpo]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # the outputs are the same to the bit on the four scenarios tried, and models load faster
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
