"""Alertmanager's decision table, row by row. T0 is when the first member failed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.core.incident import Incident
from incident_ops.core.notices import Told
from incident_ops.core.pacing import ALONE, Due, Group, Pace, PushKind, next_push
from incident_ops.core.status import Status
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

PACE = Pace()
OPEN = make_incident()
TAKEN = OPEN.acknowledged(by="ann", at=minutes(1))
OVER = OPEN.resolved(at=minutes(1))
TOLD = Told(is_posted=True, last_push_at=minutes(10))
WAITING = Told(is_posted=False)


@pytest.mark.parametrize(
    ("incident", "told", "has_grown", "expected"),
    [
        pytest.param(OPEN, None, False, (PushKind.FIRST, 0.5), id="nothing was said yet"),
        pytest.param(
            TAKEN, None, False, (PushKind.FIRST, 0.5), id="taken before anything was said: the post is made"
        ),
        pytest.param(OVER, None, False, None, id="over before anything was said"),
        pytest.param(replace(OVER, flaky=True), None, False, (PushKind.FIRST, 60), id="a retry mended it"),
        pytest.param(OPEN, TOLD, True, (PushKind.GROWN, 15), id="it grew"),
        pytest.param(OPEN, TOLD, False, (PushKind.REPEAT, 250), id="nothing changed"),
        pytest.param(TAKEN, TOLD, False, None, id="somebody has it"),
        pytest.param(TAKEN, TOLD, True, None, id="somebody has it and it grows"),
        pytest.param(replace(OPEN, status=Status.MITIGATED), TOLD, True, None, id="mitigated"),
        pytest.param(OVER, TOLD, False, None, id="it ended: the thread tells it"),
        pytest.param(OPEN, WAITING, True, None, id="not accepted yet: nothing to count from"),
    ],
)
def test_what_is_pushed_next(
    incident: Incident, told: Told | None, has_grown: bool, expected: tuple[PushKind, float] | None
):
    due = next_push(incident, told, PACE, has_grown=has_grown, now=minutes(60))
    assert due == (Due(kind=expected[0], at=minutes(expected[1])) if expected else None)


@pytest.mark.parametrize(
    ("group", "told", "has_grown", "expected"),
    [
        pytest.param(ALONE, None, False, 0.5, id="alone"),
        pytest.param(Group(began=minutes(-0.2)), None, False, 0.3, id="with the group's first notice"),
        pytest.param(Group(began=minutes(9)), None, False, 0.5, id="it is the group's first"),
        pytest.param(
            Group(told_at=minutes(60), lead="INC-2"), None, False, 60, id="the group is told in this pass"
        ),
        pytest.param(Group(told_at=minutes(58), lead="INC-2"), None, False, 63, id="with the group's next notice"),
        pytest.param(Group(told_at=minutes(60), lead="INC-2"), TOLD, True, 60, id="it grew, and goes along"),
        pytest.param(Group(told_at=minutes(58), lead="INC-2"), TOLD, True, 63, id="it grew"),
        pytest.param(Group(told_at=minutes(60), lead="INC-2"), TOLD, False, 300, id="the group's notice counts"),
        pytest.param(Group(told_at=minutes(2), lead="INC-2"), TOLD, False, 250, id="its own was later"),
    ],
)
def test_incidents_of_one_group_are_told_together(
    group: Group, told: Told | None, has_grown: bool, expected: float
):
    due = next_push(OPEN, told, PACE, has_grown=has_grown, group=group, now=minutes(60))
    assert due is not None and due.at == minutes(expected)


def test_the_timers_are_the_routes():
    pace = Pace(
        group_wait=timedelta(minutes=1), group_interval=timedelta(minutes=2), repeat_interval=timedelta(minutes=3)
    )
    found = [
        next_push(OPEN, told, pace, has_grown=grown, now=minutes(0))
        for told, grown in ((None, False), (TOLD, True), (TOLD, False))
    ]
    assert [due.at if due else None for due in found] == [minutes(1), minutes(12), minutes(13)]


def test_what_fails_again_waits_for_its_group_anew():
    """By what fails now: that the same thing failed yesterday makes nobody's phone ring earlier."""
    alert = make_alert()
    yesterday = make_incident(1, alert).recovered(make_recovery(alert), now=minutes(5)).resolved(at=minutes(5))
    later = make_alert("x/y", minutes(60))
    again = yesterday.reopen(why="again", at=minutes(60))
    again = replace(again, members=(*again.members, *make_incident(2, later).members))
    due = next_push(again, None, PACE, now=minutes(60))
    assert due is not None and due.at == minutes(60.5)
