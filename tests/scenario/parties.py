"""SIP parties, played by SIPp: callers and destinations, and what each of them saw."""

from __future__ import annotations

import os
import re
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

# Waiting for a program must not keep other greenlets, such as the test's link, from running.
from gevent import subprocess

SIPP = shutil.which("sipp")
SCENARIOS = Path(__file__).parents[2] / "fixtures" / "sipp"

CALLER = "+41795550001"

# SIPp separates the messages of its log with lines like this one.
_MESSAGE = re.compile(r"^-{20,} \d{4}-\d\d-\d\d.*?$\n", re.MULTILINE)

# Every fourth: SIPp takes the two ports after the one it is given for media, too.
_FIRST_PORT, _PORTS, _STEP = 10_000, 2_500, 4
_ports = (_FIRST_PORT + (os.getpid() * 249 + n) % _PORTS * _STEP for n in count())


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Give a port of the loopback that nobody uses now.

    Below those that the kernel gives to whoever connects, so that it is still free when it is
    used; each test process looks from a place of its own.
    """
    for port in islice(_ports, _PORTS):
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


@dataclass(frozen=True)
class Message:
    """One SIP message as a party saw it."""

    is_sent: bool
    text: str

    @property
    def first_line(self) -> str:
        """The request line or the status line."""
        return self.text.split("\n", 1)[0].strip()

    def header(self, name: str) -> str | None:
        """Give a header's value; None when the message has none."""
        found = re.search(
            rf"^{re.escape(name)}:[ \t]*(.*?)\r?$", self.text, re.MULTILINE | re.I
        )
        return found[1] if found else None


def messages(log: Path) -> list[Message]:
    """Read what a party sent and received, in order."""
    if not log.exists():
        return []
    parts = _MESSAGE.split(log.read_text(encoding="utf-8", errors="surrogateescape"))
    read = []
    for part in parts[1:]:
        head, _, text = part.partition("\n\n")
        read.append(Message(is_sent=" sent " in head, text=text.strip()))
    return read


class Destination:
    """A party that takes any number of calls, always in the same way."""

    def __init__(self, scenario: str, folder: Path, *, port: int, pause_ms: int = 100) -> None:
        self.port = port
        self._log = folder / f"destination-{port}.log"
        self._process = subprocess.Popen(
            [
                SIPP or "sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"),
                "-i", "127.0.0.1", "-p", str(port), "-mp", str(free_port()),
                "-d", str(pause_ms), "-nostdin", "-trace_msg", "-message_file", str(self._log),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )  # fmt: skip

    def invites(self, user: str) -> list[Message]:
        """Give the INVITEs received for a user."""
        return [
            message
            for message in messages(self._log)
            if not message.is_sent and message.first_line.startswith(f"INVITE sip:{user}@")
        ]

    def stop(self) -> None:
        """Leave."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Called:
    """What came of a call, as its caller saw it.

    Attributes:
        went_as_expected: the caller's scenario ran through.
        messages: all it sent and received.
    """

    went_as_expected: bool
    messages: list[Message]

    @property
    def answers(self) -> list[int]:
        """The SIP codes of the answers to the INVITE, in order."""
        return [
            int(message.first_line.split()[1])
            for message in self.messages
            if not message.is_sent
            and message.first_line.startswith("SIP/2.0 ")
            and (message.header("CSeq") or "").endswith("INVITE")
        ]

    @property
    def final(self) -> int:
        """The last of them."""
        return self.answers[-1]

    def reason(self) -> str | None:
        """Give the Reason header of the last message that had one, from the switch."""
        reasons = [m.header("Reason") for m in self.messages if not m.is_sent]
        return next((reason for reason in reversed(reasons) if reason), None)


class Caller:
    """Places calls through a switch."""

    def __init__(self, switch_port: int, folder: Path) -> None:
        self._switch_port = switch_port
        self._folder = folder
        self._calls = 0

    def call(
        self,
        dialled: str,
        scenario: str = "caller-hangs-up",
        *,
        talk_ms: int = 1000,
        sender: str = f"<sip:{CALLER}@127.0.0.1>",
        headers: tuple[str, ...] = (),
        key: str = "",
        count: int = 1,
        rate: int = 1,
        deadline_s: float = 40,
    ) -> Called:
        """Place a call, or several, and wait for the end.

        Args:
            dialled: the number.
            scenario: what the caller does.
            talk_ms: for the scenario's pause.
            sender: the From header, without tag.
            headers: more headers of the INVITE.
            key: what the caller presses, in scenarios in which one is pressed.
            count: how many calls.
            rate: how many of them are begun a second.
            deadline_s: how long all of it may take.
        """
        self._calls += 1
        stem = f"caller-{self._calls}"
        text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
        filled = (
            text.replace("@DIALLED@", dialled)
            .replace("@FROM@", sender)
            .replace("@KEY@", key)
            .replace("@HEADERS@", "\n".join(headers or ("Subject: scenario",)))
        )
        script = self._folder / f"{stem}.xml"
        script.write_text(filled, encoding="utf-8", errors="surrogateescape")
        log = self._folder / f"{stem}.log"
        done = subprocess.run(
            [
                SIPP or "sipp", "-sf", str(script), f"127.0.0.1:{self._switch_port}",
                "-i", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port()),
                "-m", str(count), "-r", str(rate), "-l", str(max(count, 1)),
                "-d", str(talk_ms), "-nostdin", "-timeout", f"{deadline_s:g}s",
                "-timeout_error", "-trace_msg", "-message_file", str(log),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            timeout=deadline_s + 10,
            check=False,
        )  # fmt: skip
        return Called(went_as_expected=done.returncode == 0, messages=messages(log))
