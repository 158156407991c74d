"""Working hours, nights and weekends, on both sides of the changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.hours import Hours
from incident_ops_tests.core.naive_oncall import is_open

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TICK = timedelta(microseconds=1)


def hours(text: str, zone: str = "Europe/Berlin") -> Hours:
    """`mon fri 09:00-18:00`, days or clocks alone, or nothing for always."""
    words = text.split()
    clocks = [word for word in words if ":" in word]
    begins, ends = (time.fromisoformat(clock) for clock in clocks[0].split("-")) if clocks else (None, None)
    days = frozenset(DAYS.index(word) for word in words if word in DAYS)
    return Hours(zone=ZoneInfo(zone), days=days, begins=begins, ends=ends)


def local(text: str, zone: str = "Europe/Berlin") -> datetime:
    """`2026-10-25 02:30`, and with `again` behind it the second time that the clocks show it."""
    wall = datetime.fromisoformat(text.removesuffix(" again"))
    return wall.replace(tzinfo=ZoneInfo(zone), fold=int(text.endswith("again"))).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "at", "is_within"),
    [
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 08:59:59.999999", False),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 09:00", True),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 17:59:59.999999", True),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 18:00", False),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-10 12:00", False),
        ("mon tue wed thu fri 09:00-18:00", "2026-07-06 09:00", True),
        # over midnight they belong to the day on which they begin
        ("20:00-08:00", "2026-01-05 19:59", False),
        ("20:00-08:00", "2026-01-05 20:00", True),
        ("20:00-08:00", "2026-01-05 07:59", True),
        ("20:00-08:00", "2026-01-05 08:00", False),
        ("fri 20:00-08:00", "2026-01-09 07:00", False),
        ("fri 20:00-08:00", "2026-01-09 21:00", True),
        ("fri 20:00-08:00", "2026-01-10 07:59", True),
        ("fri 20:00-08:00", "2026-01-10 21:00", False),
        ("sun 20:00-08:00", "2026-01-05 07:00", True),
        # until the midnight at the end of the day
        ("sat 18:00-00:00", "2026-01-10 23:59:59.999999", True),
        ("sat 18:00-00:00", "2026-01-11 00:00", False),
        ("sat 00:00-00:00", "2026-01-10 00:00", True),
        ("sat 00:00-00:00", "2026-01-11 00:00", False),
        ("mon 09:00-09:00", "2026-01-06 08:59", True),
        ("mon 09:00-09:00", "2026-01-06 09:00", False),
        # whole days, and always
        ("sat sun", "2026-01-09 23:59:59.999999", False),
        ("sat sun", "2026-01-10 00:00", True),
        ("sat sun", "2026-01-11 23:59:59.999999", True),
        ("sat sun", "2026-01-12 00:00", False),
        ("", "2026-01-12 00:00", True),
        # what exists twice counts twice
        ("22:00-02:30", "2026-10-25 02:29", True),
        ("22:00-02:30", "2026-10-25 02:30", False),
        ("22:00-02:30", "2026-10-25 02:29 again", True),
        ("22:00-02:30", "2026-10-25 02:30 again", False),
    ],
)
def test_the_clock_on_the_wall_decides(text: str, at: str, is_within: bool) -> None:
    assert hours(text).contains(local(at)) is is_within


@pytest.mark.parametrize(
    ("text", "at", "begin"),
    [
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 10:30", "2026-01-05 10:30"),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 03:00", "2026-01-05 09:00"),
        ("mon tue wed thu fri 09:00-18:00", "2026-01-09 18:00", "2026-01-12 09:00"),
        ("mon tue wed thu fri 09:00-18:00", "2026-03-27 18:00", "2026-03-30 09:00"),
        ("mon tue wed thu fri 09:00-18:00", "2026-10-23 18:00", "2026-10-26 09:00"),
        ("fri 20:00-08:00", "2026-01-10 08:00", "2026-01-16 20:00"),
        ("fri 20:00-08:00", "2026-01-10 03:00", "2026-01-10 03:00"),
        ("sat sun", "2026-01-05 12:00", "2026-01-10 00:00"),
        ("", "2026-01-05 12:00", "2026-01-05 12:00"),
        ("sun 02:30-06:00", "2026-03-28 12:00", "2026-03-29 03:00"),  # 02:30 does not exist
        ("sun 02:15-02:45", "2026-03-28 12:00", "2026-04-05 02:15"),  # nothing of it exists
        ("sun 02:15-02:45", "2026-03-22 02:45", "2026-04-05 02:15"),
        ("sun 02:30-06:00", "2026-10-25 02:00 again", "2026-10-25 02:30 again"),
    ],
)
def test_hours_begin_next_at(text: str, at: str, begin: str) -> None:
    assert hours(text).next_begin(local(at)) == local(begin)


@pytest.mark.parametrize(
    ("text", "at", "end"),
    [
        ("mon tue wed thu fri 09:00-18:00", "2026-01-05 10:30", "2026-01-05 18:00"),
        ("20:00-08:00", "2026-01-05 21:00", "2026-01-06 08:00"),
        ("20:00-08:00", "2026-03-28 21:00", "2026-03-29 08:00"),
        ("20:00-08:00", "2026-10-24 21:00", "2026-10-25 08:00"),
        ("sat sun", "2026-01-10 00:00", "2026-01-12 00:00"),
        ("sun mon", "2026-01-04 12:00", "2026-01-06 00:00"),
        ("mon tue wed thu fri sat", "2026-01-05 00:00", "2026-01-11 00:00"),
        ("sat sun 00:00-00:00", "2026-03-28 12:00", "2026-03-30 00:00"),
        ("mon tue 18:00-18:00", "2026-01-05 18:00", "2026-01-07 18:00"),
        ("18:00-03:00", "2026-03-28 20:00", "2026-03-29 03:00"),
        ("22:00-02:30", "2026-10-24 23:00", "2026-10-25 02:30"),
        ("22:00-02:30", "2026-10-25 02:00 again", "2026-10-25 02:30 again"),
        ("03:00-02:00", "2026-03-28 12:00", "2026-03-30 02:00"),  # the hour in between does not exist
    ],
)
def test_adjacent_hours_are_one_stretch_that_ends_at(text: str, at: str, end: str) -> None:
    assert hours(text).end_of(local(at)) == local(end)


@pytest.mark.parametrize("text", ["", "mon tue wed thu fri sat sun", "00:00-00:00", "09:00-09:00"])
def test_hours_that_never_end_have_no_end(text: str) -> None:
    assert hours(text).end_of(local("2026-01-05 12:00")) is None


def test_outside_the_hours_there_is_nothing_to_end() -> None:
    assert hours("sat sun").end_of(local("2026-01-05 12:00")) is None


def test_a_week_without_its_friday_puts_the_hours_off_by_a_week() -> None:
    friday = hours("fri 09:00-10:00", "Pacific/Apia")  # 30 December 2011 was left out
    assert friday.next_begin(local("2011-12-23 10:00", "Pacific/Apia")) == local(
        "2012-01-06 09:00", "Pacific/Apia"
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"begins": time(9)}, "both a begin and an end"),
        ({"ends": time(9)}, "both a begin and an end"),
        ({"days": frozenset({7})}, r"0 \(Monday\) to 6, not \[7\]"),
    ],
)
def test_half_hours_and_an_eighth_day_are_refused(values: dict[str, time], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Hours(zone=BERLIN, **values)  # pyright: ignore[reportArgumentType]


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns")
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
ANY_HOURS = st.builds(
    lambda zone, days, clocks: Hours(zone=zone, days=days, begins=clocks[0], ends=clocks[1]),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.frozensets(st.integers(0, 6)),
    st.one_of(st.just((None, None)), st.tuples(CLOCKS, CLOCKS)),
)
MOMENTS = st.one_of(
    st.integers(0, 730 * 86_400).map(
        lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    st.builds(  # the nights on which the clocks of those zones change
        lambda day, minutes: day + timedelta(minutes=minutes),
        st.sampled_from(
            [
                datetime(2026, 3, 29, tzinfo=UTC),
                datetime(2026, 10, 25, tzinfo=UTC),
                datetime(2026, 3, 8, tzinfo=UTC),
                datetime(2026, 11, 1, tzinfo=UTC),
                datetime(2026, 4, 4, tzinfo=UTC),
                datetime(2026, 10, 3, tzinfo=UTC),
                datetime(2026, 4, 23, tzinfo=UTC),
                datetime(2026, 10, 29, tzinfo=UTC),
            ]
        ),
        st.integers(-1440, 2880),
    ),
)


@given(hours=ANY_HOURS, at=MOMENTS)
def test_a_moment_is_within_exactly_when_one_of_two_days_hours_hold_it(hours: Hours, at: datetime) -> None:
    assert hours.contains(at) is is_open(hours, at)


@given(hours=ANY_HOURS, at=MOMENTS)
def test_nothing_is_open_before_the_next_begin_and_nothing_closes_before_the_end(
    hours: Hours, at: datetime
) -> None:
    begin = hours.next_begin(at)
    end = hours.end_of(begin)
    quarters = [at + n * timedelta(minutes=15) for n in range(17 * 96)]
    assert hours.contains(begin)
    assert begin == at or not hours.contains(begin - TICK)
    assert not any(hours.contains(moment) for moment in quarters if moment < begin)
    assert all(hours.contains(moment) for moment in quarters if begin <= moment and (end is None or moment < end))
    assert end is None or (hours.contains(end - TICK) and not hours.contains(end))


@given(hours=ANY_HOURS, begins=MOMENTS, length=st.integers(-1, 20 * 96))
def test_the_stretches_of_a_period_hold_what_is_within_and_no_two_touch(
    hours: Hours, begins: datetime, length: int
) -> None:
    ends = begins + length * timedelta(minutes=15)
    found = hours.stretches(begins, ends)
    edges = [edge for stretch in found for edge in stretch]
    assert edges == sorted(set(edges))
    assert all(begins <= edge <= ends for edge in edges)
    around = {moment for edge in [begins, *edges] for moment in (edge - TICK, edge, edge + TICK)}
    for at in (moment for moment in around if begins <= moment < ends):
        assert hours.contains(at) is any(since <= at < until for since, until in found)
