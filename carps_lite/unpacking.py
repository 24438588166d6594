"""The trials of an archive as one table, built from its lists as whole arrays: a row of the file is a run.

Suffix letters: R runs, N trials of all runs one after the other, C cells of the flat lists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from carps_lite.frames import TRIALS
from carps_lite.rows import ENERGY, TIMES

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def unpack(table: pa.Table, headers: Sequence[Mapping[str, Any]], n_R: Whole, wanted: Collection[str]) -> pa.Table:
    """Lay the lists out as those columns of `TRIALS` that are wanted; `table` has the lists that these are made of."""
    lists = Lists(table, n_R)
    names = [name for name in TRIALS.names if name in wanted]
    columns: dict[str, Any] = {}
    for name in names:
        if name in columns:
            continue
        make = _MAKERS.get(name)
        columns |= {name: _repeated([h[name] for h in headers], n_R)} if make is None else make(lists)
    return pa.table({name: columns[name] for name in names}, schema=pa.schema([TRIALS.field(name) for name in names]))


class Lists:
    """The list columns of an archive: null where a run has nothing to say, else some cells a trial."""

    def __init__(self, table: pa.Table, n_R: Whole) -> None:
        self.table, self.n_R, self.total = table, n_R, int(n_R.sum())
        self.place_N = np.arange(self.total) - np.repeat(n_R.cumsum() - n_R, n_R)

    def flat(self, name: str) -> pa.Array:
        """All cells, one run after the other; those of runs without are absent."""
        return pa.concat_arrays([chunk.flatten() for chunk in self.table[name].chunks]) if self.total else pa.array(
            [], self.table[name].type.value_type
        )  # fmt: skip

    def has(self, name: str) -> npt.NDArray[np.bool_]:
        """Whether a run says anything: (R,)."""
        return np.asarray(self.table[name].is_valid().to_numpy(), dtype=bool)

    def widths(self, name: str) -> Whole:
        """How many cells a trial of each run has: (R,)."""
        cells = pc.fill_null(pc.list_value_length(self.table[name]), 0).to_numpy().astype(np.int64)
        return np.asarray(cells // np.maximum(self.n_R, 1))

    def numbers(self, name: str, default_N: npt.NDArray[Any]) -> Floats:
        """One number a trial, nan for null: (N,)."""
        told = np.repeat(self.has(name), self.n_R)
        default_N[told] = self.flat(name).to_numpy(zero_copy_only=False)
        return default_N

    def texts(self, name: str, default: str | None) -> npt.NDArray[np.object_]:
        """One text a trial: (N,)."""
        found = np.full(self.total, default, dtype=object)
        found[np.repeat(self.has(name), self.n_R)] = self.flat(name).to_numpy(zero_copy_only=False)
        return found


def _run(lists: Lists) -> dict[str, Any]:
    return {"run": np.repeat(np.arange(len(lists.n_R), dtype=np.int32), lists.n_R)}


def _ask(lists: Lists) -> dict[str, Any]:
    return {"ask": lists.place_N.astype(np.int32)}


def _spent(lists: Lists) -> dict[str, Any]:
    return {"spent": lists.numbers("spent", lists.place_N + 1.0)}


def _cost(lists: Lists) -> Floats:
    return lists.numbers("cost", np.ones(lists.total))


def _values(lists: Lists) -> dict[str, Any]:
    """All values of each trial, and the first of them."""
    width_N = np.repeat(lists.widths("values"), lists.n_R)
    values = lists.flat("values")
    return {"value": values.take(pa.array(width_N.cumsum() - width_N)), "values": _lists(values, width_N)}


def _optional(name: str) -> Maker:
    """A number that a trial may lack."""
    return lambda lists: {name: pa.array(lists.numbers(name, np.full(lists.total, np.nan)), from_pandas=True)}


def _energy(lists: Lists) -> dict[str, Any]:
    return {ENERGY: pa.array(lists.numbers("energy", np.full(lists.total, np.nan)), from_pandas=True)}


def _seconds(lists: Lists) -> dict[str, Any]:
    """What was measured."""
    ns = lists.flat("ns").to_numpy(zero_copy_only=False).reshape(-1, len(TIMES)) * 1e-9
    return {name: ns[:, i] for i, name in enumerate(TIMES)}


def _failure(lists: Lists) -> dict[str, Any]:
    return {"failure": pa.array(lists.texts("failure", None), pa.string()).dictionary_encode()}


def _limits(lists: Lists) -> dict[str, Any]:
    """The constraints, and whether a trial succeeded and meets them."""
    constraints, met = _constraints(lists)
    failure = lists.texts("failure", None)
    return {"constraints": constraints, "feasible": met & np.array([f is None for f in failure], dtype=bool)}


def _worth(lists: Lists) -> dict[str, Any]:
    first, several = _noise_free(lists)
    return {"noise_free": first, "noise_free_values": several}


def _clock(lists: Lists) -> dict[str, Any]:
    """Starts and ends; where they are not told, one worker evaluates one trial after the other."""
    cost_N = _cost(lists)
    start, end = lists.numbers("start", np.zeros(lists.total)), lists.numbers("end", np.zeros(lists.total))
    bounds = np.append(0, lists.n_R.cumsum())
    for run in np.flatnonzero(~lists.has("start") & (lists.n_R > 0)):
        own = slice(bounds[run], bounds[run + 1])
        end[own] = np.cumsum(cost_N[own])
        start[own] = np.append(0.0, end[own][:-1])
    return {"start": start, "end": end}


def _constraints(lists: Lists) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """The constraints' values, none where a trial has null only, and whether all are met: (N,)."""
    cells = lists.flat("constraints")
    width_N = np.repeat(lists.widths("constraints"), lists.n_R)
    owner_C = np.repeat(np.arange(lists.total), width_N)
    numbers_C = cells.to_numpy(zero_copy_only=False).astype(float)
    known_N = np.bincount(owner_C[~np.isnan(numbers_C)], minlength=lists.total) > 0
    unmet_N = np.bincount(owner_C[~(numbers_C <= 0)], minlength=lists.total) > 0
    kept = cells.filter(pa.array(known_N[owner_C]))
    return _lists(kept, np.where(known_N, width_N, 0)), ~(unmet_N & known_N)


def _noise_free(lists: Lists) -> tuple[pa.Array, pa.Array]:
    """The value without noise of the first objective, and of several objectives those of all, null where one lacks."""
    width_N = np.repeat(lists.widths("means"), lists.n_R)
    cells = lists.flat("means").to_numpy(zero_copy_only=False).astype(float)
    first_N = width_N.cumsum() - width_N
    told = width_N > 0
    first = np.full(lists.total, np.nan)
    first[told] = cells[first_N[told]]
    owner_C = np.repeat(np.arange(lists.total), width_N)
    complete_N = (width_N > 1) & ~(np.bincount(owner_C[np.isnan(cells)], minlength=lists.total) > 0)
    several = _lists(pa.array(cells[complete_N[owner_C]]), np.where(complete_N, width_N, 0), ~complete_N)
    return pa.array(first, from_pandas=True), several


def _lists(cells: pa.Array, width_N: Whole, null_N: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    offsets = np.append(0, width_N.cumsum()).astype(np.int32)
    mask = None if null_N is None else pa.array(null_N)
    return pa.ListArray.from_arrays(pa.array(offsets), cells, mask=mask)


def _repeated(values: Sequence[Any], n_R: Whole) -> pa.Array:
    """One value a run, repeated for its trials; text as a dictionary."""
    encoded = pa.array(values).dictionary_encode() if values and isinstance(values[0], str) else pa.array(values)
    return encoded.take(pa.array(np.repeat(np.arange(len(n_R)), n_R)))


Maker = Callable[[Lists], dict[str, Any]]
# columns of the trials <- lists of the archive, and the function that makes them; what is not here is in the headers
_MADE: tuple[tuple[tuple[str, ...], tuple[str, ...], Maker], ...] = (
    (("run",), (), _run),
    (("ask",), (), _ask),
    (("start", "end"), ("start", "end", "cost"), _clock),
    (("fidelity",), ("fidelity",), _optional("fidelity")),
    (("spent",), ("spent",), _spent),
    (("cost",), ("cost",), lambda lists: {"cost": _cost(lists)}),
    (("value", "values"), ("values",), _values),
    (("noise_free", "noise_free_values"), ("means",), _worth),
    (("constraints", "feasible"), ("constraints", "failure"), _limits),
    (("failure",), ("failure",), _failure),
    (("config",), ("config",), lambda lists: {"config": lists.texts("config", "{}")}),
    (("info",), ("info",), lambda lists: {"info": lists.texts("info", "{}")}),
    (TIMES, ("ns",), _seconds),
    ((ENERGY,), ("energy",), _energy),
)
_MAKERS = {name: make for names, _, make in _MADE for name in names}
SOURCES = {name: sources for names, sources, _ in _MADE for name in names}
