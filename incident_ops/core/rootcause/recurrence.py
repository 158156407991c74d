"""Has this happened before? Earlier incidents with the same fingerprint, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.durations import format_duration
from incident_ops.core.status import Resolution

WINDOW = timedelta(days=30)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier incident with the same fingerprint: `id` as people write it (`INC-12`)."""

    id: str
    detected_at: datetime
    resolved_at: datetime | None = None
    resolution: Resolution | None = None


def recurrence(earlier: Sequence[Earlier], now: datetime) -> str | None:
    """ "4th time in 30 days; last time: INC-12, fixed, 3 days ago"; None when it is the first time."""
    recent = [incident for incident in earlier if now - WINDOW <= incident.detected_at <= now]
    if not recent:
        return None
    last = max(recent, key=lambda incident: (incident.detected_at, incident.id))
    ended = last.resolution.value.replace("_", " ") if last.resolution else "unresolved"
    ago = now - (last.resolved_at if last.resolved_at and last.resolved_at <= now else last.detected_at)
    return f"{_ordinal(len(recent) + 1)} time in {WINDOW.days} days; last time: {last.id}, {ended}, {_ago(ago)}"


def _ago(since: timedelta) -> str:
    if since < DAY:
        return f"{format_duration(since)} ago"
    return f"{since.days} day{'s' if since.days > 1 else ''} ago"


def _ordinal(n: int) -> str:
    teens = n % 100 in (11, 12, 13)
    return f"{n}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
