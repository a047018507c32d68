from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tariffs import SWISS_LAW, Announcement, Law, Level, Rounding, Rule, Subject
from tests.tariff_builders import NOON_US, make_level, make_tariff, us


def make_law(*rules: Rule) -> Law:
    """Make a law with the given rules and no other."""
    return Law(country="CH", currency="CHF", zone="Europe/Zurich", rules=rules)


def make_rule(value: str, day: date | None = None, **fields: object) -> Rule:
    """Make a rule on the price of a minute of 0901."""
    return Rule(
        **{
            "subjects": (Subject.PER_MINUTE,),
            "categories": ("0901",),
            "value": Decimal(value),
            "valid_from": day,
            "article": "X art. 1",
            "source": "X art. 1 § 1",
        }
        | fields  # type: ignore[arg-type]
    )


class TestRule:
    def test_of_the_day_holds(self):
        """The newest rule that has begun, at midnight in Zurich; the first one before."""
        old, new = make_rule("10", date(2015, 1, 1)), make_rule("5", date(2026, 7, 1))
        law = make_law(new, old)
        midnight_us = us("2026-07-01T00:00:00+02:00")

        assert old == law.rule(Subject.PER_MINUTE, "0901", us("2000-01-01T00:00:00Z"))
        assert old == law.rule(Subject.PER_MINUTE, "0901", midnight_us - 1)
        assert new == law.rule(Subject.PER_MINUTE, "0901", midnight_us)
        assert law.price_changes("0901", NOON_US) == (midnight_us,)
        assert law.price_changes("0901", midnight_us) == ()

    def test_of_an_unknown_day_is_long_past(self):
        """A rule without a day holds until a dated one begins."""
        law = make_law(make_rule("5", date(2026, 7, 1)), make_rule("10"))

        assert law.value(Subject.PER_MINUTE, "0901", NOON_US) == Decimal(10)

    def test_there_may_be_none(self):
        """Without a rule nothing is limited, and there is no tax."""
        law = make_law()

        assert law.rule(Subject.PER_MINUTE, "0901", NOON_US) is None
        assert law.call_maximum("0901", NOON_US) is None
        assert law.vat_rate(NOON_US) == 0
        assert law.price_changes("0901", 0) == ()
        assert law.faults(make_tariff(make_level("99.00", "999.00")), NOON_US) == ()

    @pytest.mark.parametrize(
        ("with_vat", "includes_vat", "ceiling"),
        [
            (True, True, Fraction("0.075")),
            (False, False, Fraction("0.075")),
            (False, True, Fraction("0.081075")),
            (True, False, Fraction("0.075") / Fraction("1.081")),
        ],
    )
    def test_is_compared_on_the_price_s_side_of_vat(
        self, with_vat: bool, includes_vat: bool, ceiling: Fraction
    ):
        """The limit crosses to the price's side of the tax, exactly."""
        rule = make_rule("0.075", with_vat=with_vat)

        assert ceiling == rule.ceiling(includes_vat=includes_vat, vat_rate=Decimal("0.081"))


class TestFaults:
    @pytest.mark.parametrize("category", ["0900", "0901", "0906"])
    def test_premium_rate(self, category: str):
        """090x: base and fixed fees at most 100, minutes 10, calls 400, to the second, 0.10."""
        levels = (make_level("10.00", "100.00", fixed=(("100.00", 1, None),)),)
        above = make_level(
            "10.000001", "100.01", fixed=(("1.00", 1, None), ("100.01", 2, None))
        )
        lawful = make_tariff(
            *levels,
            category=category,
            max_charge=Decimal(400),
            rounding=Rounding(to=Decimal("0.10")),
        )
        unlawful = make_tariff(
            *levels,
            above,
            category=category,
            max_charge=Decimal("400.01"),
            increment_s=60,
            rounding=Rounding(to=Decimal("0.20")),
        )

        assert SWISS_LAW.faults(lawful, NOON_US) == ()
        assert [str(fault) for fault in SWISS_LAW.faults(unlawful, NOON_US)] == [
            "max_charge: above CHF 400 (OST art. 39)",
            "increment_s: time is charged to the second (OST art. 39b)",
            "rounding.to: above CHF 0.10 (OST art. 39b)",
            "levels.2.per_minute: above CHF 10 (OST art. 39)",
            "levels.2.per_call: above CHF 100 (OST art. 39)",
            "levels.2.fixed.1.amount: above CHF 100 (OST art. 39)",
        ]

    @pytest.mark.parametrize("category", ["0840", "0842", "0844", "0848"])
    def test_shared_cost(self, category: str):
        """084x: only time, at most 0.075 a minute without VAT, to the second, 0.10."""
        above = make_level("0.081076", "0.01", fixed=(("0.01", 1, None),))
        lawful = make_tariff(
            make_level("0.081075", fixed=(("0.00", 1, None),)), category=category
        )
        unlawful = make_tariff(
            above, category=category, increment_s=60, rounding=Rounding(to=Decimal("0.50"))
        )
        without_vat = make_tariff(
            make_level("0.075"), make_level("0.075001"), category=category, includes_vat=False
        )

        assert SWISS_LAW.faults(lawful, NOON_US) == ()
        assert [str(fault) for fault in SWISS_LAW.faults(unlawful, NOON_US)] == [
            "increment_s: time is charged to the second (OST art. 39a)",
            "rounding.to: above CHF 0.10 (OST art. 39a)",
            "levels.1.per_minute: above CHF 0.075 without VAT (OST art. 39a)",
            "levels.1.per_call: only time may be charged (OST art. 39a)",
            "levels.1.fixed.0.amount: only time may be charged (OST art. 39a)",
        ]
        assert [fault.path for fault in SWISS_LAW.faults(without_vat, NOON_US)] == [
            "levels.2.per_minute"
        ]

    def test_shared_cost_limit_follows_the_tax(self):
        """A minute of 0.08 with VAT was lawful at 7.7 % too, one of 0.081 was not."""
        tariff = make_tariff(make_level("0.080775"), make_level("0.081"), category="0842")

        assert [
            fault.path for fault in SWISS_LAW.faults(tariff, us("2023-12-31T22:59:59Z"))
        ] == ["levels.2.per_minute"]
        assert SWISS_LAW.faults(tariff, us("2023-12-31T23:00:00Z")) == ()

    @pytest.mark.parametrize("category", ["0800", "00800"])
    def test_freephone(self, category: str):
        """0800 and 00800: nothing at all, whatever the maximum and the increment."""
        free = make_tariff(
            make_level(), category=category, max_charge=Decimal(1), increment_s=60
        )
        dear = make_tariff(
            make_level("0.01", "0.01", fixed=(("0.01", 0, 1),)), category=category
        )

        assert SWISS_LAW.faults(free, NOON_US) == ()
        assert [str(fault) for fault in SWISS_LAW.faults(dear, NOON_US)] == [
            f"levels.1.{path}: nothing may be charged (OST art. 39a)"
            for path in ("per_minute", "per_call", "fixed.0.amount")
        ]

    def test_currency(self):
        """Swiss limits are in francs; prices in another currency cannot be compared."""
        (fault,) = SWISS_LAW.faults(make_tariff(currency="EUR"), NOON_US)

        assert str(fault) == "currency: the law of CH limits CHF"

    def test_announcement_may_only_be_stricter(self):
        """Thresholds above the law's and a wait below it are refused."""
        lax = Announcement(
            spoken_above=Decimal("2.01"),
            spoken_wait_s=4,
            consent_fixed_above=Decimal("10.01"),
            consent_per_minute_above=Decimal("5.01"),
        )
        strict = Announcement(
            spoken_above=Decimal(2),
            spoken_wait_s=5,
            consent_fixed_above=Decimal(10),
            consent_per_minute_above=Decimal(5),
        )

        assert SWISS_LAW.faults(make_tariff(announcement=strict), NOON_US) == ()
        assert [
            str(fault) for fault in SWISS_LAW.faults(make_tariff(announcement=lax), NOON_US)
        ] == [
            "announcement.spoken_above: above CHF 2 (OIP art. 11a)",
            "announcement.consent_fixed_above: above CHF 10 (OIP art. 11a)",
            "announcement.consent_per_minute_above: above CHF 5 (OIP art. 11a)",
            "announcement.spoken_wait_s: less than 5 s (OIP art. 11a)",
        ]


class TestRefuses:
    @pytest.mark.parametrize(
        ("level", "reason"),
        [
            (make_level("10.00"), None),
            (make_level("10.01"), "per_minute above CHF 10 (OST art. 39)"),
            (
                make_level(fixed=(("100.01", 1, None),)),
                "fixed.0.amount above CHF 100 (OST art. 39)",
            ),
        ],
    )
    def test_a_level_above_the_law(self, level: Level, reason: str | None):
        """The reason names price, limit and article."""
        assert reason == SWISS_LAW.refuses(make_tariff(level), 1, NOON_US)

    def test_by_the_rate_of_the_day_of_the_call(self):
        """A call of the old year is held to the old rate, at any instant."""
        tariff = make_tariff(make_level("0.081"), category="0842")
        new_year_us = us("2024-01-01T00:30:00+01:00")

        assert SWISS_LAW.refuses(tariff, 1, new_year_us) is None
        assert SWISS_LAW.refuses(tariff, 1, new_year_us, vat_rate=Decimal("0.077")) == (
            "per_minute above CHF 0.075 without VAT (OST art. 39a)"
        )
