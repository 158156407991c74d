"""The memory of detectors on both databases: what was measured, what people said, and at what cost it is read."""

from dataclasses import replace
from math import inf

import pytest
import sqlalchemy as sa

from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.store.tables import feedback, measurements, metric_points
from incident_ops.core.alert import Alert
from incident_ops.core.feedback import Feedback, Lesson, Taught
from incident_ops.core.metrics import CheckMeasurement, Measured, Measurement
from incident_ops.core.provenance import Facts
from incident_ops_tests.adapters.store.test_cost import recorded
from incident_ops_tests.adapters.store.values import opened_for
from incident_ops_tests.builders import make_alert, make_incident, minutes

POINTS = (
    Measured(metric="null_rate", column="größe, in cm", value=0.25, low=-inf, high=0.1, score=0.75),
    Measured(metric="row_count", value=1e15 + 1, low=900.5, high=inf, score=0.0),
)


def measured(
    event: str, at: float, *points: Measured, check: str = "volume", asset: str = "a/b"
) -> CheckMeasurement:
    found = Measurement(
        at=minutes(at - 60), evaluated_at=minutes(at), partition="2026-11-20", points=points or POINTS
    )
    return CheckMeasurement(event_id=event, asset=asset, check=check, measurement=found)


def add(store: SqlStore, *found: CheckMeasurement) -> None:
    with store.transaction() as tx:
        tx.add_facts(Facts(measurements=found))


def metrics(store: SqlStore, check: str = "volume", *, asset: str = "a/b", limit: int = 100) -> list[Measurement]:
    with store.looking_back() as history:
        return history.metrics(asset, check, limit=limit)


def count(store: SqlStore, table: sa.Table) -> int:
    with store._database.reading() as connection:
        return connection.scalars(sa.select(sa.func.count()).select_from(table)).one()


def test_what_was_measured_is_found_as_it_was_added_oldest_first(store: SqlStore):
    later, earlier = measured("e2", 2), replace(measured("e1", 1))
    bare = replace(earlier, measurement=replace(earlier.measurement, partition=None))
    add(store, later, bare, measured("e3", 3, check="other"), measured("e4", 4, asset="a/c"))
    assert metrics(store) == [bare.measurement, later.measurement]


def test_only_the_newest_evaluations_are_read(store: SqlStore):
    add(store, *(measured(f"e{n}", n) for n in range(5)))
    assert [m.evaluated_at for m in metrics(store, limit=2)] == [minutes(3), minutes(4)]


def test_an_event_that_is_read_again_is_kept_once(store: SqlStore):
    for value in (1.0, 2.0):
        add(store, measured("e1", 1, Measured(metric="row_count", value=value)))
    assert [m.points[0].value for m in metrics(store)] == [1.0]
    assert (count(store, measurements), count(store, metric_points)) == (1, 1)


def test_a_metric_that_a_document_has_twice_stops_nothing(store: SqlStore):
    twice = (Measured(metric="row_count", value=1.0), Measured(metric="row_count", value=2.0))
    add(store, measured("e1", 1, *twice))
    assert len(metrics(store)[0].points) == 1


@pytest.mark.parametrize("value", [inf, -inf, float("nan")])
def test_what_is_no_number_is_not_stored(store: SqlStore, value: float):
    add(store, measured("e1", 1, Measured(metric="mean", column="x", value=value), POINTS[1]))
    assert metrics(store)[0].points == (POINTS[1],)


# ---- what people said


def said(lesson: Lesson, since: float, until: float, *, number: int, check: str = "volume") -> Taught:
    answer = Feedback(check=check, lesson=lesson, since=minutes(since), until=minutes(until))
    return Taught(asset="a/b", feedback=answer, incident=number)


def test_answers_are_kept_once_and_told_once_in_the_order_in_which_they_came(store: SqlStore):
    number = opened_for(store, "a/b").number
    wrong, fine = said(Lesson.FIXED, 3, 4, number=number), said(Lesson.EXPECTED, 1, 2, number=number)
    other = said(Lesson.EVENT, 1, 1, number=number, check="other")
    for lessons in ([wrong, fine], [fine, other]):
        with store.transaction() as tx:
            tx.teach(lessons)
    with store.looking_back() as history:
        assert history.feedback("a/b", "volume") == [fine.feedback, wrong.feedback]
    assert count(store, feedback) == 3
    assert store.untold_lessons(limit=2) == [wrong, fine]
    store.mark_told(wrong, now=minutes(9))
    assert store.untold_lessons(limit=9) == [fine, other]


def alert_of(found: CheckMeasurement) -> Alert:
    return make_alert(
        found.asset,
        found.measurement.evaluated_at,
        check=found.check,
        event_id=found.event_id,
        kind="check_failed",
    )


def test_an_incident_knows_which_of_its_checks_measure_and_when_they_began_to_fail(store: SqlStore):
    first, second = measured("e1", 1), measured("e2", 2)
    elsewhere, silent = measured("e0", 0, asset="a/c"), make_alert("a/b", check="unmeasured")
    add(store, first, second, elsewhere, measured("e-1", -1))
    with store.transaction() as tx:
        number, another = tx.allocate_number(), tx.allocate_number()
        tx.save(make_incident(number, alert_of(first)))
        tx.save(make_incident(another, alert_of(elsewhere)))
        for alert in (alert_of(second), alert_of(first), silent):
            tx.add_alert(alert, number)
        tx.add_alert(alert_of(elsewhere), another)
        assert tx.measured_in(number) == {("a/b", "volume"): minutes(1)}


# ---- at what cost


def test_the_series_of_one_check_is_one_range_of_an_index_whatever_else_is_stored(store: SqlStore):
    numbers = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < 20_000))
    text = sa.cast(numbers.c.n, sa.Text)
    opened = opened_for(store, "a/b").number
    add(store, measured("e1", 1))
    with store._database.writing() as connection:
        for table, different in (
            (measurements, {"event_id": "x" + text, "asset": "t" + text}),
            (metric_points, {"event_id": "x" + text}),
        ):
            first = sa.select(table).limit(1).subquery()
            columns = [different.get(c.name, first.c[c.name]) for c in table.c]
            copies = sa.select(*columns).select_from(sa.join(numbers, first, sa.true()))
            connection.execute(sa.insert(table).from_select([c.name for c in table.c], copies))
    if not store._database.is_sqlite:
        with store._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    with recorded(store) as statements:
        assert len(metrics(store)) == 1
        assert store.untold_lessons(limit=5) == []
        with store.transaction() as tx:
            assert tx.measured_in(opened) == {}
    explain = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN "
    with store._database.reading() as connection:
        plans = [
            str(row[-1])
            for statement, parameters in statements
            if "measurements" in statement or "metric_points" in statement
            for row in connection.exec_driver_sql(explain + statement, parameters)
        ]
    assert plans
    whole = [line for line in plans if "Seq Scan on m" in line or line.startswith("SCAN m")]
    assert whole == [], plans
