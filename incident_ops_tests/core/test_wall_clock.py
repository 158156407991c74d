"""When the clocks of a zone show a time, and where they change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.wall_clock import even_stretches, first_shown


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        ("Europe/Berlin", "2026-01-05T09:00", "2026-01-05T08:00Z"),
        ("Europe/Berlin", "2026-07-05T09:00", "2026-07-05T07:00Z"),
        # put forward from 02:00 to 03:00
        ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59Z"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T03:30", "2026-03-29T01:30Z"),
        # put back from 03:00 to 02:00
        ("Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59Z"),
        ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00Z"),
        ("Europe/Berlin", "2026-10-25T02:59", "2026-10-25T00:59Z"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00Z"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00Z"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30Z"),  # half an hour forward
        ("Africa/Cairo", "2024-04-26T00:00", "2024-04-25T22:00Z"),  # a day without its midnight
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00Z"),  # a day that was left out altogether
        ("Asia/Kathmandu", "2026-01-05T09:00", "2026-01-05T03:15Z"),
        ("UTC", "2026-03-29T02:30", "2026-03-29T02:30Z"),
    ],
)
def test_a_wall_time_is_the_first_moment_at_which_clocks_show_it_or_later(
    zone: str, wall: str, moment: str
) -> None:
    assert first_shown(datetime.fromisoformat(wall), ZoneInfo(zone)) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("zone", "begins", "ends", "pieces"),
    [
        ("UTC", "2026-01-01T00:00Z", "2027-01-01T00:00Z", [("2026-01-01T00:00Z", 0)]),
        (
            "Europe/Berlin",
            "2026-01-01T00:00Z",
            "2027-01-01T00:00Z",
            [("2026-01-01T00:00Z", 60), ("2026-03-29T01:00Z", 120), ("2026-10-25T01:00Z", 60)],
        ),
        ("Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T01:01Z", [("2026-03-29T01:00Z", 120)]),
        ("Europe/Berlin", "2026-03-28T17:20Z", "2026-03-29T01:00Z", [("2026-03-28T17:20Z", 60)]),
        (
            "Europe/Berlin",
            "2026-03-29T00:59:59.999999Z",
            "2026-03-29T01:00:00.000001Z",
            [("2026-03-29T00:59:59.999999Z", 60), ("2026-03-29T01:00Z", 120)],
        ),
        (
            "Africa/Casablanca",  # Ramadan
            "2022-03-01T00:00Z",
            "2022-06-01T00:00Z",
            [("2022-03-01T00:00Z", 60), ("2022-03-27T02:00Z", 0), ("2022-05-08T02:00Z", 60)],
        ),
        ("Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29T01:00Z", []),
        ("Europe/Berlin", "2026-03-30T01:00Z", "2026-03-29T00:00Z", []),
    ],
)
def test_a_period_is_cut_to_the_microsecond_where_the_clocks_change(
    zone: str, begins: str, ends: str, pieces: list[tuple[str, int]]
) -> None:
    first, last = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
    found = list(even_stretches(ZoneInfo(zone), first, last))
    assert [(since, offset) for since, _, offset in found] == [
        (datetime.fromisoformat(since), timedelta(minutes=offset)) for since, offset in pieces
    ]
    assert [until for _, until, _ in found] == [since for since, _, _ in found[1:]] + ([last] if found else [])
    assert all(since.tzinfo is UTC for since, _, _ in found)
