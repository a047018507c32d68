"""A caller: places calls and reports every answer it saw."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from switchsim.loop import Loop, Timer
from switchsim.phones.line import Line, Repeat
from switchsim.phones.message import Message, build, new_token, reply, session, uri_of

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One call to place.

    Args:
        number: the called number, the user of the request URI.
        sender: the user of From.
        display: the display name of From.
        identity: a P-Asserted-Identity header's value, or nothing.
        privacy: a Privacy header's value, or nothing.
        talk_s: seconds after the answer at which the caller hangs up; None leaves it to the
            other side.
        cancel_s: seconds after the INVITE at which an unanswered call is given up.
        label: returned in the report.
    """

    number: str
    sender: str = "+41795550001"
    display: str = ""
    identity: str = ""
    privacy: str = ""
    talk_s: float | None = 1.0
    cancel_s: float | None = None
    digits: str = ""
    label: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Caller:
    """Places calls from one socket to one switch.

    Args:
        target: the switch.
        report: gets one line per call when it is over.
    """

    def __init__(
        self, loop: Loop, bind: tuple[str, int], target: tuple[str, int], report: Report
    ) -> None:
        self._loop = loop
        self.target = target
        self._report = report
        self._calls: dict[str, _Call] = {}
        self.line = Line(loop, bind, self._on_message)

    @property
    def in_progress(self) -> int:
        """Calls placed and not reported yet."""
        return len(self._calls)

    def place(self, plan: Plan) -> None:
        """Sends one INVITE."""
        call = _Call(self._loop, self.line, plan, self.target, self._ended)
        self._calls[call.call_id] = call
        call.begin()

    def _ended(self, call: "_Call", summary: dict[str, Any]) -> None:
        self._calls.pop(call.call_id, None)
        self._report(summary)

    def _on_message(self, message: Message) -> None:
        call = self._calls.get(message.call_id)
        if call is not None:
            call.on_message(message)
        elif not message.code and message.method != "ACK":
            self.line.send(reply(message, 200, "OK"), message.source)


class _Call:
    def __init__(
        self,
        loop: Loop,
        line: Line,
        plan: Plan,
        target: tuple[str, int],
        on_end: Callable[["_Call", dict[str, Any]], None],
    ) -> None:
        self._loop = loop
        self._line = line
        self._plan = plan
        self._target = target
        self._on_end = on_end
        self.call_id = f"{new_token()}@{line.address[0]}"
        self._tag = new_token()
        self._branch = f"z9hG4bK{new_token()}"
        host, port = target
        self._uri = f"sip:{plan.number}@{host}:{port}"
        self._to = f"<{self._uri}>"
        self._remote = self._uri
        self._repeat: Repeat | None = None
        self._timers: list[Timer] = []
        self._answers: list[int] = []
        self._reason = ""
        self._answered_s: float | None = None
        self._ended_by = ""
        self._cseq = 1
        self._started_us = loop.clock.wall_us()
        self._answered_us = 0

    def begin(self) -> None:
        """Sends the INVITE."""
        plan = self._plan
        extra = [
            ("Contact", self._contact()),
            ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"),
            ("P-Asserted-Identity", plan.identity),
            ("Privacy", plan.privacy),
            *plan.headers.items(),
        ]
        data = self._message(
            "INVITE", self._uri, extra, session(41_000, "caller"), self._branch
        )
        self._repeat = Repeat(self._line, data, self._target, lambda: self._end("nobody"))
        if plan.cancel_s is not None:
            self._later(plan.cancel_s, self._cancel)

    def on_message(self, message: Message) -> None:
        """A message of this call."""
        if not message.code:
            self._on_request(message)
        elif message.method == "INVITE":
            self._on_answer(message)
        elif message.method in {"BYE", "CANCEL"} and self._repeat is not None:
            self._repeat.stop()
            if message.method == "BYE":
                self._end("caller")

    def _on_request(self, message: Message) -> None:
        if message.method == "ACK":
            return
        self._line.send(reply(message, 200, "OK", tag=self._tag), message.source)
        if message.method == "BYE":
            self._reason = message.header("reason")
            self._end("switch")

    def _on_answer(self, message: Message) -> None:
        if self._repeat is not None and not self._answered_us:
            self._repeat.stop()
        if message.code not in self._answers:
            self._answers.append(message.code)
        if message.code < 200:
            return
        self._to = message.header("to")
        if message.code < 300:
            self._remote = uri_of(message.header("contact")) or self._uri
            self._acknowledge(f"z9hG4bK{new_token()}", self._remote)
            if not self._answered_us:
                self._talk()
            return
        self._acknowledge(self._branch, self._uri)
        self._reason = message.header("reason")
        self._end("caller" if message.code == 487 else "refused")

    def _talk(self) -> None:
        self._answered_us = self._loop.clock.wall_us()
        for position, digit in enumerate(self._plan.digits):
            self._later(0.3 + position * 0.2, partial(self._digit, digit))
        if self._plan.talk_s is not None:
            self._later(self._plan.talk_s, self._hang_up)

    def _digit(self, digit: str) -> None:
        extra = [("Content-Type", "application/dtmf-relay")]
        body = f"Signal={digit}\r\nDuration=160\r\n"
        self._cseq += 1
        self._line.send(self._message("INFO", self._remote, extra, body), self._target)

    def _hang_up(self) -> None:
        self._cseq += 1
        data = self._message("BYE", self._remote, [])
        self._repeat = Repeat(self._line, data, self._target, lambda: self._end("caller"))

    def _cancel(self) -> None:
        if not self._answered_us:
            data = self._message("CANCEL", self._uri, [], branch=self._branch)
            self._line.send(data, self._target)

    def _acknowledge(self, branch: str, uri: str) -> None:
        cseq, self._cseq = self._cseq, 1
        self._line.send(self._message("ACK", uri, [], branch=branch), self._target)
        self._cseq = cseq

    def _message(
        self,
        method: str,
        uri: str,
        extra: list[tuple[str, str]],
        body: str = "",
        branch: str | None = None,
    ) -> bytes:
        host, port = self._line.address
        plan = self._plan
        sender = f"<sip:{plan.sender}@{host}:{port}>;tag={self._tag}"
        if plan.sender == "anonymous":
            sender = f"<sip:anonymous@anonymous.invalid>;tag={self._tag}"
        if plan.display:
            sender = f'"{plan.display}" {sender}'
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch={branch or f'z9hG4bK{new_token()}'}"),
            ("Max-Forwards", "70"),
            ("From", sender),
            ("To", self._to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._cseq} {method}"),
            *extra,
        ]
        return build(f"{method} {uri} SIP/2.0", headers, body)

    def _contact(self) -> str:
        host, port = self._line.address
        return f"<sip:caller@{host}:{port}>"

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        self._timers.append(self._loop.later(seconds, work))

    def _end(self, by: str) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._repeat is not None:
            self._repeat.stop()
        if self._ended_by:
            return
        self._ended_by = by
        now = self._loop.clock.wall_us()
        self._on_end(
            self,
            {
                "label": self._plan.label,
                "number": self._plan.number,
                "from": self._plan.sender,
                "answers": self._answers,
                "final": self._answers[-1] if self._answers else None,
                "answered": bool(self._answered_us),
                "setup_ms": (self._answered_us or now) // 1000 - self._started_us // 1000,
                "talk_ms": (now - self._answered_us) // 1000 if self._answered_us else 0,
                "ended_by": by,
                "reason": self._reason,
            },
        )
