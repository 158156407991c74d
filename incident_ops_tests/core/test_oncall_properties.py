"""What holds for every schedule, and that a clerk who watches the clock comes to the same."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.hours import Hours
from incident_ops.core.oncall import (
    Layer,
    OnCall,
    Override,
    Schedule,
    Swap,
    gaps,
    next_handoff,
    shifts,
    who_is_on_call,
)
from incident_ops_tests.core.naive_oncall import on_call_by_the_clock

TICK = timedelta(microseconds=1)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
CALENDAR: tuple[Literal["daily", "weekly"], ...] = ("daily", "weekly")
PEOPLE = ("erin", "otto", "nina", "lea")
# A few days before the clocks of each zone change, and a day on which nothing happens.
DAYS = {
    "UTC": [date(2026, 6, 10)],
    "Europe/Berlin": [date(2026, 3, 26), date(2026, 10, 22), date(2026, 6, 10)],
    "America/New_York": [date(2026, 3, 5), date(2026, 10, 29)],
    "Australia/Lord_Howe": [date(2026, 4, 2), date(2026, 10, 1)],
    "America/Havana": [date(2026, 3, 5), date(2026, 10, 29)],  # at midnight
    "Pacific/Apia": [date(2011, 12, 27)],
}
CLOCKS = st.builds(time, st.one_of(st.integers(0, 3), st.integers(0, 23)), st.sampled_from([0, 15, 30, 45]))


@st.composite
def _restrictions(draw: st.DrawFn, zone: ZoneInfo) -> Hours:
    begins, ends = draw(st.one_of(st.just((None, None)), st.tuples(CLOCKS, CLOCKS)))
    return Hours(zone=zone, days=draw(st.frozensets(st.integers(0, 6))), begins=begins, ends=ends)


@st.composite
def _layers(draw: st.DrawFn, zone: ZoneInfo, day: date) -> Layer:
    length = st.integers(1, 200).map(lambda quarters: quarters * QUARTER)
    rotation = draw(st.one_of(st.sampled_from(CALENDAR), length))
    return Layer(
        members=tuple(draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4))),
        rotation=rotation,
        handoff=draw(CLOCKS),
        handoff_day=draw(st.one_of(st.none(), st.integers(0, 6))) if rotation == "weekly" else None,
        start=day + DAY * draw(st.integers(0, 5)),
        restrict=draw(st.one_of(st.none(), _restrictions(zone))),
    )


@st.composite
def _spans(draw: st.DrawFn, day: date) -> tuple[datetime, datetime]:
    begins = datetime.combine(day, time(0), tzinfo=UTC) + QUARTER * draw(st.integers(-96, 14 * 96))
    return begins, begins + QUARTER * draw(st.integers(1, 3 * 96))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    name = draw(st.sampled_from(sorted(DAYS)))
    zone, day = ZoneInfo(name), draw(st.sampled_from(DAYS[name]))
    pairs = st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=2, unique=True)
    spans = st.lists(_spans(day), max_size=3)
    return Schedule(
        name="any",
        zone=zone,
        layers=tuple(draw(st.lists(_layers(zone, day), min_size=1, max_size=3))),
        overrides=tuple(
            Override(member=draw(st.sampled_from(PEOPLE)), begins=begins, ends=ends)
            for begins, ends in draw(spans)
        ),
        swaps=tuple(
            Swap(between=(one, other), begins=begins, ends=ends)
            for (begins, ends), (one, other) in [(span, draw(pairs)) for span in draw(spans)]
        ),
    )


def first_day(schedule: Schedule) -> datetime:
    return datetime.combine(min(layer.start for layer in schedule.layers), time(0), tzinfo=UTC)


@given(schedule=schedules())
def test_a_clerk_who_looks_at_the_clock_every_quarter_of_an_hour_says_the_same(schedule: Schedule) -> None:
    cached, begins = OnCall(schedule), first_day(schedule) - 2 * DAY
    ends = begins + 14 * DAY
    watched = list(on_call_by_the_clock(schedule, ends, QUARTER))
    assert [(at, cached.who(at)) for at, _ in watched] == [(at, (who,) if who else ()) for at, who in watched]
    changes = [at for (_, before), (at, after) in pairwise(watched) if before != after]
    found = {edge for shift in shifts(schedule, begins, ends) for edge in (shift.begins, shift.ends)}
    assert sorted(found - {begins, ends}) == changes


@pytest.mark.parametrize("start", [date(2026, 3, 27), date(2026, 10, 23)])
def test_a_clerk_who_looks_every_minute_says_the_same_over_the_changes_of_the_clocks(start: date) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begins = datetime.combine(start, time(6, 41), tzinfo=UTC)
    night = Hours(zone=berlin, begins=time(18, 3), ends=time(2, 37))
    schedule = Schedule(
        name="odd minutes",
        zone=berlin,
        layers=(
            Layer(members=PEOPLE[:3], rotation="weekly", handoff=time(9, 7), handoff_day=0, start=start),
            Layer(members=PEOPLE, rotation="daily", handoff=time(2, 23), start=start, restrict=night),
            Layer(
                members=PEOPLE[1:],
                rotation=timedelta(hours=7, minutes=11),
                handoff=time(2, 59),
                start=start + DAY,
                restrict=Hours(zone=berlin, days=frozenset({6}), begins=time(1, 1), ends=time(3, 1)),
            ),
        ),
        overrides=(Override(member="lea", begins=begins + 3 * DAY, ends=begins + 4 * DAY),),
        swaps=(Swap(between=("erin", "nina"), begins=begins, ends=begins + 5 * DAY),),
    )
    cached = OnCall(schedule)
    for at, who in on_call_by_the_clock(schedule, begins + 9 * DAY, timedelta(minutes=1)):
        assert cached.who(at) == ((who,) if who else ()), at


@given(schedule=schedules(), offset=st.integers(-200, 1_500), length=st.integers(0, 2_000), data=st.data())
def test_shifts_and_gaps_tile_a_period_and_say_who_is_on_call_to_the_microsecond(
    schedule: Schedule, offset: int, length: int, data: st.DataObject
) -> None:
    begins = first_day(schedule) + offset * QUARTER
    ends = begins + length * QUARTER
    tiles = [(shift.begins, shift.ends, (shift.member,)) for shift in shifts(schedule, begins, ends)]
    tiles = sorted([*tiles, *((since, until, ()) for since, until in gaps(schedule, begins, ends))])
    assert [since for since, _, _ in tiles] == ([begins] if length else []) + [until for _, until, _ in tiles[:-1]]
    assert not tiles or tiles[-1][1] == ends
    assert all(before[2] != after[2] for before, after in pairwise(tiles)), "two tiles that should be one"
    cached = OnCall(schedule)
    for since, until, who in tiles:
        middle = since + data.draw(st.integers(0, 999)) * (until - since) / 1_000
        for at in (since, since + TICK, middle, until - TICK):
            assert who_is_on_call(schedule, at) == cached.who(at) == who


@given(schedule=schedules(), at=st.integers(-300, 1_500))
def test_until_the_next_hand_off_nothing_changes_and_then_it_does(schedule: Schedule, at: int) -> None:
    now = first_day(schedule) + at * QUARTER
    then = next_handoff(schedule, now)
    who, until = who_is_on_call(schedule, now), then or now + 400 * DAY
    assert now < until
    assert [shift.member for shift in shifts(schedule, now, until)] == list(who)
    assert gaps(schedule, now, until) == (() if who else ((now, until),))
    assert then is None or who_is_on_call(schedule, then) != who


@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]).map(ZoneInfo),
    rotation=st.one_of(st.sampled_from(CALENDAR), st.integers(1, 90).map(lambda n: timedelta(hours=n))),
    count=st.integers(2, 4),
    rounds=st.integers(1, 12),
)
def test_every_member_has_equal_turns(
    zone: ZoneInfo, rotation: Literal["daily", "weekly"] | timedelta, count: int, rounds: int
) -> None:
    layer = Layer(members=PEOPLE[:count], rotation=rotation, handoff=time(9), start=date(2026, 3, 2))
    schedule = Schedule(name="fair", zone=zone, layers=(layer,))
    wall = datetime.combine(layer.start, layer.handoff)
    begins = wall.replace(tzinfo=zone).astimezone(UTC)
    length = count * rounds * layer.step
    ends = (wall + length).replace(tzinfo=zone).astimezone(UTC) if layer.is_by_the_calendar else begins + length
    found = shifts(schedule, begins, ends)
    turns = Counter(shift.member for shift in found)
    assert turns == dict.fromkeys(PEOPLE[:count], rounds)
    assert [shift.member for shift in found] == list(PEOPLE[:count]) * rounds


@given(schedule=schedules(), moments=st.lists(st.integers(-(10**7), 10**7), max_size=80))
def test_the_remembered_answers_do_not_depend_on_the_order_of_the_questions(
    schedule: Schedule, moments: list[int]
) -> None:
    asked = [first_day(schedule) + timedelta(minutes=minutes) for minutes in moments]
    cached = OnCall(schedule)
    assert [cached.who(at) for at in asked] == [who_is_on_call(schedule, at) for at in asked]
