"""callcontrol.store.server_errors: whose fault it is, said in one sentence without secrets."""

from __future__ import annotations

import socket

import asyncpg
import pytest

from callcontrol.errors import ConfigError, StoreError, StoreRejected, StoreUnavailable
from callcontrol.store.server_errors import Server, errors_of, server_of


class _NoSuchForm(asyncpg.InterfaceError, ValueError):
    """What asyncpg raises before it sends a value it cannot write (its own is private)."""


DSN = "postgresql://anna:s3cr3t@db.example:5433/cdr"


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        (DSN, ("db.example:5433", "anna", "cdr")),
        ("postgresql:///callcontrol", ("this machine", "of the system", "callcontrol")),
        ("postgresql://u@/d?host=/run/postgresql", ("/run/postgresql", "u", "d")),
        ("postgres://u:p@a:1,b:2/d?sslmode=require", ("a:1,b:2", "u", "d")),
        ("postgresql://h?user=u&dbname=d", ("h", "u", "d")),
        ("postgresql://[::1]:5432/d", ("[::1]:5432", "of the system", "d")),
        ("postgresql://u:p%40ss%2F@h/d", ("h", "u", "d")),
    ],
)
def test_a_uri_names_its_server(dsn: str, expected: tuple[str, str, str]) -> None:
    """Host, user and database are read from all the places a URI may have them."""
    where, user, database = expected

    assert server_of(dsn) == Server(where=where, user=user, database=database)


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "s3cr3t",
        "host=db password=s3cr3t",
        "mysql://u:s3cr3t@h/d",
        "postgresql://u:s3c/r3t@h/d",
        "postgresql://u:s3c?r3t@h/d",
        "postgresql://u:s3c#r3t@h/d",
        "postgresql://u:5432/s3cr3t@h/d",
        "postgresql://[u:s3cr3t@h/d",
    ],
)
def test_what_is_no_uri_is_not_repeated(dsn: str) -> None:
    """A mistyped setting often holds the password; the sentence only shows the form."""
    with pytest.raises(ConfigError, match="CALLCONTROL_DSN: not a connection URI") as caught:
        server_of(dsn)

    assert "r3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.InvalidPasswordError, "refuses user anna"),
        (asyncpg.InvalidCatalogNameError, "has no database cdr"),
        (asyncpg.TooManyConnectionsError, "no connection left"),
        (asyncpg.DiskFullError, "no room left"),
        (asyncpg.CannotConnectNowError, "starting or stopping"),
        (asyncpg.AdminShutdownError, "is stopping"),
        (asyncpg.QueryCanceledError, "broke off"),
        (asyncpg.DeadlockDetectedError, "SQLSTATE 40P01"),
        (asyncpg.ReadOnlySQLTransactionError, "read-only"),
        (asyncpg.UndefinedTableError, "callcontrol migrate"),
        (asyncpg.InsufficientPrivilegeError, "does not allow user anna"),
        (asyncpg.InternalServerError, "SQLSTATE XX000"),
        (asyncpg.ConnectionDoesNotExistError, "closed the connection"),
        (asyncpg.InterfaceError, "broke"),
        (ConnectionRefusedError, "cannot be reached"),
        (ConnectionResetError, "cannot be reached"),
        (TimeoutError, "does not answer"),
        (socket.gaierror, "not known"),
    ],
)
def test_what_is_not_in_the_data_is_tried_again(error: type[Exception], words: str) -> None:
    """Each trouble is one sentence that names the server and never the password."""
    with pytest.raises(StoreUnavailable, match=words) as caught, errors_of(DSN):
        raise error("s3cr3t")

    assert "db.example:5433" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "sqlstate"),
    [
        (asyncpg.CheckViolationError, "23514"),
        (asyncpg.NotNullViolationError, "23502"),
        (asyncpg.NumericValueOutOfRangeError, "22003"),
        (asyncpg.ProgramLimitExceededError, "54000"),
        (asyncpg.DataError, "22000"),
        (_NoSuchForm, "22000"),
    ],
)
def test_what_is_in_the_data_is_refused_for_good(error: type[Exception], sqlstate: str) -> None:
    """Trying again will not help; the reason has the code, and no value of the row."""
    with pytest.raises(StoreRejected, match=sqlstate) as caught, errors_of(DSN):
        raise error("Failing row contains (+41795550001)")

    assert caught.value.sqlstate == sqlstate
    assert "+4179" not in str(caught.value)


def test_errors_of_ours_pass() -> None:
    """What has been turned already stays as it is."""
    ours = StoreUnavailable("ours")

    with pytest.raises(StoreError) as caught, errors_of(DSN):
        raise ours

    assert caught.value is ours


def test_a_bug_passes() -> None:
    """What is no trouble with Postgres is not hidden as one."""
    with pytest.raises(ZeroDivisionError), errors_of(DSN):
        _ = 1 / 0
