"""The tail of the event log: everything once, in order, whatever the database does with its ids."""

import json
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from incident_ops.adapters.dagster_cursor import TailCursor
from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import AlertKind
from incident_ops_tests.adapters.event_log import now, read_all, report_check


def checks_of(observations: Any) -> list[str]:
    return [str(o.fingerprint).rsplit("|", 1)[-1] for o in observations]


def drain(
    source: DagsterEvents, cursor: str | None, *, at: datetime, limit: int = 100
) -> tuple[list[str], str | None, int]:
    """Read to the end: check names in order, the cursor, and how many pages it took."""
    names: list[str] = []
    pages = 0
    while True:
        page = source.read(cursor, now=at, limit=limit)
        pages += 1
        names += checks_of(page.observations)
        cursor = page.cursor
        if page.is_last:
            return names, cursor, pages


def test_a_backlog_is_read_oldest_first_and_whole(instance: dg.DagsterInstance):
    for i in range(25):
        report_check(instance, f"c{i}")
    source = DagsterEvents(instance)
    later = now() + timedelta(hours=1)
    names, _, pages = drain(source, None, at=later, limit=10)
    assert names == [f"c{i}" for i in range(25)]
    assert pages == 3


def test_fresh_events_are_read_at_once_and_not_told_again_while_they_settle(instance: dg.DagsterInstance):
    source = DagsterEvents(instance)
    report_check(instance, "c1")
    names, cursor, _ = drain(source, None, at=now())
    assert names == ["c1"]
    report_check(instance, "c2")
    names, cursor, _ = drain(source, cursor, at=now() + timedelta(seconds=5))
    assert names == ["c2"]
    names, cursor, _ = drain(source, cursor, at=now() + timedelta(seconds=60))
    assert names == []
    assert TailCursor.load(cursor).window == ()


def test_more_fresh_events_than_a_page_holds_are_all_read(instance: dg.DagsterInstance):
    for i in range(25):
        report_check(instance, f"c{i}")
    source = DagsterEvents(instance)
    names, _, _ = drain(source, None, at=now(), limit=10)
    assert names == [f"c{i}" for i in range(25)]


def test_an_id_that_appears_below_one_already_read_is_found_and_what_follows_it_told_again(
    instance: dg.DagsterInstance,
):
    """PostgreSQL's gap: the failure has the lower id and commits after the pass."""
    source = DagsterEvents(instance)
    for name in ("late", "early"):
        report_check(instance, name)
    storage: Any = instance.event_log_storage
    table = SqlEventLogStorageTable
    with storage.index_connection() as connection:
        late = connection.execute(sa.select(table).order_by(table.c.id)).mappings().first()
        connection.execute(table.delete().where(table.c.id == late["id"]))
    names, cursor, _ = drain(source, None, at=now())
    assert names == ["early"]
    with storage.index_connection() as connection:
        connection.execute(table.insert().values(**late))
    names, cursor, _ = drain(source, cursor, at=now() + timedelta(seconds=2))
    assert names == ["late", "early"]


def test_ids_that_sqlite_gives_anew_after_the_newest_rows_were_deleted_are_read(instance: dg.DagsterInstance):
    source = DagsterEvents(instance)
    for i in range(5):
        report_check(instance, f"old{i}")
    _, cursor, _ = drain(source, None, at=now() + timedelta(hours=1))
    storage: Any = instance.event_log_storage
    table = SqlEventLogStorageTable
    with storage.index_connection() as connection:
        connection.execute(table.delete().where(table.c.id > 2))
    for i in range(6):
        report_check(instance, f"new{i}")
    names, _, _ = drain(source, cursor, at=now() + timedelta(hours=1))
    assert names == [f"new{i}" for i in range(6)]


def test_an_id_that_was_given_anew_before_it_settled_is_read(instance: dg.DagsterInstance):
    """The deletion falls between two reads, the first of which saw the event for the first time."""
    source = DagsterEvents(instance)
    for name in ("kept", "deleted"):
        report_check(instance, name)
    names, cursor, _ = drain(source, None, at=now())
    assert names == ["kept", "deleted"]
    storage: Any = instance.event_log_storage
    table = SqlEventLogStorageTable
    with storage.index_connection() as connection:
        connection.execute(table.delete().where(table.c.id == 2))
    report_check(instance, "new")
    assert instance.event_log_storage.get_maximum_record_id() == 2, "the id is given anew"
    names, cursor, _ = drain(source, cursor, at=now() + timedelta(seconds=60))
    assert names == ["new"]
    assert drain(source, cursor, at=now() + timedelta(seconds=90))[0] == []


def test_a_cursor_kept_by_an_older_version_is_read_on(instance: dg.DagsterInstance):
    """It had no timestamps in its window: those rows are told once more, and none is left out."""
    for name in ("c1", "c2", "c3"):
        report_check(instance, name)
    source = DagsterEvents(instance)
    _, cursor, _ = drain(source, None, at=now() + timedelta(hours=1))
    anchors = TailCursor.load(cursor).anchors
    old = json.dumps({"anchors": anchors[:1], "window": [[2, now().timestamp()]]})
    assert drain(source, old, at=now())[0] == ["c2", "c3"]


def test_a_log_that_was_emptied_is_read_from_its_new_beginning(instance: dg.DagsterInstance):
    source = DagsterEvents(instance)
    report_check(instance, "old")
    _, cursor, _ = drain(source, None, at=now() + timedelta(hours=1))
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        connection.execute(SqlEventLogStorageTable.delete())
    report_check(instance, "new")
    names, _, _ = drain(source, cursor, at=now() + timedelta(hours=1))
    assert names == ["new"]


def test_a_row_that_cannot_be_decoded_is_an_alert_and_hides_nothing_behind_it(instance: dg.DagsterInstance):
    for name in ("before", "broken", "after"):
        report_check(instance, name)
    storage: Any = instance.event_log_storage
    table = SqlEventLogStorageTable
    with storage.index_connection() as connection:
        connection.execute(table.update().where(table.c.id == 2).values(event="{not json"))
    observations = read_all(instance)
    assert [o.kind for o in observations] == [AlertKind.CHECK_FAILED, AlertKind.EXTERNAL, AlertKind.CHECK_FAILED]
    assert "event 2" in observations[1].evidence.summary


def test_the_same_event_has_the_same_id_each_time_it_is_read(instance: dg.DagsterInstance):
    report_check(instance, "c")
    assert [o.event_id for o in read_all(instance)] == [o.event_id for o in read_all(instance)]
