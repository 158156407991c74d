"""Taking the steps that are due, of each policy that an incident climbs, unless it is quiet on all ways there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.attention.state import Attention
from incident_ops.core.escalation import Climb, Page, advanced, frozen, resumed
from incident_ops.core.incident import Incident
from incident_ops.core.muting import Quiet
from incident_ops.core.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed:
    """What came of one climb: `wake_at` is when there is more to do, `is_over` that it was exhausted just now."""

    climb: Climb
    page: Page | None = None
    wake_at: datetime | None = None
    is_over: bool = False


def climbed(climb: Climb, incident: Incident, quiet: Quiet | None, *, now: datetime) -> Climbed:
    """Take the step that is due. Only a triggered incident climbs; what is due in a quiet waits for its end."""
    if incident.status is not Status.TRIGGERED:
        return Climbed(climb=frozen(climb))
    climb = resumed(climb, at=now)
    if quiet is not None and climb.due_at <= now:
        return Climbed(climb=climb, wake_at=None if climb.is_exhausted else quiet.until)
    after, page = advanced(climb, now=now)
    return Climbed(
        climb=after,
        page=page,
        wake_at=after.due_at if after.runs else None,
        is_over=after.is_exhausted and not climb.is_exhausted,
    )


def quiet_on_all(quiets: Sequence[Quiet | None]) -> Quiet | None:
    """The reason that ends first, when there is one on every way."""
    found = [quiet for quiet in quiets if quiet is not None]
    if not found or len(found) < len(quiets):
        return None
    return min(found, key=lambda quiet: (quiet.until is None, quiet.until))


def acknowledgement_ends(incident: Incident, state: Attention) -> tuple[datetime, timedelta] | None:
    """When an acknowledgement times out, and after how long: by the strictest of the policies that are climbed."""
    limits = [climb.policy.acknowledge_timeout for climb in state.climbs]
    limit = min((limit for limit in limits if limit is not None), default=None)
    if limit is None or incident.status is not Status.ACKNOWLEDGED or incident.acknowledged_at is None:
        return None
    return incident.acknowledged_at + limit, limit
