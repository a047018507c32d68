"""Journal: the local durable store of records; a greenlet waits here until its record is safe.

Strategy: one native thread owns the SQLite file (`journal_writer.py`). Greenlets put jobs into
its queue; it hands the outcomes back through one libev async watcher, the only thing of the hub
that another thread may touch. The watcher stays referenced as long as the journal is open, or a
wait with no other watcher alive would die with gevent's LoopExit.

When the disk is full, whoever waits is told (JournalFull), the entry stays in memory and is
written once there is room, and `fault` says so until then, so that new charged calls can be
refused. To leave room for the records of the calls already up, the fault is raised before the
disk is quite full (`min_free_bytes`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, cast

import gevent
from gevent.event import AsyncResult

from callcontrol.cdr.absorb import take_over
from callcontrol.cdr.call_id import CallId
from callcontrol.cdr.codec import compact
from callcontrol.cdr.journal_entries import (
    Noted,
    OpenCall,
    Opened,
    PendingRecord,
    PutBack,
    Recorded,
    Seen,
    SetAside,
    Shipped,
)
from callcontrol.cdr.journal_file import JournalFile
from callcontrol.cdr.journal_writer import Ask, Job, Outcome, Stop, Write, Writer
from callcontrol.cdr.record import Cdr
from callcontrol.cdr.salvage import Salvaged
from callcontrol.clock import Clock, SystemClock
from callcontrol.errors import JournalError, JournalFull

T = TypeVar("T")

# Entries that may wait for a disk that hangs before notes are dropped, about 150 MB.
_MOST_QUEUED = 50_000


class CallJournal(Protocol):
    """What a live call needs of the journal."""

    @property
    def fault(self) -> JournalError | None:
        """Why new charged calls must be refused; none when all is well."""
        ...

    def opened(
        self, call_id: CallId, facts: Mapping[str, object], *, wait_s: float = 0.0
    ) -> None:
        """Note that a call has begun, and return when it is on the disk or the time is over."""
        ...

    def noted(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call."""
        ...

    def seen(self, call_ids: Sequence[CallId], at_us: int) -> None:
        """Note that open calls were up at an instant."""
        ...

    def keep(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call, and return when it is on the disk."""
        ...

    def record(self, cdr: Cdr) -> None:
        """Keep a record for good."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits.

    Attributes:
        records: records on disk that are not yet shipped.
        oldest_s: age of the oldest of them in seconds; 0 when nothing waits.
        set_aside: records Postgres refused, kept until somebody looks.
        held: entries in memory that found no room on the disk.
    """

    records: int
    oldest_s: float
    set_aside: int
    held: int


class Journal:
    """The journal of one engine process; all its greenlets are of one hub.

    Args:
        path: the SQLite file.
        clock: tells when a record was recorded.
        deadline_s: how long anything here waits for the disk, in seconds.
        min_free_bytes: less free space than this on the file's disk is a fault.
        max_bytes: the file refuses to grow past this; none: until the disk is full.
        owner: the engine's name, told to whoever finds the journal without one.

    Raises:
        ConfigError: another process holds the file, or its folder cannot be used.
        JournalCorrupt: the file is not a journal. Of one that is damaged what can be read is
            saved, see `salvaged`.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        deadline_s: float = 5.0,
        min_free_bytes: int = 32 << 20,
        max_bytes: int | None = None,
        owner: str = "",
    ) -> None:
        self._clock = clock or SystemClock()
        self._deadline_s = deadline_s
        self._file = JournalFile(path, max_bytes=max_bytes, owner=owner, is_saving=True)
        self._writer = Writer(
            self._file,
            tell=self._tell,
            clock=self._clock,
            slow_s=deadline_s,
            min_free_bytes=min_free_bytes,
        )
        self._outcomes: deque[list[Outcome]] = deque()
        self._waker = gevent.get_hub().loop.async_()
        self._waker.start(self._hand_out)
        self._is_open = True
        self._writer.start()

    @property
    def salvaged(self) -> Salvaged | None:
        """What became of a damaged file that was there; none when it was whole."""
        return self._file.salvaged

    @property
    def is_new(self) -> bool:
        """Whether there was no whole file: the first start ever, or one was lost."""
        return self._file.is_new

    @property
    def fault(self) -> JournalError | None:
        """Why new charged calls must be refused; none when all is well. Switches: no."""
        return self._writer.fault

    def opened(
        self, call_id: CallId, facts: Mapping[str, object], *, wait_s: float = 0.0
    ) -> None:
        """Note that a call has begun: on disk soon, and waited for only so long.

        Switches: waits for the disk, at most wait_s; not at all while there is a fault.

        Args:
            call_id: the call's.
            facts: plain JSON values; whoever takes the call over works with nothing else.
            wait_s: how long to wait for the disk; what is not written by then will be.
        """
        waiter: AsyncResult[object] | None = None
        if wait_s and self.fault is None:
            waiter = AsyncResult()
        self._put(Write(Opened(call_id, compact(facts)), waiter))
        if waiter is not None:
            waiter.wait(timeout=wait_s)

    def noted(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call: on disk soon, not waited for. Switches: no."""
        self._put(Write(Noted(call_id, compact(facts))))

    def seen(self, call_ids: Sequence[CallId], at_us: int) -> None:
        """Note that open calls were up at an instant: the fact `seen_us` of each.

        It takes the place of an earlier one, so a call that lasts does not fill the file. On
        disk soon, not waited for; not kept for a disk that has no room: it is said again.

        Switches: no.
        """
        self._put(Write(Seen(tuple(call_ids), at_us)))

    def keep(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call that may count only once it cannot be lost.

        Switches: waits for the disk, at most deadline_s.

        Raises:
            JournalFull, JournalError: it is not on the disk, and may yet get there; a fact of
                the same name that is noted later takes its place.
        """
        self._write(Noted(call_id, compact(facts)))

    def record(self, cdr: Cdr) -> None:
        """Keep a record for good; a second one of the same call changes nothing.

        Switches: waits for the disk, at most deadline_s.

        Raises:
            JournalFull: no room; the record is kept in memory and written when there is.
            JournalError: the disk failed or is too slow; the record is kept and tried again.
        """
        self._write(Recorded(cdr.call_id, self._clock.now_us(), cdr.to_json()))

    def pending(self, limit: int) -> list[PendingRecord]:
        """Give the records that wait to be shipped, oldest first. Switches: as `record`."""
        return self._ask(lambda: self._file.pending(limit))

    def shipped(self, call_ids: Sequence[CallId]) -> None:
        """Forget records that are in Postgres. Switches: as `record`."""
        self._write(Shipped(tuple(call_ids)))

    def set_aside(self, call_id: CallId, reason: str) -> None:
        """Move a record that Postgres refuses out of the way. Switches: as `record`."""
        self._write(SetAside(call_id, reason))

    def put_back(self) -> None:
        """Let everything that was set aside be shipped again. Switches: as `record`."""
        self._write(PutBack())

    def open_calls(self) -> list[OpenCall]:
        """Give the calls that were opened and never recorded. Switches: as `record`."""
        return self._ask(self._file.open_calls)

    def take_over(self, left: Path) -> list[OpenCall]:
        """Take all that the journal of a dead engine holds into this one.

        Returns:
            The calls that were open in it; its records are shipped with ours.

        Raises:
            ConfigError: a process holds it again.
            JournalError: it is damaged, or a disk fails or is too slow.

        Switches: as `record`.
        """
        return self._ask(lambda: take_over(left, self._file))

    def backlog(self) -> Backlog:
        """Say how much waits, as of the last write. Switches: no."""
        counts = self._writer.counts
        age_us = 0 if counts.oldest_us is None else self._clock.now_us() - counts.oldest_us
        return Backlog(
            records=counts.records,
            oldest_s=max(age_us, 0) / 1_000_000,
            set_aside=counts.set_aside,
            held=self._writer.held,
        )

    def close(self) -> None:
        """Write what is queued, stop the thread and let go of the file; again is harmless.

        Switches: as `record`.

        Raises:
            JournalFull: entries held in memory found no room to the end, and are lost.
            JournalError: the disk did not answer in time.
        """
        if not self._is_open:
            return
        stopped: AsyncResult[object] = AsyncResult()
        self._put(Stop(stopped))
        self._is_open = False
        self._outcome(stopped)
        self._writer.join()
        self._waker.stop()
        self._waker.close()
        self._file.close()
        if self._writer.held:
            raise JournalFull(
                f"{self._writer.held} entries found no room in journal {self._file.path}"
                f" and are lost: {self._writer.fault}"
            )

    def _write(self, entry: Noted | Recorded | Shipped | SetAside | PutBack) -> None:
        waiter: AsyncResult[object] = AsyncResult()
        self._put(Write(entry, waiter))
        self._outcome(waiter)

    def _ask(self, question: Callable[[], T]) -> T:
        waiter: AsyncResult[object] = AsyncResult()
        self._put(Ask(question, waiter))
        return cast("T", self._outcome(waiter))

    def _put(self, job: Job) -> None:
        if not self._is_open:
            raise JournalError(f"journal {self._file.path} is closed")
        is_note = isinstance(job, Write) and job.waiter is None
        if is_note and self._writer.jobs.qsize() >= _MOST_QUEUED:
            # The disk has hung for long. A note is for whoever takes a call over; records and
            # what they wait for go on being queued: their calls are known to the switch too.
            return
        self._writer.put(job)

    def _outcome(self, waiter: AsyncResult[object]) -> object:
        waiter.wait(timeout=self._deadline_s)
        if not waiter.ready():
            raise JournalError(
                f"the disk of journal {self._file.path} took more than {self._deadline_s:g} s;"
                " what was to be written is still queued"
            )
        return waiter.get_nowait()

    def _tell(self, outcomes: list[Outcome]) -> None:
        """Bring outcomes to the hub; runs in the writer's thread."""
        self._outcomes.append(outcomes)
        self._waker.send()

    def _hand_out(self) -> None:
        """Wake those who wait; runs in the hub, perhaps once for several `send`."""
        while self._outcomes:
            for outcome in self._outcomes.popleft():
                if outcome.error is None:
                    outcome.waiter.set(outcome.value)
                else:
                    outcome.waiter.set_exception(outcome.error)
