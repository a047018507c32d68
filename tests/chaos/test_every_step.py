"""The engine is killed (-9) exactly at each step of a call's path.

Whatever the step: the call that is up goes on, exactly one record is left, with the right
disposition, and the charge is that of the pure meter on the switch's own instants.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import gevent
import gevent.event
import pytest

from callcontrol.store import Connection, run
from tests.chaos.engines import EngineProcess
from tests.chaos.reference import CAPPED, CLOSED, PLAIN, RINGS, SECOND, UNKNOWN, owed
from tests.chaos.relay import TO_ENGINE, TO_SWITCH, Relay, Snare
from tests.chaos.stage import Stage
from tests.scenario.parties import free_port
from tests.scenario.records import us_of
from tests.waiting import eventually

BRIDGE = b"execute-app-name: bridge"
OTHER_TARGET = b"41445550101"  # where SECOND goes after the busy one
_senders = count(1)


class Scene:
    """One engine behind relays, and whoever outlives it.

    Attributes:
        victim: the engine that is killed.
        calls: the relay of the calls' own sockets.
        link: the relay of the engine's link to the switch.
        witness: an engine beside it that takes over; None: only the next life of the victim.
    """

    def __init__(self, stage: Stage, calls: Relay, witness_port: int | None) -> None:
        self.stage = stage
        self.calls = calls
        self.link = Relay(stage.switch.event_socket_port, serves_engine=True)
        self.victim = stage.engine("victim", calls.target, link_port=self.link.port)
        self.victim.start()
        self.witness: EngineProcess | None = None
        if witness_port is not None:
            peers = str(stage.folder / "*.sqlite")
            self.witness = stage.engine("witness", witness_port, CALLCONTROL_PEERS=peers)
            self.witness.start()

    def talk(self) -> str:
        """Have a call talk for a moment; gives its caller once it is over."""
        sender = f"+4179{next(_senders):07}"
        self.stage.caller({"number": PLAIN, "sender": sender, "talk_s": 0.5}).all(within_s=15)
        return sender

    @contextmanager
    def postgres_waits(self) -> Iterator[None]:
        """Have Postgres keep whoever ships a record waiting."""
        locked, done = threading.Event(), threading.Event()

        async def hold(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute("LOCK TABLE cdrs IN EXCLUSIVE MODE")
                locked.set()
                done.wait(60)

        holding = threading.Thread(target=run, args=(self.stage.postgres.dsn, hold))
        holding.start()
        eventually(locked.is_set, within_s=10)
        try:
            yield
        finally:
            done.set()
            holding.join()

    def is_postgres_asked(self) -> bool:
        """Say whether somebody waits to write a record."""
        return run(self.stage.postgres.dsn, _waiting) > 0

    def end_call(self, sender: str) -> None:
        """End the call of a caller, once its destination has answered."""
        channels = json.loads(self.stage.watch.api("show", "channels", "as", "json"))
        inbound = (row for row in channels["rows"] if row["direction"] == "inbound")
        (leg,) = (row["uuid"] for row in inbound if row["cid_num"] == sender)
        eventually(lambda: self._is_answered(leg), within_s=5)
        self.stage.watch.api("uuid_kill", leg, "NORMAL_CLEARING")

    def _is_answered(self, leg_uuid: str) -> bool:
        dump = json.loads(self.stage.watch.api("uuid_dump", leg_uuid, "json"))
        return dump["Answer-State"] == "answered"

    def journal(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the victim's journal."""
        with sqlite3.connect(f"file:{self.victim.journal}?mode=ro", uri=True) as db:
            rows = db.execute(sql).fetchall()
        db.close()
        return rows

    @contextmanager
    def slow_disk(self) -> Iterator[None]:
        """Let nothing be written to the victim's journal."""
        db = sqlite3.connect(self.victim.journal, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            db.execute("ROLLBACK")
            db.close()


async def _waiting(connection: Connection) -> int:
    waiting: int = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a call's path, and how the engine is caught there.

    Attributes:
        says: what has happened when it dies.
        number: what is called.
        towards, seen: what passes at that moment, and which way; empty: the socket closes.
        passes: whether that still gets there.
        over_link: it passes on the link, not on the call's own socket.
        logged: the event of the log that is waited for, instead.
        final, disposition: what the caller hears, and the record says; `a|b` where it depends
            on whether the journal's disk was quicker than death.
        talk_s: how long the caller would talk; long calls are ended once they are taken over.
    """

    says: str
    number: str = PLAIN
    towards: str = TO_SWITCH
    seen: bytes = BRIDGE
    passes: bool = False
    over_link: bool = False
    logged: str = ""
    final: int = 200
    disposition: str = "answered"
    talk_s: float = 60


REFUSED = {"final": 503, "disposition": "failed"}

# The next life of the same engine finds these in its journal, or on the switch.
ITSELF = [
    Step(says="bridge sent", passes=True),
    Step(
        says="ringing told",
        seen=b"Event-Name: CHANNEL_PROGRESS",
        towards=TO_ENGINE,
        number=RINGS,
    ),
    Step(says="answer told", seen=b"Event-Name: CHANNEL_ANSWER", towards=TO_ENGINE),
    Step(
        says="answer read", seen=b"Event-Name: CHANNEL_ANSWER", towards=TO_ENGINE, passes=True
    ),
    Step(says="meter started", logged="call_answered"),
    Step(says="socket closed", seen=b""),
    Step(says="between two targets", number=SECOND, seen=OTHER_TARGET, **REFUSED),
    Step(says="second target dialled", number=SECOND, seen=OTHER_TARGET, passes=True),
    Step(says="record journalled", logged="call_recorded", talk_s=1),
]

# An engine beside it takes over, and has seen what this one did not live to see.
BESIDE = [
    Step(says="maximum reached", number=CAPPED, over_link=True, seen=b"uuid_kill", talk_s=9),
    Step(
        says="released at the maximum",
        number=CAPPED,
        over_link=True,
        seen=b"uuid_kill",
        passes=True,
        talk_s=9,
    ),
    Step(says="decided", **REFUSED),
    Step(says="bridge sent", passes=True),
    Step(
        says="ringing told",
        seen=b"Event-Name: CHANNEL_PROGRESS",
        towards=TO_ENGINE,
        number=RINGS,
    ),
    Step(says="socket closed", seen=b""),
    Step(
        says="refusal decided",
        number=UNKNOWN,
        seen=b"call-command: hangup",
        final=503,
        disposition="rejected|failed",
    ),
    Step(
        says="refusal sent",
        number=UNKNOWN,
        seen=b"call-command: hangup",
        passes=True,
        final=404,
        disposition="rejected",
    ),
    Step(
        says="message playing",
        number=CLOSED,
        seen=b"execute-app-name: playback",
        passes=True,
        final=503,
        disposition="closed",
    ),
    Step(
        says="end told",
        over_link=True,
        towards=TO_ENGINE,
        seen=b"Event-Name: CHANNEL_HANGUP_COMPLETE",
        talk_s=1,
    ),
    Step(says="record journalled", logged="call_recorded", talk_s=1),
]

# The leg stays parked until the dialplan's own guard ends it, ten seconds later.
BEFORE_THE_FIRST_WORD = [
    Step(says="connection taken", seen=b"connect", **REFUSED),
    Step(says="leg told", towards=TO_ENGINE, seen=b"CHANNEL_DATA", **REFUSED),
]


# Of the cases, those that `make test` tries; each costs the start of an engine.
_ITSELF = {"bridge sent", "answer told", "socket closed", "record journalled"}
_BESIDE = {"refusal decided", "message playing", "end told", "released at the maximum"}


def cases(steps: list[Step], usual: set[str]) -> list[Any]:
    """Name the cases, and put off those for which there is no time."""
    return [
        pytest.param(step, id=step.says, marks=() if step.says in usual else pytest.mark.long)
        for step in steps
    ]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Iterator[Scene]:
    """One engine; whoever takes over is its next life."""
    with scene(tmp_path_factory.mktemp("alone"), has_witness=False) as made:
        yield made


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> Iterator[Scene]:
    """Two engines, `socket a|b`; the second takes over what the first leaves."""
    with scene(tmp_path_factory.mktemp("beside"), has_witness=True) as made:
        yield made


@contextmanager
def scene(folder, *, has_witness: bool) -> Iterator[Scene]:
    """Build a stage with its engines."""
    calls = Relay(free_port(socket.SOCK_STREAM), serves_engine=False)
    witness_port = free_port(socket.SOCK_STREAM) if has_witness else None
    beside = f"|127.0.0.1:{witness_port}" if has_witness else ""
    with Stage(folder, f"127.0.0.1:{calls.port}{beside}") as stage:
        made = Scene(stage, calls, witness_port)
        yield made
        made.victim.stop()
        made.link.stop()
        calls.stop()


def caught(scene: Scene, step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """Kill the engine at a step; gives what the caller saw and the one record there is."""
    sender = f"+4179{next(_senders):07}"
    died = gevent.event.Event()

    def kill() -> None:
        scene.victim.kill()
        died.set()

    if step.logged:
        scene.victim.on_log = lambda line: line["event"] == step.logged and kill()
    else:
        relay = scene.link if step.over_link else scene.calls
        relay.snare = Snare(
            towards=step.towards, pattern=step.seen, lets_pass=step.passes, spring=kill
        )
    calling = scene.stage.caller(
        {"number": step.number, "sender": sender, "talk_s": step.talk_s}
    )
    assert died.wait(15), "the step was never reached"
    scene.victim.on_log = lambda _line: None
    scene.victim.wait(5)
    adopted = gevent.event.AsyncResult()
    heir = scene.witness or scene.victim
    heir.on_log = lambda line: line["event"] == "call_adopted" and adopted.set(line["is_up"])
    if scene.witness is None:
        scene.victim.start()
    if step.talk_s == 60 and step.final == 200:
        eventually(adopted.ready, within_s=40)
        assert adopted.get(), "the call was dropped"
        scene.end_call(sender)
    (seen,) = calling.all(within_s=45)
    record = record_of(scene, sender)
    if scene.witness is not None:
        scene.victim.start()
    return seen, record


def record_of(scene: Scene, sender: str) -> dict[str, Any]:
    """Wait for the record of a caller's one call."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [row for row in scene.stage.records() if row["caller"] == sender]
        return bool(found)

    eventually(is_there, within_s=45, every_s=0.1)
    assert len(found) == 1
    return found[0]


def check(scene: Scene, step: Step, seen: dict[str, Any], record: dict[str, Any]) -> None:
    """Hold the record against what the caller saw and the switch says."""
    assert seen["final"] == step.final
    assert record["disposition"] in step.disposition.split("|")
    if step.disposition != "answered":
        assert record["charge"] is None
        return
    end = scene.stage.watch.end_of(record["switch_uuid"])
    assert us_of(record["answered_at"]) == end.answered_us
    assert us_of(record["released_at"]) == end.hangup_us
    charge = owed(scene.stage.reference, record, end.answered_us, end.hangup_us)
    assert record["charge"]["gross"] == str(charge)
    assert record["closed_how"] == ("normal" if "journalled" in step.says else "recovered")


@pytest.mark.parametrize("step", cases(ITSELF, _ITSELF))
def test_the_next_life_of_an_engine_finishes_what_it_began(alone: Scene, step: Step):
    """Started anew at once, it finds the call in its journal and on the switch."""
    seen, record = caught(alone, step)

    check(alone, step, seen, record)


@pytest.mark.parametrize("step", cases(BESIDE, _BESIDE))
def test_an_engine_beside_it_finishes_what_it_began(beside: Scene, step: Step):
    """The dead one is not started again before all is done."""
    seen, record = caught(beside, step)

    check(beside, step, seen, record)


@pytest.mark.parametrize("step", cases(BEFORE_THE_FIRST_WORD, set()))
def test_a_call_on_which_no_word_was_said_is_refused_and_recorded(beside: Scene, step: Step):
    """Nothing was decided yet: the caller gets 503, and the engine beside it tells of that."""
    seen, record = caught(beside, step)

    check(beside, step, seen, record)
    assert record["rule"] == "no engine"


def test_killed_while_its_record_waits_for_postgres(alone: Scene):
    """Postgres had not answered: the record is shipped by the next life, once."""
    with alone.postgres_waits():
        sender = alone.talk()
        eventually(lambda: alone.journal("SELECT 1 FROM record"), within_s=10)
        eventually(alone.is_postgres_asked, within_s=10)
        alone.victim.kill()
        alone.victim.wait(5)
    alone.victim.start()

    assert record_of(alone, sender)["closed_how"] == "normal"


@pytest.mark.long
def test_killed_after_postgres_took_its_record_and_before_the_journal_knew(alone: Scene):
    """The next life ships it again, and Postgres has it already."""
    with alone.postgres_waits():
        sender = alone.talk()
        eventually(lambda: alone.journal("SELECT 1 FROM record"), within_s=10)
        eventually(alone.is_postgres_asked, within_s=10)
        slow_disk = alone.slow_disk()
        slow_disk.__enter__()
    record_of(alone, sender)
    alone.victim.kill()
    alone.victim.wait(5)
    slow_disk.__exit__(None, None, None)
    assert alone.journal("SELECT 1 FROM record")
    alone.victim.start()

    eventually(lambda: not alone.journal("SELECT 1 FROM record"), within_s=15)
    assert record_of(alone, sender)["closed_how"] == "normal"


def test_killed_before_the_journal_knows_of_a_call_that_is_up(alone: Scene):
    """The disk was slow; the switch itself tells the next life whose call it is."""
    adopted = gevent.event.AsyncResult()
    sender = f"+4179{next(_senders):07}"
    with alone.slow_disk():
        calling = alone.stage.caller({"number": PLAIN, "sender": sender, "talk_s": 60})
        alone.victim.on_log = lambda line: (
            line["event"] == "call_answered" and alone.victim.kill()
        )
        eventually(lambda: not alone.victim.is_running, within_s=15)
    assert not alone.journal("SELECT 1 FROM open_call")
    alone.victim.on_log = lambda line: (
        line["event"] == "call_adopted" and adopted.set(line["is_up"])
    )
    alone.victim.start()
    eventually(adopted.ready, within_s=40)
    assert adopted.get()
    alone.end_call(sender)
    (seen,) = calling.all(within_s=45)

    check(alone, Step(says="journal slow"), seen, record_of(alone, sender))
