"""Whatever a price is, its words say so."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from num2words import num2words

from callcontrol.prompts.words import amount_words, tongue_of

# of each language: the words between francs and centimes, and their names
NAMES = {
    "fr": ("fr_CH", r"francs?(?: et)?", r"centimes?"),
    "de": ("de", r"Franken(?: und)?", r"Rappen"),
    "it": ("it", r"franc(?:o|hi)(?: e)?", r"centesim[oi]"),
    "en": ("en", r"francs?(?: and)?", r"centimes?"),
}


def numbers(language: str, library: str) -> dict[str, int]:
    """Read number words back: what each of the first hundred and one is called."""
    read = {num2words(number, lang=library): number for number in range(101)}
    return read | {"un": 1, "einen": 1, "one": 1}


@pytest.mark.parametrize("language", NAMES)
def test_every_price_to_a_hundred_names_its_francs_and_centimes(language: str):
    """Read back word by word, each of 10,001 prices is the price it was, and none is alike."""
    library, francs, coins = NAMES[language]
    read = numbers(language, library)
    shape = re.compile(rf"(?:(?P<f>.+?) {francs})?(?: ?(?P<c>[^ ].*?)(?: {coins})?)?")
    tongue = tongue_of(language)
    for price in range(10_001):
        said = amount_words(Decimal(price) / 100, "CHF", tongue)
        found = shape.fullmatch(said)
        assert found, said
        whole = read[found["f"]] if found["f"] else 0
        rest = read[found["c"]] if found["c"] else 0
        assert whole * 100 + rest == price, said


@pytest.mark.parametrize("language", NAMES)
def test_one_is_singular_and_more_are_not(language: str):
    """One franc is one, two are francs; of centimes alike."""
    tongue = tongue_of(language)
    one, two = (amount_words(Decimal(count), "CHF", tongue) for count in (1, 2))
    cent, cents = (amount_words(Decimal(count) / 100, "CHF", tongue) for count in (1, 2))
    if language == "de":
        assert (one, cent) == ("einen Franken", "einen Rappen")
    else:
        assert one.split()[-1] != two.split()[-1]
        assert cent.split()[-1] != cents.split()[-1]
