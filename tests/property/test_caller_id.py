"""Law of presentation: a withheld number is told to trusted gateways only, and privately."""

from __future__ import annotations

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from dialplan import E164, Caller, Gateway, Presentation, present
from tests.dialplan_builders import OFFICE, make_number

_NUMBER = make_number(fixed_number=OFFICE)
# Seven last digits that the numbers set up do not hold.
_NUMBERS = st.integers(0, 999_999).map(lambda rest: E164(f"+41797{rest:06}"))
_GATEWAYS = st.none() | st.builds(
    Gateway,
    name=st.just("a"),
    host=st.just("127.0.0.1"),
    prefix=st.sampled_from(("", "99")),
    number_format=st.sampled_from(("e164", "international", "national", "digits")),
    trusted=st.booleans(),
    identity_header=st.sampled_from(("pai", "rpid", "none")),
    asserts=st.sampled_from(("caller", "shown")),
    diversion_header=st.sampled_from(("diversion", "history-info", "none")),
)


@given(
    presentation=st.sampled_from(Presentation),
    number=_NUMBERS,
    gateway=_GATEWAYS,
    raw=st.text(),
)
def test_a_withheld_number_is_shown_to_nobody(
    presentation: Presentation, number: E164, gateway: Gateway | None, raw: str
) -> None:
    """Not a digit of it towards who is not trusted; privately asserted to who is."""
    caller = Caller(raw=raw + number, number=number, withheld=True)
    told = present(presentation, caller, _NUMBER, gateway)
    secret = number.removeprefix("+41")
    telling = {name for name, value in asdict(told).items() if secret in str(value)}

    is_trusted = gateway is not None and gateway.trusted
    assert telling <= ({"asserted"} if is_trusted else set())
    assert told.is_private or not telling
