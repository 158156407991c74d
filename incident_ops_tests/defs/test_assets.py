"""The incident assets as Dagster sees them, and loading an incident as an asset's value."""

from collections.abc import Iterator

import dagster as dg
import pytest

from incident_ops.adapters.dagster_board import DagsterBoard
from incident_ops.core.errors import NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.own import OWN_ASSETS
from incident_ops.core.record import incident_record
from incident_ops.defs.assets import INCIDENTS_IO, IncidentsIO, incident_assets
from incident_ops_tests.builders import make_alert, make_incident


class FakeStore:
    """Holds incidents; counts how often it was opened."""

    def __init__(self, *incidents: Incident) -> None:
        self._incidents = {incident.number: incident for incident in incidents}
        self.opened = 0

    def open(self, instance: dg.DagsterInstance) -> "FakeStore":
        self.opened += 1
        return self

    def incident(self, number: int) -> Incident:
        if number not in self._incidents:
            raise NotFound(f"There is no incident INC-{number}.")
        return self._incidents[number]


@pytest.fixture
def store() -> FakeStore:
    return FakeStore(make_incident(1), make_incident(2, make_alert("shop/orders")))


@pytest.fixture
def defs(store: FakeStore) -> dg.Definitions:
    return dg.Definitions(assets=incident_assets, resources={INCIDENTS_IO: IncidentsIO(store.open)})


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[dg.DagsterInstance]:
    """A real instance under `DAGSTER_HOME`, with INC-1 and INC-2 shown."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        DagsterBoard(instance, "http://x").show([make_incident(1), make_incident(2)])
        yield instance


def test_the_names_that_others_rely_on_are_there_and_nothing_can_materialize_them(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {"incidents", "incident_board"}
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} <= OWN_ASSETS
    assert not graph.executable_asset_keys
    assert all(node.group_name == "incidents" for node in graph.asset_nodes)
    partitions = graph.get(dg.AssetKey("incidents")).partitions_def
    assert isinstance(partitions, dg.DynamicPartitionsDefinition)
    assert partitions.name == "incidents"


def test_an_incident_loads_as_the_record_that_the_command_line_shows(defs, store, instance):
    record = defs.load_asset_value("incidents", partition_key="INC-2", instance=instance)
    assert record == incident_record(store.incident(2))


def test_with_dagster_home_set_nobody_needs_to_name_the_instance(defs, store, instance):
    assert defs.load_asset_value("incidents", partition_key="INC-1") == incident_record(store.incident(1))


def test_a_range_of_incidents_loads_as_a_mapping(defs, store, instance):
    with defs.get_asset_value_loader(instance=instance) as loader:
        records = loader.load_asset_value("incidents", partition_key_range=dg.PartitionKeyRange("INC-1", "INC-2"))
    assert records == {f"INC-{n}": incident_record(store.incident(n)) for n in (1, 2)}


def test_an_incident_of_which_the_store_knows_nothing_is_a_clear_sentence(defs, instance):
    instance.add_dynamic_partitions("incidents", ["INC-99"])
    with pytest.raises(NotFound, match="no incident INC-99"):
        defs.load_asset_value("incidents", partition_key="INC-99", instance=instance)


def test_a_key_that_is_no_partition_is_refused_by_dagster_by_name(defs, instance):
    with pytest.raises(dg.DagsterInvalidInvocationError, match="INC-99"):
        defs.load_asset_value("incidents", partition_key="INC-99", instance=instance)


@pytest.mark.parametrize("key", ["orders", "INC-0", "INC-1x", "inc-1", "INC-" + "9" * 40])
def test_a_partition_that_is_not_named_like_an_incident_is_a_clear_sentence(defs, instance, key: str):
    instance.add_dynamic_partitions("incidents", [key])
    with pytest.raises(NotFound, match="named like INC-1"):
        defs.load_asset_value("incidents", partition_key=key, instance=instance)


def test_loading_without_a_partition_says_how_to_name_one(defs, store, instance):
    with pytest.raises(NotFound, match="partition_key="):
        defs.load_asset_value("incidents", instance=instance)
    assert store.opened == 0


def test_defining_the_assets_does_not_open_the_store(defs, store):
    defs.get_repository_def()
    assert store.opened == 0


def test_a_downstream_asset_of_another_job_can_read_an_incident(defs, store, instance):
    @dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="incidents"))
    def postmortem(incidents: dict) -> str:
        return incidents["id"]

    together = dg.Definitions.merge(defs, dg.Definitions(assets=[postmortem]))
    job = together.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        partition_key="INC-2", instance=instance, asset_selection=[dg.AssetKey("postmortem")]
    )
    assert result.output_for_node("postmortem") == "INC-2"
