"""A store in memory, for one simulation: the same tables and the same statements, on one connection that is kept
open. What is owed in it is accepted by one statement, so that nothing can leave it."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.pool import StaticPool

from incident_ops.adapters.store import rows
from incident_ops.adapters.store.database import Database, chunks
from incident_ops.adapters.store.sql import SqlStore
from incident_ops.adapters.store.tables import (
    IS_POST,
    IS_PUSH,
    IS_UNFINISHED,
    IS_UNSENT,
    alerts,
    deliveries,
    digest_items,
    incidents,
    metadata,
    timeline,
)
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.status import EntryKind
from incident_ops.engine.ports.simulation import Outcome, Rung

_PAGE, _DIGEST = "INC-%:page:%", "digest:%"
"""How `engine.paging` and `engine.timers` begin the keys of their messages."""


class SimulatedStore(SqlStore):
    """`engine.ports.simulation.Trial`. For one thread; empty at first, and gone when it is closed."""

    def __init__(self) -> None:
        super().__init__(_InMemory())

    def __enter__(self) -> Self:
        return self

    def next_digest(self) -> datetime | None:
        earliest = sa.select(digest_items.c.due_at).where(IS_UNSENT).order_by(digest_items.c.due_at).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(earliest)

    def incidents_of(self, event_ids: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._database.reading() as connection:
            for chunk in chunks(list(event_ids)):
                of_chunk = sa.select(alerts.c.event_id, alerts.c.incident).where(alerts.c.event_id.in_(chunk))
                found.update((event_id, number) for event_id, number in connection.execute(of_chunk))
        return found

    def accept(self, *, now: datetime) -> None:
        arrived = {
            "status": DeliveryStatus.ACCEPTED,
            "accepted_at": now,
            "updated_at": now,
            "receipt_channel": deliveries.c.address,
            "receipt_message": deliveries.c.key,
        }
        with self._database.writing() as connection:
            connection.execute(sa.update(deliveries).where(IS_UNFINISHED).values(arrived))

    def outcome(self) -> Outcome:
        with self._database.reading() as connection:
            return Outcome(
                rung=tuple(_rung(connection)),
                incidents=_count(connection, incidents.c.merged_into.is_(None)),
                posts=_count(connection, IS_POST),
                digests=_count(connection, deliveries.c.key.like(_DIGEST)),
                digest_lines=_count(connection, digest_items.c.sent_at.is_not(None)),
                suppressed=tuple(_suppressed(connection)),
            )


def _rung(connection: Connection) -> Iterator[Rung]:
    pushes = sa.select(deliveries, deliveries.c.key.like(_PAGE).label("is_page")).where(
        IS_PUSH, deliveries.c.status == DeliveryStatus.ACCEPTED
    )
    for row in connection.execute(pushes.order_by(deliveries.c.accepted_at, deliveries.c.id)).mappings():
        place = rows.destination_from(row)
        yield Rung(destination=place, at=row["accepted_at"], number=row["incident"], is_page=bool(row["is_page"]))


def _count(connection: Connection, condition: sa.ColumnElement[bool]) -> int:
    return connection.scalars(sa.select(sa.func.count()).where(condition)).one()


def _suppressed(connection: Connection) -> Iterator[tuple[int, str]]:
    entries = sa.select(timeline.c.incident, timeline.c.text).where(timeline.c.kind == EntryKind.SUPPRESSED)
    for row in connection.execute(entries.order_by(timeline.c.id)).mappings():
        yield row["incident"], row["text"]


class _InMemory(Database):
    """One connection. What is read within a transaction is what the transaction has written."""

    def __init__(self) -> None:
        super().__init__("sqlite:////simulation")  # what messages would call it; nothing is opened there
        engine = sa.create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)

        @event.listens_for(engine, "connect")
        def _prepare(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # as in `database`: transactions begin by the event below
            connection.execute("PRAGMA foreign_keys = ON")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        metadata.create_all(engine)
        self._memory = engine.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        if self._memory.in_transaction():
            yield self._memory
            return
        with self._memory.begin():
            yield self._memory

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        if self._memory.in_transaction():
            raise RuntimeError("a transaction inside a transaction would be committed with it")
        with self._memory.begin():
            yield self._memory

    def dispose(self) -> None:
        self._memory.close()
        self._memory.engine.dispose()
        super().dispose()
