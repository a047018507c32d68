"""Hostile callers: nothing they write becomes a header, a variable or a command.

The answers are those of a real FreeSWITCH; the stand-in gives the same.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.hostile_callers import (
    CALLED,
    CALLERS,
    STAND_IN_TEXTS,
    TORTURE_ANSWERS,
)
from tests.scenario.parties import Message
from tests.scenario.raw_sip import PLAIN_FROM, TORTURE, RawCaller

IS_STAND_IN = "FREESWITCH" not in os.environ
NUMBER = "0900500001"
DESTINATION = "+41445550501"

# All that an INVITE of ours may consist of.
HEADERS = {
    "via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "user-agent", "allow",
    "supported", "allow-events", "content-type", "content-disposition", "content-length",
    "p-asserted-identity", "privacy", "session-expires", "min-se",
}  # fmt: skip
FROM = re.compile(
    r'"(\+[0-9]+)" <sip:\1@127\.0\.0\.1>;tag=\w+'
    r'|"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=\w+'
)


def sample(names):
    """Give all names; four of five are left to the long run."""
    return [
        pytest.param(name, marks=pytest.mark.long) if index % 5 else name
        for index, name in enumerate(sorted(names))
    ]


@pytest.fixture(scope="module")
def beside(stack) -> Iterator[RawCaller]:
    """A normal call that goes on while others attack; at the end it is charged as always."""
    before = stack.recorded("+41800100001")
    with RawCaller(stack.switch.sip_port) as caller:
        caller.send(caller.invite(b"0800100001"))
        assert caller.wait_for_final(10) == 200
        yield caller
        assert caller.hang_up() == 200
    cdr = stack.cdr_of_new_call("+41800100001", before)
    assert (cdr["disposition"], cdr["released_by"]) == ("answered", "caller")


@dataclass(frozen=True)
class Outcome:
    """What came of a message.

    Attributes:
        final: the final answer; None: none came.
        invites: what the destination got.
        record: of the call, when it reached the engine.
    """

    final: int | None
    invites: list[Message]
    record: dict[str, Any] | None


def attack(
    stack, beside: RawCaller, write: Callable[[RawCaller], bytes], *, answer: int | None
) -> Outcome:
    """Send a message, see the call through, and check what must hold whatever was sent.

    Args:
        stack: everything that runs.
        beside: the call that must not notice.
        write: writes the message for a caller.
        answer: the final answer expected.
    """
    party = stack.destinations["answers"]
    got, had, logged = (
        len(party.invites(DESTINATION)),
        len(stack.all_cdrs()),
        stack.engine_log(),
    )
    with RawCaller(stack.switch.sip_port) as caller:
        message = write(caller)
        caller.send(message)
        final = caller.wait_for_final(1 if answer is None else 10)
        assert final == answer
        if final == 200 and message.startswith(b"INVITE"):
            assert caller.hang_up() == 200
    records = []
    if final in {200, 404, 483} and message.startswith(b"INVITE"):
        records = stack.eventually(lambda: stack.all_cdrs()[had:])
    invites = party.invites(DESTINATION)[got:]

    assert len(records) <= 1
    assert len(invites) == (1 if final == 200 and records else 0)
    for invite in invites:
        is_ours(invite)
    for record in records:
        no_variable_was_created(stack.watch.end_of(record["switch_uuid"]))
    is_calm(stack.engine_log()[len(logged) :])
    assert stack.is_ready()
    assert not [one for one in beside.look() if not one.startswith(b"SIP/2.0")]
    assert not Path("injected").exists()
    return Outcome(final=final, invites=invites, record=records[0] if records else None)


def is_ours(invite: Message) -> None:
    """Check that an INVITE has our headers, each once, and nothing of the caller's."""
    head = invite.text.split("\n\n")[0].split("\r\n\r\n")[0]
    names = [line.partition(":")[0].strip().lower() for line in head.splitlines()[1:]]
    assert set(names) <= HEADERS
    assert len(names) == len(set(names))
    assert FROM.fullmatch(invite.header("From"))
    assert "injected" not in invite.text.lower()


def no_variable_was_created(end) -> None:
    """Check that a leg has no variable by a caller's name, save those kept for his headers."""
    made = [name for name in end.headers if "injected" in name.lower()]
    assert all(name.startswith("variable_sip_h_") for name in made)


def is_calm(log: str) -> None:
    """Check that each line of the log is one event, of a call that went as calls go."""
    events = [json.loads(line) for line in log.splitlines()]
    assert {event["level"] for event in events} <= {"info"}
    assert all("injected" not in key.lower() for event in events for key in event)


@pytest.mark.parametrize("name", sample(CALLERS))
def test_what_a_caller_says_of_himself_stays_text(stack, beside, name):
    """Whatever is in names, numbers and headers: the call is served, or the switch refuses."""
    case = CALLERS[name]

    outcome = attack(
        stack,
        beside,
        lambda caller: caller.invite(NUMBER.encode(), sender=case.sender, headers=case.headers),
        answer=case.answer,
    )

    if case.answer == 200:
        assert outcome.record is not None
        assert outcome.record["caller_raw"] == case.raw
        assert outcome.record["caller_withheld"] is case.is_withheld
        invite = outcome.invites[0]
        shown = case.number if not case.is_withheld else None
        assert (f"<sip:{shown}@" in invite.header("From")) == (shown is not None)
        assert (invite.header("Privacy") == "id") == case.is_withheld
        if case.is_withheld:
            assert "79555000" not in invite.text


@pytest.mark.parametrize("name", sample(CALLED))
def test_what_a_caller_dials_stays_text(stack, beside, name):
    """A called number of any content is a number we have, or none."""
    dialled, answer, raw = CALLED[name]

    outcome = attack(
        stack,
        beside,
        lambda caller: caller.invite(dialled, sender=PLAIN_FROM),
        answer=answer,
    )

    if outcome.record is not None:
        text = STAND_IN_TEXTS.get(name, raw) if IS_STAND_IN else raw
        assert outcome.record["dialled"] == text


@pytest.mark.parametrize("name", sample(path.stem for path in TORTURE.glob("*.sip")))
def test_torture(stack, beside, name):
    """The messages of RFC 4475, as far as they concern a switch that takes calls."""
    attack(
        stack,
        beside,
        lambda caller: caller.torture(name, NUMBER),
        answer=TORTURE_ANSWERS[name],
    )


def test_an_operator_s_listings_stay_whole(stack, beside):
    """A record with line breaks and controls in it is one line of a table and one CSV row."""
    attack(
        stack,
        beside,
        lambda caller: caller.invite(
            b"0900999999%0A%0D%1B%5B2J,%22", sender=b"<sip:%0A%1B%5B2J=1+1@127.0.0.1>"
        ),
        answer=404,
    )

    table = stack.command("cdrs", "--limit", "5")
    rows = list(csv.reader(io.StringIO(stack.command("cdrs", "--csv", "--limit", "5"))))

    assert "\x1b" not in table
    assert 2 <= len(rows) <= 6
    assert len({len(row) for row in rows}) == 1
