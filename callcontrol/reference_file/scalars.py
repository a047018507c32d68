"""The scalars of the reference file: exact types, each read from text by one strict rule.

Each type takes its own Python value (from a database row) or the text that stands in the file,
and nothing else: no float, no number of seconds for a date, no `yes` for true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from callcontrol.reference_file.yaml_text import Plain
from dialplan import (
    DEFAULT_ZONE,
    E164,
    InvalidNumber,
    InvalidTarget,
    InvalidWeek,
    canonical_or_same,
    is_swiss,
    parse_number,
    parse_target,
    parse_weekdays,
    weekdays_text,
)

CLOSED = "closed"
"""What stands for a route where there is none: the caller is released."""

_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")  # one way only: 1 and 01 are not two levels
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _read(
    kind: type, pattern: re.Pattern[str], make: Callable[[str], object], wanted: str
) -> BeforeValidator:
    """Make a scalar's validator: its own type passes, text must match, all else fails."""

    def read(value: object) -> object:
        if type(value) is kind:
            return value
        if isinstance(value, str) and pattern.fullmatch(value):
            try:
                return make(value)
            except ValueError:
                pass
        raise ValueError(f"{_shown(value)} is not {wanted}")

    return BeforeValidator(read)


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str | int) else type(value).__name__


def _flag(text: str) -> bool:
    return text == "true"


def _clock(text: str) -> time:
    return time.fromisoformat("00:00" if text == "24:00" else text)


def _sensible(at: datetime) -> datetime:
    """Keep away from the ends of the calendar, where no zone has a date for every instant."""
    if at.tzinfo is None or not 1970 <= at.year < 2200:
        raise ValueError(f"{at.isoformat()} is not between 1970 and 2200")
    return at


def _number(value: object) -> object:
    if isinstance(value, str):
        if is_swiss(value):
            return value  # what parse_number would give, for a tenth of the time
        try:
            return parse_number(value)
        except InvalidNumber:
            pass
    raise ValueError(f"{_shown(value)} is not a telephone number")


def address_of(value: object) -> object:
    """Give a target's canonical address; what is none is left for `build` to judge."""
    if not isinstance(value, str) or is_swiss(value):
        return value
    try:
        return parse_target(value, gateways=("any",)).address
    except InvalidTarget:
        return value


def _pattern(value: object) -> object:
    """Give a blacklist pattern with its number in canonical form, if it is one."""
    if not isinstance(value, str) or value.endswith("*"):
        return value
    return canonical_or_same(value)


def _network(value: object) -> object:
    """Give a network in its one canonical form; what is none is left for `build` to judge."""
    try:
        return str(ip_network(value)) if isinstance(value, str) else value
    except ValueError:
        return value


def _weekdays(value: object) -> object:
    if isinstance(value, str):
        try:
            return weekdays_text(parse_weekdays(value))
        except InvalidWeek:
            pass
    raise ValueError(f"{_shown(value)} is not days such as mon-fri or sat,sun")


def _zone(value: object) -> object:
    if isinstance(value, str) and (value == DEFAULT_ZONE.key or value in available_timezones()):
        return value
    raise ValueError(f"{_shown(value)} is not a time zone such as Europe/Zurich")


Whole: TypeAlias = Annotated[int, _read(int, _WHOLE, int, "a whole number")]
Amount: TypeAlias = Annotated[
    Decimal,
    _read(Decimal, _AMOUNT, Decimal, "an amount such as 3.00"),
    WithJsonSchema({"type": ["number", "string"], "pattern": f"^{_AMOUNT.pattern}$"}),
]
Flag: TypeAlias = Annotated[bool, _read(bool, re.compile("true|false"), _flag, "true or false")]
Day: TypeAlias = Annotated[date, _read(date, _DAY, date.fromisoformat, "a day: 2026-08-01")]
Clock: TypeAlias = Annotated[
    time,
    _read(time, _CLOCK, _clock, "a time of day such as 08:30"),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"}),
]
Instant: TypeAlias = Annotated[
    datetime,
    AfterValidator(_sensible),
    _read(
        datetime,
        _INSTANT,
        datetime.fromisoformat,
        "an instant with its zone such as 2026-08-01T00:00:00+02:00",
    ),
]
Number: TypeAlias = Annotated[
    E164,
    BeforeValidator(_number),
    Field(description="telephone number, in any dialled form"),
    WithJsonSchema({"type": "string"}),
]
Address: TypeAlias = Annotated[
    str,
    Field(max_length=400, description="telephone number, or SIP URI"),
    BeforeValidator(address_of),
]
Pattern: TypeAlias = Annotated[
    str,
    Field(max_length=64, description="a number, a prefix such as +4179*, or anonymous"),
    BeforeValidator(_pattern),
]
Network: TypeAlias = Annotated[
    str,
    Field(max_length=64, description="addresses as CIDR, such as 192.0.2.0/24"),
    BeforeValidator(_network),
]
Weekdays: TypeAlias = Annotated[
    str, BeforeValidator(_weekdays), Field(description="mon-fri, sat,sun or mon,wed-fri")
]
Zone: TypeAlias = Annotated[str, BeforeValidator(_zone), Field(description="IANA time zone")]
Name: TypeAlias = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
RouteName: TypeAlias = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^\w[\w .-]*$",
        description=f"name of a route of this number, or {CLOSED}",
    ),
]
Text: TypeAlias = Annotated[str, Field(max_length=500, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]*$")]


def plain(value: object) -> Plain:
    """Write a value, however deep, as the strings, lists and dicts of the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(DEFAULT_ZONE).isoformat()
    if isinstance(value, time):
        return value.isoformat("auto" if value.second else "minutes")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)  # type: ignore[return-value]
    return None if value is None else str(value)


def zone_of(name: str) -> ZoneInfo:
    """Give a zone that `Zone` has let in."""
    return DEFAULT_ZONE if name == DEFAULT_ZONE.key else ZoneInfo(name)
