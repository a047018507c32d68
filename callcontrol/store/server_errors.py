"""Errors of Postgres and asyncpg, turned into ours by class and SQLSTATE, never by their text.

What lies in the data of a row (classes 22 and 23, and limits of the program, 54) is
StoreRejected: trying again will not help. Everything else is StoreUnavailable, also what is
not known here: a row that is tried again is late, a row that is given up is lost.

Our sentences name server, user and database and never hold the password.
Source of the codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import asyncpg

from callcontrol.errors import ConfigError, StoreError, StoreRejected, StoreUnavailable

_IN_THE_DATA = frozenset({"22", "23", "54"})

# By whole code or by class; the words after "Postgres at … ".
_SENTENCES = {
    "28": "refuses user {user}: look at user and password",
    "3D": "has no database {database}",
    "42501": "does not allow user {user} to do this",
    "42P01": "lacks a table this version needs: run `callcontrol migrate`",
    "42703": "lacks a column this version needs: run `callcontrol migrate`",
    "42883": "lacks a function this version needs: run `callcontrol migrate`",
    "25006": "is read-only, a standby perhaps",
    "53100": "has no room left on its disk",
    "53300": "has no connection left",
    "57P03": "is starting or stopping",
    "57P01": "is stopping",
    "57": "broke off",
    "08": "closed the connection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Which Postgres a connection URI means, in words that may be shown.

    Attributes:
        where: host and port, or the folder of its socket.
    """

    where: str
    user: str
    database: str

    def sentence(self, sqlstate: str) -> str:
        """Say what an SQLSTATE means for the operator."""
        words = _SENTENCES.get(sqlstate) or _SENTENCES.get(sqlstate[:2])
        if words is None:
            words = f"could not do it (SQLSTATE {sqlstate})"
        words = words.format(user=self.user, database=self.database)
        return f"Postgres at {self.where} {words}"


def server_of(dsn: str) -> Server:
    """Read a connection URI, as far as it can be read.

    Raises:
        ConfigError: it is none.
    """
    try:
        uri = urlsplit(dsn)
        given = {name: values[-1] for name, values in parse_qs(uri.query).items()}
        if "," not in uri.netloc:  # several hosts, each with its port, are for asyncpg to read
            _ = uri.port
    except ValueError:
        raise not_a_uri() from None
    credentials, _, hosts = uri.netloc.rpartition("@")
    # An @ further on means that a / ? or # of the password ended the host too early.
    is_cut_short = "@" in uri.path + uri.query + uri.fragment
    if uri.scheme not in {"postgresql", "postgres"} or is_cut_short:
        raise not_a_uri()
    return Server(
        where=given.get("host") or hosts or "this machine",
        user=given.get("user") or credentials.partition(":")[0] or "of the system",
        database=given.get("dbname") or uri.path.strip("/") or "of that name",
    )


def not_a_uri() -> ConfigError:
    """Make the error for a setting that cannot be used; it does not repeat the setting."""
    return ConfigError(
        "CALLCONTROL_DSN: not a connection URI such as"
        " postgresql://user:password@host:5432/callcontrol (special characters as %40)"
    )


@contextmanager
def errors_of(dsn: str) -> Iterator[None]:
    """Turn whatever goes wrong with Postgres inside into one of ours.

    Raises:
        StoreRejected: a row was refused for what is in it.
        StoreUnavailable: Postgres cannot be reached or did not do it: try again later.
        ConfigError: the connection URI is wrong.
    """
    server = server_of(dsn)
    try:
        yield
    except StoreError:
        raise
    except asyncpg.exceptions.ClientConfigurationError:
        # From None: its text may hold part of the URI.
        raise not_a_uri() from None
    except asyncpg.PostgresError as exc:
        raise _refusal(exc, server) from exc
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
        raise _breakage(exc, server) from exc
    except OSError as exc:
        raise StoreUnavailable(f"Postgres at {server.where} {_trouble(exc)}") from exc


def _refusal(exc: asyncpg.PostgresError, server: Server) -> StoreError:
    sqlstate = getattr(exc, "sqlstate", None) or "XX000"
    if sqlstate[:2] in _IN_THE_DATA:
        return StoreRejected(_reason(exc, sqlstate), call_id="", sqlstate=sqlstate)
    return StoreUnavailable(server.sentence(sqlstate))


def _reason(exc: asyncpg.PostgresError, sqlstate: str) -> str:
    """Say why a row was refused, without its values: those may be people's numbers."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(exc).__name__.removesuffix("Error")).lower()
    names = (getattr(exc, f"{kind}_name", None) for kind in ("column", "constraint"))
    return ": ".join([words, *filter(None, names)]) + f" (SQLSTATE {sqlstate})"


def _breakage(exc: Exception, server: Server) -> StoreError:
    if isinstance(exc, ValueError):
        # Raised before anything was sent: a value has no form Postgres knows.
        return StoreRejected(
            "a value cannot be written (SQLSTATE 22000)", call_id="", sqlstate="22000"
        )
    return StoreUnavailable(f"the connection to Postgres at {server.where} broke")


def _trouble(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "does not answer"
    if isinstance(exc, socket.gaierror):
        return "has a name that is not known"
    return "cannot be reached"
