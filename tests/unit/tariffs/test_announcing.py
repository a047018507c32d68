from __future__ import annotations

from decimal import Decimal

import pytest

from tariffs import (
    NO_DUTY,
    Announcement,
    Duty,
    Law,
    Tariff,
    UnknownLevel,
    before_change,
    before_charging,
    before_fixed,
    told_level,
)
from tests.tariff_builders import (
    JUNE_US,
    NOON_US,
    SECOND_US,
    TIGHTENED_LAW,
    make_level,
    make_tariff,
)

WAIT_US = 5 * SECOND_US
LAWLESS = Law(country="XX", currency="CHF", zone="UTC", rules=())


def two_levels(per_minute: str, per_call: str = "0.00", **fields: object) -> Tariff:
    """Make a table whose level 1 costs 3.00 a minute and level 2 what is given."""
    return make_tariff(make_level("3.00"), make_level(per_minute, per_call), **fields)


class TestBeforeCharging:
    @pytest.mark.parametrize(
        ("per_minute", "per_call", "spoken", "consent"),
        [
            ("2.00", "0.00", False, False),
            ("2.01", "0.00", True, False),
            ("0.00", "2.00", False, False),
            ("0.00", "2.01", True, False),
            ("5.00", "0.00", True, False),
            ("5.01", "0.00", True, True),
            ("0.00", "10.00", True, False),
            ("0.00", "10.01", True, True),
        ],
    )
    def test_thresholds_of_the_law(
        self, per_minute: str, per_call: str, spoken: bool, consent: bool
    ):
        """Above 2: spoken, and 5 s pass; above 5 a minute or 10 at once: confirmed."""
        tariff = make_tariff(make_level(per_minute, per_call))
        wait_us = WAIT_US if spoken else 0

        assert before_charging(tariff, 1, NOON_US) == Duty(
            spoken=spoken, consent=consent, wait_us=wait_us
        )

    def test_table_may_be_stricter(self):
        """A table may have cheaper prices spoken and confirmed, and wait longer."""
        policy = Announcement(
            spoken_above=Decimal("0.50"),
            spoken_wait_s=8,
            consent_per_minute_above=Decimal("0.80"),
        )
        table = make_tariff(make_level("0.90"), make_level("0.60"), announcement=policy)

        assert before_charging(table, 1, NOON_US) == Duty(
            spoken=True, consent=True, wait_us=8 * SECOND_US
        )
        assert before_charging(table, 2, NOON_US) == Duty(spoken=True, wait_us=8 * SECOND_US)

    def test_table_is_never_laxer(self):
        """Higher thresholds and a shorter wait than the law has are void."""
        policy = Announcement(
            spoken_above=Decimal(9), spoken_wait_s=1, consent_per_minute_above=Decimal(9)
        )
        table = make_tariff(make_level("6.00"), announcement=policy)

        assert before_charging(table, 1, NOON_US) == Duty(
            spoken=True, consent=True, wait_us=WAIT_US
        )

    def test_nothing_is_owed_without_a_rule(self):
        """Free numbers, shared cost, and countries without a table owe no announcement."""
        assert before_charging(make_tariff(category="0842"), 1, NOON_US) == NO_DUTY
        assert before_charging(make_tariff(), 1, NOON_US, law=LAWLESS) == NO_DUTY

    def test_price_is_compared_as_the_caller_pays_it(self):
        """1.90 without tax is 2.0539 with it, and is spoken."""
        table = make_tariff(make_level("1.90"), includes_vat=False)

        assert before_charging(table, 1, NOON_US).spoken
        assert told_level(table, 1, NOON_US).per_minute == Decimal("2.0539")


class TestBeforeChange:
    def test_every_price_is_spoken_but_a_free_one(self):
        """A change is always spoken, a cheaper one too; a level that costs nothing is not."""
        tell = {"at_us": NOON_US, "in_force": 1, "is_new": True}

        assert before_change(two_levels("0.10"), 2, **tell) == Duty(spoken=True)
        assert before_change(two_levels("0.00"), 2, **tell) == NO_DUTY

    def test_dearer_price_above_the_limit_is_confirmed(self):
        """Above 5 a minute a key is needed, unless the caller pays no less already."""
        table = two_levels("6.00")

        assert before_change(table, 2, NOON_US, in_force=1, is_new=True).consent
        assert not before_change(table, 2, NOON_US, in_force=2, is_new=False).consent

    def test_base_fee_counts_only_the_first_time(self):
        """A base fee above 10 is confirmed when it will be charged, not on coming back."""
        table = two_levels("1.00", "20.00")

        assert before_change(table, 2, NOON_US, in_force=1, is_new=True).consent
        assert before_change(table, 2, NOON_US, in_force=1, is_new=False) == Duty(spoken=True)

    def test_fixed_charge_at_the_entry_is_part_of_the_change(self):
        """What falls due at the very change is confirmed with it; what comes later is not."""
        later = make_level("1.00", fixed=(("11.00", 60, None),))
        at_once = make_level("1.00", fixed=(("11.00", 0, None),))
        table = make_tariff(make_level("3.00"), later, at_once)

        assert not before_change(table, 2, NOON_US, in_force=1, is_new=True).consent
        assert before_change(table, 3, NOON_US, in_force=1, is_new=True).consent

    def test_shared_cost_is_spoken_where_the_table_says_so(self):
        """Without a rule of the law a table's own policy holds for changes too."""
        own = Announcement(spoken_above=Decimal(0))
        plain = make_tariff(make_level("0.05"), make_level("0.07"), category="0842")
        told = make_tariff(
            make_level("0.05"), make_level("0.07"), category="0842", announcement=own
        )

        assert before_change(plain, 2, NOON_US, in_force=1, is_new=True) == NO_DUTY
        assert before_change(told, 2, NOON_US, in_force=1, is_new=True) == Duty(spoken=True)


class TestBeforeFixed:
    def test_always_spoken_and_confirmed_above_ten(self):
        """Every fixed charge is spoken, one above 10 confirmed, a free one neither."""
        table = make_tariff()

        assert before_fixed(table, Decimal("0.10"), NOON_US) == Duty(spoken=True)
        assert before_fixed(table, Decimal("10.01"), NOON_US) == Duty(spoken=True, consent=True)
        assert before_fixed(table, Decimal(0), NOON_US) == NO_DUTY


class TestToldLevel:
    def test_tells_the_price_that_will_be_charged(self):
        """A price above a newer law is told as it is clipped."""
        table = make_tariff(make_level("8.00", "1.00", fixed=(("0.00", 1, None), ("2", 2, 3))))
        before = told_level(table, 1, NOON_US, law=TIGHTENED_LAW)
        after = told_level(table, 1, JUNE_US, law=TIGHTENED_LAW)

        assert (before.per_minute, after.per_minute) == (Decimal(8), Decimal(5))
        assert [charge.amount for charge in after.fixed] == [Decimal(2)]

    def test_level_must_be_of_the_table(self):
        """A level the table lacks has no price to tell."""
        with pytest.raises(UnknownLevel):
            told_level(make_tariff(), 2, NOON_US)
