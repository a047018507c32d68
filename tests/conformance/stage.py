"""The scripted switch that plays a case to a subject, and hears what the subject tells."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conformance.frames import api_response, channel_data, reply
from tests.processes import resident_bytes

ROOT = Path(__file__).parents[2]
PATIENCE_S = 2.0
"""How long a subject has to do what is expected; a frozen one uses it up."""
_BODY = re.compile(r"\ncontent-length: (\d+)$")
_SUBSCRIPTIONS = ("myevents", "event ", "filter ", "linger", "divert_events")


class Leg:
    """The switch's end of one connection, on a plain blocking socket."""

    def __init__(self, stage: Stage, uuid: str, *, receive_bytes: int | None = None) -> None:
        self.uuid = uuid
        self._stage = stage
        self._sock = socket.socket()
        if receive_bytes is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.settimeout(PATIENCE_S)
        self._sock.connect(("127.0.0.1", stage.port))
        self._received = b""

    def answer_connect(self, scenario: str, **headers: str) -> None:
        """Wait to be asked what the leg is, and say it."""
        self.answer_connect_with(channel_data(self.uuid, variable_scenario=scenario, **headers))

    def answer_connect_with(self, data: bytes) -> None:
        """Wait to be asked what the leg is, and say it in these bytes."""
        asked = self.command()
        assert asked == "connect", f"the first command is {asked!r}"
        self.send(data)

    def open(self, scenario: str, **headers: str) -> dict[str, Any] | None:
        """Go through `connect` and subscriptions; give the channel as the subject saw it."""
        self.answer_connect(scenario, **headers)
        return self.channel()

    def channel(self) -> dict[str, Any] | None:
        """Grant subscriptions until the subject tells the channel; None when it does not."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            told = self._stage.told(self.uuid, "channel", patience_s=0.02)
            self.grant()
            if told is not None:
                channel: dict[str, Any] = told["channel"]
                return channel
        return None

    def grant(self) -> None:
        """Say yes to the subscriptions that have come, without waiting."""
        while select.select([self._sock], [], [], 0)[0]:
            data = self.receive()
            if not data:
                break
            self._received += data
        while self._received.startswith(tuple(s.encode() for s in _SUBSCRIPTIONS)):
            _, end, rest = self._received.partition(b"\n\n")
            if not end:
                break
            self._received = rest
            self.send(reply())

    def command(self) -> str | None:
        """Wait for a command, subscriptions apart; None when none comes."""
        while True:
            while b"\n\n" not in self._received:
                data = self.receive()
                if not data:
                    return None
                self._received += data
            first, self._received = self._received.split(b"\n\n", 1)
            command = first.decode()
            if body := _BODY.search(command):
                return f"{command}\n\n{self._body(int(body[1]))}"
            if not command.startswith(_SUBSCRIPTIONS):
                return command
            self.send(reply())

    def _body(self, length: int) -> str:
        """Wait for so many bytes that belong to a command."""
        while len(self._received) < length and (data := self.receive()):
            self._received += data
        body, self._received = self._received[:length], self._received[length:]
        return body.decode()

    def receive(self) -> bytes:
        """Wait for bytes; none when none come."""
        try:
            return self._sock.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            return b""

    def commands_until_quiet(self) -> list[str]:
        """Give the commands that come before nothing comes any more."""
        self._sock.settimeout(0.5)
        commands = []
        while (one := self.command()) is not None:
            commands.append(one)
        return commands

    def send(self, *data: bytes) -> bool:
        """Send bytes in one piece; False when the subject takes no more."""
        try:
            self._sock.sendall(b"".join(data))
        except (TimeoutError, ConnectionError):
            return False
        return True

    def send_in_pieces(self, data: bytes, size: int) -> None:
        """Send bytes in pieces of this size."""
        for start in range(0, len(data), size):
            self.send(data[start : start + size])

    def accept_command(self) -> str | None:
        """Wait for one command and say yes to it."""
        command = self.command()
        if command is not None:
            self.send(api_response("UP") if command.startswith("api ") else reply())
        return command

    def told(self, *what: str) -> dict[str, Any] | None:
        """Wait for the subject to tell one of these of the leg; None when it does not."""
        return self._stage.told(self.uuid, *what)

    def close(self) -> None:
        """Close without a word."""
        self._sock.close()


class Stage:
    """A running subject and the legs it was sent.

    Args:
        command: starts the subject, from the project's root.
        limit: how many legs it is to admit at a time.
    """

    def __init__(self, command: Sequence[str], *, limit: int | None = None) -> None:
        arguments = [] if limit is None else ["--limit", str(limit)]
        self._program = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._unread = b""
        self._told: list[dict[str, Any]] = []
        self._legs: list[Leg] = []
        started = self.told(None, "port", patience_s=20.0)
        if started is None:
            self._program.kill()
            self._program.communicate()
            raise RuntimeError(f"it does not start: {' '.join(command)}")
        self.port: int = started["port"]

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for leg in self._legs:
            leg.close()
        self._program.kill()
        self._program.communicate()

    def leg(self, uuid: str | None = None, **settings: int) -> Leg:
        """Send the subject a leg."""
        self._legs.append(Leg(self, uuid or f"leg-{len(self._legs)}", **settings))
        return self._legs[-1]

    def resident_bytes(self) -> int:
        """Measure the memory the subject holds."""
        return resident_bytes(self._program.pid)

    def told(
        self, leg: str | None, *what: str, patience_s: float = PATIENCE_S
    ) -> dict[str, Any] | None:
        """Wait for the next thing told of a leg that has one of these; None if none comes."""
        deadline_s = time.monotonic() + patience_s
        while True:
            for facts in self._told:
                if any(one in facts for one in what) and leg in (None, facts.get("leg")):
                    self._told.remove(facts)
                    return facts
            if not self._read(deadline_s - time.monotonic()):
                return None

    def _read(self, patience_s: float) -> bool:
        """Take in what the subject has written; False when that is nothing."""
        stdout = self._program.stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], max(0.0, patience_s))
        data = os.read(stdout.fileno(), 1 << 20) if readable else b""
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._told += [json.loads(line) for line in lines if line.startswith(b"{")]
        return bool(data)
