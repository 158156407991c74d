"""What resolving teaches, who must have said it, and that it reaches Dagster at least once."""

from datetime import timedelta
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import Alert, Nature
from incident_ops.core.expected_events import ExpectedEvent
from incident_ops.core.feedback import Feedback, Lesson, Taught
from incident_ops.core.incident import Incident
from incident_ops.core.metrics import CheckMeasurement, Measured, Measurement
from incident_ops.core.provenance import Facts
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.lessons import hand_on
from incident_ops.engine.timers import attend_due
from incident_ops.engine.triage import change, triage
from incident_ops_tests.builders import make_alert, make_recovery, minutes
from incident_ops_tests.engine.test_triage import knowing, posts

USUAL = 1_000.0
JUST_BEFORE = timedelta(seconds=3)
"""A detector looks, and Dagster stores what it found a little later."""


def fails(
    store: SqlStore,
    at: float,
    *,
    times: float = 4.0,
    check: str = "volume",
    is_measured: bool = True,
    **policy: Any,
) -> Alert:
    """The check fails, and the tail brings the evaluation with what it measured."""
    point = Measured(metric="row_count", value=USUAL * times, low=900, high=1_100, score=0.9)
    measurement = Measurement(
        at=minutes(at) - JUST_BEFORE, evaluated_at=minutes(at) - JUST_BEFORE, points=(point,)
    )
    alert = make_alert(
        "orders",
        minutes(at),
        check=check,
        nature=Nature.VOLUME,
        measurement=measurement if is_measured else None,
    )
    found = CheckMeasurement(event_id=alert.event_id, asset="orders", check=check, measurement=measurement)
    facts = Facts(measurements=(found,) if is_measured else ())
    triage(store, [alert], knowing(**policy), now=minutes(at), facts=facts)
    return alert


def answers(store: SqlStore, reason: Resolution, at: float, number: int = 1) -> Incident:
    return change(
        store, number, lambda i: i.resolved(at=minutes(at), by="erin", reason=reason), knowing(), now=minutes(at)
    )


def learnt(store: SqlStore, check: str = "volume") -> list[Feedback]:
    with store.looking_back() as history:
        return history.feedback("orders", check)


def of(lesson: Lesson, since: float, until: float, check: str = "volume") -> Feedback:
    return Feedback(check=check, lesson=lesson, since=minutes(since) - JUST_BEFORE, until=minutes(until))


@pytest.mark.parametrize(
    ("reason", "lesson"),
    [
        (Resolution.FIXED, Lesson.FIXED),
        (Resolution.EXPECTED, Lesson.EXPECTED),
        (Resolution.FALSE_POSITIVE, Lesson.FALSE_POSITIVE),
    ],
)
def test_a_persons_answer_speaks_of_all_that_was_measured_since_the_first_failure(
    store: SqlStore, reason: Resolution, lesson: Lesson
) -> None:
    fails(store, 1)
    fails(store, 5)
    answers(store, reason, 9)
    assert learnt(store) == [of(lesson, 1, 9)]


@pytest.mark.parametrize("reason", [Resolution.DUPLICATE, Resolution.NO_ACTION])
def test_other_reasons_say_nothing_of_the_numbers(store: SqlStore, reason: Resolution) -> None:
    fails(store, 1)
    answers(store, reason, 9)
    assert learnt(store) == []


def test_an_incident_that_ends_by_itself_teaches_nothing(store: SqlStore) -> None:
    alert = fails(store, 1)
    triage(store, [make_recovery(alert)], knowing(), now=minutes(7))
    assert (store.incident(1).status, learnt(store)) == (Status.RESOLVED, [])


def test_only_checks_that_measure_are_taught(store: SqlStore) -> None:
    fails(store, 1)
    fails(store, 2, check="unmeasured", is_measured=False)
    for incident in store.incidents():
        answers(store, Resolution.FIXED, 9, incident.number)
    assert (len(learnt(store)), learnt(store, "unmeasured")) == (1, [])


def test_answered_again_after_it_was_reopened_both_answers_are_kept_and_the_newer_is_the_later(
    store: SqlStore,
) -> None:
    """`feedback.trained` lets the newest answer on a point count."""
    fails(store, 1)
    answers(store, Resolution.FIXED, 2)
    fails(store, 3)
    assert store.incident(1).reopened == 1
    answers(store, Resolution.EXPECTED, 4)
    assert learnt(store) == [of(Lesson.FIXED, 1, 2), of(Lesson.EXPECTED, 1, 4)]


class Board:
    """Takes answers; the first `refusals` times it does not."""

    def __init__(self, refusals: int = 0) -> None:
        self.taught: list[Taught] = []
        self._refusals = refusals

    def show(self, incidents: object) -> list[str]:
        return []

    def retire(self, incidents: object) -> None: ...

    def teach(self, lesson: Taught) -> str | None:
        if self._refusals:
            self._refusals -= 1
            return "Dagster's storage refuses it"
        self.taught.append(lesson)
        return None


def test_an_answer_is_handed_to_dagster_once_with_its_incident(store: SqlStore) -> None:
    board = Board()
    fails(store, 1)
    answers(store, Resolution.FIXED, 2)
    for _ in range(2):
        assert hand_on(store, board, now=minutes(3)) == []
    assert board.taught == [Taught(asset="orders", feedback=of(Lesson.FIXED, 1, 2), incident=1)]


def test_an_answer_that_dagster_does_not_take_is_told_again(store: SqlStore) -> None:
    board = Board(refusals=1)
    fails(store, 1)
    answers(store, Resolution.FIXED, 2)
    assert hand_on(store, board, now=minutes(3)) == ["Dagster's storage refuses it"]
    assert hand_on(store, board, now=minutes(4)) == []
    assert len(board.taught) == 1


# ---- what was announced

EVENT = ExpectedEvent(
    name="black friday",
    assets=("orders",),
    natures=frozenset({Nature.VOLUME}),
    begins=minutes(0),
    ends=minutes(10_000),
    up_to=6.0,
)
ANNOUNCED: dict[str, Any] = {"expected_events": (EVENT,)}
REASON = "expected event black friday: row_count is 4.0 times the usual, up to 6 is expected"


def test_what_was_announced_is_on_record_with_its_reason_and_tells_nobody(store: SqlStore) -> None:
    fails(store, 1, **ANNOUNCED)
    [incident] = store.incidents()
    assert (incident.status, incident.resolution, incident.excuse) == (
        Status.RESOLVED,
        Resolution.EXPECTED,
        REASON,
    )
    assert posts(store) == []
    assert [e.text for e in store.timeline(1) if e.kind is EntryKind.SUPPRESSED] == [f"nobody is pushed: {REASON}"]
    assert store.next_unassessed() is None, "no cause to look for, and nobody's data is bad"


def test_the_days_of_an_event_do_not_train(store: SqlStore) -> None:
    fails(store, 1, **ANNOUNCED)
    at = minutes(1) - JUST_BEFORE
    assert learnt(store) == [Feedback(check="volume", lesson=Lesson.EVENT, since=at, until=at)]


def test_more_than_was_announced_pages_even_right_after_what_was(store: SqlStore) -> None:
    fails(store, 1, **ANNOUNCED)
    fails(store, 2, times=40, **ANNOUNCED)
    excused, real = sorted(store.incidents(), key=lambda i: i.number)
    assert (excused.is_open, real.is_open, real.excuse) == (False, True, None)
    attend_due(store, knowing(), now=minutes(3), may_go_on=lambda: True)  # its group_wait is over
    assert posts(store, real.number) == ["post #data"]


def test_the_next_day_of_the_event_joins_the_record_of_the_first(store: SqlStore) -> None:
    fails(store, 1, **ANNOUNCED)
    fails(store, 60, times=5, **ANNOUNCED)
    [incident] = store.incidents()
    assert (incident.alert_count, incident.is_open, posts(store)) == (2, False, [])
    assert any("5.0 times the usual" in entry.text for entry in store.timeline(1))
    assert len(learnt(store)) == 2


def test_what_was_announced_does_not_reopen_what_is_over(store: SqlStore) -> None:
    alert = fails(store, 1)
    triage(store, [make_recovery(alert)], knowing(), now=minutes(7))
    fails(store, 10, **ANNOUNCED)
    over, excused = sorted(store.incidents(), key=lambda i: i.number)
    assert (over.status, over.reopened, excused.excuse) == (Status.RESOLVED, 0, REASON)


def test_what_was_announced_joins_what_is_open_and_ends_nothing(store: SqlStore) -> None:
    fails(store, 1, times=40, **ANNOUNCED)
    fails(store, 2, **ANNOUNCED)
    [incident] = store.incidents()
    assert (incident.is_open, incident.alert_count) == (True, 2)


def test_a_check_that_passes_after_what_was_announced_changes_nothing(store: SqlStore) -> None:
    alert = fails(store, 1, **ANNOUNCED)
    before = store.incident(1)
    triage(store, [make_recovery(alert)], knowing(**ANNOUNCED), now=minutes(9))
    assert store.incident(1) == before


def test_what_was_announced_is_read_again_without_a_trace(store: SqlStore) -> None:
    alert = fails(store, 1, **ANNOUNCED)
    before = (store.incidents(), learnt(store), store.timeline(1))
    triage(store, [alert], knowing(**ANNOUNCED), now=minutes(9))
    assert (store.incidents(), learnt(store), store.timeline(1)) == before
