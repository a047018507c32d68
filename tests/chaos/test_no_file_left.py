"""The engine can open nothing more: what is up goes on, and nothing turns in circles."""

from __future__ import annotations

import resource
import socket

import gevent
import pytest

from tests.chaos.engines import EngineProcess
from tests.chaos.reference import CAPPED, PLAIN
from tests.chaos.stage import Stage
from tests.processes import cpu_s
from tests.waiting import eventually

_FILES = 160
_SILENT = 400


@pytest.fixture(scope="module")
def engine(stage) -> EngineProcess:
    """An engine that may have few files open."""
    port = int(stage.engines.rpartition(":")[2])
    engine = stage.engine("engine", port, files=_FILES, CALLCONTROL_MAX_CALLS="50")
    engine.start()
    return engine


@pytest.mark.long
def test_calls_that_are_up_need_none_and_others_are_refused(stage: Stage, engine):
    """The maximum holds, the records are written; who calls meanwhile hears 503."""
    heard = []
    engine.on_log = lambda line: heard.append(line["event"])
    first = stage.caller({"number": PLAIN, "talk_s": 14}, {"number": CAPPED, "talk_s": 30})
    eventually(lambda: heard.count("call_answered") == 2, within_s=15)
    with engine.limited(resource.RLIMIT_NOFILE, 3):  # no more than it has
        before_s = cpu_s(engine.pid)
        (refused,) = stage.caller({"number": PLAIN, "sender": "+41791110001"}).all(within_s=20)
        computed_s = cpu_s(engine.pid) - before_s
        up = first.all(within_s=20)
    (later,) = stage.caller({"number": PLAIN, "talk_s": 0.2}).all(within_s=20)

    assert refused["final"] == 503
    assert 5 < refused["setup_ms"] / 1000 < 13
    assert computed_s < 2  # of ten
    assert {one["number"]: one["ended_by"] for one in up} == {PLAIN: "caller", CAPPED: "switch"}
    assert later["final"] == 200
    assert heard.count("no_file_left") == heard.count("files_again") == 1
    eventually(lambda: len(stage.records()) == 4, within_s=20)
    charges = {one["number"]: one["charge"] for one in stage.records() if one["answered_at"]}
    assert charges[f"+41{CAPPED[1:]}"]["gross"] == "0.30"


@pytest.mark.long
def test_a_flood_of_connections_leaves_enough(stage: Stage, engine):
    """Far more than there are files for: figures are told, and calls go on."""
    heard = []
    engine.on_log = lambda line: heard.append(line["event"])
    address = ("127.0.0.1", int(stage.engines.rpartition(":")[2]))
    health = ("127.0.0.1", int(engine.environment["CALLCONTROL_METRICS_PORT"]))
    calling = stage.caller({"number": PLAIN, "talk_s": 6})
    eventually(lambda: "call_answered" in heard, within_s=15)
    silent = [socket.create_connection(address) for _ in range(_SILENT)]
    silent += [socket.create_connection(health) for _ in range(15)]
    try:
        gevent.sleep(0)
        assert engine.is_ready()
        (up,) = calling.all(within_s=20)
    finally:
        for one in silent:
            one.close()
    (later,) = stage.caller({"number": PLAIN, "talk_s": 0.2}).all(within_s=20)

    assert up["ended_by"] == "caller"
    assert later["final"] == 200
    # Taken a hundred at a time, they may have all files for a moment.
    assert heard.count("no_file_left") == heard.count("files_again")
