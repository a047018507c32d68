"""Our own sessions as a subject."""

from __future__ import annotations

import sys
from collections.abc import Callable

import gevent
import structlog

from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.esl.listener import Listener
from callcontrol.esl.session import Session
from tests.conformance.subjects.telling import (
    GIVE_UP_S,
    PATIENCE_S,
    argument_of,
    limit_wanted,
    tell,
)


def serve(session: Session) -> None:
    """Serve one leg: do what the scenario says, and beside it tell each event and the end."""
    channel = session.open(PATIENCE_S)
    tell(leg=channel.uuid, channel=dict(channel.headers))
    listening = gevent.spawn(listen, session)
    match channel.variable("scenario"):
        case "command":
            ask(session, "status")
        case "commands":
            gevent.joinall([gevent.spawn(ask, session, name) for name in ("first", "second")])
        case "late":
            ask(session, "first", GIVE_UP_S)
            ask(session, "second")
        case "execute":
            told_if_it_fails(session, lambda: execute(session, argument_of(channel.headers)))
        case "run":
            gevent.joinall(
                [gevent.spawn(run, session, f"{n}.wav") for n in ("first", "second")]
            )
    listening.join()


def told_if_it_fails(session: Session, act: Callable[[], None], **about: str) -> None:
    """Do something; whatever error it ends with is told."""
    try:
        act()
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
        tell(leg=session.uuid, error=type(exc).__name__, **about)


def ask(session: Session, name: str, deadline_s: float = PATIENCE_S) -> None:
    """Send an API command and tell its reply."""

    def act() -> None:
        tell(leg=session.uuid, reply=session.send(command.api(name), deadline_s).text, to=name)

    told_if_it_fails(session, act, to=name)


def execute(session: Session, argument: str) -> None:
    """Have `set` executed."""
    session.execute("set", argument)
    tell(leg=session.uuid, sent=True)


def run(session: Session, argument: str) -> None:
    """Play one and tell when its wait ends."""

    def act() -> None:
        session.run("playback", argument, deadline_s=PATIENCE_S)
        tell(leg=session.uuid, done=argument)

    told_if_it_fails(session, act, to=argument)


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
