"""What callers are told of prices: in words, and as files that the switch plays.

words, sentence   a price in French, German, Italian, English; pure
needed            which prompts a table needs, by law and table; pure
folder            the files, found by what they say
making            makes them with a speech synthesiser, at configuration time

Each line imports only lines above it.
"""

from __future__ import annotations

from callcontrol.prompts.folder import Prompt, PromptFolder
from callcontrol.prompts.making import make, synthesiser_fault
from callcontrol.prompts.needed import (
    Needed,
    needed_before_change,
    needed_before_charging,
    needed_before_fixed,
    needed_prompts,
)
from callcontrol.prompts.sentence import ACCEPT_KEY, Spoken, sentence

__all__ = [
    "ACCEPT_KEY",
    "Needed",
    "Prompt",
    "PromptFolder",
    "Spoken",
    "make",
    "needed_before_change",
    "needed_before_charging",
    "needed_before_fixed",
    "needed_prompts",
    "sentence",
    "synthesiser_fault",
]
