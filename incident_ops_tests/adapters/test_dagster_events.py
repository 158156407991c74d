"""What Dagster really writes, and what we make of it: every case here is a real run on a real instance."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from incident_ops.adapters.dagster_cursor import TailCursor
from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, ErrorClass, Nature, Recovery, RetrySucceeded
from incident_ops_tests import tenant

EDGES = {"leaf": ("boom",), "orders": ("raw",), "web": ("raw",), "web_dash": ("web",)}


def upstream(key: str) -> tuple[str, ...]:
    return EDGES.get(key, ())


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


@pytest.fixture
def inject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    path = tmp_path / "faults"
    monkeypatch.setenv("TENANT_FAULTS", str(path))

    def write(*names: str) -> None:
        path.write_text("\n".join(names))

    return write


def now() -> datetime:
    return datetime.now(tz=UTC)


def read_all(instance: dg.DagsterInstance, cursor: str | None = None, **anything: Any) -> list[Any]:
    page = DagsterEvents(instance, lineage=lambda: upstream).read(cursor, now=now(), limit=1000, **anything)
    return list(page.observations)


def alerts(instance: dg.DagsterInstance) -> list[Alert]:
    return [o for o in read_all(instance) if isinstance(o, Alert)]


def test_a_failed_check_of_a_green_run_is_an_alert_with_the_materialization_it_looked_at(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    run_id = tenant.run(instance, "orders")
    assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.SUCCESS  # pyright: ignore[reportOptionalMemberAccess]
    [alert] = alerts(instance)
    built = instance.get_latest_materialization_event(dg.AssetKey("orders"))
    record = instance.fetch_materializations(dg.AssetKey("orders"), limit=1).records[0]
    assert (alert.kind, alert.check_severity) == (AlertKind.CHECK_FAILED, CheckSeverity.ERROR)
    assert (str(alert.asset), alert.check, alert.run_id) == ("orders", "orders_not_null", run_id)
    assert alert.nature is Nature.FIELD_HEALTH
    assert alert.materialization == record.storage_id
    assert built is not None
    assert alert.began_at == datetime.fromtimestamp(built.timestamp, tz=UTC)


def test_figures_of_a_check_are_kept_and_rows_of_data_are_not(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    tenant.run(instance, "orders")
    [alert] = alerts(instance)
    assert alert.evidence.facts == {"null_rows": "12"}
    assert "bob@acme.test" not in repr(alert)


def test_a_warn_is_an_alert_of_severity_warn(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("few_nulls")
    tenant.run(instance, "orders")
    assert [a.check_severity for a in alerts(instance)] == [CheckSeverity.WARN]


def test_a_pass_is_the_recovery_of_its_check(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("nulls")
    tenant.run(instance, "orders")
    [alert] = alerts(instance)
    inject()
    tenant.run(instance, "orders")
    recoveries = [o for o in read_all(instance) if isinstance(o, Recovery)]
    assert alert.fingerprint in {r.fingerprint for r in recoveries}


def test_a_check_that_raises_leaves_no_evaluation_and_is_still_an_alert(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("crash")
    tenant.run(instance, "orders")
    found = alerts(instance)
    assert {(a.kind, a.check) for a in found} == {(AlertKind.CHECK_ERRORED, "orders_not_null")}
    assert "ConnectionError" in found[0].evidence.summary


def test_a_password_in_an_error_text_is_redacted_before_anything_keeps_it(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("crash")
    tenant.run(instance, "orders")
    assert "s3cret" not in repr(alerts(instance))
    assert "reader" in repr(alerts(instance))


def test_a_blocking_check_leaves_three_events_of_one_fingerprint(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("web")
    tenant.run(instance, "web", "web_dash")
    found = alerts(instance)
    assert [a.kind for a in found] == [AlertKind.CHECK_FAILED, AlertKind.RUN_FAILED, AlertKind.RUN_FAILED]
    assert {a.fingerprint for a in found} == {"check|web|web_rows"}
    assert len({a.event_id for a in found}) == 3
    assert len({a.materialization for a in found}) == 1


def test_what_a_failed_blocking_check_kept_from_running_is_listed_and_not_an_alert(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("web")
    tenant.run(instance, "web", "web_dash")
    listed = {str(item) for a in alerts(instance) for item in a.evidence.not_run}
    assert listed == {"web_dash (not run: upstream web)"}


def test_the_run_failure_sensor_and_the_tail_give_the_same_events(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("boom")
    run_id = tenant.run(instance, "boom", "leaf")
    quick = DagsterEvents(instance, lineage=lambda: upstream).of_run(run_id, now=now())
    assert {o.event_id for o in quick} == {a.event_id for a in alerts(instance)}


def test_a_mixed_run_names_exactly_the_assets_that_failed(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("boom", "pair")
    tenant.run(instance, "boom", "left", "right", "leaf")
    found = alerts(instance)
    assert {str(a.asset) for a in found} == {"boom", "right"}
    listed = {str(item) for a in found if str(a.asset) == "boom" for item in a.evidence.not_run}
    assert listed == {"leaf (not run: upstream boom)"}


def test_the_account_needs_no_catalog_to_tell_what_was_not_run(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("boom")
    tenant.run(instance, "boom", "leaf")
    page = DagsterEvents(instance).read(None, now=now(), limit=1000)
    found = [o for o in page.observations if isinstance(o, Alert)]
    assert {str(a.asset) for a in found} == {"boom"}
    assert {str(i) for a in found for i in a.evidence.not_run} == {"leaf (not run: upstream boom)"}


def test_wrapper_exceptions_are_taken_off(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("boom")
    tenant.run(instance, "boom")
    step = alerts(instance)[0]
    assert step.evidence.summary.startswith("ValueError: left, right and orders are fine")
    assert step.evidence.error_class is ErrorClass.USER_CODE
    assert step.evidence.error_signature


def test_a_built_asset_is_the_recovery_of_its_failed_run(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("boom")
    tenant.run(instance, "boom")
    fingerprint = alerts(instance)[0].fingerprint
    inject()
    tenant.run(instance, "boom")
    assert fingerprint in {o.fingerprint for o in read_all(instance) if isinstance(o, Recovery)}


def test_a_failure_that_was_healed_while_its_run_went_on_is_told_with_its_recovery(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    """The materialization was read, and found nothing to heal, before the end of the run tells of the failure."""

    @dg.asset
    def early() -> None:
        raise ValueError("not yet")

    @dg.asset
    def late(context: dg.AssetExecutionContext) -> None:
        context.instance.report_runless_asset_event(dg.AssetMaterialization("early"))

    dg.materialize([early, late], instance=instance, raise_on_error=False)
    about_early = [o for o in read_all(instance) if getattr(o, "fingerprint", "") == "run|early"]
    assert [type(o) for o in about_early] == [Recovery, Alert, Alert, Recovery]
    assert about_early[-1].occurred_at > about_early[-2].occurred_at


def test_a_check_that_passed_while_the_run_went_on_in_which_it_raised_is_told_with_its_recovery(
    instance: dg.DagsterInstance,
):
    @dg.asset
    def a() -> None: ...

    @dg.asset_check(asset=a)
    def first() -> dg.AssetCheckResult:
        raise ValueError("not yet")

    @dg.asset(deps=[a])
    def later(context: dg.AssetExecutionContext) -> None:
        passed = dg.AssetCheckEvaluation(asset_key=dg.AssetKey("a"), check_name="first", passed=True)
        context.instance.report_runless_asset_event(passed)

    dg.materialize([a, first, later], instance=instance, raise_on_error=False)
    about_check = [o for o in read_all(instance) if getattr(o, "fingerprint", "") == "check|a|first"]
    assert [type(o) for o in about_check] == [Recovery, Alert, Alert, Recovery]


def test_partitions_fail_under_one_fingerprint_and_recover_apart(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("p1", "p2")
    tenant.run(instance, "parts", partition="p1")
    tenant.run(instance, "parts", partition="p2")
    found = alerts(instance)
    assert {a.partition for a in found} == {"p1", "p2"}
    assert {a.fingerprint for a in found} == {"run|parts"}
    inject("p2")
    tenant.run(instance, "parts", partition="p1")
    recovered = [o.partition for o in read_all(instance) if isinstance(o, Recovery) and "parts" in o.fingerprint]
    assert set(recovered) == {"p1"}


def test_a_worker_that_was_taken_away_is_a_class_of_its_own(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("evicted")
    with suppress(dg.DagsterExecutionInterruptedError):
        tenant.run(instance, "evicted")
    run = instance.get_runs()[0]
    if run.status is dg.DagsterRunStatus.CANCELED:  # in this process the interrupt also ends the run
        instance.report_run_failed(run)
    found = alerts(instance)
    assert {a.evidence.error_class for a in found} == {ErrorClass.INTERRUPTED}
    assert "taken away" in found[0].evidence.summary


def test_a_run_that_dies_without_a_step_failure_has_its_own_text_and_names_what_it_did_not_build(
    instance: dg.DagsterInstance,
):
    job = tenant.defs.resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(
        job,
        asset_selection=frozenset({dg.AssetKey("boom"), dg.AssetKey("leaf")}),
        status=dg.DagsterRunStatus.STARTED,
    )
    instance.report_run_failed(run, message="worker ran out of memory")
    found = alerts(instance)
    assert {a.evidence.error_class for a in found} == {ErrorClass.DIED}
    assert [(str(a.subject), a.kind) for a in found] == [("boom", AlertKind.NOT_MATERIALIZED)]
    assert "no step says why" in found[0].evidence.summary
    assert "worker ran out of memory" in found[0].evidence.summary
    assert [str(i) for i in found[0].evidence.not_run] == ["leaf (not run: upstream boom)"]


def test_a_job_without_assets_fails_and_recovers_under_its_own_name(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    job = tenant.defs.resolve_job_def("plain_job")
    inject("op")
    job.execute_in_process(instance=instance, raise_on_error=False)
    assert {a.fingerprint for a in alerts(instance)} == {"job|plain_job"}
    inject()
    job.execute_in_process(instance=instance, raise_on_error=False)
    assert "job|plain_job" in {o.fingerprint for o in read_all(instance) if isinstance(o, Recovery)}


def test_a_retry_that_passes_says_so(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("boom")
    first = tenant.run(instance, "boom")
    inject()
    second = tenant.run(instance, "boom", retry_of=first)
    retries = [o for o in read_all(instance) if isinstance(o, RetrySucceeded)]
    assert [(r.run_group, r.run_id) for r in retries] == [(first, second)]


FRESHNESS_ROWS = [
    ("UNKNOWN", "UNKNOWN", None),
    ("UNKNOWN", "NOT_APPLICABLE", None),
    ("UNKNOWN", "PASS", Recovery),
    ("PASS", "WARN", CheckSeverity.WARN),
    ("WARN", "FAIL", CheckSeverity.ERROR),
    ("FAIL", "UNKNOWN", None),
    ("FAIL", "NOT_APPLICABLE", None),
    ("FAIL", "PASS", Recovery),
]


@pytest.mark.parametrize(("previous", "new", "expected"), FRESHNESS_ROWS)
def test_of_freshness_states_only_warn_and_fail_are_alerts_and_only_pass_recovers(
    instance: dg.DagsterInstance, previous: str, new: str, expected: Any
):
    report_freshness(instance, "orders", previous, new)
    observations = read_all(instance)
    if expected is None:
        assert observations == []
    elif expected is Recovery:
        assert [type(o) for o in observations] == [Recovery]
    else:
        assert [(o.kind, o.check_severity) for o in observations] == [(AlertKind.FRESHNESS, expected)]


def report_freshness(instance: dg.DagsterInstance, asset: str, previous: str, new: str) -> None:
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    instance.report_runless_asset_event(
        FreshnessStateChange(
            key=dg.AssetKey(asset.split("/")),
            new_state=FreshnessState(new),
            previous_state=FreshnessState(previous),
            state_change_timestamp=now().timestamp(),
        )
    )


def test_events_of_our_own_assets_do_not_come_back(instance: dg.DagsterInstance):
    evaluation = dg.AssetCheckEvaluation(asset_key=dg.AssetKey("incidents"), check_name="open", passed=False)
    instance.report_runless_asset_event(evaluation)
    instance.report_runless_asset_event(dg.AssetMaterialization("incidents"))
    page = DagsterEvents(instance, own_assets={"incidents"}).read(None, now=now(), limit=10)
    assert page.observations == ()
    assert page.events == 2


# ---- the tail


def report_check(instance: dg.DagsterInstance, name: str, *, passed: bool = False) -> None:
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=dg.AssetKey("orders"), check_name=name, passed=passed)
    )


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


# ---- the sweep


def test_an_evaluation_whose_run_was_deleted_before_it_was_read_is_found_by_the_sweep(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    run_id = tenant.run(instance, "orders")
    expected = {a.event_id for a in alerts(instance)}
    instance.delete_run(run_id)
    found = DagsterEvents(instance).recent_evaluations(now=now())
    assert {o.event_id for o in found} == expected


def test_failed_runs_of_the_last_hour_are_listed(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("boom")
    run_id = tenant.run(instance, "boom")
    inject()
    tenant.run(instance, "boom")
    assert DagsterEvents(instance).failed_runs(now=now()) == (run_id,)
    assert DagsterEvents(instance).failed_runs(now=now() + timedelta(hours=2)) == ()
