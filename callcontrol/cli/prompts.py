"""`callcontrol prompts`: what callers must be told of prices; `prompts make` makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from callcontrol.clock import SystemClock, at_of, us_of
from callcontrol.config import Settings, settings
from callcontrol.errors import ConfigError, PromptError
from callcontrol.prompts import (
    Needed,
    Prompt,
    PromptFolder,
    make,
    needed_prompts,
    sentence,
    synthesiser_fault,
)
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file

app = typer.Typer(rich_markup_mode=None)

_FILE = Annotated[
    Path | None, typer.Option(help="A reference file to go by, instead of Postgres.")
]

_TARIFF = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only what this tariff needs.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A prompt that a table needs, and whether it is there.

    Attributes:
        needed: what it says, and for what.
        name: of the synthesised file, in the folder and without `.wav`.
        recorded: the name a recording of the customer's own would have.
        text: the words.
        prompt: the file that is there; None when none is.
        fault: why what is there cannot be played; none when it can.
    """

    needed: Needed
    name: str
    recorded: str
    text: str
    prompt: Prompt | None = None
    fault: str | None = None


@app.callback(invoke_without_command=True)
def prompts(
    context: typer.Context,
    file: _FILE = None,
    tariff: _TARIFF = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List what callers must be told of prices, and whether it is there.

    Exits 1 when something is missing. A recording of your own, put under the name listed as
    `recorded`, goes before the synthesised one.
    """
    if context.invoked_subcommand is not None:
        return
    places = list(places_of(_reference(file, tariff), settings()))
    if as_json:
        print(json.dumps([_plain(place) for place in places], indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for place in places:
            _print(place, console)
    if any(place.prompt is None for place in places):
        raise typer.Exit(1)


@app.command("make")
def make_(file: _FILE = None, tariff: _TARIFF = None) -> None:
    """Make the prompts that are missing, with the speech synthesiser of CALLCONTROL_VOICE.

    What is there already is left alone. A price that has changed is another prompt.
    """
    chosen = settings()
    places = list(places_of(_reference(file, tariff), chosen))
    missing = [place for place in places if place.prompt is None]
    folder = PromptFolder(chosen.prompts, chosen.voice)
    if missing and (fault := synthesiser_fault(chosen.voice)):
        raise ConfigError(f"CALLCONTROL_VOICE: {fault}; {len(missing)} prompts are missing")
    made = set()
    for place in missing:
        if place.name not in made:
            make(place.needed, folder)
            made.add(place.name)
            print(f"{place.name}  {place.text}")
    print(f"{len(made)} made, {len(places) - len(missing)} were there, in {folder.folder}")


def places_of(reference: Reference, chosen: Settings) -> Iterator[Place]:
    """List every prompt that the tables now and in future need.

    Args:
        reference: for its tariffs.
        chosen: for folder and voice.

    Raises:
        ConfigError: a table's prices cannot be spoken.
    """
    folder = PromptFolder(chosen.prompts, chosen.voice)
    now = at_of(SystemClock().now_us())
    for name, tables in sorted(reference.tariffs.items()):
        for table in tables:
            if table.valid_until is not None and table.valid_until <= now:
                continue
            at = _later(now, table.valid_from)
            try:
                for needed in needed_prompts(table, us_of(at)):
                    yield _place(needed, folder)
            except PromptError as exc:
                raise ConfigError(f"tariff {name}: {exc}") from exc


def _place(needed: Needed, folder: PromptFolder) -> Place:
    prompt, fault = None, None
    try:
        prompt = folder.find(needed)
    except PromptError as exc:
        fault = str(exc)
    return Place(
        needed=needed,
        name=folder.spoken_name(needed),
        recorded=folder.recorded_name(needed),
        text=sentence(needed.spoken),
        prompt=prompt,
        fault=fault,
    )


def _later(now: datetime, begins: datetime | None) -> datetime:
    return now if begins is None else max(now, begins)


def _reference(file: Path | None, tariff: str | None) -> Reference:
    """Read the reference, of its tariffs only the one named, if one is."""
    chosen = settings()
    now = at_of(SystemClock().now_us())
    if file is not None:
        reference = read_reference_file(file, at=now, prefixes=chosen.number_prefixes)[1]
    else:
        from callcontrol.store.reference_rows import read_built_once

        built = read_built_once(chosen.dsn, at=now, prefixes=chosen.number_prefixes)
        reference = built.reference
    if tariff is None:
        return reference
    if tariff not in reference.tariffs:
        raise ConfigError(f"there is no tariff {tariff[:64]!r}")
    return replace(reference, tariffs={tariff: reference.tariffs[tariff]})


def _plain(place: Place) -> dict[str, object]:
    return {
        "tariff": place.needed.tariff,
        "level": place.needed.level,
        "kind": place.needed.spoken.kind,
        "language": place.needed.spoken.language,
        "consent": place.needed.spoken.consent,
        "text": place.text,
        "name": place.name,
        "recorded": place.recorded,
        "there": place.prompt.name if place.prompt else None,
        "version": place.prompt.version if place.prompt else None,
        "fault": place.fault,
    }


def _print(place: Place, console: Console) -> None:
    needed = place.needed
    mark = "[green]yes[/green]" if place.prompt else "[red]no [/red]"
    what = f"{needed.tariff}, level {needed.level}, {needed.spoken.kind}"
    console.print(f"{mark}  {escape(what)}: {escape(place.text)}")
    if place.fault:
        console.print(f"     {escape(place.fault)}")
    there = place.prompt.name if place.prompt else f"{place.name}, or {place.recorded}"
    console.print(f"     {escape(there)}.wav")
