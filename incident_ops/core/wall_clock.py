"""Clocks on the wall: where a zone puts its clocks forward or back, and when its clocks first show a time.

Zones are `zoneinfo`'s, moments aware UTC. Hours of the day and on-call turns are founded on this, elsewhere.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clocks of `zone` show `wall` (a datetime without a zone) or later.

    A time that exists twice, when clocks are put back, is the first of the two. One that does not exist, when they
    are put forward, is the moment of the change. So a later wall time is never an earlier moment.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # Of a time that does not exist Python reckons fold 0 with the offset before the change: that is the later one.
    return _change(zone, second, first) if second < first else first


def even_stretches(
    zone: ZoneInfo, begins: datetime, ends: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The period cut where the clocks change: (begin, end, offset from UTC), ascending.

    Within one of them wall time is UTC plus the offset, so that local calendars are plain arithmetic. Two changes
    within a day that undo each other would not be seen; no zone has had them.
    """
    since = at = begins
    offset = _offset(zone, at)
    while at < ends:
        later = min(at + _DAY, ends)
        if _offset(zone, later) != offset:
            later = _change(zone, at, later)
            yield since, later, offset
            since, offset = later, _offset(zone, later)
        at = later
    if since < ends:
        yield since, ends, offset


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first moment after `before` with another offset than it; `after` has another one."""
    offset = _offset(zone, before)
    while after - before > _TICK:
        middle = before + (after - before) / 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
