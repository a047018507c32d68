from __future__ import annotations

from decimal import Decimal

import pytest

from tariffs import SWISS_LAW
from tariffs.money import units_of
from tariffs.run import started
from tariffs.stay import Stay
from tariffs.terms import Terms
from tests.tariff_builders import NOON_US, SECOND_US, make_level, make_tariff


def make_stay(*, free_s: int = 0, from_us: int = 0) -> Stay:
    """Make a stay: 0.10 a second, 1.00 at 5 s and every 10 s after, 2.00 at 7 s."""
    level = make_level("6.00", fixed=(("1.00", 5, 10), ("2.00", 7, None)))
    terms = Terms(make_tariff(level, free_s=free_s), SWISS_LAW, NOON_US)
    return started(terms, 1)._replace(from_us=from_us)


class TestIncrements:
    @pytest.mark.parametrize(
        ("from_us", "until_us", "free_s", "counts"),
        [
            (0, 0, 0, (0, 0)),
            (0, 1, 0, (0, 1)),
            (0, SECOND_US, 0, (0, 1)),
            (0, SECOND_US + 1, 0, (0, 2)),
            (1, SECOND_US, 0, (0, 0)),
            (SECOND_US, SECOND_US + 1, 0, (0, 1)),
            (0, 5 * SECOND_US, 3, (3, 2)),
            (4 * SECOND_US, 5 * SECOND_US, 3, (0, 1)),
            (0, 2 * SECOND_US, 3, (2, 0)),
        ],
    )
    def test_belong_to_the_stay_they_start_in(
        self, from_us: int, until_us: int, free_s: int, counts: tuple[int, int]
    ):
        """From the first instant on, to the last not included; free ones first."""
        stay = make_stay(free_s=free_s, from_us=from_us)

        assert counts == stay.increments(until_us)


class TestFixedCharges:
    @pytest.mark.parametrize(
        ("from_s", "until_s", "instants"),
        [
            (0, 5, []),
            (0, 6, [5]),
            (0, 26, [5, 7, 15, 25]),
            (7, 16, [7, 15]),
            (8, 15, []),
        ],
    )
    def test_count_from_the_entry(self, from_s: int, until_s: int, instants: list[int]):
        """The schedule is the entry's, also where only a later part is asked for."""
        stay = make_stay(from_us=from_s * SECOND_US)
        charges = stay.fixed_charges(until_s * SECOND_US)

        assert instants == [at_us // SECOND_US for at_us, _ in charges]
        assert stay.fixed_units(until_s * SECOND_US) == sum(units for _, units in charges)


class TestPassing:
    @pytest.mark.parametrize("free_s", [0, 3])
    @pytest.mark.parametrize("from_us", [0, 1, 4 * SECOND_US])
    @pytest.mark.parametrize("limit_s", [-1, 0, 1, 10])
    def test_time_alone_passes_a_limit_where_the_total_first_does(
        self, free_s: int, from_us: int, limit_s: int
    ):
        """Worked out at once, it is the first second that a look at each would find."""
        terms = Terms(make_tariff(make_level("6.00"), free_s=free_s), SWISS_LAW, NOON_US)
        stay = started(terms, 1)._replace(from_us=from_us, base=units_of(Decimal("1.00")))
        limit = stay.base + limit_s * stay.prices.per_increment
        looked_at = (from_us, *range(0, 20 * SECOND_US, SECOND_US))

        first = next(at for at in looked_at if at >= from_us and stay.total(at + 1) > limit)
        assert first == stay.passes_us(limit)
