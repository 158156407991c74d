"""What waits for the next digest of a destination. What was sent is kept, and costs nothing to pass over."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import outbox_rows, rows
from incident_ops.adapters.store.database import Database, insert_or_ignore
from incident_ops.adapters.store.tables import IS_UNSENT, digest_items
from incident_ops.core.digest import DigestItem
from incident_ops.core.routing import Destination

_items = digest_items.c


def add_to_digest(
    connection: Connection, destination: Destination, number: int, *, why: str, due_at: datetime, now: datetime
) -> None:
    values = {
        "kind": destination.kind,
        "address": destination.address,
        "incident": number,
        "why": why,
        "at": now,
        "due_at": due_at,
    }
    insert_or_ignore(connection, digest_items, values)


def digest_of(connection: Connection, destination: Destination, *, until: datetime) -> list[DigestItem]:
    waiting = sa.select(digest_items).where(_is_due_at(destination, until)).order_by(_items.at, _items.id)
    return [_item(row) for row in connection.execute(waiting).mappings()]


def mark_digested(connection: Connection, destination: Destination, *, until: datetime, now: datetime) -> None:
    connection.execute(sa.update(digest_items).where(_is_due_at(destination, until)).values(sent_at=now))


def _is_due_at(destination: Destination, until: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        IS_UNSENT,
        _items.kind == destination.kind,
        _items.address == destination.address,
        _items.due_at <= until,
    )


def _item(row: rows.Row) -> DigestItem:
    return DigestItem(
        destination=outbox_rows.destination_from(row),
        number=row["incident"],
        why=row["why"],
        at=row["at"],
        due_at=row["due_at"],
    )


class SqlDigests:
    """The part of `engine.ports.Store` that knows whose digest is due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def digests_due(self, *, now: datetime) -> list[Destination]:
        due = sa.select(_items.kind, _items.address).where(IS_UNSENT, _items.due_at <= now).distinct()
        with self._database.reading() as connection:
            return sorted(outbox_rows.destination_from(row) for row in connection.execute(due).mappings())
