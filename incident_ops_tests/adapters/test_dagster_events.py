"""What Dagster really writes, and what we make of it: every case here is a real run on a real instance."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.adapters.dagster_runs import job_of
from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, ErrorClass, Nature, Recovery, RetrySucceeded
from incident_ops_tests import tenant
from incident_ops_tests.adapters.event_log import now, read_all, report_freshness, upstream


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
    recovered = [
        o.partition for o in read_all(instance) if isinstance(o, Recovery) and o.fingerprint == "run|parts"
    ]
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


def test_an_inner_op_of_a_graph_asset_fails_for_the_asset_and_its_owner(instance: dg.DagsterInstance):
    @dg.op
    def load() -> int:
        raise ValueError("no source")

    @dg.op
    def write(rows: int) -> int:
        return rows

    @dg.graph_asset
    def sales():
        return write(load())

    dg.materialize([sales], instance=instance, raise_on_error=False)
    assert {(str(a.subject), a.kind) for a in alerts(instance)} == {("sales", AlertKind.RUN_FAILED)}


def test_the_partition_of_the_run_is_not_that_of_an_asset_without_partitions(instance: dg.DagsterInstance):
    """Or the recovery, which knows no partition, would never meet it."""
    broken = [True]

    @dg.asset
    def lookup() -> None:
        if broken:
            raise ValueError("no table")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["p1"]))
    def daily() -> None: ...

    @dg.asset_check(asset=daily)
    def complete() -> dg.AssetCheckResult:
        if broken:
            raise ValueError("no reference")
        return dg.AssetCheckResult(passed=True)

    def build() -> None:
        dg.materialize([lookup, daily, complete], instance=instance, raise_on_error=False, partition_key="p1")

    build()
    failed = {(a.fingerprint, a.partition) for a in alerts(instance)}
    assert failed == {("run|lookup", None), ("check|daily|complete", None)}
    broken.clear()
    build()
    healed = {(o.fingerprint, o.partition) for o in read_all(instance) if isinstance(o, Recovery)}
    assert failed <= healed


def test_a_resource_that_cannot_start_says_its_own_error(instance: dg.DagsterInstance):
    @dg.resource
    def vault() -> None:
        raise RuntimeError("the vault is sealed")

    @dg.asset(required_resource_keys={"vault"})
    def needy() -> None: ...

    dg.materialize([needy], instance=instance, raise_on_error=False, resources={"vault": vault})
    found = alerts(instance)
    assert {str(a.subject) for a in found} == {"needy"}
    assert "the vault is sealed" in found[0].evidence.summary


def test_the_implicit_job_of_all_assets_is_named_with_its_selection():
    """A success of one selection is no news of another."""

    def named(*keys: str) -> str:
        run = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset(dg.AssetKey(k) for k in keys))
        return job_of(run)

    assert named("b", "a") == "__ASSET_JOB (a, b)"
    assert named("a") != named("b")
    assert named("a", "b", "c", "d").startswith("__ASSET_JOB (a, b, c and 1 more, ")
    assert named("a", "b", "c", "d") != named("a", "b", "c", "e")
    assert job_of(dg.DagsterRun(job_name="nightly", asset_selection=frozenset({dg.AssetKey("a")}))) == "nightly"


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


def test_events_of_our_own_assets_do_not_come_back(instance: dg.DagsterInstance):
    evaluation = dg.AssetCheckEvaluation(asset_key=dg.AssetKey("incidents"), check_name="open", passed=False)
    instance.report_runless_asset_event(evaluation)
    instance.report_runless_asset_event(dg.AssetMaterialization("incidents"))
    page = DagsterEvents(instance, own_assets={"incidents"}).read(None, now=now(), limit=10)
    assert page.observations == ()
    assert page.events == 2


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
