"""`callcontrol level`: changes the level of a running call, or the level of a number."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import typer

from callcontrol.clock import text_of, us_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.level_request import LevelOutcome
from callcontrol.routing import instant_from
from callcontrol.store import run
from callcontrol.store.level_change import Asked, change_call, change_number
from dialplan import parse_number_or_none, printed
from tariffs import LEVELS

# Names that the record gives to others than people.
_TAKEN = frozenset({"destination", "step", "plan"})
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")

_PATIENCE_S = 5.0


def level(
    call_or_number: Annotated[
        str,
        typer.Argument(
            metavar="CALL_OR_NUMBER",
            help="The id of a running call, or a service number in any dialled form.",
        ),
    ],
    level: Annotated[int, typer.Argument(metavar="LEVEL", help="From 1 to 90.")],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="From then on instead of at once; without an offset it is local time in "
            "Switzerland.",
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Of a number: its running calls, too.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who asks, for the record [the database's user]."),
    ] = None,
) -> None:
    """Change the level of a running call, or the level at which calls to a number start.

    A running call is waited for, and what came of it is printed. Exits 1 when it was refused,
    or when no engine answered.
    """
    if level not in LEVELS:
        raise ConfigError(f"level: {level} is not from 1 to 90")
    if by is not None and (by in _TAKEN or not _NAME.fullmatch(by)):
        raise ConfigError(f"--by: {by[:64]!r} is not a name that a person can have here")
    since = instant_from(at) if at is not None else None
    call_id = _call_id(call_or_number)
    if call_id is not None:
        _change_call(call_id, level, since, by, is_live=live)
    else:
        _change_number(call_or_number, level, since, by, is_live=live)


def _call_id(text: str) -> str | None:
    try:
        return str(UUID(text)) if text.count("-") == 4 else None
    except ValueError:
        return None


def _change_call(
    call_id: str, level: int, at: datetime | None, by: str | None, *, is_live: bool
) -> None:
    if is_live:
        raise ConfigError("--live: a call is not a number")
    asked = run(
        settings().dsn,
        partial(change_call, at=at, by=by, patience_s=_PATIENCE_S),
        call_id,
        level,
    )
    if at is not None:
        print(f"call {call_id}: level {level} from {text_of(us_of(at))}")
        return
    _tell(asked, level)
    if not asked.outcomes:
        print(f"call {call_id}: no engine has answered; the request is withdrawn")
    if not asked.outcomes or asked.outcomes[0].refused is not None:
        raise typer.Exit(1)


def _change_number(
    text: str, level: int, at: datetime | None, by: str | None, *, is_live: bool
) -> None:
    number = parse_number_or_none(text, prefixes=settings().number_prefixes)
    if number is None:
        raise ConfigError(f"{text[:64]!r} is neither the id of a call nor a number")
    asked = run(
        settings().dsn,
        partial(change_number, at=at, by=by, is_live=is_live, patience_s=_PATIENCE_S),
        number,
        level,
    )
    since = "now" if at is None else text_of(us_of(at))
    too = ", its running calls too" if is_live else ""
    print(f"{printed(number)}: level {level} from {since}{too}")
    if asked.has_plan:
        print(
            "while a slot of its weekly plan of levels holds, the slot's level goes before it"
        )
    _tell(asked, level)
    missing = asked.expected - len(asked.outcomes)
    if missing > 0:
        print(f"{missing} of its running calls have not answered yet, or have ended")
    if missing > 0 or any(one.refused is not None for one in asked.outcomes):
        raise typer.Exit(1)


def _tell(asked: Asked, level: int) -> None:
    for one in asked.outcomes:
        print(f"call {one.call_id}: {_came(one, level)}")


def _came(one: LevelOutcome, level: int) -> str:
    if one.in_force_us is None:
        return f"refused, {one.refused}"
    return f"level {level} since {text_of(one.in_force_us)}"
