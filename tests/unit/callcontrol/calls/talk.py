"""A call in talk over fakes, whose caller is told prices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from callcontrol.calls.levels import heard
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.speaking import has_played
from callcontrol.prompts import PromptFolder
from tariffs import Tariff
from tests.builders import (
    ANSWERED_US,
    LEG,
    at,
    make_channel,
    make_engine,
    make_event,
    make_reference,
)
from tests.fakes.switch import FakeSession, answers
from tests.waiting import eventually


class Talk:
    """A call in talk.

    Attributes:
        engine: with fakes.
        call: the call.
        cdr: its record, once it is over.
    """

    def __init__(self, engine, call):
        self.engine, self.call, self.cdr = engine, call, None

    def stopped(self, file, *, at_us, status="done"):
        """Have the switch say that what it played to the caller has ended."""
        event = make_event(
            "PLAYBACK_STOP",
            Unique_ID=LEG,
            Event_Date_Timestamp=at_us,
            Playback_File_Path=file,
            Playback_Status=status,
        )
        has_played(event, self.engine)
        gevent.sleep(0)

    def pressed(self, key, *, at_us):
        """Have the caller press a key."""
        eventually(lambda: self.call.on_key is not None, within_s=2)
        event = make_event("DTMF", Unique_ID=LEG, Event_Date_Timestamp=at_us, DTMF_Digit=key)
        heard(event, self.engine)


@contextmanager
def in_talk(
    tariff: Tariff, prompts: PromptFolder, *, until_s: float, kind=Talk, **settings
) -> Iterator[Talk]:
    """Have a call in talk, ten seconds after its answer, and its record afterwards.

    Args:
        tariff: the table it is charged by.
        prompts: what can be played.
        until_s: when it ends, from its answer.
        kind: what is given; made of the engine and the call.
        settings: of the engine.
    """
    engine = make_engine(
        make_reference(tariff=tariff),
        announce_prices="here",
        prompts=str(prompts.folder),
        voice=prompts.voice,
        **settings,
    )
    engine.link.legs.add(LEG)
    session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
    life = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    engine.clock.advance(13)
    this = kind(engine, engine.live_calls.find(LEG))
    try:
        yield this
        engine.link.end(LEG, at_us=at(until_s), answered_us=ANSWERED_US)
        life.get(timeout=10)
        (this.cdr,) = engine.journal.records.values()
    finally:
        life.kill()
