"""The turns of one layer: its rotation counted from the start, within its restriction."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from incident_ops.core.oncall.schedule import Layer, Shift
from incident_ops.core.oncall.strips import clipped, merged
from incident_ops.core.wall_clock import first_shown


def on_duty(layer: Layer, zone: ZoneInfo, begins: datetime, ends: datetime) -> list[Shift]:
    """Who is on call by this layer alone within a period, clipped to it."""
    turns = clipped(merged(list(_turns(layer, zone, begins, ends))), begins, ends)
    if layer.restrict is None:
        return turns
    return [shift for stretch in layer.restrict.stretches(begins, ends) for shift in clipped(turns, *stretch)]


def _turns(layer: Layer, zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[Shift]:
    """The turns that touch a period, in full. On a day that a zone left out altogether there was none."""
    start = first_shown(datetime.combine(layer.start, layer.handoff), zone)
    if ends <= start:
        return
    if len(set(layer.members)) == 1:
        yield Shift(begins=start, ends=ends, member=layer.members[0])
        return
    number, begin_of = _count(layer, zone, start, max(begins, start))
    since = max(begin_of(number), start)
    while since < ends:
        until = begin_of(number + 1)
        if since < until:
            yield Shift(begins=since, ends=until, member=layer.members[number % len(layer.members)])
        since, number = until, number + 1


def _count(layer: Layer, zone: ZoneInfo, start: datetime, at: datetime) -> tuple[int, Callable[[int], datetime]]:
    """The number of the turn at `at`, or of one shortly before it, and the moment at which a turn begins."""
    step, first = layer.step, layer.start
    if not layer.is_by_the_calendar:
        return (at - start) // step, lambda number: start + number * step
    if layer.handoff_day is not None:
        first -= timedelta(days=(first.weekday() - layer.handoff_day) % 7)
    wall = datetime.combine(first, layer.handoff)
    shown = at.astimezone(zone).replace(tzinfo=None)
    return (shown - wall) // step, lambda number: first_shown(wall + number * step, zone)
