"""The control plane, as a code location: add the module `incident_ops.definitions` to your workspace."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from incident_ops.defs.assets import INCIDENTS_IO, IncidentsIO, incident_assets
from incident_ops.defs.coverage import build_coverage_asset
from incident_ops.defs.resources import Wiring
from incident_ops.defs.sensors import build_sensors


def build_definitions(
    wiring: Wiring | None = None, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The location's definitions.

    Args:
        wiring: gives settings of one's own; by default file and environment are read at each tick.
        resource_overrides: resources by key, for tests.
    """
    wiring = wiring or Wiring()
    return dg.Definitions(
        assets=[*incident_assets, build_coverage_asset(wiring)],
        sensors=build_sensors(wiring),
        resources={INCIDENTS_IO: IncidentsIO(wiring.store), **(resource_overrides or {})},
    )


defs = build_definitions()
