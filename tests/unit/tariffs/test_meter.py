from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tariffs import (
    STEP,
    Change,
    Coming,
    FreeTime,
    MeterStopped,
    NotExact,
    Refusal,
    Rounding,
    TimeRanBackwards,
    UnknownLevel,
    Withheld,
)
from tests.tariff_builders import (
    JUNE_US,
    NOON_US,
    SECOND_US,
    TIGHTENED_LAW,
    make_level,
    make_meter,
    make_tariff,
    us,
)


def at(seconds: float) -> int:
    """Give the instant some seconds after noon."""
    return NOON_US + round(seconds * SECOND_US)


class TestMeter:
    def test_worked_example(self):
        """91 seconds at 3.00, a base fee of 20.00, 29 seconds at 4.50."""
        tariff = make_tariff(
            make_level("3.00"),
            make_level("4.50", "20.00", fixed=(("5.00", 600, 600),)),
            rounding=Rounding(to=Decimal("0.10")),
            max_charge=Decimal("400.00"),
        )
        meter = make_meter(tariff)
        refusal = meter.change_level(2, at(90.4))
        rated = meter.stop(at(120))

        assert refusal is None
        assert rated.exact == Fraction("26.725")
        assert str(rated.charge) == "26.80"
        assert (str(rated.vat), str(rated.net)) == ("2.01", "24.79")
        assert rated.exhausted_at_us == us("2026-01-05T13:17:10Z")

    def test_starts_only_at_a_level_of_the_table(self):
        """A level the table lacks has no price to start with."""
        with pytest.raises(UnknownLevel):
            make_meter(make_tariff(), level=2)

    def test_starting_level_is_clipped_not_refused(self):
        """An answered call is charged, at most what the law allows."""
        meter = make_meter(make_tariff(make_level("12.00")))

        assert meter.charge_at(at(60)) == Decimal("10.00")

    def test_tells_what_it_was_told(self):
        """Start, level and every change asked for, with who asked."""
        meter = make_meter(make_tariff(make_level(), make_level("1.00"), make_level("11.00")))
        meter.change_level(2, at(1), by="key")
        meter.change_level(2, at(2), by="row 5")
        refusal = meter.change_level(3, at(2), by="row 6")

        assert meter.start_us == NOON_US
        assert meter.level == 2
        assert meter.changes == (
            Change(at_us=at(1), level=2, by="key"),
            Change(at_us=at(2), level=2, by="row 5"),
            Change(at_us=at(2), level=3, by="row 6"),
        )
        assert meter.refusals == (refusal,)
        assert refusal == Refusal(
            at_us=at(2), level=3, by="row 6", reason="per_minute above CHF 10 (OST art. 39)"
        )

    def test_is_rebuilt_from_its_changes(self):
        """Start, level and changes are all it takes to go on where another engine stopped."""
        tariff = make_tariff(make_level(), make_level("1.00", "2.00"))
        changes = (Change(at_us=at(5), level=2, by="key"), Change(at_us=at(6), level=7))
        meter = make_meter(tariff, changes=changes)

        assert meter.level == 2
        assert meter.changes == changes
        assert [refusal.level for refusal in meter.refusals] == [7]

    @pytest.mark.parametrize("instant", [NOON_US + 0.5, float(NOON_US), True, "0"])
    def test_refuses_an_instant_that_is_not_exact(self, instant: Any):
        """Floats are refused at every door."""
        meter = make_meter(make_tariff())

        with pytest.raises(NotExact, match="whole number of microseconds"):
            make_meter(make_tariff(), start_us=instant)
        with pytest.raises(NotExact):
            meter.change_level(1, instant)
        with pytest.raises(NotExact):
            meter.rated(instant)

    def test_refuses_time_that_runs_backwards(self):
        """Neither before the start nor before the latest change; the instant itself will do."""
        meter = make_meter(make_tariff(make_level(), make_level()))
        meter.change_level(2, at(10))

        with pytest.raises(TimeRanBackwards, match="by 1 µs"):
            meter.change_level(1, at(10) - 1)
        with pytest.raises(TimeRanBackwards):
            meter.stop(at(9))
        with pytest.raises(TimeRanBackwards):
            make_meter(make_tariff()).rated(NOON_US - 1)
        assert meter.stop(at(10)).metered_us == 10 * SECOND_US

    def test_stops_once(self):
        """After the end nothing more is asked of it; what it was it still tells."""
        meter = make_meter(make_tariff())
        meter.stop(at(10))

        for go_on in (meter.stop, meter.rated, meter.charge_at, meter.level_at):
            with pytest.raises(MeterStopped):
                go_on(at(20))
        with pytest.raises(MeterStopped):
            meter.change_level(1, at(20))
        assert meter.exhausted_at_us() == at(8000)
        assert meter.level == 1

    def test_base_fee_is_charged_once(self):
        """The first time a level is in force, however often it comes back, steps included."""
        levels = (
            make_level("0.00", "1.00", then=(10, 2)),
            make_level("0.00", "2.00", then=(10, 1)),
        )
        meter = make_meter(make_tariff(*levels))
        meter.change_level(2, at(35))

        assert meter.rated(at(100)).exact == 3

    def test_level_in_force_follows_the_steps(self):
        """The level at an instant has heeded the steps of that instant, and tells no time."""
        meter = make_meter(make_tariff(make_level(then=(10, 2)), make_level(then=(5, 1))))

        assert [meter.level_at(at(s)) for s in (9.999999, 10, 15)] == [1, 2, 1]
        assert meter.level_at(at(0)) == 1

    def test_coming(self):
        """The first step after an instant; a look changes nothing."""
        tariff = make_tariff(make_level("3", then=(60, 2)), make_level("4", then=(30, 1)))
        meter = make_meter(tariff)

        assert meter.coming(at(0)) == Coming(
            at_us=at(60), in_force=1, entered_us=at(0), step_to=2
        )
        assert meter.coming(at(60)) == Coming(
            at_us=at(90), in_force=2, entered_us=at(60), step_to=1
        )
        assert meter.coming(at(200)).at_us == at(240)
        assert make_meter(make_tariff(make_level("3"))).coming(at(5)) is None

    def test_coming_fixed_charges(self):
        """Those before the step come, one at the very instant of it does not."""
        tariff = make_tariff(
            make_level("3", fixed=(("2", 10, 20), ("5", 15, None)), then=(50, 2)),
            make_level("4"),
        )
        meter = make_meter(tariff)
        found = []
        at_us = at(0)
        while (one := meter.coming(at_us)) is not None:
            found.append((one.at_us, one.step_to))
            at_us = one.at_us

        assert found == [(at(10), None), (at(15), None), (at(30), None), (at(50), 2)]

    def test_coming_after_the_law_has_changed(self):
        """The midnight at which a limit changes is no more than passed over."""
        tariff = make_tariff(make_level("3", fixed=(("2", 100, None),)))
        start_us = JUNE_US - 50 * SECOND_US
        meter = make_meter(tariff, start_us=start_us, law=TIGHTENED_LAW)
        due_us = start_us + 100 * SECOND_US

        assert meter.coming(start_us) == Coming(at_us=due_us, in_force=1, entered_us=start_us)
        assert meter.coming(start_us, with_fixed=False) is None
        assert meter.coming(due_us) is None

    def test_withheld(self):
        """What is withheld is a line of nothing, or no step; what comes later comes."""
        tariff = make_tariff(
            make_level("0", fixed=(("2", 10, 10),), then=(35, 2)), make_level()
        )
        meter = make_meter(
            tariff,
            withheld=[
                Withheld(kind="fixed", at_us=at(20)),
                Withheld(kind="step", at_us=at(35)),
            ],
        )
        rated = meter.rated(at(41))

        assert [(line.at_us, line.amount) for line in rated.lines if line.kind == "fixed"] == [
            (at(10), 2),
            (at(20), 0),
            (at(30), 2),
            (at(40), 2),
        ]
        assert (rated.exact, rated.applied, rated.refused) == (6, (), ())

    def test_what_would_be_refused(self):
        """A question asks for nothing: the meter stays as it was."""
        tariff = make_tariff(
            make_level("3"), make_level("4", "20"), max_charge=Decimal("10"), category="0900"
        )
        meter = make_meter(tariff)

        assert "maximum" in (meter.would_refuse(2, at(5)) or "")
        assert "level 7" in (meter.would_refuse(7, at(5)) or "")
        assert meter.would_refuse(1, at(5)) is None
        assert (meter.changes, meter.refusals) == ((), ())

    def test_charge_so_far(self):
        """The running charge is what the call would cost, rounded and capped."""
        tariff = make_tariff(rounding=Rounding(to=Decimal("0.10")), max_charge=Decimal("0.25"))
        meter = make_meter(tariff)

        assert [str(meter.charge_at(at(seconds))) for seconds in (0, 1, 3, 60)] == [
            "0.00",
            "0.10",
            "0.20",
            "0.25",
        ]


class TestChangeAtAnInstant:
    def test_of_the_end_is_not_charged(self):
        """The call has not reached the change it ends with, one microsecond later it has."""
        meter = make_meter(make_tariff(make_level(), make_level("0.00", "5.00")))
        meter.change_level(2, at(10))

        assert meter.rated(at(10)).exact == 0
        assert meter.rated(at(10)).applied == ()
        assert meter.rated(at(10) + 1).exact == 5

    def test_of_the_start_replaces_the_first_level_for_time(self):
        """Both base fees are due, and the very first second is the new level's."""
        meter = make_meter(make_tariff(make_level("3.00", "1.00"), make_level("6.00", "5.00")))
        meter.change_level(2, NOON_US)

        assert meter.rated(NOON_US).exact == 1
        assert meter.rated(at(1)).exact == Fraction("6.10")

    def test_changes_come_in_their_order(self):
        """Of two at one instant the later one is in force; both base fees are due."""
        levels = (make_level(), make_level("60.00", "1.00"), make_level("3.00", "2.00"))
        meter = make_meter(make_tariff(*levels, category="0906"))
        meter.change_level(2, at(10))
        assert meter.level == 1  # 60.00 a minute is against the law

        meter = make_meter(make_tariff(levels[0], make_level("6.00", "1.00"), levels[2]))
        meter.change_level(2, at(10))
        meter.change_level(3, at(10))
        assert meter.rated(at(11)).exact == Fraction("3.05")

    def test_changes_come_before_steps(self):
        """A change at the instant of a step leaves the level before it steps."""
        levels = (
            make_level(then=(10, 2)),
            make_level("0.00", "5.00"),
            make_level("0.00", "1.00"),
        )
        meter = make_meter(make_tariff(*levels))
        meter.change_level(3, at(10))

        assert meter.rated(at(20)).exact == 1

    def test_a_step_comes_after_a_change_that_changes_nothing(self):
        """Asking for the level in force at the instant of its step does not hold it back."""
        meter = make_meter(make_tariff(make_level(then=(10, 2)), make_level("0.00", "5.00")))
        meter.change_level(1, at(10))

        assert meter.level_at(at(10)) == 2
        assert meter.rated(at(20)).exact == 5

    def test_steps_come_before_fixed_charges(self):
        """A fixed charge due at the instant of the step is the old level's no more."""
        levels = (
            make_level(fixed=(("5.00", 10, None),), then=(10, 2)),
            make_level(fixed=(("1.00", 0, None),)),
        )

        assert make_meter(make_tariff(*levels)).rated(at(20)).exact == 1

    def test_several_steps_at_one_instant(self):
        """Steps of 0 seconds charge the base fees of the levels they pass, no fixed charges."""
        levels = (
            make_level(then=(10, 2)),
            make_level("0.00", "2.00", fixed=(("7.00", 0, 1),), then=(0, 3)),
            make_level("6.00", "3.00"),
        )
        rated = make_meter(make_tariff(*levels)).rated(at(11))

        assert rated.exact == Fraction("5.10")
        assert [s.to_us - at(10) for s in rated.segments] == [0, 0, SECOND_US]
        assert [change.by for change in rated.applied] == [STEP, STEP]


class TestRefusal:
    def test_of_a_base_fee_that_would_pass_the_maximum(self):
        """Refused at one centime too much, not at the maximum itself; the call goes on."""
        tariff = make_tariff(
            make_level("6.00"),
            make_level("0.00", "9.01"),
            make_level("0.00", "9.00"),
            max_charge=Decimal("10.00"),
        )
        meter = make_meter(tariff)
        refusal = meter.change_level(2, at(10))

        assert refusal is not None
        assert refusal.reason == "would pass the maximum of CHF 10.00"
        assert meter.change_level(3, at(10)) is None
        assert meter.rated(at(20)).exact == 10

    def test_of_a_fixed_charge_due_at_once(self):
        """What falls due at the very entry counts, also when the base fee was paid before."""
        tariff = make_tariff(
            make_level("6.00"),
            make_level(fixed=(("5.00", 0, None),)),
            max_charge=Decimal("10.00"),
        )
        meter = make_meter(tariff)

        assert meter.change_level(2, at(10)) is None
        assert meter.change_level(1, at(11)) is None
        assert meter.change_level(2, at(12)) is not None

    def test_not_of_a_change_that_charges_nothing_at_once(self):
        """With the maximum passed, a level without a base fee may still come into force."""
        tariff = make_tariff(
            make_level("6.00"),
            make_level("0.60"),
            make_level("0.00", "0.01"),
            max_charge=Decimal("1.00"),
        )
        meter = make_meter(tariff)

        assert meter.change_level(2, at(60)) is None
        assert meter.change_level(3, at(60)) is not None

    def test_of_a_step(self):
        """A step is a change: refused once, with its reason, and the level goes on."""
        tariff = make_tariff(
            make_level("0.60", then=(10, 2)),
            make_level("0.00", "20.00"),
            max_charge=Decimal(10),
        )
        meter = make_meter(tariff)
        meter.change_level(7, at(30))
        rated = meter.rated(at(60))

        assert rated.exact == Fraction("0.60")
        assert rated.refused == (
            Refusal(
                at_us=at(10), level=2, by=STEP, reason="would pass the maximum of CHF 10.00"
            ),
            Refusal(at_us=at(30), level=7, by="", reason="the table has no level 7"),
        )
        assert meter.exhausted_at_us() == at(1000)

    def test_of_a_step_the_law_forbids(self):
        """A step to an unlawful price is refused as a change to it would be."""
        meter = make_meter(make_tariff(make_level(then=(10, 2)), make_level("11.00")))

        (refusal,) = meter.rated(at(60)).refused
        assert refusal.reason == "per_minute above CHF 10 (OST art. 39)"
        assert meter.rated(at(60)).exact == 0
        assert meter.exhausted_at_us() is None


class TestLawInForce:
    def test_tightens_in_the_call(self):
        """A price above the new limit is clipped from its midnight; the schedule goes on."""
        tariff = make_tariff(
            make_level("6.00", fixed=(("1.00", 15, 20),), then=(40, 2)), make_level()
        )
        meter = make_meter(tariff, start_us=JUNE_US - 10 * SECOND_US, law=TIGHTENED_LAW)
        rated = meter.rated(JUNE_US + 60 * SECOND_US)

        # 10 s at 6.00, 30 s at 5.00, 1.00 at 15 s and at 35 s
        assert rated.exact == Fraction("1.00") + Fraction("2.50") + 2
        assert [segment.seconds for segment in rated.segments] == [10, 30, 30]
        assert [change.level for change in rated.applied] == [2]

    def test_holds_for_the_step_of_its_midnight(self):
        """A step at the very midnight is refused by the new law; the old level is clipped."""
        tariff = make_tariff(make_level("8.00", then=(10, 2)), make_level("6.00"))
        meter = make_meter(tariff, start_us=JUNE_US - 10 * SECOND_US, law=TIGHTENED_LAW)
        rated = meter.rated(JUNE_US + 60 * SECOND_US)

        assert [refusal.at_us for refusal in rated.refused] == [JUNE_US]
        assert rated.exact == Fraction(8, 6) + 5
        assert [segment.seconds for segment in rated.segments] == [10, 60]

    def test_forbids_a_level_from_its_midnight(self):
        """A change refused at midnight was lawful a microsecond before."""
        tariff = make_tariff(make_level(), make_level("6.00"))
        start_us = JUNE_US - 10 * SECOND_US
        early = make_meter(tariff, start_us=start_us, law=TIGHTENED_LAW)
        late = make_meter(tariff, start_us=start_us, law=TIGHTENED_LAW)

        assert early.change_level(2, JUNE_US - 1) is None
        assert late.change_level(2, JUNE_US) is not None

    def test_maximum_and_tax_are_those_of_the_start(self):
        """A call over New Year is taxed as it began."""
        tariff = make_tariff(make_level("6.00", "10.77"))
        start_us = us("2023-12-31T23:59:50+01:00")
        rated = make_meter(tariff, start_us=start_us).rated(start_us + 20 * SECOND_US)

        assert rated.vat_rate == Decimal("0.077")

    def test_limit_without_tax_is_raised_by_the_rate_of_the_start(self):
        """A minute of shared cost is held to 0.075 x 1.077, into the new year."""
        tariff = make_tariff(make_level("0.08"), make_level("0.081"), category="0842")
        start_us = us("2023-12-31T23:59:50+01:00")
        meter = make_meter(tariff, level=2, start_us=start_us)

        assert meter.rated(start_us + 60 * SECOND_US).exact == Fraction("0.080775")
        assert meter.change_level(1, start_us + 60 * SECOND_US) is None
        assert meter.change_level(2, start_us + 60 * SECOND_US) is not None

    def test_knows_which_levels_are_new_to_the_call(self):
        """The base fee of one that has been in force is not charged again."""
        meter = make_meter(make_tariff(make_level(), make_level("1.00"), make_level("2.00")))
        meter.change_level(2, at(1))
        meter.change_level(1, at(2))

        assert [meter.is_new(level, at(3)) for level in (1, 2, 3)] == [False, False, True]


class TestFreeTime:
    def test_seconds_that_start_in_it_are_not_charged(self):
        """Free from 1.5 s to 4 s: seconds 2 and 3 are free, 0, 1 and 4 are charged."""
        meter = make_meter(make_tariff(make_level("6.00")))
        meter.free_from(at(1.5))
        meter.free_until(at(4))
        rated = meter.stop(at(5))

        assert rated.exact == Fraction("0.3")
        assert [(line.seconds, str(line.amount)) for line in rated.lines] == [
            (2, "1/5"),
            (2, "0"),
            (1, "1/10"),
        ]
        assert [one.from_us for one in rated.segments] == [at(0), at(1.5), at(4)]
        assert rated.segments[-1].to_us == at(5)

    def test_lasts_until_it_is_ended(self):
        """While free time lasts, nothing but fixed charges can exhaust a call."""
        tariff = make_tariff(make_level("6.00", fixed=(("1.00", 60, 60),)))
        meter = make_meter(tariff)
        meter.free_from(at(0))

        assert meter.free == (FreeTime(from_us=at(0)),)
        assert meter.charge_at(at(60)) == 0
        assert meter.exhausted_at_us() == at(401 * 60)

    def test_saying_it_twice_changes_nothing(self):
        """Free time that has begun is not begun again, nor ended when there is none."""
        meter = make_meter(make_tariff())
        meter.free_until(at(1))
        meter.free_from(at(2))
        meter.free_from(at(3))
        meter.free_until(at(4))
        meter.free_until(at(5))

        assert meter.free == (FreeTime(from_us=at(2), until_us=at(4)),)

    def test_stretches_may_touch(self):
        """One that begins as another ends leaves no second between them that is charged."""
        meter = make_meter(make_tariff())
        for begin in (0, 4):
            meter.free_from(at(begin))
            meter.free_until(at(begin + 4))
        rebuilt = make_meter(make_tariff(), free=meter.free)

        assert meter.charge_at(at(8)) == 0
        assert meter.rated(at(9)) == rebuilt.rated(at(9))

    def test_change_at_its_end(self):
        """A level that comes into force as the announcement ends is charged from there on."""
        tariff = make_tariff(make_level("6.00"), make_level("9.00"))
        one, other = make_meter(tariff), make_meter(tariff)
        for meter in (one, other):
            meter.free_from(at(10))
        one.free_until(at(20))
        one.change_level(2, at(20))
        other.change_level(2, at(20))
        other.free_until(at(20))

        assert one.rated(at(21)) == other.rated(at(21))
        assert one.charge_at(at(21)) == Decimal("1.15")
        assert [segment.level for segment in one.rated(at(21)).segments] == [1, 1, 2]

    def test_time_runs_forwards(self):
        """Free time cannot begin before what was told last."""
        meter = make_meter(make_tariff())
        meter.free_from(at(2))

        with pytest.raises(TimeRanBackwards):
            meter.free_until(at(1))
