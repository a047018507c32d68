"""Our own sessions as a subject."""

from __future__ import annotations

import sys

import gevent
import structlog

from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.esl.listener import Listener
from callcontrol.esl.session import Session
from tests.integration.esl.conformance.subject import argument_of, limit_wanted, tell

PATIENCE_S = 30.0


def serve(session: Session) -> None:
    """Serve one leg."""
    channel = session.open(PATIENCE_S)
    leg = channel.uuid
    tell(leg=leg, channel=dict(channel.headers))
    scenario = channel.variable("scenario")
    try:
        if scenario == "command":
            tell(leg=leg, reply=session.send(command.api("status"), PATIENCE_S).text)
        elif scenario == "execute":
            session.execute("set", argument_of(channel.headers))
            tell(leg=leg, sent=True)
        elif scenario == "run":
            gevent.joinall(
                [gevent.spawn(run, session, f"{n}.wav") for n in ("first", "second")]
            )
        listen(session)
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
        tell(leg=leg, error=type(exc).__name__)


def run(session: Session, argument: str) -> None:
    """Play one and tell when its wait ends."""
    session.run("playback", argument, deadline_s=PATIENCE_S)
    tell(leg=session.uuid, done=argument)


def listen(session: Session) -> None:
    """Tell every event, and the end."""
    try:
        while True:
            event = session.next_event(PATIENCE_S)
            if event is not None:
                body = event.body.decode("utf-8", "replace")
                headers = dict(event.headers)
                tell(leg=session.uuid, event=event.name, headers=headers, body=body)
    except SessionError:
        tell(leg=session.uuid, over=True)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    listener = Listener(serve, port=0, max_sessions=limit_wanted())
    listener.start()
    tell(port=listener.address[1])
    gevent.wait()
