"""Which partition was read, told by the version that Dagster wrote down. Runs that write it are those of
`test_dagster_provenance`; here it is written by hand, for versions that no run would give so easily."""

from hashlib import sha256

import dagster as dg
import pytest

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops_tests.adapters.event_log import now

Built = tuple[str, str | None]
"""A partition, and the version of its data."""


def hash_of(*versions: str) -> str:
    return sha256("".join(versions).encode()).hexdigest()


def report(instance: dg.DagsterInstance, asset: str, partition: str, tags: dict[str, str]) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition, tags=tags))


def read_by_d2(instance: dg.DagsterInstance, built: list[Built], version: str, later: list[Built]) -> str | None:
    """The partition (and how often it had been built) of `raw` to which the pointer of `orders[d2]` leads."""
    for partition, own in built:
        report(instance, "raw", partition, {"dagster/data_version": own} if own else {})
    newest = instance.fetch_materializations(dg.AssetKey("raw"), limit=1).records[0].storage_id
    for partition, own in later:
        report(instance, "raw", partition, {"dagster/data_version": own} if own else {})
    tags = {"dagster/input_event_pointer/raw": str(newest), "dagster/input_data_version/raw": version}
    report(instance, "orders", "d2", tags)
    found = DagsterEvents(instance).read(None, now=now(), limit=100).facts.materializations
    [orders] = [m for m in found if m.asset == "orders"]
    read = [m for m in found if m.asset == "raw" and m.id == orders.inputs.get("raw")]
    if not read:
        return None
    nth = sum(m.partition == read[0].partition and m.id <= read[0].id for m in found if m.asset == "raw")
    return f"{read[0].partition}#{nth}"


D1_D2_D3 = [("d1", "a"), ("d2", "b"), ("d3", "c")]


@pytest.mark.parametrize(
    ("built", "version", "later", "expected"),
    [
        pytest.param(D1_D2_D3, hash_of("b"), [], "d2#1", id="its own"),
        pytest.param(D1_D2_D3, hash_of("c"), [], "d3#1", id="the one that Dagster names"),
        pytest.param(D1_D2_D3, hash_of("a"), [], "d1#1", id="another one"),
        pytest.param(D1_D2_D3, hash_of("a", "b"), [], None, id="several"),
        pytest.param(D1_D2_D3, hash_of("z"), [], None, id="one that is gone"),
        pytest.param(D1_D2_D3, hash_of("a"), [("d1", "z")], "d1#1", id="one that is built again later"),
        pytest.param(
            [("d1", "a"), ("d1", "z"), *D1_D2_D3[1:]], hash_of("a"), [], None, id="one built again before"
        ),
        pytest.param([("d0", "a"), *D1_D2_D3], hash_of("a"), [], None, id="two have that version"),
        pytest.param([("d0", "a"), *D1_D2_D3], hash_of("a"), [("d4", "a")], None, id="three, one of them later"),
        pytest.param([("d0", "a"), ("d0", "y"), *D1_D2_D3], hash_of("a"), [], "d1#1", id="two had that version"),
        pytest.param([("d1", None), *D1_D2_D3[1:]], hash_of(), [], None, id="none has a version"),
        pytest.param([("d1", "a"), ("d2", "b")], "b", [], "d2#1", id="its own, seen without partitions"),
        pytest.param(D1_D2_D3, "c", [], None, id="the newest, seen without partitions"),
    ],
)
def test_the_one_partition_whose_version_was_read_is_what_a_partition_is_built_from(
    instance: dg.DagsterInstance, built: list[Built], version: str, later: list[Built], expected: str | None
):
    assert read_by_d2(instance, built, version, later) == expected
