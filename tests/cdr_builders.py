"""Records of calls with sane defaults, for tests of whatever keeps, ships or prints them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from callcontrol.cdr import (
    Cdr,
    CdrAttempt,
    CdrChange,
    CdrCharge,
    CdrLine,
    CdrSegment,
    CdrSettlement,
    call_id_for,
)

NOON_US = 1_767_614_400_000_000  # 2026-01-05T12:00:00Z


def make_cdr(index: int = 0, **changed: Any) -> Cdr:
    """Make the record of an answered call to 0901 123 456, the index-th second after noon.

    Args:
        index: another index is another call.
        **changed: fields that differ.
    """
    received_us = changed.pop("received_us", NOON_US + index * 1_000_000)
    switch_uuid = changed.pop("switch_uuid", f"4f2c1a9e-0000-4000-8000-{index:012d}")
    answered_us = received_us + 4_000_000
    released_us = answered_us + 120_000_000
    fields: dict[str, Any] = {
        "call_id": call_id_for(switch_uuid, received_us),
        "switch_uuid": switch_uuid,
        "switch": "fs-1",
        "engine": "engine-1",
        "dialled": "0901123456",
        "number": "+41901123456",
        "category": "0901",
        "customer": "acme",
        "caller": "+41795550001",
        "caller_raw": "+41795550001",
        "caller_withheld": False,
        "received_us": received_us,
        "routed_us": received_us + 1_500,
        "ringing_us": received_us + 900_000,
        "answered_us": answered_us,
        "released_us": released_us,
        "metered_us": 120_000_000,
        "disposition": "answered",
        "released_by": "caller",
        "hangup_cause": "NORMAL_CLEARING",
        "q850": 16,
        "sip_code": 200,
        "rule": "weekly:mon-fri 08:00-18:00",
        "presentation": "caller",
        "level_at_start": 1,
        "tariff": "hotline",
        "tariff_version": "1",
        "other_leg_uuid": f"b0000000-0000-4000-8000-{index:012d}",
        "attempts": (
            CdrAttempt(
                step=1,
                target="+41445550101",
                gateway="trunk-a",
                started_us=received_us + 2_000,
                ringing_us=received_us + 900_000,
                answered_us=answered_us,
                ended_us=released_us,
                cause="NORMAL_CLEARING",
                q850=16,
                is_answered=True,
            ),
        ),
        "segments": (
            CdrSegment(
                level=1,
                from_us=answered_us,
                to_us=released_us,
                seconds=120,
                amount=Fraction(6),
            ),
        ),
        "lines": (
            CdrLine(
                kind="time",
                level=1,
                from_us=answered_us,
                to_us=released_us,
                seconds=120,
                amount=Fraction(6),
            ),
        ),
        "charge": CdrCharge(
            gross=Decimal("6.00"),
            net=Decimal("5.55"),
            vat=Decimal("0.45"),
            vat_rate=Decimal("0.081"),
            exact=Fraction(6),
        ),
        "settlement": CdrSettlement(
            share=Fraction("3.885"),
            transport=Fraction("0.04"),
            payout=Fraction("3.845"),
            kind="fixed",
        ),
    }
    return Cdr(**(fields | changed))


def make_refused_cdr(index: int = 0, **changed: Any) -> Cdr:
    """Make the record of a call that was refused: nothing rang, nothing is owed."""
    nothing: dict[str, Any] = {
        "ringing_us": None,
        "answered_us": None,
        "metered_us": 0,
        "disposition": "blocked",
        "released_by": "engine",
        "hangup_cause": "CALL_REJECTED",
        "q850": 21,
        "sip_code": 603,
        "rule": "blacklist:+4179*",
        "presentation": None,
        "level_at_start": None,
        "tariff": None,
        "tariff_version": "",
        "other_leg_uuid": None,
        "attempts": (),
        "segments": (),
        "lines": (),
        "charge": None,
        "settlement": None,
    }
    return make_cdr(index, **(nothing | changed))


def make_changed_cdr(index: int = 0) -> Cdr:
    """Make a record with a change applied, one refused, and amounts of no whole centimes."""
    base = make_cdr(index)
    change_us = (base.answered_us or 0) + 91_000_000
    return make_cdr(
        index,
        changes=(
            CdrChange(level=2, asked_us=change_us, in_force_us=change_us, by="destination"),
            CdrChange(level=77, asked_us=change_us, by="destination", refused="no level 77"),
        ),
        segments=(
            CdrSegment(
                level=1,
                from_us=base.answered_us or 0,
                to_us=change_us,
                seconds=91,
                amount=Fraction(91, 60),
            ),
            CdrSegment(
                level=2,
                from_us=change_us,
                to_us=base.released_us or 0,
                seconds=29,
                amount=Fraction("2.175"),
            ),
        ),
    )
