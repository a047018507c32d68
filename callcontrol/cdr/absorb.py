"""Takes what the journals of processes that are no more still hold into another one.

A service that is started with fewer workers would otherwise leave calls unwatched and records
unshipped behind; so would an engine that dies and does not come back, beside one that lives.
First everything is on the disk of the one journal, then the other is deleted;
should the process die between the two, the next start does it again: a record that is there
already stays as it is, and a call noted twice is the same call.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from callcontrol.cdr.codec import compact
from callcontrol.cdr.journal_entries import (
    Entry,
    OpenCall,
    Opened,
    PendingRecord,
    Recorded,
    SetAside,
)
from callcontrol.cdr.journal_file import JournalFile, owner_of, read_only


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


def peers_of(journal: Path, patterns: Iterable[str]) -> list[Path]:
    """Find the journals of other engines, by paths and patterns such as `/var/lib/*.sqlite`.

    A service's own, those of its other workers, are not among them: its supervisor sees to
    those.
    """
    family = re.sub(r"\.\d+\Z", "", journal.stem)
    own = re.compile(rf"{re.escape(family)}(\.\d+)?{re.escape(journal.suffix)}")
    folder = journal.absolute().parent
    found = {Path(name).absolute() for one in patterns for name in glob.glob(one)}
    return sorted(
        path
        for path in found
        if path.is_file() and not (path.parent == folder and own.fullmatch(path.name))
    )


def holds_any(journal: Path) -> bool:
    """Say whether a journal holds a call or a record.

    Raises:
        JournalError: it cannot be read, or is not a journal.
    """
    with read_only(journal) as (counts, open_calls, _):
        return bool(counts.records or counts.set_aside or open_calls)


def take_over(left: Path, journal: JournalFile) -> list[OpenCall]:
    """Move all that a journal holds into an open one; gives the calls that were open in it.

    The file stays, empty, for the engine it belongs to.

    Raises:
        ConfigError: a process holds it.
        JournalCorrupt: it is damaged, or is not a journal.
        JournalError: the disk fails.
    """
    with closing(JournalFile(left, owner=owner_of(left))) as old:
        entries, open_calls, _ = _all_of(old)
        journal.apply(entries)
        old.clear()
    return open_calls


def absorb(left: Path, journal: Path) -> int:
    """Move all that a journal holds into another one; gives how many calls and records.

    Raises:
        ConfigError: a process holds one of the two.
        JournalCorrupt: one is damaged, or is not a journal.
        JournalError: the disk fails.
    """
    with closing(JournalFile(left)) as old, closing(JournalFile(journal)) as new:
        entries, _, found = _all_of(old)
        new.apply(entries)
        for name in (left.name, f"{left.name}-wal", f"{left.name}-shm", f"{left.name}.lock"):
            left.with_name(name).unlink(missing_ok=True)
    return found


def _all_of(old: JournalFile) -> tuple[list[Entry], list[OpenCall], int]:
    """Give all entries, the calls open among them, and how many calls and records that is."""
    with read_only(old.path) as (counts, open_calls, aside):
        records = old.pending(counts.records)
    entries = [*_reopened(open_calls), *_recorded(records), *_recorded(aside)]
    return entries, open_calls, len(open_calls) + len(records) + len(aside)


def _reopened(calls: Iterable[OpenCall]) -> Iterator[Entry]:
    for call in calls:
        for facts in call.facts:
            yield Opened(call.call_id, compact(facts))


def _recorded(records: Iterable[PendingRecord]) -> Iterator[Entry]:
    for record in records:
        yield Recorded(record.call_id, record.recorded_us, record.body)
        if record.reason:
            yield SetAside(record.call_id, record.reason)
