"""What would happen to a call, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.routing import (
    PastCall,
    caller_from,
    decide_from,
    instant_from,
    number_called,
    rerouted,
    route_json,
)
from dialplan import BlacklistEntry, Disposition, Presentation, Release, Step, Timeline
from tariffs import Level, Tariff
from tests.dialplan_builders import (
    MONDAY_NOON,
    make_directory,
    make_number,
    make_route,
    make_step,
    make_target,
    make_week,
)

_TARIFF = Tariff(name="hotline", category="0900", levels={1: Level(per_minute=Decimal("1.00"))})


def _reference(*blacklist: BlacklistEntry, **changes: object) -> Reference:
    return Reference(
        directory=make_directory(make_number(**changes), blacklist=blacklist),
        tariffs={"hotline": (_TARIFF,)},
    )


def _route(
    reference: Reference, *, called: str = "0900 123 456", withheld: bool = False
) -> dict[str, object]:
    caller = caller_from("079 555 00 01", withheld=withheld)
    decision = decide_from(reference, called=called, caller=caller, at=MONDAY_NOON)
    return route_json(decision, called=called, caller=caller, at=MONDAY_NOON)


def test_a_connected_call() -> None:
    """Every key that scripts rely on, with the steps in order."""
    route = make_route(
        make_step(),
        Step(
            targets=(make_target(), make_target("+41215550102")),
            ring_s=10,
            next_on=frozenset(),
            presentation=Presentation.NUMBER,
        ),
    )
    reference = _reference(
        routes={"office": Timeline(route)},
        week=Timeline(make_week(("mon-fri", "08:00", "18:00"))),
    )

    assert _route(reference) == {
        "number": "+41900123456",
        "caller": "+41795550001",
        "withheld": False,
        "at": "2026-01-05T11:00:00.000000Z",
        "decision": "connect",
        "rule": "weekly:mon-fri 08:00-18:00",
        "customer": "acme",
        "cause": None,
        "disposition": None,
        "message": None,
        "route": "office",
        "limit_s": 120,
        "steps": [
            {
                "targets": ["+41215550101"],
                "ring_s": 25,
                "next_on": ["busy", "no_answer", "unreachable", "rejected", "failed"],
            },
            {
                "targets": ["+41215550101", "+41215550102"],
                "ring_s": 10,
                "next_on": [],
                "presentation": "number",
            },
        ],
        "presentation": "caller",
        "tariff": "hotline",
        "level": 1,
    }


def test_a_closed_number() -> None:
    """A release has a cause, the message, and no steps."""
    written = _route(_reference(default_route=Timeline(None), closed_message="closed-de"))

    assert written["decision"] == "release"
    assert written["rule"] == "closed"
    assert written["cause"] == "NO_ROUTE_DESTINATION"
    assert written["message"] == "closed-de"
    assert written["steps"] == []


def test_both_answers_have_the_same_keys() -> None:
    """A script finds every key whatever is decided, and all of it is JSON."""
    connect = _route(_reference())
    release = _route(_reference(suspended=True))

    assert list(connect) == list(release)
    assert json.loads(json.dumps([connect, release])) == [connect, release]


def test_an_unknown_number_is_shown_as_asked() -> None:
    """There is nothing else to show."""
    written = _route(_reference(), called="0900 999")

    assert (written["number"], written["customer"]) == ("0900 999", None)
    assert written["rule"] == "not in service"


def test_the_operator_sees_the_pattern_that_blocks_a_withheld_caller() -> None:
    """Who asks has typed the number; the rule in the record stays without its digits."""
    written = _route(_reference(BlacklistEntry(pattern="+4179*")), withheld=True)

    assert written["rule"] == "blacklist:+4179*"


def test_a_call_that_nothing_prices_is_refused() -> None:
    """No tariff of that name is valid at the instant of the call."""
    number = make_number()
    unpriced = Reference(directory=make_directory(number))
    decision = decide_from(
        unpriced,
        called="0900123456",
        caller=caller_from("", withheld=False),
        at=MONDAY_NOON,
    )

    assert decision == Release(
        rule="no tariff in force",
        cause="NETWORK_OUT_OF_ORDER",
        disposition=Disposition.FAILED,
        number=number,
        customer=unpriced.directory.customers["acme"],
    )


def test_limits_see_the_calls_in_progress() -> None:
    """They are told by whoever knows them."""
    reference = _reference(max_calls=1)
    caller = caller_from("", withheld=False)
    decision = decide_from(
        reference, called="0900123456", caller=caller, at=MONDAY_NOON, in_progress=lambda _: 1
    )

    assert decision.rule == "limit"


@pytest.mark.parametrize(
    ("text", "number"), [("079 555 00 01", "+41795550001"), ("anonymous", None), ("", None)]
)
def test_a_caller_is_what_the_trunk_tells(text: str, number: str | None) -> None:
    """What is no number leaves a caller without one, as in a call."""
    caller = caller_from(text, withheld=True)

    assert (caller.raw, caller.number, caller.withheld) == (text, number, True)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-08-01T10:00:00Z", datetime(2026, 8, 1, 10, tzinfo=UTC)),
        ("2026-08-01T10:00+02:00", datetime(2026, 8, 1, 8, tzinfo=UTC)),
        ("2026-08-01T10:00", datetime(2026, 8, 1, 8, tzinfo=UTC)),
        ("2026-08-01 10:00", datetime(2026, 8, 1, 8, tzinfo=UTC)),
        ("2026-01-05", datetime(2026, 1, 4, 23, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_instants(text: str, instant: datetime) -> None:
    """With an offset as it says, without one by the wall clock of Zurich."""
    assert instant_from(text) == instant


def test_local_instants_are_of_the_numbers_zone() -> None:
    """An operator types the time that people there read on the wall."""
    assert instant_from("2026-01-05T12:00", ZoneInfo("Asia/Tokyo")).hour == 3


@pytest.mark.parametrize(
    "text",
    ["", "noon", "2026-13-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59-11:00", "1e9"],
)
def test_what_is_no_instant(text: str) -> None:
    """One sentence that names the option."""
    with pytest.raises(ConfigError, match="--at: "):
        instant_from(text)


def test_the_number_called_is_found_in_any_form() -> None:
    """As the engine finds it."""
    reference = _reference()

    assert number_called(reference, "0041 900 123456") is not None
    assert number_called(reference, "0900 123 457") is None
    assert number_called(reference, "garbage") is None


def _differences(before: Reference, after: Reference) -> list[dict[str, tuple[str, str]]]:
    call = PastCall(
        call_id="x",
        called="0900123456",
        caller=caller_from("079 555 00 01", withheld=False),
        at=MONDAY_NOON,
    )
    return [dict(one.differs) for one in rerouted([call], before, after)]


def _routed(*steps: Step, **route: int) -> Reference:
    return _reference(routes={"office": Timeline(make_route(*steps, **route))})


_CLOSED = _reference(default_route=Timeline(None), closed_message="closed-de")


@pytest.mark.parametrize(
    ("after", "differs"),
    [
        (_reference(), []),
        (_reference(week=Timeline(make_week(("mon-fri", "08:00", "18:00")))), []),
        (
            _routed(make_step(make_target("+41215550102"))),
            [{"targets": ("+41215550101 by a", "+41215550102 by a")}],
        ),
        (
            _routed(limit_s=60),
            [
                {
                    "ringing": (
                        "25 s, next on busy, no_answer, unreachable, rejected, failed, 120 s",
                        "25 s, next on busy, no_answer, unreachable, rejected, failed, 60 s",
                    )
                }
            ],
        ),
        (
            _reference(presentation=Timeline(Presentation.FIXED), fixed_number="+41445550100"),
            [{"shown": ("caller", "fixed +41445550100")}],
        ),
        (
            _reference(level=Timeline(2)),
            [{"price": ("hotline, level 1", "hotline, level 2")}],
        ),
        (_reference(failed_message="sorry"), [{"message": ("none", "sorry")}]),
        (
            _CLOSED,
            [
                {
                    "decision": ("connect", "release with NO_ROUTE_DESTINATION"),
                    "targets": ("+41215550101 by a", "none"),
                    "message": ("none", "closed-de"),
                }
            ],
        ),
    ],
)
def test_what_a_changed_reference_does_to_a_past_call(
    after: Reference, differs: list[dict[str, tuple[str, str]]]
) -> None:
    """What somebody could notice, and nothing else: another rule alone is no difference."""
    assert _differences(_reference(), after) == differs


def test_a_refusal_that_gets_another_message_differs() -> None:
    """Two releases are compared by what the caller hears and is told."""
    silent = _reference(default_route=Timeline(None))

    assert _differences(_CLOSED, silent) == [{"message": ("closed-de", "none")}]
