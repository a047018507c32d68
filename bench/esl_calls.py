"""What one call costs the engine at the event socket: CPU and latency, on a recorded call.

The process started plays the switch; the engine runs in one of its own, whose CPU alone is
counted.

    python -m bench.esl_calls [--engine ours|greenswitch|genesis] [--calls 2000]
        [--per-second 200] [--json]
    python -m bench.esl_calls --hand-over

For each call: `connect` is answered, the bridge awaited, the recorded events up to the bridge
are played, and half a second later those up to the end. With `--hand-over` the engine closes at
the bridge, and the end comes over one inbound link, as in production. For genesis, which is no
dependency of ours, GENESIS names the Python of an environment that has it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import gevent
import structlog
from gevent import socket
from gevent.event import Event as Signal
from gevent.fileobject import FileObject
from gevent.pool import Pool
from gevent.server import StreamServer
from greenswitch import OutboundESLServer
from greenswitch.esl import ESLEvent, OutboundSession

from bench.played_call import BRIDGED, EVENTS, MESSAGES, OK
from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.esl.control import Control
from callcontrol.esl.event import Event
from callcontrol.esl.listener import Listener
from callcontrol.esl.session import Session

TALK_S = 0.5


# The engine


def read_end(event: Event) -> None:
    """Read of the end of a call what a record needs."""
    _ = event.uuid, event.hangup_cause, event.answered_us, event.hangup_us


def serve_ours(hands_over: bool, link_port: int) -> int:
    """Serve calls with our sessions; give the port."""
    last = "CHANNEL_BRIDGE" if hands_over else "CHANNEL_HANGUP_COMPLETE"

    def serve(session: Session) -> None:
        channel = session.open()
        for name in ("Caller-Destination-Number", "Caller-Caller-ID-Number"):
            channel.header(name)
        bridge = session.execute("bridge", "sofia/external/+41445550190@127.0.0.1:5090")
        with contextlib.suppress(SessionError):
            while (event := session.next_event(60)) is not None:
                _ = event.progress_us, event.application_uuid == bridge, event.answered_us
                if event.name == last:
                    break
            if not hands_over:
                read_end(event)

    listener = Listener(serve, port=0, max_sessions=10_000)
    listener.start()
    if hands_over:
        subscribe = [command.event_plain("CHANNEL_HANGUP_COMPLETE")]
        Control("127.0.0.1", link_port, "x", on_event=read_end, subscribe=subscribe).start()
    return listener.address[1]


class Application:
    """Serves one call with plain greenswitch."""

    def __init__(self, session: OutboundSession) -> None:
        self.session = session
        self.ended = Signal()
        session.register_handle("*", self.on_event)

    def on_event(self, event: ESLEvent) -> None:
        """Notice the end."""
        if event.headers.get("Event-Name") == "CHANNEL_HANGUP_COMPLETE":
            self.ended.set()

    def run(self) -> None:
        """Live the call."""
        self.session.myevents()
        self.session.bridge("sofia/external/+41445550190@127.0.0.1:5090", block=False)
        self.ended.wait(60)


def serve_greenswitch() -> int:
    """Serve calls with plain greenswitch; give the port."""
    ports = list(range(40_000, 60_000, 7))
    server = OutboundESLServer("127.0.0.1", ports, Application, max_connections=10_000)
    gevent.spawn(server.listen)
    while server.bound_port is None:
        gevent.sleep(0.01)
    return server.bound_port


def engine(kind: str, hands_over: bool, link_port: int) -> None:
    """Serve until standard input closes, telling the CPU used so far for each line read."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    port = serve_greenswitch() if kind == "greenswitch" else serve_ours(hands_over, link_port)
    print(json.dumps({"port": port}), flush=True)
    for _ in FileObject(sys.stdin, "r"):
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"user_s": used.ru_utime, "system_s": used.ru_stime}), flush=True)


# The switch


class Switch:
    """Plays calls, and takes the inbound link they may end on."""

    def __init__(self, hands_over: bool) -> None:
        self.hands_over = hands_over
        self.link: socket.socket | None = None
        self.server = StreamServer(("127.0.0.1", 0), self.on_link)
        self.server.start()
        self.to_bridge_s: list[float] = []
        self.talking: list[gevent.Greenlet] = []

    def on_link(self, sock: socket.socket, _: object) -> None:
        """Accept the engine's link and say yes to whatever it asks."""
        sock.sendall(b"Content-Type: auth/request\n\n")
        self.link = sock
        while data := sock.recv(4096):
            sock.sendall(OK * data.count(b"\n\n"))

    def call(self, port: int) -> None:
        """Play one call."""
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started_s = time.monotonic()
        received, answered = b"", 0
        while b"bridge" not in received:
            received += sock.recv(4096)
            while received.count(b"\n\n") > answered:
                sock.sendall(OK if answered else MESSAGES[0])
                answered += 1
        self.to_bridge_s.append(time.monotonic() - started_s)
        sock.sendall(b"".join(EVENTS[:BRIDGED]))
        self.talking.append(gevent.spawn_later(TALK_S, self.end, sock))

    def end(self, sock: socket.socket) -> None:
        """Play the end of one call."""
        if self.hands_over and self.link is not None:
            self.link.sendall(EVENTS[-1])
        else:
            sock.sendall(b"".join(EVENTS[BRIDGED:]))
        sock.close()

    def play(self, port: int, calls: int, per_second: float, saturate: int) -> None:
        """Play calls at a steady rate, or so many in set-up at once, and wait for all."""
        pool = Pool(saturate or None)
        playing = []
        started_s = time.monotonic()
        for n in range(calls):
            if not saturate:
                gevent.sleep(max(0.0, started_s + n / per_second - time.monotonic()))
            playing.append(pool.spawn(self.call, port))
        gevent.joinall(playing, raise_error=True)
        gevent.joinall(self.talking, raise_error=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["ours", "greenswitch", "genesis"], default="ours")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--per-second", type=float, default=200)
    parser.add_argument("--saturate", type=int, default=0, help="so many in set-up at once")
    parser.add_argument("--hand-over", action="store_true")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Run the benchmark and print its figures."""
    wanted = arguments()
    if wanted.serve is not None:
        engine(wanted.engine, wanted.hand_over, wanted.serve)
        return
    switch = Switch(wanted.hand_over)
    options = ["--engine", wanted.engine, "--serve", str(switch.server.server_port)]
    options += ["--hand-over"] * wanted.hand_over
    program = [sys.executable, "-m", "bench.esl_calls", *options]
    if wanted.engine == "genesis":
        program = [os.environ["GENESIS"], "-m", "bench.peer_genesis"]
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        port = json.loads(process.stdout.readline())["port"]

        def used_ms() -> tuple[float, float]:
            process.stdin.write("\n")
            process.stdin.flush()
            told = json.loads(process.stdout.readline())
            return told["user_s"] * 1000, told["system_s"] * 1000

        switch.play(port, 50, 100, 0)  # warm
        switch.to_bridge_s.clear()
        before, started_s = used_ms(), time.monotonic()
        switch.play(port, wanted.calls, wanted.per_second, wanted.saturate)
        took_s = time.monotonic() - started_s
        after = used_ms()
        process.kill()
    user_ms, system_ms = ((b - a) / wanted.calls for a, b in zip(before, after, strict=True))
    waits_ms = sorted(one * 1000 for one in switch.to_bridge_s)
    p50, p99 = statistics.median(waits_ms), waits_ms[len(waits_ms) * 99 // 100]
    if wanted.json:
        cpu_ms = user_ms + system_ms
        told = {"cpu_ms": cpu_ms, "p50_ms": p50, "p99_ms": p99}
        print(json.dumps({**told, "per_second": wanted.calls / took_s}))
        return
    print(
        f"{wanted.engine}{', hand-over' * wanted.hand_over}: {user_ms + system_ms:.2f} ms CPU "
        f"a call ({system_ms:.2f} of it system), connect to bridge p50 {p50:.2f} ms, "
        f"p99 {p99:.2f} ms; {len(waits_ms)} calls at {wanted.calls / took_s:.0f}/s"
    )


if __name__ == "__main__":
    main()
