"""Sections about time: hours of the day and week, spans between two moments, on-call schedules."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from incident_ops.config.addresses import Email
from incident_ops.config.refusals import flaw
from incident_ops.config.scalars import Factor, MatcherText, Text
from incident_ops.config.section import AtLeastOne, Many, Section
from incident_ops.config.times import (
    Day,
    EndOfDay,
    HandoffTime,
    Moment,
    Rotation,
    TimeOfDay,
    TimeZone,
    Weekday,
    utc,
)
from incident_ops.core.alert import Nature


class Hours(Section):
    """Days of the week and hours of the day; what is left out does not restrict.

    `from` later than `to` runs over midnight and belongs to the day on which it begins.
    """

    days: Many[Weekday] = ()
    from_: TimeOfDay | None = Field(default=None, alias="from")
    to: EndOfDay | None = None

    @model_validator(mode="after")
    def _has_both_ends(self) -> "Hours":
        if "days" in self.model_fields_set and not self.days:
            raise flaw("has an empty list of days; leave days out for every day")
        if (self.from_ is None) is not (self.to is None):
            raise flaw('has only one of from and to; write both, such as from: "09:00", to: "18:00"')
        if self.from_ is None and not self.days:
            raise flaw('has neither days nor hours; add days: [mon, fri], or from: "09:00" and to: "18:00"')
        if self.from_ is not None and self.from_ == self.to:
            raise flaw("begins and ends at the same time; leave out from and to for the whole day")
        return self


class TimeInterval(Hours):
    """Hours with a name, which routes refer to."""

    name: Text
    timezone: TimeZone = Field(default_factory=utc)


class Span(Section):
    """From one moment until another. A date stands for its whole day, the last one included."""

    from_: Moment = Field(alias="from")
    until: Moment

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Span":
        begins, ends = _begin(self.from_), _end(self.until)
        if (begins.tzinfo is None) is not (ends.tzinfo is None):
            if isinstance(self.from_, datetime) and isinstance(self.until, datetime):
                raise flaw("has an offset on only one of from and until; give both one, such as Z, or neither")
        elif ends <= begins:
            raise flaw("does not end after it begins; make until later than from")
        return self

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Begin (included) and end (excluded) in UTC; what has no offset of its own is local to `zone`."""
        begins, ends = _begin(self.from_), _end(self.until)
        return _in_utc(begins, zone), _in_utc(ends, zone)


def _begin(moment: date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(0))


def _end(moment: date) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(0)) + timedelta(days=1)


def _in_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


class Layer(Section):
    """Members who take turns; `handoff` is local to the schedule's time zone."""

    rotation: Rotation
    handoff: HandoffTime
    start: Day
    members: AtLeastOne[Email]
    restrict: Hours | None = None

    @model_validator(mode="after")
    def _hands_off_as_it_rotates(self) -> "Layer":
        if self.rotation == "weekly" and self.handoff.day is None:
            raise flaw('rotates weekly, but its handoff names no day; write it like handoff: "mon 09:00"')
        if self.rotation != "weekly" and self.handoff.day is not None:
            raise flaw('has a day in its handoff, but does not rotate weekly; write it like handoff: "09:00"')
        return self


class Override(Span):
    """Somebody stands in; times without an offset are local to the schedule's time zone."""

    member: Email


class Swap(Span):
    """Two people take each other's turns; times without an offset are local to the schedule's time zone."""

    between: Many[Email]

    @model_validator(mode="after")
    def _is_between_two(self) -> "Swap":
        if len(set(self.between)) != 2 or len(self.between) != 2:
            raise flaw("is not between two people; write between: [erin@acme.test, otto@acme.test]")
        return self


class Schedule(Section):
    """An on-call calendar. Later layers win where they have somebody, overrides over layers and swaps."""

    timezone: TimeZone = Field(default_factory=utc)
    layers: AtLeastOne[Layer]
    overrides: Many[Override] = ()
    swaps: Many[Swap] = ()


class MaintenanceWindow(Span):
    """Nothing that matches is pushed in this time."""

    matchers: AtLeastOne[MatcherText]
    timezone: TimeZone | None = None
    comment: Text | None = None

    @model_validator(mode="after")
    def _is_anchored(self) -> "MaintenanceWindow":
        if self.timezone is None:
            for moment in (self.from_, self.until):
                if not isinstance(moment, datetime) or moment.tzinfo is None:
                    raise flaw(
                        "has a time without an offset; write it like 2026-12-01T22:00Z, or add "
                        "timezone: Europe/Berlin"
                    )
        return self

    @property
    def window(self) -> tuple[datetime, datetime]:
        """Begin (included) and end (excluded) in UTC."""
        return self.span(self.timezone or utc())


class ExpectedEvent(Span):
    """Numbers may jump by up to `up_to` times on these assets in this time; without a time zone it is UTC."""

    name: Text
    assets: AtLeastOne[Text]
    natures: Many[Nature] = ()
    timezone: TimeZone = Field(default_factory=utc)
    up_to: Factor | None = None

    @property
    def window(self) -> tuple[datetime, datetime]:
        """Begin (included) and end (excluded) in UTC."""
        return self.span(self.timezone)
