"""Settlement: what a customer is paid for a call, or pays; not what its caller is charged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Literal, get_args

from tariffs.charge import Rated
from tariffs.errors import Fault, InvalidSettlement
from tariffs.level import amount_faults
from tariffs.money import amount_fault, exact
from tariffs.terms import MINUTE_US

TargetKind = Literal["voip", "fixed", "mobile", "international"]
TARGET_KINDS: tuple[TargetKind, ...] = get_args(TargetKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A customer's terms.

    Attributes:
        share: of the net charge that is the customer's, 0 to 1; 0 for 0800 and 084x.
        transport_per_minute: what carrying the call to each kind of target costs the customer,
            without VAT; every kind has a price, so that none is free by oversight.

    Raises:
        InvalidSettlement: with every fault found.
    """

    share: Decimal
    transport_per_minute: Mapping[TargetKind, Decimal]

    def __post_init__(self) -> None:
        """Judge the terms, then freeze the prices."""
        if faults := tuple(_faults(self)):
            raise InvalidSettlement(faults)
        prices = MappingProxyType(dict(self.transport_per_minute))
        object.__setattr__(self, "transport_per_minute", prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one call means for its customer; exact, to be rounded where calls are summed.

    Attributes:
        share: of the net charge.
        transport: to the target that answered.
        payout: the share less transport; negative when the customer pays.
    """

    share: Fraction
    transport: Fraction
    payout: Fraction


def settle(rated: Rated, terms: Settlement, *, transport_us: int, kind: TargetKind) -> Settled:
    """Settle one answered call.

    Args:
        rated: the caller's side.
        terms: the customer's.
        transport_us: how long the target was connected, announcements included, µs.
        kind: of the target that answered.
    """
    share = exact(rated.net) * exact(terms.share)
    price, per = terms.transport_per_minute[kind].as_integer_ratio()
    transport = Fraction(price * transport_us, per * MINUTE_US)
    return Settled(share=share, transport=transport, payout=share - transport)


def category_faults(terms: Settlement, category: str) -> Iterator[Fault]:
    """Find terms that a category does not have: 0800 and 084x bring no revenue to share."""
    if terms.share and not category.startswith("090"):
        message = f"is above 0, but {category} brings no revenue to share"
        yield Fault(path="share", message=message)


def _faults(terms: Settlement) -> Iterator[Fault]:
    if amount_fault(terms.share) or terms.share > 1:
        yield Fault(path="share", message="not a Decimal from 0 to 1 with at most six decimals")
    for kind in TARGET_KINDS:
        if kind not in terms.transport_per_minute:
            yield Fault(path=f"transport_per_minute.{kind}", message="is missing")
    for name, price in terms.transport_per_minute.items():
        path = f"transport_per_minute.{name}"
        if name not in TARGET_KINDS:
            yield Fault(path=path, message=f"not one of {', '.join(TARGET_KINDS)}")
        yield from amount_faults(path, price)
