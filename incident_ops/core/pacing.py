"""When a destination is pushed next about an incident: Alertmanager's timers and decision table.

    nothing was said yet          → first      once `group_wait` has passed since the first failure
    it ended before that          → never
    it grew                       → grown      `group_interval` after the last push
    nothing changed               → repeat     `repeat_interval` after the last push
    somebody has it, or it ended  → nothing after the first

(Alertmanager 0.25, `notify.DedupStage` and `dispatch.aggrGroup`. It knows no acknowledgement; that one ends the
repeats is PagerDuty's. What ended because a retry passed is told all the same: a flaky pipeline that nobody hears
of stays flaky.) What the clock allows may still be quiet for another reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_ops.core.incident import Incident
from incident_ops.core.notices import Told
from incident_ops.core.status import Status


class PushKind(StrEnum):
    FIRST = "first"
    GROWN = "grown"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The timers of a route."""

    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The next push, and when the clock allows it."""

    kind: PushKind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The other open incidents that agree with this one in the labels of `group_by`.

    Attributes:
        began: when the first of them that nobody was told of failed.
        told_at: when the last push about one of them went to the destination; this very moment when it goes out
            in this pass, and this incident may go along with it.
        lead: the id of the one that was told last.
    """

    began: datetime | None = None
    told_at: datetime | None = None
    lead: str = ""


ALONE = Group()


def began(incident: Incident) -> datetime:
    """When what fails now began to fail."""
    return min(member.first_fired_at for member in incident.firing or incident.members)


def next_push(
    incident: Incident,
    told: Told | None,
    pace: Pace,
    *,
    has_grown: bool = False,
    group: Group = ALONE,
    now: datetime,
) -> Due | None:
    """The next push to one destination, None where none will come by the clock alone.

    Args:
        told: None for a destination that has no post.
        has_grown: a member was added since the last push. To fail again after its end is no growth: a flaky
            task would ring with each retry.
    """
    if told is None:
        return _first(incident, pace, group, now)
    if incident.status is not Status.TRIGGERED or told.last_push_at is None:
        return None
    if has_grown and group.told_at == now:
        return Due(kind=PushKind.GROWN, at=now)
    last = max(told.last_push_at, group.told_at or told.last_push_at)
    if has_grown:
        return Due(kind=PushKind.GROWN, at=last + pace.group_interval)
    return Due(kind=PushKind.REPEAT, at=last + pace.repeat_interval)


def _first(incident: Incident, pace: Pace, group: Group, now: datetime) -> Due | None:
    """With the group's first push if that is still to come or is made in this very pass, else with its next."""
    if not incident.is_open:
        return Due(kind=PushKind.FIRST, at=now) if incident.flaky else None
    if group.told_at is not None:
        at = now if group.told_at == now else group.told_at + pace.group_interval
    else:
        own = began(incident)
        at = min(own, group.began or own) + pace.group_wait
    return Due(kind=PushKind.FIRST, at=at)
