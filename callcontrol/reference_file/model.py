"""ReferenceFile: the shape of the reference file, and so the contract of `load` and `export`.

Shape and scalars only. What the parts mean together (a slot names a route there is, a price is
lawful, a target is no service number) is for `build.py` to judge, with the values of dialplan
and tariffs themselves. Names of fields are theirs, so that their faults have the file's paths.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callcontrol.reference_file.scalars import (
    CLOSED,
    Address,
    Amount,
    Clock,
    Day,
    Flag,
    Instant,
    Name,
    Network,
    Number,
    Pattern,
    RouteName,
    Text,
    Weekdays,
    Whole,
    Zone,
)

Category = Literal["0800", "00800", "0840", "0842", "0844", "0848", "0900", "0901", "0906"]
OutcomeName = Literal["busy", "no_answer", "unreachable", "rejected", "failed"]
PresentationName = Literal["caller", "number", "fixed", "withheld"]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Entry(BaseModel):
    """A part of the file: a word it does not know is a fault, not a comment."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewayEntry(Entry):
    """A trunk towards the telephone network."""

    host: Text
    port: Whole = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    prefix: Text = Field("", description="digits it wants before every number")
    number_format: Literal["e164", "international", "national", "digits"] = "e164"
    trusted: Flag = Field(False, description="it may be told a withheld number")
    identity_header: Literal["pai", "rpid", "none"] = "pai"
    asserts: Literal["caller", "shown"] = "caller"
    diversion_header: Literal["diversion", "history-info", "none"] = "none"


class OperatorEntry(Entry):
    """A network that callers belong to."""

    name: Text = ""
    networks: frozenset[Network] = Field(
        frozenset(), description="addresses its trunks signal from"
    )
    prefixes: frozenset[Text] = Field(
        frozenset(),
        description="ranges of its callers' numbers, such as +4179, for calls that come over "
        "the trunk of a network that is not told here",
    )
    advice_of_charge: Flag = Field(
        False, description="experimental: it takes advice of charge over its own trunks"
    )


class CustomerEntry(Entry):
    """A business that rents numbers, or a sub-account of one."""

    name: Text = ""
    parent: Name | None = Field(None, description="the account this is a sub-account of")
    suspended: Flag = False
    max_calls: Whole | None = Field(None, description="calls at once, sub-accounts included")
    allowed_countries: frozenset[Country] = frozenset({"CH"})
    proved_numbers: frozenset[Number] = Field(
        frozenset(), description="numbers it has proved to own"
    )


class FixedChargeEntry(Entry):
    """A charge during the call."""

    amount: Amount
    after_s: Whole = Field(description="seconds from the entry of the level")
    every_s: Whole | None = Field(None, description="seconds from one to the next")


class ThenEntry(Entry):
    """The automatic step of a level."""

    after_s: Whole
    level: Whole


class LevelEntry(Entry):
    """What a call costs while this level is in force."""

    per_minute: Amount = Decimal("0.00")
    per_call: Amount = Field(
        Decimal("0.00"), description="charged the first time the level is in force in a call"
    )
    fixed: tuple[FixedChargeEntry, ...] = ()
    then: ThenEntry | None = None


class RoundingEntry(Entry):
    """How the final amount is rounded."""

    to: Amount | None = None
    mode: Literal["up"] = "up"


class AnnouncementEntry(Entry):
    """When the price is spoken and confirmed; what is left out follows the law."""

    language: Text = "de"
    spoken_above: Amount | None = None
    spoken_wait_s: Whole | None = None
    consent_fixed_above: Amount | None = None
    consent_per_minute_above: Amount | None = None


class TariffEntry(Entry):
    """One table of a tariff; the tables of a tariff are valid one after the other."""

    category: Category
    levels: dict[Whole, LevelEntry]
    currency: Text = "CHF"
    includes_vat: Flag = True
    increment_s: Whole = 1
    free_s: Whole = 0
    rounding: RoundingEntry = RoundingEntry()
    max_charge: Amount | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    version: Text = Field("", description="named in records; left out: derived from the table")
    announcement: AnnouncementEntry = AnnouncementEntry()
    tariff_class: Literal["online", "offline-a", "offline-b"] | None = Field(
        None,
        description="how the caller's operator learns the charge: it knows the prices itself "
        "(online), or is sent charge records (offline); left out: offline-b when the table has "
        "several levels, else online",
    )


class TargetEntry(Entry):
    """One place to send a call."""

    address: Address
    gateways: tuple[Name, ...] = Field((), description="tried in this order")


class StepEntry(Entry):
    """Targets that ring together."""

    targets: tuple[TargetEntry, ...]
    ring_s: Whole = 25
    next_on: frozenset[OutcomeName] = frozenset(get_args(OutcomeName))
    presentation: PresentationName | None = None


class RouteEntry(Entry):
    """Steps, tried in order."""

    steps: tuple[StepEntry, ...]
    limit_s: Whole = 120


class SlotEntry(Entry):
    """A stretch of the week, in local time."""

    weekdays: Weekdays
    start: Clock
    end: Clock = Field(description="24:00 is the end of the day; before start: the next day")
    route: RouteName


class LevelSlotEntry(Entry):
    """A stretch of the week, in local time, in which calls start at a level of its own."""

    weekdays: Weekdays
    start: Clock
    end: Clock = Field(description="24:00 is the end of the day; before start: the next day")
    level: Whole


class SpecialDateEntry(Entry):
    """A day, or a range of days, that goes before the week."""

    name: Text = ""
    first: Day
    last: Day | None = Field(None, description="left out: one day")
    route: RouteName = CLOSED

    @model_validator(mode="before")
    @classmethod
    def _one_day(cls, value: object) -> object:
        """Write one day in one way, so that equal entries are equal."""
        if isinstance(value, dict) and value.get("last") == value.get("first"):
            return {name: item for name, item in value.items() if name != "last"}
        return value


class PublicHolidaysEntry(Entry):
    """The public holidays of a country or a canton."""

    canton: Text = Field(
        "", description="such as ZH; left out: only days all the country keeps"
    )
    country: Country = "CH"
    route: RouteName = CLOSED


class OverrideEntry(Entry):
    """A route forced for some time."""

    from_at: Instant
    until_at: Instant | None = None
    route: RouteName = CLOSED


class TransportEntry(Entry):
    """What carrying a call costs the customer, a minute, without VAT."""

    voip: Amount
    fixed: Amount
    mobile: Amount
    international: Amount


class SettlementEntry(Entry):
    """The customer's side of a call."""

    share: Amount = Field(description="of the net charge, 0 to 1")
    transport_per_minute: TransportEntry


class ChangeEntry(Entry):
    """What is different from an instant on."""

    at: Instant
    tariff: Name | None = None
    level: Whole | None = None
    default_route: RouteName | None = None
    presentation: PresentationName | None = None
    week: tuple[SlotEntry, ...] | None = None
    routes: dict[RouteName, RouteEntry] = {}


class NumberEntry(Entry):
    """One service number."""

    category: Category | None = Field(None, description="left out: what the number says")
    customer: Name
    tariff: Name
    level: Whole = 1
    zone: Zone = "Europe/Zurich"
    routes: dict[RouteName, RouteEntry] = {}
    default_route: RouteName = CLOSED
    week: tuple[SlotEntry, ...] = ()
    special_dates: tuple[SpecialDateEntry, ...] = ()
    public_holidays: tuple[PublicHolidaysEntry, ...] = ()
    overrides: tuple[OverrideEntry, ...] = ()
    presentation: PresentationName = "caller"
    fixed_number: Number | None = None
    refuses_withheld: Flag = False
    level_keys: Flag = Field(False, description="the destination may change the level by *NN#")
    level_week: tuple[LevelSlotEntry, ...] = Field(
        (), description="goes before `level`, and before what it is changed to"
    )
    level_week_live: Flag = Field(
        False, description="running calls change their level with the week, too"
    )
    max_calls: Whole | None = None
    active_from: Instant | None = None
    active_until: Instant | None = None
    ported_out_at: Instant | None = None
    suspended: Flag = False
    closed_message: Name | None = Field(
        None, description="prompt the caller hears, free, when the number is closed"
    )
    failed_message: Name | None = Field(
        None, description="prompt the caller hears, free, when no target has answered"
    )
    test_callers: frozenset[Number] = Field(
        frozenset(), description="may call it before active_from, to test it"
    )
    settlement: SettlementEntry | None = None
    scheduled: tuple[ChangeEntry, ...] = ()


class BlacklistLine(Entry):
    """A caller refused or let through."""

    pattern: Pattern
    number: Number | None = Field(None, description="only for this service number")
    customer: Name | None = Field(None, description="only for this customer and those below")
    action: Literal["block", "allow"] = "block"
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    cause: Text = "CALL_REJECTED"
    reason: Text = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What no other line may share; also the order lines are written in."""
        starts = self.valid_from.astimezone(UTC).isoformat() if self.valid_from else ""
        return (self.customer or "", self.number or "", self.pattern, self.action, starts)


class ReferenceFile(Entry):
    """Everything that is configured."""

    gateways: dict[Name, GatewayEntry] = {}
    operators: dict[Name, OperatorEntry] = {}
    customers: dict[Name, CustomerEntry] = {}
    tariffs: dict[Name, tuple[TariffEntry, ...]] = {}
    numbers: dict[Number, NumberEntry] = {}
    blacklist: tuple[BlacklistLine, ...] = ()
