"""callcontrol.cdr.absorb on a real disk."""

from __future__ import annotations

from contextlib import closing

import pytest

from callcontrol.cdr import Cdr, Journal
from callcontrol.cdr.absorb import (
    absorb,
    holds_any,
    journal_of,
    left_behind,
    peers_of,
)
from callcontrol.cdr.journal_file import holder_of, owner_of
from callcontrol.errors import ConfigError
from tests.cdr_builders import make_cdr


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def left(path):
    """The journal of a third worker, with a record, one set aside, and a call that is open."""
    third = journal_of(path, 3)
    with closing(Journal(third, min_free_bytes=0)) as journal:
        journal.record(make_cdr(1))
        journal.record(make_cdr(2))
        journal.set_aside(make_cdr(2).call_id, "refused")
        journal.opened(make_cdr(3).call_id, {"draft": "early"})
        journal.noted(make_cdr(3).call_id, {"draft": "answered"})
    return third


def test_all_of_it_is_in_the_other_one_and_nothing_remains(path, left, tmp_path):
    """What is there already stays; what is open keeps what was noted last."""
    with closing(Journal(path, min_free_bytes=0)) as journal:
        journal.record(make_cdr(1))
        journal.record(make_cdr(4))

    assert absorb(left, path) == 3
    with closing(Journal(path, min_free_bytes=0)) as journal:
        waiting = [Cdr.from_json(record.body) for record in journal.pending(10)]
        (call,) = journal.open_calls()
        assert waiting == [make_cdr(1), make_cdr(4)]
        assert (call.call_id, call.merged) == (make_cdr(3).call_id, {"draft": "answered"})
        assert journal.backlog().set_aside == 1
    assert not list(tmp_path.glob("journal.3*"))


def test_a_journal_in_use_is_left_alone(path, left):
    """Its worker may still run."""
    with closing(Journal(left, min_free_bytes=0)), pytest.raises(ConfigError, match="in use"):
        absorb(left, path)

    assert left.is_file()


def test_only_journals_of_further_workers_are_left_behind(path, left, tmp_path):
    """Copies that somebody made are none of ours."""
    for name in ("journal.2.sqlite", "journal.2024-old.sqlite", "journal.3.sqlite.bak"):
        (tmp_path / name).touch()

    assert left_behind(path, 2) == [left]
    assert left_behind(path, 1) == [journal_of(path, 2), left]
    assert left_behind(path, 3) == []


class TestPeers:
    def test_what_a_dead_engine_left_is_taken_over_once(self, path, left):
        """Its file stays for it, empty, with its name; what was open is given."""
        with closing(Journal(left, min_free_bytes=0, owner="engine-3")):
            assert holder_of(left) is not None
        assert holder_of(left) is None
        assert holds_any(left)

        with closing(Journal(path, min_free_bytes=0, owner="engine-1")) as journal:
            (call,) = journal.take_over(left)
            waiting = [Cdr.from_json(record.body) for record in journal.pending(10)]
            assert journal.take_over(left) == []
            assert (journal.backlog().records, journal.backlog().set_aside) == (1, 1)
            assert [one.call_id for one in journal.open_calls()] == [call.call_id]

        assert call.merged == {"draft": "answered"}
        assert waiting == [make_cdr(1)]
        assert not holds_any(left)
        assert owner_of(left) == "engine-3"
        with closing(Journal(left, min_free_bytes=0)) as journal:
            assert journal.pending(10) == []
            assert journal.open_calls() == []

    def test_one_that_is_held_again_is_not_taken(self, path, left):
        """Its engine came back between the look and the deed."""
        with (
            closing(Journal(left, min_free_bytes=0)),
            closing(Journal(path, min_free_bytes=0)) as journal,
            pytest.raises(ConfigError, match="in use"),
        ):
            journal.take_over(left)

    def test_a_services_own_journals_are_no_peers(self, path, tmp_path):
        """Whichever of its workers asks."""
        other = tmp_path / "other.sqlite"
        for file in (path, journal_of(path, 2), other, journal_of(other, 2)):
            file.touch()
        everything = [f"{tmp_path}/*.sqlite"]

        for own in (path, journal_of(path, 2)):
            assert peers_of(own, everything) == [journal_of(other, 2), other]
        assert peers_of(path, [str(other)]) == [other]
