"""The migrations lead to the very tables that the code asks, on both databases."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from incident_ops.adapters.store import migrate, open_store, outbox_rows, rows
from incident_ops.adapters.store.database import Database
from incident_ops.adapters.store.tables import VERSION_TABLE, metadata
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import StoreUnavailable
from incident_ops.core.metrics import CheckMeasurement, Measurement
from incident_ops.core.notices import Action, Notice
from incident_ops.core.provenance import Facts, Materialization
from incident_ops.core.routing import Destination
from incident_ops_tests.builders import make_alert, make_incident, minutes
from incident_ops_tests.postgres import PostgresServer


def test_the_head_that_the_code_names_is_the_newest_revision():
    configuration = Config()
    configuration.set_main_option("script_location", "incident_ops.adapters.store:migrations")
    assert ScriptDirectory.from_config(configuration).get_heads() == [migrate.HEAD]


def test_the_migrations_are_files_of_the_package():
    """An installed wheel must find them."""
    folder = files("incident_ops.adapters.store").joinpath("migrations")
    assert folder.joinpath("env.py").is_file()
    assert folder.joinpath("versions", "0001_the_first_tables.py").is_file()


def test_a_database_is_upgraded_once_and_then_current(empty_url: str):
    assert (migrate.current(empty_url), migrate.is_current(empty_url)) == (None, False)
    assert migrate.upgrade(empty_url) == migrate.HEAD
    assert migrate.upgrade(empty_url) == migrate.HEAD
    assert (migrate.current(empty_url), migrate.is_current(empty_url)) == (migrate.HEAD, True)
    with open_store(empty_url) as store:
        assert store.incidents() == []


def test_asking_for_the_revision_creates_nothing(tmp_path: Path):
    assert migrate.current(f"sqlite:///{tmp_path / 'a' / 'b.db'}") is None
    assert list(tmp_path.iterdir()) == []


def test_upgrades_at_once_wait_for_each_other(empty_url: str):
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(migrate.upgrade, [empty_url] * 3)) == [migrate.HEAD] * 3


def test_the_migrated_tables_are_those_of_the_code(empty_url: str):
    migrate.upgrade(empty_url)
    database = Database(empty_url)
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    database.dispose()


_SQLITE_DEFINITIONS = """
    SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name != :version
    UNION ALL
    SELECT t.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ifnull(c.dflt_value, '')
        || c.pk || c.cid
    FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name != :version
    UNION ALL
    SELECT t.name || ' ' || k."from" || ' ' || k."table" || ' ' || k."to" || ' ' || k.on_delete
    FROM sqlite_master t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'
"""
_POSTGRES_DEFINITIONS = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename != :version
    UNION ALL
    SELECT concat_ws(' ', r.relname, c.conname, pg_get_constraintdef(c.oid)) FROM pg_constraint c
    JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = c.connamespace
    WHERE n.nspname = 'public' AND r.relname != :version
    UNION ALL
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name != :version
"""


def _definitions(url: str) -> list[str]:
    """Every table's columns and every index with its condition, as the database itself writes them."""
    database = Database(url)
    query = _SQLITE_DEFINITIONS if database.is_sqlite else _POSTGRES_DEFINITIONS
    with database.reading() as connection:
        found = connection.execute(sa.text(query), {"version": VERSION_TABLE})
        texts = [re.sub(r"\s+", " ", text) for text in found.scalars()]
    database.dispose()
    return sorted(texts)


def test_even_the_conditions_of_indexes_are_those_of_the_code(
    empty_url: str, tmp_path: Path, postgres_server: PostgresServer
):
    """Alembic does not compare them, and a partial index with another condition is never used."""
    migrate.upgrade(empty_url)
    if empty_url.startswith("sqlite"):
        created = f"sqlite:///{tmp_path / 'created.db'}"
        (tmp_path / "created.db").touch()
    else:
        created = postgres_server.fresh().render_as_string(hide_password=False)
    database = Database(created)
    with database.writing() as connection:
        metadata.create_all(connection)
    database.dispose()
    expected = _definitions(created)
    assert len(expected) > 20
    assert _definitions(empty_url) == expected
    if not empty_url.startswith("sqlite"):
        postgres_server.drop(sa.make_url(created))


def _set_revision(url: str, statement: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.exec_driver_sql(statement.format(VERSION_TABLE))
    database.dispose()


def _upgrade_to(url: str, revision: str) -> None:
    database = Database(url)
    if database.file is not None:
        database.file.touch()
    configuration = Config()
    configuration.set_main_option("script_location", "incident_ops.adapters.store:migrations")
    with database.writing() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    database.dispose()


def _insert(connection: sa.Connection, table: str, values: dict[str, Any]) -> None:
    """As the code of that revision did: what it did not know is left out."""
    there = sa.Table(table, sa.MetaData(), autoload_with=connection)
    types = metadata.tables[table].c
    known = {column.name: types[column.name] for column in there.c}
    statement = sa.table(table, *(sa.column(name, column.type) for name, column in known.items()))
    connection.execute(sa.insert(statement).values({k: v for k, v in values.items() if k in known}))


def test_incidents_of_revision_0001_are_kept_and_can_be_worked_on(empty_url: str):
    _upgrade_to(empty_url, "0001")
    alert = make_alert("shop/orders", partition="p")
    incident = replace(make_incident(7, alert), revision=1, news=())
    database = Database(empty_url)
    with database.writing() as connection:
        own = {"number": 7, "change": 1, "published_revision": 0, "is_shown": False}
        _insert(connection, "incidents", {**rows.incident_values(incident), **own})
        _insert(connection, "members", rows.member_values(incident, 0, incident.members[0]))
        _insert(connection, "alerts", rows.alert_values(alert, 7))
        _insert(connection, "counters", {"name": "incident", "value": 7})
        _insert(connection, "counters", {"name": "change", "value": 1})
        _insert(connection, "cursors", {"name": "tail", "value": "{}", "saved_at": alert.occurred_at})
    database.dispose()
    with pytest.raises(StoreUnavailable, match="is at revision 0001 and"):
        open_store(empty_url)
    assert migrate.upgrade(empty_url) == migrate.HEAD
    with open_store(empty_url) as store:
        [kept] = store.incidents()
        assert (kept.number, kept.title, kept.status) == (7, incident.title, incident.status)
        assert [m.key for m in kept.members] == [m.key for m in incident.members]
        assert kept.merged_into is kept.grouped_by is None
        assert store.alerts(7, limit=5) == [alert]
        assert store.cursor("tail") == "{}"
        record = Materialization(asset="shop/orders", id=1, at=alert.occurred_at)
        with store.transaction() as tx:
            assert tx.related(fingerprints=[alert.fingerprint], causes=[], resolved_since=alert.occurred_at) == [
                kept
            ]
            tx.save(tx.incident(7).resolved(at=alert.occurred_at))
            tx.add_facts(Facts(materializations=(record,)))
            assert tx.allocate_number() == 8
        assert not store.incident(7).is_open
        with store.looking_back() as history:
            assert history.latest_of(["shop/orders"]) == [record]


def test_incidents_of_revision_0002_are_kept_and_what_they_measure_from_now_on(empty_url: str):
    _upgrade_to(empty_url, "0002")
    alert = make_alert("shop/orders", check="volume")
    incident = replace(make_incident(7, alert), revision=1, news=())
    database = Database(empty_url)
    with database.writing() as connection:
        own = {"number": 7, "change": 1, "published_revision": 0, "is_shown": False}
        _insert(connection, "incidents", {**rows.incident_values(incident), **own})
        _insert(connection, "members", rows.member_values(incident, 0, incident.members[0]))
        _insert(connection, "alerts", rows.alert_values(alert, 7))
        for counter in ("incident", "change", "turn"):
            _insert(connection, "counters", {"name": counter, "value": 7})
        _insert(connection, "named_values", {"name": "history", "value": "whole", "set_at": alert.occurred_at})
    database.dispose()
    with pytest.raises(StoreUnavailable, match="is at revision 0002 and 0005 is needed: run `incident-ops db"):
        open_store(empty_url)
    assert migrate.upgrade(empty_url) == migrate.HEAD
    with open_store(empty_url) as store:
        assert store.incidents() == [incident]
        assert store.alerts(7, limit=5) == [alert]
        assert (store.value("history"), store.value("metrics")) == ("whole", None), "the log is read for metrics"
        assert (store.announced(since=minutes(-9)), store.untold_lessons(limit=9)) == ([], [])
        found = CheckMeasurement(
            event_id=alert.event_id,
            asset="shop/orders",
            check="volume",
            measurement=Measurement(at=minutes(0), evaluated_at=minutes(0), points=()),
        )
        with store.transaction() as tx:
            tx.add_facts(Facts(measurements=(found,)))
            assert tx.measured_in(7) == {("shop/orders", "volume"): minutes(0)}, "an old alert and its metrics"
            tx.save(tx.incident(7).resolved(at=minutes(9)))


_NOTICE = Notice(key="x", number=7, destination=Destination(kind="slack", address="#a"), action=Action.REPLY)


def _everything_in(connection: sa.Connection, table: str) -> list[dict[str, Any]]:
    there = sa.Table(table, sa.MetaData(), autoload_with=connection)
    return [dict(row) for row in connection.execute(sa.select(there).order_by(there.c.id)).mappings()]


def test_deliveries_of_revision_0003_are_kept_in_every_status_and_settled_afterwards(empty_url: str):
    """On SQLite the table is built anew; a message lost or sent again there would be the worst upgrade of all."""
    _upgrade_to(empty_url, "0003")
    incident = replace(make_incident(7), revision=1, news=())
    receipt = {"receipt_channel": "C1", "receipt_message": "1.0"}
    in_every_status: dict[str, dict[str, Any]] = {
        "gone": {"status": "pending"},
        "post": {"status": "accepted", "action": "post", "pushes": True, "accepted_at": minutes(2), **receipt},
        "sent": {"status": "accepted", "accepted_at": minutes(3), "address": "#other"},
        "died": {"status": "dead", "error": "channel_not_found: „#größe“", "attempts": 3},
        "left": {"status": "sending", "lease_until": minutes(4), "attempts": 1, "fate_unknown": True},
        "next": {"status": "pending", "not_before": minutes(5), "address": "#other", "pushes": True},
        "last": {"status": "pending", "address": "#third"},
    }
    database = Database(empty_url)
    with database.writing() as connection:
        own = {"number": 7, "change": 1, "published_revision": 0, "is_shown": False}
        _insert(connection, "incidents", {**rows.incident_values(incident), **own})
        _insert(connection, "members", rows.member_values(incident, 0, incident.members[0]))
        for key, different in in_every_status.items():
            owed = outbox_rows.notice_values(replace(_NOTICE, key=key), minutes(1))
            _insert(connection, "deliveries", {**owed, **different})
        connection.exec_driver_sql("DELETE FROM deliveries WHERE key IN ('gone', 'last')")
        before = _everything_in(connection, "deliveries")
    database.dispose()
    assert [row["key"] for row in before] == ["post", "sent", "died", "left", "next"]
    assert migrate.upgrade(empty_url) == migrate.HEAD
    database = Database(empty_url)
    with database.reading() as connection:
        assert _everything_in(connection, "deliveries") == [{**row, "moved_at": None} for row in before]
    database.dispose()
    with open_store(empty_url) as store:
        assert store.incidents() == [incident]
        lease = timedelta(minutes=5)
        [left, later] = store.claim(now=minutes(6), lease=lease, limit=9)
        assert (left.key, left.fate_unknown, left.attempts, left.thread) == (
            "left",
            True,
            2,
            Receipt(channel="C1", message="1.0"),
        )
        assert (later.key, later.number) == ("next", 7)
        with store.transaction() as tx:
            assert tx.pushes_to(Destination(kind="slack", address="#a"), since=minutes(0)) == [minutes(1)]
            to = Destination(kind="slack", address="#new")
            tx.enqueue(
                [Notice(key="d", number=None, destination=to, action=Action.TELL, text="digest")], now=minutes(7)
            )
            tx.enqueue([replace(_NOTICE, key="post")], now=minutes(7))
        [digest] = store.claim(now=minutes(7), lease=lease, limit=1)
        assert (digest.number, digest.id) == (None, 8), "ids of what was deleted are not given again"
        assert [delivery.key for delivery in store.deliveries(7)] == [row["key"] for row in before]


def test_a_database_without_any_deliveries_is_upgraded_too(empty_url: str):
    _upgrade_to(empty_url, "0003")
    assert migrate.upgrade(empty_url) == migrate.HEAD
    with open_store(empty_url) as store, store.transaction() as tx:
        tx.save(make_incident(7))
        tx.enqueue([_NOTICE], now=minutes(0))
    with open_store(empty_url) as store:
        assert [delivery.id for delivery in store.deliveries(7)] == [1]


def test_a_database_that_is_newer_than_the_code_is_left_alone(store_url: str):
    open_store(store_url).dispose()
    _set_revision(store_url, "UPDATE {} SET version_num = '9999'")
    for attempt in (open_store, migrate.upgrade):
        with pytest.raises(StoreUnavailable, match=r"newer incident_ops \(revision 9999.*upgrade the package"):
            attempt(store_url)
    assert migrate.current(store_url) == "9999"


def test_a_file_that_is_not_fresh_waits_for_the_command(store_url: str):
    """An upgrade is somebody's decision: another process may still run the old code."""
    open_store(store_url).dispose()
    _set_revision(store_url, "DELETE FROM {}")
    with pytest.raises(StoreUnavailable, match="run `incident-ops db upgrade`"):
        open_store(store_url)


def test_a_file_of_somebody_else_is_not_filled_with_our_tables(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "other.db").touch()
    _set_revision(url, "CREATE TABLE theirs (a)")
    with pytest.raises(StoreUnavailable, match="has no tables of incident_ops: run `incident-ops db upgrade`"):
        open_store(url)


def test_an_older_revision_is_told_from_a_newer_one():
    assert migrate.verdict("sqlite:///x.db", migrate.HEAD) is None
    assert migrate.verdict("sqlite:///x.db", "0001", head="0002") == (
        "the database sqlite:///x.db is at revision 0001 and 0002 is needed: run `incident-ops db upgrade`"
    )
