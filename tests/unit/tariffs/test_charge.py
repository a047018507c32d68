from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from tariffs import Line, Rounding, Segment
from tests.tariff_builders import NOON_US, SECOND_US, make_level, make_meter, make_tariff


def at(seconds: int) -> int:
    """Give the instant some seconds after noon."""
    return NOON_US + seconds * SECOND_US


class TestRated:
    def test_lines_and_segments(self):
        """Base fee, free time, charged time, fixed charges are lines; a stay is a segment."""
        tariff = make_tariff(make_level("6.00", "1.00", fixed=(("0.50", 12, 5),)), free_s=10)
        rated = make_meter(tariff).stop(at(20))

        assert rated.lines == (
            Line(kind="per_call", level=1, at_us=NOON_US, amount=Fraction(1)),
            Line(
                kind="time",
                level=1,
                from_us=at(0),
                to_us=at(10),
                seconds=10,
                amount=Fraction(0),
            ),
            Line(
                kind="time",
                level=1,
                from_us=at(10),
                to_us=at(20),
                seconds=10,
                amount=Fraction(1),
            ),
            Line(kind="fixed", level=1, at_us=at(12), amount=Fraction("0.50")),
            Line(kind="fixed", level=1, at_us=at(17), amount=Fraction("0.50")),
        )
        assert rated.segments == (
            Segment(level=1, from_us=at(0), to_us=at(20), seconds=20, amount=Fraction(3)),
        )

    def test_fixed_charges_of_one_level_come_in_order_of_time(self):
        """Two schedules are one list."""
        tariff = make_tariff(make_level(fixed=(("1.00", 2, 4), ("2.00", 3, None))))
        rated = make_meter(tariff).stop(at(8))

        assert [
            ((line.at_us - NOON_US) // SECOND_US, line.amount)
            for line in rated.lines
            if line.at_us is not None
        ] == [(2, 1), (3, 2), (6, 1)]

    def test_call_that_ends_in_its_free_time(self):
        """Only free time is on the bill."""
        rated = make_meter(make_tariff(free_s=10)).stop(at(4))

        assert [(line.seconds, line.amount) for line in rated.lines] == [(4, 0)]
        assert rated.charge == 0

    def test_stay_too_short_for_an_increment_has_no_line(self):
        """A level left before a second begins has a segment of no seconds, and no time line."""
        meter = make_meter(make_tariff(make_level("3.00"), make_level("6.00")))
        meter.change_level(2, NOON_US + 1)
        meter.change_level(1, NOON_US + 2)
        rated = meter.stop(at(1))

        assert [segment.seconds for segment in rated.segments] == [1, 0, 0]
        assert [line.kind for line in rated.lines] == ["time"]

    @pytest.mark.parametrize(
        ("coin", "maximum", "charge", "rounding", "is_capped"),
        [
            (None, None, "0.05", Fraction(0), False),
            ("0.10", None, "0.10", Fraction("0.05"), False),
            ("0.10", "0.07", "0.07", Fraction("0.05"), True),
            ("0.10", "0.05", "0.05", Fraction("0.05"), True),
            (None, "0.05", "0.05", Fraction(0), False),
            (None, "0.04", "0.04", Fraction(0), True),
        ],
    )
    def test_rounded_once_then_capped(
        self,
        coin: str | None,
        maximum: str | None,
        charge: str,
        rounding: Fraction,
        is_capped: bool,
    ):
        """Rounding is told as it was before the maximum; the maximum has the last word."""
        tariff = make_tariff(
            rounding=Rounding(to=Decimal(coin) if coin else None),
            max_charge=Decimal(maximum) if maximum else None,
        )
        rated = make_meter(tariff).stop(at(1))

        assert charge == str(rated.charge)
        assert (rounding, is_capped) == (rated.rounding, rated.capped)

    def test_capped_where_less_than_a_millionth_is_cut(self):
        """A total that passes the maximum by a sixtieth of a millionth is capped."""
        tariff = make_tariff(make_level("0.000001", "1.00"), max_charge=Decimal("1.00"))
        rated = make_meter(tariff).stop(at(1))

        assert rated.capped
        assert str(rated.charge) == "1.00"

    def test_tax_is_added_to_prices_without_it(self):
        """1.00 without tax is 1.081 to pay, rounded once, to 1.10."""
        tariff = make_tariff(
            make_level("0.00", "1.00"),
            includes_vat=False,
            rounding=Rounding(to=Decimal("0.10")),
        )
        rated = make_meter(tariff).stop(at(1))

        assert rated.exact == 1
        assert rated.rounding == Fraction("0.019")
        assert (str(rated.charge), str(rated.vat), str(rated.net)) == ("1.10", "0.08", "1.02")
