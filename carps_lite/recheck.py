"""One run's recommendation evaluated again, as work for the worker processes of a grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from carps_lite import heldout, spec
from carps_lite.errors import InputError, one_line
from carps_lite.evaluation import ALONE, BrokenRun, Guard
from carps_lite.jobs import Summary
from carps_lite.spec import Resolved
from carps_lite.store import Store, read


@dataclass(frozen=True)
class Recheck:
    """Evaluate what the run in the file `run` recommends on the held-out seeds `numbers`, where that is not known.

    Every evaluation is in the run's `.evaluated` file as soon as it is made, so that nothing is lost with a worker.
    """

    task: Resolved
    run: Path
    header: Mapping[str, Any]
    numbers: tuple[int, ...]
    device: str | None = None

    @property
    def names(self) -> tuple[str, str, int]:
        """Task, optimizer and seed of the run."""
        return self.task.id, str(self.header["optimizer"]), int(self.header["seed"])

    def file(self, root: Path, attempt: str) -> Path:
        """What is written."""
        return heldout.path_of(self.run)

    def keep(self, root: Path, attempt: str) -> None:
        """Nothing to do: all attempts write to one file."""

    def perform(self, store: Store, attempt: str, guard: Guard = ALONE) -> Summary:
        """Do it; the summary counts the evaluations that are new."""
        if guard.ended is not None:
            return Summary("failed", error=guard.ended)
        begin, new, lost, error = perf_counter(), 0, 0, ""
        try:
            for row in self._rows(guard):
                new, lost = new + ("missing" not in row), lost + ("failure" in row)
        except (InputError, BrokenRun) as wrong:
            error = one_line(wrong)
        except (Exception, SystemExit) as wrong:
            error = f"{type(wrong).__name__}: {one_line(wrong)}"
        return Summary("failed" if error else "done", new, lost, perf_counter() - begin, error)

    def _rows(self, guard: Guard) -> Iterator[heldout.Row]:
        content = read(self.run)
        if content is None:  # just replaced by a longer run
            return
        device = {"device": self.device} if self.device and self.task.meta.get("device") else {}
        task = spec.build(self.task, **device)
        chosen = heldout.recommended(self.header, content[1])
        known = heldout.known(self.run, self.header)
        asks, own = [record.ask for record in chosen], heldout.has_own(task)
        if (known.asks, known.own, known.whole) != (asks, own, True):
            rows = known.rows if known.own == own else []
            known = replace(known, rows=rows, asks=asks, own=own)
            heldout.write(self.run, self.header, known)
        for row in heldout.evaluate(task, task.problem, chosen, self.numbers, known.rows, guard):
            heldout.append(self.run, row)
            yield row
