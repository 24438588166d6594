"""Progress of a grid: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from carps_lite.jobs import Summary

if TYPE_CHECKING:
    from carps_lite.grid import Work

PERIOD = 10.0


@dataclass
class Tally(AbstractContextManager["Tally"]):
    """Count runs as they end, and show it. `failures` holds (task, optimizer, seed, error)."""

    total: int
    terminal: bool = field(default_factory=lambda: sys.stderr.isatty())
    ran: int = 0
    trials: int = 0
    failed_trials: int = 0
    failures: list[tuple[str, str, int, str]] = field(default_factory=list)
    _begin: float = field(default_factory=perf_counter)
    _last: float = field(default_factory=perf_counter)
    _bar: Any = None
    _line: Any = None

    def __enter__(self) -> Tally:
        if self.terminal and self.total:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn(" "), BarColumn(34), MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._line = self._bar.add_task("", total=self.total, said="")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return perf_counter() - self._begin

    @property
    def done(self) -> int:
        """Runs that have ended, well or not."""
        return self.ran + len(self.failures)

    def update(self, cell: Work, summary: Summary) -> None:
        """Count a run that has ended."""
        self.trials += summary.n_trials
        self.failed_trials += summary.n_failed
        if summary.state == "done":
            self.ran += 1
        else:
            self.failures.append((*cell.names, summary.error))

    def tick(self) -> None:
        """Show where things stand, when it is time."""
        if self._bar is not None:
            self._bar.update(self._line, completed=self.done, said=self._said())
        elif perf_counter() - self._last >= PERIOD:
            self._last = perf_counter()
            print(f"  {self.done}/{self.total}   {self._said()}", file=sys.stderr, flush=True)

    def _said(self) -> str:
        rate = self.done / max(self.seconds, 1e-9)
        left = f"   {duration((self.total - self.done) / rate)} left" if self.done else ""
        failed = f"   {len(self.failures)} failed" if self.failures else ""
        return f"{rate:,.1f} runs/s{left}{failed}"


def duration(seconds: float) -> str:
    """A duration as a person says it: `27 s`, `7 min`, `3.5 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99 * 60 else f"{seconds / 3600:.1f} h"
