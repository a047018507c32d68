"""What a call costs: pure, exact, told the time.

money, level, tariff   a table of prices as it is entered
law, swiss, vat        what it may not be, as dated data
announcing             what must be spoken and confirmed before a price is charged
terms                  what one call is charged under: its tariff clipped to the law
stay, run, change      a time at one level, and how one follows another
charge                 the price of a call with its lines, rounded once
meter                  a running call
settlement             the customer's side

Each line imports only lines above it. Nothing here imports the engine or the dialplan, reads a
clock or does any I/O.
"""

from __future__ import annotations

from tariffs.announcing import (
    NO_DUTY,
    Duty,
    before_change,
    before_charging,
    before_fixed,
    due_charges,
    told_level,
)
from tariffs.change import STEP, Change, Coming, FreeTime, Refusal, Withheld
from tariffs.charge import Line, Rated, Segment
from tariffs.errors import (
    Fault,
    Invalid,
    InvalidSettlement,
    InvalidTariff,
    MeterStopped,
    NotExact,
    TariffError,
    TimeRanBackwards,
    UnknownCountry,
    UnknownLevel,
)
from tariffs.law import Law, Rule, Subject
from tariffs.level import LEVELS, FixedCharge, Level, Then
from tariffs.meter import Meter
from tariffs.money import cut_off, exact_text
from tariffs.settlement import (
    TARGET_KINDS,
    Settled,
    Settlement,
    TargetKind,
    category_faults,
    settle,
)
from tariffs.swiss import SWISS_LAW, law_for
from tariffs.tariff import (
    CATEGORIES,
    COINS,
    TARIFF_CLASSES,
    Announcement,
    Rounding,
    Tariff,
    TariffClass,
)

__all__ = [
    "CATEGORIES",
    "COINS",
    "LEVELS",
    "NO_DUTY",
    "STEP",
    "SWISS_LAW",
    "TARGET_KINDS",
    "TARIFF_CLASSES",
    "Announcement",
    "Change",
    "Coming",
    "Duty",
    "Fault",
    "FixedCharge",
    "FreeTime",
    "Invalid",
    "InvalidSettlement",
    "InvalidTariff",
    "Law",
    "Level",
    "Line",
    "Meter",
    "MeterStopped",
    "NotExact",
    "Rated",
    "Refusal",
    "Rounding",
    "Rule",
    "Segment",
    "Settled",
    "Settlement",
    "Subject",
    "TargetKind",
    "Tariff",
    "TariffClass",
    "TariffError",
    "Then",
    "TimeRanBackwards",
    "UnknownCountry",
    "UnknownLevel",
    "Withheld",
    "before_change",
    "before_charging",
    "before_fixed",
    "category_faults",
    "cut_off",
    "due_charges",
    "exact_text",
    "law_for",
    "settle",
    "told_level",
]
