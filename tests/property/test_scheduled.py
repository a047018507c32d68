"""Laws of scheduled changes: as if somebody made each by hand when its instant comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.reference_file.model import ChangeEntry, NumberEntry
from callcontrol.reference_file.number_parts import make_number
from callcontrol.reference_file.parts import Faults
from dialplan import E164, Caller, Customer, Decision, Directory, Gateway, Release, decide

_NUMBER = E164("+41900123456")
_START = datetime(2026, 3, 28, tzinfo=UTC)  # the clocks change that night
_CALLER = Caller(raw="+41445550001", number=E164("+41445550001"))
_CUSTOMER = Customer(id="acme")
_GATEWAY = Gateway(name="g", host="127.0.0.1")

_HOURS = st.integers(-2, 72)
_ROUTE_NAMES = st.sampled_from(["one", "two", "closed"])
_ROUTES = st.builds(
    lambda last: {
        "steps": [{"targets": [{"address": f"+4144555010{last}", "gateways": ["g"]}]}]
    },
    st.integers(0, 9),
)
_WEEKS = st.sampled_from(
    [
        [],
        [{"weekdays": "mon-sun", "start": "08:00", "end": "18:00", "route": "one"}],
        [{"weekdays": "sat,sun", "start": "22:00", "end": "03:00", "route": "two"}],
        [{"weekdays": "sun", "start": "00:00", "end": "24:00", "route": "closed"}],
    ]
)
_FIELDS = {
    "tariff": st.sampled_from(["t1", "t2"]),
    "level": st.integers(1, 9),
    "default_route": _ROUTE_NAMES,
    "presentation": st.sampled_from(["caller", "number", "withheld"]),
    "week": _WEEKS,
    "routes": st.dictionaries(st.sampled_from(["one", "two"]), _ROUTES),
}
_CHANGES = st.lists(
    st.tuples(_HOURS, st.fixed_dictionaries({}, optional=_FIELDS)),
    max_size=6,
    unique_by=lambda change: change[0],
)


def _at(hours: int) -> datetime:
    return _START + timedelta(hours=hours)


def _decided(entry: NumberEntry, at: datetime) -> Decision:
    faults = Faults()
    number = make_number(_NUMBER, entry, faults)
    assert number is not None, faults.found
    directory = Directory(
        gateways={"g": _GATEWAY}, customers={"acme": _CUSTOMER}, numbers={_NUMBER: number}
    )
    return decide(directory, called=_NUMBER, caller=_CALLER, at=at)


def _seen(decision: Decision) -> tuple[object, ...]:
    """Give all that is decided, the number itself left out: it holds the schedule."""
    if isinstance(decision, Release):
        return decision.rule, decision.cause, decision.message
    return (
        decision.rule,
        decision.route,
        decision.presentation,
        decision.tariff,
        decision.level,
    )


@given(changes=_CHANGES, hours=_HOURS, first=st.fixed_dictionaries(_FIELDS))
def test_a_schedule_is_a_history_to_come(
    changes: list[tuple[int, dict]], hours: int, first: dict
) -> None:
    """A call is decided as if each change had been made by hand, when its instant came."""
    routes = {"one": _route(1), "two": _route(2)} | first["routes"]
    by_hand = {"customer": "acme", **first, "routes": routes}
    scheduled = [ChangeEntry(at=_at(at), **change) for at, change in changes]
    entry = NumberEntry.model_validate({**by_hand, "scheduled": scheduled})

    for at, change in sorted(changes, key=lambda one: one[0]):
        if at <= hours:
            by_hand |= change | {"routes": by_hand["routes"] | change.get("routes", {})}
    replayed = NumberEntry.model_validate(by_hand)

    assert _seen(_decided(entry, _at(hours))) == _seen(_decided(replayed, _at(hours)))


def _route(last: int) -> dict:
    return {"steps": [{"targets": [{"address": f"+4144555020{last}", "gateways": ["g"]}]}]}
