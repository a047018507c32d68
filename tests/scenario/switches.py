"""The switch of the scenarios: the stand-in, or a real FreeSWITCH when FREESWITCH names one."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Protocol

from gevent import subprocess

from callcontrol.errors import SessionError
from callcontrol.esl.control import Control
from callcontrol.esl.event import Event
from tests.scenario.parties import free_port
from tests.waiting import eventually

PASSWORD = "Geheim4711scenario"
CONFIGURATION = Path(__file__).parents[2] / "freeswitch-conf"


class Switch(Protocol):
    """A running switch."""

    sip_port: int
    event_socket_port: int

    def stop(self) -> None:
        """End it."""
        ...

    def kill(self) -> None:
        """End it as a crash would."""
        ...

    def stall(self) -> None:
        """Have it do nothing at all, as a machine that is overloaded or frozen."""
        ...

    def go_on(self) -> None:
        """Let it go on after that."""
        ...


class StandIn:
    """The stand-in switch in a process of its own."""

    def __init__(self, engines: str, folder: Path, like: Switch | None = None) -> None:
        sip_port, event_socket_port = _ports_of(like)
        log = (folder / "switch.log").open("ab")
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "switchsim", "--sip", f"127.0.0.1:{sip_port}",
                "--event-socket", f"127.0.0.1:{event_socket_port}",
                "--password-env", "SWITCH_PASSWORD",
                "--socket", engines, "--cdr-folder", str(folder),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "SWITCH_PASSWORD": PASSWORD},
        )  # fmt: skip
        log.close()
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.sip_port = int(ready["sip"].rpartition(":")[2])
        self.event_socket_port = int(ready["event_socket"].rpartition(":")[2])

    def stop(self) -> None:
        """End it."""
        _end(self._process)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        _end(self._process)

    def stall(self) -> None:
        """Have it do nothing at all."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after that."""
        self._process.send_signal(signal.SIGCONT)


class RealSwitch:
    """A FreeSWITCH with the project's own configuration.

    Args:
        program: the freeswitch binary.
        engines: `host:port`, several joined by `|`.
        folder: for its log, database and run files.
        like: one that was killed, whose ports it shall have.
        configuration: another one, made from the project's.
        first_rtp: the first of its 4,000 ports for voice; None: by this process's id.

    Attributes:
        pid: its process id.
    """

    def __init__(
        self,
        program: str,
        engines: str,
        folder: Path,
        like: Switch | None = None,
        *,
        configuration: Path = CONFIGURATION,
        first_rtp: int | None = None,
    ) -> None:
        sip_port, event_socket_port = _ports_of(like)
        self.sip_port = sip_port or free_port()
        self.event_socket_port = event_socket_port or free_port(socket.SOCK_STREAM)
        folders = {name: folder / name for name in ("log", "db", "run")}
        for path in folders.values():
            path.mkdir(exist_ok=True)
        if first_rtp is None:
            first_rtp = 20_000 + os.getpid() % 100 * 200
        log = (folder / "switch.log").open("ab")
        self._process = subprocess.Popen(
            [
                program, "-nf", "-nc", "-nonat", "-np", "-conf", str(configuration),
                "-log", str(folders["log"]), "-db", str(folders["db"]),
                "-run", str(folders["run"]),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "SWITCH_SIP_PORT": str(self.sip_port),
                "SWITCH_ENGINES": engines,
                "SWITCH_RTP_FIRST_PORT": str(first_rtp),
                "SWITCH_RTP_LAST_PORT": str(first_rtp + 4000),
                "CALLCONTROL_SWITCH_PORT": str(self.event_socket_port),
                "CALLCONTROL_SWITCH_PASSWORD": PASSWORD,
                "CALLCONTROL_SWITCH_CDRS": str(folder),
            },
        )  # fmt: skip
        log.close()
        self.pid = self._process.pid
        try:
            eventually(self._is_running, within_s=30, every_s=0.2)
        except AssertionError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        _end(self._process)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        _end(self._process)

    def stall(self) -> None:
        """Have it do nothing at all."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after that."""
        self._process.send_signal(signal.SIGCONT)

    def _is_running(self) -> bool:
        watch = Watch(self)
        try:
            watch.start()
            return "RUNNING" in watch.api("sofia", "status")
        except SessionError:
            return False
        finally:
            watch.stop()


class Watch:
    """A link of the test's own to the switch: what ended, by the switch's word alone."""

    def __init__(self, switch: Switch) -> None:
        from callcontrol.esl import command

        self._ends: dict[str, Event] = {}
        self._keys: dict[str, list[Event]] = {}
        self._played: list[Event] = []
        self._control = Control(
            "127.0.0.1",
            switch.event_socket_port,
            PASSWORD,
            on_event=self._take,
            subscribe=[
                command.event_plain("CHANNEL_HANGUP_COMPLETE", "DTMF", "PLAYBACK_STOP"),
                command.filter_("Call-Direction", "inbound"),
                command.filter_("Event-Name", "DTMF"),
            ],
        )

    def start(self) -> None:
        """Connect."""
        self._control.open()

    def stop(self) -> None:
        """Leave."""
        self._control.stop()

    def is_up(self) -> bool:
        """Say whether the switch would tell us now."""
        return self._control.is_up

    def api(self, command: str, *arguments: str) -> str:
        """Run one of the switch's api commands."""
        return self._control.api(command, *arguments, deadline_s=5)

    def ends(self) -> dict[str, Event]:
        """Give the switch's last words on all legs that have ended."""
        return dict(self._ends)

    def end_of(self, leg_uuid: str) -> Event:
        """Wait for the switch's last word on a leg."""
        eventually(lambda: leg_uuid in self._ends, within_s=10)
        return self._ends[leg_uuid]

    def legs(self) -> int:
        """Count the legs the switch has."""
        return int(json.loads(self.api("show", "channels", "as", "json"))["row_count"])

    def played(self, leg_uuid: str | None = None) -> list[Event]:
        """Give the ends of what was played to a leg, or to all."""
        return [event for event in self._played if leg_uuid in (None, event.uuid)]

    def keys_pressed(self, leg_uuid: str) -> list[Event]:
        """Give the keys pressed at the other end of a caller's leg, as the switch told them."""
        return self._keys.get(leg_uuid, [])

    def _take(self, event: Event) -> None:
        if event.name == "DTMF":
            self._keys.setdefault(event.other_leg_uuid or "", []).append(event)
        elif event.name == "PLAYBACK_STOP":
            self._played.append(event)
        else:
            self._ends[event.uuid] = event


def start_switch(engines: str, folder: Path, *, like: Switch | None = None) -> Switch:
    """Start the switch that the environment asks for; `like` one that was killed."""
    program = os.environ.get("FREESWITCH")
    if program:
        return RealSwitch(program, engines, folder, like)
    return StandIn(engines, folder, like)


def _ports_of(switch: Switch | None) -> tuple[int, int]:
    return (switch.sip_port, switch.event_socket_port) if switch else (0, 0)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
