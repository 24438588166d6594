"""Limits on trials and runs in worker processes: slots of shared memory that say what each worker is at, and a thread
of the parent that ends what is overdue or too large."""

from __future__ import annotations

import mmap
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

PERIOD = 0.1  # seconds between two looks
HEARTBEAT = 15.0  # seconds between two touches of the files of running attempts
_FIELDS = 4  # pid, ask number (-1 between trials), start of the trial, start of the run; int64, nanoseconds
_SLOT_BYTES = 8 * _FIELDS


@dataclass(frozen=True)
class Limits:
    """Seconds a trial and a run may take, and bytes that a worker may hold; None is no limit."""

    trial_seconds: float | None = None
    run_seconds: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Sight:
    """What a worker was at when it was looked at or died."""

    pid: int
    ask: int
    trial_seconds: float
    run_seconds: float


class Slots:
    """A file mapped into parent and workers, one slot for each run in flight; it outlives a worker that is killed."""

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.count = path, count
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), count * _SLOT_BYTES)
        self._view = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, count: int) -> Slots:
        """Make the file, in memory where the machine has such a folder."""
        folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        handle, name = tempfile.mkstemp(prefix="carps-lite-", dir=folder)
        os.write(handle, bytes(count * _SLOT_BYTES))
        os.close(handle)
        return cls(Path(name), count)

    def enter(self, slot: int) -> Callable[[int], None]:
        """Note in a worker that a run begins; returns the function that notes each trial, -1 for between trials."""
        view, base = self._view, slot * _FIELDS
        view[base + 1] = -1
        view[base + 3] = monotonic_ns()
        view[base] = os.getpid()

        def watch(ask: int) -> None:
            view[base + 2] = monotonic_ns()
            view[base + 1] = ask

        return watch

    def clear(self, slot: int) -> None:
        """Forget a run."""
        self._view[slot * _FIELDS] = 0

    def look(self, slot: int) -> Sight | None:
        """What the worker of a slot is at; None where no run has begun."""
        pid, ask, trial, run = self._view[slot * _FIELDS : (slot + 1) * _FIELDS]
        if pid == 0:
            return None
        now = monotonic_ns()
        return Sight(pid, ask, (now - trial) * 1e-9 if ask >= 0 else 0.0, (now - run) * 1e-9)

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


class Watchdog:
    """Look at all slots in a thread; kill the worker whose trial or run is over a limit and remember why.

    `causes` maps a slot to (kind, sight): kind is `timeout`, `memory` or `run`.
    """

    def __init__(self, slots: Slots, limits: Limits, heartbeat: Callable[[], None]) -> None:
        self.slots, self.limits, self.causes = slots, limits, dict[int, tuple[str, Sight]]()
        self._heartbeat = heartbeat
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carps-lite watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        beat = monotonic_ns()
        while not self._stop.wait(PERIOD):
            for slot in range(self.slots.count):
                sight = self.slots.look(slot)
                kind = sight and self._verdict(sight)
                if sight and kind and slot not in self.causes:
                    self._end(slot, kind, sight)
            if (monotonic_ns() - beat) * 1e-9 > HEARTBEAT:
                beat = monotonic_ns()
                self._heartbeat()

    def _verdict(self, sight: Sight) -> str | None:
        limits = self.limits
        if limits.run_seconds is not None and sight.run_seconds > limits.run_seconds:
            return "run"
        if limits.trial_seconds is not None and sight.trial_seconds > limits.trial_seconds:
            return "timeout"
        if limits.memory_bytes is not None and resident_bytes(sight.pid) > limits.memory_bytes:
            return "memory"
        return None

    def _end(self, slot: int, kind: str, sight: Sight) -> None:
        again = self.slots.look(slot)  # it may have gone on since
        if again is None or (again.pid, again.ask) != (sight.pid, sight.ask):
            return
        self.causes[slot] = (kind, sight)
        with suppress(ProcessLookupError):
            os.kill(sight.pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, its children's not included; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


_PAGE = os.sysconf("SC_PAGE_SIZE")
