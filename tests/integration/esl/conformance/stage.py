"""The scripted switch that plays a case to a subject, and hears what the subject tells."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.integration.esl.peer import api_response, channel_data, reply

ROOT = Path(__file__).parents[4]
PATIENCE_S = 2.0
"""How long a subject has to do what is expected; a frozen one uses it up."""


class Leg:
    """The switch's end of one connection, on a plain blocking socket."""

    def __init__(self, stage: Stage, uuid: str, *, receive_bytes: int | None = None) -> None:
        self.uuid = uuid
        self._stage = stage
        self._sock = socket.socket()
        if receive_bytes is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._sock.settimeout(PATIENCE_S)
        self._sock.connect(("127.0.0.1", stage.port))
        self._received = b""

    def answer_connect(self, scenario: str, **headers: str) -> None:
        """Wait to be asked what the leg is, and say it."""
        assert self.command() == "connect"
        self.send(channel_data(self.uuid, variable_scenario=scenario, **headers))

    def open(self, scenario: str, **headers: str) -> dict[str, str] | None:
        """Go through `connect` and `myevents`; give the channel as the subject saw it."""
        self.answer_connect(scenario, **headers)
        assert self.command() == "myevents"
        self.send(reply("+OK Events Enabled"))
        told = self.told("channel")
        return None if told is None else told["channel"]

    def command(self) -> str | None:
        """Wait for one command; None when none comes."""
        while b"\n\n" not in self._received:
            data = self.receive()
            if not data:
                return None
            self._received += data
        command, self._received = self._received.split(b"\n\n", 1)
        return command.decode()

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

    def send(self, *data: bytes) -> None:
        """Send bytes in one piece."""
        self._sock.sendall(b"".join(data))

    def accept_command(self) -> str | None:
        """Wait for one command and say yes to it."""
        command = self.command()
        if command is not None:
            self.send(api_response("UP") if command.startswith("api ") else reply())
        return command

    def told(self, what: str) -> dict[str, Any] | None:
        """Wait for the subject to tell this of the leg; None when it does not."""
        return self._stage.told(self.uuid, what)

    def close(self) -> None:
        """Close without a word."""
        self._sock.close()


class Stage:
    """A running subject and the legs it was sent."""

    def __init__(self, subject: str, *, limit: int | None = None) -> None:
        arguments = [] if limit is None else ["--limit", str(limit)]
        self._program = subprocess.Popen(
            [sys.executable, "-m", f"tests.integration.esl.conformance.{subject}", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._unread = b""
        self._told: list[dict[str, Any]] = []
        self._legs: list[Leg] = []
        started = self.told(None, "port", patience_s=20.0)
        assert started is not None, f"{subject} does not start"
        self.port: int = started["port"]

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for leg in self._legs:
            leg.close()
        self._program.kill()
        self._program.communicate()

    def leg(self, **settings: int) -> Leg:
        """Send the subject a leg."""
        self._legs.append(Leg(self, f"leg-{len(self._legs)}", **settings))
        return self._legs[-1]

    def told(
        self, leg: str | None, what: str, patience_s: float = PATIENCE_S
    ) -> dict[str, Any] | None:
        """Wait for the next thing told of a leg that has this in it; None when none comes."""
        deadline_s = time.monotonic() + patience_s
        while True:
            for facts in self._told:
                if what in facts and (leg is None or facts.get("leg") == leg):
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
        self._told += [json.loads(line) for line in lines]
        return bool(data)
