"""Whatever a file says, it is priced or every fault is one line that is safe to print."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.errors import ConfigError
from callcontrol.rating import rate_text, rated_json
from tests.tariff_builders import RATED

WORKED = (RATED / "01-worked-example.call.json").read_text("utf-8")

leaves = st.one_of(
    st.sampled_from(["3.00", "-1.00", "100.01", "0.0000001", "9" * 50, "0842", "0800"]),
    st.sampled_from(["2026-01-05T12:00:30Z", "2026-01-05T12:00:30", "2026-02-30T00:00:00Z"]),
    st.text(max_size=4),
    st.none() | st.booleans() | st.integers() | st.floats(),
)
names = st.one_of(
    st.sampled_from(["1", "2", "7", "01", "then", "level", "fixed", "amount", "after_s"]),
    st.text(max_size=3),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of everything inside a value."""
    children = list(value.items()) if isinstance(value, dict) else []
    children += list(enumerate(value)) if isinstance(value, list) else []
    found = [(*path, name) for name, _ in children]
    return found + [deep for name, child in children for deep in places(child, (*path, name))]


def faults_of(text: str) -> tuple[str, ...]:
    """Price a call and write the result, or give what is wrong with it."""
    try:
        json.dumps(rated_json(rate_text(text)))
    except ConfigError as refusal:
        return refusal.faults
    return ()


@given(data=st.data())
def test_edited_call_is_priced_or_refused_in_plain_lines(data: st.DataObject):
    """A few values replaced, added or removed anywhere: no traceback, no fault told twice."""
    call = json.loads(WORKED)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(call)))
        parent = call
        for name in path:
            parent = parent[name]
        if data.draw(st.booleans()):
            parent[last] = data.draw(values)
        elif isinstance(parent, dict) and len(parent) > 1:
            parent[data.draw(names)] = parent.pop(last)
    faults = faults_of(json.dumps(call))

    assert all(fault and fault.isprintable() for fault in faults)
    assert len(faults) == len(set(faults))


@given(text=st.text(alphabet='{}[]",:0123456789.eE-+ntrufals\\\n', max_size=40))
def test_any_text_is_refused_in_plain_lines(text: str):
    """What is hardly JSON is refused as such."""
    faults = faults_of(text)

    assert faults
    assert all(fault and fault.isprintable() for fault in faults)
