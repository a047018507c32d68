"""Recorded cases: one folder each, JSON lines of what was said."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

_ACCEPTED = re.compile(r"accepted on port (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing said.

    Args:
        at_s: seconds since the start of the case.
        who: connection (`1`, `in1`) or SIP party (`uac`, `uas5090`).
        direction: `<` from the switch, `>` to it, `#` a remark; `sent` or `received` for SIP.
        data: the bytes, one character each.
    """

    at_s: float
    who: str
    direction: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded case; of a shortened one the events of clients are not compared."""

    name: str
    outbound: tuple[Entry, ...]
    inbound: tuple[Entry, ...]
    sip: tuple[Entry, ...]
    is_shortened: bool = False

    @property
    def scenario(self) -> str:
        """The number of its scenario."""
        return self.name[:2]

    @property
    def engines(self) -> tuple[str, ...]:
        """The outbound connections, in the order in which they were opened."""
        return tuple(dict.fromkeys(entry.who for entry in self.outbound if entry.who))

    @property
    def engine_ports(self) -> frozenset[str]:
        """The ports engines listened on, as far as they were connected to."""
        found = (_ACCEPTED.match(entry.data) for entry in self.outbound)
        return frozenset(match.group(1) for match in found if match)

    @property
    def clients(self) -> tuple[str, ...]:
        """The inbound connections, in order of appearance."""
        return tuple(dict.fromkeys(entry.who for entry in self.inbound if entry.who))

    def connection(self, who: str) -> tuple[Entry, ...]:
        """What was said on one connection."""
        return tuple(e for e in (*self.outbound, *self.inbound) if e.who == who)

    def party(self, who: str) -> tuple[Entry, ...]:
        """What one SIP party sent and received."""
        return tuple(entry for entry in self.sip if entry.who == who)

    @property
    def parties(self) -> tuple[str, ...]:
        """The SIP parties, in order of appearance."""
        return tuple(dict.fromkeys(entry.who for entry in self.sip))


def load(folder: Path) -> list[Case]:
    """Every case under `folder`, in order."""
    return [
        Case(
            name=path.parent.relative_to(folder).as_posix(),
            outbound=_entries(path.with_name("esl-outbound.jsonl")),
            inbound=_entries(path.with_name("esl-inbound.jsonl")),
            is_shortened=_is_shortened(path.with_name("esl-inbound.jsonl")),
            sip=_entries(path),
        )
        for path in sorted(folder.rglob("sip.jsonl"))
    ]


def _is_shortened(path: Path) -> bool:
    return path.exists() and '"trimmed"' in path.read_text(encoding="utf-8")


def _entries(path: Path) -> tuple[Entry, ...]:
    # Shortened events (marked so) are left out: they cannot be compared.
    if not path.exists():
        return ()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Entry(
            at_s=row["t"],
            who=str(row.get("conn", row.get("at", ""))),
            direction=row["dir"],
            data=row["data"],
        )
        for row in rows
        if "trimmed" not in row
    )


def field(frame: str, name: str) -> str:
    """A header of an event in any form: plain, JSON, XML; empty when missing."""
    forms = rf'^{name}: (\S+)|"{name}":"([^"]*)"|<{name}>([^<]*)</{name}>'
    found = re.search(forms, frame, re.MULTILINE)
    return next((value for value in found.groups() if value), "") if found else ""


def frame_kind(frame: str) -> str:
    """What a message of the event socket is, in a few words."""
    name = field(frame, "Event-Name")
    if name:
        application, state = field(frame, "Application"), field(frame, "Channel-State")
        more = f" {application}" if application else ""
        if name == "CHANNEL_STATE" and state:
            more = f" {state}"
        return name + more
    if frame.startswith("Content-Type: text/disconnect-notice"):
        kind = re.search(r"^Content-Disposition: (\S+)", frame, re.MULTILINE)
        return f"notice {kind.group(1) if kind else ''}"
    if frame.startswith("Content-Type: auth/request"):
        return "auth request"
    return "api reply" if frame.startswith("Content-Type: api/response") else "reply"


def sip_kind(text: str) -> str:
    """What a SIP message is: a method, or a code and the method it answers."""
    first = text.partition("\n")[0]
    if not first.startswith("SIP/2.0"):
        return first.partition(" ")[0]
    cseq = re.search(r"(?im)^CSeq:\s*\d+\s+(\w+)", text)
    return f"{first[8:11]} {cseq.group(1) if cseq else ''}"
