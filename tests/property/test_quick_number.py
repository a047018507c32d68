"""Laws of the quick way to a number: never another answer than the long way's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from callcontrol.reference_file.build import ReferenceBuilder
from callcontrol.reference_file.model import NumberEntry, ReferenceFile
from callcontrol.reference_file.number_parts import make_number
from callcontrol.reference_file.parts import Faults, make_settlement
from callcontrol.reference_file.quick import quick_number
from dialplan import E164, Blacklist, ServiceNumber
from tariffs import Settlement

AT = datetime(2026, 9, 1, tzinfo=UTC)

# Good values mostly, so that whole numbers come about; and of every kind some that are not.
NAMES = st.sampled_from(["acme", "hotline", "office", "night"])
ODD = st.sampled_from(
    ["", "closed", "no such", "é", "-x", "a" * 65, "1", "\n", None, 1, True, []]
)
ROUTE_NAMES = st.sampled_from(["office", "night", "closed", "office"])
LEVELS = st.integers(-1, 91) | st.sampled_from([1, 2, "1", True, 1.0])
SECONDS = st.integers(0, 400) | st.sampled_from(["25", 10**10, False])
INSTANTS = st.sampled_from(
    [
        "2027-01-01T00:00:00+00:00",
        "2027-01-01T01:00:00+01:00",
        "2028-01-01T00:00:00.5+02:00",
        "2028-01-01T00:00:00",
        "1969-01-01T00:00:00Z",
        "infinity",
        "2027-02-01T00:00:00+00:00",
    ]
)
ADDRESSES = st.sampled_from(
    [
        "+41445550101",
        "+41445550102",
        "+41900123456",
        "+493012345678",
        "+390612345678",
        "+3900123",
        "0445550101",
        "+41 44 555 01 01",
        "sip:a@192.0.2.1",
        "SIP:a@pbx.example;transport=tcp",
        "sip:0900123456@x",
        "sip:a,b@x",
        "117",
        "x",
        "+4144555010",
    ]
)
OUTCOMES = st.lists(st.sampled_from(["busy", "no_answer", "failed", "odd"]), max_size=3)
PRESENTATIONS = st.sampled_from(["caller", "number", "fixed", "withheld", "odd"])
DAYS = st.sampled_from(["mon-fri", "sat,sun", "sun", "fri-mon", "monday"])
CLOCKS = st.sampled_from(["00:00:00", "08:00:00", "12:00:00", "24:00", "8:00", "25:00"])
DATES = st.sampled_from(["2027-08-01", "2027-08-02", "2027-02-30", "1 August"])
AMOUNTS = st.sampled_from(["0.5", "0.6", "1", "1.5", "-1", "x", "0.0000000001"])


def group(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Give groups of words with values, seldom with one that is odd."""
    good = st.fixed_dictionaries(required, optional=optional)
    words = st.sampled_from([*required, *optional, "unknown"])
    odd = st.builds(lambda whole, word, value: {**whole, word: value}, good, words, ODD)
    return st.one_of(good, good, good, good, odd)


TARGETS = group(
    {"address": ADDRESSES}, {"gateways": st.lists(st.sampled_from(["a", "b"]), max_size=2)}
)
STEPS = group(
    {"targets": st.lists(TARGETS, max_size=2)},
    {"ring_s": SECONDS, "next_on": OUTCOMES, "presentation": PRESENTATIONS | st.none()},
)
ROUTES = st.dictionaries(
    ROUTE_NAMES, group({"steps": st.lists(STEPS, max_size=2)}, {"limit_s": SECONDS})
)
SLOTS = st.lists(
    group({"weekdays": DAYS, "start": CLOCKS, "end": CLOCKS, "route": ROUTE_NAMES}, {}),
    max_size=2,
)
DATED = {
    "tariff": NAMES,
    "level": LEVELS,
    "default_route": ROUTE_NAMES,
    "presentation": PRESENTATIONS,
    "week": SLOTS,
    "routes": ROUTES,
}
PRICES = dict.fromkeys(("voip", "fixed", "mobile", "international"), AMOUNTS)
RAW = group(
    {"customer": NAMES, "tariff": NAMES},
    {name: values for name, values in DATED.items() if name != "tariff"}
    | {
        "category": st.sampled_from(["0900", "0900", "0800", "x"]),
        "zone": st.sampled_from(["Europe/Zurich", "Asia/Tokyo", "Mars/Base"]),
        "special_dates": st.lists(
            group({"first": DATES}, {"name": NAMES, "last": DATES, "route": ROUTE_NAMES}),
            max_size=2,
        ),
        "public_holidays": st.lists(
            group({}, {"canton": st.sampled_from(["ZH", "", "XX"]), "route": ROUTE_NAMES}),
            max_size=2,
        ),
        "overrides": st.lists(
            group({"from_at": INSTANTS}, {"until_at": INSTANTS, "route": ROUTE_NAMES}),
            max_size=2,
        ),
        "fixed_number": ADDRESSES,
        "refuses_withheld": st.booleans() | st.just("true"),
        "level_keys": st.booleans(),
        "max_calls": SECONDS,
        "active_from": INSTANTS,
        "active_until": INSTANTS,
        "ported_out_at": INSTANTS,
        "suspended": st.booleans(),
        "closed_message": NAMES,
        "failed_message": NAMES,
        "test_callers": st.lists(ADDRESSES, max_size=2),
        "settlement": group({"share": AMOUNTS, "transport_per_minute": group(PRICES, {})}, {}),
        "scheduled": st.lists(group({"at": INSTANTS}, DATED), max_size=3),
    },
)
NUMBER = E164("+41900123456")


def the_long_way(raw: Any) -> tuple[ServiceNumber, Settlement | None] | tuple[None, None]:
    """Make a number over the model; None when anything is wrong."""
    try:
        entry = NumberEntry.model_validate(raw)
    except ValidationError:
        return None, None
    faults = Faults()
    made = make_number(NUMBER, entry, faults)
    settlement = make_settlement(entry.settlement, faults) if entry.settlement else None
    return (made, settlement) if made is not None and not faults.found else (None, None)


@given(raw=RAW)
def test_the_quick_way_never_gives_another_answer(raw: Any) -> None:
    """What it makes the long way makes too, and equal; it makes nothing of a faulty entry."""
    quick = quick_number(NUMBER, raw)

    assert quick in ((None, None), the_long_way(raw))


@given(raws=st.lists(RAW, min_size=1, max_size=3))
def test_rows_are_judged_as_a_file_is(raws: list[Any]) -> None:
    """The same numbers in force and the same faults, change after change."""
    sections: dict[str, Any] = {
        "gateways": {"a": {"host": "192.0.2.1"}},
        "customers": {"acme": {}},
        "tariffs": {"hotline": [{"category": "0900", "levels": {"1": {}, "2": {}}}]},
    }
    file = ReferenceFile.model_validate(sections)
    of_entries, of_rows = ReferenceBuilder(), ReferenceBuilder()
    for raw in raws:
        draft = of_rows.draft(file, at=AT)
        draft.keep_all()
        draft.take(NUMBER, raw)
        rows = draft.finish(Blacklist(), revision="")
        try:
            entry = NumberEntry.model_validate(raw)
        except ValidationError:
            assert rows.faults
            continue
        entries = of_entries.build(file.model_copy(update={"numbers": {NUMBER: entry}}), at=AT)

        assert rows.faults == entries.faults
        assert rows.reference.directory.numbers == entries.reference.directory.numbers
        assert rows.reference.settlements == entries.reference.settlements
