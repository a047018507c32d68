"""How one stay follows another: entries, automatic steps, changes of law; pure functions.

At one and the same instant: changes asked for, then automatic steps, then fixed charges, then
the increment. The first two make stays; the stay that begins at an instant charges the others.
"""

from __future__ import annotations

from tariffs.change import STEP, Refusal
from tariffs.stay import Stay
from tariffs.terms import Terms


def started(terms: Terms, number: int) -> Stay:
    """Begin a call at a level; its price is clipped to the law, never refused.

    Raises:
        UnknownLevel: the table lacks the level.
    """
    prices = terms.prices(number, 0)
    passed = terms.limit is not None and prices.per_call > terms.limit
    return Stay(
        terms=terms,
        number=number,
        prices=prices,
        by="",
        entered_us=0,
        from_us=0,
        per_call=prices.per_call,
        base=prices.per_call,
        seen=1 << number,
        step=prices.step,
        edge_us=terms.edge_after(0),
        is_free=False,
        passed_us=0 if passed else None,
        refused=(),
        previous=None,
    )


def advanced(stay: Stay, until_us: int) -> Stay:
    """Follow a call to an instant: every step and change of law before it has happened."""
    while (turn_us := _turn_us(stay)) is not None and turn_us < until_us:
        stay = _turned(stay, turn_us)
    return stay


def refusal(stay: Stay, number: int, at_us: int) -> str | None:
    """Say why a level may not come into force at an instant of a stay, or None.

    What entering it charges at once (its `per_call` if it is new to the call, and its fixed
    charges after 0 s) may not pass the maximum; entering it for nothing always may.
    """
    terms = stay.terms
    if reason := terms.refusal(number, at_us):
        return reason
    prices = terms.prices(number, at_us)
    at_once = 0 if terms.is_withheld(at_us) else prices.at_once
    immediate = _per_call(stay, number, at_us) + at_once
    if terms.limit is None or not immediate or stay.total(at_us) + immediate <= terms.limit:
        return None
    return f"would pass the maximum of {terms.tariff.currency} {terms.maximum}"


def entered(stay: Stay, number: int, at_us: int, by: str) -> Stay:
    """Bring a level into force that `refusal` has nothing against."""
    prices = stay.terms.prices(number, at_us)
    return _next(
        stay,
        at_us,
        number=number,
        by=by,
        per_call=_per_call(stay, number, at_us),
        entered_us=at_us,
        step=(at_us + prices.step[0], prices.step[1]) if prices.step else None,
    )


def freed(stay: Stay, at_us: int, *, is_free: bool) -> Stay:
    """Begin or end free time at an instant; the level stays, and so do its fixed charges."""
    if stay.from_us < at_us:
        stay = _going_on(stay, at_us)
    return stay._replace(is_free=is_free)


def coming(stay: Stay, after_us: int, *, with_fixed: bool) -> tuple[int, Stay] | None:
    """Find what the table brings by itself next: when, and the stay just before it.

    A fixed charge that falls due at the very instant of a step does not come. The stay may
    begin after `after_us`, when the law on prices changes in between.
    """
    stay = advanced(stay, after_us + 1)
    while True:
        turn_us = _turn_us(stay)
        fixed_us = stay.next_fixed_us(after_us) if with_fixed else None
        if fixed_us is not None and (turn_us is None or fixed_us < turn_us):
            return fixed_us, stay
        if turn_us is None:
            return None
        if stay.step is not None and turn_us == stay.step[0]:
            return turn_us, stay
        # at the edge itself a fixed charge may fall due, by the new law
        stay = _turned(stay, turn_us)


def exhausted_us(stay: Stay) -> int | None:
    """Find the first charge that would make the total pass the maximum if the call went on.

    Steps can go round for ever. Once a level is entered as it was before, at the same place in
    an increment and with no level new to the call in between, every further round costs the
    same: whole rounds are leaped over, so that a cheap round takes no longer than a dear one.

    Returns:
        µs from the start; None when nothing will ever pass it.
    """
    limit = stay.terms.limit
    if limit is None:
        return None
    marks: dict[tuple[int, int, int, int | None], Stay] = {}
    while stay.passed_us is None:
        turn_us = _turn_us(stay)
        if turn_us is None:
            return stay.passes_us(limit)
        stay = _turned(stay, turn_us)._replace(previous=None)
        if not _is_fresh(stay):
            continue
        key = (stay.number, stay.entered_us % stay.terms.increment_us, stay.seen, stay.edge_us)
        if (mark := marks.setdefault(key, stay)) is not stay:
            rounds = _rounds_left(mark, stay, limit)
            if rounds is None:
                return None
            stay = _leaped(mark, stay, rounds)
            marks.clear()
    return stay.passed_us


def _turn_us(stay: Stay) -> int | None:
    """Give the instant at which a stay ends by itself, or None when it never does."""
    if stay.step is None or (stay.edge_us is not None and stay.edge_us < stay.step[0]):
        return stay.edge_us
    return stay.step[0]


def _turned(stay: Stay, at_us: int) -> Stay:
    """Do what is due at the end of a stay; a step at the edge itself heeds the new law."""
    if stay.step is None or at_us < stay.step[0]:
        return _going_on(stay, at_us)
    number = stay.step[1]
    if at_us in stay.terms.withheld_steps:
        return stay._replace(step=None)
    if reason := refusal(stay, number, at_us):
        refused = Refusal(
            at_us=stay.terms.start_us + at_us, level=number, by=STEP, reason=reason
        )
        return stay._replace(step=None, refused=(*stay.refused, refused))
    return entered(stay, number, at_us, STEP)


def _going_on(stay: Stay, at_us: int) -> Stay:
    """Begin a new stay at the level in force, because something else changes."""
    return _next(
        stay,
        at_us,
        number=stay.number,
        by=None,
        per_call=0,
        entered_us=stay.entered_us,
        step=stay.step,
    )


def _per_call(stay: Stay, number: int, at_us: int) -> int:
    return 0 if stay.seen >> number & 1 else stay.terms.prices(number, at_us).per_call


def _next(
    stay: Stay,
    at_us: int,
    *,
    number: int,
    by: str | None,
    per_call: int,
    entered_us: int,
    step: tuple[int, int] | None,
) -> Stay:
    terms = stay.terms
    total = stay.total(at_us)
    passed_us = stay.passed_us
    if passed_us is None and terms.limit is not None and total > terms.limit:
        passed_us = stay.passes_us(terms.limit)
    return Stay(
        terms=terms,
        number=number,
        prices=terms.prices(number, at_us),
        by=by,
        entered_us=entered_us,
        from_us=at_us,
        per_call=per_call,
        base=total + per_call,
        seen=stay.seen | 1 << number,
        step=step,
        edge_us=terms.edge_after(at_us),
        is_free=stay.is_free,
        passed_us=passed_us,
        refused=stay.refused,
        # free time that began at the very instant left a stay without length and charges
        previous=stay.previous if stay.by is None and stay.from_us == at_us else stay,
    )


def _is_fresh(stay: Stay) -> bool:
    """Say whether a stay begins with an entry, has a step to come and nothing is spared."""
    return (
        stay.step is not None
        and stay.from_us == stay.entered_us
        and stay.from_us >= max(stay.terms.free_us, stay.terms.settled_us)
    )


def _rounds_left(mark: Stay, stay: Stay, limit: int) -> int | None:
    """Count the whole rounds from a mark to its like that change nothing but the total."""
    cost, length_us = stay.base - mark.base, stay.from_us - mark.from_us
    rounds = []
    if cost:
        # the last entry must be one that is not refused
        rounds.append((limit - stay.base - stay.prices.at_once) // cost)
    if stay.edge_us is not None:
        rounds.append((stay.edge_us - stay.from_us - 1) // length_us)
    return min(rounds, default=None)


def _leaped(mark: Stay, stay: Stay, rounds: int) -> Stay:
    shift_us = rounds * (stay.from_us - mark.from_us)
    return stay._replace(
        entered_us=stay.entered_us + shift_us,
        from_us=stay.from_us + shift_us,
        base=stay.base + rounds * (stay.base - mark.base),
        step=stay.step and (stay.step[0] + shift_us, stay.step[1]),
    )
