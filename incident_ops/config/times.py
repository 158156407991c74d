"""Durations, times of day, time zones, days and moments, as the file writes them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, PlainSerializer, PlainValidator

from incident_ops.config.refusals import nearest, refusal, shown, text_of
from incident_ops.core.durations import DurationSyntaxError, parse_duration

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")


def read_duration(value: object) -> timedelta:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise refusal(f"{shown(value)} is not a duration; add a unit, as in {value}s, {value}m or {value}h")
    try:
        return parse_duration(text_of(value))
    except DurationSyntaxError as error:
        _, _, fault = str(error).rpartition('"')
        raise refusal(f"{shown(value)}{fault}") from None


def read_positive_duration(value: object) -> timedelta:
    duration = read_duration(value)
    if not duration:
        raise refusal(f"{shown(value)} is no time at all; write a longer duration, such as 5m")
    return duration


def read_time_of_day(value: object) -> time:
    clock = _CLOCK.fullmatch(text_of(value))
    if clock is None:
        raise refusal(f'{shown(value)} is not a time of day; write it like "09:00", from 00:00 to 23:59')
    return time(int(clock[1]), int(clock[2]))


def read_end_of_day(value: object) -> time:
    return time(0) if value == "24:00" else read_time_of_day(value)


def read_time_zone(value: object) -> ZoneInfo:
    name = text_of(value)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as "Europe"
        known = sorted(available_timezones())
        if not known:
            raise refusal("this system knows no time zones; install the package tzdata") from None
        meant = next((zone for zone in known if zone.endswith(f"/{name}")), None) or nearest(
            name, known, cutoff=0.8
        )
        remedy = f'did you mean "{meant}"?' if meant else 'write a name such as "Europe/Berlin" or "UTC"'
        raise refusal(f"{shown(name)} is not a time zone; {remedy}") from None


def read_day(value: object) -> date:
    text = text_of(value)
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError as error:
        raise refusal(f"{shown(text)} is not in the calendar ({error}); correct it") from None
    raise refusal(f"{shown(text)} is not a date; write it like 2026-01-05")


def read_moment(value: object) -> datetime | date:
    """A date, or a datetime: local to the time zone beside it unless it has an offset of its own."""
    text = text_of(value)
    if not _DATE_TIME.fullmatch(text):
        if _DATE.fullmatch(text):
            return read_day(text)
        raise refusal(
            f"{shown(text)} is not a point in time; write it like 2026-12-01, 2026-12-01T22:00 or "
            "2026-12-01T22:00Z"
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise refusal(f"{shown(text)} is not in the calendar ({error}); correct it") from None


def utc() -> ZoneInfo:
    """The default zone, looked up when it is needed: importing this module reads no files."""
    return ZoneInfo("UTC")


class Weekday(StrEnum):
    """A day of the week as the file writes it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """Monday is 0, as in `date.weekday()`."""
        return list(Weekday).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """When a rotation passes on: a time of day, and the weekday of a weekly rotation."""

    at: time
    day: Weekday | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestTime:
    """When a person's digest goes out; `day` is the weekday of a weekly one."""

    every: Literal["daily", "weekly"]
    at: time
    day: Weekday | None = None


def _weekday(word: str, sentence: str) -> Weekday:
    try:
        return Weekday(word)
    except ValueError:
        raise refusal(sentence) from None


def read_handoff(value: object) -> Handoff:
    sentence = f'{shown(value)} is not a handoff; write it like "18:00", or "mon 09:00" for a weekly rotation'
    words = text_of(value).split()
    if len(words) not in (1, 2) or not _CLOCK.fullmatch(words[-1]):
        raise refusal(sentence)
    return Handoff(at=read_time_of_day(words[-1]), day=_weekday(words[0], sentence) if len(words) == 2 else None)


def read_digest_time(value: object) -> DigestTime:
    sentence = f'{shown(value)} is not a digest time; write it like "daily 17:00" or "weekly mon 09:00"'
    match text_of(value).split():
        case ["daily", clock] if _CLOCK.fullmatch(clock):
            return DigestTime(every="daily", at=read_time_of_day(clock))
        case ["weekly", day, clock] if _CLOCK.fullmatch(clock):
            return DigestTime(every="weekly", at=read_time_of_day(clock), day=_weekday(day, sentence))
        case _:
            raise refusal(sentence)


def read_rotation(value: object) -> "Literal['daily', 'weekly'] | timedelta":
    if value == "daily":
        return "daily"
    if value == "weekly":
        return "weekly"
    try:
        length = parse_duration(text_of(value))
    except DurationSyntaxError:
        length = timedelta(0)
    if not length:
        raise refusal(f"{shown(value)} is not a rotation; write daily, weekly, or a length such as 12h")
    return length


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(read_duration)]
PositiveDuration: TypeAlias = Annotated[timedelta, BeforeValidator(read_positive_duration)]
TimeOfDay: TypeAlias = Annotated[time, BeforeValidator(read_time_of_day)]
EndOfDay: TypeAlias = Annotated[time, BeforeValidator(read_end_of_day)]
TimeZone: TypeAlias = Annotated[
    ZoneInfo, PlainValidator(read_time_zone), PlainSerializer(str, return_type=str, when_used="json")
]
Day: TypeAlias = Annotated[date, BeforeValidator(read_day)]
Moment: TypeAlias = Annotated[datetime | date, BeforeValidator(read_moment)]
HandoffTime: TypeAlias = Annotated[Handoff, BeforeValidator(read_handoff)]
DigestAt: TypeAlias = Annotated[DigestTime, BeforeValidator(read_digest_time)]
Rotation: TypeAlias = Annotated[Literal["daily", "weekly"] | timedelta, BeforeValidator(read_rotation)]
