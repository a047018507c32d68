"""When the maximum is passed: plain time, fixed charges, steps that go round."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tariffs import Law, Level, Tariff
from tests.tariff_builders import (
    JUNE_US,
    NOON_US,
    SECOND_US,
    TIGHTENED_LAW,
    make_level,
    make_meter,
    make_tariff,
)

YEAR_S = 365 * 86_400


def exhausted_s(tariff: Tariff, level: int = 1) -> float | None:
    """Give the seconds from noon after which the maximum is passed."""
    at_us = make_meter(tariff, level=level).exhausted_at_us()
    return None if at_us is None else (at_us - NOON_US) / SECOND_US


def capped(*levels: Level, maximum: str = "10.00", **fields: object) -> Tariff:
    """Make a table with a maximum of 10.00."""
    return make_tariff(*levels, max_charge=Decimal(maximum), **fields)


class TestExhaustion:
    @pytest.mark.parametrize(
        ("tariff", "seconds"),
        [
            (capped(make_level("6.00")), 100),  # 100 seconds fit exactly
            (capped(make_level("7.00")), 85),  # 85 x 7 / 60 = 9.91…
            (capped(make_level("6.00"), free_s=30), 130),
            (capped(make_level("0.00", "10.00")), None),  # reached, never passed
            (capped(make_level("0.00", "10.01")), 0),
            (capped(make_level("0.000001", "10.00")), 0),  # the first second passes
            (capped(make_level()), None),
            (capped(make_level(), maximum="0.00"), None),
            (capped(make_level(fixed=(("10.01", 7, None),))), 7),
            (capped(make_level(fixed=(("10.00", 7, None),))), None),
            (capped(make_level(fixed=(("5.00", 9, None), ("5.01", 7, None)))), 9),
            (capped(make_level(fixed=(("1.00", 7, 60),))), 607),  # the eleventh
            (capped(make_level("0.60", fixed=(("9.00", 100, None),))), 100),  # 1.00 + 9.00 fit
            (capped(make_level("0.60", fixed=(("9.00", 101, None),))), 101),
            (make_tariff(make_level("0.08"), category="0842"), None),
            (make_tariff(make_level("9.00"), category="0800"), None),
            (capped(make_level("0.000001")), 600_000_000),  # nineteen years
        ],
    )
    def test_at_one_level(self, tariff: Tariff, seconds: float | None):
        """The first charge that passes the maximum, to the second."""
        assert seconds == exhausted_s(tariff)

    def test_follows_the_steps(self):
        """Ten seconds at 6.00, then a base fee of 5.00, then 3.00 a minute."""
        tariff = capped(make_level("6.00", then=(10, 2)), make_level("3.00", "5.00"))

        assert exhausted_s(tariff) == 90  # 1.00 + 5.00 + 80 x 0.05

    def test_is_remembered_when_it_lies_behind(self):
        """A later change does not move an exhaustion that has been passed."""
        meter = make_meter(capped(make_level("6.00"), make_level()))
        meter.change_level(2, NOON_US + 200 * SECOND_US)

        assert meter.exhausted_at_us() == NOON_US + 100 * SECOND_US

    def test_counts_fixed_charges_on_after_a_change_of_law(self):
        """The eleventh charge of 1.00 passes 10.00, though the law changed after the fifth."""
        tariff = capped(make_level(fixed=(("1.00", 10, 10),)))
        start_us = JUNE_US - 55 * SECOND_US
        meter = make_meter(tariff, start_us=start_us, law=TIGHTENED_LAW)

        assert meter.exhausted_at_us() == start_us + 110 * SECOND_US

    def test_moves_with_a_change(self):
        """Asked again after a change, it is another instant."""
        meter = make_meter(capped(make_level("6.00"), make_level("3.00")))
        before_us = meter.exhausted_at_us()
        meter.change_level(2, NOON_US + 50 * SECOND_US)

        assert before_us == NOON_US + 100 * SECOND_US
        assert meter.exhausted_at_us() == NOON_US + 150 * SECOND_US


class TestSteps:
    def test_that_go_round_for_nothing_never_pass(self):
        """Base fees are paid once; after that the round is free."""
        tariff = capped(
            make_level("0.00", "4.00", then=(1, 2)), make_level("0.00", "6.00", then=(1, 1))
        )

        assert exhausted_s(tariff) is None

    @pytest.mark.parametrize("free_s", [0, 100])
    def test_that_go_round_for_years_are_leaped_over(self, free_s: int):
        """A millionth a minute every other second passes 1.00 after 3.8 years."""
        tariff = capped(
            make_level("0.000001", then=(1, 2)),
            make_level(then=(1, 1)),
            maximum="1.00",
            free_s=free_s,
        )

        assert exhausted_s(tariff) == free_s + 2 * 60_000_000

    def test_that_go_round_out_of_step_with_increments(self):
        """With minutes as increments a round of 7 s is like another only after 60 of them."""
        levels = (make_level("0.01", then=(3, 2)), make_level("0.02", then=(4, 1)))
        tariff = capped(*levels, maximum="1.00", increment_s=60)
        meter = make_meter(tariff, law=Law(country="XX", currency="CHF", zone="UTC", rules=()))
        at_us = meter.exhausted_at_us()

        # of 7 minutes in a row 3 cost 0.01 and 4 cost 0.02: 0.11; nine times that is 0.99
        assert at_us == NOON_US + (9 * 7 + 1) * 60 * SECOND_US
        assert meter.rated(at_us).exact == 1
        assert meter.rated(at_us + 1).exact > 1

    def test_that_go_round_until_one_is_refused(self):
        """A fixed charge due at the entry is refused in the round that would pass."""
        tariff = capped(
            make_level(then=(10, 2)),
            make_level("0.60", fixed=(("3.00", 0, None),), then=(10, 1)),
        )
        meter = make_meter(tariff)
        rated = meter.rated(NOON_US + 100 * SECOND_US)

        # 3.10 at 20 s, 6.20 at 40 s, 9.30 at 60 s; at 70 s 3.00 more would pass
        assert [
            ((refusal.at_us - NOON_US) // SECOND_US, refusal.level) for refusal in rated.refused
        ] == [(70, 2)]
        assert meter.exhausted_at_us() is None

    def test_that_go_round_past_a_change_of_law(self):
        """Rounds are leaped over up to the midnight of the new limit, and on from it."""
        tariff = capped(
            make_level("5.00", then=(1, 2)), make_level(then=(1, 1)), maximum="100.00"
        )
        start_us = JUNE_US - 1001 * SECOND_US
        meter = make_meter(tariff, start_us=start_us, law=TIGHTENED_LAW)

        # every other second costs 5/60: 1200 of them fit
        assert meter.exhausted_at_us() == start_us + 2400 * SECOND_US

    @pytest.mark.parametrize(("maximum", "seconds"), [("50.10", None), ("50.09", 1000)])
    def test_that_go_round_until_the_law_forbids_one(self, maximum: str, seconds: int | None):
        """501 dear seconds begin before midnight, at 0.10 each; after it there is none."""
        levels = (make_level("6.00", then=(1, 2)), make_level(then=(1, 1)))
        start_us = JUNE_US - 1001 * SECOND_US
        meter = make_meter(
            capped(*levels, maximum=maximum), start_us=start_us, law=TIGHTENED_LAW
        )
        expected = None if seconds is None else start_us + seconds * SECOND_US

        assert meter.exhausted_at_us() == expected

    def test_that_go_round_for_nothing_until_a_change_of_law(self):
        """A free round is leaped over to the midnight, and then never passes."""
        tariff = capped(make_level(then=(1, 2)), make_level(then=(1, 1)))
        meter = make_meter(tariff, start_us=JUNE_US - YEAR_S * SECOND_US, law=TIGHTENED_LAW)

        assert meter.exhausted_at_us() is None
