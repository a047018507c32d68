"""Tests of callcontrol.reconciliation: every difference is found, and nothing else is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from callcontrol.cdr import CdrAnnouncement, CdrChange, call_id_for
from callcontrol.esl.switch_cdrs import SwitchCdr
from callcontrol.reconciliation import Reconciliation, charge_of, windows
from tests.builders import ANSWERED_US, CREATED_US, LEG, make_tariff
from tests.cdr_builders import make_cdr

ENDED_US = ANSWERED_US + 61_500_000
UNTIL_US = ENDED_US + 1


def make_charge(gross):
    """Make a charge; only its sum is compared."""
    return replace(make_cdr().charge, gross=Decimal(gross))


def make_leg(uuid=LEG, **changed):
    """Make the switch's line of a call of 61.5 s."""
    fields = {
        "leg_uuid": uuid,
        "created_us": CREATED_US,
        "answered_us": ANSWERED_US,
        "ended_us": ENDED_US,
        "cause": "NORMAL_CLEARING",
        "engine": "engine-1",
    }
    return SwitchCdr(**{**fields, **changed})


def make_record(uuid=LEG, **changed):
    """Make our record of the same call: 62 seconds at 3.00 a minute."""
    fields = {
        "call_id": call_id_for(uuid, CREATED_US),
        "switch_uuid": uuid,
        "switch": "switch",
        "received_us": CREATED_US,
        "answered_us": ANSWERED_US,
        "released_us": ENDED_US,
        "tariff": "hotline",
        "tariff_version": "1",
        "level_at_start": 1,
        "segments": (),
        "changes": (),
        "charge": make_charge("3.10"),
    }
    return make_cdr(**{**fields, **changed})


def compared(legs, records, **changed):
    """Compare, and give what was found as (kind, says)."""
    fields = {
        "tariff_of": lambda *_: make_tariff(),
        "whole_since_us": 0,
        "until_us": UNTIL_US,
    }
    found = Reconciliation(**{**fields, **changed})
    found.compare(legs, records)
    return found


def kinds(found):
    return [one.kind for one in found.differences]


OTHER = "00000000-0000-4000-8000-000000000001"


class TestReconciliation:
    def test_what_is_the_same_is_no_difference(self):
        """To the microsecond and to the centime."""
        found = compared([make_leg()], [make_record()])

        assert found.differences == []
        assert (found.calls, found.records) == (1, 1)

    def test_record_in_journal_and_in_postgres_is_one(self):
        """It is on its way from the one to the other."""
        assert compared([make_leg()], [make_record(), make_record()]).differences == []

    @pytest.mark.parametrize(
        ("leg", "kind"),
        [
            (make_leg(), "missing"),
            (make_leg(answered_us=None), "missing"),
            (make_leg(engine=""), "missing"),
            (make_leg(answered_us=None, engine=""), "no_engine"),
        ],
    )
    def test_call_without_a_record(self, leg, kind):
        """Told apart: one that an engine had, and one that the switch refused by itself."""
        assert kinds(compared([leg], [])) == [kind]

    def test_call_that_is_over_and_still_open_in_a_journal(self):
        """It will be closed, or its engine is gone."""
        open_calls = frozenset({call_id_for(LEG, CREATED_US)})

        assert kinds(compared([make_leg()], [], open_calls=open_calls)) == ["open"]

    def test_call_that_has_just_ended_is_not_due(self):
        """Nor is its record an extra one."""
        assert compared([make_leg()], [], until_us=ENDED_US).differences == []
        assert compared([make_leg()], [make_record()], until_us=ENDED_US).calls == 0
        assert compared([], [make_record()], until_us=ENDED_US).differences == []

    def test_record_without_a_call(self):
        """The switch wrote nothing of it."""
        assert kinds(compared([], [make_record()])) == ["extra"]

    def test_record_from_before_the_switchs_lines_is_not_compared(self):
        """Older files may be gone."""
        found = compared([], [make_record()], whole_since_us=CREATED_US + 1)

        assert found.differences == []

    def test_record_of_another_switch_is_not_compared(self):
        """Its lines are elsewhere."""
        elsewhere = make_record(OTHER, switch="another")

        assert compared([make_leg()], [make_record(), elsewhere]).differences == []

    def test_leg_with_two_records(self):
        """By whatever mistake: with another instant it would have another id."""
        second = make_record(call_id=call_id_for(LEG, CREATED_US + 1))

        assert "twice" in kinds(compared([make_leg()], [make_record(), second]))

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"released_us": ENDED_US - 1}, ["times"]),
            ({"answered_us": ANSWERED_US + 1}, ["times"]),
            ({"charge": make_charge("3.20")}, ["charge"]),
            ({"charge": None}, ["charge"]),
            ({"answered_us": None, "charge": None}, ["times", "charge"]),
        ],
    )
    def test_one_microsecond_or_centime_is_a_difference(self, changed, expected):
        """And each is told by its kind."""
        assert kinds(compared([make_leg()], [make_record(**changed)])) == expected

    def test_charge_for_a_call_that_was_never_answered(self):
        """By the switch's word."""
        found = compared([make_leg(answered_us=None)], [make_record(answered_us=None)])

        assert kinds(found) == ["charge"]

    def test_charge_by_a_table_that_is_gone_is_only_counted(self):
        """Nobody can say what it should be."""
        found = compared([make_leg()], [make_record()], tariff_of=lambda *_: None)

        assert (found.differences, found.unchecked) == ([], 1)

    def test_level_that_the_table_lacks_is_told(self):
        """The record names a level that cannot have been charged."""
        found = compared([make_leg()], [make_record(level_at_start=9)])

        assert kinds(found) == ["charge"]

    def test_call_that_is_up_and_nobody_meters(self):
        """Each engine's calls are known by their legs."""
        found = compared([], [])

        found.live([(LEG, CREATED_US), (OTHER, CREATED_US)], frozenset({OTHER}))

        assert [(one.kind, one.leg_uuid) for one in found.differences] == [("unmetered", LEG)]

    def test_record_that_postgres_refused(self):
        """It is in no list that anybody is paid by."""
        found = compared([], [])

        found.set_aside({make_record().call_id: "negative"})

        assert [(one.kind, one.says) for one in found.differences] == [
            ("set_aside", "negative")
        ]


class TestChargeOf:
    def test_changes_of_level_are_made_again(self):
        """Those in force; refused ones, steps of the table and later ones are not."""
        at_us = ANSWERED_US + 30_000_000
        changes = (
            CdrChange(level=2, asked_us=at_us, in_force_us=at_us, by="operator"),
            CdrChange(level=1, asked_us=at_us, refused="no", by="operator"),
            CdrChange(level=1, asked_us=at_us, in_force_us=at_us, by="step"),
            CdrChange(level=1, asked_us=ENDED_US, in_force_us=ENDED_US, by="operator"),
        )

        charge = charge_of(make_record(changes=changes), make_tariff(), ANSWERED_US, ENDED_US)

        # 30 s at 3.00, then 20.00 and 32 started seconds at 4.50 a minute: 1.50 + 20.00 + 2.40
        assert charge == Decimal("23.90")

    def test_charging_waits_for_the_price_to_have_been_spoken(self):
        """From where the record says; a call that ended before costs nothing."""
        told = CdrAnnouncement(
            name="spoken/de", started_us=ANSWERED_US, charged_from_us=ANSWERED_US + 10_000_000
        )
        record = make_record(announcements=(told,))
        early_us = ANSWERED_US + 9_000_000

        assert charge_of(record, make_tariff(), ANSWERED_US, ENDED_US) == Decimal("2.60")
        assert charge_of(record, make_tariff(), ANSWERED_US, early_us) == Decimal("0.00")


def test_windows_cover_a_time_without_gap_or_overlap():
    """The last one may be shorter."""
    assert windows(0, 25, 10) == [(0, 10), (10, 20), (20, 25)]
    assert windows(5, 5, 10) == []


def test_who_called_is_never_told():
    """A withheld caller stays withheld in a report that may go anywhere."""
    record = replace(make_record(), caller="+41795550001", caller_raw="+41795550001")
    found = compared([make_leg(ended_us=ENDED_US - 1)], [record])

    assert "79555" not in repr(found.differences)
