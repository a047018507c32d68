"""SwitchCdrs: the switch's own record of each caller's leg, read from the files it writes.

The switch writes a line when a leg has ended, whether anybody listens or not (`mod_cdr_csv`,
configured in freeswitch-conf). So an end that no event told is found here, with the instants
that the event would have had, to the microsecond; and what we recorded can be compared.

Strategy: the newest files first and of each its tail, up to a number of bytes, because years of
calls may lie there. The template holds only what no caller can write: uuids, numbers, the
switch's own words and what we have set ourselves. A line is therefore a line, and one that does
not have exactly this shape is none of ours: it is counted, never guessed at.

Source: `mod_cdr_csv.c` (one `write` a line; `rotate` renames to `Master.csv.<local time>`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callcontrol.errors import ConfigError
from callcontrol.esl.event import Event
from callcontrol.esl.wire import Headers

FOLDER: Final = "cdr-csv"
FILE: Final = "Master.csv"
NAME: Final = "SWITCH_CDR"
"""The `Event-Name` of an end that was read here."""

# The same fields, in the same order, as the template of freeswitch-conf.
_LINE = re.compile(
    rb'"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",'
    rb'"(?P<created>[0-9]{1,19})","(?P<answered>[0-9]{0,19})","(?P<ended>[0-9]{1,19})",'
    rb'"(?P<cause>[A-Z0-9_]{1,64})","(?P<disposition>[a-z_]{0,64})",'
    rb'"(?P<bridge_cause>[A-Z0-9_]{0,64})","(?P<bridge_uuid>[0-9a-f-]{0,36})",'
    rb'"(?P<sip_code>[0-9]{0,3})","(?P<engine>[A-Za-z0-9._-]{0,64})",'
    rb'"(?P<call>[A-Za-z0-9_-]{0,4096})","(?P<changes>[A-Za-z0-9_-]{0,65536})"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchCdr:
    """One caller's leg, as the switch wrote it down.

    Attributes:
        leg_uuid: its uuid.
        created_us, answered_us, ended_us: microseconds since the epoch, the very instants of
            its CHANNEL_HANGUP_COMPLETE; answered_us is None when it never was.
        cause: the hangup cause's name.
        disposition: who ended it by which message, such as `recv_bye`.
        bridge_cause: the cause the destination's leg ended with; empty when there was none.
        bridge_uuid: the uuid of the destination's leg; empty when there was none.
        sip_code: what the caller was answered with; empty when the switch does not say.
        engine, call, changes: what we have set of the call on its leg; empty when nothing.
    """

    leg_uuid: str
    created_us: int
    answered_us: int | None
    ended_us: int
    cause: str
    disposition: str = ""
    bridge_cause: str = ""
    bridge_uuid: str = ""
    sip_code: str = ""
    engine: str = ""
    call: str = ""
    changes: str = ""

    def event(self) -> Event:
        """Give the end as the event that was missed would have told it."""
        told = {
            "Event-Name": NAME,
            "Unique-ID": self.leg_uuid,
            "Caller-Channel-Created-Time": str(self.created_us),
            "Caller-Channel-Answered-Time": str(self.answered_us or 0),
            "Caller-Channel-Hangup-Time": str(self.ended_us),
            "Hangup-Cause": self.cause,
            "variable_sip_hangup_disposition": self.disposition,
            "variable_bridge_hangup_cause": self.bridge_cause,
            "variable_bridge_uuid": self.bridge_uuid,
            "variable_sip_term_status": self.sip_code,
            "variable_cc_engine": self.engine,
            "variable_cc_call": self.call,
            "variable_cc_changes": self.changes,
        }
        # Not one of these can hold what a header would have to be encoded for.
        block = "".join(f"\n{name}: {value}" for name, value in told.items() if value)
        return Event(Headers(f"{block}\n".encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchCdrs:
    """What was read.

    Attributes:
        cdrs: of the legs wanted, newest file first.
        since_us: from then on the lines are whole: when the oldest one read was written, if
            that is after the instant asked for.
        unreadable: how many lines have another shape, such as those of another template.
    """

    cdrs: tuple[SwitchCdr, ...]
    since_us: int
    unreadable: int


def read_switch_cdrs(
    folder: Path,
    *,
    since_us: int,
    legs: Collection[str] | None = None,
    most_bytes: int = 256 << 20,
) -> SwitchCdrs:
    """Read the switch's own records; blocks on the disk.

    Args:
        folder: the switch writes `cdr-csv/Master.csv` in it.
        since_us: legs that ended before this instant are not wanted.
        legs: the uuids of the legs wanted; None: all.
        most_bytes: of the newest lines, at most so many are read.

    Raises:
        ConfigError: the folder or a file cannot be read.
    """
    wanted = None if legs is None else frozenset(legs)
    cdrs: dict[str, SwitchCdr] = {}
    unreadable = 0
    oldest_us = since_us
    left = most_bytes
    for path in _files(folder / FOLDER):
        size, lines = _tail(path, left)
        found = [_cdr(line) for line in lines if line]
        unreadable += found.count(None)
        ours = [cdr for cdr in found if cdr is not None]
        for cdr in ours:
            if cdr.ended_us >= since_us and (wanted is None or cdr.leg_uuid in wanted):
                cdrs.setdefault(cdr.leg_uuid, cdr)
        oldest_us = ours[0].ended_us if ours else oldest_us
        left -= size
        if left <= 0 or oldest_us < since_us:
            break
    since_us = max(since_us, oldest_us)
    return SwitchCdrs(cdrs=tuple(cdrs.values()), since_us=since_us, unreadable=unreadable)


def _files(folder: Path) -> Iterator[Path]:
    """Give the files, newest first.

    The present one comes before the others are listed, so that one renamed meanwhile is read
    twice rather than not at all.
    """
    yield folder / FILE
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        # Before its first call the switch has made no folder; a name mistyped looks the same.
        if not folder.parent.is_dir():
            raise ConfigError(
                f"CALLCONTROL_SWITCH_CDRS: no such folder: {folder.parent}"
            ) from None
        return
    except OSError as exc:
        raise ConfigError(f"CALLCONTROL_SWITCH_CDRS: {folder}: {exc.strerror}") from exc
    yield from (
        folder / name for name in sorted(names, reverse=True) if name.startswith(f"{FILE}.")
    )


def _tail(path: Path, most_bytes: int) -> tuple[int, list[bytes]]:
    """Give a file's size and its whole lines, of a large one the last ones only."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size - most_bytes)
            file.seek(start)
            text = file.read(size - start)
    except FileNotFoundError:
        return 0, []  # not written yet, or renamed meanwhile: it is listed by its new name
    except OSError as exc:
        raise ConfigError(f"CALLCONTROL_SWITCH_CDRS: {path}: {exc.strerror}") from exc
    # The last line may still be written; the first one of a tail is rarely whole.
    lines = text[: text.rfind(b"\n") + 1].splitlines()
    return size, lines[1:] if start else lines


def _cdr(line: bytes) -> SwitchCdr | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    text = {name: value.decode() for name, value in found.groupdict().items()}
    return SwitchCdr(
        leg_uuid=text["uuid"],
        created_us=int(text["created"]),
        answered_us=int(text["answered"] or 0) or None,
        ended_us=int(text["ended"]),
        cause=text["cause"],
        disposition=text["disposition"],
        bridge_cause=text["bridge_cause"],
        bridge_uuid=text["bridge_uuid"],
        sip_code=text["sip_code"],
        engine=text["engine"],
        call=text["call"],
        changes=text["changes"],
    )
