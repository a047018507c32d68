"""Plays to a caller who is not connected: in early media, so it costs nothing."""

from __future__ import annotations

from callcontrol.calls.call import Call
from callcontrol.errors import SessionGone
from callcontrol.esl.event import Event
from callcontrol.esl.session import Session

_PLAYED = "FILE PLAYED"


def run_application(
    session: Session, call: Call, application: str, argument: str = "", *, deadline_s: float
) -> Event:
    """Run an application to its end, unless that is only the end of its leg.

    Raises:
        SessionGone: the caller has left.
        CommandTimeout: it has not ended in time.

    Switches: waits for the switch, at most deadline_s.
    """
    done = session.run(application, argument, deadline_s=deadline_s)
    if done.answer_state == "hangup":
        raise SessionGone("the caller has left", leg_uuid=call.leg_uuid)
    return done


def is_played(done: Event) -> bool:
    """Say of a playback that has ended whether the file was there, and played to its end."""
    return done.header("Application-Response") == _PLAYED
