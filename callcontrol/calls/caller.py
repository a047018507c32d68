"""Who calls and whom, read from the switch's channel; what a stranger wrote stays text.

Source: the recorded facts on hostile input and on identity headers (fixtures/esl/README.md);
RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from callcontrol.esl.event import Event
from callcontrol.esl.listener import is_within
from dialplan import Caller, parse_number_or_none

Network = IPv4Network | IPv6Network

_ASKS_PRIVACY = frozenset({"id", "user", "header"})

# Remote-Party-ID's own word for it; the switch itself understands `full` without quotes only.
_HIDES_NUMBER = re.compile(r";\s*privacy\s*=\s*\"?(?:full|uri)\b", re.IGNORECASE)


def trunk_of(channel: Event) -> str:
    """Give the address the call was signalled from; nothing when the switch does not say."""
    return channel.variable("sip_network_ip") or ""


def is_trusted(channel: Event, trunks: Sequence[Network]) -> bool:
    """Say whether the call came from a trunk whose asserted identities are believed."""
    try:
        return is_within(trunk_of(channel), tuple(trunks))
    except ValueError:
        return False


def is_withheld(channel: Event) -> bool:
    """Say whether the caller asked, by any of the ways there are, not to be shown.

    The switch's own flag knows `Privacy: id` and most of Remote-Party-ID only; `user`,
    `header`, `privacy=uri` and an anonymous From are ours to see. Of several Privacy headers
    the switch tells the first.
    """
    if channel.header("Caller-Privacy-Hide-Number") == "true":
        return True
    asked = re.split(r"[;,\s]+", (channel.variable("sip_Privacy") or "").lower())
    if not _ASKS_PRIVACY.isdisjoint(asked):
        return True
    if _HIDES_NUMBER.search(channel.variable("sip_Remote-Party-ID") or ""):
        return True
    # The user may have parameters behind it, and a host name a dot.
    user = (channel.variable("sip_from_user") or "").lower().partition(";")[0]
    host = (channel.variable("sip_from_host") or "").lower().rstrip(".")
    return user in {"anonymous", "restricted"} or host == "anonymous.invalid"


def caller_of(channel: Event, trunks: Sequence[Network]) -> Caller:
    """Read the caller: the asserted identity from a trusted trunk, else From.

    Args:
        channel: the switch's answer to `connect`.
        trunks: the networks whose P-Asserted-Identity is believed.
    """
    if is_trusted(channel, trunks):
        # The switch has put P-Asserted-Identity (or Remote-Party-ID) there, else From's user.
        raw = channel.header("Caller-Caller-ID-Number")
    else:
        raw = channel.variable("sip_from_user")
    raw = raw or ""
    return Caller(raw=raw, number=parse_number_or_none(raw), withheld=is_withheld(channel))
