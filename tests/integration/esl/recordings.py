"""The recorded conversations of fixtures/esl: the bytes the switch sent on each connection."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FIXTURES = Path(__file__).parents[3] / "fixtures" / "esl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What the switch sent on one connection.

    Attributes:
        name: folder, file and connection.
        messages: the framed messages, in order, to the byte.
        commands: what the engine of that day sent.
    """

    name: str
    messages: tuple[bytes, ...]
    commands: tuple[bytes, ...]

    @property
    def stream(self) -> bytes:
        """All that the switch sent."""
        return b"".join(self.messages)

    def __repr__(self) -> str:
        """Keep failing tests readable."""
        return self.name


@cache
def recordings() -> tuple[Recording, ...]:
    """Read all recorded connections that are complete."""
    found = []
    for file in sorted(FIXTURES.glob("**/esl-*.jsonl")):
        received: dict[str, list[bytes]] = defaultdict(list)
        sent: dict[str, list[bytes]] = defaultdict(list)
        odd = set()
        for text in file.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if "conn" not in line:
                continue  # a remark on the whole case
            connection = str(line["conn"])
            if line.get("trimmed") or line.get("partial"):
                odd.add(connection)
            kept = {"<": received, ">": sent}.get(line["dir"])
            if kept is not None:
                kept[connection].append(line["data"].encode("latin-1"))
        found += [
            Recording(
                name=f"{file.parent.relative_to(FIXTURES)}/{file.stem} {connection}",
                messages=tuple(messages),
                commands=tuple(sent[connection]),
            )
            for connection, messages in received.items()
            if connection not in odd
        ]
    return tuple(found)


def recording(name: str) -> Recording:
    """Give the one recording of this name."""
    (found,) = (one for one in recordings() if one.name == name)
    return found
