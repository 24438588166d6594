"""Do the cells of a grid, or other work, on warm worker processes: limits, retries, and a result, whatever dies."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol
from uuid import uuid4

from pebble import ProcessExpired, ProcessPool

from carps_lite.evaluation import ALONE, SINGLY, Guard, Verdict, from_batch
from carps_lite.jobs import THREAD_VARIABLES, Summary
from carps_lite.store import Store
from carps_lite.watchdog import Limits, Sight, Slots, Watchdog, kill_group

QUEUED = 8  # cells handed to the pool for each process, so that short runs do not wait for the parent
DEATHS = 2  # deaths of the worker at one trial (or outside of trials) before the trial (or the run) is given up


class Work(Protocol):
    """A piece of work with trials, such as a run; it is sent to a worker, and again after the worker has died."""

    @property
    def names(self) -> tuple[str, str, int]:
        """Task, optimizer and seed, for the reader."""
        ...

    def file(self, root: Path, attempt: str) -> Path:
        """Where an attempt writes; kept young while it lives."""
        ...

    def keep(self, root: Path, attempt: str) -> None:
        """The attempt has died: go on from what it wrote the next time."""
        ...

    def perform(self, store: Store, attempt: str, guard: Guard = ALONE) -> Summary:
        """Do it in this process, or end it for the reason that the guard gives after what is known of it."""
        ...


class Progress(Protocol):
    """What the grid reports to."""

    def update(self, cell: Work, summary: Summary) -> None:
        """A piece of work has ended."""
        ...

    def tick(self) -> None:
        """Time has passed."""
        ...


@dataclass
class _Flight:
    """A cell on its way through the pool."""

    cell: Work
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)  # by ask number, -1 for between trials
    ended: str | None = None
    slot: int = -1
    attempt: str = ""


def run_cells(
    cells: Sequence[Work], store: Store, processes: int, limits: Limits, progress: Progress, quiet: bool = True
) -> None:
    """Do all cells and report each to `progress`. With `processes=0` in this process, one by one, without limits.

    A KeyboardInterrupt stops the workers and leaves what they wrote, to be gone on from.
    """
    store.create()
    if processes == 0:
        for cell in cells:
            progress.update(cell, cell.perform(store, _attempt()))
        return
    slots = Slots.create(processes * QUEUED)
    log = store.root / "logs" / f"{os.uname().nodename}-{os.getpid()}.log" if quiet else None
    try:
        with _one_thread(), _term_is_interrupt(), _Pool(processes, slots, log) as pool:
            _Grid(cells, store, slots, limits, progress, pool).run()
    finally:
        slots.remove()
        if log is not None:
            _drop_if_empty(log)


class _Grid:
    """The parent's side: what is in flight, what comes back, what is tried again."""

    def __init__(
        self, cells: Sequence[Work], store: Store, slots: Slots, limits: Limits, progress: Progress, pool: ProcessPool
    ) -> None:
        self.waiting = deque(_Flight(cell) for cell in cells)
        self.store, self.slots, self.limits, self.progress, self.pool = store, slots, limits, progress, pool
        self.flying: dict[int, _Flight] = {}
        self.free = list(range(slots.count))[::-1]
        self.landed: SimpleQueue[tuple[int, str, Any]] = SimpleQueue()

    def run(self) -> None:
        with Watchdog(self.slots, self.limits, self._touch, self._lost) as self.watchdog:
            while self.waiting or self.flying:
                while self.waiting and self.free:
                    self._launch(self.waiting.popleft())
                with suppress(Empty):
                    self._land(*self.landed.get(timeout=0.2))
                self.progress.tick()

    def _launch(self, flight: _Flight) -> None:
        flight.slot, flight.attempt = self.free.pop(), _attempt()
        slot, cell = flight.slot, flight.cell
        self.flying[slot] = flight
        args = (cell, str(self.store.root), flight.attempt, flight.verdicts, slot, flight.ended)
        future = self.pool.schedule(_work, args=args)
        attempt = flight.attempt
        future.add_done_callback(lambda done: self.landed.put((slot, attempt, done)))

    def _lost(self, slot: int) -> None:
        """A worker ended without a word from the pool."""
        flight = self.flying.get(slot)
        if flight is not None:
            self.landed.put((slot, flight.attempt, None))

    def _land(self, slot: int, attempt: str, future: Any) -> None:
        flight = self.flying.get(slot)
        if flight is None or flight.attempt != attempt:  # it was given up before
            return
        del self.flying[slot]
        cause, sight = self.watchdog.causes.pop(slot, (None, None))
        sight = sight or self.slots.look(slot)
        self.slots.clear(slot)
        self.free.append(slot)
        error = ProcessExpired("it ended by itself", 0) if future is None else future.exception()
        if error is None:
            self.progress.update(flight.cell, future.result())
        elif isinstance(error, ProcessExpired):
            self._mourn(flight, cause, sight, error.exitcode)
        else:  # a fault of ours, or of the file system
            self.progress.update(flight.cell, Summary("failed", error=f"{type(error).__name__}: {error}"))

    def _mourn(self, flight: _Flight, cause: str | None, sight: Sight | None, exitcode: int) -> None:
        """A worker died: decide whose fault it was, and go on from what it wrote."""
        ask = sight.ask if sight is not None else -1
        seconds = sight.trial_seconds if sight is not None else 0.0
        if cause == "run":
            flight.ended = f"time limit of {self.limits.run_seconds:g} s for a run"
        elif ask < -1 and cause != "bloated" and exitcode != -signal.SIGTERM:
            flight.verdicts[from_batch(ask)] = (SINGLY, 0.0)  # whose fault it was shows one by one
        elif cause is not None and ask >= 0 and cause != "bloated":
            flight.verdicts[ask] = (cause, seconds)
        elif cause == "memory":
            flight.ended = f"the optimizer took more than {(self.limits.memory_bytes or 0) / 1e9:.3g} GB"
        elif cause is None and exitcode != -signal.SIGTERM and sight is not None:  # a preempted process is no crash
            flight.deaths[ask] = flight.deaths.get(ask, 0) + 1
            if flight.deaths[ask] >= DEATHS and ask >= 0:
                flight.verdicts[ask] = ("crash", seconds)
            elif flight.deaths[ask] >= DEATHS:
                flight.ended = f"the process died outside of a trial (exit code {exitcode})"
        flight.cell.keep(self.store.root, flight.attempt)
        self.waiting.appendleft(flight)

    def _touch(self) -> None:
        """Keep the files of running attempts young, so that other machines leave their runs alone."""
        for flight in list(self.flying.values()):
            with suppress(OSError):
                os.utime(flight.cell.file(self.store.root, flight.attempt))


class _Pool(ProcessPool):  # type: ignore[misc]
    """A pool of workers that are ended at once, whatever they do, when the block is left."""

    def __init__(self, processes: int, slots: Slots, log: Path | None) -> None:
        if multiprocessing.get_start_method(allow_none=True) not in (None, "fork", "spawn", "forkserver"):
            # inside joblib's launcher the default is its own "loky", which a new worker would look for in vain
            multiprocessing.set_start_method("forkserver", force=True)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["carps_lite.jobs"])
        self.slots = slots
        super().__init__(processes, 0, _settle, (os.getpid(), slots.path, slots.count, log and str(log)), context)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        # whatever was to be done is done, or to be given up; closing would wait for runs that the pool has lost
        pids = [sight.pid for slot in range(self.slots.count) if (sight := self.slots.look(slot))]
        self.stop()
        for pid in pids:  # what their tasks have started
            kill_group(pid)
        self.join()


def _settle(parent: int, slots: str, count: int, log: str | None) -> None:
    """Prepare a worker: the parent alone answers Ctrl-C; nobody outlives a parent that was killed."""
    global _SLOTS
    os.setpgid(0, 0)  # a group of its own, so that it can be ended with all that its tasks start
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), name="carps-lite parent", daemon=True).start()
    _SLOTS = Slots.open(slots, count)
    if log is not None:  # what libraries print must not run through the progress bar
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.close(handle)


def _follow(parent: int) -> None:
    """Wait for the parent's death and die too; the fork server would let workers finish what they are at."""
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(parent)], [], [])
    kill_group(os.getpid())


_SLOTS: Slots | None = None


def _work(cell: Work, root: str, attempt: str, verdicts: dict[int, Verdict], slot: int, ended: str | None) -> Summary:
    """Do one piece of work in a worker."""
    assert _SLOTS is not None
    watch = _SLOTS.enter(slot)
    try:
        return cell.perform(_store(root), attempt, Guard(verdicts, watch, ended))
    finally:
        _SLOTS.clear(slot)


def _store(root: str) -> Store:
    if root not in _STORES:
        _STORES[root] = Store(root)
    return _STORES[root]


_STORES: dict[str, Store] = {}


def _attempt() -> str:
    return uuid4().hex[:12]


@contextmanager
def _one_thread() -> Iterator[None]:
    """One BLAS thread a worker: set in the environment before any worker starts, and put back after."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _term_is_interrupt() -> Iterator[None]:
    """A cluster that takes its machine back sends SIGTERM: stop as for Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _drop_if_empty(log: Path) -> None:
    with suppress(OSError):
        if log.stat().st_size == 0:
            log.unlink()
        log.parent.rmdir()
