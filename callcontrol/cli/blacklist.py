"""`callcontrol blacklist`: who is refused or let through; changed line by line, or in bulk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.reference_file.blacklist_csv import (
    COLUMNS,
    CsvLine,
    blacklist_csv,
    counted,
    read_blacklist_csv,
)
from callcontrol.routing import instant_from
from callcontrol.store import run
from callcontrol.store.blacklist_load import (
    BlacklistChange,
    load_blacklist,
    remove_lines,
    take_lines,
)
from dialplan import (
    DEFAULT_ZONE,
    PLATFORM,
    Scope,
    canonical_or_same,
    parse_number_or_none,
    wall_clock,
)

_LONG_S = 1800.0
_STEP = 10_000  # lines from one move of the progress bar to the next
_PIPE_WIDTH = 160  # columns of a table that no terminal shows

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_Number = Annotated[
    str | None, typer.Option("--number", metavar="NUMBER", help="Of this service number alone.")
]
_Customer = Annotated[
    str | None,
    typer.Option("--customer", metavar="ID", help="Of this customer and its sub-accounts."),
]
_Platform = Annotated[
    bool, typer.Option("--platform", help="Of every number of every customer.")
]
_Pattern = Annotated[
    str,
    typer.Argument(
        metavar="PATTERN",
        help="A number in any dialled form, a prefix such as +4179*, or anonymous.",
    ),
]


@app.callback()
def blacklist() -> None:
    """Show and change who is refused or let through; engines take a change at once."""


@app.command("list")
def list_(
    pattern: Annotated[
        str | None, typer.Argument(metavar="PATTERN", help="Only lines of this pattern.")
    ] = None,
    number: _Number = None,
    customer: _Customer = None,
    platform: _Platform = False,
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most.")] = 100,
) -> None:
    """Show lines; exits 1 when there are none."""
    scope = _scope(number, customer, is_platform=platform)
    wanted = _canonical(pattern) if pattern is not None else None
    dsn = settings().dsn
    lines: list[tuple[object, ...]] = []
    run(dsn, take_lines, dsn, scope, wanted, limit + 1, lines.extend)
    _print(lines[:limit])
    if len(lines) > limit:
        print("... and more: --limit, or `callcontrol blacklist export`")
    if not lines:
        print("no line")
        raise typer.Exit(1)


@app.command()
def add(
    pattern: _Pattern,
    number: _Number = None,
    customer: _Customer = None,
    allow: Annotated[
        bool, typer.Option("--allow", help="Let through what a shorter pattern refuses.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="In force from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="In force until then. [for ever]")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for people.")] = "",
    cause: Annotated[str, typer.Option(help="The hangup cause of the refusal.")] = "",
) -> None:
    """Add one line, or change what it says; without a scope it is the platform's.

    Instants without an offset are local time in Switzerland.
    """
    given = {
        "pattern": pattern,
        **_fields(_scope(number, customer)),
        "action": "allow" if allow else "block",
        "valid_from": _instant(since, "--from"),
        "valid_until": _instant(until, "--until"),
        "reason": reason,
        "cause": cause,
    }
    try:
        lines = read_blacklist_csv(_as_csv(given), name="")
    except ConfigError as exc:
        raise ConfigError(*(fault.removeprefix(":2: ") for fault in exc.faults)) from None
    print(_load(lines, "", replaced=None, is_whole=False, is_trial=False))


@app.command()
def remove(
    pattern: _Pattern,
    number: _Number = None,
    customer: _Customer = None,
    allow: Annotated[
        bool, typer.Option("--allow", help="Only the line that lets through.")
    ] = False,
    block: Annotated[bool, typer.Option("--block", help="Only the line that refuses.")] = False,
) -> None:
    """Remove the lines of a pattern; without a scope the platform's. Exits 1 without any."""
    action = None if allow == block else "allow" if allow else "block"
    scope = _scope(number, customer) or PLATFORM
    dsn = settings().dsn
    removed = run(dsn, remove_lines, dsn, _canonical(pattern), scope, action)
    print(BlacklistChange(added=0, changed=0, removed=removed) if removed else "no such line")
    if not removed:
        raise typer.Exit(1)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, UTF-8, its columns named first.")
    ],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Remove what the file does not contain: of the scope given, or of all.",
        ),
    ] = False,
    number: _Number = None,
    customer: _Customer = None,
    platform: _Platform = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would change.")
    ] = False,
) -> None:
    """Add the lines of a CSV file, or change what they say: all of them, or none.

    Columns: pattern, number, customer, action, valid_from, valid_until, cause, reason; only
    the first is needed. With a scope, lines that name none are of that scope.
    """
    scope = _scope(number, customer, is_platform=platform)
    console = Console(stderr=True)
    is_seen = console.is_terminal
    with Progress(console=console, transient=True, disable=not is_seen) as progress:
        try:
            with progress.open(
                file, "rt", encoding="utf-8-sig", newline="", description="checking"
            ) as text:
                lines = read_blacklist_csv(text, name=str(file), scope=_fields(scope))
        except OSError as exc:
            raise ConfigError(f"{file}: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise ConfigError(f"{file}: not UTF-8 text") from exc
        _refuse_others(lines, scope, file)
        task = progress.add_task("sending", total=len(lines))

        def told(count: int) -> None:
            progress.update(task, completed=count)
            if count == len(lines):
                progress.add_task("writing", total=None)

        change = _load(
            counted(lines, _STEP, told),
            str(file),
            replaced=scope if replace else None,
            is_whole=replace and scope is None,
            is_trial=dry_run,
        )
    print(f"{change}; nothing was written" if dry_run else change)


@app.command()
def export(
    number: _Number = None,
    customer: _Customer = None,
    platform: _Platform = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="[standard output]")
    ] = None,
) -> None:
    """Write the lines as CSV that `import` reads; `import --replace` of it changes nothing."""
    scope = _scope(number, customer, is_platform=platform)
    dsn = settings().dsn
    try:
        target = (
            output.open("w", encoding="utf-8", newline="")
            if output is not None
            else nullcontext(sys.stdout)
        )
        with target as text:
            text.write(blacklist_csv([COLUMNS]))
            run(
                dsn,
                take_lines,
                dsn,
                scope,
                None,
                None,
                lambda lines: text.write(blacklist_csv(lines)),
                deadline_s=_LONG_S,
            )
    except OSError as exc:
        raise ConfigError(f"{output}: {exc.strerror}") from exc


def _load(
    lines: Any,  # noqa: ANN401  any iterable of CsvLine
    name: str,
    *,
    replaced: Scope | None,
    is_whole: bool,
    is_trial: bool,
) -> BlacklistChange:
    dsn = settings().dsn
    return run(
        dsn, load_blacklist, dsn, lines, name, replaced, is_whole, is_trial, deadline_s=_LONG_S
    )


def _scope(
    number: str | None, customer: str | None, *, is_platform: bool = False
) -> Scope | None:
    """Read a scope; None: none was named."""
    if (number is not None) + (customer is not None) + is_platform > 1:
        raise ConfigError("name one scope: a number, a customer or the platform")
    if number is not None:
        wanted = parse_number_or_none(number, prefixes=settings().number_prefixes)
        if wanted is None:
            raise ConfigError(f"--number: {number[:64]!r} is not a number")
        return Scope("number", wanted)
    if customer is not None:
        return Scope("customer", customer)
    return PLATFORM if is_platform else None


def _fields(scope: Scope | None) -> dict[str, str]:
    return {} if scope is None or scope == PLATFORM else {scope.kind: scope.id}


def _refuse_others(lines: Sequence[CsvLine], scope: Scope | None, file: Path) -> None:
    """Hold lines to the scope that was named: a customer's file changes nobody else's lines."""
    if scope is None:
        return
    number, customer = _fields(scope).get("number"), _fields(scope).get("customer")
    others = [
        line for line in lines if (line.terms.number, line.terms.customer) != (number, customer)
    ]
    if others:
        raise ConfigError(
            f"{file}:{others[0].line}: is of another scope than the one named"
            + (f", and {len(others) - 1} more lines" if len(others) > 1 else "")
        )


def _canonical(pattern: str) -> str:
    return pattern if pattern.endswith("*") else canonical_or_same(pattern)


def _instant(text: str | None, option: str) -> str:
    return "" if text is None else instant_from(text, option=option).isoformat()


def _as_csv(given: dict[str, str]) -> Sequence[str]:
    cells = [given.get(name, "").replace('"', '""') for name in COLUMNS]
    return [",".join(COLUMNS), ",".join(f'"{cell}"' for cell in cells)]


def _print(lines: Sequence[tuple[object, ...]]) -> None:
    now = at_of(SystemClock().now_us())
    table = Table(box=None)
    for name in ("pattern", "scope", "action", "from", "until", "reason"):
        table.add_column(name, overflow="fold")
    for line in lines:
        one: dict[str, Any] = dict(zip(COLUMNS, line, strict=True))
        scope = one["number"] or one["customer"] or "platform"
        is_over = one["valid_until"] is not None and one["valid_until"] <= now
        action = f"{one['action']}, over" if is_over else one["action"]
        if one["cause"] != "CALL_REJECTED":
            action += f" {one['cause']}"
        dates = (
            wall_clock(at, DEFAULT_ZONE).isoformat(" ", "seconds") if at is not None else ""
            for at in (one["valid_from"], one["valid_until"])
        )
        table.add_row(one["pattern"], scope, action, *dates, one["reason"])
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if lines:
        console.print(table)
