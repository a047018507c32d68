"""Every reason we end a call ourselves, and the cause it sends."""

from __future__ import annotations

import gevent

from callcontrol.calls.advice import advise_end
from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.esl.session import Session
from dialplan import PLATFORM, Connect, Disposition, Release

MAXIMUM_REACHED = "ALLOTTED_TIMEOUT"
OVERLOAD = "SWITCH_CONGESTION"
OUT_OF_ORDER = "NETWORK_OUT_OF_ORDER"
WENT_WRONG = "NORMAL_TEMPORARY_FAILURE"

# The cause the switch gives a leg that was answered with a SIP code of our choice, such as 433.
_AFTER_RESPOND = "NORMAL_UNSPECIFIED"

# A call is released this long before the charge that would pass its maximum, in microseconds:
# the switch needs about 20 ms, and a metered second that has begun is charged whole.
BEFORE_MAXIMUM_US = 250_000


def obstacle(call: Call, decision: Connect, engine: Engine) -> Release | None:
    """Say what, of the engine's own, stands in the way of connecting a call. Switches: no.

    A call is never connected unless it can be metered, seen to its end and recorded. A free one
    may go on while the journal fails: what it would lose is no money.
    """
    if engine.live_calls.in_progress(PLATFORM) > engine.settings.max_calls:
        rule, cause, disposition = "overload", OVERLOAD, Disposition.CONGESTION
    elif not engine.link.is_up:
        rule, cause, disposition = "no link to the switch", OUT_OF_ORDER, Disposition.FAILED
    elif engine.journal.fault is not None and (not call.tariff or call.tariff.costs_something):
        rule, cause, disposition = "journal failing", OUT_OF_ORDER, Disposition.FAILED
    else:
        return None
    return released_instead(decision, rule, cause, disposition)


def released_instead(
    decision: Connect, rule: str, cause: str, disposition: Disposition
) -> Release:
    """Give the release of a call that the dialplan would have connected."""
    return Release(
        rule=rule,
        cause=cause,
        disposition=disposition,
        number=decision.number,
        customer=decision.customer,
    )


def refuse(session: Session, call: Call, cause: str, *, sip_answer: str | None = None) -> None:
    """Release a caller who was not answered, over the call's own socket.

    Args:
        session: the call's socket.
        call: the call.
        cause: the hangup cause's name; the caller gets the SIP answer that belongs to it.
        sip_answer: a SIP answer (`433 Anonymity Disallowed`) to give instead.

    Switches: no; the switch's answer is not waited for, the end of the leg is.
    """
    if call.tries:
        # A destination's Reason header would go to the caller in place of our own.
        session.post(command.api("uuid_setvar", call.leg_uuid, "sip_reason"))
    if sip_answer is None:
        call.released = cause
        session.hangup(cause)
    else:
        call.released = _AFTER_RESPOND
        call.sip_code = int(sip_answer[:3])
        session.execute("respond", sip_answer)


def release(call: Call, cause: str, engine: Engine) -> bool:
    """Release a call over the link to the switch, whatever state it is in.

    A leg that is gone already, or a link that is down, is no error here: the end of the call is
    waited for elsewhere, and the switch holds a hangup of its own for what may cost too much.

    Returns:
        True when the switch took it: the end of the leg will be told.

    Switches: waits for the switch, at most the deadline of a command.
    """
    call.released = call.released or cause
    advise_end(call, engine)
    try:
        engine.link.api(
            "uuid_kill", call.leg_uuid, cause, deadline_s=engine.settings.command_deadline_s
        )
    except SessionError as exc:
        engine.log.info("release_not_taken", call_id=call.call_id, reason=str(exc))
        return False
    return True


def release_soon(call: Call, cause: str, engine: Engine) -> None:
    """Release a call without waiting. Switches: no."""
    gevent.spawn(release, call, cause, engine)
