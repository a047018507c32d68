"""Settings: every value with unit, bounds and default; only this reads the environment."""

from __future__ import annotations

import ipaddress
import os
import socket
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from callcontrol.errors import ConfigError

PREFIX = "CALLCONTROL_"

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What an engine is told when it starts.

    Source: the environment (CALLCONTROL_DSN, …), then a `.env` file, then a TOML file
    (`callcontrol.toml`, or the one CALLCONTROL_CONFIG names), then the defaults here.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    dsn: str = Field(
        "postgresql:///callcontrol", repr=False, description="Postgres, as a connection URI"
    )
    journal: Path = Field(
        Path("journal.sqlite"),
        description="file of the local journal; further workers have their own beside it",
    )
    peers: Words = Field(
        (),
        description="journals of other engines on this machine and switch, as paths or"
        " patterns, separated by commas; one that dies has its calls taken over",
    )
    engine: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="name of this engine in records and on the switch [the host's name]",
    )
    listen_host: str = Field("127.0.0.1", description="address the switch's calls arrive at")
    listen_port: Port = Field(
        8084, description="port the switch's calls arrive at; 0: any free"
    )
    allowed_peers: Words = Field(
        ("127.0.0.1/32",), description="networks calls are taken from, separated by commas"
    )
    switch_host: str = Field("127.0.0.1", description="the switch's inbound event socket")
    switch_port: Port = Field(8021, description="port of the switch's inbound event socket")
    switch_password: str = Field(
        "", repr=False, description="password of the switch's inbound event socket"
    )
    switch_password_file: Path | None = Field(
        None, description="file that holds the password, instead of the setting above"
    )
    switch_cdrs: Path | None = Field(
        None,
        description="folder in which the switch writes cdr-csv/Master.csv, where this machine"
        " sees it; calls that ended unseen are closed by it [they are closed where last seen]",
    )
    sip_profile: str = Field(
        "external",
        pattern=r"^[A-Za-z0-9._-]+$",
        description="SIP profile of the switch that outgoing calls leave by",
    )
    trusted_trunks: Words = Field(
        ("127.0.0.0/8",),
        description="networks whose P-Asserted-Identity is believed, separated by commas",
    )
    number_prefixes: Words = Field(
        (), description="technical prefixes in front of called numbers, separated by commas"
    )
    withheld_refusal: Literal["603", "433"] = Field(
        "603", description="SIP answer to a withheld caller on a number that refuses them"
    )
    prompts: str = Field(
        "/var/lib/callcontrol/prompts",
        pattern=r"^/[A-Za-z0-9/._-]+$",
        description="folder of prompts, the same for engine and switch; the message NAME is "
        "played from NAME.wav",
    )
    voice: str = Field(
        "espeak-ng -v {language} -s 145 -w {file} {text}",
        description="speech synthesiser's command that `callcontrol prompts make` runs",
    )
    announce_prices: Literal["here", "elsewhere"] = Field(
        "here",
        description="who speaks the price and asks for consent where the law wants it: the "
        "engine, or somebody else before the call comes here",
    )
    consent_wait_s: Annotated[int, Field(ge=1, le=60)] = Field(
        8, description="seconds a caller has to press the key that accepts a price"
    )
    message_limit_s: Annotated[int, Field(ge=1, le=120)] = Field(
        60, description="seconds a message before a release may last"
    )
    max_calls: int = Field(
        2000, ge=1, le=100_000, description="calls at once, over all workers; above it 503"
    )
    connect_deadline_s: Seconds = Field(
        2, description="seconds the switch has to say who is calling"
    )
    command_deadline_s: Seconds = Field(2, description="seconds the switch has for a command")
    progress_deadline_s: Annotated[int, Field(ge=1, le=60)] = Field(
        8, description="seconds a destination has to give any sign of life"
    )
    ended_deadline_s: Seconds = Field(
        10, description="seconds the switch has to tell the end of a leg that has gone"
    )
    metrics_host: str = Field("127.0.0.1", description="address of /metrics, /livez, /readyz")
    metrics_port: Port = Field(
        9184, description="port of /metrics, /livez, /readyz; 0: any free"
    )
    reference_check_s: Seconds = Field(
        300, description="seconds between full checks of the reference against Postgres"
    )
    keep_reference: bool = Field(
        True,
        description="keep the last good reference beside the journal, to start by it while"
        " Postgres is away",
    )
    ship_batch: int = Field(500, ge=1, le=5000, description="records sent to Postgres at once")
    drain_s: Seconds = Field(30, description="seconds a polite stop waits for set-ups")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level of the log lines"
    )

    @field_validator(
        "allowed_peers", "trusted_trunks", "number_prefixes", "peers", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("allowed_peers", "trusted_trunks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            ipaddress.ip_network(word)
        return value

    @field_validator("number_prefixes")
    @classmethod
    def _digits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not (word.isascii() and word.lstrip("+").isdigit()):
                raise ValueError(f"{word!r} is not a prefix of digits")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file after the environment and `.env`."""
        toml = Path(os.environ.get(f"{PREFIX}CONFIG", "callcontrol.toml"))
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=toml),
        )

    def password(self) -> str:
        """Give the event socket's password from the setting or from its file.

        Raises:
            ConfigError: the file cannot be read.
        """
        if self.switch_password_file is None:
            return self.switch_password
        try:
            return self.switch_password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
            raise ConfigError(
                f"{PREFIX}SWITCH_PASSWORD_FILE: {self.switch_password_file}: {reason}"
            ) from exc


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the settings once.

    Raises:
        ConfigError: a sentence for each setting that is wrong, naming it.
    """
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named is not None and not Path(named).is_file():
        raise ConfigError(f"{PREFIX}CONFIG: no such file: {named}")
    try:
        return Settings()
    except ValidationError as exc:
        raise ConfigError(
            *(_sentence(error["loc"], error["msg"]) for error in exc.errors())
        ) from exc
    except ValueError as exc:
        # tomllib's and python-dotenv's own complaints
        raise ConfigError(f"settings file: {exc}") from exc


def _sentence(loc: tuple[int | str, ...], message: str) -> str:
    name = f"{PREFIX}{str(loc[0]).upper()}" if loc else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"


def described() -> list[tuple[str, str, str]]:
    """List every setting as (name, meaning with unit, default), for `serve --help`."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory is not None else field.get_default()
        if isinstance(default, tuple):
            default = ",".join(default)
        rows.append((f"{PREFIX}{name.upper()}", field.description or "", str(default or "")))
    return rows
