"""MemoryJournal: the journal's interface on a dictionary, for tests that need no disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from callcontrol.cdr.call_id import CallId
from callcontrol.cdr.journal import Backlog
from callcontrol.cdr.journal_file import OpenCall, PendingRecord
from callcontrol.cdr.record import Cdr
from callcontrol.errors import JournalError


class MemoryJournal:
    """Everything `Journal` does, at once and without a disk.

    Attributes:
        fault: set it to make every `record` and `keep` fail with it, as a full disk would.
        records: what was recorded and not yet shipped, oldest first.
        facts: what was noted of the calls that are still open, oldest first.
        aside: the reason each record set aside was refused for.
    """

    def __init__(self) -> None:
        self.fault: JournalError | None = None
        self.records: dict[CallId, Cdr] = {}
        self.facts: dict[CallId, list[dict[str, object]]] = {}
        self.aside: dict[CallId, str] = {}
        self._put_aside: dict[CallId, Cdr] = {}

    def opened(
        self, call_id: CallId, facts: Mapping[str, object], *, wait_s: float = 0.0
    ) -> None:
        """Note that a call has begun."""
        self.facts.setdefault(call_id, []).append(json.loads(json.dumps(facts)))

    def noted(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call."""
        if call_id in self.facts:
            self.facts[call_id].append(json.loads(json.dumps(facts)))

    def seen(self, call_ids: Sequence[CallId], at_us: int) -> None:
        """Note that open calls were up at an instant."""
        for call_id in call_ids:
            self.noted(call_id, {"seen_us": at_us})

    def keep(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Note something about an open call for good."""
        if self.fault is not None:
            raise self.fault
        self.noted(call_id, facts)

    def record(self, cdr: Cdr) -> None:
        """Keep a record; a second one of the same call changes nothing."""
        if self.fault is not None:
            raise self.fault
        self.facts.pop(cdr.call_id, None)
        self.records.setdefault(cdr.call_id, Cdr.from_json(cdr.to_json()))

    def pending(self, limit: int) -> list[PendingRecord]:
        """Give the records that wait, oldest first."""
        return [
            PendingRecord(call_id=call_id, recorded_us=cdr.received_us, body=cdr.to_json())
            for call_id, cdr in list(self.records.items())[:limit]
        ]

    def shipped(self, call_ids: Sequence[CallId]) -> None:
        """Forget records."""
        for call_id in call_ids:
            self.records.pop(call_id, None)

    def set_aside(self, call_id: CallId, reason: str) -> None:
        """Move a record out of the way."""
        if call_id in self.records:
            self.aside[call_id] = reason
            self._put_aside[call_id] = self.records.pop(call_id)

    def put_back(self) -> None:
        """Let what was set aside be shipped again."""
        for call_id, cdr in self._put_aside.items():
            self.records.setdefault(call_id, cdr)
        self._put_aside.clear()
        self.aside.clear()

    def open_calls(self) -> list[OpenCall]:
        """Give the calls that were opened and never recorded."""
        return [
            OpenCall(call_id=call_id, facts=tuple(facts))
            for call_id, facts in self.facts.items()
        ]

    def backlog(self) -> Backlog:
        """Say how much waits; every record is as old as a new one."""
        return Backlog(
            records=len(self.records), oldest_s=0.0, set_aside=len(self.aside), held=0
        )

    def close(self) -> None:
        """Do nothing."""
