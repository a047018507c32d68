"""callcontrol.reference_file.document: a file is a Reference, or every fault with its line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from callcontrol.errors import ConfigError
from callcontrol.reference_file import parse_reference, read_reference_file, text_of
from dialplan import E164, Presentation, printed

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[4] / "fixtures" / "reference" / "demo.yaml"

SMALL = """\
gateways:
  trunk: {host: 127.0.0.1}
customers:
  acme: {proved_numbers: [044 555 01 00]}
tariffs:
  hotline:
    - category: 0901
      levels:
        1: {per_minute: 3.00}
numbers:
  0901 123 456:
    customer: acme
    tariff: hotline
    routes:
      office:
        steps:
          - targets:
              - {address: 044 555 01 01, gateways: [trunk]}
    default_route: office
"""


def faults_of(text: str) -> tuple[str, ...]:
    """Give the sentences a text is refused with."""
    with pytest.raises(ConfigError) as caught:
        parse_reference(text, name="ref.yaml", at=AT)
    return caught.value.faults


def test_the_documented_example_is_valid() -> None:
    """demo.yaml shows every feature and has no fault."""
    file, reference = read_reference_file(DEMO, at=AT)

    categories = {number.category for number in reference.directory.numbers.values()}
    assert {
        "0800",
        "00800",
        "0840",
        "0842",
        "0844",
        "0848",
        "0900",
        "0901",
        "0906",
    } == categories
    assert len(reference.directory.blacklist) == len(file.blacklist) == 5


def test_what_is_exported_reads_back_equal() -> None:
    """Writing a file out and reading it again changes nothing, and is stable."""
    file, _ = read_reference_file(DEMO, at=AT)

    again, _ = parse_reference(text_of(file), name="export", at=AT)

    assert again == file
    assert text_of(again) == text_of(file)


def test_amounts_are_exact() -> None:
    """A price is the decimal that stands in the file, digit for digit."""
    text = SMALL.replace("3.00", "0.075")
    _, reference = parse_reference(text, name="ref.yaml", at=AT)

    table = reference.tariff_at("hotline", AT)
    assert table is not None
    assert str(table.levels[1].per_minute) == "0.075"
    assert isinstance(table.levels[1].per_minute, Decimal)


def test_numbers_are_canonical_whatever_their_form() -> None:
    """Numbers of service, of targets and of callers are E.164 in the reference."""
    text = SMALL + "blacklist:\n  - {pattern: 079 555 00 01}\n"
    file, reference = parse_reference(text, name="ref.yaml", at=AT)

    number = reference.directory.numbers[E164("+41901123456")]
    (target,) = number.routes["office"].initial.steps[0].targets
    assert target.address == "+41445550101"
    assert file.blacklist[0].pattern == "+41795550001"
    assert printed(number.number) in text_of(file)


def test_scheduled_changes_become_timelines() -> None:
    """What is scheduled takes effect at its instant, to the microsecond, and only that."""
    text = SMALL.replace(
        "{per_minute: 3.00}", "{per_minute: 3.00}\n        2: {per_minute: 1.00}"
    )
    text += (
        "    scheduled:\n"
        "      - {at: 2027-01-01T00:00:00+01:00, level: 2, default_route: closed}\n"
        "      - {at: 2026-10-01T00:00:00+02:00, presentation: number}\n"
    )
    _, reference = parse_reference(text, name="ref.yaml", at=AT)

    number = reference.directory.numbers[E164("+41901123456")]
    before = datetime(2026, 12, 31, 22, 59, 59, 999999, tzinfo=UTC)
    after = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert (number.level.at(before), number.level.at(after)) == (1, 2)
    assert (number.default_route.at(before), number.default_route.at(after)) == ("office", None)
    assert number.presentation.at(AT) is Presentation.CALLER
    assert number.presentation.at(before) is Presentation.NUMBER


def test_a_tariffs_version_is_its_contents() -> None:
    """Equal tables have one version whatever they are valid for, other prices another."""
    versions = [
        parse_reference(text, name="ref.yaml", at=AT)[1].tariffs["hotline"][0].version
        for text in (
            SMALL,
            SMALL.replace(
                "category: 0901", "category: 0901\n      valid_from: 2020-01-01T00:00Z"
            ),
            SMALL.replace("3.00", "3.10"),
            SMALL.replace("category: 0901", "category: 0901\n      version: summer"),
        )
    ]

    assert versions[0] == versions[1] != versions[2]
    assert versions[3] == "summer"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("host:", "hosts:", "gateways.trunk.host: is missing"),
        ("127.0.0.1", "a b", "gateways.trunk.host: 'a b' is not a host name, or an address"),
        ("{host:", "{port: 5060.5, host:", "gateways.trunk.port: '5060.5' is not a whole"),
        (
            "acme: {",
            "acme: {parent: nobody, ",
            "customers.acme.parent: there is no customer",
        ),
        ("acme: {", "acme: {parent: acme, ", "customers.acme.parent: leads back to itself"),
        (
            "acme: {",
            "acme: {suspended: yes, ",
            "customers.acme.suspended: 'yes' is not true",
        ),
        ("category: 0901", "category: 0990", "tariffs.hotline.0.category: is not '0800'"),
        ("3.00", "'3,00'", "tariffs.hotline.0.levels.1.per_minute: '3,00' is not an amount"),
        ("3.00", "-3.00", "tariffs.hotline.0.levels.1.per_minute: '-3.00' is not an amount"),
        (
            "3.00",
            "10.01",
            "tariffs.hotline.0.levels.1.per_minute: above CHF 10 (OST art. 39)",
        ),
        ("1: {per", "01: {per", "tariffs.hotline.0.levels.01: '01' is not a whole number"),
        ("1: {per", "91: {per", "tariffs.hotline.0.levels.91: a level is numbered 1 to 90"),
        ("hotline:\n", "hotline: []\n  other:\n", "tariffs.hotline: has no table"),
        ("0901 123 456", "044 555 01 02", "numbers.044 555 01 02.category: is 'none'"),
        ("0901 123 456", "117", "numbers.117: '117' is not a telephone number"),
        (
            "customer: acme",
            "customer: x",
            "numbers.0901 123 456.customer: there is no cust",
        ),
        ("tariff: hotline", "tariff: x", "numbers.0901 123 456.tariff: there is no tariff"),
        (
            "[trunk]",
            "[x]",
            "numbers.0901 123 456.routes.office.steps.0.targets.0.gateways: th",
        ),
        (
            "044 555 01 01",
            "117",
            "numbers.0901 123 456.routes.office.steps.0.targets.0.addr",
        ),
        ("044 555 01 01", "0900 1", "numbers.0901 123 456.routes.office.steps.0.targets.0"),
        ("044 555 01 01", "0900123456", "numbers.0901 123 456.routes.office.steps.0.targe"),
        ("044 555 01 01", "+12125550101", "numbers.0901 123 456.routes.office.steps.0.tar"),
        (
            "_route: office",
            "_route: x",
            "numbers.0901 123 456.default_route: there is no rou",
        ),
        (
            "office:\n",
            "closed:\n",
            "numbers.0901 123 456.routes.closed: is what stands for",
        ),
        (
            "default_route: office",
            "level: 2",
            "numbers.0901 123 456.level: tariff 'hotline'",
        ),
        (
            "default_route: office",
            "zone: Mars/Dome",
            "numbers.0901 123 456.zone: 'Mars/Dome'",
        ),
        (
            "default_route: office",
            "fixed_number: 044 555 01 09",
            "numbers.0901 123 456.fixed",
        ),
        (
            "default_route: office",
            "presentation: fixed",
            "numbers.0901 123 456.presentation",
        ),
        (
            "default_route: office",
            "active_from: 2026-01-01",
            "numbers.0901 123 456.active_f",
        ),
        (
            "default_route: office",
            "max_calls: 1e9",
            "numbers.0901 123 456.max_calls: '1e9'",
        ),
    ],
)
def test_a_fault_has_its_line_and_path(old: str, new: str, fault: str) -> None:
    """Each thing that cannot be is named in one sentence with file, line and path."""
    assert old in SMALL

    faults = faults_of(SMALL.replace(old, new, 1))

    line = SMALL[: SMALL.index(old)].count("\n") + 1
    assert any(one.startswith(f"ref.yaml:{line}: {fault}") for one in faults), faults


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (
            "    week:\n"
            "      - {weekdays: mon-fri, start: 08:00, end: 18:00, route: office}\n"
            "      - {weekdays: fri, start: 17:00, end: 19:00, route: office}\n",
            "numbers.0901 123 456.week: mon-fri 08:00-18:00 and fri 17:00-19:00 overlap",
        ),
        (
            "    week: [{weekdays: mon, start: 08:00, end: 12:00, route: x}]\n",
            "numbers.0901 123 456.week.0.route: there is no route 'x'",
        ),
        (
            "    scheduled:\n      - {at: 2027-01-01T00:00Z, level: 1}\n"
            "      - {at: 2027-01-01T01:00+01:00, level: 1}\n",
            "numbers.0901 123 456.scheduled: has two entries at 2027-01-01T01:00:00+01:00",
        ),
        (
            "    public_holidays: [{canton: XX}]\n",
            "numbers.0901 123 456.public_holidays.0.canton: 'XX' has no calendar",
        ),
        (
            "    special_dates: [{first: 2026-02-30}]\n",
            "numbers.0901 123 456.special_dates.0.first: '2026-02-30' is not a day",
        ),
        (
            "    special_dates: [{first: 2026-02-03, last: 2026-02-01}]\n",
            "numbers.0901 123 456.special_dates.0.last: is before first",
        ),
        (
            "    settlement: {share: 1.1, transport_per_minute:"
            " {voip: 0, fixed: 0, mobile: 0, international: 0}}\n",
            "numbers.0901 123 456.settlement.share: ",
        ),
        (
            "  +41 901 12 34 56:\n    customer: acme\n    tariff: hotline\n",
            "numbers.+41 901 12 34 56: is the same number as 0901 123 456",
        ),
        ("blacklist: [{pattern: x}]\n", "blacklist.0.pattern: 'x' is neither a number"),
        (
            "blacklist: [{pattern: +41*, customer: x}]\n",
            "blacklist.0: there is no customer",
        ),
        ("blacklist: [{pattern: +41*, number: 0800 1}]\n", "blacklist.0.number: '0800 1'"),
        (
            "blacklist: [{pattern: +41*}, {pattern: +41*}]\n",
            "blacklist.1: says the same as",
        ),
        ("blacklist: [{pattern: +41*, cause: BECAUSE}]\n", "blacklist.0.cause: 'BECAUSE'"),
        ("settings: {}\n", "settings: is not a word of the reference file"),
    ],
)
def test_what_is_added_is_checked_too(more: str, fault: str) -> None:
    """Weeks, dates, schedules, settlement, blacklist: one sentence for each fault."""
    faults = faults_of(SMALL + more)

    line = SMALL.count("\n")
    told = [re.fullmatch(r"ref\.yaml:(\d+): (.*)", one) for one in faults]
    assert any(one and int(one[1]) > line and one[2].startswith(fault) for one in told), faults


def test_a_tariff_of_another_category_is_refused() -> None:
    """The limits of the law go by the tariff's category, so it must be the number's."""
    (fault,) = faults_of(SMALL.replace("category: 0901", "category: 0900"))

    assert fault == (
        "ref.yaml:13: numbers.0901 123 456.tariff: 'hotline' is for 0900, not for this number"
    )


def test_all_faults_are_told_at_once() -> None:
    """Nobody mends a file one fault at a time."""
    text = SMALL.replace("customer: acme", "customer: x").replace("[trunk]", "[y]")
    text = text.replace("3.00", "11.00")

    assert len(faults_of(text)) == 3


def test_a_tariff_that_runs_out_is_found() -> None:
    """A number needs a table that is valid now and at every change that is scheduled."""
    text = SMALL.replace(
        "category: 0901", "category: 0901\n      valid_until: 2026-01-01T00:00Z"
    )

    (fault,) = faults_of(text)
    assert "numbers.0901 123 456.tariff: 'hotline' has no table that is valid at" in fault


def test_tables_of_a_tariff_do_not_overlap() -> None:
    """Two tables at one instant would be two prices for one call."""
    text = SMALL.replace(
        "\nnumbers:", "\n    - {category: 0901, levels: {1: {per_minute: 1.00}}}\nnumbers:"
    )

    assert faults_of(text) == (
        "ref.yaml:10: tariffs.hotline.1: is valid at the same time as another table",
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "null"])
def test_an_empty_file_is_refused(text: str) -> None:
    """Loading it would remove everything; whoever means that writes `numbers: {}`."""
    assert faults_of(text) == ("ref.yaml: is empty",)


@pytest.mark.parametrize("text", ["[]", "a", "- a", "numbers: []", "numbers: x"])
def test_another_kind_of_document_is_refused(text: str) -> None:
    """A list or a word is no reference."""
    assert len(faults_of(text)) == 1


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text give one sentence each."""
    (tmp_path / "latin1.yaml").write_bytes("a: Zürich".encode("latin-1"))

    for name, reason in (
        ("gone.yaml", "No such file or directory"),
        ("", "Is a directory"),
        ("latin1.yaml", "not UTF-8 text"),
    ):
        with pytest.raises(ConfigError, match=reason):
            read_reference_file(tmp_path / name, at=AT)
