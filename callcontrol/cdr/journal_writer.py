"""Writer: the native thread that owns the journal's file and commits all that waits at once.

Strategy: take one job, and all others that come within some milliseconds; write their entries
in one transaction; answer the questions among them afterwards, so that an answer knows every
entry before it. Notes and the ends of calls can wait that long, and a commit for each would be
most of what they cost. What a call in progress waits for is not delayed.

An entry about a call that could not be written is held in memory, and so is every later one,
in order, until a try each second succeeds. Whoever waited has been told by then, and need not
repeat it. Bookkeeping (shipped, set aside) is not held: it is asked for again by itself.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from callcontrol.cdr.journal_entries import Entry, Noted, Opened, Recorded
from callcontrol.cdr.journal_file import JournalFile
from callcontrol.errors import JournalError, JournalFull

if TYPE_CHECKING:
    from gevent.event import AsyncResult

    from callcontrol.clock import Clock

_GATHER_S = 0.02  # how long what nobody waits for in a call may wait for more
_TICK_S = 1.0  # how often held entries are tried again and the disk is looked at
_MOST_AT_ONCE = 2000  # jobs in one transaction: bounds how long the first of them waits
_MOST_HELD = 50_000  # entries kept in memory while they cannot be written, about 150 MB


@dataclass(frozen=True, slots=True)
class Write:
    """An entry to write, and who waits for it, if anybody; the thread only carries that."""

    entry: Entry
    waiter: AsyncResult[object] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the file, and who waits for the answer."""

    question: Callable[[], object]
    waiter: AsyncResult[object]


@dataclass(frozen=True, slots=True)
class Stop:
    """The last job: write what is there and end."""

    waiter: AsyncResult[object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a waiter is to be told: a value, or an error made for it alone."""

    waiter: AsyncResult[object]
    value: object = None
    error: Exception | None = None


Job: TypeAlias = Write | Ask | Stop


class Writer(threading.Thread):
    """The thread.

    Args:
        file: the open journal; this thread's alone from `start` on.
        tell: takes outcomes, in this thread.
        clock: paces the ticks.
        slow_s: a disk that takes longer than this over one thing is a fault.
        min_free_bytes: less free space than this on the file's disk is a fault.

    Attributes:
        jobs: what waits to be done, in order; see `put`.
        counts: how much waits, as of the last write.
    """

    def __init__(
        self,
        file: JournalFile,
        *,
        tell: Callable[[list[Outcome]], None],
        clock: Clock,
        slow_s: float,
        min_free_bytes: int,
    ) -> None:
        # A daemon, since a journal that nobody closed must not keep the process from ending:
        # whatever was acknowledged is on the disk.
        super().__init__(name="journal-writer", daemon=True)
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._is_urgent = threading.Event()
        self.counts = file.counts()
        self._file = file
        self._tell = tell
        self._clock = clock
        self._slow_s = slow_s
        self._began_s: float | None = None  # since when the disk has not answered
        self._min_free_bytes = min_free_bytes
        self._held: list[Entry] = []
        self._write_fault: JournalError | None = None
        self._disk_fault = self._look_at_disk()
        self._ticked_s = clock.monotonic_s()
        self._has_to_reclaim = True

    @property
    def fault(self) -> JournalError | None:
        """Why a record might not be kept; none when all is well. Any thread may ask."""
        began_s = self._began_s
        if began_s is not None and self._clock.monotonic_s() - began_s > self._slow_s:
            return JournalError(
                f"the disk of journal {self._file.path} has not answered for"
                f" more than {self._slow_s:g} s"
            )
        return self._write_fault or self._disk_fault

    @property
    def held(self) -> int:
        """How many entries are in memory because they could not be written."""
        return len(self._held)

    def put(self, job: Job) -> None:
        """Take a job; any thread may."""
        if _is_urgent(job):
            self._is_urgent.set()  # before the job itself wakes the thread: once is enough
        self.jobs.put(job)

    def run(self) -> None:
        """Serve jobs until the last one."""
        is_stopping = False
        while not is_stopping:
            jobs = self._take()
            self._began_s = self._clock.monotonic_s()
            is_stopping = any(isinstance(job, Stop) for job in jobs)
            self._tick(is_idle=not jobs, is_last=is_stopping)
            outcomes = self._write([job for job in jobs if isinstance(job, Write)])
            outcomes += [self._answer(job) for job in jobs if not isinstance(job, Write)]
            self._began_s = None
            if outcomes:
                self._tell(outcomes)

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        with suppress(queue.Empty):
            jobs.append(self.jobs.get(timeout=_TICK_S))
            if not _is_urgent(jobs[0]):
                self._is_urgent.wait(_GATHER_S)
            # Cleared before the queue is emptied: what is put meanwhile sets it again.
            self._is_urgent.clear()
            while len(jobs) < _MOST_AT_ONCE:
                jobs.append(self.jobs.get_nowait())
        return jobs

    def _tick(self, *, is_idle: bool, is_last: bool) -> None:
        now_s = self._clock.monotonic_s()
        if not (is_idle or is_last or now_s - self._ticked_s >= _TICK_S):
            return
        self._ticked_s = now_s
        self._disk_fault = self._look_at_disk()
        if is_idle and self._has_to_reclaim:
            with suppress(JournalError):
                self._has_to_reclaim = self._file.reclaim()
        if self._held:
            self._write_held()

    def _write_held(self) -> None:
        try:
            self._file.apply(self._held)
        except JournalError as exc:
            self._write_fault = exc
        else:
            self._held = []
            self._write_fault = None
            self.counts = self._file.counts()

    def _write(self, jobs: list[Write]) -> list[Outcome]:
        if not jobs:
            return []
        if self._held and self._write_fault is not None:
            # Behind what is held already, or a call would be opened after its record. What was
            # shipped can go at any time, and makes room.
            told = self._hold([job for job in jobs if _is_of_a_call(job)], self._write_fault)
            jobs = [job for job in jobs if not _is_of_a_call(job)]
            return told + self._write_now(jobs)
        return self._write_now(jobs)

    def _write_now(self, jobs: list[Write]) -> list[Outcome]:
        self._has_to_reclaim = True
        try:
            self._file.apply([job.entry for job in jobs])
            self.counts = self._file.counts()
        except JournalError as exc:
            self._write_fault = exc
            return self._hold(jobs, exc)
        except Exception as exc:  # noqa: BLE001  a thread that ended would take every record along
            return self._write_apart(jobs, exc)
        if not self._held:
            self._write_fault = None
        return [Outcome(job.waiter) for job in jobs if job.waiter is not None]

    def _write_apart(self, jobs: Sequence[Write], exc: Exception) -> list[Outcome]:
        """Write one by one: something here can never be written; the rest must not suffer."""
        if len(jobs) > 1:
            return [outcome for job in jobs for outcome in self._write_now([job])]
        error = JournalError(f"this cannot be written to a journal: {exc}")
        return [Outcome(job.waiter, error=error) for job in jobs if job.waiter is not None]

    def _hold(self, jobs: list[Write], fault: JournalError) -> list[Outcome]:
        outcomes = []
        for job in jobs:
            error = type(fault)(str(fault))
            if _is_of_a_call(job):
                if len(self._held) < _MOST_HELD:
                    self._held.append(job.entry)
                else:
                    error = JournalFull(f"{fault}, nor in memory: this entry is lost")
            if job.waiter is not None:
                outcomes.append(Outcome(job.waiter, error=error))
        return outcomes

    def _answer(self, job: Ask | Stop) -> Outcome:
        if isinstance(job, Stop):
            return Outcome(job.waiter)
        try:
            value = job.question()
            self.counts = self._file.counts()
            return Outcome(job.waiter, value=value)
        except Exception as exc:  # noqa: BLE001  the border of the thread: the asker gets it
            return Outcome(job.waiter, error=exc)

    def _look_at_disk(self) -> JournalError | None:
        try:
            free_bytes = self._file.free_bytes()
        except JournalError as exc:
            return exc
        if free_bytes >= self._min_free_bytes:
            return None
        return JournalFull(
            f"only {free_bytes >> 20} MiB are free on the disk of journal {self._file.path}"
        )


def _is_of_a_call(job: Write) -> bool:
    return isinstance(job.entry, Opened | Noted | Recorded)


def _is_urgent(job: Job) -> bool:
    """Say whether somebody waits who has more to do: not so at the end of a call."""
    return not isinstance(job, Write) or (
        job.waiter is not None and not isinstance(job.entry, Recorded)
    )
