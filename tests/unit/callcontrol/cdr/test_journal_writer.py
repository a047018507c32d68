"""callcontrol.cdr.journal_writer: a disk that hangs is a fault while it hangs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from callcontrol.cdr import CallId
from callcontrol.cdr.journal_entries import Counts, Entry, Opened
from callcontrol.cdr.journal_writer import Stop, Write, Writer
from callcontrol.errors import JournalError
from tests.fakes.clock import FakeClock


class HangingFile:
    """A journal file whose disk answers when it is told to."""

    def __init__(self) -> None:
        self.path = Path("journal.sqlite")
        self.was_asked = Event()
        self.may_answer = Event()

    def apply(self, entries: Sequence[Entry]) -> None:
        """Wait for the disk."""
        self.was_asked.set()
        assert self.may_answer.wait(timeout=10)

    def counts(self) -> Counts:
        """Say that nothing waits."""
        return Counts()

    def free_bytes(self) -> int:
        """Say that there is room."""
        return 1 << 40


@contextmanager
def running(file: Any, clock: FakeClock) -> Iterator[Writer]:
    """Run a writer, and end it."""
    told = Event()
    writer = Writer(file, tell=lambda _: told.set(), clock=clock, slow_s=5.0, min_free_bytes=0)
    writer.start()
    yield writer
    file.may_answer.set()
    writer.jobs.put(Stop(object()))  # type: ignore[arg-type]
    writer.join(timeout=10)
    assert not writer.is_alive()


def test_a_disk_that_hangs_is_a_fault_until_it_answers() -> None:
    """New charged calls can be refused while the disk hangs; afterwards all is well again."""
    clock, file = FakeClock(), HangingFile()
    with running(file, clock) as writer:
        writer.jobs.put(Write(Opened(CallId("call"), "{}")))
        assert file.was_asked.wait(timeout=10)

        assert writer.fault is None
        clock.advance(5.1)
        assert isinstance(writer.fault, JournalError)
        assert "has not answered for more than 5 s" in str(writer.fault)

    assert writer.fault is None
