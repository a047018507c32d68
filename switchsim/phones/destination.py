r"""A destination: answers calls as its rules say, by the user part of the called URI.

A rule is `PATTERN=WORDS`, for example `\\+4144.*=ring:100,answer:500,hangup:3`. Words:

    ring:MS      180 after MS milliseconds (0 when it answers and nothing else is said)
    early:MS     183 with a session description after MS milliseconds
    answer:MS    200 after MS milliseconds, then talk until BYE
    hangup:S     sends BYE S seconds after the answer
    code:N       refuses with SIP code N, after `answer:MS` when that is given too
    busy         the same as code:486
    reject       the same as code:603
    ring-only    180 and never an answer
    silent       says nothing at all
    digits:TEXT  sends these digits as INFO, one every 200 ms, 500 ms after the answer
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from switchsim.loop import Loop, Timer
from switchsim.phones.line import Line, Repeat
from switchsim.phones.message import Message, build, new_token, reply, session, uri_of

_FORGOTTEN_S = 600.0
_PHRASES = {
    404: "Not Found", 408: "Request Timeout", 480: "Temporarily Unavailable",
    486: "Busy Here", 500: "Server Error", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip
# What each word of a rule says of a behaviour.
_WORDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "ring": lambda value: {"ring_ms": int(value)},
    "early": lambda value: {"early_ms": int(value)},
    "answer": lambda value: {"answer_ms": int(value)},
    "hangup": lambda value: {"hang_up_s": float(value)},
    "code": lambda value: {"code": int(value)},
    "busy": lambda _: {"code": 486},
    "reject": lambda _: {"code": 603},
    "ring-only": lambda _: {"answer_ms": None, "ring_ms": 0},
    "silent": lambda _: {"is_silent": True},
    "digits": lambda value: {"digits": value},
}
Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What happens to a call."""

    ring_ms: int | None = 0
    early_ms: int | None = None
    answer_ms: int | None = 100
    hang_up_s: float | None = None
    code: int | None = None
    digits: str = ""
    is_silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A behaviour for called users that match a pattern as a whole."""

    pattern: re.Pattern[str]
    behaviour: Behaviour


def parse_rule(text: str) -> Rule:
    """Reads `PATTERN=WORDS`.

    Raises:
        ValueError: a word or number in it makes no sense.
    """
    pattern, equals, words = text.rpartition("=")
    if not equals:
        raise ValueError(f"not PATTERN=WORDS: {text!r}")
    return Rule(pattern=re.compile(pattern), behaviour=parse_behaviour(words))


def parse_behaviour(words: str) -> Behaviour:
    """Reads the words of a rule, joined by commas."""
    values: dict[str, Any] = {}
    for word in words.split(","):
        name, _, value = word.strip().partition(":")
        if name not in _WORDS:
            raise ValueError(f"no such behaviour: {word!r}")
        values |= _WORDS[name](value)
    if "code" in values and "answer_ms" not in values:
        values["answer_ms"] = 0
    return Behaviour(**values)


class Destination:
    """Answers every call that reaches its socket.

    Args:
        rules: the first that matches the called user decides; otherwise it answers.
        report: gets a line for every call: how it arrived and how it ended.
    """

    def __init__(
        self, loop: Loop, bind: tuple[str, int], rules: list[Rule], report: Report
    ) -> None:
        self._loop = loop
        self._rules = rules
        self._report = report
        self._calls: dict[str, _Call] = {}
        self.line = Line(loop, bind, self._on_message)

    def behaviour(self, user: str) -> Behaviour:
        """What a call to this user meets."""
        found = (rule.behaviour for rule in self._rules if rule.pattern.fullmatch(user))
        return next(found, Behaviour())

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)

    def _on_message(self, message: Message) -> None:
        call = self._calls.get(message.call_id)
        if call is None and not message.code and message.method == "INVITE":
            behaviour = self.behaviour(message.user)
            call = _Call(self._loop, self.line, message, behaviour, self._report)
            self._calls[message.call_id] = call
            self._loop.later(_FORGOTTEN_S, partial(self._forget, message.call_id))
            call.begin()
        elif call is not None:
            call.on_message(message)
        elif not message.code and message.method != "ACK":
            self.line.send(reply(message, 481, "Gone", tag="none"), message.source)


class _Call:
    def __init__(
        self, loop: Loop, line: Line, invite: Message, behaviour: Behaviour, report: Report
    ) -> None:
        self._loop = loop
        self._line = line
        self._invite = invite
        self._behaviour = behaviour
        self._report = report
        self._tag = new_token()
        self._last = b""
        self._repeat: Repeat | None = None
        self._timers: list[Timer] = []
        self._is_answered = False
        self._is_over = False
        self._cseq = 100

    def begin(self) -> None:
        """Starts what the rules say."""
        does = self._behaviour
        self._report({"event": "invite", "user": self._invite.user, **_shown(self._invite)})
        if does.is_silent:
            return
        if does.early_ms is not None:
            self._later(does.early_ms / 1000, self._early)
        elif does.ring_ms is not None:
            self._later(does.ring_ms / 1000, lambda: self._send(180, "Ringing"))
        if does.answer_ms is not None:
            self._later(does.answer_ms / 1000, self._decide)

    def on_message(self, message: Message) -> None:
        """A later message of this call."""
        is_last_word = message.method == ("BYE" if message.code else "ACK")
        if message.code or is_last_word:
            if is_last_word and self._repeat is not None:
                self._repeat.stop()
        elif message.method == "INVITE":
            self._on_invite(message)
        elif message.method == "CANCEL":
            self._on_cancel(message)
        else:
            self._line.send(reply(message, 200, "OK", tag=self._tag), message.source)
            if message.method == "BYE":
                self._end("bye", message.header("reason"))
            elif message.method == "INFO":
                self._report({"event": "info", "user": self._invite.user, "body": message.body})

    def _on_invite(self, message: Message) -> None:
        if message.branch == self._invite.branch:
            if self._last:
                self._line.send(self._last, message.source)
            return
        answer = reply(
            message, 200, "OK", tag=self._tag, extra=self._contact(), body=session(40_000)
        )
        self._line.send(answer, message.source)

    def _on_cancel(self, message: Message) -> None:
        self._line.send(reply(message, 200, "OK", tag=self._tag), message.source)
        if not self._is_answered and not self._is_over:
            self._final(487, "Request Terminated")
            self._end("cancel", message.header("reason"))

    def _early(self) -> None:
        self._send(183, "Session Progress", body=session(40_000))

    def _decide(self) -> None:
        does = self._behaviour
        if does.code is not None:
            self._final(does.code, _PHRASES.get(does.code, "Refused"))
            self._end("refused", "")
            return
        self._is_answered = True
        self._final(200, "OK", body=session(40_000))
        if does.digits:
            for position, digit in enumerate(does.digits):
                self._later(0.5 + position * 0.2, partial(self._digit, digit))
        if does.hang_up_s is not None:
            self._later(does.hang_up_s, self._hang_up)

    def _send(self, code: int, phrase: str, body: str = "") -> None:
        self._last = reply(
            self._invite, code, phrase, tag=self._tag, extra=self._contact(), body=body
        )
        self._line.send(self._last, self._invite.source)

    def _final(self, code: int, phrase: str, body: str = "") -> None:
        self._last = reply(
            self._invite, code, phrase, tag=self._tag, extra=self._contact(), body=body
        )
        self._repeat = Repeat(self._line, self._last, self._invite.source)

    def _digit(self, digit: str) -> None:
        if self._is_over:
            return
        body = f"Signal={digit}\r\nDuration=160\r\n"
        extra = [("Content-Type", "application/dtmf-relay")]
        self._line.send(self._request("INFO", extra, body), self._invite.source)

    def _hang_up(self) -> None:
        if not self._is_over:
            self._repeat = Repeat(self._line, self._request("BYE", []), self._invite.source)
            self._end("hung up", "")

    def _request(self, method: str, extra: list[tuple[str, str]], body: str = "") -> bytes:
        self._cseq += 1
        host, port = self._line.address
        to = self._invite.header("to")
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{new_token()}"),
            ("Max-Forwards", "70"),
            ("From", to if "tag=" in to else f"{to};tag={self._tag}"),
            ("To", self._invite.header("from")),
            ("Call-ID", self._invite.call_id),
            ("CSeq", f"{self._cseq} {method}"),
            *extra,
        ]
        target = uri_of(self._invite.header("contact"))
        return build(f"{method} {target} SIP/2.0", headers, body)

    def _contact(self) -> list[tuple[str, str]]:
        host, port = self._line.address
        allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"
        return [("Contact", f"<sip:phone@{host}:{port}>"), ("Allow", allow)]

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        self._timers.append(self._loop.later(seconds, work))

    def _end(self, how: str, reason: str) -> None:
        self._is_over = True
        for timer in self._timers:
            timer.cancel()
        self._report(
            {
                "event": "end",
                "user": self._invite.user,
                "how": how,
                "reason": reason,
                "answered": self._is_answered,
            }
        )


def _shown(invite: Message) -> dict[str, str]:
    names = (
        "from",
        "p-asserted-identity",
        "p-preferred-identity",
        "remote-party-id",
        "privacy",
    )
    return {name: invite.header(name) for name in names if invite.header(name)}
