"""Who is on call when: layers, swaps and overrides laid over each other."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, reduce

from incident_ops.core.oncall.schedule import Schedule, Shift, Swap
from incident_ops.core.oncall.strips import clipped, merged, overlaid
from incident_ops.core.oncall.turns import on_duty

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_FAR = timedelta(days=400)
_BLOCK = timedelta(days=32)
_TURNS = 512  # in a block; a rotation of minutes has shorter blocks and not larger ones
_BLOCKS = 64  # more than five years of all but the strangest schedules

Stretch = tuple[datetime, datetime]


def who_is_on_call(schedule: Schedule, at: datetime) -> tuple[str, ...]:
    """Whoever is on call; empty when nobody is. To ask often, keep an `OnCall`."""
    return tuple(shift.member for shift in shifts(schedule, at, at + _TICK))


def shifts(schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Shift, ...]:
    """The shifts within a period, clipped to it, ascending.

    Turns of one member that touch are one shift; time with nobody on call is left out (see `gaps`).
    """
    layers = [on_duty(layer, schedule.zone, begins, ends) for layer in schedule.layers]
    found = reduce(overlaid, layers, list[Shift]())
    found = reduce(_swapped, schedule.swaps, found)
    for override in schedule.overrides:
        whole = Shift(begins=override.begins, ends=override.ends, member=override.member)
        found = overlaid(found, clipped([whole], begins, ends))
    return tuple(merged(found))


def gaps(schedule: Schedule, begins: datetime, ends: datetime) -> tuple[Stretch, ...]:
    """Where nobody is on call within a period: (begin, end), ascending."""
    return tuple(_between(shifts(schedule, begins, ends), begins, ends))


def next_handoff(schedule: Schedule, at: datetime) -> datetime | None:
    """The next moment after `at` at which somebody else is on call, or nobody any more, or somebody again.

    None if there is none within 400 days.
    """
    reach = min(_block_of(schedule), _DAY)
    while True:
        found = shifts(schedule, at, at + reach)
        if found:
            change = found[0].begins if at < found[0].begins else found[0].ends
            if change < at + reach:
                return change
        if reach == _FAR:
            return None
        reach = min(4 * reach, _FAR)


class OnCall:
    """Who is on call by one schedule, for those who ask often, in whatever order of moments.

    The schedule is worked out for a block of time (32 days) when a moment in it is first asked for; the 64 blocks
    used last are remembered. Safe to share between threads.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._length = _block_of(schedule)
        self._block = lru_cache(maxsize=_BLOCKS)(self._work_out)

    def who(self, at: datetime) -> tuple[str, ...]:
        """The same as `who_is_on_call`."""
        begins, members = self._block((at - _EPOCH) // self._length)
        return members[bisect_right(begins, at) - 1]

    def _work_out(self, number: int) -> tuple[list[datetime], list[tuple[str, ...]]]:
        """The moments at which who is on call changes, the begin of the block first, and who is from then on."""
        since = _EPOCH + number * self._length
        found = shifts(self.schedule, since, since + self._length)
        answers = [(shift.begins, (shift.member,)) for shift in found]
        answers += [(begins, ()) for begins, _ in _between(found, since, since + self._length)]
        answers.sort()
        return [begins for begins, _ in answers], [members for _, members in answers]


def _block_of(schedule: Schedule) -> timedelta:
    """A stretch of time in which the schedule has not too many turns."""
    lengths = [layer.rotation for layer in schedule.layers if isinstance(layer.rotation, timedelta)]
    return min([_BLOCK, *(_TURNS * length for length in lengths)])


def _swapped(found: Sequence[Shift], swap: Swap) -> list[Shift]:
    one, other = swap.between
    instead = {one: other, other: one}
    inside = clipped(found, swap.begins, swap.ends)
    return overlaid(
        found, [Shift(begins=s.begins, ends=s.ends, member=instead.get(s.member, s.member)) for s in inside]
    )


def _between(found: Sequence[Shift], begins: datetime, ends: datetime) -> list[Stretch]:
    """The gaps between shifts within a period."""
    edges = [begins, *(edge for shift in found for edge in (shift.begins, shift.ends)), ends]
    return [(since, until) for since, until in zip(edges[::2], edges[1::2], strict=True) if since < until]
