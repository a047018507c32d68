"""Follower: the coroutine that listens, reads what changed, and builds Reference on Reference.

Runs in the store's thread. It knows nothing of greenlets: what it has to tell goes through two
callables.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg

from callcontrol.clock import Clock, at_of
from callcontrol.reference_file import Built, ReferenceBuilder
from callcontrol.store.migrate import check_schema
from callcontrol.store.reference_read import READERS, Entries, read_numbers
from callcontrol.store.server_errors import errors_of
from dialplan import E164, Fault

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

CHANNEL = "callcontrol_reference"

_CONNECT_S = 5.0
_ANSWER_S = 10.0  # a connection that does not answer for so long is dead
_QUIET_S = 0.05  # what changes within this of one another is read together,
_GATHER_S = 1.0  # but nothing waits longer than this
_MOST_NUMBERS = 1000  # when more change at once, all are read
_BACK_OFF_S = (0.2, 0.5, 1, 2, 5, 10, 30)

_READ_S = 300.0

# What notifications say, beside the names of sections; the first is only said here.
_ALL = "*"
_ALL_NUMBERS = "numbers *"
_ONE_NUMBER = "numbers +"


class Follower:
    """Follows the reference in Postgres.

    Args:
        dsn: connection URI.
        name: shown to whoever looks at Postgres's list of connections.
        prefixes: technical prefixes that may precede a called number.
        check_s: how often it is checked that nothing was missed, in seconds.
        clock: tells when a reference was read.
        on_built: takes each reference; runs in the thread of the loop.
        on_lost: takes why there is no news from Postgres for now; likewise.
    """

    def __init__(
        self,
        dsn: str,
        *,
        name: str,
        prefixes: tuple[str, ...],
        check_s: float,
        clock: Clock,
        on_built: Callable[[Built], object],
        on_lost: Callable[[Exception], object],
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._check_s = check_s
        self._clock = clock
        self._on_built = on_built
        self._on_lost = on_lost
        self._builder = ReferenceBuilder(prefixes=prefixes)
        self._entries = Entries()
        self._revision: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                with errors_of(self._dsn):
                    await self._follow()
            except Exception as exc:  # noqa: BLE001  a border: whatever it was, try again
                self._on_lost(exc)
            wait_s = _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]
            self._failures += 1
            await asyncio.sleep(wait_s)

    async def _follow(self) -> None:
        """Listen on a new connection until it is lost."""
        connection = await asyncpg.connect(
            self._dsn, timeout=_CONNECT_S, server_settings={"application_name": self._name}
        )
        told: asyncio.Queue[str | None] = asyncio.Queue()
        try:
            # Before anything is read: what changes after this is told.
            await connection.add_listener(CHANNEL, lambda *said: told.put_nowait(str(said[3])))
            connection.add_termination_listener(lambda _: told.put_nowait(None))
            if self._revision is None:
                await check_schema(connection, self._dsn)
            await self._read(connection, frozenset({_ALL}))
            self._failures = 0
            while True:
                await self._read(connection, await self._gathered(connection, told))
        finally:
            connection.terminate()

    async def _gathered(
        self, connection: Connection, told: asyncio.Queue[str | None]
    ) -> frozenset[str]:
        """Wait for news and give all that comes close together."""
        names = {await self._told(connection, told)}
        clock = asyncio.get_running_loop()
        end_s = clock.time() + _GATHER_S
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(min(end_s, clock.time() + _QUIET_S)):
                    names.add(_alive(await told.get()))
        return frozenset(names)

    async def _told(self, connection: Connection, told: asyncio.Queue[str | None]) -> str:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._check_s):
                    return _alive(await told.get())
            # Nothing for a while: is the connection alive, and is there really nothing?
            async with asyncio.timeout(_ANSWER_S):
                revision = await _revision(connection)
            if revision != self._revision:
                return _ALL

    async def _read(self, connection: Connection, names: frozenset[str]) -> None:
        """Read what is named, build a Reference of it and of what is known, and hand it on."""
        sections = set(READERS if _ALL in names else names & READERS.keys())
        only = {E164(name.split()[1]) for name in names if name.startswith(_ONE_NUMBER)}
        if _ALL_NUMBERS in names or len(only) > _MOST_NUMBERS:
            sections.add("numbers")
        with _uncollected() if "numbers" in sections else nullcontext():
            fresh = Entries()
            async with (
                asyncio.timeout(_READ_S),
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                revision = await _revision(connection)
                for section in sections:
                    await READERS[section](connection, fresh)
                if only and "numbers" not in sections:
                    await read_numbers(connection, fresh, sorted(only))
            self._entries = merged(self._entries, fresh, sections, only)
            built = await asyncio.to_thread(
                self._builder.build,
                self._entries.file(),
                at=at_of(self._clock.now_us()),
                revision=str(revision),
            )
            self._revision = revision
            self._on_built(replace(built, faults=(*self._entries.faults, *built.faults)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away from what is made inside, now and later.

    It stops every call while it walks through all objects there are, a second for ten thousand
    numbers, and it would do so again and again while they are made. None of them is ever part
    of a cycle, so nothing is lost when it never looks at them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def merged(known: Entries, fresh: Entries, sections: Set[str], numbers: Set[E164]) -> Entries:
    """Put what was read anew in the place of what was known.

    Args:
        known: everything, as of before.
        fresh: what was read anew.
        sections: that were read whole.
        numbers: that were read beside them; one that is not there any more is gone.

    Returns:
        everything, as of now. An entry that has lost its shape keeps the one it had.
    """
    changes: dict[str, Any] = {}
    for section in sections:
        new = getattr(fresh, section)
        if section != "blacklist":
            old = getattr(known, section)
            kept = {key: old[key] for key in fresh.shapeless.get(section, ()) if key in old}
            new = new | kept
        changes[section] = new
    if "numbers" not in sections and numbers:
        gone = numbers - fresh.numbers.keys() - set(fresh.shapeless.get("numbers", ()))
        left = {number: entry for number, entry in known.numbers.items() if number not in gone}
        changes["numbers"] = left | fresh.numbers
    changes["faults"] = fresh.faults + [
        fault for fault in known.faults if not _is_read_anew(fault, sections, numbers)
    ]
    return replace(known, **changes)


def _is_read_anew(fault: Fault, sections: Set[str], numbers: Set[E164]) -> bool:
    section, _, rest = fault.path.partition(".")
    return section in sections or (section == "numbers" and rest.split(".")[0] in numbers)


def _alive(said: str | None) -> str:
    if said is None:
        raise ConnectionResetError
    return said


async def _revision(connection: Connection) -> int:
    revision: int = await connection.fetchval("SELECT last_value FROM reference_revision")
    return revision
