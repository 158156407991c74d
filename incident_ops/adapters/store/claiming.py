"""Which deliveries may go now, and taking them: in order, one worker each, and around what does not answer."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import circuits, columns
from incident_ops.adapters.store.tables import IS_POST, IS_SENDING, IS_UNFINISHED, deliveries
from incident_ops.core.circuit import probing
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.notices import Action
from incident_ops.core.pace import EVERY_ACTION, Lane
from incident_ops.core.routing import Destination

CLOCKS_DIFFER = timedelta(minutes=1)
"""What was written this far in the future was written before a clock was put back: its times say nothing."""


def anything_due(connection: Connection, *, now: datetime, lease: timedelta, without: Collection[Lane]) -> bool:
    shut = circuits.open_ones(connection)
    lanes = [*without, *(Lane(kind=place.kind, address=place.address) for place in shut)]
    if connection.execute(_outside(_DUE, lanes).limit(1), _times(now, lease)).first():
        return True
    return any(_probe_for(connection, place, now, lease, without) for place in _to_probe(shut, now))


def claim(
    connection: Connection, *, now: datetime, lease: timedelta, limit: int, without: Collection[Lane]
) -> list[int]:
    """Ids of the deliveries that are this worker's until `now + lease`: those of destinations that are well, and
    one for each destination that is to be asked whether it is well again."""
    shut = circuits.open_ones(connection)
    ids: list[int] = []
    for place in _to_probe(shut, now)[:limit]:
        probe = _probe_for(connection, place, now, lease, without)
        if probe is not None:
            circuits.save(
                connection, place, probing(shut[place].circuit, delivery=probe, lease=lease, now=now), now=now
            )
            ids.append(probe)
    lanes = [*without, *(Lane(kind=place.kind, address=place.address) for place in shut)]
    room = limit - len(ids)
    if room:
        waiting = connection.scalars(_outside(_WAITING, lanes).limit(room), _times(now, lease)).all()
        left = connection.execute(_outside(_LEFT, lanes).limit(room), _times(now, lease)).all()
        first = [*(row.id for row in left if not row.attempts), *waiting][:room]
        again = [row.id for row in left if row.attempts][:1]
        ids += [*first[: max(1, room - len(again))], *again][:room]
    return _taken(connection, ids, now=now, until=now + lease)


def is_in(lane: Lane) -> sa.ColumnElement[bool]:
    conditions = [deliveries.c.kind == lane.kind]
    if lane.address is not None:
        conditions.append(deliveries.c.address == lane.address)
    if lane.actions != EVERY_ACTION:
        conditions.append(deliveries.c.action.in_(sorted(lane.actions)))
    if lane.number is not None:
        conditions.append(deliveries.c.incident.is_not_distinct_from(lane.number))
    if lane.in_doubt:
        conditions.append(deliveries.c.fate_unknown.is_(sa.true()))
    return sa.and_(*conditions)


# Built once: to put the statement together takes longer than to run it.
_NOW = sa.bindparam("now", type_=columns.UtcDateTime())
_FUTURE = sa.bindparam("future", type_=columns.UtcDateTime())
_LATEST_LEASE = sa.bindparam("latest_lease", type_=columns.UtcDateTime())
_before, _other = deliveries.alias("before"), deliveries.alias("other")


def _times(now: datetime, lease: timedelta) -> dict[str, datetime]:
    return {"now": now, "future": now + CLOCKS_DIFFER, "latest_lease": now + lease + CLOCKS_DIFFER}


def _lease_is_over(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.lease_until <= _NOW, table.c.lease_until > _LATEST_LEASE)


def _waits() -> sa.ColumnElement[bool]:
    return sa.and_(
        deliveries.c.status == DeliveryStatus.PENDING,
        sa.or_(deliveries.c.not_before <= _NOW, deliveries.c.updated_at > _FUTURE),
    )


def _was_left() -> sa.ColumnElement[bool]:
    return sa.and_(IS_SENDING, _lease_is_over(deliveries))


def _nothing_comes_before() -> list[sa.ColumnElement[bool]]:
    """Said twice, with and without an incident: an index does not find what IS NOT DISTINCT FROM asks."""
    same_place = sa.and_(
        _before.c.status.in_([sa.literal_column("'pending'"), sa.literal_column("'sending'")]),
        _before.c.kind == deliveries.c.kind,
        _before.c.address == deliveries.c.address,
        _before.c.id < deliveries.c.id,
    )
    of_incident = sa.exists().where(same_place, _before.c.incident == deliveries.c.incident)
    of_none = sa.exists().where(same_place, _before.c.incident.is_(None))
    return [~of_incident, sa.or_(deliveries.c.incident.is_not(None), ~of_none)]


def _earlier_post_on_its_way() -> sa.ColumnElement[bool]:
    return sa.exists().where(
        _other.c.status == sa.literal_column("'sending'"),
        _other.c.action == Action.POST,
        _other.c.kind == deliveries.c.kind,
        _other.c.address == deliveries.c.address,
        _other.c.id < deliveries.c.id,
        sa.not_(_lease_is_over(_other)),
    )


def _first_ones(may_go: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Of each incident and destination only the oldest unfinished one, and a post not while another worker sends
    an earlier one to the same place."""
    post_may_go = sa.or_(sa.not_(IS_POST), ~_earlier_post_on_its_way())
    return sa.select(deliveries.c.id).where(IS_UNFINISHED, may_go, *_nothing_comes_before(), post_may_go)


_DUE = _first_ones(sa.or_(_waits(), _was_left()))
_WAITING = _first_ones(_waits()).order_by(deliveries.c.id)
_LEFT = (
    _first_ones(_was_left()).add_columns(deliveries.c.attempts).order_by(deliveries.c.attempts, deliveries.c.id)
)
"""What a worker did not live to finish may be what killed it: what was left more than once goes one at a time, and
what was tried least before the rest."""


def _outside(statement: sa.Select[Any], lanes: Collection[Lane]) -> sa.Select[Any]:
    return statement.where(*(sa.not_(is_in(lane)) for lane in lanes)) if lanes else statement


def _to_probe(shut: circuits.Shut, now: datetime) -> list[Destination]:
    return [
        place
        for place, kept in shut.items()
        if not kept.circuit.is_open(now) or kept.updated_at > now + CLOCKS_DIFFER
    ]


def _probe_for(
    connection: Connection, place: Destination, now: datetime, lease: timedelta, without: Collection[Lane]
) -> int | None:
    """What was tried least: a message that the sink chokes on must not be all that it is ever asked."""
    of_place = _outside(_DUE, without).where(is_in(Lane(kind=place.kind, address=place.address)))
    least_tried = of_place.order_by(deliveries.c.attempts, deliveries.c.id)
    return connection.scalar(least_tried.limit(1), _times(now, lease))


def _taken(connection: Connection, ids: Collection[int], *, now: datetime, until: datetime) -> list[int]:
    """Compare and set: what another worker has taken meanwhile is not among them."""
    if not ids:
        return []
    is_left = deliveries.c.status == DeliveryStatus.SENDING
    taken = (
        sa.update(deliveries)
        .where(deliveries.c.id.in_(ids), IS_UNFINISHED)
        .values(
            status=DeliveryStatus.SENDING,
            lease_until=until,
            updated_at=now,
            fate_unknown=sa.or_(deliveries.c.fate_unknown, is_left),
            attempts=deliveries.c.attempts + sa.case((is_left, 1), else_=0),
        )
    )
    return list(connection.scalars(taken.returning(deliveries.c.id)))
