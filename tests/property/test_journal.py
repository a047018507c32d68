"""Laws of the journal: what was acknowledged is there, whole, and nothing is there twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.cdr.call_id import CallId
from callcontrol.cdr.journal_entries import (
    Entry,
    Noted,
    Opened,
    PutBack,
    Recorded,
    Seen,
    SetAside,
    Shipped,
)
from callcontrol.cdr.journal_file import JournalFile

IDS = st.sampled_from([CallId(f"call-{n}") for n in range(6)])
ENTRIES = st.one_of(
    st.builds(Opened, IDS, st.just('{"opened":1}')),
    st.builds(Noted, IDS, st.just('{"noted":1}')),
    st.builds(Seen, st.lists(IDS, max_size=3).map(tuple), st.integers(0, 9)),
    st.builds(Recorded, IDS, st.integers(0, 9), st.text("abc", min_size=1, max_size=3)),
    st.builds(Shipped, st.lists(IDS, max_size=3).map(tuple)),
    st.builds(SetAside, IDS, st.just("refused")),
    st.just(PutBack()),
)
BATCHES = st.lists(st.lists(ENTRIES, min_size=1, max_size=5), max_size=12)


class Model:
    """The journal as three dictionaries: slow, obvious, and what the file must agree with."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[int, str]] = {}
        self.aside: dict[str, tuple[int, str]] = {}
        self.open: dict[str, list[str]] = {}

    def apply(self, entries: Sequence[Entry]) -> None:
        """Do what the entries say, one after the other."""
        for entry in entries:
            self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        match entry:
            case Opened(call_id):
                self.open.setdefault(call_id, []).append("opened")
            case Noted(call_id) if call_id in self.open:
                self.open[call_id].append("noted")
            case Seen():
                self._see(entry)
            case Recorded(call_id, recorded_us, body):
                self.open.pop(call_id, None)
                self.waiting.setdefault(call_id, (recorded_us, body))
            case Shipped(call_ids):
                self.waiting = {k: v for k, v in self.waiting.items() if k not in call_ids}
            case SetAside(call_id) if call_id in self.waiting:
                self.aside[call_id] = self.waiting.pop(call_id)
            case PutBack():
                self.waiting, self.aside = self.aside | self.waiting, {}

    def _see(self, entry: Seen) -> None:
        for call_id in self.open.keys() & set(entry.call_ids):
            others = [one for one in self.open[call_id] if one in ("opened", "noted")]
            self.open[call_id] = [*others, f"seen {entry.at_us}"]

    def seen(self) -> object:
        """Give everything, comparable."""
        open_calls = {call_id: sorted(known) for call_id, known in self.open.items()}
        return dict(self.waiting), open_calls, len(self.aside)


def seen(file: JournalFile) -> object:
    """Give everything a file holds, in the model's form."""
    waiting = file.pending(1000)
    counts = file.counts()
    by_id = {record.call_id: (record.recorded_us, record.body) for record in waiting}
    assert len(by_id) == len(waiting) == counts.records
    open_calls = {
        call.call_id: sorted(_named(facts) for facts in call.facts)
        for call in file.open_calls()
    }
    return by_id, open_calls, counts.set_aside


def _named(facts: dict[str, object]) -> str:
    """Name a fact as the model does."""
    ((name, value),) = facts.items()
    return f"seen {value}" if name == "seen_us" else name


@given(batches=BATCHES)
@settings(max_examples=60, deadline=None)
def test_agrees_with_the_model_also_after_a_crash(batches: list[list[Entry]]) -> None:
    """After any entries the file says what the model says, and so does one opened afresh."""
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        with closing(JournalFile(path)) as file:
            for batch in batches:
                file.apply(batch)
                model.apply(batch)
            assert seen(file) == model.seen()
            after_kill = _copied(path, Path(folder) / "after-kill")
        with closing(JournalFile(after_kill)) as file:
            assert seen(file) == model.seen()


@given(batches=BATCHES.filter(bool), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_part_of_the_log_is_a_part_of_the_history(
    batches: list[list[Entry]], data: st.DataObject
) -> None:
    """Cut off anywhere, the log gives back whole batches: none half, none out of order."""
    history = [Model().seen()]
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        with closing(JournalFile(path)) as file:
            file.reclaim()  # from here on everything is in the log
            for batch in batches:
                file.apply(batch)
                model.apply(batch)
                history.append(model.seen())
            cut = _copied(path, Path(folder) / "cut")
        log = cut.with_name(cut.name + "-wal")
        size = data.draw(st.integers(0, log.stat().st_size))
        with log.open("r+b") as opened:
            opened.truncate(size)

        with closing(JournalFile(cut)) as file:
            assert seen(file) in history


def _copied(path: Path, folder: Path) -> Path:
    """Take the database and its log as a process killed at this moment would leave them."""
    folder.mkdir()
    for name in (path.name, path.name + "-wal"):
        if (path.parent / name).exists():
            shutil.copy(path.parent / name, folder / name)
    return folder / path.name
