"""Loading incidents by number, with their members: the one way from the tables to `Incident`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import rows
from incident_ops.adapters.store.database import chunks
from incident_ops.adapters.store.tables import deliveries, incidents, members
from incident_ops.core.errors import NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.status import Status

OPEN_STATUSES = sorted(status for status in Status if status.is_open)
"""`is_open` is in no index; the status is."""


def incidents_by_number(connection: Connection, numbers: Iterable[int]) -> list[Incident]:
    """The incidents in the order of `numbers`; unknown ones are left out."""
    wanted = list(dict.fromkeys(numbers))
    found: dict[int, Incident] = {}
    for chunk in chunks(wanted):
        of_incident: defaultdict[int, list[Member]] = defaultdict(list)
        of_chunk = sa.select(members).where(members.c.incident.in_(chunk))
        for row in connection.execute(of_chunk.order_by(members.c.incident, members.c.position)).mappings():
            of_incident[row["incident"]].append(rows.member_from(row))
        for row in connection.execute(sa.select(incidents).where(incidents.c.number.in_(chunk))).mappings():
            found[row["number"]] = rows.incident_from(row, of_incident[row["number"]])
    return [found[number] for number in wanted if number in found]


def incident_by_number(connection: Connection, number: int) -> Incident:
    """The incident, or `NotFound`."""
    found = incidents_by_number(connection, [number])
    if not found:
        raise NotFound(f"there is no incident INC-{number}")
    return found[0]


def incidents_selected(connection: Connection, numbers: sa.Select[Any]) -> list[Incident]:
    """The incidents whose numbers a query gives, in its order."""
    return incidents_by_number(connection, connection.scalars(numbers))


def incident_of_message(connection: Connection, channel: str, message: str) -> int | None:
    """See `engine.ports.Store.incident_of_message`."""
    of_message = sa.select(deliveries.c.incident).where(
        deliveries.c.receipt_message == message,
        deliveries.c.receipt_channel == channel,
        deliveries.c.incident.is_not(None),
    )
    return connection.scalar(of_message.order_by(deliveries.c.id).limit(1))


def values_among(connection: Connection, column: sa.Column[str], values: Sequence[str]) -> set[str]:
    """Those of `values` that the (indexed) column contains."""
    found: set[str] = set()
    for chunk in chunks(values):
        found.update(connection.scalars(sa.select(column).where(column.in_(chunk)).distinct()))
    return found
