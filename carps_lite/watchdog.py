"""Limits on trials and runs in worker processes: slots of shared memory that say what each worker is at, and a thread
of the parent that ends what is overdue or too large."""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, monotonic_ns

PERIOD = 0.1  # seconds between two looks
HEARTBEAT = 15.0  # seconds between two touches of the files of running attempts
GONE = 2.0  # seconds after which a process that has ended without a word is given up
BLOATED = 1e9  # bytes that a worker may hold from earlier runs, or half of the limit where that is more
_FIELDS = 5  # pid, ask number (-1 between trials), start of the trial, start of the run (ns), bytes held at its start
_SLOT_BYTES = 8 * _FIELDS


@dataclass(frozen=True)
class Limits:
    """Seconds a trial and a run may take, and bytes that a run may add to its worker; None is no limit."""

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
    base_bytes: float = 0.0


class Slots:
    """A file mapped into parent and workers, one slot for each run in flight; it outlives a worker that is killed."""

    def __init__(self, handle: int, count: int) -> None:
        self.count = count
        self._handle = handle
        self._map = mmap.mmap(handle, count * _SLOT_BYTES)
        self._view = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, count: int) -> Slots:
        """Make the file, without a name, so that nothing is left when this process is killed."""
        handle = os.memfd_create("carps-lite")
        os.truncate(handle, count * _SLOT_BYTES)
        return cls(handle, count)

    @classmethod
    def open(cls, path: str, count: int) -> Slots:
        """Open the file of another process, by the `path` that it gives."""
        return cls(os.open(path, os.O_RDWR), count)

    @property
    def path(self) -> str:
        """Where other processes find the file, while this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._handle}"

    def enter(self, slot: int) -> Callable[[int], None]:
        """Note in a worker that a run begins; returns the function that notes each trial, -1 for between trials."""
        view, base = self._view, slot * _FIELDS
        view[base + 1] = -1
        view[base + 3] = monotonic_ns()
        view[base + 4] = resident_bytes(os.getpid())
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
        pid, ask, trial, run, base = self._view[slot * _FIELDS : (slot + 1) * _FIELDS]
        if pid == 0:
            return None
        now = monotonic_ns()
        return Sight(pid, ask, (now - trial) * 1e-9 if ask != -1 else 0.0, (now - run) * 1e-9, base)

    def remove(self) -> None:
        """Close the file."""
        self._view.release()
        self._map.close()
        os.close(self._handle)


class Watchdog:
    """Look at all slots in a thread; kill the worker whose trial or run is over a limit and remember why.

    `causes` maps a slot to (kind, sight): kind is `timeout`, `memory`, `run`, or `bloated` for a worker that held too
    much before its run began. `gone` is called with the slot of a worker that ended without anybody noticing.
    """

    def __init__(
        self, slots: Slots, limits: Limits, heartbeat: Callable[[], None], gone: Callable[[int], None]
    ) -> None:
        self.slots, self.limits, self.causes = slots, limits, dict[int, tuple[str, Sight]]()
        self._heartbeat, self._gone = heartbeat, gone
        self._ended: dict[int, tuple[int, float]] = {}  # slot: pid, when it was first found dead
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
                if sight is None:
                    self._ended.pop(slot, None)
                    continue
                self._mark_dead(slot, sight.pid)
                kind = self._verdict(sight)
                if kind and slot not in self.causes:
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
        if limits.memory_bytes is not None:
            if resident_bytes(sight.pid) - sight.base_bytes > limits.memory_bytes:
                return "memory"
            if sight.base_bytes > max(limits.memory_bytes / 2, BLOATED):  # what earlier runs left is not this one's
                return "bloated"
        return None

    def _mark_dead(self, slot: int, pid: int) -> None:
        """The pool does not report a worker that ended with exit code 0 in the middle of a run."""
        if _is_running(pid):
            return
        known, since = self._ended.setdefault(slot, (pid, monotonic()))
        if known != pid:
            self._ended.pop(slot)
        elif monotonic() - since > GONE:
            self._ended.pop(slot)
            self._gone(slot)

    def _end(self, slot: int, kind: str, sight: Sight) -> None:
        again = self.slots.look(slot)  # it may have gone on since
        if again is None or (again.pid, again.ask) != (sight.pid, sight.ask):
            return
        self.causes[slot] = (kind, sight)
        kill_group(sight.pid)


def kill_group(pid: int) -> None:
    """Kill a worker and the processes that its task has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # a worker leads a group of its own
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, its children's not included; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


_PAGE = os.sysconf("SC_PAGE_SIZE")
