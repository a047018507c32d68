"""What each gateway is told of the caller."""

from __future__ import annotations

import pytest

from dialplan import ANONYMOUS, Caller, CallerId, Gateway, Presentation, present
from dialplan.gateway import Asserts, IdentityHeader
from tests.dialplan_builders import MOBILE, NUMBER, OFFICE, make_caller, make_number

_NUMBER = make_number(fixed_number=OFFICE)
_TRUSTED = Gateway(name="t", host="127.0.0.1", trusted=True)
_STRANGER = Gateway(name="s", host="127.0.0.1")


def _present(
    presentation: str, gateway: Gateway | None, *, caller: Caller | None = None
) -> CallerId:
    return present(Presentation(presentation), caller or make_caller(), _NUMBER, gateway)


@pytest.mark.parametrize(
    ("presentation", "gateway", "withheld", "expected"),
    [
        # presentation, gateway, withheld -> From, asserted, private
        ("caller", _TRUSTED, False, (MOBILE, MOBILE, False)),
        ("caller", _TRUSTED, True, (None, MOBILE, True)),
        ("caller", _STRANGER, False, (MOBILE, MOBILE, False)),
        ("caller", _STRANGER, True, (None, None, True)),
        ("caller", None, False, (MOBILE, None, False)),
        ("caller", None, True, (None, None, True)),
        ("number", _TRUSTED, False, (NUMBER, MOBILE, False)),
        ("number", _TRUSTED, True, (NUMBER, MOBILE, True)),
        ("number", _STRANGER, False, (NUMBER, NUMBER, False)),
        ("number", _STRANGER, True, (NUMBER, NUMBER, False)),
        ("fixed", _TRUSTED, False, (OFFICE, MOBILE, False)),
        ("fixed", _STRANGER, True, (OFFICE, OFFICE, False)),
        ("withheld", _TRUSTED, False, (None, MOBILE, True)),
        ("withheld", _TRUSTED, True, (None, MOBILE, True)),
        ("withheld", _STRANGER, False, (None, None, True)),
        ("withheld", None, False, (None, None, True)),
    ],
)
def test_what_is_shown_and_asserted(
    presentation: str,
    gateway: Gateway | None,
    withheld: bool,
    expected: tuple[str | None, str | None, bool],
) -> None:
    """From shows what was chosen; the real number goes to trusted gateways only."""
    told = _present(presentation, gateway, caller=make_caller(withheld=withheld))

    assert (told.from_number, told.asserted, told.is_private) == expected


@pytest.mark.parametrize("presentation", Presentation)
def test_the_display_name_is_never_empty(presentation: Presentation) -> None:
    """The switch would fill an empty one with the caller's own name."""
    told = _present(presentation, _STRANGER, caller=make_caller(withheld=True))

    assert told.display == (told.from_number or ANONYMOUS)


@pytest.mark.parametrize("presentation", ["caller", "number"])
@pytest.mark.parametrize("withheld", [False, True])
def test_a_caller_without_a_number(presentation: str, withheld: bool) -> None:
    """Nothing is asserted, and a number that is shown is not made private."""
    told = _present(presentation, _TRUSTED, caller=make_caller(None, withheld=withheld))

    assert told.asserted is None
    assert told.is_private is (withheld and presentation == "caller")


@pytest.mark.parametrize(
    ("asserts", "header", "asserted"),
    [("caller", "rpid", MOBILE), ("shown", "pai", NUMBER), ("caller", "none", None)],
)
def test_what_is_asserted_is_a_property_of_the_gateway(
    asserts: Asserts, header: IdentityHeader, asserted: str | None
) -> None:
    """Some networks want the number shown, some another header, some none."""
    gateway = Gateway(
        name="t", host="127.0.0.1", trusted=True, asserts=asserts, identity_header=header
    )
    told = _present("number", gateway, caller=make_caller(withheld=True))

    assert (told.asserted, told.identity_header) == (asserted, header)
    assert told.is_private is (asserted == MOBILE)


def test_numbers_are_written_the_gateways_way() -> None:
    """The format holds for every header; the prefix for none."""
    gateway = Gateway(
        name="t",
        host="127.0.0.1",
        prefix="99",
        number_format="national",
        diversion_header="diversion",
    )
    told = _present("caller", gateway)

    assert told == CallerId(
        from_number="0795550001",
        display="0795550001",
        asserted="0795550001",
        identity_header="pai",
        is_private=False,
        diverted_from="0900123456",
        diversion_header="diversion",
    )


def test_no_diversion_unless_the_gateway_wants_it() -> None:
    """The number called is told only where a header for it is set."""
    assert _present("caller", _TRUSTED).diverted_from is None
