"""On-call calendars: layers of rotations with restrictions, swaps and overrides, in the words of PagerDuty."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from incident_ops.core.hours import Hours

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Members who take turns, in their order.

    The first turn begins on the day `start` at `handoff`; before that nobody is on call. Daily and weekly turns
    count days of the local calendar: the hand-off is at the same wall time all the year round. Where that time
    exists twice, it is the first of the two; where it does not exist, the moment at which the clocks are put
    forward. So do turns of a length that goes into a day, or of whole days (12h hands over at 08:00 and 20:00 all
    the year round); turns of any other length count the time that really goes by.

    Attributes:
        members: who appears twice has two turns in a round.
        rotation: daily, weekly, or the length of a turn.
        handoff: local to the schedule's zone.
        handoff_day: of a weekly rotation, 0 for Monday; None for the weekday of `start`. When `start` is another
            day, the first turn is shorter.
        restrict: on call only within these hours. The turns go on outside them.

    Raises:
        ValueError: no members, turns without a length, a hand-off day that is none or of a rotation without one.
    """

    members: tuple[str, ...]
    rotation: Literal["daily", "weekly"] | timedelta
    handoff: time
    start: date
    handoff_day: int | None = None
    restrict: Hours | None = None

    @property
    def step(self) -> timedelta:
        """The length of a turn, by the calendar or in truth."""
        if isinstance(self.rotation, timedelta):
            return self.rotation
        return _WEEK if self.rotation == "weekly" else _DAY

    @property
    def is_by_the_calendar(self) -> bool:
        """Whether turns are counted on the wall, not by the time that goes by."""
        return not (_DAY % self.step and self.step % _DAY)

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a layer has at least one member")
        if isinstance(self.rotation, timedelta) and self.rotation <= timedelta(0):
            raise ValueError(f"a turn takes time, not {self.rotation}")
        if self.handoff_day is not None and (self.rotation != "weekly" or not 0 <= self.handoff_day <= 6):
            raise ValueError("only a weekly rotation has a hand-off day, from 0 (Monday) to 6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody is on call in this time, whoever it would have been."""

    member: str
    begins: datetime
    ends: datetime

    def __post_init__(self) -> None:
        _refuse_no_time(self.begins, self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Two stand in for each other in this time: where one would be on call, the other is."""

    between: tuple[str, str]
    begins: datetime
    ends: datetime

    def __post_init__(self) -> None:
        _refuse_no_time(self.begins, self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An on-call calendar: one person at a time, or nobody.

    Attributes:
        layers: the later ones win where they have somebody.
        overrides: win over layers and swaps, the later ones over the earlier ones.
        swaps: of what the layers say, one after the other.
    """

    name: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()
    swaps: tuple[Swap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One stretch of one member; the end is excluded."""

    begins: datetime
    ends: datetime
    member: str


def _refuse_no_time(begins: datetime, ends: datetime) -> None:
    if ends <= begins:
        raise ValueError(f"it ends at {ends:%Y-%m-%d %H:%M}, and so not after it begins")
