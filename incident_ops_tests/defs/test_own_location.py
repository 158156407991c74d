"""A sensor knows the assets of the location it runs in, and never waits for others to be loaded."""

from pathlib import Path

import dagster as dg
import pytest

from incident_ops.adapters.wiring import dispose_stores, utc_now
from incident_ops.core.own import INCIDENTS
from incident_ops.definitions import build_definitions
from incident_ops.defs.resources import Wiring
from incident_ops_tests.processes import make_home, make_workspace


def test_the_assets_of_the_sensors_own_location_are_known_without_a_webserver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = make_home(tmp_path)
    make_workspace(home, {"other": "raise SystemExit('a sensor must not load me')"})
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    for name in ("INCIDENT_OPS_CONFIG", "INCIDENT_OPS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    repository = build_definitions().get_repository_def()
    with dg.DagsterInstance.get() as instance:
        ops = Wiring().ops(instance, now=utc_now(), repository=repository)
    dispose_stores()
    assert ops.own_location().declares(INCIDENTS)
    assert ops.spare_workspace is None
