"""Hours, time intervals, on-call schedules and maintenance windows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from incident_ops.config.calendar import Hours, Layer, Schedule, Span
from incident_ops.config.shape import Config
from incident_ops.core.hours import Hours as CoreHours
from incident_ops.core.muting import Maintenance
from incident_ops.core.oncall import Layer as CoreLayer
from incident_ops.core.oncall import Override, Swap
from incident_ops.core.oncall import Schedule as CoreSchedule

_S = TypeVar("_S", bound=Span)


def hours_of(hours: Hours, zone: ZoneInfo) -> CoreHours:
    """The hours, local to `zone`."""
    days = frozenset(day.number for day in hours.days)
    return CoreHours(zone=zone, days=days, begins=hours.from_, ends=hours.to)


def intervals_of(config: Config) -> Mapping[str, tuple[CoreHours, ...]]:
    """The time intervals by name; one stretch of hours each."""
    return {each.name: (hours_of(each, each.timezone),) for each in config.time_intervals}


def schedules_of(config: Config) -> Mapping[str, CoreSchedule]:
    """The on-call schedules by name."""
    return {name: _schedule(name, schedule) for name, schedule in config.schedules.items()}


def _schedule(name: str, schedule: Schedule) -> CoreSchedule:
    zone = schedule.timezone
    overrides, swaps = _lasting(schedule.overrides, zone), _lasting(schedule.swaps, zone)
    return CoreSchedule(
        name=name,
        zone=zone,
        layers=tuple(_layer(layer, zone) for layer in schedule.layers),
        overrides=tuple(
            Override(member=each.member, begins=begins, ends=ends) for each, begins, ends in overrides
        ),
        swaps=tuple(
            Swap(between=(each.between[0], each.between[1]), begins=begins, ends=ends)
            for each, begins, ends in swaps
        ),
    )


def _layer(layer: Layer, zone: ZoneInfo) -> CoreLayer:
    return CoreLayer(
        members=layer.members,
        rotation=layer.rotation,
        handoff=layer.handoff.at,
        handoff_day=layer.handoff.day.number if layer.handoff.day is not None else None,
        start=layer.start,
        restrict=hours_of(layer.restrict, zone) if layer.restrict is not None else None,
    )


def _lasting(spans: Iterable[_S], zone: ZoneInfo) -> list[tuple[_S, datetime, datetime]]:
    # An hour that the clocks skip is an hour in the file and no time at all.
    timed = ((each, *each.span(zone)) for each in spans)
    return [(each, begins, ends) for each, begins, ends in timed if begins < ends]


def maintenance_of(config: Config) -> tuple[Maintenance, ...]:
    """The maintenance windows in the order of the file."""
    return tuple(
        Maintenance(matchers=each.matchers, begins=each.window[0], ends=each.window[1], comment=each.comment or "")
        for each in config.maintenance
    )
