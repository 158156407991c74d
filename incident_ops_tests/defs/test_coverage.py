"""The asset `detector_coverage`, materialized for real in the control plane's own location."""

from pathlib import Path

import dagster as dg
import pytest

from incident_ops.adapters.wiring import DATABASE_FILE, dispose_stores, utc_now
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.definitions import build_definitions
from incident_ops_tests.blank import empty_store
from incident_ops_tests.processes import make_home


def test_the_report_has_the_shares_as_numbers_and_what_to_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    for name in ("INCIDENT_OPS_CONFIG", "INCIDENT_OPS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    nodes = [AssetNode(key="orders", owners=("team:fin",), checks=("volume",)), AssetNode(key="strange|name")]
    with empty_store(home / DATABASE_FILE) as store:
        store.save_catalog(Catalog(nodes, fetched_at=utc_now()))
    with dg.DagsterInstance.get() as instance:
        job = build_definitions().resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance).success
        event = instance.get_latest_materialization_event(dg.AssetKey("detector_coverage"))
    dispose_stores()
    assert event is not None and event.asset_materialization is not None
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (metadata["assets"], metadata["assets that lack something"]) == (2, 2)
    assert (metadata["owner share"], metadata["volume share"], metadata["schema share"]) == (0.5, 0.5, 0.0)
    assert "| strange\\|name | owner, freshness, volume, schema, field_health |" in str(metadata["to add first"])
    assert "build_schema_checks(assets=[" in str(metadata["code"])
