"""The tail on a Dagster that keeps its log in PostgreSQL, where ids are handed out before they can be seen."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster import DagsterEventType
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from incident_ops.adapters.dagster_cursor import SETTLE
from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, Recovery
from incident_ops_tests import tenant
from incident_ops_tests.adapters import shop_of_traps as shop
from incident_ops_tests.adapters.event_log import now, report_check, report_freshness
from incident_ops_tests.adapters.under_way import watched
from incident_ops_tests.processes import make_home

pytest.importorskip("dagster_postgres", reason="dagster-postgres is not installed")

WRITERS = 8
EACH = 60
LIMIT = 1000


@pytest.fixture
def storage_url(postgres_url: str) -> str:
    """As dagster-postgres wants it: it speaks psycopg2, and SQLAlchemy 2.1 takes `postgresql` for psycopg 3."""
    url = sa.make_url(postgres_url).set(drivername="postgresql+psycopg2")
    return url.render_as_string(hide_password=False)


@contextmanager
def instance_on(storage_url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    storage = f"storage: {{postgres: {{postgres_url: '{storage_url}'}}}}\n"
    with dg.DagsterInstance.from_config(str(make_home(home, storage))) as instance:
        yield instance


@pytest.fixture
def instance(storage_url: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_on(storage_url, tmp_path / "home") as instance:
        yield instance


class Reader:
    """A tail that is read again and again, and beside it one that trusts the greatest id."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._source = DagsterEvents(instance)
        self._storage: Any = instance.event_log_storage
        self._cursor: str | None = None
        self._greatest = 0
        self.told: list[Alert] = []
        self.told_naively = 0

    def read(self, *, at: datetime | None = None) -> list[str]:
        """To the end of what can be seen; returns the names of the checks that were told."""
        self._read_naively()
        told: list[Alert] = []
        is_last = False
        while not is_last:
            page = self._source.read(self._cursor, now=at or now(), limit=LIMIT)
            self._cursor, is_last = page.cursor, page.is_last
            told += [o for o in page.observations if isinstance(o, Alert)]
        self.told += told
        return [str(alert.check) for alert in told]

    def _read_naively(self) -> None:
        table = SqlEventLogStorageTable.c
        query = sa.select(table.id).where(table.id > self._greatest).order_by(table.id)
        with self._storage.index_connection() as connection:
            ids = [row[0] for row in connection.execute(query)]
        self.told_naively += len(ids)
        self._greatest = max([self._greatest, *ids])


# ---- the contract


def test_evaluations_run_failures_and_freshness_read_as_on_sqlite(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls", "boom")
    check_run = tenant.run(instance, "orders")
    failed_run = tenant.run(instance, "boom", "leaf")
    report_freshness(instance, "orders", "PASS", "FAIL")
    report_freshness(instance, "orders", "FAIL", "PASS")
    observations = DagsterEvents(instance).read(None, now=now(), limit=LIMIT).observations
    found = [o for o in observations if isinstance(o, Alert)]
    assert [(a.kind, str(a.subject), a.run_id) for a in found] == [
        (AlertKind.CHECK_FAILED, "orders: orders_not_null", check_run),
        (AlertKind.RUN_FAILED, "boom", failed_run),
        (AlertKind.RUN_FAILED, "boom", failed_run),
        (AlertKind.FRESHNESS, "orders", None),
    ]
    assert found[0].materialization == (
        instance.fetch_materializations(dg.AssetKey("orders"), limit=1).records[0].storage_id
    )
    assert found[3].check_severity is CheckSeverity.ERROR
    assert "freshness|orders" in {o.fingerprint for o in observations if isinstance(o, Recovery)}
    assert len({a.event_id for a in found}) == len(found)


def test_the_sweep_finds_what_is_recent_whatever_the_databases_time_zone(
    storage_url: str, tmp_path: Path, inject: Callable[..., None]
):
    """Dagster lets PostgreSQL fill in some times, and PostgreSQL does it in its own time zone."""
    engine = sa.create_engine(storage_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = sa.make_url(storage_url).database
        connection.execute(sa.text(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Honolulu'"))
    engine.dispose()
    inject("nulls", "boom")
    with instance_on(storage_url, tmp_path / "home") as instance:
        tenant.run(instance, "orders")
        failed_run = tenant.run(instance, "boom")
        source = DagsterEvents(instance)
        told = [o for o in source.read(None, now=now(), limit=LIMIT).observations if isinstance(o, Alert)]
        swept = source.recent_evaluations(now=now())
        assert {o.event_id for o in swept} == {a.event_id for a in told if a.kind is AlertKind.CHECK_FAILED}
        assert source.failed_runs(now=now()) == (failed_run,)
        assert source.recent_evaluations(now=now() + timedelta(hours=2)) == ()
        assert source.failed_runs(now=now() + timedelta(hours=2)) == ()


# ---- ids that appear late


def test_of_two_open_transactions_the_one_that_commits_last_is_read_though_its_id_is_the_lower(
    instance: dg.DagsterInstance, storage_url: str
):
    reader = Reader(instance)
    report_check(instance, "before")
    assert reader.read() == ["before"]
    engine = sa.create_engine(storage_url)
    with engine.connect() as slow, slow.begin() as transaction:
        slow.execute(insertion_of(instance, "late"))
        report_check(instance, "early")
        assert reader.read() == ["early"], "the other one cannot be seen yet"
        transaction.commit()
    engine.dispose()
    assert reader.read() == ["late", "early"], "what follows a late row is told again, in order"
    assert reader.read() == []
    assert reader.read(at=now() + 2 * SETTLE) == []
    assert reader.told_naively == 2, "a cursor at the greatest id loses one of three"
    assert len({alert.event_id for alert in reader.told}) == 3


def test_an_id_whose_transaction_is_rolled_back_holds_nothing_up(instance: dg.DagsterInstance, storage_url: str):
    reader = Reader(instance)
    engine = sa.create_engine(storage_url)
    with engine.connect() as doomed, doomed.begin() as transaction:
        doomed.execute(insertion_of(instance, "never"))
        transaction.rollback()
    engine.dispose()
    report_check(instance, "after")
    assert reader.read() == ["after"]
    assert reader.read(at=now() + 2 * SETTLE) == []


def test_pointers_lead_to_the_ids_that_the_tail_sees_and_partitions_to_their_own(instance: dg.DagsterInstance):
    for day in ("d1", "d2"):
        shop.build(instance, "raw/shop/orders", partition=day)
    shop.build(instance, "daily", partition="d1")
    shop.build(instance, "first", "second")
    facts = DagsterEvents(instance).read(None, now=now(), limit=100).facts
    orders, _, daily, first, second = facts.materializations
    assert (daily.inputs, second.inputs) == ({"raw/shop/orders": orders.id}, {"first": first.id})
    assert second.ready_at == first.at


def test_what_is_under_way_is_known_as_on_sqlite(instance: dg.DagsterInstance):
    [run] = watched(instance)
    assert run.built.keys() == {"shop/raw", "orders"}
    assert (run.to_come, run.failed) == ({"left", "right", "cfo_dash"}, {"broken"})
    assert run.started_at is not None
    assert abs(run.started_at - now()) < timedelta(minutes=1), "whatever the database's time zone"


def insertion_of(instance: dg.DagsterInstance, name: str) -> Any:
    """What Dagster executes to store an evaluation."""
    evaluation = dg.AssetCheckEvaluation(asset_key=dg.AssetKey("orders"), check_name=name, passed=False)
    event = dg.DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name="",
        event_specific_data=evaluation,
    )
    entry = dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id="",
        timestamp=now().timestamp(),
        dagster_event=event,
    )
    storage: Any = instance.event_log_storage
    return storage.prepare_insert_event(entry)


def test_of_what_eight_writers_report_while_the_tail_reads_nothing_is_lost(
    instance: dg.DagsterInstance,
    storage_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    reader = Reader(instance)
    start = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        with instance_on(storage_url, tmp_path / f"writer{writer}") as own:
            start.wait()
            for i in range(EACH):
                report_check(own, f"w{writer}_{i}")

    reads = 0
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, writer) for writer in range(WRITERS)]
        while not all(writer.done() for writer in writers):
            reader.read()
            reads += 1
        for writer in writers:
            writer.result()
    reader.read()
    expected = {f"w{writer}_{i}" for writer in range(WRITERS) for i in range(EACH)}
    ids = {str(alert.check): alert.event_id for alert in reader.told}
    assert set(ids) == expected
    assert len(set(ids.values())) == len(expected)
    assert len({(alert.check, alert.event_id) for alert in reader.told}) == len(expected), (
        "one id for each, always"
    )
    assert reader.read(at=now() + 2 * SETTLE) == []
    lost = len(expected) - reader.told_naively
    again = len(reader.told) - len(expected)
    print(
        f"{reads} reads; told again {again}; a cursor at the greatest id would have lost {lost} of {len(expected)}"
    )
    record_property("lost_by_a_naive_cursor", lost)
