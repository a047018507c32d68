"""ReferenceRows: what the rows say, kept up to date by reading what is told to have changed.

Strategy: gateways, operators, customers and tariffs are kept as entries. Of a number only the
finished value is kept, for there may be a hundred thousand: when something changes around a
number that makes its value doubtful, its rows are read again. Of the blacklist only the changed
patterns are read again. So what a change costs depends on the change, and hardly on what is
there.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Set
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callcontrol.reference_file import Built, ReferenceBuilder
from callcontrol.store.blacklist_rows import (
    BlacklistRows,
    Place,
    place_told,
    read_blacklist_rows,
)
from callcontrol.store.reference_read import (
    SECTION_READERS,
    Entries,
    numbers_near,
    read_some_customers,
    take_numbers,
)
from dialplan import E164

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

EVERYTHING = "*"
"""Said here alone, of all that there is."""

_MOST_NUMBERS = 1000  # when more change at once, all are read
_MOST_PLACES = 2000  # likewise, of the blacklist

# What notifications say, beside the names of sections.
_ALL_NUMBERS = "numbers *"
_ONE_NUMBER = "numbers +"
_ONE_CUSTOMER = "customers "
_BLACKLIST = "blacklist"


class ReferenceRows:
    """The reference of the rows.

    Args:
        prefixes: technical prefixes that may precede a called number.

    Attributes:
        revision: as of which it was read; None: nothing was.
    """

    def __init__(self, *, prefixes: tuple[str, ...] = ()) -> None:
        self.revision: int | None = None
        self._builder = ReferenceBuilder(prefixes=prefixes)
        self._entries = Entries()
        self._blacklist = BlacklistRows()

    async def read(self, connection: Connection, names: Set[str], *, at: datetime) -> Built:
        """Read what is named, and build a reference of it and of what is known.

        When this fails, everything stays as it was.

        Args:
            connection: not in a transaction.
            names: what notifications said; EVERYTHING is all.
            at: the aware instant from which prices must be lawful and tariffs valid.
        """
        news = _News.of(names)
        with _uncollected() if news.are_many else nullcontext():
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await self._read(connection, news, at)

    async def _read(self, connection: Connection, news: _News, at: datetime) -> Built:
        revision = await revision_now(connection)
        known = self._entries
        fresh = Entries()
        for section in news.sections:
            await SECTION_READERS[section](connection, fresh)
        entries = merged(known, fresh, news.sections)
        if news.customers:
            fresh = Entries()
            await read_some_customers(connection, fresh, news.customers)
            entries = with_customers(entries, fresh, news.customers)
        draft = self._builder.draft(entries.file(), at=at)
        if news.are_all_numbers:
            await take_numbers(connection, draft)
        else:
            draft.keep_all()
            doubtful: Set[E164] = frozenset()
            if news.sections or news.customers:
                near = await numbers_near(connection, *draft.changed_around())
                doubtful = draft.doubtful(*near)
            await take_numbers(connection, draft, news.numbers | doubtful)
        blacklist = self._blacklist
        if news.is_whole_blacklist:
            blacklist = await read_blacklist_rows(connection, blacklist)
        elif news.places:
            blacklist = await read_blacklist_rows(connection, blacklist, news.places)
        built = draft.finish(blacklist.blacklist, revision=str(revision))
        self._entries, self._blacklist, self.revision = entries, blacklist, revision
        lines = (fault for told in blacklist.faults.values() for fault in told)
        return replace(built, faults=(*entries.faults, *lines, *built.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What notifications say has changed."""

    sections: Set[str]
    customers: Set[str]
    numbers: Set[E164]
    places: Set[Place]
    are_all_numbers: bool
    is_whole_blacklist: bool

    @property
    def are_many(self) -> bool:
        return self.are_all_numbers or self.is_whole_blacklist

    @classmethod
    def of(cls, names: Set[str]) -> _News:
        numbers = {E164(name.split()[1]) for name in names if name.startswith(_ONE_NUMBER)}
        places = {place for name in names if (place := place_told(name)) is not None}
        is_all = EVERYTHING in names
        sections = set(SECTION_READERS if is_all else names & SECTION_READERS.keys())
        customers = {name.split()[1] for name in names if name.startswith(_ONE_CUSTOMER)}
        return cls(
            sections=sections,
            customers=set() if "customers" in sections else customers,
            numbers=numbers,
            places=places,
            are_all_numbers=is_all or _ALL_NUMBERS in names or len(numbers) > _MOST_NUMBERS,
            is_whole_blacklist=is_all or _BLACKLIST in names or len(places) > _MOST_PLACES,
        )


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


def merged(known: Entries, fresh: Entries, sections: Set[str]) -> Entries:
    """Put what was read anew in the place of what was known.

    Args:
        known: gateways, operators, customers and tariffs, as of before.
        fresh: what was read anew.
        sections: that were read.

    Returns:
        everything, as of now. An entry that has lost its shape keeps the one it had.
    """
    changes: dict[str, Any] = {}
    for section in sections:
        new, old = getattr(fresh, section), getattr(known, section)
        kept = {key: old[key] for key in fresh.shapeless.get(section, ()) if key in old}
        changes[section] = new | kept
    changes["faults"] = fresh.faults + [
        fault for fault in known.faults if fault.path.partition(".")[0] not in sections
    ]
    return replace(known, **changes)


def with_customers(known: Entries, fresh: Entries, ids: Set[str]) -> Entries:
    """Put customers that were read anew in the place of those that were known.

    Args:
        known: everything, as of before.
        fresh: of these customers those that are there.
        ids: theirs; those that are not among the fresh ones have gone.
    """
    shapeless = set(fresh.shapeless.get("customers", ()))
    customers = dict(known.customers)
    for id_ in ids - shapeless:
        customers.pop(id_, None)
    paths = tuple(f"customers.{id_}." for id_ in ids)
    told = [fault for fault in known.faults if not f"{fault.path}.".startswith(paths)]
    return replace(known, customers=customers | fresh.customers, faults=[*told, *fresh.faults])


async def revision_now(connection: Connection) -> int:
    """Give the count of changes, those rolled back included."""
    revision: int = await connection.fetchval("SELECT last_value FROM reference_revision")
    return revision
