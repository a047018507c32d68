"""Recorded against replayed: order of messages, names of headers, their values, SIP."""

from dataclasses import dataclass

from switchsim.conformance.left_out import FLOATING, HEADERS, SIP_HEADERS
from switchsim.conformance.normal import (
    Normaliser,
    dumped,
    headers_of,
    same_value,
    table_text,
    uuid_names,
)
from switchsim.conformance.recording import field, frame_kind, sip_kind
from switchsim.conformance.replay import Replayed

_REPLIES = "replies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome for one case.

    Args:
        differences: one sentence each; none when the case is the same.
        compared: how many header values agreed.
        left_out: how many were left out by the list.
    """

    case: str
    differences: tuple[str, ...]
    compared: int
    left_out: int


def compare(replayed: Replayed) -> Comparison:
    """Compares one replayed case with its recording."""
    return _Comparer(replayed).run()


class _Comparer:
    def __init__(self, replayed: Replayed) -> None:
        self._replayed = replayed
        self._case = replayed.case
        self._recorded = {
            who: [e.data for e in self._case.connection(who) if e.direction == "<"]
            for who in replayed.frames
        }
        self._differences: list[str] = []
        self._compared = 0
        self._left_out = 0
        old = [frame for frames in self._recorded.values() for frame in frames]
        new = [frame for frames in replayed.frames.values() for frame in frames]
        self._old = Normaliser(uuid_names(old), {})
        self._new = Normaliser(uuid_names(new), replayed.ports)

    def run(self) -> Comparison:
        """Everything there is to compare."""
        self._differences += [f"still missing: {text}" for text in self._replayed.missing]
        for who in self._recorded:
            self._compare_connection(who)
        for who in self._case.parties:
            self._compare_sip(who)
        return Comparison(
            case=self._case.name,
            differences=tuple(self._differences),
            compared=self._compared,
            left_out=self._left_out,
        )

    def _compare_connection(self, who: str) -> None:
        commands = [e.data for e in self._case.connection(who) if e.direction == ">"]
        old = self._streams(self._recorded[who], self._old, commands)
        new = self._streams(list(self._replayed.frames[who]), self._new, commands)
        for stream in dict.fromkeys([*old, *new]):
            if self._case.is_shortened and who != "1" and stream != _REPLIES:
                continue
            ours, theirs = new.get(stream, []), old.get(stream, [])
            old_kinds, new_kinds = [kind for kind, _ in theirs], [kind for kind, _ in ours]
            if old_kinds != new_kinds:
                self._differences.append(
                    f"{who} {stream}: recorded {old_kinds}, replayed {new_kinds}"
                )
            for (kind, recorded), (other, replayed) in zip(theirs, ours, strict=False):
                if kind == other:
                    self._compare_frame(kind, recorded, replayed)

    def _streams(
        self, frames: list[str], normaliser: Normaliser, commands: list[str]
    ) -> dict[str, list[tuple[str, str]]]:
        """Messages by what keeps its order: replies, and the events of each channel."""
        waiting = iter(commands)
        streams: dict[str, list[tuple[str, str]]] = {}
        for frame in frames:
            kind = frame_kind(frame)
            channel = field(frame, "Unique-ID")
            stream = normaliser.text(channel) if channel else kind
            if kind in {"reply", "api reply", "CHANNEL_DATA"}:
                stream, kind = _REPLIES, next(waiting, "?").partition("\n")[0].strip()
            elif kind.startswith(("notice", "auth")):
                stream = _REPLIES
            if any(entry.covers(self._case.name, kind, "") for entry in FLOATING):
                self._left_out += 1
            else:
                streams.setdefault(stream, []).append((self._old.text(kind), frame))
        return streams

    def _compare_frame(self, kind: str, old: str, new: str) -> None:
        theirs, ours = dumped(old) or headers_of(old), dumped(new) or headers_of(new)
        if "Event-Name" not in dict(theirs):
            self._compare_reply(kind, self._old.text(old), self._new.text(new))
            return
        old_values = {n: self._old.value(n, v) for n, v in theirs}
        new_values = {n: self._new.value(n, v) for n, v in ours}
        for name in dict.fromkeys([*old_values, *new_values]):
            if any(entry.covers(self._case.name, kind, name) for entry in HEADERS):
                self._left_out += 1
                continue
            recorded, replayed = old_values.get(name), new_values.get(name)
            if recorded is None or replayed is None:
                which = "is not sent" if replayed is None else "was not sent by FreeSWITCH"
                self._differences.append(f"{kind}: {name} {which} ({recorded or replayed})")
            elif not same_value(name, recorded, replayed):
                self._differences.append(
                    f"{kind}: {name}: recorded {recorded!r}, replayed {replayed!r}"
                )
            else:
                self._compared += 1

    def _compare_reply(self, kind: str, recorded: str, replayed: str) -> None:
        if table_text(recorded) == table_text(replayed):
            self._compared += 1
        else:
            self._differences.append(f"{kind}: recorded {recorded!r}, replayed {replayed!r}")

    def _compare_sip(self, who: str) -> None:
        old = [e.data for e in self._case.party(who) if e.direction == "received"]
        new = list(self._replayed.sip[who])
        old_kinds, new_kinds = (
            [sip_kind(text) for text in old],
            [sip_kind(text) for text in new],
        )
        if old_kinds != new_kinds:
            self._differences.append(f"{who}: recorded {old_kinds}, replayed {new_kinds}")
        for old_text, new_text in zip(old, new, strict=False):
            if sip_kind(old_text) == sip_kind(new_text):
                self._compare_message(who, old_text, new_text)

    def _compare_message(self, who: str, old: str, new: str) -> None:
        kind = sip_kind(old)
        recorded, replayed = _message(old, self._old), _message(new, self._new)
        for name in dict.fromkeys([*recorded, *replayed]):
            if name in SIP_HEADERS:
                self._left_out += 1
            elif recorded.get(name) != replayed.get(name):
                self._differences.append(
                    f"{who} {kind}: {name}: recorded {recorded.get(name)!r}, "
                    f"replayed {replayed.get(name)!r}"
                )
            else:
                self._compared += 1


def _message(text: str, normaliser: Normaliser) -> dict[str, str]:
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    found = {"first line": normaliser.text(first)}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        value = normaliser.text(value.strip())
        if key == "cseq":
            value = value.partition(" ")[2]
        found[key] = f"{found[key]} / {value}" if key in found else value
    found["body"] = normaliser.text(body.strip())
    return found
