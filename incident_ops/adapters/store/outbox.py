"""The outbox: notices owed, claimed by one worker at a time, settled once.

`attempts` is also the claim's token: it is counted up whenever a claim ends without an answer (postponed, or
its lease ran out), so a worker that comes back late can postpone or bury only what is still its own.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import rows
from incident_ops.adapters.store.database import Database, chunks, insert_or_ignore
from incident_ops.adapters.store.tables import IS_POST, IS_PUSH, IS_UNFINISHED, deliveries, incidents, timeline
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import TimelineEntry

_DESTINATION = (deliveries.c.incident, deliveries.c.kind, deliveries.c.address)


def enqueue(connection: Connection, notices: Iterable[Notice], *, now: datetime) -> None:
    """See `engine.ports.Transaction.enqueue`."""
    for notice in notices:
        if notice.action is Action.EDIT and _will_be_drawn_anyway(connection, notice):
            continue
        insert_or_ignore(connection, deliveries, rows.notice_values(notice, now))


def _will_be_drawn_anyway(connection: Connection, notice: Notice) -> bool:
    waiting = sa.select(deliveries.c.id).where(
        IS_UNFINISHED,
        deliveries.c.incident == notice.number,
        deliveries.c.kind == notice.destination.kind,
        deliveries.c.address == notice.destination.address,
        deliveries.c.status == DeliveryStatus.PENDING,
        deliveries.c.action.in_([Action.POST, Action.EDIT]),
    )
    return connection.execute(waiting.limit(1)).first() is not None


def pushes_to(
    connection: Connection,
    destination: Destination,
    *,
    since: datetime,
    besides: Collection[Severity] = (),
    limit: int | None = None,
) -> list[datetime]:
    counts = sa.or_(incidents.c.severity.is_(None), incidents.c.severity.not_in([str(each) for each in besides]))
    with_severity = deliveries.outerjoin(incidents, incidents.c.number == deliveries.c.incident)
    pushes = (
        sa.select(deliveries.c.created_at)
        .select_from(with_severity)
        .where(
            counts,
            IS_PUSH,
            deliveries.c.kind == destination.kind,
            deliveries.c.address == destination.address,
            deliveries.c.created_at >= since,
            deliveries.c.status != DeliveryStatus.DEAD,
        )
    )
    newest = pushes.order_by(deliveries.c.created_at.desc()).limit(limit)
    return list(connection.scalars(newest))[::-1]


class SqlOutbox:
    """`engine.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[Delivery]:
        with self._database.reading() as connection:
            if not connection.execute(_due(now, limit=1)).first():
                return []  # a quiet tick takes no lock
        with self._database.writing() as connection:
            due = connection.execute(_due(now, limit=limit)).mappings().all()
            ids = [row["id"] for row in due if _claimed(connection, row, now=now, until=now + lease)]
            return _loaded(connection, ids)

    def accepted(self, delivery: Delivery, receipt: Receipt | None, *, now: datetime) -> None:
        """A fact, whoever reports it and however late; the first receipt is kept."""
        values: dict[str, Any] = {
            "status": DeliveryStatus.ACCEPTED,
            "accepted_at": now,
            "updated_at": now,
            "lease_until": None,
            "error": "",
            "fate_unknown": False,
            "receipt_channel": receipt.channel if receipt else None,
            "receipt_message": receipt.message if receipt else None,
        }
        is_it = sa.and_(deliveries.c.id == delivery.id, deliveries.c.status != DeliveryStatus.ACCEPTED)
        with self._database.writing() as connection:
            connection.execute(sa.update(deliveries).where(is_it).values(values))

    def postpone(
        self, delivery: Delivery, *, error: str, not_before: datetime, fate_unknown: bool, now: datetime
    ) -> None:
        values = {
            "status": DeliveryStatus.PENDING,
            "attempts": delivery.attempts + 1,
            "error": error,
            "not_before": not_before,
            "fate_unknown": fate_unknown,
            "updated_at": now,
            "lease_until": None,
        }
        with self._database.writing() as connection:
            connection.execute(sa.update(deliveries).where(_is_still_claimed(delivery)).values(values))

    def bury(
        self, delivery: Delivery, *, error: str, instead: Notice | None, entry: TimelineEntry, now: datetime
    ) -> None:
        dead = {"status": DeliveryStatus.DEAD, "error": error, "updated_at": now, "lease_until": None}
        waits_behind_it = sa.and_(
            IS_UNFINISHED,
            deliveries.c.incident == delivery.number,
            deliveries.c.kind == delivery.destination.kind,
            deliveries.c.address == delivery.destination.address,
        )
        with self._database.writing() as connection:
            buried = sa.update(deliveries).where(_is_still_claimed(delivery))
            if connection.execute(buried.values({**dead, "attempts": delivery.attempts + 1})).rowcount != 1:
                return
            if delivery.number is not None:
                if delivery.action is Action.POST:
                    connection.execute(sa.update(deliveries).where(waits_behind_it).values(dead))
                connection.execute(sa.insert(timeline), rows.entry_values(delivery.number, entry))
            if instead is not None:
                enqueue(connection, [instead], now=now)

    def unfinished(self) -> int:
        with self._database.reading() as connection:
            count = sa.select(sa.func.count()).select_from(deliveries).where(IS_UNFINISHED)
            return connection.scalars(count).one()

    def oldest_unfinished(self) -> Delivery | None:
        with self._database.reading() as connection:
            oldest = connection.scalar(sa.select(sa.func.min(_heads().c.id)))
            return None if oldest is None else _loaded(connection, [oldest])[0]

    def deliveries(self, number: int) -> list[Delivery]:
        """Every delivery of the incident, oldest first."""
        with self._database.reading() as connection:
            of_incident = sa.select(deliveries.c.id).where(deliveries.c.incident == number)
            return _loaded(connection, connection.scalars(of_incident).all())


def _heads() -> sa.Subquery:
    """The oldest unfinished delivery of each incident and destination: only it may go, so that order is kept."""
    oldest = sa.func.min(deliveries.c.id).label("id")
    return sa.select(oldest).where(IS_UNFINISHED).group_by(*_DESTINATION).subquery("heads")


def _due(now: datetime, *, limit: int) -> sa.Executable:
    heads = _heads()
    waits = sa.and_(deliveries.c.status == DeliveryStatus.PENDING, deliveries.c.not_before <= now)
    was_left = sa.and_(deliveries.c.status == DeliveryStatus.SENDING, deliveries.c.lease_until <= now)
    return (
        sa.select(deliveries.c.id, deliveries.c.status, deliveries.c.attempts)
        .select_from(heads.join(deliveries, deliveries.c.id == heads.c.id))
        .where(sa.or_(waits, was_left))
        .order_by(deliveries.c.id)
        .limit(limit)
    )


def _claimed(connection: Connection, row: rows.Row, *, now: datetime, until: datetime) -> bool:
    """Compare and set; False when another worker was first."""
    values: dict[str, Any] = {"status": DeliveryStatus.SENDING, "lease_until": until, "updated_at": now}
    if row["status"] == DeliveryStatus.SENDING:
        values |= {"fate_unknown": True, "attempts": row["attempts"] + 1}
    is_unchanged = sa.and_(
        deliveries.c.id == row["id"],
        deliveries.c.status == row["status"],
        deliveries.c.attempts == row["attempts"],
    )
    return connection.execute(sa.update(deliveries).where(is_unchanged).values(values)).rowcount == 1


def _is_still_claimed(delivery: Delivery) -> sa.ColumnElement[bool]:
    return sa.and_(
        deliveries.c.id == delivery.id,
        deliveries.c.status == DeliveryStatus.SENDING,
        deliveries.c.attempts == delivery.attempts,
    )


def _loaded(connection: Connection, ids: Iterable[int]) -> list[Delivery]:
    """The deliveries in order of age, each with what its incident's post says of it."""
    found: list[rows.Row] = []
    for chunk in chunks(sorted(ids)):
        of_chunk = sa.select(deliveries).where(deliveries.c.id.in_(chunk)).order_by(deliveries.c.id)
        found.extend(connection.execute(of_chunk).mappings())
    accepted: dict[tuple[int | None, Destination], rows.Row] = {}
    for chunk in chunks(sorted({row["incident"] for row in found} - {None})):
        posts = sa.select(deliveries).where(
            IS_POST, deliveries.c.incident.in_(chunk), deliveries.c.status == DeliveryStatus.ACCEPTED
        )
        for post in connection.execute(posts).mappings():
            accepted[post["incident"], rows.destination_from(post)] = post
    return [rows.delivery_from(row, accepted.get((row["incident"], rows.destination_from(row)))) for row in found]
