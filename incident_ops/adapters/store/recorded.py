"""What was recorded since a moment, read whole: for a simulation. No index serves it, and no tick asks for it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from math import inf

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import rows
from incident_ops.adapters.store.database import chunks
from incident_ops.adapters.store.reads import incidents_by_number
from incident_ops.adapters.store.tables import alerts, incidents, measurements, metric_points, timeline
from incident_ops.core.metrics import Measured, Measurement
from incident_ops.core.status import TimelineEntry
from incident_ops.engine.ports.simulation import Recorded


def recorded(connection: Connection, *, since: datetime) -> Recorded:
    """See `engine.ports.simulation.Recording`."""
    newer = sa.select(alerts).where(alerts.c.observed_at >= since)
    in_order = newer.order_by(alerts.c.observed_at, alerts.c.occurred_at, alerts.c.event_id)
    found = [(row["incident"], rows.alert_from(row)) for row in connection.execute(in_order).mappings()]
    measured = _measurements(connection, since=since)
    numbers = _with_merged(connection, {number for number, _ in found})
    return Recorded(
        alerts=tuple(
            (number, replace(alert, measurement=measured.get(alert.event_id))) for number, alert in found
        ),
        incidents={i.number: i for i in incidents_by_number(connection, sorted(numbers))},
        timeline=tuple(_timeline(connection, numbers, since=since)),
    )


def _with_merged(connection: Connection, numbers: set[int]) -> set[int]:
    """The incidents, and all that ended in one of them."""
    merged = sa.select(incidents.c.number, incidents.c.merged_into).where(incidents.c.merged_into.is_not(None))
    into = {row["number"]: row["merged_into"] for row in connection.execute(merged).mappings()}
    known, grown = set(numbers), True
    while grown:
        more = {number for number, survivor in into.items() if survivor in known} - known
        known, grown = known | more, bool(more)
    return known


def _timeline(
    connection: Connection, numbers: Collection[int], *, since: datetime
) -> list[tuple[int, TimelineEntry]]:
    entries = sa.select(timeline).where(timeline.c.at >= since).order_by(timeline.c.id)
    found = connection.execute(entries).mappings()
    return [(row["incident"], rows.entry_from(row)) for row in found if row["incident"] in numbers]


def _measurements(connection: Connection, *, since: datetime) -> dict[str, Measurement]:
    """By the event of the alert that told of it."""
    of_alerts = (
        sa.select(measurements)
        .join(alerts, alerts.c.event_id == measurements.c.event_id)
        .where(alerts.c.observed_at >= since)
    )
    evaluated = connection.execute(of_alerts).mappings().all()
    points: defaultdict[str, list[Measured]] = defaultdict(list)
    for chunk in chunks([row["event_id"] for row in evaluated]):
        of_chunk = sa.select(metric_points).where(metric_points.c.event_id.in_(chunk))
        for row in connection.execute(of_chunk).mappings():
            points[row["event_id"]].append(_measured(row))
    return {
        row["event_id"]: Measurement(
            at=row["at"],
            evaluated_at=row["evaluated_at"],
            partition=row["partition"],
            points=tuple(points[row["event_id"]]),
        )
        for row in evaluated
    }


def _measured(row: rows.Row) -> Measured:
    low, high = row["low"], row["high"]
    return Measured(
        metric=row["metric"],
        column=row["column_name"],
        value=row["value"],
        low=-inf if low is None else low,
        high=inf if high is None else high,
        score=row["score"],
    )
