from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tariffs import (
    CATEGORIES,
    TARIFF_CLASSES,
    Announcement,
    FixedCharge,
    InvalidTariff,
    Level,
    Rounding,
    Then,
)
from tests.tariff_builders import make_level, make_tariff


def faults_of(*levels: Level, **fields: Any) -> list[str]:
    """Make a table that is refused and give what is wrong with it."""
    with pytest.raises(InvalidTariff) as refusal:
        make_tariff(*levels, **fields)
    return [str(fault) for fault in refusal.value.faults]


class TestTariff:
    @pytest.mark.parametrize("category", CATEGORIES)
    def test_knows_every_category(self, category: str):
        """Freephone, shared cost and premium rate."""
        assert category == make_tariff(category=category).category

    def test_sorts_and_freezes_its_levels(self):
        """Levels come in the order of their numbers and cannot be replaced."""
        levels = {90: make_level(), 1: make_level(), 7: make_level()}
        tariff = make_tariff(levels=levels)
        levels[2] = make_level()

        assert list(tariff.levels) == [1, 7, 90]
        with pytest.raises(TypeError):
            tariff.levels[2] = make_level()  # type: ignore[index]
        with pytest.raises(FrozenInstanceError):
            tariff.name = "other"  # type: ignore[misc]

    def test_holds_ninety_levels(self):
        """1 to 90, all of them."""
        assert len(make_tariff(*[make_level()] * 90).levels) == 90

    def test_may_be_varied(self):
        """A copy with another field is a table like any other, judged again."""
        tariff = make_tariff()

        assert replace(tariff, version="2").levels == tariff.levels
        with pytest.raises(InvalidTariff):
            replace(tariff, free_s=-1)

    def test_is_valid_from_an_instant_until_another(self):
        """The first instant is in, the last is out; without them it is always valid."""
        first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        tariff = make_tariff(valid_from=first, valid_until=last)

        assert tariff.is_valid_at(first)
        assert not tariff.is_valid_at(last)
        assert not tariff.is_valid_at(datetime(2025, 12, 31, tzinfo=UTC))
        assert make_tariff().is_valid_at(last)

    @pytest.mark.parametrize(
        ("level", "costs"),
        [
            (make_level(), False),
            (make_level("0.01"), True),
            (make_level("0.00", "0.01"), True),
            (make_level(fixed=(("0.01", 9, None),)), True),
            (make_level(fixed=(("0.00", 9, None),)), False),
        ],
    )
    def test_says_whether_it_costs_something(self, level: Level, costs: bool):
        """Any price of any level counts, nothing else does."""
        assert costs is make_tariff(make_level(), level).costs_something


class TestFaults:
    def test_all_are_told_at_once(self):
        """One refusal names every fault by its path."""
        bad = Level(
            per_minute=3.0,  # type: ignore[arg-type]
            per_call=Decimal("-1"),
            fixed=(FixedCharge(amount=Decimal("NaN"), after_s=-1, every_s=0),),
            then=Then(after_s=1.5, level=9),  # type: ignore[arg-type]
        )

        assert faults_of(make_level(), bad, category="0902", increment_s=0) == [
            "category: not one of 0800, 00800, 0840, 0842, 0844, 0848, 0900, 0901, 0906",
            "increment_s: not a whole number of seconds from 1 to 3600",
            "levels.2.per_minute: an amount is a Decimal, not float",
            "levels.2.per_call: negative",
            "levels.2.fixed.0.amount: not a number",
            "levels.2.fixed.0.after_s: not a whole number of seconds from 0 to 86400",
            "levels.2.fixed.0.every_s: not a whole number of seconds from 1 to 86400",
            "levels.2.then.after_s: not a whole number of seconds from 0 to 86400",
            "levels.2.then.level: the table has no level 9",
        ]

    def test_error_says_them_all(self):
        """The error's own text has every fault."""
        with pytest.raises(
            InvalidTariff, match=r"^free_s: .*; levels: a table has at least one"
        ):
            make_tariff(levels={}, free_s=-1)

    @pytest.mark.parametrize("number", [0, 91, -1, True, 1.0, "1", "01", 10**40])
    def test_levels_are_numbered_1_to_90(self, number: object):
        """No other number, and nothing that only looks like one."""
        assert faults_of(levels={number: make_level()}) == [
            f"levels.{number}: a level is numbered 1 to 90"
        ]

    def test_a_level_has_at_most_ten_fixed_charges(self):
        """Ten are let in, eleven are not."""
        fixed = (("1.00", 60, 60),)

        assert make_tariff(make_level(fixed=fixed * 10)).costs_something
        assert faults_of(make_level(fixed=fixed * 11)) == [
            "levels.1.fixed: more than 10 charges"
        ]

    def test_91_levels_are_one_too_many(self):
        """Ninety-one levels cannot all have a number."""
        assert faults_of(*[make_level()] * 91) == ["levels.91: a level is numbered 1 to 90"]

    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"currency": "chf"}, "currency: not three capital letters"),
            ({"currency": "ÄÖÜ"}, "currency: not three capital letters"),
            ({"currency": "CHFR"}, "currency: not three capital letters"),
            (
                {"increment_s": True},
                "increment_s: not a whole number of seconds from 1 to 3600",
            ),
            (
                {"increment_s": 3601},
                "increment_s: not a whole number of seconds from 1 to 3600",
            ),
            ({"free_s": -1}, "free_s: not a whole number of seconds from 0 to 86400"),
            ({"free_s": 90, "increment_s": 60}, "free_s: not a whole number of increments"),
            (
                {"tariff_class": "offline"},
                "tariff_class: not one of " + ", ".join(TARIFF_CLASSES),
            ),
            ({"max_charge": Decimal("-1")}, "max_charge: negative"),
            ({"max_charge": 400.0}, "max_charge: an amount is a Decimal, not float"),
            (
                {"rounding": Rounding(mode="down")},  # type: ignore[arg-type]
                "rounding.mode: not up",
            ),
            ({"valid_from": datetime(2026, 1, 1)}, "valid_from: has no time zone"),  # noqa: DTZ001
            ({"valid_until": datetime(2026, 1, 1)}, "valid_until: has no time zone"),  # noqa: DTZ001
            (
                {
                    "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
                    "valid_until": datetime(2026, 1, 1, tzinfo=UTC),
                },
                "valid_until: not after valid_from",
            ),
        ],
    )
    def test_shared_terms(self, fields: dict[str, Any], fault: str):
        """Each of the table's own fields is judged."""
        assert [fault] == faults_of(**fields)

    @pytest.mark.parametrize("coin", [Decimal("0.03"), Decimal("sNaN"), Decimal(0), 0.5, 1])
    def test_coins(self, coin: object):
        """Only coins there are; a float is no coin even if it equals one."""
        assert faults_of(rounding=Rounding(to=coin)) == [  # type: ignore[arg-type]
            "rounding.to: not one of 0.01, 0.05, 0.10, 0.20, 0.50, 1.00"
        ]

    @pytest.mark.parametrize(
        ("policy", "fault"),
        [
            (
                Announcement(language="de CH"),
                "language: not a language tag such as de or fr-CH",
            ),
            (Announcement(language="dé"), "language: not a language tag such as de or fr-CH"),
            (Announcement(language=""), "language: not a language tag such as de or fr-CH"),
            (Announcement(spoken_above=Decimal("-1")), "spoken_above: negative"),
            (Announcement(consent_fixed_above=Decimal("-1")), "consent_fixed_above: negative"),
            (
                Announcement(consent_per_minute_above=Decimal("-1")),
                "consent_per_minute_above: negative",
            ),
            (
                Announcement(spoken_wait_s=-1),
                "spoken_wait_s: not a whole number of seconds from 0 to 86400",
            ),
        ],
    )
    def test_announcement_policy(self, policy: Announcement, fault: str):
        """Each field of the policy is judged."""
        assert [f"announcement.{fault}"] == faults_of(announcement=policy)

    def test_full_announcement_policy_is_let_in(self):
        """A stricter policy than the law's is well formed."""
        policy = Announcement(
            language="fr-CH",
            spoken_above=Decimal(1),
            spoken_wait_s=6,
            consent_fixed_above=Decimal(5),
            consent_per_minute_above=Decimal(2),
        )

        assert policy == make_tariff(announcement=policy).announcement


class TestSteps:
    def test_to_itself_is_refused(self):
        """A level cannot step to itself."""
        assert faults_of(make_level(then=(5, 1))) == ["levels.1.then.level: the level itself"]

    @pytest.mark.parametrize("number", [True, 7, 1.0])
    def test_to_nowhere_is_refused(self, number: Any):
        """A step leads to a level of the table, by its whole number."""
        levels = (make_level(), make_level(then=(5, number)))

        assert faults_of(*levels) == [f"levels.2.then.level: the table has no level {number}"]

    def test_round_and_round_at_one_instant_is_refused(self):
        """Steps of 0 seconds that lead back would never end."""
        message = "then: the steps lead back to this level without any time passing"
        levels = (
            make_level(then=(0, 2)),
            make_level(then=(0, 3)),
            make_level(then=(0, 1)),
            make_level(then=(0, 1)),
        )

        assert [f"levels.{number}.{message}" for number in (1, 2, 3)] == faults_of(*levels)

    def test_round_in_time_is_let_in(self):
        """Steps may go round if any time passes on the way, and may be of 0 s otherwise."""
        round_in_time = make_tariff(make_level(then=(0, 2)), make_level(then=(1, 1)))
        at_once = make_tariff(make_level(then=(0, 2)), make_level())

        assert 2 == len(round_in_time.levels) == len(at_once.levels)


@pytest.mark.parametrize(
    ("levels", "told", "expected"),
    [
        (1, None, "online"),
        (2, None, "offline-b"),
        (2, "online", "online"),
        (1, "offline-a", "offline-a"),
    ],
)
def test_of_several_levels_only_we_know_the_price(
    levels: int, told: Any, expected: str
) -> None:
    """What is not told follows from the table."""
    tariff = make_tariff(*[make_level()] * levels, tariff_class=told)

    assert tariff.charge_class == expected
