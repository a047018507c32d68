"""callcontrol.reference_file.build: what cannot be used leaves the last good one in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from callcontrol.reference_file import ReferenceBuilder, ReferenceFile
from dialplan import E164

AT = datetime(2026, 9, 1, tzinfo=UTC)
NUMBER = E164("+41901123456")


def make_file(**sections: Any) -> ReferenceFile:
    """Make a small reference; sections given replace its own."""
    target = {"address": "+41445550101", "gateways": ["trunk"]}
    contents: dict[str, Any] = {
        "gateways": {"trunk": {"host": "127.0.0.1"}},
        "customers": {"acme": {}},
        "tariffs": {"hotline": [make_table()]},
        "numbers": {NUMBER: make_number(), "+41901000001": make_number()},
    }
    assert target
    return ReferenceFile.model_validate(contents | sections)


def make_table(**fields: Any) -> dict[str, Any]:
    """Make a tariff table of 3.00 a minute."""
    return {"category": "0901", "levels": {"1": {"per_minute": "3.00"}}} | fields


def make_number(**fields: Any) -> dict[str, Any]:
    """Make a number with one route."""
    target = {"address": "+41445550101", "gateways": ["trunk"]}
    return {
        "customer": "acme",
        "tariff": "hotline",
        "routes": {"office": {"steps": [{"targets": [target]}]}},
        "default_route": "office",
    } | fields


def test_a_faulty_number_keeps_its_last_good_configuration() -> None:
    """The fault is told, the number goes on as it was, and others take their changes."""
    builder = ReferenceBuilder()
    good = builder.build(make_file(), at=AT).reference
    numbers = {
        NUMBER: make_number(default_route="nowhere"),
        "+41901000001": make_number(max_calls="5"),
    }

    built = builder.build(make_file(numbers=numbers), at=AT)

    assert [str(fault) for fault in built.faults] == [
        f"numbers.{NUMBER}.default_route: there is no route 'nowhere'"
    ]
    assert built.reference.directory.numbers[NUMBER] is good.directory.numbers[NUMBER]
    assert built.reference.directory.numbers[E164("+41901000001")].max_calls == 5


def test_a_number_that_was_never_good_is_left_out() -> None:
    """No call meets half a configuration."""
    built = ReferenceBuilder().build(
        make_file(numbers={NUMBER: make_number(tariff="gone")}), at=AT
    )

    assert len(built.faults) == 1
    assert built.reference.directory.numbers == {}


def test_a_mended_number_is_taken_again() -> None:
    """A fault lasts as long as its entry."""
    builder = ReferenceBuilder()
    builder.build(make_file(), at=AT)
    builder.build(make_file(numbers={NUMBER: make_number(tariff="gone")}), at=AT)

    built = builder.build(make_file(numbers={NUMBER: make_number(max_calls="7")}), at=AT)

    assert built.faults == ()
    assert built.reference.directory.numbers[NUMBER].max_calls == 7


def test_a_faulty_tariff_keeps_its_last_good_tables() -> None:
    """A table that cannot be used leaves the prices as they were."""
    builder = ReferenceBuilder()
    good = builder.build(make_file(), at=AT).reference
    bad = make_table(levels={"1": {"then": {"after_s": "5", "level": "9"}}})

    built = builder.build(make_file(tariffs={"hotline": [bad]}), at=AT)

    assert built.faults[0].path == "tariffs.hotline.0.levels.1.then.level"
    assert built.reference.tariffs == good.tariffs


def test_an_unlawful_price_is_told_and_clipped_by_the_meter() -> None:
    """Rows that break the law are reported; the number stays in service."""
    levels = {"1": {"per_minute": "11.00"}}

    built = ReferenceBuilder().build(
        make_file(tariffs={"hotline": [make_table(levels=levels)]}), at=AT
    )

    assert "above CHF 10" in str(built.faults[0])
    assert NUMBER in built.reference.directory.numbers


def test_a_premium_tariff_on_a_free_number_is_not_used() -> None:
    """The limits of the law go by the tariff's category, so it must be the number's."""
    free = E164("+41800123456")

    built = ReferenceBuilder().build(make_file(numbers={free: make_number()}), at=AT)

    assert "is for 0901" in str(built.faults[0])
    assert free not in built.reference.directory.numbers


def test_a_gateway_that_goes_takes_no_number_into_the_dark() -> None:
    """A number whose gateway is gone is left out, also in its last good form."""
    builder = ReferenceBuilder()
    builder.build(make_file(), at=AT)

    built = builder.build(make_file(gateways={}), at=AT)

    assert {fault.message for fault in built.faults} == {"there is no gateway 'trunk'"}
    assert built.reference.directory.numbers == {}


def test_customers_in_a_circle_keep_their_last_good_form() -> None:
    """A circle of parents, possible only by writing rows by hand, stops nothing."""
    builder = ReferenceBuilder()
    builder.build(make_file(customers={"acme": {}, "sub": {"parent": "acme"}}), at=AT)

    built = builder.build(
        make_file(customers={"acme": {"parent": "sub"}, "sub": {"parent": "acme"}}), at=AT
    )

    customers = built.reference.directory.customers
    assert {fault.message for fault in built.faults} == {"leads back to itself"}
    assert (customers["acme"].parent, customers["sub"].parent) == (None, "acme")


def test_a_blacklist_line_of_nobody_is_left_out() -> None:
    """The other lines stay."""
    lines = [{"pattern": "+41*", "customer": "x"}, {"pattern": "anonymous"}]

    built = ReferenceBuilder().build(make_file(blacklist=lines), at=AT)

    assert [fault.path for fault in built.faults] == ["blacklist.0"]
    assert len(built.reference.directory.blacklist) == 1


def test_only_what_changed_is_made_anew() -> None:
    """Building again costs what differs: an equal number is the very same object."""
    builder = ReferenceBuilder()
    file = make_file()
    first = builder.build(file, at=AT).reference
    numbers = dict(file.numbers) | {
        NUMBER: file.numbers[NUMBER].model_copy(update={"max_calls": 3})
    }

    second = builder.build(file.model_copy(update={"numbers": numbers}), at=AT).reference

    other = E164("+41901000001")
    assert second.directory.numbers[other] is first.directory.numbers[other]
    assert second.directory.numbers[NUMBER] is not first.directory.numbers[NUMBER]


def test_tables_follow_one_another() -> None:
    """A call is charged by the table that is valid when it starts; between none, by none."""
    until, since = AT + timedelta(days=1), AT + timedelta(days=2)
    tables = [make_table(valid_until=until), make_table(valid_from=since)]

    reference = (
        ReferenceBuilder().build(make_file(tariffs={"hotline": tables}), at=AT).reference
    )

    first, second = reference.tariffs["hotline"]
    assert reference.tariff_at("hotline", until - timedelta(microseconds=1)) is first
    assert reference.tariff_at("hotline", until) is None
    assert reference.tariff_at("hotline", since) is second
    assert reference.tariff_at("gone", AT) is None


def test_settlement_goes_with_its_number() -> None:
    """Terms are there for the numbers that have some."""
    prices = dict.fromkeys(("voip", "fixed", "mobile", "international"), "0.02")
    terms = {"share": "0.65", "transport_per_minute": prices}
    numbers = {NUMBER: make_number(settlement=terms), "+41901000001": make_number()}

    reference = ReferenceBuilder().build(make_file(numbers=numbers), at=AT).reference

    settlement = reference.settlement_of(NUMBER)
    assert settlement is not None
    assert str(settlement.share) == "0.65"
    assert reference.settlement_of(E164("+41901000001")) is None


def test_numbers_of_one_tariff_are_each_held_to_it() -> None:
    """What is judged once for many is not taken for one with levels of its own."""
    slot = {"weekdays": "mon-fri", "start": "08:00", "end": "18:00", "level": "9"}
    other = E164("+41901000001")
    levels = {"1": {"per_minute": "3.00"}, "9": {"per_minute": "1.00"}}
    numbers = {NUMBER: make_number(), other: make_number(level_week=[slot])}
    builder = ReferenceBuilder()
    good = make_file(tariffs={"hotline": [make_table(levels=levels)]}, numbers=numbers)
    assert builder.build(good, at=AT).faults == ()

    draft = builder.draft(make_file(), at=AT)
    draft.keep_all()

    assert draft.changed_around() == (set(), {"hotline"})
    assert draft.doubtful(set(), {NUMBER, other}) == {other}
