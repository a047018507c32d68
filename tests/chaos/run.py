"""One chaos run: load, faults, and the verdict when all is quiet again."""

from __future__ import annotations

import random
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import gevent

from callcontrol.errors import StoreError
from callcontrol.store import Connection, run
from tests.chaos.engines import EngineProcess
from tests.chaos.faults import Faults
from tests.chaos.load import hanging, placed, plans
from tests.chaos.reference import PLAIN
from tests.chaos.relay import Relay
from tests.chaos.stage import Stage
from tests.chaos.verdict import Verdict, judge, take_in
from tests.scenario.parties import free_port
from tests.waiting import eventually

_QUIET_S = 90.0
_LATE_S = 12.0
_CHANGE_EVERY_S = 5.0


def chaos(
    folder: Path,
    *,
    seconds: float,
    rate: float,
    seed: int,
    kills_switch: bool = False,
    tell: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Place calls while everything is killed; gives what was lost, which is to be nothing.

    Two engines stand behind the switch, `socket a|b`: a service of two workers and one alone.
    Each looks after the other's calls.

    Args:
        folder: for logs and journals.
        seconds: how long calls are placed.
        rate: calls a second.
        seed: decides calls and faults.
        kills_switch: once, in the middle, with all its calls.
        tell: told what is going on.
    """
    ports = [free_port(socket.SOCK_STREAM) for _ in range(2)]
    with Stage(folder, "|".join(f"127.0.0.1:{port}" for port in ports)) as stage:
        links = tuple(
            Relay(stage.switch.event_socket_port, serves_engine=True) for _ in range(2)
        )
        peers = str(folder / "*.sqlite")
        service, single = (
            stage.engine(name, port, *words, link_port=link.port, CALLCONTROL_PEERS=peers)
            for name, port, link, words in zip(
                ("service", "single"), ports, links, (("--workers", "2"), ()), strict=True
            )
        )
        for engine in (service, single):
            engine.spawn()
        for engine in (service, single):
            eventually(engine.is_ready, within_s=90, every_s=0.2)
        since = datetime.now(UTC)
        faults = Faults(stage, single, service, links, random.Random(seed))
        planned = plans(random.Random(seed), seconds=seconds, rate=rate)
        calls = stage.caller(*planned)
        changing = gevent.spawn(_change_levels, stage, random.Random(seed))
        faults.start(switch_dies_at_s=seconds / 2 if kills_switch else None)
        tell(f"calls are placed for {seconds:g} s")
        gevent.sleep(seconds)
        faults.stop()
        changing.kill()
        tell(", ".join(f"{name}: {count}" for name, count in faults.counts.most_common()))
        seen = {one["from"]: placed(one) for one in calls.all(within_s=60)}
        _wait_until_quiet(stage, service, single)
        records = stage.records()
        differences = service.differences(since)
        for link in links:
            link.stop()
        verdict = judge(
            [seen.get(plan["sender"]) or hanging(plan) for plan in planned],
            records,
            stage.ends(),
            stage.reference,
            faults.switch_downs,
        )
        take_in(differences, verdict)
        return verdict


def _change_levels(stage: Stage, chance: random.Random) -> None:
    """Ask for another level in all running calls of a number, every so often."""
    while True:
        gevent.sleep(_CHANGE_EVERY_S)
        with suppress(StoreError):
            run(
                stage.postgres.dsn, _ask, f"+41{PLAIN[1:]}", chance.choice((1, 2)), deadline_s=1
            )


async def _ask(connection: Connection, number: str, level: int) -> None:
    await connection.execute(
        "INSERT INTO level_requests (number, level, asked_by) VALUES ($1, $2, 'chaos')",
        number,
        level,
    )


def _wait_until_quiet(stage: Stage, *engines: EngineProcess) -> None:
    """Wait until all engines serve, no call is open and no record waits."""
    for engine in engines:
        eventually(engine.is_ready, within_s=_QUIET_S, every_s=0.5)
    # What no engine served is recorded ten seconds later; a call gone, after five.
    gevent.sleep(_LATE_S)
    journals = sorted(stage.folder.glob("*.sqlite"))
    eventually(lambda: not any(map(_waiting, journals)), within_s=_QUIET_S, every_s=0.5)


def _waiting(journal: Path) -> int:
    """Count what a journal holds."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        count: int = db.execute(
            "SELECT (SELECT count(*) FROM open_call) + (SELECT count(*) FROM record)"
        ).fetchone()[0]
    return count
