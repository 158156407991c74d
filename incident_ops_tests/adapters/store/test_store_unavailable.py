"""When the database cannot be used: one sentence with the remedy, and never the password."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from subprocess import run

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from incident_ops.adapters.store import SqlStore, migrate, open_store
from incident_ops.adapters.store.database import Database
from incident_ops.core.errors import StoreUnavailable
from incident_ops_tests.builders import minutes
from incident_ops_tests.postgres import PostgresServer

SECRET = "s3cr3t/p@ss"
URL_SECRET = "s3cr3t%2Fp%40ss"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3cr3t/p@ss", "the database URL cannot be read: set INCIDENT_OPS_DATABASE_URL to"),
        (
            f"postgresql://ana:{SECRET}@host:port/db",
            "the database URL cannot be read: set INCIDENT_OPS_DATABASE_URL",
        ),
        ("sqlite://", "is not a file: set INCIDENT_OPS_DATABASE_URL"),
        ("sqlite:///:memory:", "is not a file: set INCIDENT_OPS_DATABASE_URL"),
        (
            f"mysql://ana:{URL_SECRET}@db/ops",
            "the database mysql://ana:***@db/ops cannot be used, mysql is not a driver we know: "
            "set INCIDENT_OPS_DATABASE_URL to an sqlite:// or postgresql+psycopg:// URL",
        ),
        (f"postgresql+psycopg2://ana:{URL_SECRET}@db/ops", "postgresql+psycopg2 is not a driver we know"),
        (
            f"postgresql://ana:{URL_SECRET}@127.0.0.1:1/ops",
            "the database postgresql+psycopg://ana:***@127.0.0.1:1/ops cannot be used (connection failed",
        ),
        (f"postgres://127.0.0.1:1/ops?user=ana&password={URL_SECRET}", "set INCIDENT_OPS_DATABASE_URL"),
    ],
)
def test_the_sentence_names_the_database_and_the_remedy_and_no_password(url: str, sentence: str):
    with pytest.raises(StoreUnavailable) as caught:
        open_store(url)
    told = str(caught.value)
    assert sentence in told
    assert "INCIDENT_OPS_DATABASE_URL" in told
    assert "\n" not in told
    for secret in (SECRET, URL_SECRET, "s3cr3t"):
        assert secret not in told


def test_nor_does_the_traceback_show_the_password():
    code = f"from incident_ops.adapters.store import open_store; open_store('postgresql://ana:{URL_SECRET}@127.0.0.1:1/x')"
    shown = run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StoreUnavailable" in shown.stderr
    assert shown.stderr.replace(code, "").count("s3cr3t") == 0


def test_postgres_without_tables_names_the_command(postgres_url: str):
    with pytest.raises(StoreUnavailable, match="has no tables of incident_ops: run `incident-ops db upgrade`"):
        open_store(postgres_url)


def test_a_role_that_may_not_enter_is_told_so(postgres_server: PostgresServer, migrated_postgres_url: str):
    postgres_server.require_password("guarded", password=SECRET)
    guarded = sa.make_url(migrated_postgres_url).set(username="guarded")
    with pytest.raises(
        StoreUnavailable, match=r"password authentication failed.*set INCIDENT_OPS_DATABASE_URL"
    ) as caught:
        open_store(guarded.set(password="wr0ng"))
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(StoreUnavailable, match=r"permission denied.*set INCIDENT_OPS_DATABASE_URL"):
        open_store(guarded.set(password=SECRET))


def test_a_database_that_is_not_there_is_told_so(migrated_postgres_url: str):
    absent = sa.make_url(migrated_postgres_url).set(database="absent")
    with pytest.raises(StoreUnavailable, match='database "absent" does not exist'):
        open_store(absent)


def test_a_file_that_is_no_database_is_told_so(tmp_path: Path):
    (tmp_path / "notes.db").write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(StoreUnavailable, match=r"notes.db cannot be used \(file is not a database\)"):
        open_store(f"sqlite:///{tmp_path / 'notes.db'}")
    assert (tmp_path / "notes.db").read_text().startswith("these are my notes")


def test_a_place_where_no_file_can_be_is_told_so(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"cannot be created .*: set INCIDENT_OPS_DATABASE_URL"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'store.db'}")
    with pytest.raises(StoreUnavailable, match="set INCIDENT_OPS_DATABASE_URL"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_path_with_strange_characters_is_one_file(tmp_path: Path):
    url = sa.URL.create("sqlite", database=str(tmp_path / "a b" / "50%?#é.db"))
    with open_store(url) as store:
        store.set_value("a", "1", now=minutes(0))
    with open_store(url) as store:
        assert store.value("a") == "1"
    assert [path.name for path in (tmp_path / "a b").iterdir()] == ["50%?#é.db"]


def test_a_relative_path_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with open_store("sqlite:///store.db") as store:
        store.set_value("a", "1", now=minutes(0))
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert store.value("a") == "1"


def test_a_file_taken_away_in_use_is_missed_not_made_anew(tmp_path: Path):
    """A fresh empty file would read as: no incidents, nothing owed."""
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        (tmp_path / "store.db").unlink()
        with pytest.raises(StoreUnavailable, match="unable to open database file"):
            store.incidents()
    assert not (tmp_path / "store.db").exists()


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(store_url: str):
    first, second = Database(store_url), Database(store_url, patience=0.1)
    migrate.prepare(first)
    with (
        first.writing(),
        pytest.raises(StoreUnavailable, match=r"is busy: another process has been writing for 0.1 s"),
        second.writing(),
    ):
        pass
    with second.writing() as connection:
        assert connection.scalar(sa.select(1)) == 1
    first.dispose()
    second.dispose()


def test_a_connection_lost_in_use_is_unavailable_and_the_next_one_works(
    migrated_postgres_url: str, postgres_server: PostgresServer
):
    with open_store(migrated_postgres_url) as store:
        with pytest.raises(StoreUnavailable, match="set INCIDENT_OPS_DATABASE_URL"), store.transaction() as tx:
            tx.save_cursor("tail", "1", now=minutes(0))
            postgres_server.disconnect_all(migrated_postgres_url)
            tx.save_cursor("tail", "2", now=minutes(0))
        with store.transaction() as tx:
            assert tx.cursor("tail") is None
        postgres_server.disconnect_all(migrated_postgres_url)
        assert store.incidents() == []


def test_a_mistake_in_a_statement_is_not_called_an_outage(store: SqlStore, store_url: str):
    database = Database(store_url)
    with pytest.raises(DBAPIError), database.reading() as connection:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")
    database.dispose()


def test_the_files_of_a_closed_store_can_be_moved(tmp_path: Path):
    """Nothing is left in the write-ahead log."""
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.set_value("a", "1", now=minutes(0))
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        assert raw.execute("SELECT value FROM named_values WHERE name = 'a'").fetchall() == [("1",)]
