"""What must be spoken to a caller, and confirmed by a key, before a price may be charged.

The law's thresholds are dated rows (law.py); a table may be stricter, never laxer: of two
thresholds the lower holds, of two waits the longer. Prices are compared, and told, as the
caller pays them: clipped to the law, VAT included.

Source: OIP (SR 942.211) art. 11a; telecommunications act art. 12b § 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from tariffs.errors import UnknownLevel
from tariffs.law import Law, Subject
from tariffs.level import FixedCharge, Level
from tariffs.money import cut_off, rounded_up
from tariffs.swiss import SWISS_LAW
from tariffs.tariff import Announcement, Tariff
from tariffs.terms import SECOND_US
from tariffs.vat import with_vat


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What is owed to the caller before a price may be charged.

    Attributes:
        spoken: the price must be spoken, free of charge.
        consent: the caller must press a key after that; only together with `spoken`.
        wait_us: from the end of the announcement to the first charge, µs.
    """

    spoken: bool = False
    consent: bool = False
    wait_us: int = 0


NO_DUTY = Duty()

_MILLIONTH = Decimal("0.000001")


def told_level(tariff: Tariff, number: int, at_us: int, *, law: Law = SWISS_LAW) -> Level:
    """Give a level's prices as a caller pays them at an instant: to be told, and compared.

    Args:
        tariff: the table.
        number: of the level.
        at_us: of the call, µs since the epoch.
        law: the limits that hold.

    Returns:
        The level with its prices clipped to the law and VAT included; a fixed charge that
        costs nothing is left out.

    Raises:
        UnknownLevel: the table lacks the level.
    """
    level = tariff.levels.get(number)
    if level is None:
        raise UnknownLevel(number)
    vat_rate = law.vat_rate(at_us)

    def told(subject: Subject, price: Decimal) -> Decimal:
        ceiling = law.ceiling(subject, tariff, at_us, vat_rate=vat_rate)
        lawful = price if ceiling is None else min(price, cut_off(ceiling))
        if tariff.includes_vat:
            return lawful
        return rounded_up(with_vat(Fraction(lawful), vat_rate), _MILLIONTH)

    fixed = (
        replace(charge, amount=told(Subject.FIXED, charge.amount)) for charge in level.fixed
    )
    return replace(
        level,
        per_minute=told(Subject.PER_MINUTE, level.per_minute),
        per_call=told(Subject.PER_CALL, level.per_call),
        fixed=tuple(charge for charge in fixed if charge.amount),
    )


def before_charging(tariff: Tariff, number: int, at_us: int, *, law: Law = SWISS_LAW) -> Duty:
    """Say what is owed before a call is charged at its first level.

    Raises:
        UnknownLevel: the table lacks the level.
    """
    level = told_level(tariff, number, at_us, law=law)
    price = max(level.per_call, level.per_minute)
    limits = _Limits(tariff, law, at_us)
    is_confirmed = limits.asks_consent(fixed=level.per_call, per_minute=level.per_minute)
    if not is_confirmed and not _above(price, limits.lowest(Subject.SPOKEN_ABOVE)):
        return NO_DUTY
    return Duty(spoken=True, consent=is_confirmed, wait_us=limits.wait_us)


def before_change(
    tariff: Tariff,
    number: int,
    at_us: int,
    *,
    in_force: int,
    is_new: bool,
    law: Law = SWISS_LAW,
) -> Duty:
    """Say what is owed before another level comes into force in a call, asked for or by a step.

    A minute price that is not above the one in force needs no second consent.

    Args:
        tariff: the table.
        number: of the new level.
        at_us: of the change, µs since the epoch.
        in_force: number of the level before.
        is_new: the level was not in force in this call before, so its base fee is charged.
        law: the limits that hold.

    Raises:
        UnknownLevel: the table lacks one of the levels.
    """
    level = told_level(tariff, number, at_us, law=law)
    per_call = level.per_call if is_new else Decimal(0)
    at_once = max((one.amount for one in level.fixed if one.after_s == 0), default=Decimal(0))
    fixed = max(per_call, at_once)
    limits = _Limits(tariff, law, at_us)
    is_dearer = level.per_minute > told_level(tariff, in_force, at_us, law=law).per_minute
    is_confirmed = limits.asks_consent(
        fixed=fixed, per_minute=level.per_minute if is_dearer else Decimal(0)
    )
    price = max(fixed, level.per_minute)
    is_spoken = is_confirmed or _above(price, limits.lowest_on_change)
    return Duty(spoken=is_spoken, consent=is_confirmed)


def before_fixed(tariff: Tariff, amount: Decimal, at_us: int, *, law: Law = SWISS_LAW) -> Duty:
    """Say what is owed before a fixed charge falls due in a call.

    Args:
        tariff: the table.
        amount: as the caller pays it, VAT included.
        at_us: when it falls due, µs since the epoch.
        law: the limits that hold.
    """
    limits = _Limits(tariff, law, at_us)
    is_confirmed = limits.asks_consent(fixed=amount, per_minute=Decimal(0))
    is_spoken = is_confirmed or _above(amount, limits.lowest_on_change)
    return Duty(spoken=is_spoken, consent=is_confirmed)


def due_charges(level: Level, entered_us: int, at_us: int) -> tuple[FixedCharge, ...]:
    """List the fixed charges of a level that fall due at an instant.

    Args:
        level: as it is told (`told_level`).
        entered_us: since when it has been in force, µs since the epoch.
        at_us: the instant, µs since the epoch.
    """

    def falls_due(charge: FixedCharge) -> bool:
        late_us = at_us - entered_us - charge.after_s * SECOND_US
        if late_us <= 0 or charge.every_s is None:
            return late_us == 0
        return late_us % (charge.every_s * SECOND_US) == 0

    return tuple(charge for charge in level.fixed if falls_due(charge))


class _Limits:
    """The thresholds of law and table together, at an instant."""

    def __init__(self, tariff: Tariff, law: Law, at_us: int) -> None:
        self._own = tariff.announcement
        self._law = {
            subject: law.value(subject, tariff.category, at_us)
            for subject in (*_OWN, Subject.SPOKEN_WAIT_S, Subject.SPOKEN_ON_CHANGE_ABOVE)
        }

    def lowest(self, subject: Subject) -> Decimal | None:
        given = (_OWN[subject](self._own), self._law[subject])
        return min((value for value in given if value is not None), default=None)

    @property
    def lowest_on_change(self) -> Decimal | None:
        """A table that has its price spoken has its changes spoken as well."""
        given = (self._own.spoken_above, self._law[Subject.SPOKEN_ON_CHANGE_ABOVE])
        return min((value for value in given if value is not None), default=None)

    @property
    def wait_us(self) -> int:
        own_s, law_s = self._own.spoken_wait_s, self._law[Subject.SPOKEN_WAIT_S]
        return max(own_s or 0, int(law_s or 0)) * SECOND_US

    def asks_consent(self, *, fixed: Decimal, per_minute: Decimal) -> bool:
        return _above(fixed, self.lowest(Subject.CONSENT_FIXED_ABOVE)) or _above(
            per_minute, self.lowest(Subject.CONSENT_PER_MINUTE_ABOVE)
        )


def _spoken_above(policy: Announcement) -> Decimal | None:
    return policy.spoken_above


def _consent_fixed_above(policy: Announcement) -> Decimal | None:
    return policy.consent_fixed_above


def _consent_per_minute_above(policy: Announcement) -> Decimal | None:
    return policy.consent_per_minute_above


_OWN = {
    Subject.SPOKEN_ABOVE: _spoken_above,
    Subject.CONSENT_FIXED_ABOVE: _consent_fixed_above,
    Subject.CONSENT_PER_MINUTE_ABOVE: _consent_per_minute_above,
}


def _above(price: Decimal, threshold: Decimal | None) -> bool:
    return threshold is not None and price > threshold
