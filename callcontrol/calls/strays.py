"""Calls that no engine served: refused by the switch's own dialplan, and recorded all the same.

Their engine died over them before it had decided, or none took them. An engine that lives sees
their end over its link and writes the record. Several may; it is the same one for all of them.
"""

from __future__ import annotations

from dataclasses import replace

from callcontrol.calls.arrival import call_of
from callcontrol.calls.engine import Engine
from callcontrol.calls.figures import count_record
from callcontrol.calls.hangup import WENT_WRONG
from callcontrol.calls.recording import cdr_of, draft_of
from callcontrol.errors import JournalError
from callcontrol.esl.event import Event
from dialplan import parse_number_or_none

NO_ENGINE = "no engine"

# Set on the leg in one go with its first bridge.
_DECIDED = "cc_call"


def is_unserved(end: Event) -> bool:
    """Say whether a leg ended by the dialplan's own refusal, no engine having connected it."""
    return (
        end.hangup_cause == WENT_WRONG
        and end.answered_us is None
        and end.variable("socket_host") is not None
        and end.variable(_DECIDED) is None
    )


def record_unserved(end: Event, engine: Engine) -> None:
    """Write the record of a call that no engine served.

    Switches: waits for the disk, at most the journal's deadline.
    """
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
