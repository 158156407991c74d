"""Hours of the day and days of the week in a time zone: working hours, nights, weekends.

What is muted in them or who is on call in them is decided elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incident_ops.core.wall_clock import even_stretches

_DAY = timedelta(days=1)
_MIDNIGHT = time(0)
_WEEK = frozenset(range(7))
_SOON = timedelta(days=2)
_HORIZON = timedelta(days=16)
"""Hours that come once a week are less far away, even where a change of the clocks swallows those of one week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A recurring stretch of time; what is left out does not restrict.

    The clock on the wall decides, as in Alertmanager's time intervals. When clocks are put forward from 02:00 to
    03:00, hours from 02:30 begin at the change, and those from 02:15 to 02:45 do not happen on that day. When they
    are put back from 03:00 to 02:00, what exists twice counts twice: hours until 02:30 end, begin again at the
    change, and end again at the second 02:30.

    Attributes:
        zone: whose clocks are meant.
        days: on which they begin, 0 for Monday; empty for every day.
        begins, ends: the first moment within and the first one after. `ends` not later than `begins` is on the day
            after: the hours run over midnight, and belong to the day on which they begin. So 00:00 is the midnight
            at the end of the day. Both None: the whole day.

    Raises:
        ValueError: only one of `begins` and `ends` is given, or a day is none of 0 to 6.
    """

    zone: ZoneInfo
    days: frozenset[int] = frozenset()
    begins: time | None = None
    ends: time | None = None

    def __post_init__(self) -> None:
        if (self.begins is None) is not (self.ends is None):
            raise ValueError("hours have both a begin and an end, or neither")
        if not self.days <= _WEEK:
            raise ValueError(f"days are 0 (Monday) to 6, not {sorted(self.days - _WEEK)}")

    def contains(self, at: datetime) -> bool:
        """Whether the wall clock shows one of these hours at `at`; the begin is within, the end is not."""
        wall = at.astimezone(self.zone).replace(tzinfo=None)
        opens, closes = (datetime.combine(wall, clock) for clock in self._clock)
        today = wall.weekday()
        if opens < closes:
            return opens <= wall < closes and self._is_day(today)
        return (opens <= wall and self._is_day(today)) or (wall < closes and self._is_day((today - 1) % 7))

    def next_begin(self, at: datetime) -> datetime:
        """`at` itself when it is within, else the begin of the next stretch."""
        if self.contains(at):
            return at
        begins, _ = self._stretch_from(at)
        return begins

    def end_of(self, at: datetime) -> datetime | None:
        """The end of the unbroken stretch that contains `at`: whole days next to each other are one stretch.

        None if it never ends, and if `at` is outside, where there is nothing to end.
        """
        if self._is_always or not self.contains(at):
            return None
        _, ends = self._stretch_from(at)
        return ends

    def stretches(self, begins: datetime, ends: datetime) -> tuple[tuple[datetime, datetime], ...]:
        """The hours within a period: (begin, end) in UTC, ascending, clipped to it, none touching the next."""
        merged: list[tuple[datetime, datetime]] = []
        for since, until in self._pieces(begins.astimezone(UTC), ends.astimezone(UTC)):
            if merged and merged[-1][1] == since:
                since, _ = merged.pop()
            merged.append((since, until))
        return tuple(merged)

    def _stretch_from(self, at: datetime) -> tuple[datetime, datetime]:
        """The stretch that `at` is in, from there, or else the next one, of hours that do not go on for ever."""
        soon = self.stretches(at, at + _SOON)
        if soon and soon[0][1] < at + _SOON:
            return soon[0]
        return self.stretches(at, at + _HORIZON)[0]

    def _pieces(self, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Each day's hours within a period, cut where the clocks change."""
        opens, closes = self._clock
        for since, until, offset in even_stretches(self.zone, begins, ends):
            first, last = since + offset, until + offset  # what the wall shows, written as if it were UTC
            day = datetime.combine(first, _MIDNIGHT, tzinfo=UTC) - _DAY
            while day < last:
                begin = datetime.combine(day, opens, tzinfo=UTC)
                end = datetime.combine(day if opens < closes else day + _DAY, closes, tzinfo=UTC)
                if self._is_day(day.weekday()) and max(begin, first) < min(end, last):
                    yield max(begin, first) - offset, min(end, last) - offset
                day += _DAY

    @property
    def _clock(self) -> tuple[time, time]:
        return self.begins or _MIDNIGHT, self.ends or _MIDNIGHT

    @property
    def _is_always(self) -> bool:
        opens, closes = self._clock
        return opens == closes and (not self.days or self.days == _WEEK)

    def _is_day(self, day: int) -> bool:
        return not self.days or day in self.days
