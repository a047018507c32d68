from __future__ import annotations

import json
from typing import Any

import pytest

from callcontrol.described_call import described_call
from callcontrol.errors import ConfigError
from tests.tariff_builders import make_call_text


def faults_of(text: str) -> list[str]:
    """Read a call that is refused and give what is wrong with it."""
    with pytest.raises(ConfigError) as refusal:
        described_call(text)
    return list(refusal.value.faults)


def levels(**levels: Any) -> dict[str, Any]:
    """Make the tariff part of a call from levels named `_1`, `_2` and so on."""
    return {"levels": {name.removeprefix("_"): level for name, level in levels.items()}}


class TestAmounts:
    @pytest.mark.parametrize(
        "amount",
        [
            *(3, 3.5, None, True, [], "", "3.", ".5", "+3", " 3", "1_0", "1e2", "1e999999"),
            *("NaN", "Infinity", "-Infinity", "٣.00", "3,00", "0x1", "3\n"),
        ],
    )
    def test_are_strings_of_digits(self, amount: object):
        """A float is refused, and so is all else that is not digits with a point."""
        tariff = levels(_1={"per_minute": amount})

        assert faults_of(make_call_text(tariff=tariff)) == [
            'tariff.levels.1.per_minute: not an amount, a string such as "3.00"'
        ]

    @pytest.mark.parametrize(
        ("amount", "message"),
        [
            ("-0.01", "negative"),
            ("1000000.00", "above 999999.999999"),
            ("9" * 5000, "above 999999.999999"),
            ("0.0000001", "more than six decimals"),
        ],
    )
    def test_are_judged_by_the_table(self, amount: str, message: str):
        """What looks like an amount may still be none a table can have."""
        fixed = [{"amount": amount, "after_s": 1}]

        assert faults_of(make_call_text(tariff=levels(_1={"fixed": fixed}))) == [
            f"tariff.levels.1.fixed.0.amount: {message}"
        ]


class TestInstants:
    @pytest.mark.parametrize(
        ("instant", "message"),
        [
            ("2026-01-05T12:00:00", "has no time zone"),
            ("2026-02-30T12:00:00Z", "no such day or time of day"),
            ("2026-01-05T12:00:60Z", "no such day or time of day"),
            ("1969-12-31T23:59:59Z", "not between 1970 and 9999"),
            ("0001-01-01T00:00:00+14:00", "not between 1970 and 9999"),
            ("9999-12-31T23:59:59-14:00", "not between 1970 and 9999"),
        ],
    )
    def test_there_must_be(self, instant: str, message: str):
        """An instant is on the calendar and has a time zone."""
        assert faults_of(make_call_text(start=instant)) == [f"start: {message}"]

    @pytest.mark.parametrize(
        "instant",
        [
            *(1767614400, None, "", "now", "2026-01-05", "2026-01-05 12:00:00Z"),
            *("20260105T120000Z", "2026-01-05T12:00:00.1234567Z", "2026-W02-1T12:00:00Z"),
            "2026-01-05T12:00:00Z ",
        ],
    )
    def test_are_written_in_one_way(self, instant: object):
        """Seconds since the epoch, days, and more than six decimals are refused."""
        assert faults_of(make_call_text(end=instant)) == [
            'end: not an instant, a string such as "2026-01-05T12:00:00.000000Z"'
        ]

    def test_may_have_any_offset(self):
        """Thirteen o'clock in Zurich in winter is noon."""
        local = described_call(make_call_text(start="2026-01-05T13:00:00.5+01:00"))

        assert local.start_us == 1767614400_500000


class TestOrder:
    @pytest.mark.parametrize(
        ("fields", "faults"),
        [
            ({"end": "2026-01-05T11:59:59.999999Z"}, ["end: before the start"]),
            (
                {"end": "2026-01-12T12:00:00.000001Z"},
                ["end: more than 7 days after the start"],
            ),
            ({"level": 2}, ["level: the table has no level 2"]),
            ({"level": 10**50}, [f"level: the table has no level 1{'0' * 39}…"]),
            (
                {"changes": [{"at": "2026-01-05T11:59:59Z", "level": 1}]},
                ["changes.0.at: before the start"],
            ),
            (
                {"changes": [{"at": "2026-01-05T12:01:00.000001Z", "level": 1}]},
                ["changes.0.at: after the end"],
            ),
            (
                {
                    "changes": [
                        {"at": f"2026-01-05T12:00:{second}Z", "level": 1}
                        for second in ("30", "20", "25", "30")
                    ]
                },
                [
                    "changes.1.at: before the change in front of it",
                    "changes.2.at: before the change in front of it",
                ],
            ),
            (
                {
                    "end": "2026-01-05T11:00:00Z",
                    "changes": [{"at": "2026-01-05T12:00:00Z", "level": 1}],
                },
                ["end: before the start"],
            ),
        ],
    )
    def test_is_one_time_can_have(self, fields: dict[str, Any], faults: list[str]):
        """The call ends after it starts, its changes lie between, in order."""
        assert faults == faults_of(make_call_text(**fields))

    @pytest.mark.parametrize(
        ("free", "faults"),
        [
            ([("11:59:59", "12:00:10")], ["free.0.from: before the start"]),
            ([("12:02:00", None)], ["free.0.from: after the end"]),
            ([("12:00:30", "12:00:20")], ["free.0.until: before its beginning"]),
            ([("12:00:30", "12:01:20")], ["free.0.until: after the end"]),
            (
                [("12:00:10", "12:00:20"), ("12:00:19", None)],
                ["free.1.from: before the one in front of it ends"],
            ),
            (
                [("12:00:10", None), ("12:00:19", "12:00:30")],
                ["free.0.until: is missing: only the last may go on"],
            ),
        ],
    )
    def test_free_time_is_one_the_call_can_have(
        self, free: list[tuple[str, str | None]], faults: list[str]
    ):
        """Within the call, in order; only the last stretch may have no end."""
        stretches = [
            {"from": f"2026-01-05T{begins}Z"}
            | ({"until": f"2026-01-05T{until}Z"} if until else {})
            for begins, until in free
        ]

        assert faults == faults_of(make_call_text(free=stretches))

    def test_what_is_withheld_has_a_kind(self):
        """A step or fixed charges, at an instant."""
        withheld = [{"at": "2026-01-05T12:00:30Z", "kind": "time"}]

        assert faults_of(make_call_text(withheld=withheld)) == [
            "withheld.0.kind: not step or fixed"
        ]

    def test_changes_the_meter_refuses_are_no_faults(self):
        """A level the table lacks is for the meter to refuse, however large its number."""
        changes = [
            {"at": "2026-01-05T12:00:30Z", "level": number} for number in (0, -1, 10**30)
        ]

        assert len(described_call(make_call_text(changes=changes)).changes) == 3


class TestShape:
    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"level": "01"}, "level: not a whole number"),
            ({"level": 1.0}, "level: not a whole number"),
            ({"level": True}, "level: not a whole number"),
            ({"changes": {}}, "changes: not a list"),
            ({"changes": [5]}, "changes.0: not an object"),
            ({"tariff": {"category": 901}}, "tariff.category: not a string"),
            ({"tariff": {"category": "0999"}}, None),
            ({"tariff": {"levels": []}}, "tariff.levels: not an object"),
            ({"tariff": {"levels": {}}}, "tariff.levels: a table has at least one level"),
            ({"tariff": {"includes_vat": 1}}, "tariff.includes_vat: not true or false"),
            ({"tariff": {"rounding": "0.10"}}, "tariff.rounding: not an object"),
            ({"tariff": {"rounding": {"mode": "down"}}}, "tariff.rounding.mode: not up"),
            ({"tariff": {"free_seconds": 5}}, "tariff.free_seconds: is not a field"),
            ({"comment": "hello"}, "comment: is not a field"),
            ({"tariff": levels(_1={"fixed": [5]})}, "tariff.levels.1.fixed.0: not an object"),
        ],
    )
    def test_of_every_part_is_judged(self, fields: dict[str, Any], fault: str | None):
        """Each part is named by its path."""
        expected = fault or (
            "tariff.category: not one of 0800, 00800, 0840, 0842, 0844, 0848, 0900, 0901, 0906"
        )
        assert faults_of(make_call_text(**fields)) == [expected]

    @pytest.mark.parametrize("number", ["01", "0", "91", "-1", "1.0", "", "one", "9" * 50])
    def test_levels_are_numbered_1_to_90(self, number: str):
        """No other number, nor the same one written otherwise."""
        shown = number if len(number) <= 40 else f"{'9' * 40}…"

        assert f"tariff.levels.{shown}: a level is numbered 1 to 90" in faults_of(
            make_call_text(tariff=levels(_1={}, **{f"_{number}": {}}))
        )

    @pytest.mark.parametrize("text", ["[]", "5", '"call"', "null"])
    def test_a_call_is_an_object(self, text: str):
        """Other JSON describes no call."""
        assert faults_of(text) == ["the file: not an object"]

    def test_tariff_is_an_object(self):
        """A tariff of another kind is one fault, not many."""
        assert faults_of(json.dumps({"tariff": 5})) == [
            "tariff: not an object",
            "start: is missing",
            "end: is missing",
            "level: is missing",
        ]


class TestEveryFault:
    def test_is_told_at_once(self):
        """Shape, values, order and law: one run tells them all, each once."""
        tariff = levels(
            _01={"per_minute": 3.0},
            _1={"per_minute": "3.00"},
            _5={"fixed": [{"amount": "1.00"}, {"amount": "-1", "after_s": 0}]},
            _6={"fixed": [{"amount": "100.01", "after_s": -1}]},
            _7={"per_minute": "11.00", "then": {"after_s": 0, "level": 7}},
            _8={"per_call": "101.00", "note": "dear"},
        )
        text = make_call_text(
            tariff=tariff | {"increment_s": 60, "free_s": -1},
            start="2026-01-05T12:00:00",
            changes=[{"at": 5}],
        )

        assert sorted(faults_of(text)) == [
            'changes.0.at: not an instant, a string such as "2026-01-05T12:00:00.000000Z"',
            "changes.0.level: is missing",
            "start: has no time zone",
            "tariff.free_s: not a whole number of seconds from 0 to 86400",
            "tariff.increment_s: time is charged to the second (OST art. 39b)",
            'tariff.levels.01.per_minute: not an amount, a string such as "3.00"',
            "tariff.levels.01: a level is numbered 1 to 90",
            "tariff.levels.5.fixed.0.after_s: is missing",
            "tariff.levels.5.fixed.1.amount: negative",
            "tariff.levels.6.fixed.0.after_s: not a whole number of seconds from 0 to 86400",
            "tariff.levels.7.per_minute: above CHF 10 (OST art. 39)",
            "tariff.levels.7.then.level: the level itself",
            "tariff.levels.8.note: is not a field",
            "tariff.levels.8.per_call: above CHF 100 (OST art. 39)",
        ]

    def test_of_law_is_of_the_day_of_the_call(self):
        """0.081 a minute was too much at 7.7 % tax."""
        tariff = {"category": "0842", "levels": {"1": {"per_minute": "0.081"}}}
        old = {"start": "2023-12-31T12:00:00+01:00", "end": "2023-12-31T12:00:00+01:00"}

        assert faults_of(make_call_text(tariff=tariff, **old)) == [
            "tariff.levels.1.per_minute: above CHF 0.075 without VAT (OST art. 39a)"
        ]
        assert described_call(make_call_text(tariff=tariff)).tariff.category == "0842"
