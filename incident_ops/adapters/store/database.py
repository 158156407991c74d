"""The connection to the database: URL, engine, transactions that read or write, and errors as one sentence.

Writers are serialised, by `BEGIN IMMEDIATE` on SQLite and by an advisory lock on PostgreSQL; readers see one
snapshot and never wait for them. Everything above this file is the same for both databases.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from incident_ops.core.errors import StoreUnavailable

VARIABLE = "INCIDENT_OPS_DATABASE_URL"
PATIENCE_SECONDS = 30
"""How long a writer waits for the one before it."""

_CONNECT_SECONDS = 5
_BEGIN = "incident_ops_begin"
_SYNCHRONOUS = "incident_ops_synchronous"
_WRITER_LOCK = 0x1C_1DE7_0B5
"""The key of the advisory lock; any number will do that nobody else in the database uses."""

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")


class Database:
    """One database and its engine; may be shared by threads."""

    def __init__(self, url: str | URL, *, patience: float = PATIENCE_SECONDS) -> None:
        """Understands the URL; connects at the first use. `patience` is how many seconds a writer waits.

        Raises:
            StoreUnavailable: the URL names no database that can be used.
        """
        self.url = _understood(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = _without_password(self.url)
        try:
            self._engine = (
                _sqlite_engine(self.url, patience) if self.is_sqlite else _postgres_engine(self.url, patience)
            )
        except ImportError as error:
            raise StoreUnavailable(
                f"the database {self.name} needs the driver {error.name}: pip install 'incident-ops[postgres]'"
            ) from error
        # PostgreSQL: a reader keeps one snapshot; a writer must see what was committed while it waited.
        reader: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        writer: dict[str, Any] = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
        if self.is_sqlite:
            reader, writer = {_BEGIN: "BEGIN"}, {_BEGIN: "BEGIN IMMEDIATE"}
        self._reading, self._writing = reader, writer
        self._bare = self._engine.execution_options(**{_BEGIN: None})
        self._patience = patience
        self._local = threading.local()

    @property
    def file(self) -> Path | None:
        """The SQLite file."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @property
    def engine(self) -> sa.Engine:
        """For those who watch the statements."""
        return self._engine

    @contextmanager
    def connected(self) -> Iterator[None]:
        """One connection for all transactions of this thread until the block ends. To open one, to read the schema
        and to empty SQLite's log at its close takes as long as a small transaction."""
        if self._kept_connection() is not None:
            yield
            return
        with self._translated(), self._engine.connect() as connection:
            self._local.kept, self._local.process = connection, os.getpid()
            try:
                yield
            finally:
                self._local.kept = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot; never waits for a writer and no writer waits for it."""
        with self._translated(), self._with_options(self._reading) as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def writing(self, *, is_durable: bool = True) -> Iterator[Connection]:
        """A transaction that no other writer runs beside; committed at the end, undone by an exception.

        Args:
            is_durable: False does not wait for the disk, on SQLite. A process that is killed loses nothing by it;
                a machine that fails may lose the transaction, whole, and never anything that was committed later
                as durable.
        """
        if getattr(self._local, "writes", False):
            raise RuntimeError("a transaction inside a transaction of the same thread would wait for itself")
        self._local.writes = True
        try:
            options = self._writing | {_SYNCHRONOUS: "FULL" if is_durable else "NORMAL"}
            with self._translated(), self._with_options(options) as connection, connection.begin():
                if not self.is_sqlite:
                    milliseconds = str(round(self._patience * 1000))
                    connection.execute(_PATIENCE, {"patience": milliseconds})
                    connection.exec_driver_sql(_LOCK)
                yield connection
        finally:
            self._local.writes = False

    @contextmanager
    def noting(self) -> Iterator[Connection]:
        """For a single statement that is right whatever others write meanwhile: it waits for no other writer's
        transaction (but SQLite has only one writer), nor for the disk, as `writing(is_durable=False)`. On
        PostgreSQL it must contain `noted_at_once`."""
        if self.is_sqlite:
            with self.writing(is_durable=False) as connection:
                yield connection
            return
        alone: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "postgresql_readonly": False}
        with self._translated(), self._with_options(alone) as connection, connection.begin():
            yield connection

    def noted_at_once(self) -> sa.ColumnElement[bool]:
        """A condition that is always true. Where the server waits for locks and for its disk it says how long."""
        if self.is_sqlite:
            return sa.true()
        settings = sa.func.set_config("lock_timeout", str(round(self._patience * 1000)), sa.true()).concat(
            sa.func.set_config("synchronous_commit", "off", sa.true())
        )
        return sa.select(settings).scalar_subquery().is_not(None)

    @contextmanager
    def without_transaction(self) -> Iterator[Connection]:
        """For the few statements of SQLite that refuse to run inside one."""
        with self._translated(), self._bare.connect() as connection:
            yield connection

    def dispose(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _with_options(self, options: dict[str, Any]) -> Iterator[Connection]:
        """The kept connection if there is one and nothing runs on it, else another one."""
        kept = self._kept_connection()
        if kept is not None and not kept.in_transaction():
            kept.execution_options(**options)
            yield kept
        else:
            with self._engine.connect() as connection:
                connection.execution_options(**options)
                yield connection

    def _kept_connection(self) -> Connection | None:
        """Never that of another process: a fork has a copy of it that must not be used."""
        kept = getattr(self._local, "kept", None)
        return kept if kept is not None and self._local.process == os.getpid() else None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Trouble with the database becomes `StoreUnavailable`; mistakes in our statements stay what they are."""
        try:
            yield
        except PoolTimeout as error:
            raise StoreUnavailable(f"the database {self.name} cannot be used: every connection is busy") from error
        except DBAPIError as error:
            sentence = self._sentence(error)
            if sentence is None:
                raise
            raise StoreUnavailable(sentence) from error

    def _sentence(self, error: DBAPIError) -> str | None:
        if isinstance(error.orig, sqlite3.Error):
            # The low byte is the primary code: https://www.sqlite.org/rescode.html
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            is_trouble, is_busy = code in _SQLITE_TROUBLE, code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        else:
            state = getattr(error.orig, "sqlstate", None)
            is_trouble = isinstance(error, OperationalError | InterfaceError) or state == _PRIVILEGE
            is_busy = state == _LOCK_NOT_AVAILABLE
        if not (is_trouble or is_busy or error.connection_invalidated):
            return None
        if is_busy:
            return f"the database {self.name} is busy: another process has been writing for {self._patience:g} s"
        return (
            f"the database {self.name} cannot be used ({self._reason(error)}): make it reachable or set {VARIABLE}"
        )

    def _reason(self, error: DBAPIError) -> str:
        text = str(error.orig)
        for secret in _secrets_of(self.url):
            text = text.replace(secret, "***")
        first = next((line.strip() for line in text.splitlines() if line.strip()), type(error.orig).__name__)
        return first.rstrip(".:")


_PATIENCE = sa.select(sa.func.set_config("lock_timeout", sa.bindparam("patience"), sa.true()))
_LOCK = f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"
_PRIVILEGE = "42501"
_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE_TROUBLE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)


# ---- statements that both databases know, each in its own words


def insert_or_ignore(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert; a row whose key exists is left alone."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(table).values(values).on_conflict_do_nothing())


def put(connection: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Insert, or overwrite the row with the same `key`."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(values)
    overwritten = {name: statement.excluded[name] for name in values if name != key}
    connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=overwritten))


def chunks(values: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """Pieces small enough for an IN list: SQLite takes 32,766 variables a statement, older ones 999."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


# ---- engines


def _sqlite_engine(url: URL, patience: float) -> sa.Engine:
    """NullPool: an SQLite connection must not cross a fork, and opening one costs less than a commit."""
    file = quote(url.database or "")
    read_write = url.set(database=f"file:{file}").update_query_dict({"mode": "rw", "uri": "true"})
    engine = sa.create_engine(
        read_write, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": patience}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # sqlite3's own transaction control commits before DDL and begins late; ours is the event below.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        begin, level = options.get(_BEGIN, "BEGIN"), options.get(_SYNCHRONOUS)
        if level is not None and connection.info.get(_SYNCHRONOUS, "FULL") != level:
            connection.exec_driver_sql(f"PRAGMA synchronous = {level}")  # refused inside a transaction
            connection.info[_SYNCHRONOUS] = level
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: URL, patience: float) -> sa.Engine:
    # prepare_threshold None: prepared statements do not survive PgBouncer's transaction mode.
    connect: dict[str, Any] = {"prepare_threshold": None, "application_name": "incident_ops"}
    if "connect_timeout" not in url.query:
        connect["connect_timeout"] = _CONNECT_SECONDS
    return sa.create_engine(
        url, pool_pre_ping=True, pool_timeout=patience, hide_parameters=True, connect_args=connect
    )


# ---- URLs


def _understood(url: str | URL) -> URL:
    """The URL with its driver named and a file's path made absolute."""
    try:
        known = make_url(url)
    except (ArgumentError, ValueError):
        # The parser's own message may quote a piece of the password.
        raise StoreUnavailable(
            f"the database URL cannot be read: set {VARIABLE} to sqlite:////path/to/file.db "
            "or postgresql+psycopg://user:password@host/database"
        ) from None
    if known.drivername in _SQLITE:
        if known.database in (None, "", ":memory:") or "mode" in known.query:
            raise StoreUnavailable(f"the database {_without_password(known)} is not a file: set {VARIABLE} to one")
        path = Path(known.database or "").absolute()
        return known.set(drivername="sqlite+pysqlite", database=str(path))
    if known.drivername in _POSTGRES:
        return known.set(drivername="postgresql+psycopg")
    raise StoreUnavailable(
        f"the database {_without_password(known)} cannot be used, {known.drivername} is not a driver we know: "
        f"set {VARIABLE} to an sqlite:// or postgresql+psycopg:// URL"
    )


_SECRET_OPTIONS = frozenset({"password", "sslpassword", "passphrase"})


def _without_password(url: URL) -> str:
    hidden = {key: "***" for key in url.query if key in _SECRET_OPTIONS}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _secrets_of(url: URL) -> list[str]:
    options = [value for key, value in url.query.items() if key in _SECRET_OPTIONS and isinstance(value, str)]
    return [secret for secret in (str(url.password or ""), *options) if secret]
