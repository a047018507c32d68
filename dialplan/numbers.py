"""Telephone numbers: from any dialled form to E.164, and what kind of number one is.

Strategy: reject by shape first (length and alphabet), because the library also reads letters,
extensions and tel: URIs, none of which a switch dials; let the library find country code and
trunk prefix; then demand a possible length. Possible and not valid: a range opened after the
library's tables were made must still reach its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, NewType

import phonenumbers
from phonenumbers import (
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    shortnumberinfo,
)

from dialplan.errors import InvalidNumber

E164 = NewType("E164", str)
"""A number in canonical form: `+`, country code, national number; digits only."""

HOME_REGION = "CH"

LineKind = Literal["fixed", "mobile", "international"]

_LONGEST_TEXT = 64  # a dialled number with technical prefix and separators stays far below
_SEPARATORS = re.compile(r"[\s.\-/()]+")
_DIALLED = re.compile(r"\+?[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SERVICE = re.compile(r"\+(41(?P<swiss>800|840|842|844|848|900|901|906)[0-9]{6}|800[0-9]{8})")
_SWISS = re.compile(r"\+41[1-9][0-9]{8}")
_SWISS_PERSONAL = "+41878"
_INTERNATIONAL_FREEPHONE = re.compile(r"\+800[0-9]{8}")
_MOST_KEPT = 8192  # answers of the library, which needs a third of a millisecond for one
_LONGEST_SHORT_NUMBER = 6  # digits; Swiss ones (112, 144, 1414, 1811) have three to five

_SERVICE_TYPES = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PERSONAL_NUMBER,  # 0878
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the trunk told it.

    Attributes:
        raw: the number as received, of any content.
        number: its canonical form; None when there is none.
        withheld: privacy was asked for. The number then routes and matches the blacklist,
            but is shown to nobody (ordinance on telecommunications services, art. 84).
    """

    raw: str
    number: E164 | None
    withheld: bool = False


def parse_number(text: str, *, region: str = HOME_REGION, prefixes: Iterable[str] = ()) -> E164:
    """Find the canonical form of a dialled number.

    Args:
        text: such as `0900123456`, `+41 900 123 456`, `0041900123456`, `41900123456`; with
            spaces, dots, hyphens, slashes or brackets; of any content.
        region: the country, ISO 3166, whose national forms are understood.
        prefixes: technical prefixes (routing, porting) that may come first. The longest one
            after which a number follows is removed.

    Raises:
        InvalidNumber: the text is no number; nothing else is ever raised.
    """
    if len(text) <= _LONGEST_TEXT:
        dialled = _SEPARATORS.sub("", text)
        for rest in _without_prefix(dialled, prefixes):
            number = _canonical(rest, region)
            if number is not None:
                return number
    raise InvalidNumber.at("", f"{text[:_LONGEST_TEXT]!r} is not a telephone number")


def parse_number_or_none(
    text: str, *, region: str = HOME_REGION, prefixes: Iterable[str] = ()
) -> E164 | None:
    """Find the canonical form of a dialled number, or None when the text is no number."""
    try:
        return parse_number(text, region=region, prefixes=prefixes)
    except InvalidNumber:
        return None


def is_swiss(text: str) -> bool:
    """Say whether text is `+41` and nine digits: canonical, and certainly Swiss."""
    return _SWISS.fullmatch(text) is not None


def canonical_or_same(text: str) -> str:
    """Give the canonical form of a number in E.164, or the text itself when it is no number.

    The same as `parse_number_or_none(text) or text`, for a hundredth of the time: the library
    changes a number with a country code only where it takes off what is dialled before a
    national number, which few numbers have.
    """
    if is_e164(text) and not _could_change(text):
        return text
    return parse_number_or_none(text) or text


def is_e164(text: str) -> bool:
    """Say whether text already has the canonical form: `+` and 7 to 15 digits."""
    return _E164.fullmatch(text) is not None


def printed(number: E164) -> str:
    """Write a number for people: `0900 123 456`, `044 555 01 01`, `+49 170 1234567`.

    The first four digits of a service number stay together (law on indication of prices).
    """
    if _INTERNATIONAL_FREEPHONE.fullmatch(number):
        return f"00800 {number[4:8]} {number[8:]}"
    parsed = _parsed_or_none(number)
    if parsed is None:
        return number
    home = parsed.country_code == phonenumbers.country_code_for_region(HOME_REGION)
    style = PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def category_of(number: E164) -> str | None:
    """Name the category of a service number: `0800`, `0840`, ... `0906`, `00800`; else None."""
    service = _SERVICE.fullmatch(number)
    return f"0{service['swiss'] or '0800'}" if service else None


def is_service_number(number: E164) -> bool:
    """Say whether a number, of any country, is free, shared-cost, premium or personal."""
    if category_of(number) is not None:
        return True
    if _SWISS.fullmatch(number):  # what the library would say, in a hundredth of the time
        return number.startswith(_SWISS_PERSONAL)
    parsed = _parsed_or_none(number)
    return parsed is not None and phonenumbers.number_type(parsed) in _SERVICE_TYPES


@lru_cache(maxsize=_MOST_KEPT)
def line_kind_of(number: E164, *, region: str = HOME_REGION) -> LineKind:
    """Say what kind of line a number is, seen from a country."""
    parsed = _parsed_or_none(number)
    if parsed is None or parsed.country_code != phonenumbers.country_code_for_region(region):
        return "international"
    kind = phonenumbers.number_type(parsed)
    return "mobile" if kind in {PhoneNumberType.MOBILE, PhoneNumberType.PAGER} else "fixed"


def country_of(number: E164) -> str | None:
    """Name the country (ISO 3166) a number lies in; None for satellites and unknown codes."""
    if _SWISS.fullmatch(number):
        return HOME_REGION
    parsed = _parsed_or_none(number)
    region = phonenumbers.region_code_for_number(parsed) if parsed is not None else None
    return region if region != phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else None


def short_number_kind(
    text: str, *, region: str = HOME_REGION
) -> Literal["emergency", "short"] | None:
    """Recognise a short number (112, 144, 1414, 1811) in national form or behind +41 or 0041.

    Returns:
        `emergency`, `short`, or None when the text is something else.
    """
    code = phonenumbers.country_code_for_region(region)
    digits = re.sub(rf"^(\+|00){code}", "", _SEPARATORS.sub("", text[:_LONGEST_TEXT]))
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_SHORT_NUMBER):
        return None
    return "emergency" if shortnumberinfo.is_emergency_number(digits, region) else "short"


def _without_prefix(dialled: str, prefixes: Iterable[str]) -> Iterator[str]:
    for prefix in sorted(prefixes, key=len, reverse=True):
        if prefix and dialled.startswith(prefix):
            yield dialled[len(prefix) :]
    yield dialled


@lru_cache(maxsize=_MOST_KEPT)
def _canonical(dialled: str, region: str) -> E164 | None:
    if is_e164(dialled) and _is_possible(dialled):
        return E164(dialled)
    if not _DIALLED.fullmatch(dialled):
        return None
    parsed = _parsed_or_none(dialled, region)
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        return None
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    # The library keeps a zero in front of a national number that is one digit short
    # (090012345); no country code we would call by mistake is worth that guess.
    if parsed.italian_leading_zero and not phonenumbers.is_valid_number(parsed):
        return None
    return E164(number) if is_e164(number) else None


def _parsed_or_none(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


class _Country(NamedTuple):
    """What the library knows of a country's national numbers.

    Attributes:
        dialled_before: what it takes off their front; None when nothing.
        lengths: how many digits they may have.
    """

    dialled_before: re.Pattern[str] | None
    lengths: frozenset[int]


_COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@lru_cache(maxsize=512)
def _country_of(code: str) -> _Country:
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    prefix = metadata.national_prefix_for_parsing if metadata is not None else None
    numbers = metadata.general_desc if metadata is not None else None
    return _Country(
        dialled_before=re.compile(prefix) if prefix else None,
        lengths=frozenset(numbers.possible_length if numbers is not None else ()),
    )


def _split(number: str) -> tuple[_Country | None, str]:
    """Take a number in E.164 apart: its country, None for one that is not known; the rest."""
    for end in (2, 3, 4):  # of country codes, none of which begins another
        if number[1:end] in _COUNTRY_CODES:
            return _country_of(number[1:end]), number[end:]
    return None, ""


def _could_change(number: str) -> bool:
    country, rest = _split(number)
    if country is None or country.dialled_before is None:
        return False
    return country.dialled_before.match(rest) is not None


def _is_possible(number: str) -> bool:
    """Say whether the library would leave a number in E.164 as it is; no may be a perhaps."""
    country, rest = _split(number)
    if country is None or len(rest) not in country.lengths or rest[0] == "0":
        return False
    return country.dialled_before is None or country.dialled_before.match(rest) is None
