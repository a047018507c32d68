"""The life of a call as a ladder in plain text: caller, engine, destination; top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from callcontrol.cdr import Cdr, CdrAttempt, CdrLine
from callcontrol.clock import at_of
from dialplan import DEFAULT_ZONE, E164, is_e164, printed, wall_clock
from tariffs import exact_text

Way = Literal["caller>", "caller<", "destination>", "destination<", "engine"]

WITHHELD = "withheld"

_LEAST_GAP = 30  # columns between two of the three
_TIME = 11
_LONGEST = 60  # of a text that somebody else has chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One thing that happened.

    Attributes:
        at_us: when; microseconds since the epoch.
        way: between whom: `caller>` is from the caller to the engine, `destination>` from the
            engine to the destination, `engine` is nobody else's matter.
    """

    at_us: int
    way: Way
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A call, ready to be drawn.

    Attributes:
        title: lines above: which call it is.
        start_us: what the instants are counted from.
        rungs: in any order; those of one instant stay in theirs.
        totals: lines below: what it came to.
    """

    title: tuple[str, ...]
    start_us: int
    rungs: tuple[Rung, ...]
    totals: tuple[str, ...] = field(default=())

    def drawn(self) -> str:
        """Draw it, instants in seconds from the start."""
        left, right = self._gap("caller"), self._gap("destination")
        lines = [*self.title, ""]
        lines.append(
            f"{'seconds':>{_TIME}}  {'caller':<{left + 1}}{'engine':<{right + 1}}destination"
        )
        for one in sorted(self.rungs, key=lambda rung: rung.at_us):
            seconds = f"{(one.at_us - self.start_us) / 1_000_000:.3f}"
            lines.append(f"{seconds:>{_TIME}}  {_row(one, left, right)}")
        if self.totals:
            lines += ["", *self.totals]
        return "\n".join(lines)

    def _gap(self, side: str) -> int:
        """Give the columns that the longest arrow to one side needs."""
        texts = [one.text for one in self.rungs if one.way.startswith(side)]
        return max([_LEAST_GAP, *(len(text) + 7 for text in texts)])


def ladder_of(cdr: Cdr, *, operator: bool = False) -> Ladder:
    """Make the ladder of a call that is recorded.

    Args:
        cdr: the record.
        operator: with the number of a caller who withheld it, which else is left out.
    """
    return Ladder(
        title=(_title(cdr), f"call {cdr.call_id}, leg {cdr.switch_uuid}"),
        start_us=cdr.received_us,
        rungs=tuple(_rungs(cdr, _caller(cdr, operator=operator))),
        totals=tuple(_totals(cdr)),
    )


def _row(rung: Rung, left: int, right: int) -> str:
    match rung.way:
        case "caller>":
            return f"|{_arrow(rung.text, left)}>|{' ' * right}|"
        case "caller<":
            return f"|<{_arrow(rung.text, left)}|{' ' * right}|"
        case "destination>":
            return f"|{' ' * left}|{_arrow(rung.text, right)}>|"
        case "destination<":
            return f"|{' ' * left}|<{_arrow(rung.text, right)}|"
    text = f" {rung.text}".ljust(right)
    return f"|{' ' * left}*{text}{'|' if len(text) == right else ''}"


def _arrow(text: str, gap: int) -> str:
    return f"-- {text} ".ljust(gap - 1, "-")


def _title(cdr: Cdr) -> str:
    number = printed(E164(cdr.number)) if cdr.number else f"{clean(cdr.dialled)} (unknown)"
    local = wall_clock(at_of(cdr.received_us), DEFAULT_ZONE).isoformat(" ", "milliseconds")
    of = f" of {cdr.customer}" if cdr.customer else ""
    return f"{number}{of}, {local}, switch {clean(cdr.switch)}, engine {cdr.engine}"


def _caller(cdr: Cdr, *, operator: bool) -> str:
    if cdr.caller_withheld and not operator:
        return WITHHELD
    return printed(E164(cdr.caller)) if cdr.caller else clean(cdr.caller_raw) or "no number"


def _rungs(cdr: Cdr, caller: str) -> Iterator[Rung]:
    yield Rung(at_us=cdr.received_us, way="caller>", text=f"call from {caller}")
    if cdr.routed_us is not None:
        level = f", level {cdr.level_at_start}" if cdr.level_at_start is not None else ""
        yield Rung(at_us=cdr.routed_us, way="engine", text=f"{clean(cdr.rule)}{level}")
    for attempt in cdr.attempts:
        yield from _attempt(attempt)
    if cdr.ringing_us is not None:
        yield Rung(at_us=cdr.ringing_us, way="caller<", text="ringing")
    if cdr.answered_us is not None:
        yield Rung(at_us=cdr.answered_us, way="caller<", text="answered")
    yield from _announcements(cdr)
    yield from _charges(cdr)
    yield from _end(cdr)


def _attempt(attempt: CdrAttempt) -> Iterator[Rung]:
    where = printed(E164(attempt.target)) if is_e164(attempt.target) else clean(attempt.target)
    by = f" by {attempt.gateway}" if attempt.gateway else ""
    yield Rung(at_us=attempt.started_us, way="destination>", text=f"call to {where}{by}")
    if attempt.ringing_us is not None:
        yield Rung(at_us=attempt.ringing_us, way="destination<", text="ringing")
    if attempt.answered_us is not None:
        yield Rung(at_us=attempt.answered_us, way="destination<", text="answered")
    elif attempt.ended_us is not None:
        code = f" (SIP {attempt.sip_code})" if attempt.sip_code else ""
        text = f"{attempt.cause or 'ended'}{code}"
        yield Rung(at_us=attempt.ended_us, way="destination<", text=text)


def _announcements(cdr: Cdr) -> Iterator[Rung]:
    for one in cdr.announcements:
        level = f", price of level {one.level}" if one.level is not None else ""
        yield Rung(at_us=one.started_us, way="caller<", text=f"plays {one.name}{level}")
        if one.ended_us is not None:
            yield Rung(at_us=one.ended_us, way="engine", text=f"{one.name} heard to its end")
        if one.consent_key is not None:
            pressed_us = one.ended_us or one.started_us
            yield Rung(at_us=pressed_us, way="caller>", text=f"key {one.consent_key}")


def _charges(cdr: Cdr) -> Iterator[Rung]:
    """Tell of the meter: its start, what was asked and came of it, and each line's amount."""
    if cdr.segments:
        first = cdr.segments[0]
        text = f"metered, level {first.level}"
        yield Rung(at_us=first.from_us, way="engine", text=text)
    for change in cdr.changes:
        text = f"level {change.level} asked for by {clean(change.by)}"
        yield Rung(at_us=change.asked_us, way="engine", text=text)
        if change.refused is not None:
            text = f"level {change.level} refused: {change.refused}"
            yield Rung(at_us=change.asked_us, way="engine", text=text)
        if change.in_force_us is not None:
            text = f"level {change.level} in force"
            yield Rung(at_us=change.in_force_us, way="engine", text=text)
    currency = cdr.charge.currency if cdr.charge else ""
    for line in cdr.lines:
        if line.at_us is not None:
            what = "for the call" if line.kind == "per_call" else "fixed charge"
            text = f"{currency} {exact_text(line.amount)} {what}, level {line.level}"
            yield Rung(at_us=line.at_us, way="engine", text=text)


def _end(cdr: Cdr) -> Iterator[Rung]:
    if cdr.released_us is None:
        return
    sip = f" (SIP {cdr.sip_code})" if cdr.sip_code and cdr.answered_us is None else ""
    cause = f"{cdr.hangup_cause}{sip}"
    if cdr.released_by == "caller":
        yield Rung(at_us=cdr.released_us, way="caller>", text=f"hangs up: {cause}")
    elif cdr.released_by == "destination":
        yield Rung(at_us=cdr.released_us, way="destination<", text=f"hangs up: {cause}")
        yield Rung(at_us=cdr.released_us, way="caller<", text="released")
    else:
        by = "" if cdr.released_by == "engine" else f", by {cdr.released_by}"
        yield Rung(at_us=cdr.released_us, way="caller<", text=f"released: {cause}{by}")


def _totals(cdr: Cdr) -> Iterator[str]:
    talked = f", metered {cdr.metered_us / 1_000_000:.3f} s" if cdr.answered_us else ""
    yield f"{cdr.disposition}{talked}, closed {cdr.closed_how}"
    if cdr.flags:
        yield f"odd: {', '.join(cdr.flags)}"
    for line in cdr.lines:
        yield f"  {_line(line)}"
    if cdr.charge is not None:
        charge = cdr.charge
        capped = ", the maximum" if charge.is_capped else ""
        yield (
            f"charge {charge.currency} {charge.gross}{capped}: {exact_text(charge.exact)}"
            f" before rounding, {charge.net} and {charge.vat} VAT"
            f" ({(charge.vat_rate * 100).normalize():f} %)"
        )
    if cdr.settlement is not None:
        one = cdr.settlement
        yield (
            f"customer {one.currency} {_shown(one.payout)}: share {_shown(one.share)}"
            f" less transport {_shown(one.transport)} ({one.kind})"
        )


def _shown(amount: Fraction) -> str:
    return f"{Decimal(amount.numerator) / amount.denominator:.4f}"


def _line(line: CdrLine) -> str:
    what = f"{line.seconds} s" if line.seconds is not None else line.kind.replace("_", " ")
    return f"level {line.level:<3}{what:>10}  {exact_text(line.amount):>12}"


def clean(text: str) -> str:
    """Give a text that somebody else has chosen so that it may stand in a line."""
    plain = "".join(one if one.isascii() and one.isprintable() else "?" for one in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
