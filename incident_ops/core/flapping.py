"""An incident that ends and begins again and again is told once, as flapping, until it has calmed down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.durations import format_duration
from incident_ops.core.muting import Quiet, QuietKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingRule:
    """So many changes between open and over within this time are flapping."""

    changes: int = 4
    within: timedelta = timedelta(hours=1)


def recent(changes: Sequence[datetime], rule: FlappingRule, *, now: datetime) -> tuple[datetime, ...]:
    """The newest changes that count: at most as many as make it flapping, none older than the window."""
    return tuple(at for at in changes if now - at < rule.within)[-rule.changes :]


def flapping(changes: Sequence[datetime], rule: FlappingRule, *, now: datetime) -> Quiet | None:
    """Whether it flaps at this moment, and until when if nothing changes any more."""
    counted = recent(changes, rule, now=now)
    if len(counted) < rule.changes:
        return None
    text = f"flapping: {rule.changes} changes within {format_duration(rule.within)}"
    return Quiet(kind=QuietKind.FLAPPING, text=text, until=counted[0] + rule.within)
