"""NAS-Bench-Graph: all graph networks of a cell space, trained on nine node-classification data sets.

Qin, Zhang, Wang, Zhang, Zhu (2022), NeurIPS Datasets and Benchmarks, arXiv:2206.09166. Four computing nodes form a
tree below the input, in one of nine shapes, each with one of nine operations; all leaves feed the output. Shapes and
operations that give the same network share one recorded training (the mean of three seeds).
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from typing import Any
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Problem, TrialFailed
from carps_lite.errors import InputError, nearest
from carps_lite.hypervolume import nondominated
from carps_lite.space import Categorical, Config, Space
from carps_lite.tasks.grid_index import GridIndex

SHAPES = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")  # the parent of each node, 0: input
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
FEWER = ("gcn", "sage", "arma", "fc", "skip")  # those that were trained on proteins, the largest data set
DATASETS = ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed")
METRICS = ("valid_perf", "perf", "latency", "para")
OBJECTIVES = ("val_error", "latency", "parameters")

Network = tuple[tuple[str, Any], ...]  # the branches of a node, sorted: (operation, its branches)


def network(shape: str, operations: tuple[str, ...]) -> Network:
    """What an architecture computes, as a tree; equal for two that are the same network.

    A `skip` hands its input on. It vanishes where another node continues from it or where it stands alone below its
    parent, which then feeds the output itself; beside others it stays, as a residual connection, but not on the raw
    input, which has another width than the output.
    """
    parent = {i: int(digit) for i, digit in enumerate(shape, 1)}

    def vanishes(node: int) -> bool:
        continued = node in parent.values()
        alone = list(parent.values()).count(parent[node]) == 1
        return operations[node - 1] == "skip" and (continued or alone or parent[node] == 0)

    while node := next(filter(vanishes, parent), None):
        above = parent.pop(node)
        parent = {n: above if p == node else p for n, p in parent.items()}

    def branches(node: int) -> Network:
        return tuple(sorted((operations[n - 1], branches(n)) for n, p in parent.items() if p == node))

    return branches(0)


class _Plain(pickle.Unpickler):
    """Reads dicts, lists, numbers and NumPy's numbers, which is all that the tables hold, and runs no other code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if (module.replace("numpy._core", "numpy.core"), name) == ("numpy.core.multiarray", "scalar"):
            return np.float64().__reduce__()[0]  # that function, wherever this NumPy keeps it
        raise pickle.UnpicklingError(f"a table must hold plain numbers, found {module}.{name}")


def extract(archive: ZipFile) -> data.Arrays:
    """Take the metrics of each data set, shape (networks, 4), and the network of each point of the grid."""
    arrays: data.Arrays = {}
    for dataset in DATASETS:
        table = _Plain(io.BytesIO(archive.read(f"nas_bench_graph/light/{dataset}.bench"))).load()
        keys = sorted(table)
        arrays[dataset] = np.array([[float(table[key][metric]) for metric in METRICS] for key in keys])
        arrays[f"rows_{dataset}"] = _rows(keys, _operations(dataset))
    return arrays


def _operations(dataset: str) -> tuple[str, ...]:
    return FEWER if dataset == "proteins" else OPERATIONS


def _rows(keys: list[int], operations: tuple[str, ...]) -> np.ndarray:
    """The row of each point of the grid, its last operation the fastest; -1 where nothing was trained.

    A key has five decimal digits: the shape and the four operations, by their places in the full lists.
    """
    found = {}
    for row, key in enumerate(keys):
        shape, *places = map(int, f"{key:05d}")
        found[network(SHAPES[shape], tuple(OPERATIONS[i] for i in places))] = row
    return np.array([found.get(one, -1) for one in _grid(operations)], dtype=np.int32)


@cache
def _grid(operations: tuple[str, ...]) -> list[Network]:
    """The network at each point of the grid; eight data sets share theirs."""
    return [network(shape, chosen) for shape, chosen in product(SHAPES, product(operations, repeat=4))]


@dataclass(frozen=True)
class _Table:
    rows: list[int]  # of the grid's points
    columns: dict[str, np.ndarray]
    answers: list[tuple[float, ...]]  # of each row, in the order of the columns


@cache
def _read(dataset: str) -> _Table:
    """Read one table, kept for the life of the process (about 6 MB)."""
    found = data.load("nasbench_graph", [dataset, f"rows_{dataset}"])
    valid, test, latency, parameters = found[dataset].T
    columns = {"val_error": 1 - valid, "latency": latency, "parameters": parameters, "test_error": 1 - test}
    answers = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    return _Table(found[f"rows_{dataset}"].tolist(), columns, answers)


@dataclass(frozen=True)
class NASBenchGraph:
    """Choose the architecture of a graph network for one data set: a shape and four operations, all categorical.

    `objectives`: one or more of `val_error` (1 - validation accuracy; on proteins 1 - ROC AUC), `latency` (as recorded)
    and `parameters` (millions). What is not an objective goes to the record, `test_error` always. The grid is complete
    but for the nine ways to write a network of skips alone, which fail as not recorded. With one objective `optimum` is
    the least recorded value; the hypervolume reference is the worst recorded value of each objective.
    """

    dataset: str = "cora"
    objectives: tuple[str, ...] = field(default=("val_error",))

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise InputError(f"nasbench_graph: no dataset {self.dataset!r}{nearest(self.dataset, DATASETS)}")
        object.__setattr__(self, "objectives", tuple(self.objectives))
        for name in self.objectives:
            if name not in OBJECTIVES:
                raise InputError(f"nasbench_graph: no objective {name!r}{nearest(name, OBJECTIVES)}")
        if len(set(self.objectives)) != len(self.objectives) or not self.objectives:
            raise InputError(f"nasbench_graph: objectives must be one or more different names, got {self.objectives}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the names alone; the table is read again where it is needed."""
        return type(self), (self.dataset, self.objectives)

    @cached_property
    def problem(self) -> Problem:
        """The grid. Raises InputError where the data are missing."""
        operations = _operations(self.dataset)
        space = {"shape": Categorical(SHAPES)} | {f"op{i}": Categorical(operations) for i in range(1, 5)}
        worst = tuple(self._recorded().max(axis=0).tolist())
        return Problem(Space(space), self.objectives, reference=worst if len(self.objectives) > 1 else None)

    @property
    def optimum(self) -> float | None:
        """The least recorded value; None where there are several objectives."""
        return float(self._recorded().min()) if len(self.objectives) == 1 else None

    def pareto_front(self, n: int = 500) -> np.ndarray:
        """All points of the recorded front, however many, shape (m, objectives); for the analysis only."""
        return nondominated(self._recorded())

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return what was recorded of one architecture. Raises InputError for a configuration off the grid."""
        table = _read(self.dataset)
        row = table.rows[self._index.place(config)]
        if row < 0:
            raise TrialFailed("not recorded")
        return dict(zip(table.columns, table.answers[row], strict=True))

    def _recorded(self) -> np.ndarray:
        """All recorded values, shape (networks, objectives)."""
        return np.column_stack([_read(self.dataset).columns[name] for name in self.objectives])

    @cached_property
    def _index(self) -> GridIndex:
        return GridIndex("nasbench_graph", self.problem.space)
