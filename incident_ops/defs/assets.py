"""The assets that show incidents in Dagster's catalog, and the IO manager that loads an incident's record.

They are external: nothing here materializes them. `adapters/dagster_board.py` reports what they show.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

import dagster as dg

from incident_ops.core.errors import NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.own import GROUP, INCIDENT_BOARD, INCIDENTS
from incident_ops.core.record import incident_record

INCIDENTS_IO = "incidents_io"

incident_partitions = dg.DynamicPartitionsDefinition(name=INCIDENTS)

incidents = dg.AssetSpec(
    INCIDENTS,
    description=(
        "One partition for each incident that is open or ended lately, materialized at every change. "
        'Load one with `defs.load_asset_value("incidents", partition_key="INC-1")`.'
    ),
    group_name=GROUP,
    kinds={"incident"},
    partitions_def=incident_partitions,
).with_io_manager_key(INCIDENTS_IO)

incident_board = dg.AssetSpec(
    INCIDENT_BOARD,
    description="What is open now, the worst first; a new materialization whenever an incident changes.",
    group_name=GROUP,
    kinds={"report"},
    deps=[incidents],
)

incident_assets: tuple[dg.AssetSpec, ...] = (incidents, incident_board)


class IncidentReader(Protocol):
    """As much of the store as loading needs."""

    def incident(self, number: int) -> Incident:
        """The incident, or `NotFound`."""
        ...


class IncidentsIO(dg.IOManager):
    """Loads partitions of `incidents` from the store as plain dicts (see `core/record.py`).

    Dagster itself refuses a key that is not among the instance's dynamic partitions, before we are asked; an
    incident whose partition was retired is read with `incident-ops show`.

    Args:
        open_store: called with the instance at each load and never before; whether it opens or remembers is
            its own affair.
    """

    def __init__(self, open_store: Callable[[dg.DagsterInstance], IncidentReader]) -> None:
        self._open_store = open_store

    def load_input(self, context: dg.InputContext) -> dict[str, Any]:
        """The record of one partition; of several, `INC-n` → record."""
        if not context.has_asset_partitions:
            raise NotFound('Which incident? Name it as the partition, for example partition_key="INC-1".')
        store = self._open_store(context.instance)
        records = {key: incident_record(store.incident(_number_of(key))) for key in context.asset_partition_keys}
        return next(iter(records.values())) if len(records) == 1 else records

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        raise dg.DagsterInvariantViolationError("incidents are written by the engine, not by an asset's output")


def _number_of(key: str) -> int:
    match = re.fullmatch(r"INC-([1-9]\d{0,17})", key)
    if match is None:
        raise NotFound(f"There is no incident {key!r}: incidents are named like INC-1.")
    return int(match[1])
