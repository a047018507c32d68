"""Reads a call described in JSON, the input of `callcontrol rate`; names every fault's path.

Strategy: pydantic judges the shape of the text (amounts and instants are strings, whole numbers
are whole, nothing unknown), tariffs judges the table and the law its prices. A value with a
fault is set aside and the rest of the table judged without it: one run tells every fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from callcontrol.clock import us_of
from callcontrol.errors import ConfigError
from callcontrol.json_text import named_fault, parsed_json, shown
from tariffs import (
    LEVELS,
    SWISS_LAW,
    Change,
    Fault,
    FixedCharge,
    FreeTime,
    InvalidTariff,
    Law,
    Level,
    Rounding,
    Tariff,
    Then,
    Withheld,
)

LONGEST_CALL_US = 7 * 86_400 * 10**6
LAST_US = us_of(datetime.fromisoformat("9999-12-31T23:59:59.999999Z"))

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_NUMBER = re.compile(r"[1-9][0-9]?")


def _amount(value: object) -> Decimal:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError('not an amount, a string such as "3.00"')
    return Decimal(value)


def _instant(value: object) -> int:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError('not an instant, a string such as "2026-01-05T12:00:00.000000Z"')
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("no such day or time of day") from None
    if at.utcoffset() is None:
        raise ValueError("has no time zone")
    if not 0 <= (at_us := us_of(at)) <= LAST_US:
        raise ValueError("not between 1970 and 9999")
    return at_us


def _level_number(value: object) -> int:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or int(value) not in LEVELS:
        raise ValueError("a level is numbered 1 to 90")
    return int(value)


Amount = Annotated[Decimal, BeforeValidator(_amount)]
InstantUs = Annotated[int, BeforeValidator(_instant)]
LevelNumber = Annotated[int, BeforeValidator(_level_number)]


class _Text(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _FixedText(_Text):
    amount: Amount
    after_s: int
    every_s: int | None = None


class _ThenText(_Text):
    after_s: int
    level: int


class _LevelText(_Text):
    per_minute: Amount = Decimal("0.00")
    per_call: Amount = Decimal("0.00")
    fixed: list[_FixedText] = []
    then: _ThenText | None = None

    def level(self) -> Level:
        return Level(
            per_minute=self.per_minute,
            per_call=self.per_call,
            fixed=tuple(FixedCharge(**charge.model_dump()) for charge in self.fixed),
            then=Then(**self.then.model_dump()) if self.then else None,
        )


class _RoundingText(_Text):
    to: Amount | None = None
    mode: Literal["up"] = "up"


class _TariffText(_Text):
    category: str
    levels: dict[LevelNumber, _LevelText]
    currency: str = "CHF"
    includes_vat: bool = True
    increment_s: int = 1
    free_s: int = 0
    rounding: _RoundingText | None = None
    max_charge: Amount | None = None

    def tariff(self) -> Tariff:
        return Tariff(
            name="rated",
            category=self.category,
            levels={number: level.level() for number, level in self.levels.items()},
            currency=self.currency,
            includes_vat=self.includes_vat,
            increment_s=self.increment_s,
            free_s=self.free_s,
            rounding=Rounding(**self.rounding.model_dump()) if self.rounding else Rounding(),
            max_charge=self.max_charge,
        )


class _ChangeText(_Text):
    at: InstantUs
    level: int


class _FreeText(_Text):
    model_config = ConfigDict(validate_by_name=True)

    begins: InstantUs = Field(alias="from")
    until: InstantUs | None = None


class _WithheldText(_Text):
    at: InstantUs
    kind: Literal["step", "fixed"]


class _CallText(_Text):  # the table is judged on its own
    tariff: dict[str, Any]
    start: InstantUs
    end: InstantUs
    level: int
    changes: list[_ChangeText] = []
    free: list[_FreeText] = []
    withheld: list[_WithheldText] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedCall:
    """A call as its file describes it; lawful, and in an order time can have.

    Attributes:
        tariff: the table.
        level: the number it starts at, one of the table's.
        start_us: of charging, µs since the epoch.
        end_us: not before the start, at most 7 days after it.
        changes: in order, none before the start or after the end.
        free: when time cost nothing, in order, within the call.
        withheld: what the table brings by itself and is not charged.
    """

    tariff: Tariff
    level: int
    start_us: int
    end_us: int
    changes: tuple[Change, ...]
    free: tuple[FreeTime, ...] = ()
    withheld: tuple[Withheld, ...] = ()


def described_call(text: str, *, law: Law = SWISS_LAW) -> DescribedCall:
    """Read a call from JSON text.

    Raises:
        ConfigError: with one sentence for every fault of the text, each with its path.
    """
    raw, faults = parsed_json(text)
    call, errors = _validated(_CallText, raw)
    faults += map(_shape_fault, errors)
    tariff = None
    if isinstance(raw, dict) and isinstance(raw.get("tariff"), dict):
        # prices of a call whose day is not known are held to the newest law
        tariff, table_faults = _judged(raw["tariff"], call.start if call else LAST_US, law)
        faults += [fault.under("tariff") for fault in table_faults]
    if call is not None:
        faults += _order_faults(call, tariff)
    if faults or call is None or tariff is None:
        raise ConfigError(*map(str, faults))
    changes = (Change(at_us=change.at, level=change.level) for change in call.changes)
    return DescribedCall(
        tariff=tariff,
        level=call.level,
        start_us=call.start,
        end_us=call.end,
        changes=tuple(changes),
        free=tuple(FreeTime(from_us=one.begins, until_us=one.until) for one in call.free),
        withheld=tuple(Withheld(at_us=one.at, kind=one.kind) for one in call.withheld),
    )


_Checked = TypeVar("_Checked", bound=_Text)


def _validated(
    model: type[_Checked], raw: object
) -> tuple[_Checked | None, list[ErrorDetails]]:
    """Read a part of the text, or say what is wrong with its shape."""
    try:
        return model.model_validate(raw), []
    except ValidationError as exc:
        return None, exc.errors(include_url=False, include_input=False)


def _judged(raw: object, start_us: int, law: Law) -> tuple[Tariff | None, list[Fault]]:
    """Judge the table: its shape, its values, and its prices by the law of the call's day.

    Round after round, what has a fault is taken out and the rest judged again; what cannot do
    without the part taken out follows it in the next round. A part taken out is no new fault.
    """
    faults: list[Fault] = []
    taken: set[str] = set()
    while True:
        text, errors = _validated(_TariffText, _without(raw, taken))
        found = [_shape_fault(error) for error in errors]
        if text is not None:
            try:
                tariff = text.tariff()
            except InvalidTariff as exc:
                found = list(exc.faults)
            else:
                return tariff, [*faults, *law.faults(tariff, start_us)]
        faults += (fault for fault in found if not _touches(fault.path, taken))
        for path in [fault.path for fault in found]:
            while path in taken:
                path = path.rpartition(".")[0]
            if not path:
                return None, faults
            taken.add(path)


def _touches(path: str, taken: set[str]) -> bool:
    """Say whether a value was taken out, or a part of it was."""
    return any(f"{other}.".startswith(f"{path}.") for other in taken)


# stands for a fixed charge that was taken out, so that those after it keep their paths
_NO_CHARGE = {"amount": "0.00", "after_s": 0}


def _without(value: object, taken: set[str], path: str = "") -> object:
    """Copy a part of the text less the values at some paths."""
    if isinstance(value, dict):
        named = {name: f"{path}.{name}" if path else name for name in value}
        return {
            name: _without(child, taken, named[name])
            for name, child in value.items()
            if named[name] not in taken
        }
    if isinstance(value, list):
        named = {index: f"{path}.{index}" for index in range(len(value))}
        return [
            _NO_CHARGE if named[index] in taken else _without(child, taken, named[index])
            for index, child in enumerate(value)
        ]
    return value


def _order_faults(call: _CallText, tariff: Tariff | None) -> Iterator[Fault]:
    if call.end < call.start:
        yield named_fault(("end",), "before the start")
    if call.end > call.start + LONGEST_CALL_US:
        yield named_fault(("end",), "more than 7 days after the start")
    if tariff is not None and call.level not in tariff.levels:
        yield named_fault(("level",), f"the table has no level {shown(call.level)}")
    latest_us = call.start
    for index, change in enumerate(call.changes):
        if change.at < latest_us:
            message = "before the change in front of it" if index else "before the start"
            yield named_fault(("changes", index, "at"), message)
        elif change.at > call.end >= call.start:
            yield named_fault(("changes", index, "at"), "after the end")
        latest_us = max(latest_us, change.at)
    yield from _free_faults(call)


def _free_faults(call: _CallText) -> Iterator[Fault]:
    latest_us = call.start
    for index, one in enumerate(call.free):
        path = ("free", index, "from")
        if one.begins < latest_us:
            message = "before the one in front of it ends" if index else "before the start"
            yield named_fault(path, message)
        elif one.begins > call.end >= call.start:
            yield named_fault(path, "after the end")
        if one.until is None and index + 1 < len(call.free):
            yield named_fault(("free", index, "until"), "is missing: only the last may go on")
        elif one.until is not None and one.until < one.begins:
            yield named_fault(("free", index, "until"), "before its beginning")
        elif one.until is not None and one.until > call.end >= call.start:
            yield named_fault(("free", index, "until"), "after the end")
        latest_us = max(latest_us, one.until or one.begins)


_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a field",
    "int_type": "not a whole number",
    "bool_type": "not true or false",
    "string_type": "not a string",
    "string_unicode": "not Unicode",
    "list_type": "not a list",
    "dict_type": "not an object",
    "model_type": "not an object",
}


def _shape_fault(error: ErrorDetails) -> Fault:
    if error["type"] == "literal_error":
        return named_fault(error["loc"], f"not {error['ctx']['expected']}".replace("'", ""))
    message = _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return named_fault(error["loc"], message)
