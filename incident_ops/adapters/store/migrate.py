"""Migrations: which revision a database has, whether this code can use it, and how it is upgraded.

A fresh SQLite file is brought to the newest revision by `prepare`; everything else waits for
`incident-ops db upgrade`, so that an upgrade is always somebody's decision. The revisions are in
`migrations/versions`.
"""

import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from incident_ops.adapters.store.database import PATIENCE_SECONDS, VARIABLE, Database
from incident_ops.adapters.store.tables import VERSION_TABLE
from incident_ops.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The newest revision, kept here so that a tick need not load Alembic; a test compares the two."""

COMMAND = "incident-ops db upgrade"

_alembic = threading.Lock()  # Alembic's context is a global of its own


def upgrade(url: str | URL) -> str:
    """Bring the database to the newest revision, creating an SQLite file that does not exist.

    Returns the revision. Raises `StoreUnavailable` when the database cannot be used or is newer than the code.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            _create_file(database)
        with database.writing() as connection:
            revision = _revision(connection)
            if revision not in (None, HEAD) and revision not in _known():
                raise StoreUnavailable(_newer(database.name, revision))
            _upgrade(connection)
    finally:
        database.dispose()
    return HEAD


def current(url: str | URL) -> str | None:
    """The database's revision, None before the first upgrade. Creates nothing."""
    database = Database(url)
    try:
        if database.file is not None and not database.file.exists():
            return None
        with database.reading() as connection:
            return _revision(connection)
    finally:
        database.dispose()


def is_current(url: str | URL) -> bool:
    """Whether the database has the revision that this code was written for."""
    return current(url) == HEAD


def prepare(database: Database) -> None:
    """Create and migrate a fresh SQLite file, then make sure that the database can be used.

    Safe when several processes come at once: one migrates, the others wait and find it done.
    """
    if database.is_sqlite:
        _create_file(database)
    with database.reading() as connection:
        revision = _revision(connection)
        is_fresh = database.is_sqlite and _is_empty(connection)
    if is_fresh:
        with database.writing() as connection:
            if _is_empty(connection):
                _upgrade(connection)
            revision = _revision(connection)
    if problem := verdict(database.name, revision):
        raise StoreUnavailable(problem)


def verdict(name: str, revision: str | None, *, head: str = HEAD) -> str | None:
    """Why a database at this revision cannot be used, or None."""
    if revision == head:
        return None
    if revision is None:
        return f"the database {name} has no tables of incident_ops: run `{COMMAND}`"
    if revision in _known():
        return f"the database {name} is at revision {revision} and {head} is needed: run `{COMMAND}`"
    return _newer(name, revision)


def _newer(name: str, revision: str | None) -> str:
    return (
        f"the database {name} was written by a newer incident_ops (revision {revision}, this one knows {HEAD}): "
        "upgrade the package"
    )


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = sa.table(VERSION_TABLE, sa.column("version_num"))
    return connection.scalar(sa.select(version.c.version_num))


def _is_empty(connection: Connection) -> bool:
    return not connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first()


def _create_file(database: Database) -> None:
    """The file and its folder, in WAL mode (which is a property of the file, not of a connection)."""
    file = database.file
    assert file is not None
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    except OSError as error:
        raise StoreUnavailable(
            f"the database {database.name} cannot be created ({error.strerror}): set {VARIABLE} to another place"
        ) from error
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not _switch_to_wal(database, is_last_try=time.monotonic() > give_up):
        time.sleep(0.02)


def _switch_to_wal(database: Database, *, is_last_try: bool) -> bool:
    """False when another process is switching too: SQLite refuses both at once, without waiting."""
    with database.without_transaction() as connection:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if is_last_try or code != sqlite3.SQLITE_BUSY:
                raise
            return False
    return True


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions()}


def _upgrade(connection: Connection) -> None:
    """Run the missing migrations inside the connection's transaction."""
    from alembic import command

    configuration = _configuration()
    configuration.attributes["connection"] = connection
    with _alembic:
        command.upgrade(configuration, "head")


def _configuration() -> "Config":
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", "incident_ops.adapters.store:migrations")
    return configuration
