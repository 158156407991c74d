"""What a person may write as a duration, and how durations are said back."""

from datetime import timedelta

import pytest

from incident_ops.core.durations import DurationSyntaxError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("4h", timedelta(hours=4)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1h30m", timedelta(minutes=90)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("90m", timedelta(minutes=90)),
        ("0m", timedelta(0)),
        ("0s", timedelta(0)),
    ],
)
def test_every_unit_and_compound_is_read(text: str, expected: timedelta) -> None:
    """A unit that is misread by a factor of 60 pages at the wrong hour."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "5M", "1.5h", "30m1h", "5m5m", "5min", "1y", "five", "٣m", "5m\n"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """A bare `5` could be seconds or minutes; guessing would be wrong half the time."""
    with pytest.raises(DurationSyntaxError, match="write it like 30s, 5m, 4h, 2d or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["99999999999999w", "9" * 5000 + "s"])
def test_a_duration_beyond_all_calendars_is_refused_and_not_a_crash(text: str) -> None:
    """The arithmetic overflows; the person gets a sentence, and not the 5,000 digits back."""
    with pytest.raises(DurationSyntaxError, match="too long for a duration") as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=900), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(minutes=1, seconds=30), "1 min 30 s"),
        (timedelta(hours=4, minutes=12, seconds=59), "4 h 12 min"),
        (timedelta(hours=4, seconds=59), "4 h"),
        (timedelta(days=2, hours=3), "2 d 3 h"),
        (timedelta(days=2, minutes=5), "2 d"),
        (timedelta(weeks=3), "21 d"),
        (timedelta(minutes=-90), "-1 h 30 min"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(duration: timedelta, expected: str) -> None:
    """A message that says "15171 s" makes the reader do the sum at three in the morning."""
    assert format_duration(duration) == expected
