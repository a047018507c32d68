from __future__ import annotations

from decimal import Decimal

from callcontrol.prompts import (
    needed_before_change,
    needed_before_charging,
    needed_before_fixed,
    needed_prompts,
)
from tariffs import Announcement, FixedCharge
from tests.tariff_builders import NOON_US, make_level, make_tariff

TABLE = make_tariff(
    make_level("3.00"),
    make_level("6.00", "1.00", fixed=(("11.00", 60, None),)),
    make_level("0.00"),
    announcement=Announcement(language="fr"),
)


class TestNeeded:
    def test_before_charging(self):
        """What the law wants spoken, in the language of the service."""
        needed = needed_before_charging(TABLE, 1, NOON_US)

        assert needed is not None
        assert (needed.spoken.kind, needed.spoken.language) == ("start", "fr")
        assert needed.spoken.per_minute == Decimal("3.00")
        assert not needed.spoken.consent
        assert needed_before_charging(TABLE, 3, NOON_US) is None

    def test_before_a_change(self):
        """A base fee is told when it will be charged."""
        first = needed_before_change(TABLE, 2, NOON_US, in_force=1, is_new=True)
        again = needed_before_change(TABLE, 2, NOON_US, in_force=1, is_new=False)

        assert first is not None
        assert again is not None
        assert (first.spoken.per_call, again.spoken.per_call) == (Decimal("1.00"), 0)
        assert first.duty.consent
        assert needed_before_change(TABLE, 3, NOON_US, in_force=1, is_new=True) is None

    def test_before_a_fixed_charge(self):
        """Its amount alone; one that costs nothing is not told."""
        charge = FixedCharge(amount=Decimal(11), after_s=60)
        needed = needed_before_fixed(TABLE, 2, charge, NOON_US)
        nothing = FixedCharge(amount=Decimal(0), after_s=60)

        assert needed is not None
        assert (needed.spoken.kind, needed.spoken.per_call) == ("fixed", Decimal(11))
        assert needed.spoken.consent
        assert needed_before_fixed(TABLE, 2, nothing, NOON_US) is None

    def test_all_of_a_table_each_once(self):
        """Every prompt a call of the table may look for is in the list."""
        listed = list(needed_prompts(TABLE, NOON_US))
        wanted = {
            (one.level, one.spoken)
            for number in TABLE.levels
            for in_force in TABLE.levels
            for is_new in (True, False)
            for one in (
                needed_before_charging(TABLE, number, NOON_US),
                needed_before_change(TABLE, number, NOON_US, in_force=in_force, is_new=is_new),
            )
            if one is not None and (number != in_force or one.spoken.kind == "start")
        }

        assert wanted < {(one.level, one.spoken) for one in listed}
        assert [one.spoken.kind for one in listed].count("fixed") == 1
        assert len(listed) == len({(one.level, one.spoken) for one in listed})
