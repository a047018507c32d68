"""Runs recorded cases against switches of their own, all at the same time in one thread."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from switchsim import dialplan
from switchsim.conformance.fast_loop import FastLoop
from switchsim.conformance.parties import Party, recorded_port
from switchsim.conformance.recording import Case
from switchsim.conformance.speaker import Client, EnginePort, Shared, Speaker
from switchsim.loop import Loop
from switchsim.settings import Settings
from switchsim.switch import Switch

_AGENT = "FreeSWITCH-mod_sofia/1.11.3-dev+git~20260821T141014Z~cc93a683ca~64bit"
_GRACE_S = 4.0
_SLOWER = 3.0  # than the recording, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a switch said in a replayed case.

    Args:
        frames: messages on every connection of the event socket.
        sip: messages every party received.
        ports: real port to recorded port.
        missing: what a party still waited for when time was up.
    """

    case: Case
    frames: dict[str, tuple[str, ...]]
    sip: dict[str, tuple[str, ...]]
    ports: dict[str, str]
    missing: tuple[str, ...]


class _Closing(Protocol):
    def close(self) -> None: ...


Made = TypeVar("Made", bound=_Closing)


class _Run:
    def __init__(self, loop: Loop, case: Case, on_end: Callable[["_Run"], None]) -> None:
        self.case = case
        self._loop = loop
        self._on_end = on_end
        self._ports: dict[str, int] = {}
        self._is_over = False
        shared = Shared(case.inbound)
        self.engines = {
            who: Speaker(loop, case.connection(who), self._ports, shared, self._look)
            for who in case.engines
        }
        waiting = iter(self.engines.values())
        # A number stands for one port only, though TCP and UDP may both have it.
        taken: set[int] = set()
        self._engine_ports = {
            recorded: _apart(taken, lambda: EnginePort(loop, waiting), lambda port: port.number)
            for recorded in case.engine_ports
        }
        for recorded in ("8084", "8085"):
            # Port 1 is closed everywhere.
            listening = self._engine_ports.get(recorded)
            self._ports[recorded] = listening.number if listening else 1
        self.clients = {
            who: Client(loop, case.connection(who), self._ports, shared, self._look)
            for who in case.clients
        }
        self.parties = {
            who: _apart(
                taken,
                partial(Party, loop, case.party(who), self._ports, self._look),
                lambda party: party.line.address[1],
            )
            for who in case.parties
        }
        shared.parties += self.parties.values()
        settings = Settings(
            sip=("127.0.0.1", 0),
            event_socket=("127.0.0.1", 0),
            password="ClueCon",  # noqa: S106  nobody connects
            dialplan=_dialplan(
                f"127.0.0.1:{self._ports['8084']}", f"127.0.0.1:{self._ports['8085']}"
            ),
            hostname="vm",
            user_agent=_AGENT,
            passes_callee_id=True,
        )
        self._switch = _apart(
            taken, lambda: Switch(settings, loop), lambda switch: switch.sip_address[1]
        )
        self._ports["5080"] = self._switch.sip_address[1]
        for who, party in self.parties.items():
            port = recorded_port(who, case.party(who))
            self._ports[port] = party.line.address[1]
        loop.later(min(_lasts_s(case), 40.0) * _SLOWER + _GRACE_S, self._end)
        for client in self.clients.values():
            client.begin(self._switch.event_socket_address)
        for party in self.parties.values():
            party.start(self._switch.sip_address)

    def result(self) -> Replayed:
        """What was seen."""
        missing = [f"{who}: {party.waits_for}" for who, party in self.parties.items()
                   if not party.is_done]  # fmt: skip
        missing += [f"{who}: was not closed" for who, engine in self.engines.items()
                    if not engine.is_closed]  # fmt: skip
        return Replayed(
            case=self.case,
            frames={
                who: tuple(speaker.frames)
                for who, speaker in (*self.engines.items(), *self.clients.items())
            },
            sip={who: tuple(party.received) for who, party in self.parties.items()},
            ports={str(real): recorded for recorded, real in self._ports.items()},
            missing=tuple(missing),
        )

    def _look(self) -> None:
        said = all(party.is_done for party in self.parties.values())
        said = said and all(client.is_done for client in self.clients.values())
        closed = all(engine.is_closed for engine in self.engines.values())
        if closed and said and not self._is_over:
            self._is_over = True
            # A little longer: what comes unasked would be a difference, too.
            self._loop.later(0.3, self._close)

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._close()

    def _close(self) -> None:
        self._was = self.result()
        self._switch.close()
        for speaker in (*self.engines.values(), *self.clients.values()):
            speaker.close()
        for listening in self._engine_ports.values():
            listening.close()
        for party in self.parties.values():
            party.close()
        self._on_end(self)

    @property
    def outcome(self) -> Replayed:
        """The result as it was when the case ended."""
        return self._was


def replay(cases: list[Case]) -> dict[str, Replayed]:
    """Replays cases side by side; takes as long as the longest of them."""
    loop = FastLoop()
    results: dict[str, Replayed] = {}

    def ended(run: _Run) -> None:
        results[run.case.name] = run.outcome
        if len(results) == len(cases):
            loop.stop()

    def start(position: int) -> None:
        _Run(loop, cases[position], ended)

    cases = sorted(cases, key=_lasts_s, reverse=True)
    for position in range(len(cases)):
        # Apart, so that they do not all work in the same milliseconds.
        loop.later(position * 0.1, partial(start, position))
    if cases:
        loop.run()
    loop.close()
    return results


def _apart(taken: set[int], make: Callable[[], Made], number: Callable[[Made], int]) -> Made:
    """Something with a port whose number nothing else of the case has."""
    made = make()
    while number(made) in taken:
        made.close()
        made = make()
    taken.add(number(made))
    return made


def _lasts_s(case: Case) -> float:
    return max(entry.at_s for entry in (*case.outbound, *case.sip))


def _dialplan(engine: str, second: str) -> dialplan.Dialplan:
    socket = f"socket {engine} async full"
    refuse = "respond 503 Service Unavailable"
    return dialplan.from_rows(
        [
            ("^0800000016$", [socket, refuse]),
            ("^0800000116$", ["set socket_resume=true", socket, refuse]),
            ("^0800000017$", [f"socket {engine}|{second} async full", refuse]),
            ("^0800000018$", [socket.replace("async ", ""), refuse]),
            ("^0800000019$", [socket.replace(" full", "")]),
            (
                "^0800000020$",
                ["set park_timeout=5:NORMAL_TEMPORARY_FAILURE", socket, refuse],
            ),
            ("^(.*)$", [socket]),
        ]
    )
