"""Prices a call described in JSON and writes the result: what `callcontrol rate` does."""

from __future__ import annotations

from fractions import Fraction

from callcontrol.clock import text_of
from callcontrol.described_call import LAST_US, described_call
from tariffs import SWISS_LAW, Law, Line, Meter, Rated, exact_text


def rate_text(text: str, *, law: Law = SWISS_LAW) -> Rated:
    """Price the call a JSON text describes.

    Raises:
        ConfigError: with one sentence for every fault of the text.
    """
    call = described_call(text, law=law)
    meter = Meter(
        call.tariff,
        level=call.level,
        start_us=call.start_us,
        law=law,
        changes=call.changes,
        free=call.free,
        withheld=call.withheld,
    )
    return meter.stop(call.end_us)


def rated_json(rated: Rated) -> dict[str, object]:
    """Write a priced call with strings for amounts and instants, exact.

    An instant beyond the year 9999 is written as null, as is an exhaustion that never comes.
    """
    exhausted_us = rated.exhausted_at_us
    if exhausted_us is not None and exhausted_us > LAST_US:
        exhausted_us = None
    return {
        "charge": exact_text(Fraction(rated.charge)),
        "exact": exact_text(rated.exact),
        "currency": rated.currency,
        "capped": rated.capped,
        "metered_us": rated.metered_us,
        "vat": exact_text(Fraction(rated.vat)),
        "net": exact_text(Fraction(rated.net)),
        "exhausted_at": None if exhausted_us is None else text_of(exhausted_us),
        "lines": [_line_json(line) for line in rated.lines],
        "refused": [
            {
                "at": text_of(refusal.at_us),
                "level": refusal.level,
                "by": refusal.by or "asked",
                "reason": refusal.reason,
            }
            for refusal in rated.refused
        ],
    }


def _line_json(line: Line) -> dict[str, object]:
    written: dict[str, object] = {"kind": line.kind, "level": line.level}
    for name, at_us in (("at", line.at_us), ("from", line.from_us), ("to", line.to_us)):
        if at_us is not None:
            written[name] = text_of(at_us)
    if line.seconds is not None:
        written["seconds"] = line.seconds
    return written | {"amount": exact_text(line.amount)}
