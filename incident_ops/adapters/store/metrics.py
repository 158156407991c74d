"""What checks measured and what people said of it: the memory of detectors, read and written.

One row per evaluation, in the order of its check's index, and one per point: what is read of a check costs by its
own evaluations, whatever else is stored.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from math import inf, isfinite
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store.database import Database, chunks, insert_or_ignore
from incident_ops.adapters.store.tables import IS_UNTOLD, alerts, feedback, measurements, metric_points
from incident_ops.core.feedback import Feedback, Lesson, Taught
from incident_ops.core.metrics import CheckMeasurement, Measured, Measurement


def measurement_values(found: CheckMeasurement) -> dict[str, Any]:
    """The row of the evaluation; those of its points are `point_values`."""
    return {
        "event_id": found.event_id,
        "asset": found.asset,
        "check_name": found.check,
        "partition": found.measurement.partition,
        "at": found.measurement.at,
        "evaluated_at": found.measurement.evaluated_at,
    }


def point_values(found: CheckMeasurement) -> Iterable[dict[str, Any]]:
    """Of what is no number nothing can be learnt."""
    for point in found.measurement.points:
        if isfinite(point.value):
            yield {
                "event_id": found.event_id,
                "metric": point.metric,
                "column_name": point.column,
                "value": point.value,
                "low": point.low if isfinite(point.low) else None,
                "high": point.high if isfinite(point.high) else None,
                "score": point.score,
            }


def metrics_of(connection: Connection, asset: str, check: str, *, limit: int) -> list[Measurement]:
    """Oldest first; the points of each in the order of metric and column."""
    m = measurements.c
    newest = sa.select(measurements).where(m.asset == asset, m.check_name == check)
    newest = newest.order_by(m.evaluated_at.desc(), m.event_id.desc()).limit(limit)
    rows = connection.execute(newest).mappings().all()
    points: defaultdict[str, list[Measured]] = defaultdict(list)
    for chunk in chunks([row["event_id"] for row in rows]):
        of_chunk = sa.select(metric_points).where(metric_points.c.event_id.in_(chunk))
        ordered = of_chunk.order_by(metric_points.c.event_id, metric_points.c.metric, metric_points.c.column_name)
        for row in connection.execute(ordered).mappings():
            points[row["event_id"]].append(_measured(row))
    return [
        Measurement(
            at=row["at"],
            evaluated_at=row["evaluated_at"],
            partition=row["partition"],
            points=tuple(points[row["event_id"]]),
        )
        for row in reversed(rows)
    ]


def _measured(row: Any) -> Measured:
    return Measured(
        metric=row["metric"],
        column=row["column_name"],
        value=row["value"],
        low=-inf if row["low"] is None else row["low"],
        high=inf if row["high"] is None else row["high"],
        score=row["score"],
    )


def measured_in(connection: Connection, number: int) -> dict[tuple[str, str], datetime]:
    """The checks of an incident that measure, (asset, check) → when it first failed for the incident."""
    m = measurements.c
    first = (
        sa.select(m.asset, m.check_name, sa.func.min(m.evaluated_at))
        .join(alerts, alerts.c.event_id == m.event_id)
        .where(alerts.c.incident == number)
        .group_by(m.asset, m.check_name)
    )
    return {(asset, check): at for asset, check, at in connection.execute(first)}


# ---- what people said


def teach(connection: Connection, lessons: Collection[Taught]) -> None:
    """An answer that is there already is left alone, told or not."""
    for lesson in lessons:
        insert_or_ignore(connection, feedback, {**_values(lesson), "incident": lesson.incident})


def feedback_of(connection: Connection, asset: str, check: str) -> list[Feedback]:
    """Oldest first."""
    f = feedback.c
    said = sa.select(feedback).where(f.asset == asset, f.check_name == check)
    return sorted((_feedback(row) for row in connection.execute(said).mappings()), key=lambda answer: answer.order)


class SqlLessons:
    """The part of `engine.ports.Store` that knows which answers Dagster has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def untold_lessons(self, *, limit: int) -> list[Taught]:
        untold = sa.select(feedback).where(IS_UNTOLD).order_by(feedback.c.id).limit(limit)
        with self._database.reading() as connection:
            return [
                Taught(asset=row["asset"], feedback=_feedback(row), incident=row["incident"])
                for row in connection.execute(untold).mappings()
            ]

    def mark_told(self, lesson: Taught, *, now: datetime) -> None:
        same = sa.and_(*(feedback.c[name] == value for name, value in _values(lesson).items()))
        with self._database.writing() as connection:
            connection.execute(sa.update(feedback).where(same).values(told_at=now))


def _values(lesson: Taught) -> dict[str, Any]:
    """What makes an answer the same as another."""
    answer = lesson.feedback
    return {
        "asset": lesson.asset,
        "check_name": answer.check,
        "lesson": answer.lesson,
        "since": answer.since,
        "until": answer.until,
    }


def _feedback(row: Any) -> Feedback:
    return Feedback(check=row["check_name"], lesson=Lesson(row["lesson"]), since=row["since"], until=row["until"])
