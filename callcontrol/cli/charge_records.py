"""`callcontrol cdrs --xdr DIR`: files of charge records for the callers' operators."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import typer

from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.store import run
from callcontrol.store.charge_files import (
    KeptFile,
    kept_file,
    make_charge_files,
    mark_written,
    unwritten,
)
from dialplan import DEFAULT_ZONE, wall_clock

_LONG_S = 3600.0
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FILE = re.compile(r"(?P<operator>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})/(?P<number>[1-9]\d{0,8})")


def export_charge_records(folder: Path, day: str | None, *, as_json: bool) -> None:
    """Make the files that are due and write all that are not written yet.

    Args:
        folder: where to; must exist.
        day: the last day to take, as text; None: yesterday in Switzerland.
        as_json: tell it as JSON.

    Raises:
        ConfigError: no such folder, not a day or one that is not over, or a file that is there
            already with other contents.
    """
    dsn = settings().dsn
    until = _day(day)
    if not folder.is_dir():
        raise ConfigError(f"--xdr: {folder}: no such folder")
    run(dsn, make_charge_files, dsn, until, deadline_s=_LONG_S)
    written = []
    for file in run(dsn, unwritten, deadline_s=_LONG_S):
        _write(folder, file)
        run(dsn, mark_written, file)
        written.append(file)
    _tell(folder, written, as_json=as_json)


def write_again(folder: Path, named: str, *, as_json: bool) -> None:
    """Write one file again, as it was made.

    Args:
        folder: where to; must exist.
        named: `OPERATOR/NUMBER`.
        as_json: tell it as JSON.

    Raises:
        ConfigError: no such folder, or not the name of a file.
        typer.Exit: there is no such file; status 1.
    """
    found = _FILE.fullmatch(named)
    if found is None:
        raise ConfigError(f"--again: {named[:64]!r} is not OPERATOR/NUMBER, such as lake/17")
    if not folder.is_dir():
        raise ConfigError(f"--xdr: {folder}: no such folder")
    dsn = settings().dsn
    file = run(dsn, kept_file, dsn, found["operator"], int(found["number"]))
    if file is None or file.content is None:
        why = "there is no file" if file is None else "its records were forgotten:"
        print(f"{why} {named}", file=sys.stderr)
        raise typer.Exit(1)
    _write(folder, file)
    _tell(folder, [file], as_json=as_json)


def _day(text: str | None) -> date:
    today = wall_clock(at_of(SystemClock().now_us()), DEFAULT_ZONE).date()
    if text is None:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year < 2000:
        raise ConfigError(f"--day: {text[:64]!r} is not a day such as 2026-08-01")
    if day >= today:
        raise ConfigError(f"--day: {day} is not over")
    return day


def _write(folder: Path, file: KeptFile) -> None:
    """Write a file whole or not at all; one that is there with the same contents is left."""
    path = folder / file.name
    content = file.content or b""
    unfinished = folder / f".{file.name}.{os.getpid()}"
    try:
        with suppress(FileNotFoundError):
            if path.read_bytes() != content:
                raise ConfigError(f"--xdr: {path} is there already, with other contents")
            return
        with unfinished.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(path)
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
    except OSError as exc:
        unfinished.unlink(missing_ok=True)
        raise ConfigError(f"--xdr: {path}: {exc.strerror}") from exc


def _tell(folder: Path, files: Sequence[KeptFile], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_plain(folder, file) for file in files], indent=2))
    elif not files:
        print("no charge records are due")
    for file in () if as_json else files:
        print(f"{folder / file.name}: {file.records} calls, {file.currency} {file.charged}")


def _plain(folder: Path, file: KeptFile) -> dict[str, object]:
    return {
        "file": str(folder / file.name),
        "operator": file.operator,
        "number": file.number,
        "day": file.day.isoformat(),
        "records": file.records,
        "charged": file.charged,
        "currency": file.currency,
        "sha256": file.sha256,
    }
