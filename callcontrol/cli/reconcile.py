"""`callcontrol reconcile`: the switch's own records and calls, compared with ours."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from callcontrol.cdr import CallId, Cdr
from callcontrol.cdr.absorb import peers_of
from callcontrol.cdr.journal_file import read_only, records_in
from callcontrol.cli.switch_link import ask_switch
from callcontrol.clock import SystemClock, at_of, text_of, us_of
from callcontrol.config import Settings, settings
from callcontrol.errors import ConfigError
from callcontrol.esl.switch_cdrs import read_switch_cdrs
from callcontrol.reconciliation import MEANING, Difference, Reconciliation, windows
from callcontrol.reference import Reference
from callcontrol.routing import instant_from
from callcontrol.store import Store
from callcontrol.store.calls_table import calls_in_progress
from callcontrol.store.cdr_table import CdrFilter, find_cdrs
from callcontrol.store.reference_rows import read_reference_once
from tariffs import Tariff

_DAY_US = 86_400_000_000
# Records are compared by the piece, so that a day of them need not fit into memory.
_PIECE_US = 600_000_000
_DEADLINE_S = 60.0
_MOST = 10_000_000


def reconcile(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Only calls that began at or after; without an offset it is local time in "
            "Switzerland. [24 hours ago]",
        ),
    ] = None,
    grace_s: Annotated[
        int,
        typer.Option(
            "--grace", min=0, help="Seconds a call that has just ended has to be recorded."
        ),
    ] = 10,
    live: Annotated[
        bool,
        typer.Option("--live/--no-live", help="Ask the switch for the calls that are up, too."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare the switch's own records and calls with Postgres and the journals.

    Needs CALLCONTROL_SWITCH_CDRS, and the journals of the engines on this machine. Prints
    every difference and exits 1 when there is one: calls without a record, records without a
    call, instants and charges that are not the switch's, calls that are up and nobody meters.
    """
    chosen = settings()
    if chosen.switch_cdrs is None:
        raise ConfigError("CALLCONTROL_SWITCH_CDRS: is not set: which folder are they in?")
    now_us = SystemClock().now_us()
    first_us = now_us - _DAY_US
    if since is not None:
        first_us = us_of(instant_from(since, option="--since"))
    found = _compared(chosen, chosen.switch_cdrs, first_us, now_us - grace_s * 1_000_000, live)
    if as_json:
        print(json.dumps(found.plain(), indent=2))
    else:
        _print(found)
    if found.all.differences:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    all: Reconciliation
    since_us: int
    unreadable: int

    def plain(self) -> dict[str, object]:
        return {
            "since": text_of(self.since_us),
            "until": text_of(self.all.until_us),
            "calls": self.all.calls,
            "records": self.all.records,
            "unreadable_lines": self.unreadable,
            "unchecked_charges": self.all.unchecked,
            "differences": [asdict(one) for one in self.all.differences],
        }


def _compared(
    chosen: Settings, folder: Path, first_us: int, until_us: int, is_live: bool
) -> _Found:
    reference = read_reference_once(
        chosen.dsn, at=at_of(until_us), prefixes=chosen.number_prefixes
    )
    # In the order in which a call goes: what has left one place by now is found in the next.
    legs = _legs_up(chosen, until_us) if is_live else []
    written = read_switch_cdrs(folder, since_us=first_us)
    journals = [_Journal.read(path) for path in _journals(chosen)]
    open_calls = {call_id: leg for one in journals for call_id, leg in one.open_calls.items()}
    found = Reconciliation(
        tariff_of=_tariffs(reference),
        whole_since_us=written.since_us,
        until_us=until_us,
        open_calls=frozenset(open_calls),
    )
    pending = [cdr for one in journals for cdr in one.records]
    with closing(Store(chosen.dsn, name="callcontrol reconcile")) as store:
        store.open()
        for start_us, end_us in windows(first_us, until_us, _PIECE_US):
            shipped = store.call(
                find_cdrs,
                CdrFilter(since=at_of(start_us), until=at_of(end_us), limit=_MOST),
                deadline_s=_DEADLINE_S,
            )
            waiting = (cdr for cdr in pending if start_us <= cdr.received_us < end_us)
            calls = (leg for leg in written.cdrs if start_us <= leg.created_us < end_us)
            found.compare(calls, [*shipped, *waiting])
        elsewhere = store.call(calls_in_progress, deadline_s=_DEADLINE_S)
    known = {*open_calls.values(), *(call.switch_uuid for _, call in elsewhere)}
    # A leg that ended while we looked is the business of the next comparison.
    gone = {leg.leg_uuid for leg in read_switch_cdrs(folder, since_us=until_us).cdrs}
    found.live((leg for leg in legs if leg[0] not in gone), frozenset(known))
    for one in journals:
        found.set_aside(one.aside)
    return _Found(all=found, since_us=first_us, unreadable=written.unreadable)


def _tariffs(reference: Reference) -> Callable[[str, str], Tariff | None]:
    def tariff_of(name: str, version: str) -> Tariff | None:
        tables = reference.tariffs.get(name, ())
        return next((table for table in tables if table.version == version), None)

    return tariff_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    """What one journal holds: open calls with their legs, records, and those set aside."""

    open_calls: dict[CallId, str]
    records: Sequence[Cdr]
    aside: dict[CallId, str]

    @classmethod
    def read(cls, path: Path) -> _Journal:
        with read_only(path) as (_, open_calls, aside):
            drafts = [str(call.merged.get("draft")) for call in open_calls]
            reasons = {record.call_id: record.reason for record in aside}
            waiting = [*records_in(path), *aside]
        return cls(
            open_calls={draft.call_id: draft.switch_uuid for draft in _readable(drafts)},
            records=_readable(record.body for record in waiting),
            aside=reasons,
        )


def _readable(texts: Iterable[str]) -> list[Cdr]:
    found = []
    for text in texts:
        try:
            found.append(Cdr.from_json(text))
        except ValueError:
            continue  # what has no shape is no record, and is missed as one
    return found


def _journals(chosen: Settings) -> list[Path]:
    """Find the journals on this machine: the engine's own, its workers' and its peers'."""
    first = chosen.journal
    further = first.parent.glob(f"{first.stem}.[0-9]*{first.suffix}")
    found = {first, *further, *peers_of(first, chosen.peers)}
    return sorted(path for path in found if path.is_file())


def _legs_up(chosen: Settings, until_us: int) -> list[tuple[str, int]]:
    """Ask the switch for the callers' legs that have been up for a while."""
    listed = ask_switch(chosen, "show", "channels", "as", "json", deadline_s=_DEADLINE_S)
    try:
        legs = [
            (str(row["uuid"]), int(row["created_epoch"]) * 1_000_000)
            for row in json.loads(listed).get("rows", ())
            if row.get("direction") == "inbound"
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ConfigError(f"the switch gave no list of channels: {listed[:80]!r}") from exc
    return [(leg_uuid, created_us) for leg_uuid, created_us in legs if created_us < until_us]


def _print(found: _Found) -> None:
    console = Console(highlight=False, soft_wrap=True)
    by_kind: dict[str, list[Difference]] = defaultdict(list)
    for one in found.all.differences:
        by_kind[one.kind].append(one)
    for kind, meaning in MEANING.items():
        if of_kind := by_kind.get(kind):
            console.print(f"[bold]{kind}[/bold] ({len(of_kind)}): {meaning}")
            for one in of_kind:
                console.print(f"  {one.call_id}  leg {one.leg_uuid or '-'}  {escape(one.says)}")
    all_ = found.all
    notes = ""
    if found.unreadable:
        notes += f", {found.unreadable} lines of the switch have another shape"
    if all_.unchecked:
        notes += f", {all_.unchecked} charges not computed anew: their tables are gone"
    console.print(
        f"{all_.calls} calls of the switch and {all_.records} records since "
        f"{text_of(found.since_us)}: {len(all_.differences) or 'no'} differences{notes}"
    )
