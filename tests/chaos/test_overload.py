"""Overload costs those who are admitted nothing, and those who are not no time."""

from __future__ import annotations

import socket
import statistics

import pytest

from tests.chaos.reference import PLAIN
from tests.chaos.stage import Stage
from tests.waiting import eventually

_MOST = 6
_SILENT = 400


@pytest.fixture(scope="module", autouse=True)
def engine(stage: Stage) -> None:
    """One that takes six calls at once."""
    port = int(stage.engines.rpartition(":")[2])
    stage.engine("engine", port, CALLCONTROL_MAX_CALLS=str(_MOST)).start()


def calls(stage: Stage, count: int, *, rate: float, talk_s: float) -> list[dict]:
    """Place calls and give what their callers saw."""
    return stage.caller(
        *(
            {"number": PLAIN, "after_s": index / rate, "talk_s": talk_s}
            for index in range(count)
        )
    ).all(within_s=60)


def setup_ms(ended: list[dict], final: int) -> float:
    """Give the median time to the final answer."""
    return statistics.median(one["setup_ms"] for one in ended if one["final"] == final)


def test_beyond_the_limit_calls_are_refused_at_once(stage: Stage):
    """503 within moments; who is admitted is connected as fast as without the rush."""
    alone = calls(stage, 5, rate=4, talk_s=0.2)
    rush = calls(stage, 60, rate=12, talk_s=2)

    answered = [one for one in rush if one["final"] == 200]
    assert {one["final"] for one in rush} == {200, 503}
    assert _MOST <= len(answered) <= 4 * _MOST
    assert setup_ms(rush, 503) < 500
    assert setup_ms(rush, 200) < 3 * setup_ms(alone, 200) + 100


@pytest.mark.long
def test_connections_that_say_nothing_cost_the_calls_nothing(stage: Stage):
    """Far more than may be at work: closed at once, or at their deadline; calls go on."""
    alone = calls(stage, 5, rate=4, talk_s=0.2)
    silent = [socket.create_connection(_address(stage)) for _ in range(_SILENT)]
    try:
        meanwhile = calls(stage, 5, rate=4, talk_s=0.2)
        eventually(lambda: all(map(_is_closed, silent)), within_s=20, every_s=0.2)
    finally:
        for one in silent:
            one.close()
    later = calls(stage, 5, rate=4, talk_s=0.2)

    # There is room for twice the calls and a hundred more; beyond that they are refused.
    assert {one["final"] for one in meanwhile} <= {200, 503}
    assert setup_ms(later, 200) < 3 * setup_ms(alone, 200) + 100


def _address(stage: Stage) -> tuple[str, int]:
    host, _, port = stage.engines.rpartition(":")
    return host, int(port)


def _is_closed(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        while sock.recv(1 << 12):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
