"""callcontrol.cdr.journal on a real disk."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from callcontrol.cdr import CallId, Cdr, Journal
from callcontrol.cdr.journal_file import JournalFile, holder_of, read_only
from callcontrol.errors import (
    ConfigError,
    JournalCorrupt,
    JournalError,
    JournalFull,
)
from tests.cdr_builders import make_cdr
from tests.small_disk import small_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a place for a journal."""
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Give an open journal."""
    with closing(Journal(path, min_free_bytes=0)) as opened:
        yield opened


def eventually(claim: object, *, within_s: float = 10.0) -> None:
    """Wait until a claim holds; fail when it does not in time."""
    assert callable(claim)
    with gevent.Timeout(within_s, AssertionError(f"not within {within_s} s")):
        while not claim():
            gevent.sleep(0.01)


def test_a_record_waits_until_it_is_shipped(journal: Journal) -> None:
    """What is recorded is pending, oldest first, and gone once shipped."""
    cdrs = [make_cdr(index) for index in range(3)]
    for cdr in cdrs:
        journal.record(cdr)

    journal.shipped([cdrs[1].call_id])

    waiting = [Cdr.from_json(record.body) for record in journal.pending(10)]
    assert waiting == [cdrs[0], cdrs[2]]
    assert journal.backlog().records == 2


def test_recording_twice_leaves_one(journal: Journal) -> None:
    """The first record of a call stands."""
    journal.record(make_cdr(1))
    journal.record(make_cdr(1, hangup_cause="LOSE_RACE"))

    waiting = journal.pending(10)
    assert [Cdr.from_json(record.body) for record in waiting] == [make_cdr(1)]
    assert journal.backlog().records == 1


def test_what_was_recorded_is_there_after_reopening(path: Path) -> None:
    """A closed journal keeps its records and its open calls."""
    with closing(Journal(path, min_free_bytes=0)) as first:
        first.record(make_cdr(1))
        first.opened(make_cdr(2).call_id, {"number": "+41901123456"})
        first.noted(make_cdr(2).call_id, {"answered_us": 7})

    with closing(Journal(path, min_free_bytes=0)) as second:
        records = second.pending(10)
        (call,) = second.open_calls()

    assert [record.call_id for record in records] == [make_cdr(1).call_id]
    assert call.call_id == make_cdr(2).call_id
    assert call.merged == {"number": "+41901123456", "answered_us": 7}


def test_that_a_call_is_up_takes_one_place(journal: Journal) -> None:
    """However often it is seen; and the last time counts."""
    one, other = make_cdr(1).call_id, make_cdr(2).call_id
    journal.opened(one, {"number": "+41901123456"})
    journal.seen([one, other], 30)
    journal.noted(one, {"answered_us": 7})
    journal.seen([one], 60)

    (call,) = journal.open_calls()

    assert len(call.facts) == 3
    assert call.merged == {"number": "+41901123456", "answered_us": 7, "seen_us": 60}


def test_a_record_closes_its_call(journal: Journal) -> None:
    """No call is open and recorded at once; a note that comes late changes nothing."""
    cdr = make_cdr(1)
    journal.opened(cdr.call_id, {})
    journal.record(cdr)
    journal.noted(cdr.call_id, {"late": True})

    assert journal.open_calls() == []


def test_what_is_kept_is_there_though_nothing_is_closed(path: Path, journal: Journal) -> None:
    """When `keep` returns it is on the disk, for whoever reads the file then."""
    journal.opened(CallId("call"), {"draft": "x"})

    journal.keep(CallId("call"), {"change.0": {"level": 2}})

    with read_only(path) as (_, open_calls, _):
        assert open_calls[0].merged["change.0"] == {"level": 2}


def test_a_call_that_was_waited_for_is_on_the_disk(path: Path, journal: Journal) -> None:
    """Whoever reads the file then finds it."""
    journal.opened(CallId("call"), {"draft": "x"}, wait_s=10)

    with read_only(path) as (_, open_calls, _):
        assert [call.call_id for call in open_calls] == ["call"]


def test_for_a_disk_that_hangs_a_new_call_waits_no_longer_than_told(
    path: Path, journal: Journal
) -> None:
    """It is written once the disk goes on."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with closing(other), gevent.Timeout(3):
        journal.opened(CallId("call"), {"draft": "x"}, wait_s=0.05)
        other.execute("ROLLBACK")

    assert [call.call_id for call in journal.open_calls()] == ["call"]


def test_what_postgres_refuses_is_kept_with_the_reason(path: Path, journal: Journal) -> None:
    """A record set aside is not pending, is counted, and can be put back."""
    journal.record(make_cdr(1))
    journal.set_aside(make_cdr(1).call_id, "negative charge")

    assert journal.pending(10) == []
    assert (journal.backlog().records, journal.backlog().set_aside) == (0, 1)
    with read_only(path) as (counts, _, aside):
        assert counts.set_aside == 1
        assert [record.reason for record in aside] == ["negative charge"]

    journal.put_back()

    assert [record.call_id for record in journal.pending(10)] == [make_cdr(1).call_id]
    assert (journal.backlog().records, journal.backlog().set_aside) == (1, 0)


def test_many_greenlets_share_a_commit(path: Path, journal: Journal) -> None:
    """All that waits goes in one transaction: far fewer commits than records."""
    before = _commits(path)

    greenlets = [gevent.spawn(journal.record, make_cdr(index)) for index in range(200)]
    gevent.joinall(greenlets, raise_error=True)

    assert journal.backlog().records == 200
    assert _commits(path) - before < 50


def test_the_hub_goes_on_while_a_record_is_written(journal: Journal) -> None:
    """Other greenlets run while one waits for the disk."""
    went_on = Event()
    writer = gevent.spawn(journal.record, make_cdr(1))
    gevent.spawn(went_on.set)

    assert went_on.wait(timeout=5)
    writer.get(timeout=5)


def test_a_greenlet_killed_while_it_waits_still_leaves_its_record(journal: Journal) -> None:
    """Once queued, a record is written whoever waits for it."""
    greenlet = gevent.spawn(journal.record, make_cdr(1))
    gevent.idle()
    greenlet.kill()

    assert [record.call_id for record in journal.pending(10)] == [make_cdr(1).call_id]


def test_the_files_are_private(path: Path, journal: Journal) -> None:
    """Callers' numbers are readable by the engine's user alone."""
    journal.record(make_cdr(1))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4


def test_a_second_engine_is_told_who_holds_the_journal(path: Path, journal: Journal) -> None:
    """One engine process per journal: the other gets one plain sentence."""
    with pytest.raises(ConfigError, match=rf"in use by process {os.getpid()};") as caught:
        Journal(path)

    assert len(caught.value.faults) == 1
    assert holder_of(path) == os.getpid()


def test_a_journal_can_be_opened_again_once_closed(path: Path) -> None:
    """Closing lets go of the lock; closing again is harmless."""
    journal = Journal(path, min_free_bytes=0)
    journal.close()
    journal.close()

    assert holder_of(path) is None
    Journal(path, min_free_bytes=0).close()


def test_a_closed_journal_says_so(path: Path) -> None:
    """Recording into a closed journal is an error, not a wait without end."""
    journal = Journal(path, min_free_bytes=0)
    journal.close()

    with pytest.raises(JournalError, match="is closed"):
        journal.record(make_cdr(1))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The sentence names the setting and the path."""
    with pytest.raises(ConfigError, match=r"CALLCONTROL_JOURNAL: .*gone/journal"):
        Journal(tmp_path / "gone" / "journal.sqlite")


@pytest.mark.parametrize(
    "content", [b"not a database at all, whatever it is" * 100, b"\0" * 8192]
)
def test_a_file_of_something_else_is_left_alone(path: Path, content: bytes) -> None:
    """A file that is no journal is refused in one sentence and not touched."""
    path.write_bytes(content)

    with pytest.raises(JournalCorrupt, match="move it away"):
        Journal(path)

    assert path.read_bytes() == content
    assert holder_of(path) is None


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """A SQLite file with other tables is refused."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE sheep (name TEXT)")
        db.commit()

    with pytest.raises(JournalCorrupt, match="not a journal"):
        Journal(path)


@pytest.fixture
def damaged(path: Path) -> Path:
    """A journal of 100 records and an open call, twenty pages of which a disk has spoiled."""
    with closing(Journal(path, min_free_bytes=0)) as journal:
        journal.opened(make_cdr(999).call_id, {"draft": "x"})
        for index in range(100):
            journal.record(make_cdr(index))
    with path.open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 20)
    return path


def test_a_damaged_journal_is_found_when_it_is_opened(damaged: Path) -> None:
    """By whoever only looks; nothing is changed."""
    before = damaged.read_bytes()

    with pytest.raises(JournalCorrupt, match=r"damaged.*move it away"):
        JournalFile(damaged)

    assert damaged.read_bytes()[100:] == before[100:]  # SQLite counts openings in the head


def test_what_can_be_read_of_a_damaged_journal_is_saved(damaged: Path) -> None:
    """Most records, in their order; the damaged file is kept, and what is lost is told."""
    spoiled = damaged.read_bytes()

    with closing(Journal(damaged, min_free_bytes=0)) as journal:
        saved = [record.call_id for record in journal.pending(200)]
        (left_open,) = journal.open_calls()
        told = journal.salvaged
        is_new = journal.is_new

    assert told is not None
    assert 50 < len(saved) < 100
    assert saved == sorted(saved)
    assert set(saved) <= {make_cdr(index).call_id for index in range(100)}
    assert (told.records, told.calls, is_new) == (len(saved), 1, True)
    assert left_open.call_id == make_cdr(999).call_id
    assert told.kept.read_bytes()[100:] == spoiled[100:]
    lost = sum(_rows_of(one) for one in told.lost)
    assert lost == 100 - len(saved)


def _rows_of(told: str) -> int:
    """Count the rows that are told to be lost, such as `record 5 to 9`."""
    _, first, _, last = told.split()
    return int(last) - int(first) + 1


def test_a_journal_that_was_saved_is_whole(damaged: Path) -> None:
    """It is written to and opened again like any other."""
    with closing(Journal(damaged, min_free_bytes=0)) as journal:
        saved = journal.backlog().records
        journal.record(make_cdr(500))

    with closing(Journal(damaged, min_free_bytes=0)) as journal:
        assert journal.salvaged is None
        assert journal.backlog().records == saved + 1


@pytest.mark.parametrize("page", range(4))
def test_whichever_page_is_damaged_the_engine_starts(path: Path, page: int) -> None:
    """The first one too, which says what the others are: then nothing can be read, and told."""
    with closing(Journal(path, min_free_bytes=0)) as journal:
        for index in range(100):
            journal.record(make_cdr(index))
    with path.open("r+b") as file:
        file.seek(max(100, 4096 * page))
        file.write(b"\xff" * (4096 if page else 3996))

    with closing(Journal(path, min_free_bytes=0)) as journal:
        told = journal.salvaged
        journal.record(make_cdr(500))

    assert told is not None
    assert told.records == 100 or told.lost


def test_a_journal_of_a_newer_version_is_left_alone(path: Path) -> None:
    """A program that is too old does not touch what it does not understand."""
    Journal(path, min_free_bytes=0).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(JournalCorrupt, match="newer version"):
        Journal(path)


def test_full_is_said_and_nothing_is_lost(path: Path) -> None:
    """Without room the recorder is told, the record is kept, and goes in once there is room."""
    with closing(Journal(path, min_free_bytes=0, max_bytes=200_000)) as journal:
        stored = _fill(journal)
        assert isinstance(journal.fault, JournalFull)
        kept = make_cdr(900_000)
        with pytest.raises(JournalFull, match="no room"):
            journal.record(kept)
        assert journal.backlog().held == 2

        eventually(lambda: _try_to_ship(journal, stored[:40]))

        eventually(lambda: journal.fault is None)
        assert journal.backlog().held == 0
        assert kept.call_id in {record.call_id for record in journal.pending(10_000)}


def test_calls_opened_while_full_stay_in_order(path: Path) -> None:
    """A call opened, noted and recorded without room is not left open when room is back."""
    with closing(Journal(path, min_free_bytes=0, max_bytes=200_000)) as journal:
        stored = _fill(journal)
        cdr = make_cdr(900_000)
        journal.opened(cdr.call_id, {})
        journal.noted(cdr.call_id, {})
        with pytest.raises(JournalFull):
            journal.record(cdr)

        eventually(lambda: _try_to_ship(journal, stored[:40]))
        eventually(lambda: journal.fault is None)

        assert journal.open_calls() == []


def test_closing_while_full_says_what_is_lost(path: Path) -> None:
    """Entries that never found room do not vanish in silence."""
    journal = Journal(path, min_free_bytes=0, max_bytes=200_000)
    _fill(journal)

    with pytest.raises(JournalFull, match="1 entries found no room"):
        journal.close()

    assert holder_of(path) is None


def test_little_space_is_a_fault_before_it_is_none(path: Path) -> None:
    """Records still go in when space runs low, but new charged calls can be refused."""
    with closing(Journal(path, min_free_bytes=1 << 60)) as journal:
        journal.record(make_cdr(1))

        assert isinstance(journal.fault, JournalFull)
        assert "MiB are free" in str(journal.fault)
        assert journal.backlog().records == 1


def test_a_real_full_disk(tmp_path: Path) -> None:
    """A disk of one megabyte fills; when something else on it goes, records flow again."""
    with small_disk(tmp_path / "disk") as disk:
        other = disk / "other"
        other.write_bytes(b"x" * 300_000)
        with closing(Journal(disk / "journal.sqlite", min_free_bytes=0)) as journal:
            _fill(journal)
            other.unlink()

            eventually(lambda: journal.fault is None)
            assert journal.backlog().held == 0


def test_an_entry_nobody_could_write_harms_no_other(journal: Journal) -> None:
    """A call id that is no text fails alone."""
    bad = gevent.spawn(journal.record, make_cdr(1, call_id="\ud800"))
    good = gevent.spawn(journal.record, make_cdr(2))

    good.get(timeout=5)
    with pytest.raises(JournalError, match="cannot be written"):
        bad.get(timeout=5)
    assert journal.fault is None
    assert journal.backlog().records == 1


def test_can_be_read_while_the_engine_writes(path: Path, journal: Journal) -> None:
    """Another connection sees what was committed, and disturbs nobody."""
    journal.record(make_cdr(1))
    journal.opened(make_cdr(2).call_id, {"number": "+41901123456"})
    journal.open_calls()

    with read_only(path) as (counts, open_calls, _):
        journal.record(make_cdr(3))
        assert counts.records == 1
        assert [call.call_id for call in open_calls] == [make_cdr(2).call_id]


def test_can_be_read_when_no_engine_runs(path: Path) -> None:
    """A journal at rest can be looked into without touching it."""
    with closing(Journal(path, min_free_bytes=0)) as journal:
        journal.record(make_cdr(1))

    with read_only(path) as (counts, _, _):
        assert counts.records == 1


def test_reading_a_journal_that_is_not_there_says_so(path: Path) -> None:
    """The sentence names the setting; no empty journal is made."""
    with pytest.raises(ConfigError, match="no journal at"), read_only(path):
        pass

    assert not path.exists()


def test_a_large_backlog_gives_its_disk_space_back(path: Path, journal: Journal) -> None:
    """Once shipped, the file shrinks again by itself."""
    cdrs = [make_cdr(index, caller_raw="x" * 10_000) for index in range(1000)]
    gevent.joinall([gevent.spawn(journal.record, cdr) for cdr in cdrs], raise_error=True)
    eventually(lambda: path.stat().st_size > 10_000_000)
    journal.shipped([cdr.call_id for cdr in cdrs])

    eventually(lambda: path.stat().st_size < 6_000_000)


def _fill(journal: Journal) -> list[Cdr]:
    """Record until there is no room; give those that were acknowledged."""
    stored = []
    for index in range(100_000):
        cdr = make_cdr(index)
        try:
            journal.record(cdr)
        except JournalFull:
            return stored
        stored.append(cdr)
    raise AssertionError("it never filled")


def _try_to_ship(journal: Journal, cdrs: list[Cdr]) -> bool:
    try:
        journal.shipped([cdr.call_id for cdr in cdrs])
    except JournalFull:
        return False
    return True


def _commits(path: Path) -> int:
    """Count the commits in the write-ahead log.

    Source: https://www.sqlite.org/fileformat2.html#the_write_ahead_log (a frame whose second
    word is not zero ends a transaction).
    """
    log = path.with_name(path.name + "-wal").read_bytes()
    return sum(any(log[frame + 4 : frame + 8]) for frame in range(32, len(log), 24 + 4096))
