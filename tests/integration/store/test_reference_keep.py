"""callcontrol.store.reference_keep and reference_file.kept: the last good reference on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from callcontrol.config import Settings
from callcontrol.errors import ConfigError, StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.reference_file import read_reference_file
from callcontrol.reference_file.kept import head_of, read_kept
from callcontrol.store import Connection, Store, run
from callcontrol.store.reference_keep import ReferenceKeeper, keep_once, kept_path
from callcontrol.store.reference_load import load_reference
from callcontrol.store.reference_rows import ReferenceFeed, read_reference_once
from tests.fakes.clock import FakeClock
from tests.waiting import eventually

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
READ_US = 1_800_000_000_000_000
NOWHERE = "postgresql://callcontrol@/none?host=/nowhere"


@pytest.fixture
def loaded(dsn: str) -> str:
    """Give the connection URI of a database that holds the documented example."""
    load_reference(dsn, read_reference_file(DEMO, at=AT)[0])
    return dsn


@pytest.fixture
def kept(loaded: str, tmp_path: Path) -> Path:
    """Give the file in which it is kept."""
    path = tmp_path / "journal.reference.yaml"
    keep_once(loaded, path, clock=FakeClock(READ_US))
    return path


@pytest.fixture
def feed() -> Iterator[ReferenceFeed]:
    """Give a feed from a Postgres that is not there."""
    store = Store(NOWHERE)
    store.open()
    feed = ReferenceFeed(store, metrics=Metrics(), log=structlog.get_logger())
    yield feed
    feed.stop()
    store.close()


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


class TestKept:
    def test_it_decides_as_the_rows_do(self, loaded, kept):
        """Numbers, tariffs, settlements, blacklist, and which revision it is."""
        read = read_reference_once(loaded, at=AT)
        built = read_kept(kept, at=AT)

        assert built.faults == ()
        kept_directory, directory = built.reference.directory, read.directory
        assert kept_directory.numbers == directory.numbers
        assert kept_directory.customers == directory.customers
        assert kept_directory.gateways == directory.gateways
        assert len(kept_directory.blacklist) == len(directory.blacklist)
        assert built.reference.tariffs == read.tariffs
        assert built.reference.settlements == read.settlements
        assert built.reference.revision == read.revision
        assert built.reference.loaded_at == datetime.fromtimestamp(READ_US / 1e6, UTC)

    def test_it_is_a_reference_file(self, kept):
        """Should Postgres never come back, it can be loaded into another one."""
        file, _ = read_reference_file(kept, at=AT)

        assert len(file.numbers) > 10

    def test_nobody_else_may_read_it(self, kept):
        """It names customers and blacklisted people."""
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_one_that_was_changed_is_refused(self, kept):
        """By a disk or by an editor: prices that nobody has checked are not charged."""
        text = kept.read_bytes()
        kept.write_bytes(text.replace(b"per_minute: ", b"per_minute:  ", 1))

        with pytest.raises(ConfigError, match="its hash is another"):
            read_kept(kept, at=AT)

    @pytest.mark.parametrize("text", [b"", b"numbers: {}\n", b"\xff\xfe\n", b"# callcontrol\n"])
    def test_what_is_something_else_is_refused(self, tmp_path, text):
        """Whatever lies there."""
        path = tmp_path / "kept.yaml"
        path.write_bytes(text)

        with pytest.raises(ConfigError, match="no reference that was kept"):
            read_kept(path, at=AT)

    def test_one_of_another_format_is_refused(self, kept):
        """It is read anew when Postgres is back."""
        kept.write_bytes(kept.read_bytes().replace(b"format 1", b"format 2", 1))

        with pytest.raises(ConfigError, match="another version"):
            read_kept(kept, at=AT)

    def test_a_crash_while_writing_leaves_the_old_one(self, loaded, kept):
        """It is replaced whole or not at all."""
        before = kept.read_bytes()
        beside = kept.with_name(kept.name + ".new")
        beside.mkdir()

        with pytest.raises(ConfigError, match="Is a directory"):
            keep_once(loaded, kept)

        assert kept.read_bytes() == before

    def test_a_row_without_a_shape_is_left_out(self, loaded, tmp_path):
        """One bad row does not cost the others their number."""
        bad = "UPDATE numbers SET zone = 'Nowhere/Else' WHERE number = '+41901123456'"
        run(loaded, _execute, bad)
        path = tmp_path / "kept.yaml"

        keep_once(loaded, path)

        built = read_kept(path, at=AT)
        assert "+41901123456" not in built.reference.directory.numbers
        assert len(built.reference.directory.numbers) > 10


class TestFeed:
    def test_it_begins_with_what_was_kept(self, feed, kept):
        """And says so."""
        feed.start(lambda: read_kept(kept, at=AT))

        assert feed.is_kept
        assert len(feed.current().directory.numbers) > 10

    def test_without_one_it_says_why_it_cannot_begin(self, feed, tmp_path):
        """Postgres is what is to be mended."""
        with pytest.raises(StoreUnavailable, match="Postgres at /nowhere"):
            feed.start(lambda: read_kept(tmp_path / "none", at=AT))

    def test_it_follows_postgres_when_that_is_there(self, loaded, kept):
        """What was kept is then forgotten."""
        store = Store(loaded)
        store.open()
        run(loaded, _execute, "UPDATE alembic_version SET version_num = '0001'")
        feed = ReferenceFeed(store, metrics=Metrics(), log=structlog.get_logger())
        try:
            feed.start(lambda: read_kept(kept, at=AT))
            was_kept = feed.is_kept
            from callcontrol.store.schema import SCHEMA

            run(loaded, _execute, f"UPDATE alembic_version SET version_num = '{SCHEMA}'")
            eventually(lambda: not feed.is_kept, within_s=20)
        finally:
            feed.stop()
            store.close()

        assert was_kept
        assert len(feed.current().directory.numbers) > 10


class TestReferenceKeeper:
    def test_it_keeps_what_is_in_force(self, loaded, tmp_path):
        """By a process of its own; the password stands in no command line."""
        settings = Settings(dsn=loaded, journal=tmp_path / "journal.sqlite")
        path = kept_path(settings)
        reference = read_reference_once(loaded, at=AT)
        keeper = ReferenceKeeper(settings, lambda: reference, log=structlog.get_logger())

        keeper.start()
        try:
            eventually(path.exists, within_s=30)
        finally:
            keeper.stop()

        assert head_of(path).revision == int(reference.revision)

    def test_workers_share_one_file(self, tmp_path):
        """The first of them writes it."""
        paths = {
            kept_path(Settings(journal=tmp_path / name))
            for name in ("journal.sqlite", "journal.2.sqlite", "journal.13.sqlite")
        }

        assert paths == {tmp_path / "journal.reference.yaml"}

    def test_it_can_be_turned_off(self, tmp_path):
        """Where no copy may lie on the engine's disk."""
        settings = Settings(journal=tmp_path / "journal.sqlite", keep_reference=False)

        assert kept_path(settings) is None
        assert os.listdir(tmp_path) == []
