"""Calls that no engine served: refused by the switch's own dialplan, and recorded all the same.

Their engine died over them before it had decided, or none took them. An engine that lives sees
their end over its link and writes the record. Several may; it is the same one for all of them.
"""

from __future__ import annotations

from dataclasses import replace

import gevent

from callcontrol.calls.arrival import call_of
from callcontrol.calls.engine import Engine
from callcontrol.calls.figures import count_record
from callcontrol.calls.hangup import WENT_WRONG
from callcontrol.calls.kept_facts import ENGINE
from callcontrol.calls.recording import cdr_of, draft_of
from callcontrol.errors import JournalError
from callcontrol.esl.event import Event
from dialplan import parse_number_or_none

NO_ENGINE = "no engine"
# More than an engine that is started anew for a minute can have missed.
_MOST = 10_000
_LOOK_S = 1.0


def is_unserved(end: Event) -> bool:
    """Say whether a leg ended by the dialplan's own refusal, no engine having connected it."""
    return (
        end.hangup_cause == WENT_WRONG
        and end.answered_us is None
        and end.variable("socket_host") is not None
        and end.variable(ENGINE) is None
    )


class Unserved:
    """The calls that no engine served, until their record is written.

    That is not done at once: the engine that had one may live, or come back, and know more.

    Args:
        engine: for the clock and the journal.
        wait_s: how long that is waited for.
    """

    def __init__(self, engine: Engine, *, wait_s: float = 10.0) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._ends: dict[str, tuple[float, Event]] = {}
        self._greenlet = gevent.Greenlet(self._run)

    def start(self) -> None:
        """Begin to write records. Switches: no."""
        self._greenlet.start()

    def stop(self) -> None:
        """Write all that is left. Switches: waits for the disk."""
        self._greenlet.kill()
        self.record(is_last=True)

    def see(self, end: Event) -> None:
        """Take the end of a leg that no call of ours stands for. Switches: no."""
        if is_unserved(end) and len(self._ends) < _MOST:
            self._ends.setdefault(end.uuid, (self._engine.clock.monotonic_s(), end))

    def forget(self, leg_uuid: str) -> None:
        """Let go of one whose call was found after all. Switches: no."""
        self._ends.pop(leg_uuid, None)

    def record(self, *, is_last: bool = False) -> None:
        """Write the records that are due; the last time, all.

        Switches: waits for the disk, at most the journal's deadline for each.
        """
        due_s = self._engine.clock.monotonic_s() - self._wait_s
        due = [end for seen_s, end in self._ends.values() if is_last or seen_s <= due_s]
        for end in due:
            self.forget(end.uuid)
            try:
                _record(end, self._engine)
            except Exception:
                # A border: one odd leg must not cost the records of the others.
                self._engine.log.exception("record_unfinished", leg_uuid=end.uuid)

    def _run(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            self.record()


def _record(end: Event, engine: Engine) -> None:
    call = call_of(end, engine)
    call.is_adopted = True
    call.draft = replace(draft_of(call, engine.settings.engine), rule=NO_ENGINE)
    directory = engine.reference().directory
    dialled = parse_number_or_none(call.dialled, prefixes=directory.prefixes)
    number = directory.numbers.get(dialled) if dialled else None
    if number is not None:
        call.draft = replace(
            call.draft,
            number=number.number,
            category=number.category,
            customer=number.customer_id,
        )
    engine.metrics.calls_unserved.inc()
    engine.log.warning("call_unserved", call_id=call.call_id, leg_uuid=call.leg_uuid)
    cdr = cdr_of(call, end)
    try:
        engine.journal.record(cdr)
    except JournalError:
        engine.log.exception("journal_failed", call_id=call.call_id)
    count_record(cdr, engine.metrics)
