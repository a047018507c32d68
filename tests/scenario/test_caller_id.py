"""What each trunk is told of the caller, read off the wire at the destination.

The rule is written here once more, by hand and in the words of RFC 3323 and RFC 3325, so that
the engine and the switch together are held to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.scenario.parties import CALLER, Message
from tests.scenario.raw_sip import RawCaller

SECRET = "79555000"  # in whatever format the caller's number is written
FIXED = "+41445550100"

PRESENTATIONS = ("caller", "number", "fixed", "withheld")


@dataclass(frozen=True)
class Trunk:
    """A gateway of the reference, by what it is to be told.

    Attributes:
        name: in the reference.
        identity: the header of the asserted identity; None: it takes none.
        is_told: it is trusted with the caller's own number.
        diversion: the header that names the service number; None: it takes none.
        prefix: what it writes in place of a Swiss number's +41.
    """

    name: str
    identity: str | None = "P-Asserted-Identity"
    is_told: bool = False
    diversion: str | None = None
    prefix: str = "+41"

    def written(self, number: str) -> str:
        """Write a number its way."""
        return self.prefix + number.removeprefix("+41")


TRUNKS = (
    Trunk("answers"),
    Trunk("trusted", is_told=True),
    Trunk("plain-trunk", identity=None),
    Trunk("shown-trunk"),
    Trunk("rpid-trunk", identity="Remote-Party-ID", diversion="History-Info"),
    Trunk("rpid-trusted", identity="Remote-Party-ID", is_told=True, diversion="Diversion"),
    Trunk("national-trunk", diversion="Diversion", prefix="0"),
    Trunk("digits-trusted", is_told=True, diversion="History-Info", prefix="41"),
    Trunk("abroad-trunk", prefix="0041"),
)

OWN = f"<sip:{CALLER}@127.0.0.1>".encode()
ANONYMOUS = b'"Anonymous" <sip:anonymous@anonymous.invalid>'
ASSERTED = b"P-Asserted-Identity: " + OWN

# How the caller comes: From, more headers, and whether the number is withheld.
CALLERS = {
    "shows-the-number": (OWN, (), False),
    "shows-and-asserts": (OWN, (ASSERTED, b"Privacy: none"), False),
    "privacy-id": (OWN, (ASSERTED, b"Privacy: id"), True),
    "privacy-user": (OWN, (b"Privacy: user",), True),
    "privacy-header": (OWN, (ASSERTED, b"Privacy: header"), True),
    "anonymous-with-identity": (ANONYMOUS, (ASSERTED,), True),
}


_USUAL = ("shows-the-number", "privacy-id")


def invite_at_destination(stack, caller: str, presentation: str, trunk: Trunk) -> Message:
    """Place a call and give the INVITE that the destination got for it."""
    place = f"{PRESENTATIONS.index(presentation)}{TRUNKS.index(trunk)}"
    user = trunk.written(f"+414455506{place}")
    party = stack.destinations["answers"]
    got = len(party.invites(user))
    sender, headers, _ = CALLERS[caller]
    with RawCaller(stack.switch.sip_port) as phone:
        phone.send(phone.invite(f"09006000{place}".encode(), sender=sender, headers=headers))
        assert phone.wait_for_final(10) == 200
        assert phone.hang_up() == 200
    invites = stack.eventually(lambda: party.invites(user)[got:])
    assert len(invites) == 1
    return invites[0]


@pytest.mark.parametrize("trunk", TRUNKS, ids=lambda trunk: trunk.name)
@pytest.mark.parametrize("presentation", PRESENTATIONS)
@pytest.mark.parametrize(
    "caller",
    [
        # The other ways to withhold a number are for the long run here; each has a unit test.
        name if name in _USUAL else pytest.param(name, marks=pytest.mark.long)
        for name in CALLERS
    ],
)
def test_what_the_destination_is_told(stack, caller, presentation, trunk):
    """One number is shown; the real one is asserted to the trusted, privately if withheld."""
    is_withheld = CALLERS[caller][2]
    place = f"{PRESENTATIONS.index(presentation)}{TRUNKS.index(trunk)}"
    service = f"+419006000{place}"
    shown = {
        "caller": None if is_withheld else CALLER,
        "number": service,
        "fixed": FIXED,
        "withheld": None,
    }[presentation]
    told = CALLER if trunk.is_told else shown
    is_private = (is_withheld or presentation == "withheld") and (
        shown is None or (trunk.identity is not None and told != shown)
    )

    invite = invite_at_destination(stack, caller, presentation, trunk)

    if shown is None:
        sender = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag='
    else:
        sender = f'"{trunk.written(shown)}" <sip:{trunk.written(shown)}@127.0.0.1>;tag='
    assert invite.header("From").startswith(sender)
    assert invite.header("Privacy") == ("id" if is_private else None)
    for name in ("P-Asserted-Identity", "Remote-Party-ID"):
        value = invite.header(name)
        if trunk.identity != name or told is None:
            assert value is None
        else:
            assert f"<sip:{trunk.written(told)}@127.0.0.1" in value
    if trunk.identity == "Remote-Party-ID" and told is not None:
        privacy = "full" if is_private else "off"
        assert invite.header("Remote-Party-ID").endswith(f";privacy={privacy}")
    for name in ("Diversion", "History-Info"):
        value = invite.header(name)
        if trunk.diversion != name:
            assert value is None
        else:
            assert f"<sip:{trunk.written(service)}@127.0.0.1" in value
    assert invite.header("P-Preferred-Identity") is None
    assert invite.header("Contact").startswith("<sip:mod_sofia@127.0.0.1:")
    may_know = {"P-Asserted-Identity", "Remote-Party-ID"} if trunk.is_told else set()
    if is_withheld or presentation != "caller":
        assert knowing(invite) <= may_know


def knowing(invite: Message) -> set[str]:
    """Name the lines of an INVITE that have a digit of the caller's number in them."""
    return {line.partition(":")[0] for line in invite.text.splitlines() if SECRET in line}
