"""Dialled forms, printed forms, and kinds of numbers."""

from __future__ import annotations

import pytest

from dialplan import (
    E164,
    InvalidNumber,
    category_of,
    country_of,
    is_e164,
    is_service_number,
    parse_number,
    parse_number_or_none,
    printed,
    short_number_kind,
)
from dialplan.numbers import canonical_or_same, line_kind_of


@pytest.mark.parametrize(
    "text",
    [
        "0900123456",
        "+41900123456",
        "0041900123456",
        "41900123456",
        "0900 123 456",
        "0900.12.34.56",
        "+41 900-123-456",
        "0041/900/123456",
        "+41 (0)900 123 456",
        " 0900\u00a0123\u202f456 ",
    ],
)
def test_every_dialled_form_is_one_number(text: str) -> None:
    """However the number is dialled, its canonical form is the same."""
    assert parse_number(text) == "+41900123456"


@pytest.mark.parametrize(
    "number",
    [
        "+41800000016",
        "+41840000000",
        "+41842999999",
        "+41844000001",
        "+41848111111",
        "+41900000000",
        "+41901999999",
        "+41906123456",
        "+41878123456",
        "+80012345678",
    ],
)
def test_service_numbers_of_every_category_parse(number: str) -> None:
    """No range of service numbers is refused, assigned or not."""
    assert parse_number(number) == number
    assert is_service_number(E164(number))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "0",
        "117",
        "anonymous",
        "0900 FLOWERS",
        "0900123456x12",
        "tel:+41900123456",
        "+41900123456;phone-context=ch",
        "09001234567",
        "090012345",
        "+4179555000",
        "+0900123456",
        "++41900123456",
        "41+900123456",
        "0900123456\u0661",
        "\u0660\u0669\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666",
        "0900123456\x00",
        "${caller}",
        "9" * 100_000,
        " " * 1000,
        "+999123456789",
    ],
)
def test_what_is_no_number_is_refused_as_such(text: str) -> None:
    """Text of any content is refused by InvalidNumber and by nothing else."""
    with pytest.raises(InvalidNumber):
        parse_number(text)

    assert parse_number_or_none(text) is None


def test_the_refusal_shows_a_bounded_piece_of_the_text() -> None:
    """A hostile text of any length cannot fill a log through its error."""
    with pytest.raises(InvalidNumber) as refusal:
        parse_number("x" * 100_000)

    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("980230900123456", ("98023",)),
        ("98023 0900 123 456", ("98023",)),
        ("98023+41900123456", ("98", "98023")),
        ("980900123456", ("98023", "98", "")),
        ("0900123456", ("98023",)),
        ("41900123456", ("41",)),
    ],
)
def test_a_technical_prefix_is_removed(text: str, prefixes: tuple[str, ...]) -> None:
    """A routing prefix goes, the longest first; a number that only looks like one stays."""
    assert parse_number(text, prefixes=prefixes) == "+41900123456"


def test_only_its_own_digits_are_a_technical_prefix() -> None:
    """What would be a number without its first digits keeps them."""
    assert parse_number("0049301234567", prefixes=("9802",)) == "+49301234567"


@pytest.mark.parametrize(
    ("text", "number"),
    [("0049 170 1234567", "+491701234567"), ("+1 242 555 1234", "+12425551234")],
)
def test_numbers_of_other_countries_parse(text: str, number: str) -> None:
    """Callers come from everywhere."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+41900123456", "0900 123 456"),
        ("+41800000016", "0800 000 016"),
        ("+41842123456", "0842 123 456"),
        ("+41445550101", "044 555 01 01"),
        ("+491701234567", "+49 170 1234567"),
        ("+80012345678", "00800 1234 5678"),
        ("not a number", "not a number"),
        ("+999123456789", "+999123456789"),
    ],
)
def test_printed_form(number: str, text: str) -> None:
    """People read the first four digits of a service number together."""
    assert printed(E164(number)) == text


@pytest.mark.parametrize(
    ("number", "category"),
    [
        ("+41800000016", "0800"),
        ("+41840123456", "0840"),
        ("+41906123456", "0906"),
        ("+80012345678", "00800"),
        ("+41878123456", None),
        ("+41795550001", None),
        ("+4190012345", None),
        ("+410900123456", None),
        ("garbage", None),
    ],
)
def test_category(number: str, category: str | None) -> None:
    """The category is read from the number alone."""
    assert category_of(E164(number)) == category


@pytest.mark.parametrize(
    ("number", "is_service"),
    [
        ("+448001111111", True),  # freephone of the United Kingdom
        ("+499001234567", True),  # premium rate of Germany
        ("+41795550001", False),
        ("+41585550101", False),  # 058, a business network at a fixed-line price
        ("garbage", False),
    ],
)
def test_service_numbers_of_any_country(number: str, is_service: bool) -> None:
    """Foreign premium numbers are service numbers too."""
    assert is_service_number(E164(number)) is is_service


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+41445550101", "fixed"),
        ("+41585550101", "fixed"),
        ("+41795550001", "mobile"),
        ("+491701234567", "international"),
        ("+423" + "2350000", "international"),
        ("garbage", "international"),
    ],
)
def test_kind_of_line(number: str, kind: str) -> None:
    """Settlement asks for fixed, mobile or international."""
    assert line_kind_of(E164(number)) == kind


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+41795550001", "CH"),
        ("+4232350000", "LI"),
        ("+12425551234", "BS"),
        ("+882161234567", None),
        ("garbage", None),
    ],
)
def test_country(number: str, country: str | None) -> None:
    """A number lies in a country, or in none when it is a satellite's."""
    assert country_of(E164(number)) == country


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("112", "emergency"),
        ("1 1 7", "emergency"),
        ("+41144", "emergency"),
        ("0041118", "emergency"),
        ("1414", "short"),
        ("1811", "short"),
        ("0900123456", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_short_numbers(text: str, kind: str | None) -> None:
    """Short numbers are recognised in national form and behind the country code."""
    assert short_number_kind(text) == kind


@pytest.mark.parametrize(
    "text", ["41900123456", "+0123456", "+41", "+" + "1" * 16, "+1234567x"]
)
def test_only_the_canonical_form_is_e164(text: str) -> None:
    """Plus, no leading zero, seven to fifteen digits."""
    assert not is_e164(text)
    assert is_e164("+41900123456")


@pytest.mark.parametrize("text", ["+9991234567", "+2101234567", "+41795550001", "+39067654321"])
def test_canonical_or_same_is_what_parsing_says(text: str) -> None:
    """Also where no country has the code: the text stays as it is."""
    assert canonical_or_same(text) == (parse_number_or_none(text) or text)
