from __future__ import annotations

from decimal import Decimal

import pytest

from tariffs import SWISS_LAW, Law, Rounding, Tariff, UnknownLevel
from tariffs.money import UNITS
from tariffs.terms import Terms
from tests.tariff_builders import (
    JUNE_US,
    NOON_US,
    SECOND_US,
    TIGHTENED_LAW,
    make_level,
    make_tariff,
)


def make_terms(tariff: Tariff, *, law: Law = SWISS_LAW, start_us: int = NOON_US) -> Terms:
    """Make the terms of a call at noon."""
    return Terms(tariff, law, start_us)


def minute_of(terms: Terms, number: int = 1, at_us: int = 0) -> Decimal:
    """Give a level's price of a minute as it is charged, in francs, by the second."""
    return Decimal(terms.prices(number, at_us).per_increment * 60) / UNITS


class TestTerms:
    @pytest.mark.parametrize(
        ("given", "category", "maximum"),
        [
            (None, "0901", "400.00"),
            ("500", "0901", "400.00"),
            ("30", "0901", "30.00"),
            ("30", "0842", "30.00"),
            (None, "0842", None),
            (None, "0800", None),
        ],
    )
    def test_maximum_is_the_lower_of_table_and_law(
        self, given: str | None, category: str, maximum: str | None
    ):
        """The table may ask for less than the law allows, never for more."""
        tariff = make_tariff(category=category, max_charge=Decimal(given) if given else None)
        found = make_terms(tariff).maximum

        assert maximum == (None if found is None else str(found))

    def test_limit_is_on_the_table_s_side_of_vat(self):
        """Prices without tax may sum to 400 / 1.081, cut to whole units."""
        inclusive, exclusive = make_tariff(), make_tariff(includes_vat=False)

        assert make_terms(inclusive).limit == 400 * UNITS
        assert make_terms(exclusive).limit == 400 * UNITS * 1000 // 1081

    def test_increment_and_rounding_are_clipped(self):
        """Premium and shared cost by the second and to 0.10 at most; freephone as it likes."""
        fields = {"increment_s": 60, "rounding": Rounding(to=Decimal("0.20"))}
        premium = make_terms(make_tariff(**fields))
        freephone = make_terms(make_tariff(make_level(), category="0800", **fields))

        assert (premium.increment_us, premium.rounding_to) == (SECOND_US, Decimal("0.10"))
        assert (freephone.increment_us, freephone.rounding_to) == (
            60 * SECOND_US,
            Decimal("0.20"),
        )

    def test_law_rounds_nothing_by_itself(self):
        """A table that does not round is not rounded."""
        assert make_terms(make_tariff()).rounding_to is None

    @pytest.mark.parametrize(
        ("category", "level", "minute", "per_call", "fixed"),
        [
            ("0901", make_level("12.00", "120.00", fixed=(("101.00", 1, 2),)), "10", 100, 100),
            ("0901", make_level("9.99", "99.00", fixed=(("1.00", 1, 2),)), "9.99", 99, 1),
            ("0842", make_level("0.10", "1.00", fixed=(("1.00", 1, 2),)), "0.081075", 0, 0),
            ("0800", make_level("0.10", "1.00", fixed=(("1.00", 1, 2),)), "0", 0, 0),
        ],
    )
    def test_prices_are_clipped_to_the_law(
        self, category: str, level: object, minute: str, per_call: int, fixed: int
    ):
        """In force no price passes the law, whatever was let into the table."""
        terms = make_terms(make_tariff(level, category=category))  # type: ignore[arg-type]
        prices = terms.prices(1, 0)

        assert Decimal(minute) == minute_of(terms)
        assert per_call * UNITS == prices.per_call
        assert fixed * UNITS == sum(due.amount for due in prices.fixed)

    def test_clipped_price_is_cut_to_the_millionth(self):
        """0.075 without tax is 0.0693802… of a price without, kept below it."""
        terms = make_terms(make_tariff(make_level("20.00"), includes_vat=False))

        assert minute_of(terms) == Decimal("9.250693")

    def test_law_of_the_instant_holds(self):
        """From the midnight a new limit comes into force, prices are held to it."""
        tariff = make_tariff(make_level("8.00"))
        terms = make_terms(tariff, law=TIGHTENED_LAW, start_us=JUNE_US - 10 * SECOND_US)

        assert terms.edge_after(0) == 10 * SECOND_US
        assert terms.edge_after(10 * SECOND_US) is None
        assert minute_of(terms, at_us=10 * SECOND_US - 1) == 8
        assert minute_of(terms, at_us=10 * SECOND_US) == 5
        assert terms.refusal(1, 10 * SECOND_US - 1) is None
        assert terms.refusal(1, 10 * SECOND_US) == "per_minute above CHF 5 (OST art. 39)"

    def test_level_the_table_lacks(self):
        """It has no prices, and may not come into force."""
        terms = make_terms(make_tariff())

        with pytest.raises(UnknownLevel, match="the table has no level 2"):
            terms.prices(2, 0)
        assert terms.refusal(2, 0) == "the table has no level 2"

    @pytest.mark.parametrize(("then", "at_once"), [(None, 3), ((1, 2), 3), ((0, 2), 0)])
    def test_charges_at_once(self, then: tuple[int, int] | None, at_once: int):
        """Fixed charges after 0 s fall due at the entry, unless it is left at that instant."""
        level = make_level(fixed=(("1.00", 0, None), ("2.00", 0, 9), ("4.00", 1, 9)), then=then)
        terms = make_terms(make_tariff(level, make_level()))

        assert at_once * UNITS == terms.prices(1, 0).at_once
