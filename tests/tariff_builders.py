"""Valid tariffs with sane defaults, each of which a test may vary."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tariffs import SWISS_LAW, FixedCharge, Level, Meter, Rule, Subject, Tariff, Then

SECOND_US = 10**6
RATED = Path(__file__).parents[1] / "fixtures" / "rated"  # calls priced by hand


def us(text: str) -> int:
    """Turn ISO 8601 with a zone into microseconds since the epoch."""
    at = datetime.fromisoformat(text)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


NOON_US = us("2026-01-05T12:00:00Z")
JUNE_US = us("2026-06-01T00:00:00+02:00")
# the Swiss law with a lower limit from the first of June
TIGHTENED_LAW = replace(
    SWISS_LAW,
    rules=(
        *SWISS_LAW.rules,
        Rule(
            subjects=(Subject.PER_MINUTE,),
            categories=("0901",),
            value=Decimal(5),
            valid_from=date(2026, 6, 1),
            article="OST art. 39",
            source="OST (SR 784.101.1) art. 39 § 2",
        ),
    ),
)


def make_level(
    per_minute: str = "0.00",
    per_call: str = "0.00",
    *,
    fixed: tuple[tuple[str, int, int | None], ...] = (),
    then: tuple[int, int] | None = None,
) -> Level:
    """Make a level; fixed are (amount, after_s, every_s), then is (after_s, level)."""
    return Level(
        per_minute=Decimal(per_minute),
        per_call=Decimal(per_call),
        fixed=tuple(
            FixedCharge(amount=Decimal(amount), after_s=after_s, every_s=every_s)
            for amount, after_s, every_s in fixed
        ),
        then=Then(after_s=then[0], level=then[1]) if then else None,
    )


def make_tariff(*levels: Level, **fields: Any) -> Tariff:
    """Make a table of levels numbered from 1: premium rate, unrounded, at 3.00 a minute."""
    numbered = dict(enumerate(levels or (make_level("3.00"),), start=1))
    return Tariff(**{"name": "made", "category": "0901", "levels": numbered} | fields)


def make_meter(
    tariff: Tariff, *, level: int = 1, start_us: int = NOON_US, **fields: Any
) -> Meter:
    """Make a meter that starts at noon."""
    return Meter(tariff, level=level, start_us=start_us, **fields)


def make_call_text(**fields: Any) -> str:
    """Describe a minute at 3.00, without rounding; fields replace parts of it."""
    tariff = {"category": "0901", "levels": {"1": {"per_minute": "3.00"}}}
    call = {
        "tariff": tariff | fields.pop("tariff", {}),
        "start": "2026-01-05T12:00:00Z",
        "end": "2026-01-05T12:01:00Z",
        "level": 1,
    }
    return json.dumps(call | fields)
