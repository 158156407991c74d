"""What is learnt from how an incident ended: answers for the detectors, written in the transaction of the change
and handed to Dagster afterwards, where the detectors of other code locations find them.
"""

from datetime import datetime

from incident_ops.core.alert import Alert
from incident_ops.core.feedback import Feedback, Lesson, Taught
from incident_ops.core.incident import Incident
from incident_ops.core.status import Resolution, Status
from incident_ops.engine.ports import Board, Store, Transaction

BATCH = 100

_LESSONS = {
    Resolution.FIXED: Lesson.FIXED,
    Resolution.EXPECTED: Lesson.EXPECTED,
    Resolution.FALSE_POSITIVE: Lesson.FALSE_POSITIVE,
}


def lessons_of(tx: Transaction, before: Incident, after: Incident) -> list[Taught]:
    """What a person's resolution says to the checks in the incident that measure, of all that they measured from
    its first failure until now. An incident that ends by itself, or as a part of another, teaches nothing."""
    lesson = _LESSONS.get(after.resolution) if after.resolution is not None else None
    if lesson is None or not before.is_open or after.status is not Status.RESOLVED or after.resolved_at is None:
        return []
    return [
        _taught(asset, check, lesson, since, after.resolved_at, after.number)
        for (asset, check), since in sorted(tx.measured_in(after.number).items())
    ]


def lessons_of_event(alert: Alert, number: int) -> list[Taught]:
    """What was announced is not what the next values are to be like."""
    if alert.asset is None or alert.check is None or alert.measurement is None:
        return []
    at = alert.measurement.evaluated_at
    return [_taught(alert.asset.key, alert.check, Lesson.EVENT, at, at, number)]


def hand_on(store: Store, board: Board, *, now: datetime) -> list[str]:
    """Tell Dagster what was learnt, at least once: an answer that is told twice teaches once. Returns a sentence
    for each answer that it did not take, which is told again the next time."""
    troubles: list[str] = []
    for lesson in store.untold_lessons(limit=BATCH):
        trouble = board.teach(lesson)
        if trouble is None:
            store.mark_told(lesson, now=now)
        else:
            troubles.append(trouble)
    return troubles


def _taught(asset: str, check: str, lesson: Lesson, since: datetime, until: datetime, number: int) -> Taught:
    feedback = Feedback(check=check, lesson=lesson, since=since, until=until)
    return Taught(asset=asset, feedback=feedback, incident=number)
