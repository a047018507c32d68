"""Plain greenswitch (PyPI `greenswitch`), its own server and sessions, as a subject.

It has no deadlines of its own: where one is asked for, gevent's is set around the call.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from greenswitch import OutboundESLServer
from greenswitch.esl import ESLEvent, OutboundSession

from tests.conformance.subjects.telling import (
    GIVE_UP_S,
    PATIENCE_S,
    argument_of,
    limit_wanted,
    tell,
)


class Application:
    """Serves one leg, as greenswitch's documentation shows."""

    def __init__(self, session: OutboundSession) -> None:
        self.session = session
        self.leg = session.session_data["Unique-ID"]
        session.register_handle("*", self.on_event)

    def run(self) -> None:
        """Serve the leg."""
        session, channel = self.session, self.session.session_data
        tell(leg=self.leg, channel=channel)
        session.myevents()
        match channel.get("variable_scenario"):
            case "command":
                self.ask("status")
            case "commands":
                gevent.joinall([gevent.spawn(self.ask, name) for name in ("first", "second")])
            case "late":
                self.ask("first", GIVE_UP_S)
                self.ask("second")
            case "execute":
                self.told_if_it_fails(lambda: self.execute(argument_of(channel)))
            case "run":
                gevent.joinall(
                    [gevent.spawn(self.play, f"{n}.wav") for n in ("first", "second")]
                )
        while session.connected:
            gevent.sleep(0.05)
        tell(leg=self.leg, over=True)

    def told_if_it_fails(self, act: Callable[[], None], **about: str) -> None:
        """Do something; whatever error it ends with is told."""
        try:
            act()
        except (Exception, gevent.Timeout) as exc:  # noqa: BLE001 - whatever it is, it is told
            tell(leg=self.leg, error=type(exc).__name__, **about)

    def ask(self, name: str, deadline_s: float = PATIENCE_S) -> None:
        """Send an API command and tell its reply."""

        def act() -> None:
            with gevent.Timeout(deadline_s):
                tell(leg=self.leg, reply=self.session.send(f"api {name}").data, to=name)

        self.told_if_it_fails(act, to=name)

    def execute(self, argument: str) -> None:
        """Have `set` executed."""
        self.session.call_command("set", argument)
        tell(leg=self.leg, sent=True)

    def play(self, argument: str) -> None:
        """Play one and tell when its wait ends."""

        def act() -> None:
            self.session.playback(argument)
            tell(leg=self.leg, done=argument)

        self.told_if_it_fails(act, to=argument)

    def on_event(self, event: ESLEvent) -> None:
        """Tell an event."""
        tell(
            leg=self.leg,
            event=event.headers.get("Event-Name"),
            headers=event.headers,
            body=getattr(event, "data", ""),
        )


if __name__ == "__main__":
    server = OutboundESLServer(
        "127.0.0.1",
        # It takes no port 0: it calls that "not bound".
        list(range(40_000, 60_000, 7)),
        application=Application,
        max_connections=limit_wanted(),
    )
    serving = gevent.spawn(server.listen)
    while server.bound_port is None:
        gevent.sleep(0.01)
    tell(port=server.bound_port)
    serving.join()
