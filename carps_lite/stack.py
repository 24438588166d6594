"""Several stores and archives read as one: of runs that more than one of them has, the first named counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carps_lite.archive import Archive, baseline
from carps_lite.errors import InputError
from carps_lite.plural import count
from carps_lite.store import Store

if TYPE_CHECKING:
    import pandas as pd

KEY = ["task", "optimizer", "seed", "n_workers", "variant"]
_CATEGORIES = ("task", "optimizer", "variant", "failure")
BASELINE = "baseline:"


class Stack:
    """Several sources of runs, in the order of their precedence; `names` say what they are called."""

    def __init__(self, sources: Sequence[Store | Archive], names: Sequence[str]) -> None:
        self.sources, self.names = tuple(sources), tuple(names)
        self.notes: tuple[str, ...] = ()  # of the last look: runs that stand in several sources

    def impossible(self) -> set[tuple[str, str]]:
        """The (task, optimizer) pairs that the optimizer does not handle."""
        return set().union(*(source.impossible() for source in self.sources))

    @property
    def folder(self) -> Path | None:
        """The first store's folder; None where there are archives only."""
        return next((s.root for s in self.sources if isinstance(s, Store)), None)

    def frames(self, refresh: bool = True, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """All runs, a row a run, with a column `source`, and all their trials; run numbers are counted anew.

        `refresh` and `columns` are those of `Store.frames`.
        """
        import pandas as pd

        all_runs, all_trials, notes, first = [], [], [], 0
        taken: set[tuple[object, ...]] = set()
        for source, name in zip(self.sources, self.names, strict=True):
            runs, trials = source.frames(refresh, columns)
            if len(self.sources) > 1:
                keys = pd.Series(
                    list(zip(*(runs[column] for column in KEY), strict=True)), index=runs.index, dtype=object
                )
                double = keys.isin(taken)
                taken |= set(keys)
                if double.any():
                    runs = runs[~double]
                    trials = trials[trials["run"].isin(runs["run"])]
                    n = int(double.sum())
                    notes.append(
                        f"{count(n, 'run')} of {name} stand{'s' * (n == 1)} in a source named before it "
                        f"too, which counts"
                    )
            last = int(runs["run"].max()) + 1 if len(runs) else 0
            all_runs.append(runs.assign(run=runs["run"] + first, source=name))
            all_trials.append(trials.assign(run=trials["run"] + first) if first else trials)
            first += last
        self.notes = tuple(notes)
        return _concatenated(all_runs), _with_categories(all_trials)


def open_sources(names: Sequence[str]) -> Stack:
    """Open stores (folders), archives (`.parquet` files) and `baseline:NAME`s.

    Raises InputError where a name is none of these.
    """
    if not names:
        raise InputError("name at least one store")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice")
    return Stack([_open(name) for name in names], names)


def _open(name: str) -> Store | Archive:
    if name.startswith(BASELINE):
        return baseline(name.removeprefix(BASELINE))
    path = Path(name).expanduser()
    if path.is_file():
        return Archive(path)
    if not (path / "store.json").exists():
        raise InputError(
            f"no store in {name!r}: run something first, or name its folder, an archive's file or baseline:NAME"
        )
    return Store(path)


def _concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)


def _with_categories(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate, with names kept as categories, which pandas turns into text where they differ."""
    from pandas.api.types import union_categoricals

    frames = [f for f in frames if len(f)] or frames[:1]
    if len(frames) == 1:
        return frames[0]
    categories = [name for name in _CATEGORIES if name in frames[0]]
    joined = _concatenated([f.drop(columns=categories) for f in frames])
    for column in categories:
        joined[column] = union_categoricals([f[column] for f in frames])
    return joined[list(frames[0].columns)]
