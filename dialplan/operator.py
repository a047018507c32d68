"""Whose network a call came from: the trunk tells, else the range of the caller's number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from dialplan.errors import Fault, InvalidOperator
from dialplan.numbers import Caller

UNKNOWN = "unknown"
"""What stands for the operator of a call whose operator is not known."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A network that callers belong to.

    Attributes:
        code: names it in records and in the names of files.
        name: for people.
        networks: addresses its trunks signal from, as CIDR.
        prefixes: ranges of numbers of its callers, in E.164, for calls that come over the
            trunk of a network that is not told here.
        advice_of_charge: it takes advice of charge in calls over its own trunks.

    Raises:
        InvalidOperator: with every fault found.
    """

    code: str
    name: str = ""
    networks: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    advice_of_charge: bool = False

    def __post_init__(self) -> None:
        """Judge code, networks and prefixes."""
        if faults := tuple(_faults(self)):
            raise InvalidOperator(*faults)


@dataclass(frozen=True)
class Operators:
    """All of them, and which one a call comes from."""

    all: tuple[Operator, ...] = ()

    def at(self, address: str) -> Operator | None:
        """Give the operator whose trunk signals from an address; the narrowest network wins."""
        try:
            place = ip_address(address) if self._networks else None
        except ValueError:
            return None
        return next((one for network, one in self._networks if place in network), None)

    def of(self, address: str, caller: Caller, *, is_asserted: bool) -> Operator | None:
        """Give the operator that a call comes from, as far as that is certain.

        Its own trunk tells. Over the trunk of somebody who is not told here, such as a transit
        network, the range of the caller's number does; the longest prefix wins. Not so when the
        number is only claimed, and not when it is withheld: a number may have been ported away
        from the operator of its range, and that operator is not to learn who called.

        Args:
            address: that the call was signalled from.
            caller: who calls.
            is_asserted: the trunk is trusted to say who calls.
        """
        if (operator := self.at(address)) is not None:
            return operator
        number = caller.number
        if number is None or caller.withheld or not is_asserted:
            return None
        return next((one for prefix, one in self._prefixes if number.startswith(prefix)), None)

    @cached_property
    def _networks(self) -> list[tuple[IPv4Network | IPv6Network, Operator]]:
        pairs = [(ip_network(text), one) for one in self.all for text in one.networks]
        return sorted(pairs, key=lambda pair: -pair[0].prefixlen)

    @cached_property
    def _prefixes(self) -> list[tuple[str, Operator]]:
        pairs = [(prefix, one) for one in self.all for prefix in one.prefixes]
        return sorted(pairs, key=lambda pair: -len(pair[0]))


def shared_faults(operators: Iterable[Operator]) -> Iterator[Fault]:
    """Find networks and ranges that two operators claim; paths begin with the code."""
    owners: dict[str, str] = {}
    for one in operators:
        for field in ("networks", "prefixes"):
            for claim in sorted(getattr(one, field)):
                owner = owners.setdefault(claim, one.code)
                if owner != one.code:
                    message = f"{claim} is an entry of {owner}, too"
                    yield Fault(path=f"{one.code}.{field}", message=message)


def _faults(operator: Operator) -> Iterator[Fault]:
    if not _CODE.fullmatch(operator.code):
        yield Fault(path="code", message="not letters, digits, dots, hyphens, underscores")
    if operator.code == UNKNOWN:
        yield Fault(path="code", message=f"{UNKNOWN} is the name of those not told here")
    for text in sorted(operator.networks):
        try:
            ip_network(text)
        except ValueError:
            message = f"{text!r} is not a network such as 192.0.2.0/24"
            yield Fault(path="networks", message=message)
    for text in sorted(operator.prefixes):
        if not _PREFIX.fullmatch(text):
            yield Fault(path="prefixes", message=f"{text!r} is not a prefix such as +4179")
