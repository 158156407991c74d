"""On-call by a clerk who looks at the wall clock every so often and keeps a tally: slow, and hard to get wrong.

The baseline of `test_oncall_properties`. It shares nothing with the package but the values. All times of a
schedule have to be multiples of the step.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incident_ops.core.hours import Hours
from incident_ops.core.oncall import Layer, Schedule

DAY = timedelta(days=1)


def is_open(hours: Hours, at: datetime) -> bool:
    """Each of the two days on which the hours may have begun, one after the other."""
    wall = at.astimezone(hours.zone).replace(tzinfo=None)
    for begun in (wall.date() - DAY, wall.date()):
        opens = datetime.combine(begun, hours.begins or time(0))
        closes = datetime.combine(begun, hours.ends or time(0))
        if closes <= opens:
            closes += DAY
        if (not hours.days or begun.weekday() in hours.days) and opens <= wall < closes:
            return True
    return False


def on_call_by_the_clock(
    schedule: Schedule, until: datetime, step: timedelta
) -> Iterator[tuple[datetime, str | None]]:
    """(moment, who) from two days before the first layer starts, by `step`."""
    first = min(layer.start for layer in schedule.layers)
    at = datetime.combine(first - 2 * DAY, time(0), tzinfo=UTC)
    clerks = [_Clerk(layer, schedule.zone) for layer in schedule.layers]
    while at < until:
        answers = [clerk.look(at) for clerk in clerks]
        yield at, _corrected(schedule, at, next((who for who in reversed(answers) if who), None))
        at += step


def _corrected(schedule: Schedule, at: datetime, who: str | None) -> str | None:
    for swap in schedule.swaps:
        if swap.begins <= at < swap.ends and who in swap.between:
            who = swap.between[1 - swap.between.index(who)]
    for override in schedule.overrides:
        if override.begins <= at < override.ends:
            who = override.member
    return who


class _Clerk:
    """Moves the turn on whenever the clock has come past a time of hand-off; what it shows twice counts once."""

    def __init__(self, layer: Layer, zone: ZoneInfo) -> None:
        self.layer, self.zone = layer, zone
        self.turn = -1
        self.seen: datetime | None = None
        self.turn_began: datetime | None = None
        self.next_wall = datetime.combine(layer.start, layer.handoff) + layer.step

    def look(self, at: datetime) -> str | None:
        wall = at.astimezone(self.zone).replace(tzinfo=None)
        if self.seen is not None and wall > self.seen:
            for day in _days(self.seen.date(), wall.date()):
                if self.seen < datetime.combine(day, self.layer.handoff) <= wall:
                    self._pass(day, at)
        self.seen = wall if self.seen is None else max(self.seen, wall)
        if isinstance(self.layer.rotation, timedelta) and self.turn_began is not None:
            while self.layer.is_by_the_calendar and self.next_wall <= self.seen:
                self.turn, self.next_wall = self.turn + 1, self.next_wall + self.layer.rotation
            while not self.layer.is_by_the_calendar and at - self.turn_began >= self.layer.rotation:
                self.turn, self.turn_began = self.turn + 1, self.turn_began + self.layer.rotation
        if self.turn < 0 or (self.layer.restrict is not None and not is_open(self.layer.restrict, at)):
            return None
        return self.layer.members[self.turn % len(self.layer.members)]

    def _pass(self, day: date, at: datetime) -> None:
        """The clock has come past the time of hand-off of this day."""
        if day == self.layer.start:
            self.turn, self.turn_began = 0, at
        elif self.turn >= 0 and (
            self.layer.rotation == "daily"
            or (self.layer.rotation == "weekly" and day.weekday() == self._handoff_day)
        ):
            self.turn += 1

    @property
    def _handoff_day(self) -> int:
        chosen = self.layer.handoff_day
        return self.layer.start.weekday() if chosen is None else chosen


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY
