from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from tariffs import CATEGORIES, SWISS_LAW, Subject, UnknownCountry, law_for
from tests.tariff_builders import NOON_US, us


class TestSwissLaw:
    @pytest.mark.parametrize(
        ("at", "rate"),
        [
            ("2020-06-01T12:00:00Z", "0.077"),
            ("2023-12-31T22:59:59.999999Z", "0.077"),
            ("2023-12-31T23:00:00Z", "0.081"),
            ("2026-01-05T12:00:00Z", "0.081"),
        ],
    )
    def test_vat_rises_at_midnight_in_zurich(self, at: str, rate: str):
        """8.1 % from the first instant of 2024 in Switzerland, 7.7 % before."""
        assert Decimal(rate) == SWISS_LAW.vat_rate(us(at))

    def test_whole_call_costs_at_most_400(self):
        """Premium rate only; shared cost has no such limit."""
        assert SWISS_LAW.call_maximum("0906", NOON_US) == Decimal(400)
        assert SWISS_LAW.call_maximum("0842", NOON_US) is None

    def test_every_row_has_a_source(self):
        """Article as cited and source in full; doubtful rows are marked."""
        for rule in SWISS_LAW.rules:
            act, _, rest = rule.source.partition(" (SR ")
            assert rule.article.startswith(f"{act} art. ")
            assert rest
        doubtful = {rule.subjects[0] for rule in SWISS_LAW.rules if not rule.confirmed}
        assert doubtful == {
            Subject.SPOKEN_WAIT_S,
            Subject.SPOKEN_ON_CHANGE_ABOVE,
            Subject.CONSENT_FIXED_ABOVE,
            Subject.CONSENT_PER_MINUTE_ABOVE,
        }

    def test_no_two_rows_are_of_one_day(self):
        """On one subject and category each day has one rule, and every category is limited."""
        rows = [
            (subject, category, rule.valid_from)
            for rule in SWISS_LAW.rules
            for subject, category in product(rule.subjects, rule.categories or ("",))
        ]

        assert len(rows) == len(set(rows))
        for subject in (Subject.PER_MINUTE, Subject.PER_CALL, Subject.FIXED):
            assert {category for s, category, _ in rows if s == subject} == set(CATEGORIES)


class TestLawFor:
    def test_switzerland(self):
        """The one country we have a table for."""
        assert law_for("CH") is SWISS_LAW

    def test_no_other(self):
        """Any other is refused by name."""
        with pytest.raises(UnknownCountry, match="no table of limits for country XX"):
            law_for("XX")
