"""Numbers, amounts and times in words, in the languages of the country; pure.

An amount is said as people say it at a counter: "deux francs cinquante", "zwei Franken
fünfzig", "dix centimes". Below ten centimes the coin is named, because "deux francs cinq" is
misheard. Fractions of a centime are said digit by digit: "sept virgule cinq centimes".

French is that of Switzerland (septante, huitante, nonante) unless the tag says another country.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from num2words import num2words

from callcontrol.errors import PromptError


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """A unit with its plural.

    Attributes:
        one, many: singular and plural.
        a: "one" of it, in the case that "costs" asks for.
    """

    one: str
    many: str
    a: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """How a language says numbers and amounts.

    Attributes:
        tag: primary language subtag.
        number_words: what the library of number words calls it.
        units: by currency, the coin that counts and its hundredth.
        point: between whole and decimals.
        joined: between francs and centimes of ten and more.
        joined_coin: between francs and centimes that are named.
        minute, second: of time.
        before_noun: the last word of a number before a masculine noun.
        plural_from: the least amount that takes the plural.
    """

    tag: str
    number_words: str
    units: dict[str, tuple[Noun, Noun]]
    point: str
    joined: str
    joined_coin: str
    minute: Noun
    second: Noun
    before_noun: Callable[[str], str]
    plural_from: Decimal


def _same(words: str) -> str:
    return words


def _without_s(words: str) -> str:
    """Say "einhundertein Franken", not "einhunderteins Franken"."""
    return re.sub(r"eins$", "ein", words)


_TONGUES = {
    "fr": Tongue(
        tag="fr",
        number_words="fr_CH",
        units={
            "CHF": (
                Noun(one="franc", many="francs", a="un"),
                Noun(one="centime", many="centimes", a="un"),
            ),
            "EUR": (
                Noun(one="euro", many="euros", a="un"),
                Noun(one="centime", many="centimes", a="un"),
            ),
        },
        point="virgule",
        joined=" ",
        joined_coin=" et ",
        minute=Noun(one="minute", many="minutes", a="une"),
        second=Noun(one="seconde", many="secondes", a="une"),
        before_noun=_same,
        plural_from=Decimal(2),  # un virgule cinq centime
    ),
    "de": Tongue(
        tag="de",
        number_words="de",
        units={
            "CHF": (
                Noun(one="Franken", many="Franken", a="einen"),
                Noun(one="Rappen", many="Rappen", a="einen"),
            ),
            "EUR": (
                Noun(one="Euro", many="Euro", a="einen"),
                Noun(one="Cent", many="Cent", a="einen"),
            ),
        },
        point="Komma",
        joined=" ",
        joined_coin=" und ",
        minute=Noun(one="Minute", many="Minuten", a="einer"),
        second=Noun(one="Sekunde", many="Sekunden", a="einer"),
        before_noun=_without_s,
        plural_from=Decimal(0),
    ),
    "it": Tongue(
        tag="it",
        number_words="it",
        units={
            "CHF": (
                Noun(one="franco", many="franchi", a="un"),
                Noun(one="centesimo", many="centesimi", a="un"),
            ),
            "EUR": (
                Noun(one="euro", many="euro", a="un"),
                Noun(one="centesimo", many="centesimi", a="un"),
            ),
        },
        point="virgola",
        joined=" e ",
        joined_coin=" e ",
        minute=Noun(one="minuto", many="minuti", a="un"),
        second=Noun(one="secondo", many="secondi", a="un"),
        before_noun=_same,
        plural_from=Decimal(0),
    ),
    "en": Tongue(
        tag="en",
        number_words="en",
        units={
            "CHF": (
                Noun(one="franc", many="francs", a="one"),
                Noun(one="centime", many="centimes", a="one"),
            ),
            "EUR": (
                Noun(one="euro", many="euros", a="one"),
                Noun(one="cent", many="cents", a="one"),
            ),
        },
        point="point",
        joined=" ",
        joined_coin=" and ",
        minute=Noun(one="minute", many="minutes", a="one"),
        second=Noun(one="second", many="seconds", a="one"),
        before_noun=_same,
        plural_from=Decimal(0),
    ),
}

LANGUAGES = tuple(_TONGUES)
# other French than that of Switzerland: soixante-dix, quatre-vingts
_FRENCH_ELSEWHERE = "fr"


@lru_cache(maxsize=64)
def tongue_of(language: str) -> Tongue:
    """Find how a language is spoken.

    Args:
        language: a language tag such as `fr`, `fr-CH`, `fr-FR`, `de-CH`.

    Raises:
        PromptError: prices cannot be spoken in it.
    """
    primary, _, region = language.lower().partition("-")
    tongue = _TONGUES.get(primary)
    if tongue is None:
        spoken = ", ".join(LANGUAGES)
        raise PromptError(f"no price can be spoken in {language}, only in {spoken}")
    if primary == "fr" and region not in ("", "ch"):
        return replace(tongue, number_words=_FRENCH_ELSEWHERE)
    return tongue


def amount_words(amount: Decimal, currency: str, tongue: Tongue) -> str:
    """Say an amount of money.

    Args:
        amount: not negative, at most six decimals.
        currency: ISO 4217.
        tongue: the language.

    Raises:
        PromptError: the currency has no words.
    """
    if currency not in tongue.units:
        known = ", ".join(tongue.units)
        raise PromptError(f"no price can be spoken in {currency}, only in {known}")
    whole_noun, coin_noun = tongue.units[currency]
    hundredths = amount * 100
    whole, coins = int(hundredths // 100), hundredths % 100
    if not coins:
        return _counted(Decimal(whole), whole_noun, tongue)
    named = _counted(coins, coin_noun, tongue)
    if not whole:
        return named
    francs = _counted(Decimal(whole), whole_noun, tongue)
    if coins >= 10 and coins == int(coins):
        return f"{francs}{tongue.joined}{_number(int(coins), tongue)}"
    return f"{francs}{tongue.joined_coin}{named}"


def duration_words(seconds: int, tongue: Tongue) -> str:
    """Say a time: in minutes when it is whole minutes, else in seconds."""
    noun, count = (
        (tongue.minute, seconds // 60)
        if seconds % 60 == 0
        else (
            tongue.second,
            seconds,
        )
    )
    if count == 1:
        return f"{noun.a} {noun.one}"
    words = tongue.before_noun(_number(count, tongue))
    if tongue.tag == "fr":
        words = re.sub(r"\bun$", "une", words)  # vingt et une minutes
    return f"{words} {noun.many}"


def _counted(count: Decimal, noun: Noun, tongue: Tongue) -> str:
    """Say so many of a thing; decimals digit by digit."""
    if count == 1:
        return f"{noun.a} {noun.one}"
    whole, _, decimals = f"{count.normalize():f}".partition(".")
    words = _number(int(whole), tongue)
    if decimals:
        digits = " ".join(_number(int(digit), tongue) for digit in decimals)
        words = f"{words} {tongue.point} {digits}"
    else:
        words = tongue.before_noun(words)
    return f"{words} {noun.one if count < tongue.plural_from else noun.many}"


@lru_cache(maxsize=4096)
def _words(number: int, number_words: str) -> str:
    return str(num2words(number, lang=number_words))


def _number(number: int, tongue: Tongue) -> str:
    return _words(number, tongue.number_words)
