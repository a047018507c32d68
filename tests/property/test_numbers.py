"""Laws of numbers: one canonical form, whatever is dialled; no text does harm."""

from __future__ import annotations

from datetime import UTC, datetime

import phonenumbers
from hypothesis import given
from hypothesis import strategies as st

from dialplan import (
    E164,
    Caller,
    Connect,
    Gateway,
    InvalidNumber,
    Release,
    canonical_or_same,
    category_of,
    country_of,
    decide,
    is_e164,
    is_service_number,
    parse_number,
    parse_number_or_none,
    printed,
    short_number_kind,
)
from dialplan.gateway import NumberFormat
from dialplan.numbers import line_kind_of
from tests.dialplan_builders import make_directory, make_number

_SERVICE_CODES = ("800", "840", "842", "844", "848", "900", "901", "906")
_SERVICE_NUMBERS = st.builds(
    lambda code, rest: E164(f"+41{code}{rest:06}"),
    st.sampled_from(_SERVICE_CODES),
    st.integers(0, 999_999),
)
_SWISS_NUMBERS = _SERVICE_NUMBERS | st.integers(0, 9_999_999).map(
    lambda rest: E164(f"+4179{rest:07}")
)
_ANY_NUMBERS = _SWISS_NUMBERS | st.integers(0, 9_999_999).map(
    lambda rest: E164(f"+49170{rest:07}")
)
# Text near a number: digits of several scripts, separators, signs a switch gives a meaning.
_NEAR_NUMBERS = st.text("+0123456789 .-/()*#;=x,${}\u0661\u00a0\n", max_size=80)


@given(number=_SWISS_NUMBERS, data=st.data())
def test_all_dialled_forms_of_a_number_are_one(number: E164, data: st.DataObject) -> None:
    """National, international, bare country code; separators anywhere."""
    national = number.removeprefix("+41")
    form = data.draw(
        st.sampled_from((f"0{national}", f"+41{national}", f"0041{national}", f"41{national}"))
    )
    gaps = st.sampled_from(("", "", "", " ", ".", "-", "/"))
    dialled = "".join(character + data.draw(gaps) for character in form)

    assert parse_number(dialled) == number


@given(text=st.text() | _NEAR_NUMBERS)
def test_text_is_a_number_or_refused_and_nothing_else(text: str) -> None:
    """The canonical form is E.164 and its own canonical form."""
    try:
        number = parse_number(text)
    except InvalidNumber:
        assert parse_number_or_none(text) is None
    else:
        assert is_e164(number)
        assert parse_number(number) == number


@given(text=st.text() | _NEAR_NUMBERS)
def test_no_question_about_a_number_can_fail(text: str) -> None:
    """Also of what is no number, and only has been called one."""
    number = E164(text)

    assert is_service_number(number) or category_of(number) is None
    assert country_of(number) != ""
    assert line_kind_of(number) in {"fixed", "mobile", "international"}
    assert isinstance(printed(number), str)
    assert short_number_kind(text) in {None, "short", "emergency"}


@given(number=_ANY_NUMBERS)
def test_the_printed_form_is_a_dialled_form(number: E164) -> None:
    """What a person reads can be dialled and reaches the same number."""
    assert parse_number(printed(number)) == number


@given(number=_SERVICE_NUMBERS)
def test_service_numbers_keep_their_category_and_first_four_digits(number: E164) -> None:
    """Of every range, assigned or not."""
    category = category_of(number)

    assert category is not None
    assert is_service_number(number)
    assert printed(number).split()[0] == category


@given(
    number=_SWISS_NUMBERS,
    number_format=st.sampled_from(("e164", "international", "national", "digits")),
)
def test_what_a_gateway_writes_is_a_dialled_form(
    number: E164, number_format: NumberFormat
) -> None:
    """Every way of writing a number says the same number."""
    gateway = Gateway(name="a", host="127.0.0.1", number_format=number_format)

    assert parse_number(gateway.written(number)) == number


@given(
    called=st.text() | _NEAR_NUMBERS | _ANY_NUMBERS,
    raw=st.text(),
    number=st.none() | _ANY_NUMBERS,
    withheld=st.booleans(),
    at=st.datetimes(timezones=st.just(UTC)) | st.just(datetime.max.replace(tzinfo=UTC)),
)
def test_a_decision_never_fails(
    called: str, raw: str, number: E164 | None, withheld: bool, at: datetime
) -> None:
    """Whatever is dialled, whoever calls, whenever: connect or release, with a rule."""
    served = make_number()
    decision = decide(
        make_directory(served),
        called=called,
        caller=Caller(raw=raw, number=number, withheld=withheld),
        at=at,
    )
    is_ours = parse_number_or_none(called) == served.number

    assert decision.rule == ("default" if is_ours else "not in service")
    assert isinstance(decision, Connect if is_ours else Release)


@given(
    number=st.one_of(
        st.from_regex(r"\+41[1-9][0-9]{8}", fullmatch=True),
        st.from_regex(r"\+41(878|800|84[0-9]|90[0-9]|7[0-9]{2}|860)[0-9]{6}", fullmatch=True),
    ).map(E164)
)
def test_a_swiss_number_is_judged_as_the_library_judges_it(number: E164) -> None:
    """The short cut for `+41` and nine digits gives the library's own answers."""
    parsed = phonenumbers.parse(number)

    assert parse_number(number) == number
    assert country_of(number) == phonenumbers.region_code_for_number(parsed)
    assert is_service_number(number) == (
        category_of(number) is not None
        or phonenumbers.number_type(parsed)
        in {
            phonenumbers.PhoneNumberType.PREMIUM_RATE,
            phonenumbers.PhoneNumberType.SHARED_COST,
            phonenumbers.PhoneNumberType.TOLL_FREE,
            phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
        }
    )


_COUNTRY_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@given(
    text=st.builds(
        lambda code, start, rest: f"+{code}{start}{rest}",
        st.sampled_from(_COUNTRY_CODES) | st.integers(1, 999),
        st.sampled_from(["", "0", "00", "1", "8", "9", "15", "044", "06"]),
        st.integers(0, 10**10),
    )
    | _NEAR_NUMBERS
)
def test_a_canonical_number_is_known_at_a_glance(text: str) -> None:
    """Of all countries: the same answer as reading it, which takes a hundred times as long."""
    assert canonical_or_same(text) == (parse_number_or_none(text) or text)


@given(
    text=st.builds(
        lambda code, rest: f"+{code}{rest}",
        st.sampled_from(_COUNTRY_CODES) | st.integers(1, 999),
        st.from_regex(r"[0-9]{3,12}", fullmatch=True),
    )
)
def test_a_canonical_number_is_read_as_the_library_reads_it(text: str) -> None:
    """What needs no library gets the answer the library would have given."""
    number = parse_number_or_none(text)
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        assert number is None
        return
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    is_possible = phonenumbers.is_possible_number(parsed)
    if number is not None:
        assert (number, is_possible) == (written, True)
    else:
        assert not (is_possible and is_e164(written)) or parsed.italian_leading_zero
