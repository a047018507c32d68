"""Play a message to a caller who is not connected: in early media, so it costs nothing.

A message is the name of a prompt; the switch plays it from the file of that name in its folder
of prompts. Whatever goes wrong with it, the caller is released as if there were none.
"""

from __future__ import annotations

from dataclasses import replace

from callcontrol.calls.call import Call
from callcontrol.calls.early_media import is_played, run_application
from callcontrol.calls.engine import Engine
from callcontrol.cdr import CdrAnnouncement
from callcontrol.errors import CommandTimeout
from callcontrol.esl import command
from callcontrol.esl.session import Session
from dialplan import PLATFORM

NOT_PLAYED = "message_not_played"
CUT_OFF = "message_cut_off"


def announce(session: Session, call: Call, message: str, engine: Engine) -> None:
    """Play a message before the call is released, and note it in the call.

    One that the switch has no file for, or that lasts too long, is flagged in the record. While
    the platform is full none is played: the place is somebody's who could be connected.

    Args:
        session: the call's own socket.
        call: not answered; its announcements and flags are added to.
        message: the prompt's name.
        engine: everything else.

    Raises:
        SessionGone: the caller has left.

    Switches: waits for the switch, at most the longest a message may last, and a command.
    """
    chosen = engine.settings
    if engine.live_calls.in_progress(PLATFORM) > chosen.max_calls:
        return
    # The switch's dialplan has armed a hangup against an engine that takes a call and dies.
    session.post(command.api("sched_del", call.leg_uuid))
    try:
        opened = run_application(
            session, call, "pre_answer", deadline_s=chosen.command_deadline_s
        )
        playing = CdrAnnouncement(
            name=message, started_us=opened.event_us or engine.clock.now_us()
        )
        call.announcements.append(playing)
        file = prompt_file(chosen.prompts, message)
        played = run_application(
            session, call, "playback", file, deadline_s=chosen.message_limit_s
        )
    except CommandTimeout as exc:
        # The release that follows ends it.
        call.flags.append(CUT_OFF)
        engine.log.warning(CUT_OFF, call_id=call.call_id, name=message, reason=str(exc))
        return
    if is_played(played):
        call.announcements[-1] = replace(playing, ended_us=played.event_us)
    else:
        call.announcements.pop()
        call.flags.append(NOT_PLAYED)
        engine.log.warning(NOT_PLAYED, call_id=call.call_id, name=message, file=file)


def prompt_file(folder: str, name: str) -> str:
    """Give the file, on the switch's machine, of a prompt."""
    return f"{folder.rstrip('/')}/{name}.wav"
