"""A switch, destinations, callers and Postgres for engines that die."""

from __future__ import annotations

import json
import os
import socket
import sys
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess

from callcontrol.cli.cdrs import shown
from callcontrol.esl.event import Event
from callcontrol.esl.switch_cdrs import read_switch_cdrs
from callcontrol.store import EmbeddedPostgres, run
from callcontrol.store.cdr_table import CdrFilter, find_cdrs
from callcontrol.store.migrate import migrate
from tests.chaos import reference
from tests.chaos.engines import ROOT, EngineProcess
from tests.scenario.parties import free_port
from tests.scenario.switches import PASSWORD, Switch, Watch, start_switch


class Stage:
    """Everything but the engines; a context manager.

    Args:
        folder: for logs, journals and prompts.
        engines: where the switch's calls go, `host:port` joined by `|`.

    Attributes:
        switch: where calls arrive.
        watch: a link of our own to it: what ended, by the switch's word alone.
        postgres: the server.
        reference: what is in it, as an engine has it.
    """

    def __init__(self, folder: Path, engines: str) -> None:
        self.folder = folder
        self.engines = engines
        self.postgres = EmbeddedPostgres()
        self._running = ExitStack()

    def __enter__(self) -> Stage:
        """Start."""
        with ExitStack() as starting:
            starting.enter_context(self.postgres)
            migrate(self.postgres.dsn)
            port = starting.enter_context(_Destinations()).port
            self.reference = reference.load(self.postgres.dsn, port, self.folder)
            _record(self.folder / "closed.wav", seconds=2)
            self.switch: Switch = start_switch(self.engines, self.folder)
            starting.callback(lambda: self.switch.stop())
            self.watch = Watch(self.switch)
            self.watch.start()
            starting.callback(lambda: self.watch.stop())
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._running.close()

    def engine(
        self,
        name: str,
        port: int,
        *words: str,
        link_port: int | None = None,
        files: int | None = None,
        **settings: str,
    ) -> EngineProcess:
        """Make an engine, not started; it is ended with the stage."""
        environment = {
            **os.environ,
            "CALLCONTROL_DSN": self.postgres.dsn,
            "CALLCONTROL_JOURNAL": str(self.folder / f"{name}.sqlite"),
            "CALLCONTROL_ENGINE": name,
            "CALLCONTROL_LISTEN_PORT": str(port),
            "CALLCONTROL_PROMPTS": str(self.folder),
            "CALLCONTROL_METRICS_PORT": str(free_port(socket.SOCK_STREAM)),
            "CALLCONTROL_SWITCH_PORT": str(link_port or self.switch.event_socket_port),
            "CALLCONTROL_SWITCH_PASSWORD": PASSWORD,
            "CALLCONTROL_SWITCH_CDRS": str(self.folder),
            "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
            **settings,
        }
        engine = EngineProcess(environment, self.folder / f"{name}.log", *words, files=files)
        self._running.callback(engine.stop)
        return engine

    def restart_switch(self, down_s: float) -> None:
        """Kill the switch with all its calls, and start it again at the same ports."""
        self.switch.kill()
        gevent.sleep(down_s)
        self.switch = start_switch(self.engines, self.folder, like=self.switch)

    def caller(self, *plans: dict[str, Any]) -> Callers:
        """Have calls placed."""
        callers = Callers(f"127.0.0.1:{self.switch.sip_port}", plans)
        self._running.callback(callers.stop)
        return callers

    def ends(self) -> dict[str, Event]:
        """Give the switch's last words on all legs: as told to us, else as it wrote them down.

        Our own link may be down, too, on a machine that has too much to do.
        """
        written = read_switch_cdrs(self.folder, since_us=0)
        return {one.leg_uuid: one.event() for one in written.cdrs} | self.watch.ends()

    def records(self, **wanted: Any) -> list[dict[str, Any]]:
        """Read records from Postgres as an operator would."""
        found = run(self.postgres.dsn, find_cdrs, CdrFilter(limit=100_000, **wanted))
        return [shown(cdr, operator=True) for cdr in found]


class Callers:
    """Parties that place calls as planned, and what each of them saw."""

    def __init__(self, switch: str, plans: tuple[dict[str, Any], ...]) -> None:
        self.ended: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "switchsim.phones", "call", "--to", switch, "--file", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{json.dumps(p)}\n" for p in plans).encode())
        self._process.stdin.close()
        self._reader = gevent.spawn(self._read)

    def all(self, within_s: float) -> list[dict[str, Any]]:
        """Wait until every call is over; gives what each caller saw.

        A caller whose ringing switch dies hears nothing any more: it is not among them.
        """
        self._reader.join(within_s)
        return self.ended

    def stop(self) -> None:
        """Leave."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.ended.append(json.loads(line))
        self._process.stdout.close()


class _Destinations:
    """The parties behind the trunk."""

    def __enter__(self) -> _Destinations:
        words = (word for rule in reference.RULES for word in ("--rule", rule))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "switchsim.phones",
                "answer",
                "--bind",
                "127.0.0.1:0",
                *words,
            ],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        lines: Iterator[bytes] = iter(self._process.stdout)
        self.port = int(json.loads(next(lines))["sip"][0].rpartition(":")[2])
        # It reports every call; were that not read, it would stop once the pipe is full.
        self._drain = gevent.spawn(lambda: [None for _ in lines] and None)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._drain.join()
        self._process.stdout.close()


def _record(file: Path, *, seconds: int) -> None:
    """Record silence."""
    with wave.open(str(file), "wb") as prompt:
        prompt.setnchannels(1)
        prompt.setsampwidth(2)
        prompt.setframerate(8000)
        prompt.writeframes(bytes(2 * 8000 * seconds))
