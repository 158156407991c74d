"""The control plane, as a code location: add the module `incident_ops.definitions` to your workspace."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from incident_ops.defs.assets import INCIDENTS_IO, IncidentsIO, incident_assets
from incident_ops.defs.resources import OPS, OpsResource
from incident_ops.defs.sensors import incident_sensors


def build_definitions(ops: OpsResource | None = None, *, resource_overrides: Mapping[str, Any] | None = None):
    """The location's definitions.

    Args:
        ops: gives settings of one's own; by default they are read from the file and the environment at each tick.
        resource_overrides: resources by key, for tests.
    """
    ops = ops or OpsResource()
    resources = {OPS: ops, INCIDENTS_IO: IncidentsIO(ops.store)}
    return dg.Definitions(
        assets=incident_assets,
        sensors=incident_sensors,
        resources={**resources, **(resource_overrides or {})},
    )


defs = build_definitions()
