"""callcontrol.cdr.call_id: one name for one call, whoever computes it."""

from __future__ import annotations

import uuid

import pytest

from callcontrol.cdr.call_id import CallId, call_id_for, received_us_of

NOON_US = 1_767_614_400_123_456


def test_two_engines_name_the_same_call_alike() -> None:
    """The id depends on the switch's uuid and instant and on nothing else."""
    assert call_id_for("4f2c", NOON_US) == call_id_for("4f2c", NOON_US)


def test_is_a_version_7_uuid() -> None:
    """Any tool that knows RFC 9562 reads it as such."""
    made = uuid.UUID(call_id_for("4f2c", NOON_US))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


@pytest.mark.parametrize("received_us", [0, 1, 999, 1000, NOON_US, (1 << 48) * 1000 - 1])
def test_holds_its_instant_to_the_microsecond(received_us: int) -> None:
    """The instant comes back exactly, so a partition can be found from the id."""
    assert received_us_of(call_id_for("4f2c", received_us)) == received_us


def test_sorts_by_time() -> None:
    """Ids in the order of their instants are in the order of their text."""
    ids = [call_id_for(f"leg-{n}", NOON_US + n * 777) for n in range(1000)]

    assert sorted(ids) == ids


def test_two_calls_of_one_microsecond_differ() -> None:
    """The switch's uuid tells apart what the clock cannot."""
    ids = {call_id_for(f"leg-{n}", NOON_US) for n in range(10_000)}

    assert len(ids) == 10_000


def test_takes_any_text_as_the_switchs_uuid() -> None:
    """Bytes that were no text still name a call."""
    assert received_us_of(call_id_for("\udc80\0", NOON_US)) == NOON_US


@pytest.mark.parametrize("received_us", [-1, (1 << 48) * 1000])
def test_refuses_an_instant_it_cannot_hold(received_us: int) -> None:
    """An instant before 1970, or absurdly late, is refused and not folded."""
    with pytest.raises(ValueError, match="instant"):
        call_id_for("4f2c", received_us)


@pytest.mark.parametrize(
    "text", ["", "4f2c", str(uuid.UUID(int=0)), "0b8f7c1e-52f3-4c0a-9d0e-3f6a1b2c4d5e"]
)
def test_other_ids_have_no_instant(text: str) -> None:
    """What is no call id is refused."""
    with pytest.raises(ValueError, match=r"call id|badly formed"):
        received_us_of(CallId(text))
