"""Cost grows with new events, not with history: what a tick asks is answered by an index, on both databases.

A hundred thousand closed incidents of one and the same fingerprint lie in the tables, with their alerts, timelines
and accepted deliveries; each was attended, told in a digest and classified. Every statement that a tick makes is
recorded and explained; a scan of a table that grows fails the test. On SQLite, which stops a scan by no cleverness
of its own, work is counted too.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.store.tables import (
    alerts,
    attention,
    deliveries,
    digest_items,
    group_members,
    incidents,
    members,
    silences,
    timeline,
)
from incident_ops.core.circuit import after_failure
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.notices import Action
from incident_ops.core.pace import Lane
from incident_ops.core.retry import rule_for
from incident_ops.core.status import EntryKind, Resolution, Status, TimelineEntry
from incident_ops_tests.adapters.store.values import LEASE, SLACK, notice, opened_for, owe
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

HISTORY = 100_000
SAME = "check|a/old|not_null"
GROWING = (
    "incidents",
    "members",
    "alerts",
    "timeline",
    "deliveries",
    "attention",
    "silences",
    "digest_items",
    "group_members",
)

Statements = list[tuple[str, Any]]


def with_history(store: SqlStore, count: int) -> SqlStore:
    """Fills the tables with copies of one incident that ended and was shown, told and retired."""
    opened_for(store, "a/old", resolved=True, run_id="run-old", run_group="run-old", cause="run-old/step")
    owe(store, notice(1, Action.POST, "old", pushes=True))
    store.accepted(
        store.claim(now=minutes(0), lease=LEASE, limit=1)[0], Receipt(channel="C", message="1"), now=minutes(0)
    )
    store.mark_published(store.unpublished(limit=1))
    store.mark_retired(store.to_retire(resolved_before=minutes(9), limit=1))
    with store.transaction() as tx:
        tx.save(replace(tx.incident(1), resolution=Resolution.FIXED))
        tx.save_attention(1, {"step": 1}, wake_at=None)
        tx.join_group("old", 1)
        tx.add_to_digest(SLACK, 1, why="SEV3", due_at=minutes(1), now=minutes(0))
        tx.mark_digested(SLACK, until=minutes(1), now=minutes(1))
    store.mark_published(store.unpublished(limit=1))
    store.mark_retired(store.to_retire(resolved_before=minutes(9), limit=1))
    store.add_silence(["a=b"], begins=minutes(0), ends=minutes(1), author="ana", comment="", now=minutes(0))
    series = sa.select(sa.literal(1_000).label("n")).cte("series", recursive=True)
    series = series.union_all(sa.select(series.c.n + 1).where(series.c.n < 999 + count))
    n, text = series.c.n, sa.cast(series.c.n, sa.Text)
    own: dict[sa.Table, dict[str, Any]] = {
        incidents: {"number": n, "change": n},
        members: {"incident": n, "last_cause": "cause-" + text},
        alerts: {"incident": n, "event_id": "e-" + text, "run_id": "run-" + text, "run_group": "run-" + text},
        timeline: {"incident": n},
        deliveries: {"incident": n, "key": "old-" + text},
        attention: {"incident": n},
        silences: {},
        digest_items: {"incident": n},
        group_members: {"incident": n, "group_key": "old-" + text},
    }
    with store._database.writing() as connection:
        for table, different in own.items():
            first = sa.select(table).limit(1).subquery()
            columns = [c.name for c in table.c if c.name != "id"]
            copies = sa.select(*(different.get(name, first.c[name]) for name in columns)).select_from(
                sa.join(series, first, sa.true())
            )
            connection.execute(sa.insert(table).from_select(columns, copies))
        connection.execute(sa.update(sa.table("counters", sa.column("value"))).values(value=1_000_000))
    if not store._database.is_sqlite:
        with store._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return store


@contextmanager
def recorded(store: SqlStore) -> Iterator[Statements]:
    statements: Statements = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            statements.append((statement, parameters))

    event.listen(store._database.engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(store._database.engine, "before_cursor_execute", record)


def scans(store: SqlStore, statements: Statements) -> list[str]:
    """The statements that read a whole table that grows, with their plans."""
    found: list[str] = []
    with store._database.engine.connect() as connection:
        for statement, parameters in statements:
            if statement.startswith("SELECT set_config") or "pg_advisory" in statement:
                continue
            explain = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN "
            plan = [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]
            found += [
                f"{line.strip()}\n{statement}"
                for line, following in zip(plan, [*plan[1:], ""], strict=True)
                if _is_a_full_scan(line, following)
            ]
    return found


_TABLES = "|".join(GROWING)
_A_PARTIAL_INDEX = re.compile(
    r"ix_incidents_(?!status|classified)|ix_members_firing_since|uq_members_open|ix_deliveries_(unfinished|waiting|owed|sending|post|push\b)"
    r"|ix_attention|(ix|uq)_digest_items"
)


def _is_a_full_scan(line: str, following: str) -> bool:
    """A partial index may be read from end to end: it holds what is unfinished, not what is history. PostgreSQL
    tells of the part of an index that it reads in the following line."""
    if re.search(rf"(Seq Scan|Parallel .*) on ({_TABLES})\b", line):
        return True
    whole_index = re.search(rf"Index (Only )?Scan.* using (\w+) on ({_TABLES})\b", line)
    if whole_index and "Index Cond" not in following:
        return not _A_PARTIAL_INDEX.match(whole_index[2])
    scan = re.match(rf"SCAN ({_TABLES})\b(?: USING (?:COVERING )?INDEX (\w+))?", line)
    return scan is not None and not _A_PARTIAL_INDEX.match(scan[2] or "")


def quiet_tick(store: SqlStore) -> None:
    """What is asked when nothing happened."""
    store.cursor("tail")
    assert store.recovered_and_open() == []
    assert store.open_without_owner() == []
    store.value("heartbeat")
    store.catalog()
    assert store.claim(now=minutes(500), lease=LEASE, limit=20) == []
    assert store.claim(now=minutes(500), lease=LEASE, limit=20, without=[Lane(kind="slack", address="#a")]) == []
    assert (store.unfinished(), store.oldest_unfinished(), store.circuits()) == (0, None, [])
    assert store.waiting(Lane(kind="slack"), created_before=minutes(400), limit=20, only_to_move=True) == []
    assert store.open_at(Lane(kind="slack")) == []
    assert store.unpublished(limit=20) == []
    assert store.to_retire(resolved_before=minutes(1_000), limit=20) == []
    assert store.incidents(statuses=[Status.TRIGGERED, Status.ACKNOWLEDGED, Status.MITIGATED]) == []


def quiet_look(store: SqlStore) -> None:
    """What is asked of who is to be told, when nobody is."""
    assert store.to_attend(now=minutes(500), limit=20) == []
    assert store.next_wake() is None
    assert store.digests_due(now=minutes(500)) == []
    assert store.silences(since=minutes(500)) == []
    assert store.firing_labels() == []
    assert store.classified(limit_per_detector=20, since=minutes(500)) == {}
    with store.transaction() as tx:
        assert tx.pushes_to(SLACK, since=minutes(400)) == []
        assert tx.digest_of(SLACK, until=minutes(500)) == []
        tx.wake_open(at=minutes(500))


def busy_look(store: SqlStore) -> None:
    """A new incident among a hundred thousand: grouped, pushed, put into a digest, silenced and resolved."""
    number = opened_for(store, "a/new", occurred_at=minutes(500)).number
    with store.transaction() as tx:
        assert tx.attention(number) == {}
        tx.join_group("new", number)
        assert tx.group("new") == [number]
        tx.enqueue([notice(number, Action.POST, f"p{number}", pushes=True)], now=minutes(502))
        assert tx.pushes_to(SLACK, since=minutes(501)) == [minutes(502)]
        tx.add_to_digest(SLACK, number, why="SEV3", due_at=minutes(510), now=minutes(500))
        tx.wake([number], at=minutes(505))
    assert store.to_attend(now=minutes(505), limit=20) == [number]
    assert len(store.firing_labels()) == 1
    silence = store.add_silence(
        ["a=b"], begins=minutes(500), ends=minutes(600), author="ana", comment="", now=minutes(501)
    )
    assert [found.id for found in store.silences(since=minutes(500))] == [silence]
    store.expire_silence(silence, at=minutes(502))
    assert (store.next_wake(), store.digests_due(now=minutes(510))) == (minutes(501), [SLACK])
    with store.transaction() as tx:
        assert [item.number for item in tx.digest_of(SLACK, until=minutes(510))] == [number]
        tx.mark_digested(SLACK, until=minutes(510), now=minutes(510))
        tx.withdraw_posts(number)
        tx.save(tx.incident(number).resolved(at=minutes(511), by="ana", reason=Resolution.FIXED))
        tx.leave_groups(number)
        tx.save_attention(number, {}, wake_at=None)
    assert store.classified(limit_per_detector=20, since=minutes(500)) == {
        ("a/new", "not_null"): [Resolution.FIXED]
    }


def newest(store: SqlStore) -> None:
    """Read along the key and stopped at the limit."""
    assert len(store.incidents(limit=5)) == 5


def busy_tick(store: SqlStore) -> None:
    """A failure on the very thing that failed a hundred thousand times before, told, recovered and shown."""
    alert = make_alert(
        "a/old", occurred_at=minutes(500), run_id="run-new", run_group="run-new", cause="run-new/step"
    )
    with store.transaction() as tx:
        assert tx.known_events([alert.event_id]) == set()
        assert tx.related(fingerprints=[SAME], causes=["run-new/step"], resolved_since=minutes(400)) == []
        number = tx.allocate_number()
        saved = tx.save(make_incident(number, alert))
        tx.add_alert(alert, number)
        assert tx.told(number) == {}
        tx.enqueue([notice(number, Action.POST, f"p{number}", pushes=True)], now=minutes(500))
    with store.transaction() as tx:
        [again] = tx.related(fingerprints=[SAME], causes=[], resolved_since=minutes(400))
        assert again == saved
        assert tx.of_run_group("run-new") == [again]
        saved = tx.save(again.recovered(make_recovery(alert), now=minutes(505)))
        tx.enqueue([notice(number, Action.EDIT, f"e{number}")], now=minutes(505))
    assert store.recovered_and_open() == [saved]
    with store.transaction() as tx:
        tx.incident(number)
        tx.save(saved.resolved(at=minutes(506)))
    [post] = store.claim(now=minutes(506), lease=LEASE, limit=20)
    patience = TransportError("429", retry_after=timedelta(minutes=1))
    shut = partial(
        after_failure, error=patience, delivery=post.id, rule=rule_for("slack"), jitter=0, now=minutes(506)
    )
    store.postpone(post, error="429", not_before=minutes(507), fate_unknown=True, now=minutes(506), circuit=shut)
    assert store.claim(now=minutes(506), lease=LEASE, limit=20) == []
    assert len(store.waiting(Lane(kind="slack"), created_before=minutes(507), limit=20)) == 1
    [post] = store.claim(now=minutes(507), lease=LEASE, limit=20)
    store.accepted(post, Receipt(channel="C", message="2"), now=minutes(507))
    with store.transaction() as tx:
        assert len(tx.told(number)) == 1
        tx.enqueue([notice(number, Action.REPLY, f"r{number}")], now=minutes(507))
    [reply] = store.claim(now=minutes(508), lease=LEASE, limit=20)
    entry = TimelineEntry(at=minutes(508), kind=EntryKind.DELIVERY_FAILED, text="refused")
    store.bury(reply, error="refused", instead=None, entry=entry, now=minutes(508))
    assert len(store.deliveries(number)) == 2
    assert len(store.timeline(number)) == 4
    assert len(store.alerts(number, limit=5)) == 1
    assert store.runs_with_alerts(["run-new", "run-unknown"]) == {"run-new"}
    store.mark_published(store.unpublished(limit=5))
    store.mark_retired(store.to_retire(resolved_before=minutes(900), limit=5))


def test_no_statement_of_a_tick_scans_a_table_that_grows(store: SqlStore):
    with_history(store, HISTORY)
    with recorded(store) as statements:
        quiet_tick(store)
        quiet_look(store)
        busy_tick(store)
        busy_look(store)
    assert len(statements) > 70
    assert scans(store, statements) == []


@pytest.mark.parametrize(
    "statement", ["SELECT count(*) FROM alerts", "SELECT title FROM incidents WHERE title = 'x'"]
)
def test_a_scan_would_be_found(store: SqlStore, statement: str):
    """Without this the test above could pass by looking away."""
    with_history(store, 5_000)
    assert len(scans(store, [(statement, ())])) == 1


@pytest.fixture(scope="module")
def small_and_large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SqlStore]]:
    folder = tmp_path_factory.mktemp("costs")
    with (
        open_store(f"sqlite:///{folder / 'small.db'}") as small,
        open_store(f"sqlite:///{folder / 'large.db'}") as large,
    ):
        yield [with_history(small, 10), with_history(large, HISTORY)]


@pytest.mark.parametrize("tick", [quiet_tick, quiet_look, busy_tick, busy_look, newest])
def test_the_work_of_a_tick_is_the_same_with_ten_incidents_and_with_a_hundred_thousand(
    tick: Callable[[SqlStore], None], small_and_large: list[SqlStore]
):
    """Counted in instructions of SQLite's virtual machine, so that a busy machine changes nothing."""
    small, large = (_instructions(store, tick) for store in small_and_large)
    assert large < small * 1.5, f"{small:,} with ten, {large:,} with {HISTORY:,}"


def _instructions(store: SqlStore, tick: Callable[[SqlStore], None]) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, 10)

    event.listen(store._database.engine, "connect", watch)
    tick(store)
    event.remove(store._database.engine, "connect", watch)
    return steps * 10
