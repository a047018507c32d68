"""Tests of `callcontrol settings`."""

from __future__ import annotations

from pathlib import Path

from callcontrol.cli.settings import in_force, page
from callcontrol.config import Settings, described

ROOT = Path(__file__).parents[4]


def test_the_page_is_what_the_code_says():
    """`callcontrol settings --markdown > docs/settings.md` brings it up to date."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()


def test_every_setting_has_its_line():
    """With its meaning, its default and its bounds."""
    text = page()

    assert all(f"| `{name}` | {meaning}" in text for name, meaning, _ in described())
    assert "| `8084` | 0 to 65535 |" in text
    assert "603 or 433" in text


def test_secrets_are_not_shown():
    """Only whether they are set; everything else as it is in force."""
    chosen = Settings(dsn="postgresql://u:geheim@h/d", max_calls=7, allowed_peers="10.0.0.0/8")
    shown = {name: in_force(chosen, name) for name, _, _ in described()}

    assert "geheim" not in str(shown)
    assert shown["CALLCONTROL_DSN"] == "(set)"
    assert shown["CALLCONTROL_SWITCH_PASSWORD"] == "(not set)"
    assert shown["CALLCONTROL_MAX_CALLS"] == "7"
    assert shown["CALLCONTROL_ALLOWED_PEERS"] == "10.0.0.0/8"
