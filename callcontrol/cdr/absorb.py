"""Takes what the journals of workers that are no more still hold into the first one's.

A service that is started with fewer workers would otherwise leave calls unwatched and records
unshipped behind. First everything is on the disk of the one journal, then the other is deleted;
should the process die between the two, the next start does it again: a record that is there
already stays as it is, and a call noted twice is the same call.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from callcontrol.cdr.journal_entries import (
    Entry,
    OpenCall,
    Opened,
    PendingRecord,
    Recorded,
    SetAside,
    as_json,
)
from callcontrol.cdr.journal_file import JournalFile, read_only


def journal_of(journal: Path, number: int) -> Path:
    """Name a worker's own journal: `journal.sqlite`, `journal.2.sqlite`, `journal.3.sqlite`.

    The first has the very file of a service with one process, so that nothing is left behind
    when a service gets its second worker.
    """
    return journal if number == 1 else journal.with_suffix(f".{number}{journal.suffix}")


def left_behind(journal: Path, workers: int) -> list[Path]:
    """Find the journals of workers beyond so many."""
    name = re.compile(rf"{re.escape(journal.stem)}\.([1-9]\d*){re.escape(journal.suffix)}")
    return [
        path
        for path in sorted(journal.parent.glob(f"{glob.escape(journal.stem)}.*"))
        if (found := name.fullmatch(path.name)) and int(found[1]) > workers and path.is_file()
    ]


def absorb(left: Path, journal: Path) -> int:
    """Move all that a journal holds into another one; gives how many calls and records.

    Raises:
        ConfigError: a process holds one of the two.
        JournalCorrupt: one is damaged, or is not a journal.
        JournalError: the disk fails.
    """
    with closing(JournalFile(left)) as old, closing(JournalFile(journal)) as new:
        with read_only(left) as (counts, open_calls, aside):
            records = old.pending(counts.records)
        new.apply([*_reopened(open_calls), *_recorded(records), *_recorded(aside)])
        for name in (left.name, f"{left.name}-wal", f"{left.name}-shm", f"{left.name}.lock"):
            left.with_name(name).unlink(missing_ok=True)
    return len(open_calls) + len(records) + len(aside)


def _reopened(calls: Iterable[OpenCall]) -> Iterator[Entry]:
    for call in calls:
        for facts in call.facts:
            yield Opened(call.call_id, as_json(facts))


def _recorded(records: Iterable[PendingRecord]) -> Iterator[Entry]:
    for record in records:
        yield Recorded(record.call_id, record.recorded_us, record.body)
        if record.reason:
            yield SetAside(record.call_id, record.reason)
