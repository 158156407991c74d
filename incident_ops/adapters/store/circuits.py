"""What is kept of destinations that give trouble, a row each: `core.circuit` says what follows from what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import outbox_rows
from incident_ops.adapters.store.tables import circuits as table
from incident_ops.core.circuit import WELL, Circuit
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import ChangeOfCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A circuit and when it was last written."""

    circuit: Circuit
    updated_at: datetime


Shut = Mapping[Destination, Kept]


def open_ones(connection: Connection) -> Shut:
    """Those through which nothing goes, or only a probe."""
    found = connection.execute(_OPEN)
    return {
        outbox_rows.destination_from(row): Kept(
            circuit=outbox_rows.circuit_from(row), updated_at=row["updated_at"]
        )
        for row in found.mappings()
    }


def all_of(connection: Connection) -> list[tuple[Destination, Circuit]]:
    found = connection.execute(sa.select(table).order_by(table.c.kind, table.c.address)).mappings()
    return [(outbox_rows.destination_from(row), outbox_rows.circuit_from(row)) for row in found]


def change(connection: Connection, place: Destination, changed: ChangeOfCircuit, *, now: datetime) -> Circuit:
    """What becomes of it; nothing is kept of a destination that is well."""
    row = connection.execute(_OF_PLACE, {"kind": place.kind, "address": place.address}).mappings().first()
    known = WELL if row is None else outbox_rows.circuit_from(row)
    new = changed(known)
    if new != known:
        save(connection, place, new, now=now)
    return new


def save(connection: Connection, place: Destination, circuit: Circuit, *, now: datetime) -> None:
    connection.execute(sa.delete(table).where(_is(place)))
    if circuit != WELL:
        where = {"kind": place.kind, "address": place.address}
        connection.execute(sa.insert(table).values(**where, **outbox_rows.circuit_values(circuit, now)))


_OF_PLACE = sa.select(table).where(
    table.c.kind == sa.bindparam("kind"), table.c.address == sa.bindparam("address")
)
_OPEN = sa.select(table).where(table.c.open_until.is_not(None))


def _is(place: Destination) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.kind == place.kind, table.c.address == place.address)
