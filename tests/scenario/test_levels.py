"""The price of a running call changes: by keys, by a row, by itself; exactly, or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import gevent
import pytest

from callcontrol.clock import SystemClock
from callcontrol.store import run
from tariffs import Level, Meter, Tariff, Then
from tests.scenario.phone import Phone
from tests.scenario.records import us_of

LEVELS = Tariff(
    name="expected",
    category="0900",
    max_charge=Decimal("10.00"),
    levels={
        1: Level(per_minute=Decimal("3.00")),
        2: Level(per_minute=Decimal("6.00"), per_call=Decimal("2.00")),
        3: Level(per_minute=Decimal("3.00"), per_call=Decimal("9.00")),
        4: Level(per_minute=Decimal("10.00"), per_call=Decimal("9.50")),
        5: Level(per_minute=Decimal("6.00"), then=Then(after_s=1, level=6)),
        6: Level(per_minute=Decimal("10.00")),
    },
)
NINETY = Tariff(
    name="expected",
    category="0900",
    levels={
        number: Level(
            per_minute=Decimal(number) / 10,
            per_call=Decimal("0.50") if number % 10 == 0 else Decimal(0),
        )
        for number in range(1, 91)
    },
)


class Talk:
    """A call in talk, with a phone at either end.

    Attributes:
        caller, called: the two ends.
        leg_uuid: the switch's uuid of the caller's leg, and the call's id.
        cdr: its record, once it is over.
    """

    def __init__(self, stack, caller, called, call_id, leg_uuid):
        self.caller, self.called = caller, called
        self.call_id, self.leg_uuid = call_id, leg_uuid
        self.cdr = {}
        self._stack = stack

    def level(self):
        """Give the level in force, as whoever looks at the calls in progress sees it."""
        rows = run(self._stack.dsn, _level, self.call_id)
        return rows[0]["level"] if rows else None

    def hashes_us(self):
        """Give the instants at which the switch heard a hash of the destination's."""
        return [
            event.event_us
            for event in self._stack.watch.keys_pressed(self.leg_uuid)
            if event.header("DTMF-Digit") == "#"
        ]

    def priced(self, changes, *, tariff=LEVELS, level=1):
        """Price the call with the pure meter, on the instants the switch told the test."""
        end = self._stack.watch.end_of(self.leg_uuid)
        meter = Meter(tariff, level=level, start_us=end.answered_us)
        for at_us, number in changes:
            meter.change_level(number, at_us)
        return meter.stop(end.hangup_us)

    def wait_until_changed(self, count):
        """Wait until the engine has dealt with so many changes."""
        told = ('"level_changed"', '"level_refused"')
        self._stack.eventually(
            lambda: (
                sum(
                    line.count(self.call_id) and any(one in line for one in told)
                    for line in self._stack.engine_log().splitlines()
                )
                >= count
            )
        )
        # The switch dates an end by the beat of its clock, which may lie a little behind.
        seen_us = SystemClock().now_us()
        self._stack.eventually(lambda: SystemClock().now_us() > seen_us + 50_000)


async def _level(connection, call_id):
    return await connection.fetch(
        "SELECT level FROM calls_in_progress WHERE call_id = $1::uuid", call_id
    )


async def _in_progress(connection, number, known=()):
    return await connection.fetch(
        "SELECT call_id::text, switch_uuid FROM calls_in_progress"
        " WHERE number = $1 AND state = 'answered' AND call_id <> ALL ($2::uuid[])",
        number,
        known,
    )


@pytest.fixture
def caller():
    """Give the caller's phone."""
    phone = Phone()
    yield phone
    phone.stop()


@pytest.fixture
def talk(stack, destinations, caller):
    """Give a function that has a call in talk, and its record afterwards."""

    @contextmanager
    def talking(number):
        before = stack.recorded(number)
        # A call that has just ended is shown for a moment more.
        known = [row["call_id"] for row in run(stack.dsn, _in_progress, number)]
        conversation = caller.call(number, stack.switch.sip_port)
        called = destinations["keypad"].latest()
        try:
            (row,) = stack.eventually(lambda: run(stack.dsn, _in_progress, number, known))
            this = Talk(stack, conversation, called, row["call_id"], row["switch_uuid"])
            yield this
        finally:
            if not conversation.is_over:
                conversation.hang_up()
        this.cdr = stack.cdr_of_new_call(number, before)

    return talking


@pytest.mark.parametrize(("by", "source"), [("info", "ENDPOINT"), ("rtp", "RTP")])
def test_the_destination_changes_the_price_there_and_back(stack, talk, by, source):
    """*02#, then *01#: each from the instant of its hash, and the caller hears no key."""
    with talk("+41900800001") as this:
        this.called.press("*02#", by=by)
        this.wait_until_changed(1)
        gevent.sleep(1.1)  # that a second begins at level 2
        this.called.press("*01#", by=by)
        this.wait_until_changed(2)

    changes = list(zip(this.hashes_us(), (2, 1), strict=True))
    expected = this.priced(changes)
    charge = this.cdr["charge"]
    keys = stack.watch.keys_pressed(this.leg_uuid)
    assert "".join(one.header("DTMF-Digit") or "" for one in keys) == "*02#*01#"
    assert {one.header("DTMF-Source") for one in keys} == {source}
    assert this.caller.heard == ""
    assert (Decimal(charge["gross"]), charge["exact"]) == (
        expected.charge,
        f"{expected.exact.numerator / Decimal(expected.exact.denominator):.2f}",
    )
    assert [
        (one["level"], us_of(one["in_force_at"]), one["by"]) for one in this.cdr["changes"]
    ] == [(level, at_us, "destination") for at_us, level in changes]
    assert [one["level"] for one in this.cdr["segments"]] == [1, 2, 1]


def test_the_caller_s_keys_change_nothing(stack, talk):
    """They go to the destination, as in any call."""
    with talk("+41900800001") as this:
        this.caller.press("*02#")
        stack.eventually(lambda: this.called.heard == "*02#")

    assert this.cdr["changes"] == []
    assert Decimal(this.cdr["charge"]["gross"]) == this.priced([]).charge


def test_keys_where_the_number_does_not_allow_them(stack, talk):
    """The price stays, the record says why, and the caller hears them as in any call."""
    with talk("+41900800002") as this:
        this.called.press("*02#")
        this.wait_until_changed(1)
        stack.eventually(lambda: this.caller.heard == "*02#")

    (change,) = this.cdr["changes"]
    assert change["refused"] == "the number does not allow it"
    assert Decimal(this.cdr["charge"]["gross"]) == this.priced([]).charge


def test_a_level_that_is_not_there_or_would_pass_the_maximum(talk):
    """The call goes on at its price, and the record has both, refused, with the reason."""
    with talk("+41900800001") as this:
        this.called.press("*77#")
        this.wait_until_changed(1)
        this.called.press("*02#")
        this.wait_until_changed(2)
        this.called.press("*03#")
        this.wait_until_changed(3)

    unknown, applied, dear = this.cdr["changes"]
    expected = this.priced([(this.hashes_us()[1], 2)])
    assert "77" in unknown["refused"]
    assert applied["refused"] is None
    assert "maximum of CHF 10.00" in dear["refused"]
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


def test_the_maximum_is_reached_after_a_change(stack, talk):
    """Level 4 takes 9.50 of 10.00 at once: the call ends two or three seconds later."""
    with talk("+41900800001") as this:
        this.called.press("*04#")
        this.wait_until_changed(1)
        stack.eventually(lambda: this.caller.is_over and this.called.is_over)

    end = stack.watch.end_of(this.leg_uuid)
    expected = this.priced([(this.hashes_us()[0], 4)])
    assert this.cdr["hangup_cause"] == "ALLOTTED_TIMEOUT"
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge <= Decimal("10.00")
    assert 0 < expected.exhausted_at_us - end.hangup_us < 900_000


def test_the_tariff_steps_by_itself(stack, talk):
    """Level 5 leads to level 6 after a second; whoever looks sees it."""
    with talk("+41900800003") as this:
        stack.eventually(lambda: this.level() == 6)

    expected = this.priced([], level=5)
    (step,) = this.cdr["changes"]
    assert (step["level"], step["by"]) == (6, "step")
    assert us_of(step["in_force_at"]) - us_of(this.cdr["answered_at"]) == 1_000_000
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


def test_all_ninety_levels_in_one_call(talk):
    """From 1 to 90 by keys; ten of them have a base fee, each charged once."""
    with talk("+41900800004") as this:
        for level in range(2, 91):
            this.called.press(f"*{level:02}#")
        this.wait_until_changed(89)

    changes = list(zip(this.hashes_us(), range(2, 91), strict=True))
    expected = this.priced(changes, tariff=NINETY)
    assert [one["level"] for one in this.cdr["changes"]] == list(range(2, 91))
    assert [one["level"] for one in this.cdr["segments"]] == list(range(1, 91))
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge
    assert expected.exact > Decimal("4.50")


def test_a_row_changes_the_price_at_once_and_at_an_instant(stack, talk):
    """`callcontrol level` waits for the first; the second holds from its very microsecond."""
    with talk("+41900800002") as this:
        printed = stack.command("level", this.call_id, "2", "--by", "Anna")
        effective_us = run(stack.dsn, _ask_soon, this.call_id)
        this.wait_until_changed(2)

    first, second = this.cdr["changes"]
    in_force_us = us_of(first["in_force_at"])
    expected = this.priced([(in_force_us, 2), (effective_us, 1)])
    assert printed == f"call {this.call_id}: level 2 since {first['in_force_at']}\n"
    assert (first["level"], first["by"]) == (2, "Anna")
    assert us_of(first["asked_at"]) <= in_force_us < us_of(first["asked_at"]) + 1_000_000
    assert us_of(second["in_force_at"]) == effective_us
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


async def _ask_soon(connection, call_id):
    return await connection.fetchval(
        "INSERT INTO level_requests (call_id, level, effective_at)"
        " VALUES ($1::uuid, 1, clock_timestamp() + interval '1.2 seconds')"
        " RETURNING (extract(epoch FROM effective_at) * 1000000)::bigint",
        call_id,
    )


def test_the_level_of_a_number_with_its_running_calls(stack, talk):
    """The call in talk changes, and the next one starts at the new level."""
    try:
        with talk("+41900800002") as this:
            printed = stack.command("level", "0900 800 002", "2", "--live")
            stack.eventually(lambda: '"level": 2' in _route(stack))
    finally:
        stack.changed(lambda: stack.command("level", "0900 800 002", "1"))

    (change,) = this.cdr["changes"]
    expected = this.priced([(us_of(change["in_force_at"]), 2)])
    assert printed.splitlines() == [
        "0900 800 002: level 2 from now, its running calls too",
        f"call {this.call_id}: level 2 since {change['in_force_at']}",
    ]
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


def _route(stack):
    return stack.command("route", "0900800002", "--from", "+41795550001", "--json")


@pytest.mark.long  # it waits for the second of the plan
def test_the_weekly_plan_changes_a_running_call(stack, talk):
    """Where its number says so: from the very second of the plan, written in local time."""
    at = datetime.now(ZoneInfo("Europe/Zurich")).replace(microsecond=0) + timedelta(seconds=5)
    stack.changed(
        lambda: stack.query(
            "INSERT INTO level_slots (number, position, weekdays, starts, ends, level) VALUES"
            f" ('+41900800005', 0, '{{0,1,2,3,4,5,6}}', '{at:%H:%M:%S}',"
            f" '{at + timedelta(hours=1):%H:%M:%S}', 2)"
        )
    )
    try:
        with talk("+41900800005") as this:
            before = this.level()
            stack.eventually(lambda: this.level() == 2)
    finally:
        stack.changed(
            lambda: stack.query("DELETE FROM level_slots WHERE number = '+41900800005'")
        )

    (change,) = this.cdr["changes"]
    expected = this.priced([(us_of(at.isoformat()), 2)])
    assert before == 1
    assert (change["level"], change["by"], change["refused"]) == (2, "plan", None)
    assert us_of(change["in_force_at"]) == us_of(at.isoformat())
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


def test_a_level_the_law_forbids(stack, talk):
    """Whoever wrote it into the table: it is refused in force, and `check` names it."""
    table = (
        "(SELECT tariff_tables.id FROM tariff_tables JOIN tariffs ON tariffs.id = tariff_id"
        " WHERE name = 'below-the-law')"
    )
    stack.changed(
        lambda: stack.query(
            "INSERT INTO tariff_levels (table_id, level, per_minute)"
            f" VALUES ({table}, 2, 10.01)"
        )
    )
    try:
        says = stack.refused("check")
        with talk("+41900800006") as this:
            this.called.press("*02#")
            this.wait_until_changed(1)
    finally:
        stack.changed(
            lambda: stack.query(
                f"DELETE FROM tariff_levels WHERE table_id = {table} AND level = 2"
            )
        )

    (change,) = this.cdr["changes"]
    assert "below-the-law" in says
    assert "OST art. 39" in says
    assert (change["in_force_at"], change["refused"]) == (
        None,
        "per_minute above CHF 10 (OST art. 39)",
    )
    assert Decimal(this.cdr["charge"]["gross"]) == this.priced([]).charge


def test_an_engine_killed_after_a_change_has_not_lost_it(stack, talk):
    """The next one meters on at the new level, and takes the keys as before."""
    with talk("+41900800001") as this:
        this.called.press("*02#")
        this.wait_until_changed(1)
        stack.kill_engine()
        stack.start_engine()
        stack.eventually(lambda: '"call_adopted"' in stack.engine_log())
        this.called.press("*01#")
        this.wait_until_changed(1)

    expected = this.priced(zip(this.hashes_us(), (2, 1), strict=True))
    assert this.cdr["closed_how"] == "recovered"
    assert [one["level"] for one in this.cdr["changes"]] == [2, 1]
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge


@pytest.mark.long
def test_a_flood_of_keys_from_both_ends_costs_nobody_else_anything(stack, talk):
    """Thousands of keys, hundreds of changes: others are served, and each change is right."""
    with talk("+41900800004") as this:
        before_bytes = stack.metric("callcontrol_resident_bytes")
        floods = [
            gevent.spawn(this.called.press, "*02#*03#" * 200 + "123" * 300),
            gevent.spawn(this.caller.press, "*55#1234567890" * 100),
        ]
        finals = []
        while not all(flood.ready() for flood in floods):
            finals.append(stack.caller.call("0800100001", talk_ms=100).final)
        gevent.joinall(floods, raise_error=True)
        this.wait_until_changed(400)
        grown_bytes = stack.metric("callcontrol_resident_bytes") - before_bytes

    changes = list(zip(this.hashes_us(), (2, 3) * 200, strict=True))
    expected = this.priced(changes, tariff=NINETY)
    assert set(finals) == {200}
    assert Decimal(this.cdr["charge"]["gross"]) == expected.charge
    assert [us_of(one["in_force_at"]) for one in this.cdr["changes"]] == [
        at for at, _ in changes
    ]
    assert grown_bytes < 30 << 20
