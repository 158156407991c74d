"""Our own troubles: a condition that went bad is an alert, one that got well a recovery, and else nothing."""

from datetime import datetime

import pytest

from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, Recovery
from incident_ops.core.watchdog import Condition, lag, loops, observations_of, outbox
from incident_ops_tests.builders import T0, minutes

BAD, WELL = Condition(name="outbox", trouble="a notification waits"), Condition(name="outbox")


@pytest.mark.parametrize(
    ("condition", "was_told", "expected"),
    [
        (BAD, {}, [Alert]),
        (BAD, {"outbox": ""}, [Alert]),
        (BAD, {"outbox": "a notification waits"}, []),
        (BAD, {"outbox": "told in other words"}, []),
        (WELL, {"outbox": "a notification waits"}, [Recovery]),
        (WELL, {"outbox": ""}, []),
        (WELL, {}, []),
    ],
)
def test_only_a_change_is_told(condition: Condition, was_told: dict[str, str], expected: list[type]) -> None:
    """Judged every minute: anything else would be an alert a minute."""
    assert [type(o) for o in observations_of([condition], known=was_told, now=T0)] == expected


def test_the_recovery_ends_the_very_alert() -> None:
    [alert] = observations_of([BAD], known={}, now=T0)
    [recovery] = observations_of([WELL], known={"outbox": BAD.trouble}, now=minutes(1))
    assert isinstance(alert, Alert)
    assert isinstance(recovery, Recovery)
    assert recovery.fingerprint == alert.fingerprint == "external|incident_ops: outbox"
    assert recovery.occurred_at > alert.occurred_at
    assert recovery.event_id != alert.event_id
    assert (alert.kind, alert.check_severity, alert.evidence.summary) == (
        AlertKind.EXTERNAL, CheckSeverity.ERROR, "a notification waits",
    )  # fmt: skip


def test_a_warning_about_ourselves_stays_a_warning() -> None:
    [alert] = observations_of([Condition(name="x", trouble="y", is_warning=True)], known={}, now=T0)
    assert isinstance(alert, Alert)
    assert alert.check_severity is CheckSeverity.WARN


@pytest.mark.parametrize(
    ("minutes_ago", "expected"),
    [
        (0, ""),
        (5, ""),
        (6, "the detection loop has not ended a pass for 6 min: see the sensor's ticks in Dagster"),
    ],
)
def test_a_loop_that_stands_still_is_told(minutes_ago: float, expected: str) -> None:
    [condition] = loops({"detection": minutes(-minutes_ago)}, now=T0)
    assert (condition.name, condition.trouble) == ("detection loop", expected)


@pytest.mark.parametrize(
    ("oldest", "error", "expected"),
    [
        (None, "", ""),
        (minutes(-10), "", ""),
        (minutes(-11), "", "a notification has been waiting for 11 min"),
        (minutes(-61), "Slack: 503", "a notification has been waiting for 1 h 1 min: Slack: 503"),
    ],
)
def test_a_notification_that_waits_is_told(oldest: datetime | None, error: str, expected: str) -> None:
    assert outbox(oldest, error, now=T0) == Condition(name="outbox", trouble=expected)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, ""),
        (minutes(-5), ""),
        (minutes(-6), "reading the event log has been behind for 6 min"),
    ],
)
def test_reading_behind_is_told(since: datetime | None, expected: str) -> None:
    assert lag(since, now=T0) == Condition(name="event log lag", trouble=expected)
