from __future__ import annotations

from decimal import Decimal

import pytest

from callcontrol.errors import PromptError
from callcontrol.prompts.words import amount_words, duration_words, tongue_of

AMOUNTS = {
    "0.01": ("un centime", "einen Rappen", "un centesimo", "one centime"),
    "0.10": ("dix centimes", "zehn Rappen", "dieci centesimi", "ten centimes"),
    "0.075": (
        "sept virgule cinq centimes",
        "sieben Komma fünf Rappen",
        "sette virgola cinque centesimi",
        "seven point five centimes",
    ),
    "0.081075": (
        "huit virgule un zéro sept cinq centimes",
        "acht Komma eins null sieben fünf Rappen",
        "otto virgola uno zero sette cinque centesimi",
        "eight point one zero seven five centimes",
    ),
    "0.015": (
        "un virgule cinq centime",
        "eins Komma fünf Rappen",
        "uno virgola cinque centesimi",
        "one point five centimes",
    ),
    "0.97": (
        "nonante-sept centimes",
        "siebenundneunzig Rappen",
        "novantasette centesimi",
        "ninety-seven centimes",
    ),
    "1.00": ("un franc", "einen Franken", "un franco", "one franc"),
    "1.50": (
        "un franc cinquante",
        "einen Franken fünfzig",
        "un franco e cinquanta",
        "one franc fifty",
    ),
    "2.50": (
        "deux francs cinquante",
        "zwei Franken fünfzig",
        "due franchi e cinquanta",
        "two francs fifty",
    ),
    "2.05": (
        "deux francs et cinq centimes",
        "zwei Franken und fünf Rappen",
        "due franchi e cinque centesimi",
        "two francs and five centimes",
    ),
    "9.90": (
        "neuf francs nonante",
        "neun Franken neunzig",
        "nove franchi e novanta",
        "nine francs ninety",
    ),
    "71.00": (
        "septante et un francs",
        "einundsiebzig Franken",
        "settantuno franchi",
        "seventy-one francs",
    ),
    "80.81": (
        "huitante francs huitante et un",
        "achtzig Franken einundachtzig",
        "ottanta franchi e ottantuno",
        "eighty francs eighty-one",
    ),
    "100.00": ("cent francs", "einhundert Franken", "cento franchi", "one hundred francs"),
    "101.00": (
        "cent un francs",
        "einhundertein Franken",
        "centouno franchi",
        "one hundred and one francs",
    ),
}


class TestAmountWords:
    @pytest.mark.parametrize("amount", AMOUNTS)
    def test_as_people_say_it(self, amount: str):
        """Francs and centimes, singular and plural, and parts of a centime, checked by hand."""
        said = [
            amount_words(Decimal(amount), "CHF", tongue_of(language))
            for language in ("fr", "de", "it", "en")
        ]

        assert tuple(said) == AMOUNTS[amount]

    def test_trailing_zeros_are_not_said(self):
        """A tenth of a franc is ten centimes however it is written."""
        assert amount_words(Decimal("0.100000"), "CHF", tongue_of("de")) == "zehn Rappen"

    def test_french_of_other_countries(self):
        """Where the tag says France, it is soixante-dix and quatre-vingts."""
        price = Decimal("71.80")
        swiss, french = (
            amount_words(price, "CHF", tongue_of(tag)) for tag in ("fr-CH", "fr-FR")
        )

        assert swiss == "septante et un francs huitante"
        assert french == "soixante et onze francs quatre-vingts"

    def test_euros(self):
        """Tables of other countries speak of euros."""
        assert amount_words(Decimal("1.20"), "EUR", tongue_of("de")) == "einen Euro zwanzig"

    def test_what_cannot_be_said_is_refused(self):
        """Unknown languages and currencies are named."""
        with pytest.raises(PromptError, match="no price can be spoken in rm"):
            tongue_of("rm")
        with pytest.raises(PromptError, match="no price can be spoken in USD"):
            amount_words(Decimal(1), "USD", tongue_of("en"))


class TestDurationWords:
    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (60, ("une minute", "einer Minute", "un minuto", "one minute")),
            (1, ("une seconde", "einer Sekunde", "un secondo", "one second")),
            (600, ("dix minutes", "zehn Minuten", "dieci minuti", "ten minutes")),
            (
                90,
                ("nonante secondes", "neunzig Sekunden", "novanta secondi", "ninety seconds"),
            ),
            (
                21 * 60,
                (
                    "vingt et une minutes",
                    "einundzwanzig Minuten",
                    "ventuno minuti",
                    "twenty-one minutes",
                ),
            ),
        ],
    )
    def test_whole_minutes_or_seconds(self, seconds: int, said: tuple[str, ...]):
        """Minutes where they are whole, else seconds, with their gender."""
        found = [duration_words(seconds, tongue_of(tag)) for tag in ("fr", "de", "it", "en")]

        assert tuple(found) == said
