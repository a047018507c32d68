"""Advice of charge to the network a call came from; experimental, and off unless it asks.

An INFO in the caller's dialogue tells what the call has cost when its level changes (AOC-D),
and what it costs when we release it (AOC-E), just before the BYE. When the caller or the
destination hangs up there is none: the dialogue is over by the time we know.

Source: 3GPP TS 24.647. Which messages its parts travel in could not be confirmed.
"""

from __future__ import annotations

from callcontrol.calls.aoc_xml import CONTENT_TYPE, Advice, Kind, advice_to_xml
from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.reference import Reference

# Without it the switch sends an INFO only to parties that announce that they are one like it.
_MAY_SEND = "fs_send_unsupported_info"


def takes_advice(trunk: str, reference: Reference) -> bool:
    """Say whether the network whose own trunk signals from an address takes advice."""
    operator = reference.operators.at(trunk)
    return operator is not None and operator.advice_of_charge


def advise_change(call: Call, engine: Engine) -> None:
    """Tell what the call has cost so far, its level having changed. Switches: as `_send`."""
    if call.takes_advice:
        _send(call, "aoc-d", engine)


def advise_end(call: Call, engine: Engine) -> None:
    """Tell what the call costs, which is about to be released. Switches: as `_send`."""
    if call.takes_advice:
        _send(call, "aoc-e", engine)


def _send(call: Call, kind: Kind, engine: Engine) -> None:
    """Send an advice, if anything is metered; one that cannot be sent is lost.

    Switches: only while the switch does not read, at most the deadline for writing.
    """
    if call.meter is None or call.tariff is None:
        return
    rated = call.meter.rated(max(engine.clock.now_us(), call.told_us))
    is_free = not call.tariff.costs_something
    advice = Advice(
        kind=kind,
        information="subtotal" if kind == "aoc-d" else None,
        amount=None if is_free else rated.charge,
        currency="" if is_free else rated.currency,
        is_free=is_free,
    )
    try:
        engine.link.post(
            command.api("uuid_setvar", call.leg_uuid, _MAY_SEND, "true"),
            command.api("uuid_send_info", call.leg_uuid, *CONTENT_TYPE, advice_to_xml(advice)),
        )
    except SessionError as exc:
        engine.log.info("advice_not_sent", call_id=call.call_id, reason=str(exc))
