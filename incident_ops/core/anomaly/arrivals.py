"""When is an asset that declares no deadline due at the latest? Learnt from the times it was built before.

Pure: the times are handed in. What counts as a burst is `occasions`', clocks are `appointments`', what goes by
none is `intervals`', and how far beyond the usual is too late is `habit`'s.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np

from incident_ops.core.anomaly.appointments import DAY, Appointment, ByTheClock, by_the_clock
from incident_ops.core.anomaly.intervals import next_by_interval
from incident_ops.core.anomaly.moments import moment_text
from incident_ops.core.anomaly.occasions import Hours, occasions
from incident_ops.core.durations import format_duration
from incident_ops.core.errors import IncidentOpsError

ENOUGH = 7
"""Days with a build before anything is said, for a weekly asset seven weeks: what seven builds have in common the
eighth breaks by chance about once in eight times, and the margin makes that rare. An asset built every few minutes
needs as many, or its first weekend would be an incident."""
CLEARLY = 0.8
"""Arrivals are steadier by one clock than by the other if they vary by less than this share. Where no change to
summer time has told the two apart the later of both deadlines counts."""
KEPT, LONGEST = 60, timedelta(days=366)
"""Arrivals that are looked at however old they are, and how old they may be where there are more."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of the clock on the wall, wherever it hangs
_HOUR = timedelta(hours=1)


class ArrivalsError(IncidentOpsError, ValueError):
    """The arrivals or a setting cannot be used; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the next build is due. Times are aware UTC.

    Attributes:
        at: when this was asked.
        last: the newest build; None where there is none.
        expected: when the next one usually comes; None while learning.
        deadline: from when on it is late; None while learning.
        learning: too few builds to tell.
        reason: "last built Tue 06:12, usually every day at 06:20–07:10, due by Wed 08:05 UTC".
    """

    at: datetime
    last: datetime | None
    expected: datetime | None = None
    deadline: datetime | None = None
    learning: bool
    reason: str

    @property
    def late(self) -> bool:
        return self.deadline is not None and self.at >= self.deadline

    @property
    def score(self) -> float:
        """0 to below 1, one half at the deadline; comparable between assets, as `Judgement.score` is."""
        if self.expected is None or self.deadline is None or self.at <= self.expected:
            return 0.0
        beyond = (self.at - self.expected) / (self.deadline - self.expected)
        return beyond / (1 + beyond)


def due(
    arrivals: Iterable[datetime],
    *,
    at: datetime,
    sensitivity: float = 1.0,
    widen: float = 1.0,
    timezone: tzinfo = UTC,
    holidays: Collection[date] = (),
) -> Due:
    """When the next arrival is due, by those before it.

    Daily, several times a day, on some weekdays only: the hour is learnt, by weekday, with its slow drift. What
    goes by no clock is due by its gaps. A burst within half an hour counts as one arrival; of several a day where
    one is usual the first one counts. False alerts and delay on real arrival times: the benchmark `arrivals`.

    Args:
        arrivals: aware, in any order. Those later than `at` come from a clock that goes ahead, and count as now.
        sensitivity: above 1 the deadline is nearer to the usual time (divides the margin), below 1 further.
        widen: what feedback taught (`feedback.Training.widen`); multiplies the margin.
        timezone: the clock of the people; arrivals that keep to UTC, in which summer time does not count, are
            recognised. The reason is told in it.
        holidays: dates on which nothing is expected.

    Raises:
        ArrivalsError: a time without zone, or a sensitivity or widening that is not positive.
    """
    _require_usable(at, sensitivity, widen)
    times = sorted({min(_utc(each), at.astimezone(UTC)) for each in arrivals})
    if not times:
        return Due(at=at.astimezone(UTC), last=None, learning=True, reason="never built")
    newest = [each for each in times[:-KEPT] if times[-1] - each <= LONGEST] + times[-KEPT:]
    asked = _Asked(
        at=at.astimezone(UTC),
        times=newest,
        hours=_hours(newest, timezone),
        zone=timezone,
        slack=widen / sensitivity,
        holidays=holidays,
    )
    return asked.learning() or asked.due()


@dataclass(frozen=True, slots=True)
class _Next:
    """The next appointment on a clock, as instants."""

    expected: datetime
    deadline: datetime
    usually: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """`hours`: of the times, on the zone's clock."""

    at: datetime
    times: Sequence[datetime]
    hours: Hours
    zone: tzinfo
    slack: float
    holidays: Collection[date]

    @property
    def last(self) -> datetime:
        return self.times[-1]

    def learning(self) -> Due | None:
        builds = occasions(self.hours)
        days = len(np.unique(builds // DAY))
        if days >= ENOUGH:
            return None
        what = "builds" if len(builds) == days else "days with builds"
        reason = f"learning, {days} of {ENOUGH} {what}, last built {self._text(self.last)}"
        return Due(at=self.at, last=self.last, learning=True, reason=reason)

    def due(self) -> Due:
        found = self._next()
        late = f", {format_duration(self.at - found.deadline)} late" if self.at >= found.deadline else ""
        reason = (
            f"last built {self._text(self.last)}, {found.usually}, "
            f"due by {self._text(found.deadline)} {self.zone}{late}"
        )
        return Due(
            at=self.at,
            last=self.last,
            expected=found.expected,
            deadline=found.deadline,
            learning=False,
            reason=reason,
        )

    def _text(self, moment: datetime) -> str:
        return moment_text(moment, now=self.at, zone=self.zone)

    def _next(self) -> _Next:
        zones = [self.zone] if str(self.zone) == "UTC" else [self.zone, UTC]
        found = [each for each in map(self._by_the_clock, zones) if each is not None]
        if not found:
            return self._by_interval()
        if len(found) > 1:
            least = min(clock.unsteadiness for clock, _ in found)
            found = [(clock, its) for clock, its in found if clock.unsteadiness * CLEARLY <= least]
        return max((its for _, its in found), key=lambda its: its.deadline)

    def _by_the_clock(self, zone: tzinfo) -> tuple[ByTheClock, _Next] | None:
        hours = self.hours if zone is self.zone else _hours(self.times, zone)
        clock = by_the_clock(occasions(hours), closed={_day(each) for each in self.holidays})
        appointment = clock.after(hours[-1], slack=self.slack) if clock else None
        if clock is None or appointment is None:
            return None
        early, late = (
            f"{_instant(hour, zone).astimezone(self.zone):%H:%M}" for hour in (appointment.early, appointment.late)
        )
        often = f"{appointment.every}, next" if len(clock.centres) > 1 else appointment.every
        return clock, _told(
            appointment, zone, f"usually {often} at {early if early == late else f'{early}–{late}'}"
        )

    def _by_interval(self) -> _Next:
        appointment = next_by_interval(occasions(self.hours), self.hours[-1], slack=self.slack)
        return _told(appointment, self.zone, f"usually {appointment.every}")


def _told(found: Appointment, zone: tzinfo, usually: str) -> _Next:
    return _Next(_instant(found.middle, zone), _instant(found.deadline, zone), usually)


def _hours(times: Sequence[datetime], zone: tzinfo) -> Hours:
    """On the zone's clock, ascending: the hour that is repeated in autumn must not run backwards."""
    hours = np.array([(time.astimezone(zone).replace(tzinfo=None) - _EPOCH) / _HOUR for time in times])
    return np.maximum.accumulate(hours)


def _instant(hours: float, zone: tzinfo) -> datetime:
    return (_EPOCH + hours * _HOUR).replace(tzinfo=zone).astimezone(UTC)


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH.toordinal()


def _utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ArrivalsError(f"{time.isoformat()} has no time zone")
    return time.astimezone(UTC)


def _require_usable(at: datetime, sensitivity: float, widen: float) -> None:
    _utc(at)
    if not (sensitivity > 0 and widen > 0):
        raise ArrivalsError(f"sensitivity {sensitivity} and widening {widen} must be positive")
