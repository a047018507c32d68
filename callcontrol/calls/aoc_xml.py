"""Advice of charge as XML: what 3GPP TS 24.647 sends as `application/vnd.etsi.aoc+xml`.

The parts of its schema that a running charge needs: `aoc-d` with the charge so far, `aoc-e`
with the charge at the end, each in currency units, free of charge, or not available. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

CONTENT_TYPE = ("application", "vnd.etsi.aoc+xml")

Kind = Literal["aoc-d", "aoc-e"]
Information = Literal["subtotal", "total"]

_NAMESPACE = "http://uri.etsi.org/ngn/params/xml/simservs/aoc"
# Not the one of the library, whose quotes a command of the switch would swallow.
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One advice.

    Attributes:
        kind: during the call, or at its end.
        information: `aoc-d` tells whether it is the charge of the call so far (`subtotal`) or
            of all of it (`total`); `aoc-e` does not.
        amount: the charge; None: see `is_free`.
        currency: of the amount, ISO 4217.
        is_free: free of charge; if not, an amount that is None is not available.
    """

    kind: Kind
    information: Information | None = None
    amount: Decimal | None = None
    currency: str = ""
    is_free: bool = False


def advice_to_xml(advice: Advice) -> str:
    """Write an advice as one line."""
    root = Element(_name("aoc"))
    part = SubElement(root, _name(advice.kind))
    if advice.information is not None:
        SubElement(part, _name("charging-info")).text = advice.information
    charges = SubElement(part, _name("recorded-charges"))
    if advice.amount is not None:
        units = SubElement(charges, _name("recorded-currency-units"))
        SubElement(units, _name("currency-id")).text = advice.currency
        SubElement(units, _name("currency-amount")).text = f"{advice.amount:f}"
    else:
        SubElement(charges, _name("free-charge" if advice.is_free else "not-available"))
    return _DECLARATION + ElementTree.tostring(
        root, encoding="unicode", default_namespace=_NAMESPACE
    )


def advice_from_xml(text: str) -> Advice:
    """Read an advice back; elements that are not of this schema are passed over.

    For checks of what was sent, not for what a network sends: entities are expanded.

    Raises:
        ValueError: not an advice of charge; one sentence.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  our own text, see above
    except ElementTree.ParseError as exc:
        raise ValueError(f"not XML: {exc}") from exc
    kinds: tuple[Kind, ...] = ("aoc-d", "aoc-e")
    found = [(kind, part) for kind in kinds if (part := root.find(_name(kind))) is not None]
    if root.tag != _name("aoc") or len(found) != 1:
        raise ValueError("not an aoc element with one aoc-d or aoc-e")
    kind, part = found[0]
    charges = part.find(_name("recorded-charges"))
    units = None if charges is None else charges.find(_name("recorded-currency-units"))
    return Advice(
        kind=kind,
        information=_information(part.findtext(_name("charging-info"))),
        amount=None if units is None else _amount(units.findtext(_name("currency-amount"))),
        currency="" if units is None else units.findtext(_name("currency-id")) or "",
        is_free=charges is not None and charges.find(_name("free-charge")) is not None,
    )


def _name(local: str) -> str:
    return f"{{{_NAMESPACE}}}{local}"


def _information(text: str | None) -> Information | None:
    if text is None or text == "subtotal" or text == "total":
        return text  # type: ignore[return-value]
    raise ValueError(f"charging-info: {text[:40]!r} is neither subtotal nor total")


def _amount(text: str | None) -> Decimal:
    try:
        amount = Decimal(text or "")
    except InvalidOperation as exc:
        raise ValueError(f"currency-amount: {(text or '')[:40]!r} is not an amount") from exc
    if not amount.is_finite():
        raise ValueError(f"currency-amount: {(text or '')[:40]!r} is not an amount")
    return amount
