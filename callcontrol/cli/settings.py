"""`callcontrol settings`: every setting, with what is in force, allowed and meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from callcontrol import config
from callcontrol.config import Settings, described

_PAGE = """\
# Settings

Each from the environment, else from a `.env` file, else from a TOML file (`callcontrol.toml`, or the one `CALLCONTROL_CONFIG` names; there without the prefix and in lower case), else the default. A value that is not allowed ends the engine at its start, with exit status 2 and a sentence. With `--workers`, SIGHUP brings into force what has changed in the files, but for ports, addresses, journal and name; what the environment says, and a lone engine's settings, change with a restart. This page is what `callcontrol settings --markdown` prints; without it the command shows what is in force.

| Setting | Meaning | Default | Allowed |
|---|---|---|---|
{rows}

The switch has settings of its own: `freeswitch-conf/README.md`.
"""  # noqa: E501


def settings(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page docs/settings.md.")
    ] = False,
) -> None:
    """Show every setting: what is in force, by default, allowed, and what it means."""
    if markdown:
        print(page(), end="")
        return
    table = Table("setting", "in force", "default", "meaning")
    chosen = config.settings()
    for name, meaning, default in described():
        table.add_row(name, in_force(chosen, name), default, meaning)
    Console(highlight=False, markup=False).print(table)


def in_force(chosen: Settings, setting: str) -> str:
    """Write a setting's value; of a secret only whether it is set."""
    name = setting.removeprefix(config.PREFIX).lower()
    value = getattr(chosen, name)
    if not Settings.model_fields[name].repr:
        return "(set)" if name in chosen.model_fields_set else "(not set)"
    return ",".join(value) if isinstance(value, tuple) else str("" if value is None else value)


def page() -> str:
    """Write the page docs/settings.md."""
    schema = Settings.model_json_schema()["properties"]
    return _PAGE.format(
        rows="\n".join(
            _row(name, meaning, default, schema[name.removeprefix(config.PREFIX).lower()])
            for name, meaning, default in described()
        )
    )


def _row(name: str, meaning: str, default: str, schema: dict[str, Any]) -> str:
    shown = f"`{default}`" if default else ""
    cells = (f"`{name}`", meaning, shown, ", ".join(_allowed(schema)))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _allowed(schema: dict[str, Any]) -> Iterable[str]:
    """Say in words what the schema allows."""
    if "enum" in schema:
        yield " or ".join(schema["enum"])
    if "minimum" in schema:
        yield f"{schema['minimum']} to {schema['maximum']}"
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']}, to {schema['maximum']}"
    if "maxLength" in schema:
        yield f"{schema['minLength']} to {schema['maxLength']} characters"
    if "pattern" in schema:
        yield f"`{schema['pattern']}`"
