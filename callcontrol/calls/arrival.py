"""Makes a Call of what the switch tells of the caller's leg."""

from __future__ import annotations

from callcontrol.calls.call import Call, LegUuid
from callcontrol.calls.caller import caller_of, is_trusted, trunk_of
from callcontrol.calls.engine import Engine
from callcontrol.cdr import call_id_for
from callcontrol.esl.event import Event


def call_of(channel: Event, engine: Engine) -> Call:
    """Make a call of its leg, as it arrives or as it is found. Switches: no.

    Args:
        channel: the answer to `connect`, to `uuid_dump`, or the leg's end.
        engine: for the clock and the trunks.
    """
    received_us = channel.created_us or engine.clock.now_us()
    return Call(
        call_id=call_id_for(channel.uuid, received_us),
        leg_uuid=LegUuid(channel.uuid),
        received_us=received_us,
        accepted_s=engine.clock.monotonic_s(),
        seen_us=received_us,
        answered_us=channel.answered_us,
        switch=channel.header("FreeSWITCH-Switchname") or "",
        dialled=channel.header("Caller-Destination-Number") or "",
        caller=caller_of(channel, engine.trunks),
        trunk=trunk_of(channel),
        is_asserted=is_trusted(channel, engine.trunks),
        told_here=engine.settings.announce_prices == "here",
    )
