"""`callcontrol forget`: removes the personal parts of records that are no longer to be kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from callcontrol.clock import text_of, us_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.store import run
from callcontrol.store.forget import Forgotten
from callcontrol.store.forget import forget as forget_older

_AGE = re.compile(r"(?P<count>[1-9][0-9]{0,3}) ?(?P<unit>day|month|year)s?")
_DAYS = {"day": 1, "month": 30, "year": 365}
# The lawful-intercept ordinance: six months are kept, and no shorter age is taken for that.
_LEAST_DAYS = 180
_LONG_S = 24 * 3600.0


def forget(
    older_than: Annotated[
        str,
        typer.Option(
            metavar="AGE",
            help="Of calls received longer ago, such as 6months, 200days or 1year; the law has "
            "traffic data kept for six months.",
        ),
    ] = "6months",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history", help="Forget the reference's history, too: blacklists name callers."
        ),
    ] = False,
    whole_months: Annotated[
        bool,
        typer.Option(
            "--whole-months",
            help="Drop months of records of that age whole: nothing of their calls is left.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Remove the personal parts of old records: who called, and where the call was led to.

    What statistics and settlement need stays. Files of charge records lose their bytes and
    keep their sums. It may be broken off and begun again; the table `forgettings` says what was
    done. Not touched: the engines' local journals, in which a record is only until it is
    shipped, or set aside (`callcontrol journal`); the switch's own records and logs; backups.
    """
    dsn = settings().dsn
    done = run(
        dsn,
        lambda connection: forget_older(
            connection,
            dsn,
            _interval(older_than),
            is_trial=dry_run,
            with_history=history,
            whole_months=whole_months,
        ),
        deadline_s=_LONG_S,
    )
    if as_json:
        print(json.dumps(asdict(done) | {"before": text_of(us_of(done.before))}, indent=2))
    else:
        print("\n".join(_lines(done, is_trial=dry_run)))


def _interval(text: str) -> str:
    found = _AGE.fullmatch(text)
    if found is None:
        raise ConfigError(f"--older-than: {text[:64]!r} is not an age such as 6months")
    if int(found["count"]) * _DAYS[found["unit"]] < _LEAST_DAYS:
        raise ConfigError(f"--older-than: {text}: traffic data are kept for six months")
    return f"{found['count']} {found['unit']}s"


def _lines(done: Forgotten, *, is_trial: bool) -> Iterator[str]:
    verb = "would be" if is_trial else "were"
    yield f"older than {text_of(us_of(done.before))}:"
    yield f"  {done.records} records {verb} stripped of what is personal"
    yield f"  {done.files} files of charge records {verb} emptied"
    if done.history:
        yield f"  {done.history} entries of the reference's history {verb} forgotten"
    for month in done.months:
        yield f"  {month} {'would be' if is_trial else 'was'} dropped"
    if done.unsent:
        yield f"  {done.unsent} of the records were never sent to the callers' operators"
