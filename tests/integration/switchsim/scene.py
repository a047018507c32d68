"""A switch, its parties and its engine in one thread, moved forward by `until`."""

import socket
import struct
from collections.abc import Callable
from urllib.parse import unquote

from switchsim import dialplan
from switchsim.conformance.recording import frame_kind
from switchsim.conformance.speaker import Frames
from switchsim.loop import Loop
from switchsim.phones.caller import Caller, Plan
from switchsim.phones.destination import Destination, parse_rule
from switchsim.settings import Gateway, Settings
from switchsim.switch import Switch

PASSWORD = "secret"
_LOOK_S = 0.002


class Side:
    """Our end of an event-socket connection."""

    def __init__(self, scene, sock):
        sock.setblocking(False)
        self._scene = scene
        self._socket = sock
        self._reader = Frames()
        self.frames = []
        self.is_closed = False
        scene.loop.watch(sock, read=self._read)

    def send(self, text):
        """Sends a command, with the blank line that ends it."""
        self._socket.send(text.encode("latin-1") + b"\n\n")

    def send_raw(self, data):
        """Sends bytes."""
        self._socket.send(data)

    def ask(self, text):
        """Sends a command and gives its reply."""
        before = len(self.replies)
        self.send(text)
        self._scene.until(lambda: len(self.replies) > before, f"a reply to {text!r}")
        return self.replies[before]

    def api(self, text):
        """The body of an api command's result."""
        return self.ask(f"api {text}").partition("\n\n")[2]

    def execute(self, application, argument="", uuid="", **headers):
        """Sends a sendmsg that runs an application."""
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {application}"]
        lines += [f"execute-app-arg: {argument}"] if argument else []
        lines += [f"Event-UUID: {uuid}"] if uuid else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\n".join(lines))

    def wait(self, kind, count=1):
        """The headers of the event of that kind that comes as the `count`-th."""
        self._scene.until(lambda: self.kinds.count(kind) >= count, f"{kind} number {count}")
        found = [frame for frame in self.frames if frame_kind(frame) == kind]
        return headers(found[count - 1])

    @property
    def kinds(self):
        """What came, in order."""
        return [frame_kind(frame) for frame in self.frames]

    @property
    def replies(self):
        """Replies that came, in order."""
        wanted = {"reply", "api reply", "CHANNEL_DATA"}
        return [frame for frame in self.frames if frame_kind(frame) in wanted]

    def close(self):
        """Ends the connection politely."""
        self._stop_watching()
        self._socket.close()

    def reset(self):
        """Ends the connection with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def _read(self):
        try:
            data = self._socket.recv(1 << 20)
        except OSError:
            data = b""
        if data:
            self.frames += self._reader.feed(data)
        else:
            self.is_closed = True
            self.close()

    def _stop_watching(self):
        if self._socket.fileno() >= 0:
            self._scene.loop.watch(self._socket)


class Scene:
    """One test's world."""

    def __init__(self, actions=None, gateways=(), **settings):
        self.loop = Loop()
        self._sides = []
        self._parties = []
        self.calls = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self._listener.setblocking(False)
        self.engine_address = "{}:{}".format(*self._listener.getsockname())
        self.loop.watch(self._listener, read=self._accept)
        self.engines = []
        lines = actions or ["set continue_on_fail=true", "set hangup_after_bridge=true",
                            "set sip_ignore_remote_cause=true", "socket ENGINE async full",
                            "respond 503 Service Unavailable"]  # fmt: skip
        rows = [("^(.*)$", [line.replace("ENGINE", self.engine_address) for line in lines])]
        self.switch = Switch(
            Settings(
                sip=("127.0.0.1", 0),
                event_socket=("127.0.0.1", 0),
                password=PASSWORD,
                dialplan=dialplan.from_rows(rows),
                gateways={
                    name: Gateway(name=name, host=host, port=port)
                    for name, host, port in gateways
                },
                **settings,
            ),
            self.loop,
        )

    def close(self):
        """Closes every socket of the test."""
        for side in (*self._sides, *self.engines):
            side.close()
        for party in self._parties:
            party.line.close()
        self.loop.watch(self._listener)
        self._listener.close()
        self.switch.close()
        self.loop.close()

    def until(self, is_so: Callable[[], bool], what: str = "it", within_s: float = 5.0):
        """Runs everything until `is_so`; fails when it does not come about in time."""
        outcome = []

        def look():
            if is_so():
                outcome.append(True)
                self.loop.stop()
            else:
                self.loop.later(_LOOK_S, look)

        overdue = self.loop.later(within_s, self.loop.stop)
        look()
        if not outcome:
            self.loop.run()
        overdue.cancel()
        assert outcome, f"waited {within_s} s for {what}"

    def pass_time(self, seconds):
        """Runs everything for a while, to see that something does not happen."""
        self.loop.later(seconds, self.loop.stop)
        self.loop.run()

    def destination(self, *rules):
        """A destination; `.events` holds its reports, `.at` its endpoint for a user."""
        events = []
        party = Destination(
            self.loop, ("127.0.0.1", 0), [parse_rule(rule) for rule in rules], events.append
        )
        party.events = events
        host, port = party.line.address
        party.at = lambda user: f"sofia/external/{user}@{host}:{port}"
        self._parties.append(party)
        return party

    def call(self, number="0900123456", **plan):
        """Places a call; the report it ends with is added to `calls`."""
        caller = Caller(self.loop, ("127.0.0.1", 0), self.switch.sip_address, self.calls.append)
        self._parties.append(caller)
        caller.place(Plan(number=number, **plan))
        return caller

    def engine(self, count=1):
        """Our side of the `count`-th connection that a call opened."""
        self.until(lambda: len(self.engines) >= count, "a connection of the call")
        return self.engines[count - 1]

    def attached(self, events="myevents", **plan):
        """Places a call and answers its connection up to the subscription."""
        count = len(self.engines) + 1
        self.call(**plan)
        engine = self.engine(count)
        engine.ask("connect")
        engine.uuid = headers(engine.replies[0])["Unique-ID"]
        engine.ask(events)
        return engine

    def link(self):
        """An authenticated connection to the event socket."""
        side = self.connect()
        side.ask(f"auth {PASSWORD}")
        return side

    def connect(self):
        """A connection to the event socket."""
        sock = socket.socket()
        sock.connect(self.switch.event_socket_address)
        side = Side(self, sock)
        self._sides.append(side)
        return side

    def ended(self, count=1):
        """The report of the `count`-th call that ended."""
        self.until(lambda: len(self.calls) >= count, "the end of the call", within_s=10)
        return self.calls[count - 1]

    def _accept(self):
        sock, _ = self._listener.accept()
        side = Side(self, sock)
        self._sides.append(side)
        self.engines.append(side)


def headers(frame):
    """The decoded headers of an event or of the connect reply."""
    text = frame.partition("\n\n")[2] if frame.startswith("Content-Length") else frame
    pairs = (line.partition(": ") for line in text.split("\n"))
    return {name: unquote(value, "latin-1") for name, colon, value in pairs if colon}
