"""Where a call may be sent: targets, the steps that ring them, the route of steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from dialplan.causes import Outcome
from dialplan.errors import Fault, InvalidRoute, InvalidTarget
from dialplan.numbers import (
    E164,
    LineKind,
    is_e164,
    line_kind_of,
    parse_number_or_none,
    short_number_kind,
)
from dialplan.presentation import Presentation

EVERY_OUTCOME = frozenset(Outcome)

MOST_TARGETS_TOGETHER = 20
LONGEST_RING_S = 300
LONGEST_LIMIT_S = 1800

# The URI ends in a dial string of the switch, where commas, braces, pipes, quotes and `$` mean
# something; so far fewer characters are let in than RFC 3261 has.
_SIP_URI = re.compile(
    r"sips?:((?P<user>[A-Za-z0-9_.+~-]{1,64})@)?"
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(:(?P<port>[0-9]{1,5}))?(;transport=(udp|tcp|tls))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to send a call: a number through gateways, or a SIP URI.

    Attributes:
        kind: `pstn` or `sip`.
        address: E.164, or a `sip:`/`sips:` URI.
        gateways: names, tried in this order; at least one for `pstn`. A `sip` target without
            any is dialled directly.

    Raises:
        InvalidTarget: the address is not of its kind, or there is no way to it.
    """

    kind: Literal["pstn", "sip"]
    address: str
    gateways: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could never be dialled."""
        faults = tuple(_target_faults(self))
        if faults:
            raise InvalidTarget(*faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Targets that ring together; the first to answer has the call.

    Attributes:
        targets: one to 20, all different.
        ring_s: how long they ring, 1-300 seconds.
        next_on: the outcomes after which the next step is tried.
        presentation: what they are shown; None: what the number says.

    Raises:
        InvalidRoute: it rings nothing, something twice, or for too long.
    """

    targets: tuple[Target, ...]
    ring_s: int = 25
    next_on: frozenset[Outcome] = EVERY_OUTCOME
    presentation: Presentation | None = None

    def __post_init__(self) -> None:
        """Refuse a step that cannot be rung."""
        faults = tuple(_step_faults(self))
        if faults:
            raise InvalidRoute(*faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Steps, tried in order.

    Attributes:
        name: how slots, special dates and overrides of the same number refer to it.
        steps: one or more.
        limit_s: seconds of ringing after which nothing more is tried, 1-1800.

    Raises:
        InvalidRoute: it has no step, or no sensible limit.
    """

    name: str
    steps: tuple[Step, ...]
    limit_s: int = 120

    def __post_init__(self) -> None:
        """Refuse a route that leads nowhere."""
        faults = []
        if not self.steps:
            faults.append(Fault(path="steps", message="has no step"))
        if not 1 <= self.limit_s <= LONGEST_LIMIT_S:
            message = f"is not from 1 to {LONGEST_LIMIT_S} seconds"
            faults.append(Fault(path="limit_s", message=message))
        if faults:
            raise InvalidRoute(*faults)


@lru_cache(maxsize=4096)
def parse_target(text: str, *, gateways: tuple[str, ...] = ()) -> Target:
    """Read a target as people enter it: a SIP URI, or a number in any dialled form.

    Raises:
        InvalidTarget: it is neither, or an emergency or short number.
    """
    stripped = text.strip()
    if stripped.lower().startswith(("sip:", "sips:")):
        scheme, _, rest = stripped.partition(":")
        return Target(kind="sip", address=f"{scheme.lower()}:{rest}", gateways=gateways)
    short = short_number_kind(text)
    if short is not None:
        article = {"emergency": "an emergency number", "short": "a short number"}[short]
        raise InvalidTarget.at("address", f"{stripped} is {article}")
    number = parse_number_or_none(text)
    if number is None:
        raise InvalidTarget.at("address", f"{text[:64]!r} is neither a number nor a SIP URI")
    return Target(kind="pstn", address=number, gateways=gateways)


def kind_of_line(target: Target) -> LineKind | Literal["voip"]:
    """Say what a call to a target is settled as: `voip`, `fixed`, `mobile`, `international`."""
    return line_kind_of(E164(target.address)) if target.kind == "pstn" else "voip"


def sip_parts(target: Target) -> tuple[str, str, int]:
    """Take a SIP target's URI apart: user (empty when there is none), host, port."""
    parts = _SIP_URI.fullmatch(target.address)
    if parts is None:
        raise InvalidTarget.at("address", f"{target.address} is not a SIP URI")
    default_port = 5061 if target.address.startswith("sips:") else 5060
    return parts["user"] or "", parts["host"], int(parts["port"] or default_port)


def _target_faults(target: Target) -> Iterator[Fault]:
    if target.kind == "pstn":
        if not is_e164(target.address):
            yield Fault(path="address", message=f"{target.address[:64]!r} is not in E.164")
        if not target.gateways:
            yield Fault(path="gateways", message="names no gateway, so there is no way to it")
    elif not _SIP_URI.fullmatch(target.address):
        message = f"{target.address[:64]!r} is not a SIP URI of plain letters and digits"
        yield Fault(path="address", message=message)
    for name in _twice(target.gateways):
        yield Fault(path="gateways", message=f"names {name} twice")


def _step_faults(step: Step) -> Iterator[Fault]:
    if not 1 <= len(step.targets) <= MOST_TARGETS_TOGETHER:
        message = f"are not 1 to {MOST_TARGETS_TOGETHER}"
        yield Fault(path="targets", message=message)
    for address in _twice(tuple(target.address for target in step.targets)):
        yield Fault(path="targets", message=f"ring {address} twice")
    if not 1 <= step.ring_s <= LONGEST_RING_S:
        yield Fault(path="ring_s", message=f"is not from 1 to {LONGEST_RING_S} seconds")


def _twice(names: tuple[str, ...]) -> list[str]:
    if len(set(names)) == len(names):
        return []
    return [name for name, times in Counter(names).items() if times > 1]
