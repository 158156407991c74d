"""Strips of shifts: ascending, without overlap, with or without gaps. Cut, laid over each other, joined."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from incident_ops.core.oncall.schedule import Shift

_BEGINS, _ENDS = attrgetter("begins"), attrgetter("ends")


def clipped(strip: Sequence[Shift], begins: datetime, ends: datetime) -> list[Shift]:
    """What of the strip is within the period; nothing of a period that ends before it begins."""
    if ends <= begins:
        return []
    inside = strip[bisect_right(strip, begins, key=_ENDS) : bisect_left(strip, ends, key=_BEGINS)]
    return [
        Shift(begins=max(shift.begins, begins), ends=min(shift.ends, ends), member=shift.member)
        for shift in inside
    ]


def overlaid(below: Sequence[Shift], above: Sequence[Shift]) -> list[Shift]:
    """`above`, and `below` where `above` has nobody."""
    if not below or not above:
        return [*below, *above]
    found = [*above]
    for shift in below:
        found.extend(_rest_of(shift, clipped(above, shift.begins, shift.ends)))
    return sorted(found, key=_BEGINS)


def _rest_of(shift: Shift, taken: Sequence[Shift]) -> list[Shift]:
    begins = [shift.begins, *(other.ends for other in taken)]
    ends = [*(other.begins for other in taken), shift.ends]
    return [
        Shift(begins=since, ends=until, member=shift.member)
        for since, until in zip(begins, ends, strict=True)
        if since < until
    ]


def merged(strip: Sequence[Shift]) -> list[Shift]:
    """The same, with one shift where two of one member touch."""
    joined: list[Shift] = []
    for shift in strip:
        if joined and joined[-1].member == shift.member and joined[-1].ends == shift.begins:
            shift = Shift(begins=joined.pop().begins, ends=shift.ends, member=shift.member)
        joined.append(shift)
    return joined
