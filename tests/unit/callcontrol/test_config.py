"""Tests of callcontrol.config."""

from __future__ import annotations

import pytest

from callcontrol.config import PREFIX, Settings, described, settings
from callcontrol.errors import ConfigError


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """Run in an empty folder with no setting of ours in the environment."""
    import os

    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield
    settings.cache_clear()


class TestSources:
    def test_environment_before_dotenv_before_toml(self, tmp_path, monkeypatch):
        """Each source fills only what those before it left out."""
        (tmp_path / "callcontrol.toml").write_text(
            'engine = "toml"\nlisten_port = 1\nmax_calls = 7\n'
        )
        (tmp_path / ".env").write_text("CALLCONTROL_ENGINE=dotenv\nCALLCONTROL_LISTEN_PORT=2\n")
        monkeypatch.setenv("CALLCONTROL_ENGINE", "environment")

        chosen = settings()

        assert (chosen.engine, chosen.listen_port, chosen.max_calls) == ("environment", 2, 7)

    def test_a_toml_file_of_another_name(self, tmp_path, monkeypatch):
        """CALLCONTROL_CONFIG names it."""
        file = tmp_path / "other.toml"
        file.write_text("max_calls = 9\n")
        monkeypatch.setenv("CALLCONTROL_CONFIG", str(file))

        assert settings().max_calls == 9

    def test_lists_are_separated_by_commas(self, monkeypatch):
        """As the environment has no other way to hold one."""
        monkeypatch.setenv("CALLCONTROL_ALLOWED_PEERS", "192.0.2.0/24, 127.0.0.1/32")

        assert settings().allowed_peers == ("192.0.2.0/24", "127.0.0.1/32")


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("LISTEN_PORT", "70000"),
            ("LISTEN_PORT", "eighty"),
            ("MAX_CALLS", "0"),
            ("ALLOWED_PEERS", "everybody"),
            ("NUMBER_PREFIXES", "98x"),
            ("ENGINE", "a name with blanks"),
            ("LOG_LEVEL", "loud"),
        ],
    )
    def test_names_the_setting(self, monkeypatch, name, value):
        """One sentence that starts with the setting's own name."""
        monkeypatch.setenv(f"{PREFIX}{name}", value)

        with pytest.raises(ConfigError) as caught:
            settings()

        assert str(caught.value).startswith(f"{PREFIX}{name}")
        assert len(caught.value.faults) == 1

    def test_names_every_setting_that_is_wrong(self, monkeypatch):
        """Nobody wants to mend them one by one."""
        monkeypatch.setenv("CALLCONTROL_LISTEN_PORT", "-1")
        monkeypatch.setenv("CALLCONTROL_MAX_CALLS", "-1")

        with pytest.raises(ConfigError) as caught:
            settings()

        assert len(caught.value.faults) == 2

    def test_a_settings_file_that_is_not_there(self, monkeypatch):
        """Asked for by name, it has to be."""
        monkeypatch.setenv("CALLCONTROL_CONFIG", "nowhere.toml")

        with pytest.raises(
            ConfigError, match=r"CALLCONTROL_CONFIG: no such file: nowhere\.toml"
        ):
            settings()

    def test_a_settings_file_that_is_no_toml(self, tmp_path):
        """The sentence says where it breaks."""
        (tmp_path / "callcontrol.toml").write_text("max_calls = = 7\n")

        with pytest.raises(ConfigError, match=r"settings file: .*line 1"):
            settings()


class TestPassword:
    def test_from_a_file(self, tmp_path):
        """So that it need not stand in the environment; the line end does not count."""
        file = tmp_path / "password"
        file.write_text("secret\n")

        assert Settings(switch_password_file=file).password() == "secret"

    def test_from_a_file_that_is_not_there(self, tmp_path):
        """Names the setting and the file."""
        with pytest.raises(ConfigError, match=r"CALLCONTROL_SWITCH_PASSWORD_FILE: .*nowhere"):
            Settings(switch_password_file=tmp_path / "nowhere").password()

    def test_is_never_shown(self):
        """Neither the password nor the database's is in the settings' text."""
        text = repr(Settings(switch_password="secret-1", dsn="postgresql://u:secret-2@h/d"))

        assert "secret" not in text


def test_every_setting_is_described():
    """`serve --help` lists them all, with what they mean."""
    rows = described()

    assert len(rows) == len(Settings.model_fields)
    assert all(meaning for _, meaning, _ in rows)
