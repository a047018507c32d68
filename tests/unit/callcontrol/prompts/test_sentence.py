from __future__ import annotations

from decimal import Decimal

import pytest

from callcontrol.prompts import Spoken, sentence
from tariffs import FixedCharge

FIVE = FixedCharge(amount=Decimal("5.00"), after_s=600, every_s=600)


def said(language: str, kind: str = "start", **fields: object) -> str:
    """Say what is given in a language."""
    return sentence(Spoken(kind=kind, language=language, **fields))


class TestSentence:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("fr", "Cet appel coûte deux francs cinquante par minute."),
            ("de-CH", "Dieser Anruf kostet zwei Franken fünfzig pro Minute."),
            ("it", "Questa chiamata costa due franchi e cinquanta al minuto."),
            ("en", "This call costs two francs fifty per minute."),
        ],
    )
    def test_price_of_a_minute(self, language: str, words: str):
        """The plain case, in every language."""
        assert said(language, per_minute=Decimal("2.50")) == words

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (
                "fr",
                "Cet appel coûte vingt francs par appel, plus quatre francs cinquante par "
                "minute, plus cinq francs après dix minutes, puis toutes les dix minutes. "
                "Pour accepter, appuyez sur la touche un.",
            ),
            (
                "de",
                "Dieser Anruf kostet zwanzig Franken pro Anruf, plus vier Franken fünfzig pro "
                "Minute, plus fünf Franken nach zehn Minuten, dann alle zehn Minuten. "
                "Wenn Sie einverstanden sind, drücken Sie die Taste eins.",
            ),
            (
                "it",
                "Questa chiamata costa venti franchi per chiamata, più quattro franchi e "
                "cinquanta al minuto, più cinque franchi dopo dieci minuti, poi ogni dieci "
                "minuti. Per accettare, prema il tasto uno.",
            ),
            (
                "en",
                "This call costs twenty francs per call, plus four francs fifty per minute, "
                "plus five francs after ten minutes, then every ten minutes. "
                "To accept, press one.",
            ),
        ],
    )
    def test_base_fee_minute_fixed_charge_and_consent(self, language: str, words: str):
        """Everything a level may cost, and the question."""
        spoken = said(
            language,
            per_call=Decimal(20),
            per_minute=Decimal("4.50"),
            fixed=(FIVE,),
            consent=True,
        )

        assert spoken == words

    def test_change(self):
        """From now on, and a base fee once."""
        prices = {"per_call": Decimal(1), "per_minute": Decimal("0.10")}

        assert said("fr", "change", **prices) == (
            "Dès maintenant, cet appel coûte un franc une fois, plus dix centimes par minute."
        )
        assert said("de", "change", **prices) == (
            "Ab jetzt kostet dieser Anruf einmalig einen Franken, plus zehn Rappen pro Minute."
        )

    def test_fixed_charge_that_falls_due(self):
        """The amount alone, now."""
        assert (
            said("fr", "fixed", per_call=Decimal(10)) == "Nous facturons maintenant dix francs."
        )
        assert said("it", "fixed", per_call=Decimal(1)) == "Adesso addebitiamo un franco."

    def test_when_fixed_charges_come(self):
        """At once, once after a while, every minute, every second."""
        fixed = (
            FixedCharge(amount=Decimal(1), after_s=0),
            FixedCharge(amount=Decimal(2), after_s=60, every_s=60),
            FixedCharge(amount=Decimal(3), after_s=90, every_s=1),
        )

        assert said("en", fixed=fixed) == (
            "This call costs one franc at once, plus two francs after one minute, then every "
            "minute, plus three francs after ninety seconds, then every second."
        )

    def test_free(self):
        """A level that costs nothing is said to be free."""
        assert said("de") == "Dieser Anruf ist gratis."
        assert said("it", "change") == "Da adesso questa chiamata è gratuita."
