"""Members that move between incidents, and what moves with them: their alerts, and posts that people have seen."""

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import rows
from incident_ops.adapters.store.reads import OPEN_STATUSES
from incident_ops.adapters.store.tables import (
    IS_MEMBER_OF_OPEN,
    IS_POST,
    IS_UNFINISHED,
    alerts,
    deliveries,
    incidents,
    members,
)
from incident_ops.core.alert import Alert
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import MemberKey, OpenPlace

_ALERTS_OF_A_KIND = 3


def open_places(connection: Connection) -> list[OpenPlace]:
    """Costs by the members of open incidents, not by the history: put in order here, for an ordered query would
    lead the planner along the primary key, through all that ever was."""
    query = sa.select(members.c.incident, members.c.asset, members.c.last_fired_at).where(
        IS_MEMBER_OF_OPEN, members.c.asset.is_not(None)
    )
    places = [
        OpenPlace(number=row["incident"], asset=row["asset"], last_fired_at=row["last_fired_at"])
        for row in connection.execute(query).mappings()
    ]
    known = {(place.number, place.asset): place for place in places}
    roots = sa.select(incidents.c.number, incidents.c.root_asset, incidents.c.started_at).where(
        incidents.c.status.in_(OPEN_STATUSES), incidents.c.root_asset.is_not(None)
    )
    for number, asset, started_at in connection.execute(roots):
        if (number, asset) not in known:
            places.append(OpenPlace(number=number, asset=asset, last_fired_at=started_at))
    return sorted(places, key=lambda place: (place.number, place.asset))


def alerts_of_member(connection: Connection, number: int, fingerprint: str, partition: str | None) -> list[Alert]:
    """The newest few of each kind: a storm of repeats is not read."""
    of_member = _of_member(number, (fingerprint, partition or ""))
    kinds = connection.scalars(sa.select(alerts.c.kind).where(of_member).distinct()).all()
    found: list[Alert] = []
    for kind in sorted(kinds):
        newest = sa.select(alerts).where(of_member, alerts.c.kind == kind)
        newest = newest.order_by(alerts.c.occurred_at.desc(), alerts.c.event_id).limit(_ALERTS_OF_A_KIND)
        found.extend(rows.alert_from(row) for row in connection.execute(newest).mappings())
    return found


def tally(
    connection: Connection, wanted: Collection[tuple[int, MemberKey]]
) -> dict[tuple[int, MemberKey], tuple[int, int]]:
    keys: defaultdict[int, set[MemberKey]] = defaultdict(set)
    for number, key in wanted:
        keys[number].add(key)
    partition = sa.func.coalesce(alerts.c.partition, "").label("partition_key")
    failures = sa.func.sum(sa.case((alerts.c.is_echo.is_(sa.true()), 0), else_=1)).label("failures")
    found: dict[tuple[int, MemberKey], tuple[int, int]] = {}
    for number, of_number in sorted(keys.items()):
        counts = sa.select(alerts.c.fingerprint, partition, sa.func.count().label("alerts"), failures)
        counts = counts.where(alerts.c.incident == number).group_by(alerts.c.fingerprint, partition)
        for row in connection.execute(counts).mappings():
            key = (row["fingerprint"], row["partition_key"])
            if key in of_number:
                found[number, key] = (row["alerts"], int(row["failures"]))
    return found


def clear_members(connection: Connection, number: int) -> None:
    connection.execute(sa.delete(members).where(members.c.incident == number))


def move_alerts(connection: Connection, number: int, member: MemberKey, *, to: int) -> None:
    connection.execute(sa.update(alerts).where(_of_member(number, member)).values(incident=to))


def hand_over_posts(connection: Connection, number: int, *, to: int) -> None:
    """Only where the other incident has no live post: two posts in one channel stay two."""
    live = sa.and_(IS_POST, deliveries.c.status != DeliveryStatus.DEAD)
    place = (deliveries.c.kind, deliveries.c.address)

    def posts_of(incident: int) -> set[tuple[str, str]]:
        return {
            (kind, address)
            for kind, address in connection.execute(
                sa.select(*place).where(deliveries.c.incident == incident, live)
            )
        }

    for kind, address in sorted(posts_of(number) - posts_of(to)):
        there = sa.and_(
            deliveries.c.incident == number, deliveries.c.kind == kind, deliveries.c.address == address
        )
        connection.execute(sa.update(deliveries).where(there).values(incident=to))


def withdraw_posts(connection: Connection, number: int, *, keep: Collection[Destination]) -> None:
    """A post that no try was made of, and the edits and replies that wait for it, are as if they had never been
    owed. What is told to somebody who uses the data does not wait for it and is owed still."""
    untried = sa.and_(
        deliveries.c.incident == number,
        IS_POST,
        deliveries.c.status == DeliveryStatus.PENDING,
        deliveries.c.attempts == 0,
    )
    place = (deliveries.c.kind, deliveries.c.address)
    kept = {(destination.kind, destination.address) for destination in keep}
    for kind, address in connection.execute(sa.select(*place).where(untried)).all():
        if (kind, address) not in kept:
            there = sa.and_(deliveries.c.kind == kind, deliveries.c.address == address)
            of_post = sa.and_(IS_UNFINISHED, deliveries.c.action != Action.TELL)
            connection.execute(sa.delete(deliveries).where(deliveries.c.incident == number, there, of_post))


def _of_member(number: int, member: MemberKey) -> sa.ColumnElement[bool]:
    fingerprint, partition = member
    return sa.and_(
        alerts.c.incident == number,
        alerts.c.fingerprint == fingerprint,
        sa.func.coalesce(alerts.c.partition, "") == partition,
    )
