"""Plain greenswitch, its own server and sessions, as a subject."""

from __future__ import annotations

import gevent
from greenswitch import OutboundESLServer
from greenswitch.esl import ESLEvent, OutboundSession

from tests.integration.esl.conformance.subject import argument_of, limit_wanted, tell


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
        try:
            match channel.get("variable_scenario"):
                case "command":
                    tell(leg=self.leg, reply=session.send("api status").data)
                case "execute":
                    session.call_command("set", argument_of(channel))
                    tell(leg=self.leg, sent=True)
                case "run":
                    plays = [gevent.spawn(self.play, f"{n}.wav") for n in ("first", "second")]
                    gevent.joinall(plays)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
            tell(leg=self.leg, error=type(exc).__name__)
        while session.connected:
            gevent.sleep(0.05)
        tell(leg=self.leg, over=True)

    def play(self, argument: str) -> None:
        """Play one and tell when its wait ends."""
        self.session.playback(argument)
        tell(leg=self.leg, done=argument)

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
