"""The outbox: notices owed, claimed by one worker at a time, settled once.

`attempts` is also the claim's token: it is counted up whenever a claim ends without an answer (postponed, or
its lease ran out), so a worker that comes back late can postpone or bury only what is still its own.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property, partial

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import circuits, claiming, outbox_rows, rows
from incident_ops.adapters.store.database import Database, chunks, insert_or_ignore
from incident_ops.adapters.store.findings import findings_by_number
from incident_ops.adapters.store.reads import OPEN_STATUSES, incidents_by_number
from incident_ops.adapters.store.tables import (
    IS_DRAWN,
    IS_POST,
    IS_PUSH,
    IS_UNFINISHED,
    deliveries,
    incidents,
    timeline,
)
from incident_ops.core.circuit import WELL, Circuit, after_nothing
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.notices import EDIT_PAUSE, Action, Notice
from incident_ops.core.pace import Lane
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import TimelineEntry
from incident_ops.engine.ports import ChangeOfCircuit, Moved, Subject, no_change


def enqueue(connection: Connection, notices: Iterable[Notice], *, now: datetime) -> None:
    """See `engine.ports.Transaction.enqueue`."""
    for notice in notices:
        values = outbox_rows.notice_values(notice, now)
        if notice.action is Action.EDIT:
            if _will_be_drawn_anyway(connection, notice):
                continue
            values["not_before"] = _next_edit_at(connection, notice, now=now)
        insert_or_ignore(connection, deliveries, values)


def _next_edit_at(connection: Connection, notice: Notice, *, now: datetime) -> datetime:
    """A pause after the last edit that was accepted. Bounded by `now`, for a clock may be put back."""
    last = sa.select(sa.func.max(deliveries.c.accepted_at)).where(IS_DRAWN, *_same_place(notice))
    drawn_at = connection.scalar(last)
    return now if drawn_at is None else min(max(now, drawn_at + EDIT_PAUSE), now + EDIT_PAUSE)


def _same_place(notice: Notice) -> list[sa.ColumnElement[bool]]:
    return [
        deliveries.c.incident == notice.number,
        deliveries.c.kind == notice.destination.kind,
        deliveries.c.address == notice.destination.address,
    ]


def _will_be_drawn_anyway(connection: Connection, notice: Notice) -> bool:
    waiting = sa.select(deliveries.c.id).where(
        IS_UNFINISHED,
        *_same_place(notice),
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


_HAS_A_CIRCUIT = sa.exists().where(
    circuits.table.c.kind == deliveries.c.kind, circuits.table.c.address == deliveries.c.address
)


class SqlOutbox:
    """`engine.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def connected(self) -> AbstractContextManager[None]:
        return self._database.connected()

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        without: Collection[Lane] = (),
        is_likely: bool = False,
    ) -> list[Delivery]:
        if not is_likely:
            with self._database.reading() as connection:
                if not claiming.anything_due(connection, now=now, lease=lease, without=without):
                    return []  # a quiet tick takes no lock
        with self._database.writing() as connection:
            ids = claiming.claim(connection, now=now, lease=lease, limit=limit, without=without)
            return _loaded(connection, ids)

    def subjects(self, claimed: Collection[Delivery]) -> Mapping[int, Subject]:
        numbers = sorted({delivery.number for delivery in claimed if delivery.number is not None})
        with self._database.reading() as connection:
            found = findings_by_number(connection, numbers)
            return {
                incident.number: Subject(incident=incident, found=found.get(incident.number))
                for incident in incidents_by_number(connection, numbers)
            }

    def release(self, claimed: Collection[Delivery], *, now: datetime) -> None:
        if not claimed:
            return
        pending = {"status": DeliveryStatus.PENDING, "lease_until": None, "updated_at": now}
        with self._database.writing() as connection:
            for delivery in claimed:
                connection.execute(sa.update(deliveries).where(_is_unchanged(delivery)).values(pending))
                nothing = partial(after_nothing, delivery=delivery.id, now=now)
                circuits.change(connection, delivery.destination, nothing, now=now)

    @cached_property
    def _acceptance(self) -> sa.Executable:
        return (
            sa.update(deliveries)
            .where(
                deliveries.c.id == sa.bindparam("of"),
                deliveries.c.status != DeliveryStatus.ACCEPTED,
                self._database.noted_at_once(),
            )
            .values(status=DeliveryStatus.ACCEPTED, lease_until=None, error="", fate_unknown=False)
            .values({name: sa.bindparam(name) for name in ("accepted_at", "updated_at")})
            .values({name: sa.bindparam(name) for name in ("receipt_channel", "receipt_message")})
            .returning(_HAS_A_CIRCUIT)
        )

    def accepted(
        self, delivery: Delivery, receipt: Receipt | None, *, now: datetime, circuit: ChangeOfCircuit = no_change
    ) -> None:
        """A fact, whoever reports it and however late; the first receipt is kept."""
        values = {
            "of": delivery.id,
            "accepted_at": now,
            "updated_at": now,
            "receipt_channel": receipt.channel if receipt else None,
            "receipt_message": receipt.message if receipt else None,
        }
        # If the machine fails before this is on its disk, the delivery is in doubt and looked up, as ever.
        with self._database.noting() as connection:
            has_a_circuit = connection.scalar(self._acceptance, values)
        if has_a_circuit is not False:  # None: it was accepted before
            self.change_circuit(delivery.destination, circuit, now=now)

    def postpone(
        self,
        delivery: Delivery,
        *,
        error: str,
        not_before: datetime,
        fate_unknown: bool,
        now: datetime,
        circuit: ChangeOfCircuit = no_change,
        elsewhere: Moved | None = None,
    ) -> Circuit:
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
            postponed = sa.update(deliveries).where(_is_unchanged(delivery))
            if connection.execute(postponed.values(values)).rowcount != 1:
                return WELL
            if elsewhere is not None:
                _move(connection, delivery, elsewhere, now=now)
            return circuits.change(connection, delivery.destination, circuit, now=now)

    def bury(
        self,
        delivery: Delivery,
        *,
        error: str,
        instead: Notice | None,
        entry: TimelineEntry,
        now: datetime,
        circuit: ChangeOfCircuit = no_change,
    ) -> None:
        dead = {"status": DeliveryStatus.DEAD, "error": error, "updated_at": now, "lease_until": None}
        waits_behind_it = sa.and_(
            IS_UNFINISHED,
            deliveries.c.incident == delivery.number,
            deliveries.c.kind == delivery.destination.kind,
            deliveries.c.address == delivery.destination.address,
        )
        with self._database.writing() as connection:
            buried = sa.update(deliveries).where(_is_unchanged(delivery))
            if connection.execute(buried.values({**dead, "attempts": delivery.attempts + 1})).rowcount != 1:
                return
            if delivery.number is not None:
                if delivery.action is Action.POST:
                    connection.execute(sa.update(deliveries).where(waits_behind_it).values(dead))
                connection.execute(sa.insert(timeline), rows.entry_values(delivery.number, entry))
            if instead is not None:
                enqueue(connection, [instead], now=now)
            circuits.change(connection, delivery.destination, circuit, now=now)

    def waiting(
        self, lane: Lane, *, created_before: datetime, limit: int, only_to_move: bool = False
    ) -> list[Delivery]:
        waits = sa.and_(
            IS_UNFINISHED,
            deliveries.c.status == DeliveryStatus.PENDING,
            claiming.is_in(lane),
            deliveries.c.created_at <= created_before,
        )
        if only_to_move:
            waits = sa.and_(waits, deliveries.c.moved_at.is_(None))
        found = sa.select(deliveries.c.id).where(waits).order_by(deliveries.c.created_at, deliveries.c.id)
        with self._database.reading() as connection:
            return _loaded(connection, connection.scalars(found.limit(limit)).all())

    def move(self, moved: Collection[tuple[Delivery, Moved]], *, now: datetime) -> None:
        with self._database.writing() as connection:
            for delivery, elsewhere in moved:
                _move(connection, delivery, elsewhere, now=now)

    def circuits(self) -> list[tuple[Destination, Circuit]]:
        with self._database.reading() as connection:
            return circuits.all_of(connection)

    def change_circuit(self, destination: Destination, change: ChangeOfCircuit, *, now: datetime) -> Circuit:
        with self._database.writing() as connection:
            return circuits.change(connection, destination, change, now=now)

    def open_at(self, place: Lane) -> list[int]:
        posts = (
            sa.select(incidents.c.number)
            .join(deliveries, deliveries.c.incident == incidents.c.number)
            .where(
                incidents.c.status.in_(OPEN_STATUSES),
                IS_POST,
                deliveries.c.status == DeliveryStatus.ACCEPTED,
                claiming.is_in(place),
            )
        )
        with self._database.reading() as connection:
            return sorted(set(connection.scalars(posts)))

    def unfinished(self) -> int:
        with self._database.reading() as connection:
            count = sa.select(sa.func.count()).select_from(deliveries).where(IS_UNFINISHED)
            return connection.scalars(count).one()

    def oldest_unfinished(self) -> Delivery | None:
        with self._database.reading() as connection:
            first = sa.select(deliveries.c.id).where(IS_UNFINISHED).order_by(deliveries.c.id).limit(1)
            oldest = connection.scalar(first)
            return None if oldest is None else _loaded(connection, [oldest])[0]

    def deliveries(self, number: int) -> list[Delivery]:
        """Every delivery of the incident, oldest first."""
        with self._database.reading() as connection:
            of_incident = sa.select(deliveries.c.id).where(deliveries.c.incident == number)
            return _loaded(connection, connection.scalars(of_incident).all())


def _move(connection: Connection, delivery: Delivery, elsewhere: Moved, *, now: datetime) -> None:
    is_first = sa.and_(deliveries.c.id == delivery.id, deliveries.c.moved_at.is_(None))
    if connection.execute(sa.update(deliveries).where(is_first).values(moved_at=now)).rowcount == 1:
        enqueue(connection, [elsewhere.notice], now=now)
        if delivery.number is not None:
            connection.execute(sa.insert(timeline), rows.entry_values(delivery.number, elsewhere.entry))


def _is_unchanged(delivery: Delivery) -> sa.ColumnElement[bool]:
    """Nobody else has claimed or settled it since it was read."""
    return sa.and_(
        deliveries.c.id == delivery.id,
        deliveries.c.status == delivery.status,
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
            accepted[post["incident"], outbox_rows.destination_from(post)] = post
    return [
        outbox_rows.delivery_from(row, accepted.get((row["incident"], outbox_rows.destination_from(row))))
        for row in found
    ]
