"""Teams and people, as routing knows them: where they are reached, when they work, who answers for what."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from incident_ops.core.alert import Nature
from incident_ops.core.hours import Hours

_TO_THE_ANALYST = frozenset({Nature.FIELD_HEALTH, Nature.RULE})
"""What is in the data is the analyst's; that it is there, in time and in shape, the engineer's."""

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestTime:
    """When a digest goes out, in local time; `day` (0 is Monday) is set for a weekly one."""

    at: time
    zone: ZoneInfo = _UTC
    day: int | None = None

    def next_after(self, moment: datetime) -> datetime:
        """The first such time that is later than `moment`, in UTC. A local time that the clock skips counts as
        the one an hour later."""
        local = moment.astimezone(self.zone)
        day = local.date() + timedelta(days=0 if self.day is None else (self.day - local.weekday()) % 7)
        step = timedelta(days=1 if self.day is None else 7)
        while (found := datetime.combine(day, self.at, tzinfo=self.zone).astimezone(UTC)) <= moment:
            day += step
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """What the owner `team:x` stands for.

    Attributes:
        channel: where the team is reached.
        engineer, analyst, lead: e-mail addresses.
        working_hours: None where the file gives none: then it is always a time to call.
    """

    name: str
    channel: str
    engineer: str | None = None
    analyst: str | None = None
    lead: str | None = None
    zone: ZoneInfo = _UTC
    working_hours: Hours | None = None
    escalation_policy: str | None = None

    def responder_for(self, nature: Nature) -> tuple[str, str] | None:
        """Who answers for trouble of this nature, and as what."""
        if nature in _TO_THE_ANALYST:
            return (self.analyst, "analyst") if self.analyst else None
        return (self.engineer, "engineer") if self.engineer else None

    def digest_time(self, how: Literal["daily", "weekly"]) -> DigestTime:
        """When the working day (of a weekly one: the working week) begins; 09:00, Mondays, without hours."""
        hours = self.working_hours
        begins = hours.begins if hours is not None and hours.begins is not None else time(9)
        days = hours.days if hours is not None else frozenset[int]()
        first = min((day for day in days if (day - 1) % 7 not in days), default=0)
        return DigestTime(at=begins, zone=self.zone, day=first if how == "weekly" else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """How one person is reached: a Slack id if the file gives one, and when the digest is wanted."""

    email: str
    slack: str | None = None
    digest: DigestTime | None = None


NOBODYS = Team(name="", channel="")
"""Whose times hold for what belongs to no team that the file knows."""
