"""The three sensors, ticked by Dagster's own test API on a real instance: what they are, what one tick does, and
that a failed run is found whichever of them was awake."""

import ast
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.wiring import dispose_stores, in_force, surroundings_of, utc_now
from incident_ops.core.alert import AlertKind
from incident_ops.core.errors import StoreUnavailable
from incident_ops.core.own import INCIDENT_BOARD, INCIDENTS
from incident_ops.core.record import incident_record
from incident_ops.core.status import Status
from incident_ops.definitions import defs
from incident_ops.defs import sensors
from incident_ops.defs.assets import INCIDENTS_IO
from incident_ops.defs.resources import Wiring
from incident_ops.defs.sensors import build_sensors
from incident_ops.engine.ops import SWEEP_EVERY, TAIL
from incident_ops_tests import tenant
from incident_ops_tests.processes import make_home

NO_WEBSERVER = "http://127.0.0.1:9"  # the discard port: refused at once
LONGEST_BODY = 25


incident_sensors = build_sensors(Wiring())
incident_detection_sensor, run_failure_alert_sensor, notification_sensor = incident_sensors


class Later(Wiring):
    """For which it is later than it is."""

    def __init__(self, minutes: float) -> None:
        self._minutes = minutes

    def now(self) -> datetime:
        return utc_now() + timedelta(minutes=self._minutes)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own; without a token, so that messages go to the inbox."""
    home = make_home(tmp_path / "home")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("INCIDENT_OPS_DAGSTER_URL", NO_WEBSERVER)
    monkeypatch.setenv("TENANT_FAULTS", str(home / "faults"))
    for name in ("INCIDENT_OPS_CONFIG", "INCIDENT_OPS_DATABASE_URL", "INCIDENT_OPS_SLACK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield home
    dispose_stores()


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.fixture
def inject(home: Path) -> Callable[..., None]:
    def write(*names: str) -> None:
        (home / "faults").write_text("\n".join(names))

    return write


@pytest.fixture
def unreachable(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes our database away (or gives it back)."""

    def switch(away: bool) -> None:
        if away:
            monkeypatch.setenv("INCIDENT_OPS_DATABASE_URL", f"sqlite:///{home}/dagster.yaml/incident_ops.db")
        else:
            monkeypatch.delenv("INCIDENT_OPS_DATABASE_URL")

    return switch


def tick(
    sensor: dg.SensorDefinition,
    instance: dg.DagsterInstance,
    *,
    cursor: str | None = None,
    minutes_later: float = 0,
) -> SensorExecutionData:
    """By name, and with nothing but an instance: as anybody would who knows Dagster and not us."""
    if minutes_later:
        [sensor] = [each for each in build_sensors(Later(minutes_later)) if each.name == sensor.name]
    with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs) as context:
        return sensor.evaluate_tick(context)


def store() -> SqlStore:
    return in_force(surroundings_of(None), now=utc_now()).store


def run_failure_of(instance: dg.DagsterInstance, run_id: str) -> Any:
    """The context in which the sensor's function is called for one run."""
    run = instance.get_run_by_id(run_id)
    [failure] = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert run is not None and failure.dagster_event is not None
    return dg.build_run_status_sensor_context(
        sensor_name="run_failure_alert_sensor",
        dagster_instance=instance,
        dagster_run=run,
        dagster_event=failure.dagster_event,
    ).for_run_failure()


# ---- what they are


def test_the_catalogue_of_the_location_changes_only_on_purpose():
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    assert sorted(key.to_user_string() for key in graph.get_all_asset_keys()) == [
        "detector_coverage",
        INCIDENT_BOARD,
        INCIDENTS,
    ]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        "incident_detection_sensor",
        "notification_sensor",
        "run_failure_alert_sensor",
    ]
    assert list(repository.schedule_defs) == []
    assert sorted(repository.get_top_level_resources()) == [INCIDENTS_IO]


def test_the_definitions_stand_on_their_own():
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("sensor", incident_sensors, ids=lambda sensor: sensor.name)
def test_a_sensor_is_on_by_default_and_ticks_whenever_the_daemons_loop_comes_round(sensor: dg.SensorDefinition):
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 1


def test_a_sensor_only_reads_translates_calls_the_engine_and_says_so():
    bodies = ast.walk(ast.parse(inspect.getsource(sensors)))
    functions = [node for node in bodies if isinstance(node, ast.FunctionDef) and node.name != "build_sensors"]
    lengths = {f.name: (f.end_lineno or 0) - f.lineno for f in functions}
    assert sorted(lengths) == sorted(sensor.name for sensor in incident_sensors)
    assert {name: length for name, length in lengths.items() if length >= LONGEST_BODY} == {}


# ---- what a tick does


def test_a_tick_opens_the_incident_of_a_green_run_and_a_delivery_after_the_group_wait_tells_it(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    tenant.run(instance, "orders")
    detection = tick(incident_detection_sensor, instance)
    assert detection.skip_message == "1 alerts: 1 incidents opened, 0 resolved"
    assert tick(notification_sensor, instance).skip_message == "0 delivered, 0 pending"
    after_the_group_wait = build_sensors(Later(minutes=0.5))[-1]
    assert tick(after_the_group_wait, instance).skip_message == "1 delivered, 0 pending"
    assert [message.incident for message in store().inbox()] == ["INC-1"]


def test_a_tick_resolves_what_is_healthy_again(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("nulls")
    tenant.run(instance, "orders")
    tick(incident_detection_sensor, instance)
    inject()
    tenant.run(instance, "orders")
    detection = tick(incident_detection_sensor, instance)
    assert detection.skip_message == "0 alerts: 0 incidents opened, 1 resolved"
    assert store().incident(1).status is Status.RESOLVED


def test_a_tick_starts_no_run_and_leaves_dagsters_cursor_alone(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    tenant.run(instance, "orders")
    for sensor in (incident_detection_sensor, notification_sensor):
        data = tick(sensor, instance)
        assert (data.run_requests, data.cursor, data.dynamic_partitions_requests) == ([], None, [])
    assert store().cursor(TAIL), "ours is kept beside what was made of the events"


def test_ticks_that_find_nothing_new_say_nothing_new(instance: dg.DagsterInstance, inject: Callable[..., None]):
    inject("nulls", "boom")
    tenant.run(instance, "orders", "boom")
    for sensor in (incident_detection_sensor, notification_sensor):
        tick(sensor, instance)
    said, shown = store().inbox(), instance.get_latest_materialization_event(dg.AssetKey(INCIDENTS))
    for _ in range(5):
        assert tick(incident_detection_sensor, instance).skip_message == (
            "0 alerts: 0 incidents opened, 0 resolved"
        )
        assert tick(notification_sensor, instance).skip_message == "0 delivered, 0 pending"
    assert store().inbox() == said
    assert instance.get_latest_materialization_event(dg.AssetKey(INCIDENTS)) == shown


def test_after_a_tick_the_incident_loads_as_an_assets_value(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("nulls")
    tenant.run(instance, "orders")
    tick(incident_detection_sensor, instance)
    record = defs.load_asset_value(INCIDENTS, partition_key="INC-1", instance=instance)
    assert record == incident_record(store().incident(1))
    assert isinstance(record, dict)
    assert record["root"]["asset"] == "orders"


def test_without_our_database_a_detection_tick_fails_aloud_and_the_next_one_finds_everything(
    instance: dg.DagsterInstance, inject: Callable[..., None], unreachable: Callable[[bool], None]
):
    inject("nulls")
    tenant.run(instance, "orders")
    unreachable(True)
    with pytest.raises(StoreUnavailable, match="INCIDENT_OPS_DATABASE_URL"):
        tick(incident_detection_sensor, instance)
    unreachable(False)
    tick(incident_detection_sensor, instance)
    assert [incident.id for incident in store().incidents()] == ["INC-1"]


# ---- the quick path for failed runs


def test_the_run_failure_sensor_records_a_run_before_the_tail_has_read_it(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    inject("boom")
    run_id = tenant.run(instance, "boom")
    assert run_failure_alert_sensor(run_failure_of(instance, run_id)) is None
    assert [incident.title for incident in store().incidents()] == ["boom: failed to build"]
    assert tick(incident_detection_sensor, instance).skip_message == "0 alerts: 0 incidents opened, 0 resolved"


def test_the_run_failure_sensor_takes_runs_of_every_code_location(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    started = tick(run_failure_alert_sensor, instance)
    job = tenant.defs.resolve_implicit_global_asset_job_def()
    stranger = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("elsewhere"), "__repository__")
    run = instance.create_run_for_job(
        job,
        asset_selection=frozenset({dg.AssetKey("boom")}),
        status=dg.DagsterRunStatus.STARTED,
        remote_job_origin=RemoteJobOrigin(stranger, job.name),
    )
    instance.report_run_failed(run)
    data = tick(run_failure_alert_sensor, instance, cursor=started.cursor)
    assert [reaction.dagster_run.run_id for reaction in data.dagster_run_reactions or ()] == [run.run_id]  # pyright: ignore[reportOptionalMemberAccess]
    assert [member.kind for incident in store().incidents() for member in incident.members] == [
        AlertKind.NOT_MATERIALIZED
    ]


def test_without_our_database_the_run_failure_sensor_raises_nothing_for_dagster_forgets_a_run_whose_sensor_raised(
    instance: dg.DagsterInstance, inject: Callable[..., None], unreachable: Callable[[bool], None]
):
    started = tick(run_failure_alert_sensor, instance)
    inject("boom")
    run_id = tenant.run(instance, "boom")
    unreachable(True)
    assert run_failure_alert_sensor(run_failure_of(instance, run_id)) is None
    data = tick(run_failure_alert_sensor, instance, cursor=started.cursor)
    assert [reaction.error for reaction in data.dagster_run_reactions or ()] == [None]


def test_a_run_that_the_run_failure_sensor_could_not_record_is_found_by_the_tail(
    instance: dg.DagsterInstance, inject: Callable[..., None], unreachable: Callable[[bool], None]
):
    inject("boom")
    run_id = tenant.run(instance, "boom")
    unreachable(True)
    run_failure_alert_sensor(run_failure_of(instance, run_id))
    unreachable(False)
    assert tick(incident_detection_sensor, instance).skip_message == "2 alerts: 1 incidents opened, 0 resolved"


def test_a_run_that_sensor_and_tail_both_missed_is_found_by_the_sweep(
    instance: dg.DagsterInstance, inject: Callable[..., None], unreachable: Callable[[bool], None]
):
    tick(incident_detection_sensor, instance)
    inject("boom")
    run_id = tenant.run(instance, "boom")
    unreachable(True)
    run_failure_alert_sensor(run_failure_of(instance, run_id))
    unreachable(False)
    the_log_forgets(instance, run_id)
    assert tick(incident_detection_sensor, instance).skip_message == "0 alerts: 0 incidents opened, 0 resolved"
    beyond = SWEEP_EVERY / timedelta(minutes=1)
    swept = tick(incident_detection_sensor, instance, minutes_later=beyond)
    assert swept.skip_message == "2 alerts: 1 incidents opened, 0 resolved"


def the_log_forgets(instance: dg.DagsterInstance, run_id: str) -> None:
    """The index shard, which holds what crosses runs, loses the run's events; the run and its own log remain."""
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        connection.execute(SqlEventLogStorageTable.delete().where(SqlEventLogStorageTable.c.run_id == run_id))
