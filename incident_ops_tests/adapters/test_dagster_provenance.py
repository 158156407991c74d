"""What was built from what, as Dagster really writes it: every case is a real run on a real instance."""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe

from incident_ops.adapters.dagster_board import DagsterBoard
from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import CheckSeverity
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.provenance import Column, Facts, Materialization, Provenance, RecordKind, Ref, View
from incident_ops_tests import tenant
from incident_ops_tests.adapters import shop_of_traps as shop
from incident_ops_tests.adapters.event_log import now
from incident_ops_tests.blank import empty_store
from incident_ops_tests.builders import make_alert, make_incident

ORDERS = "raw/shop/orders"


def facts(instance: dg.DagsterInstance, **anything: Any) -> Facts:
    return DagsterEvents(instance, **anything).read(None, now=now(), limit=1000).facts


def records(instance: dg.DagsterInstance, asset: str) -> list[Materialization]:
    return [m for m in facts(instance).materializations if m.asset == asset]


def read_by(instance: dg.DagsterInstance, asset: str) -> list[dict[str, str | None]]:
    """Of each record of the asset: upstream asset → the partition of the record read, "gone" if there is none."""
    found = facts(instance)
    history = Provenance(found.materializations, found.evaluations)
    return [
        {key: (read.partition if read else "gone") for key, read in history.inputs_of(m).items()}
        for m in found.materializations
        if m.asset == asset
    ]


# ---- pointers


def test_within_one_run_and_across_runs_pointers_lead_to_the_ids_that_the_tail_sees(
    instance: dg.DagsterInstance, inject: Callable[..., None]
):
    tenant.run(instance, "raw", "orders")
    tenant.run(instance, "orders")
    raw, first, second = facts(instance).materializations
    assert [m.asset for m in (raw, first, second)] == ["raw", "orders", "orders"]
    assert first.inputs == second.inputs == {"raw": raw.id}
    assert (raw.run_id == first.run_id, raw.run_id == second.run_id) == (True, False)


def test_steps_in_processes_of_their_own_write_the_same_ids(instance: dg.DagsterInstance):
    instance.report_runless_asset_event(dg.AssetMaterialization("reported"))
    with dg.execute_job(dg.reconstructable(shop.whole_job), instance=instance) as result:
        assert result.success
    by_asset = {m.asset: m for m in facts(instance).materializations}
    assert by_asset["second"].inputs == {"first": by_asset["first"].id}
    assert by_asset["reader"].inputs == {"reported": by_asset["reported"].id, "second": by_asset["second"].id}


def test_a_multi_asset_points_to_its_own_output_and_what_was_never_built_is_no_input(instance: dg.DagsterInstance):
    shop.build(instance, "first", "second", "reader")
    first, second, reader = facts(instance).materializations
    assert second.inputs == {"first": first.id}
    assert reader.inputs == {"second": second.id}


def test_an_external_asset_is_an_input_by_what_was_reported_for_it(instance: dg.DagsterInstance):
    instance.report_runless_asset_event(dg.AssetMaterialization("reported", metadata={"dagster/row_count": 3}))
    shop.build(instance, "first", "second", "reader")
    [reported] = records(instance, "reported")
    [reader] = records(instance, "reader")
    assert reader.inputs["reported"] == reported.id
    assert (reported.run_id, reported.job, reported.config, reported.ready_at) == (None, "", "", None)
    assert (reported.row_count, reported.data_version, reported.kind) == (3, None, RecordKind.MATERIALIZATION)


def test_a_graph_asset_is_one_record_under_its_own_key(instance: dg.DagsterInstance):
    shop.build(instance, "of_graph", "measured")
    [graph] = records(instance, "of_graph")
    [measured] = records(instance, "measured")
    assert measured.inputs == {"of_graph": graph.id}


# ---- partitions


def test_a_partition_is_built_from_its_own_though_dagster_points_to_the_one_built_last(
    instance: dg.DagsterInstance,
):
    for day in ("d1", "d2", "d3"):
        shop.build(instance, ORDERS, partition=day)
    for day in ("d1", "d2", "d3"):
        shop.build(instance, "daily", partition=day)
    newest = records(instance, ORDERS)[-1].id
    tags = [
        (record.asset_materialization.tags or {})["dagster/input_event_pointer/raw/shop/orders"]
        for record in instance.fetch_materializations(dg.AssetKey("daily"), limit=3).records
        if record.asset_materialization
    ]
    assert tags == [str(newest)] * 3, "what Dagster writes"
    assert read_by(instance, "daily") == [{ORDERS: "d1"}, {ORDERS: "d2"}, {ORDERS: "d3"}]


def test_a_partition_is_built_from_the_version_that_there_was_and_not_from_a_later_one(
    instance: dg.DagsterInstance,
):
    for day in ("d1", "d2"):
        shop.build(instance, ORDERS, partition=day)
    shop.build(instance, "daily", partition="d1")
    shop.build(instance, ORDERS, partition="d1")
    first, _, _ = records(instance, ORDERS)
    [daily] = records(instance, "daily")
    assert daily.inputs == {ORDERS: first.id}


def test_partitions_built_in_one_run_are_each_built_from_their_own(instance: dg.DagsterInstance):
    for day in ("d1", "d2", "d3"):
        shop.build(instance, ORDERS, partition=day)
    a_range = {"dagster/asset_partition_range_start": "d1", "dagster/asset_partition_range_end": "d3"}
    shop.build(instance, "daily_at_once", tags=a_range)
    built = {m.partition: m.inputs for m in records(instance, "daily_at_once")}
    assert built == {m.partition: {ORDERS: m.id} for m in records(instance, ORDERS)}


def test_a_partition_built_from_another_one_points_to_it_if_dagster_does(instance: dg.DagsterInstance):
    shop.build(instance, ORDERS, partition="d1")
    shop.build(instance, "day_before", partition="d2")
    assert read_by(instance, "day_before") == [{ORDERS: "d1"}]


def test_a_partition_built_from_another_one_points_to_it_also_where_dagster_points_to_its_own(
    instance: dg.DagsterInstance,
):
    for day in ("d1", "d2"):
        shop.build(instance, ORDERS, partition=day)
    shop.build(instance, "day_before", partition="d2")
    assert read_by(instance, "day_before") == [{ORDERS: "d1"}], "Dagster points to d2, and d1 was read"


def test_what_is_built_from_several_partitions_has_no_pointer_to_one_of_them(instance: dg.DagsterInstance):
    for day in ("d1", "d2"):
        shop.build(instance, ORDERS, partition=day)
    shop.build(instance, "total")
    assert read_by(instance, "total") == [{}]


def test_what_is_built_from_one_certain_partition_points_to_it_whatever_was_built_since(
    instance: dg.DagsterInstance,
):
    shop.build(instance, ORDERS, partition="d3")
    shop.build(instance, "newest_day")
    shop.build(instance, ORDERS, partition="d1")
    shop.build(instance, "newest_day")
    assert read_by(instance, "newest_day") == [{ORDERS: "d3"}, {ORDERS: "d3"}]


# ---- observations


def test_an_observable_source_is_read_through_its_observation(instance: dg.DagsterInstance):
    observe([shop.source], instance=instance)
    shop.build(instance, "of_source")
    [seen] = records(instance, "source")
    [built] = records(instance, "of_source")
    assert (seen.kind, seen.data_version) == (RecordKind.OBSERVATION, "v1")
    assert built.inputs == {"source": seen.id}


def test_a_remark_of_ours_is_stepped_over_to_the_observation_it_repeats(instance: dg.DagsterInstance):
    """Dagster points to the newest observation, and ours is one."""
    observe([shop.source], instance=instance)
    incident = make_incident(1, make_alert("source"))
    DagsterBoard(instance, "http://127.0.0.1:3000").show([incident])
    shop.build(instance, "of_source")
    found = facts(instance)
    seen, remark = [m for m in found.materializations if m.asset == "source"]
    [built] = [m for m in found.materializations if m.asset == "of_source"]
    assert (remark.kind, built.inputs) == (RecordKind.REMARK, {"source": remark.id})
    history = Provenance(found.materializations)
    assert history.inputs_of(built) == {"source": seen}
    assert history.built_from(seen) == [built]


@pytest.mark.parametrize("viewed", [None, 17])
def test_a_view_is_an_observation_that_names_the_viewer(instance: dg.DagsterInstance, viewed: int | None):
    metadata: dict[str, Any] = {"incident_ops/viewer": " ana@example.com "}
    if viewed is not None:
        metadata["incident_ops/viewed"] = viewed
    instance.report_runless_asset_event(dg.AssetObservation(["shop", "board"], metadata=metadata))
    found = facts(instance)
    [view] = found.views
    assert view == View(asset="shop/board", viewer="ana@example.com", at=view.at, materialization=viewed)
    assert found.materializations == ()


@pytest.mark.parametrize("metadata", [{}, {"rows": 3}, {"incident_ops/viewer": " "}, {"incident_ops/viewer": 3}])
def test_an_observation_that_says_nothing_of_data_or_people_is_no_fact(
    instance: dg.DagsterInstance, metadata: dict[str, Any]
):
    instance.report_runless_asset_event(dg.AssetObservation("shop", metadata=metadata))
    page = DagsterEvents(instance).read(None, now=now(), limit=10)
    assert (bool(page.facts), page.observations, page.events) == (False, (), 1)


def test_observations_that_were_read_leave_nothing_to_read_again(instance: dg.DagsterInstance):
    for _ in range(20):
        instance.report_runless_asset_event(dg.AssetObservation("shop"))
    source = DagsterEvents(instance)
    cursor = source.read(None, now=now(), limit=100).cursor
    settled = source.read(cursor, now=now() + timedelta(minutes=1), limit=100).cursor
    again = source.read(settled, now=now() + timedelta(minutes=1), limit=100)
    assert (again.events, again.cursor) == (0, settled)
    assert json.loads(settled)["window"] == []


# ---- what a record tells


def test_a_record_tells_versions_columns_counts_and_its_run(instance: dg.DagsterInstance):
    config = {"ops": {"measured": {"config": {"password": "hunter2"}}}}
    tags = {"team": "fin", "api_token": "abcdef123456", "dagster/priority": "3"}
    run_id = shop.build(instance, "of_graph", "measured", tags=tags, config=config)
    graph, measured = facts(instance).materializations
    assert (measured.run_id, measured.code_version, graph.code_version) == (run_id, "7", None)
    assert measured.row_count == 5
    assert measured.columns == (Column(name="id", type="BIGINT"), Column(name="n", type="INT"))
    assert measured.column_lineage == {"id": (ColumnRef(asset=ORDERS, column="order_id"),)}
    assert measured.tags == {"team": "fin", "api_token": "[redacted]"}
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"))
    assert measured.config == sha256(canonical.encode()).hexdigest()
    assert "hunter2" not in repr(facts(instance))
    assert "bob@acme.test" not in repr(facts(instance))
    assert (graph.columns, graph.column_lineage, graph.row_count) == (None, None, None)
    assert measured.data_version
    assert measured.job.startswith("__ASSET_JOB")


def test_ready_is_the_start_of_the_run_or_the_last_input_built_in_it(instance: dg.DagsterInstance):
    run_id = shop.build(instance, "of_graph", "measured")
    later = shop.build(instance, "measured")
    graph, measured, alone = facts(instance).materializations
    started = {r.dagster_run.run_id: r.start_time for r in instance.get_run_records()}
    assert graph.ready_at is not None
    assert graph.ready_at.timestamp() == pytest.approx(started[run_id])
    assert measured.ready_at == graph.at
    assert alone.ready_at is not None
    assert alone.ready_at.timestamp() == pytest.approx(started[later])


def test_an_evaluation_tells_the_very_record_it_looked_at_in_one_redacted_line(instance: dg.DagsterInstance):
    shop.build(instance, "of_graph", "measured")
    [evaluation] = facts(instance).evaluations
    [measured] = records(instance, "measured")
    assert (evaluation.asset, evaluation.check, evaluation.passed) == ("measured", "is_long_enough", False)
    assert (evaluation.severity, evaluation.materialization) == (CheckSeverity.WARN, measured.id)
    assert evaluation.summary == "too short: 5 rows, password=[redacted]"


def test_personal_data_in_an_evaluation_is_masked(instance: dg.DagsterInstance):
    schema = dg.TableSchema([dg.TableColumn("email", "text", tags={"pii": ""})])
    instance.report_runless_asset_event(
        dg.AssetMaterialization("people", metadata={"dagster/column_schema": schema})
    )
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("people"),
            check_name="valid",
            passed=False,
            description="email=bob@acme.test is invalid",
        )
    )
    [evaluation] = facts(instance).evaluations
    assert "bob" not in evaluation.summary
    assert "is invalid" in evaluation.summary


# ---- ours stays


def test_assets_of_our_own_are_left_out(instance: dg.DagsterInstance):
    for asset in ("incidents", "shop"):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset))
        instance.report_runless_asset_event(dg.AssetObservation(asset, tags={"dagster/data_version": "1"}))
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=dg.AssetKey(asset), check_name="c", passed=True)
        )
    found = facts(instance, own_assets=["incidents"])
    assert {m.asset for m in found.materializations} == {e.asset for e in found.evaluations} == {"shop"}


@pytest.mark.parametrize("forget", ["a wipe", "a deleted run"])
def test_our_copy_stays_when_dagster_forgets(instance: dg.DagsterInstance, tmp_path: Path, forget: str):
    run_id = shop.build(instance, "of_graph", "measured")
    before = facts(instance)
    with empty_store(tmp_path / "store.db") as store:
        with store.transaction() as tx:
            tx.add_facts(before)
        if forget == "a wipe":
            instance.wipe_assets([dg.AssetKey("of_graph"), dg.AssetKey("measured")])
        else:
            instance.delete_run(run_id)
        with store.transaction() as tx:
            tx.add_facts(facts(instance))
        graph, measured = before.materializations
        with store.looking_back() as history:
            assert history.latest_of(["measured", "of_graph"]) == [graph, measured]
            assert history.readers([graph.ref]) == [measured]
            assert history.evaluations([measured.ref]) == list(before.evaluations)


def test_after_a_wipe_nothing_is_read_until_something_is_built(instance: dg.DagsterInstance):
    shop.build(instance, "of_graph")
    instance.wipe_assets([dg.AssetKey("of_graph")])
    shop.build(instance, "measured")
    [measured] = records(instance, "measured")
    assert measured.inputs == {}


def test_of_a_run_that_was_deleted_before_it_was_read_the_reported_rest_is_kept(instance: dg.DagsterInstance):
    """SQLite keeps the events of assets in its index when a run's own file is gone."""
    run_id = shop.build(instance, "of_graph", "measured")
    instance.run_storage.delete_run(run_id)
    graph, measured = facts(instance).materializations
    assert measured.inputs == {"of_graph": graph.id}
    assert (measured.job, measured.config, measured.tags, measured.ready_at) == ("", "", {}, None)
    assert measured.row_count == 5


def test_a_pointer_to_an_event_that_was_deleted_leads_to_nothing(instance: dg.DagsterInstance):
    run_id = shop.build(instance, "of_graph")
    shop.build(instance, "measured")
    instance.delete_run(run_id)
    [measured] = facts(instance).materializations
    assert Provenance([measured]).inputs_of(measured) == {"of_graph": None}
    assert Provenance([measured]).get(Ref(asset="of_graph", id=measured.inputs["of_graph"])) is None


def test_reading_again_gives_the_same_facts(instance: dg.DagsterInstance):
    observe([shop.source], instance=instance)
    shop.build(instance, "of_graph", "measured", "of_source")
    assert facts(instance) == facts(instance)


def test_a_stretch_costs_the_same_few_queries_whatever_its_length(instance: dg.DagsterInstance):
    from sqlalchemy import Engine, event

    def statements(count: int) -> int:
        seen: list[str] = []
        for _ in range(count):
            instance.report_runless_asset_event(
                dg.AssetMaterialization("a", tags={"dagster/input_event_pointer/b": "1"})
            )

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert len(facts(instance).materializations) >= count
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len([s for s in seen if s.startswith("SELECT")])

    assert statements(1) == statements(50)
