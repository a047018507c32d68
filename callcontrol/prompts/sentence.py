"""What is said to a caller of a price: one sentence for each case, in four languages; pure.

Source: OIP (SR 942.211) art. 11a: clear, and in the language of the service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from callcontrol.prompts.words import Tongue, amount_words, duration_words, tongue_of
from tariffs import FixedCharge

Kind = Literal["start", "change", "fixed"]

ACCEPT_KEY = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What is to be said; two that are equal are the same words.

    Attributes:
        kind: before charging; before a change of level; before a fixed charge in the call.
        language: language tag.
        currency: ISO 4217.
        per_minute: price of a minute.
        per_call: base fee that will be charged; of kind `fixed`, the charge.
        fixed: charges that come during the call.
        consent: the caller is asked to press the key.
    """

    kind: Kind
    language: str
    currency: str = "CHF"
    per_minute: Decimal = Decimal(0)
    per_call: Decimal = Decimal(0)
    fixed: tuple[FixedCharge, ...] = ()
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    start: str
    change: str
    charge: str
    free: str
    change_free: str
    per_minute: str
    per_call: str
    once: str
    plus: str
    at_once: str
    after: str
    then_every: str
    then_each_minute: str
    then_each_second: str
    accept: str


_PHRASES = {
    "fr": _Phrases(
        start="Cet appel coûte {}.",
        change="Dès maintenant, cet appel coûte {}.",
        charge="Nous facturons maintenant {}.",
        free="Cet appel est gratuit.",
        change_free="Dès maintenant, cet appel est gratuit.",
        per_minute="{} par minute",
        per_call="{} par appel",
        once="{} une fois",
        plus=", plus ",
        at_once="{} tout de suite",
        after="{} après {}",
        then_every=", puis toutes les {}",
        then_each_minute=", puis chaque minute",
        then_each_second=", puis chaque seconde",
        accept="Pour accepter, appuyez sur la touche un.",
    ),
    "de": _Phrases(
        start="Dieser Anruf kostet {}.",
        change="Ab jetzt kostet dieser Anruf {}.",
        charge="Wir verrechnen jetzt {}.",
        free="Dieser Anruf ist gratis.",
        change_free="Ab jetzt ist dieser Anruf gratis.",
        per_minute="{} pro Minute",
        per_call="{} pro Anruf",
        once="einmalig {}",
        plus=", plus ",
        at_once="{} sofort",
        after="{} nach {}",
        then_every=", dann alle {}",
        then_each_minute=", dann jede Minute",
        then_each_second=", dann jede Sekunde",
        accept="Wenn Sie einverstanden sind, drücken Sie die Taste eins.",
    ),
    "it": _Phrases(
        start="Questa chiamata costa {}.",
        change="Da adesso questa chiamata costa {}.",
        charge="Adesso addebitiamo {}.",
        free="Questa chiamata è gratuita.",
        change_free="Da adesso questa chiamata è gratuita.",
        per_minute="{} al minuto",
        per_call="{} per chiamata",
        once="{} una volta",
        plus=", più ",
        at_once="{} subito",
        after="{} dopo {}",
        then_every=", poi ogni {}",
        then_each_minute=", poi ogni minuto",
        then_each_second=", poi ogni secondo",
        accept="Per accettare, prema il tasto uno.",
    ),
    "en": _Phrases(
        start="This call costs {}.",
        change="From now on this call costs {}.",
        charge="We now charge {}.",
        free="This call is free of charge.",
        change_free="From now on this call is free of charge.",
        per_minute="{} per minute",
        per_call="{} per call",
        once="{} once",
        plus=", plus ",
        at_once="{} at once",
        after="{} after {}",
        then_every=", then every {}",
        then_each_minute=", then every minute",
        then_each_second=", then every second",
        accept="To accept, press one.",
    ),
}


def sentence(spoken: Spoken) -> str:
    """Say it in words.

    Raises:
        PromptError: neither language nor currency can be spoken.
    """
    tongue = tongue_of(spoken.language)
    phrases = _PHRASES[tongue.tag]
    if spoken.kind == "fixed":
        said = phrases.charge.format(amount_words(spoken.per_call, spoken.currency, tongue))
    elif prices := phrases.plus.join(_prices(spoken, tongue, phrases)):
        said = (phrases.start if spoken.kind == "start" else phrases.change).format(prices)
    else:
        said = phrases.free if spoken.kind == "start" else phrases.change_free
    return f"{said} {phrases.accept}" if spoken.consent else said


def _prices(spoken: Spoken, tongue: Tongue, phrases: _Phrases) -> Iterator[str]:
    def words(amount: Decimal) -> str:
        return amount_words(amount, spoken.currency, tongue)

    if spoken.per_call:
        form = phrases.per_call if spoken.kind == "start" else phrases.once
        yield form.format(words(spoken.per_call))
    if spoken.per_minute:
        yield phrases.per_minute.format(words(spoken.per_minute))
    for charge in spoken.fixed:
        when = (
            phrases.after.format(words(charge.amount), duration_words(charge.after_s, tongue))
            if charge.after_s
            else phrases.at_once.format(words(charge.amount))
        )
        yield when + _again(charge.every_s, tongue, phrases)


def _again(every_s: int | None, tongue: Tongue, phrases: _Phrases) -> str:
    if every_s is None:
        return ""
    if every_s == 60:
        return phrases.then_each_minute
    if every_s == 1:
        return phrases.then_each_second
    return phrases.then_every.format(duration_words(every_s, tongue))
