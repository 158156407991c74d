"""When the next build is due, learnt from those before."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.anomaly.arrivals import ArrivalsError, Due, due

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 1, 5)
EVERY_DAY = range(7)
WORKING_DAYS = range(5)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def builds(
    *hours: float,
    days: int,
    on: Sequence[int] = EVERY_DAY,
    zone: tzinfo = UTC,
    jitter: float = 10,
    start: date = MONDAY,
) -> list[datetime]:
    """At those hours on those weekdays, each up to `jitter` minutes later."""
    random = Random(7)
    dates = [start + timedelta(days=n) for n in range(days)]
    return [
        datetime.combine(day, time(), zone).astimezone(UTC) + hour * HOUR + random.random() * jitter * MINUTE
        if zone is UTC
        else datetime.combine(day, time(int(hour)), zone).astimezone(UTC) + random.random() * jitter * MINUTE
        for day in dates
        if day.weekday() in on
        for hour in hours
    ]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_after(times: Sequence[datetime], **options: Any) -> Due:
    """As asked when the newest build has just come."""
    return due(times, at=max(times), **options)


def deadline(times: Sequence[datetime], **options: Any) -> datetime:
    found = next_after(times, **options).deadline
    assert found is not None
    return found


def monthly(n: int) -> list[datetime]:
    return [datetime(2025 + month // 12, month % 12 + 1, 1, 6, 10, tzinfo=UTC) for month in range(n)]


CADENCES: dict[str, tuple[list[datetime], str, str]] = {
    "daily": (builds(6, days=30), "2026-02-04T07:00", "2026-02-04T07:25"),
    "daily around midnight": (builds(23.9, days=30, jitter=20), "2026-02-05T00:50", "2026-02-05T01:35"),
    "on working days": (builds(6, days=33, on=WORKING_DAYS), "2026-02-09T07:00", "2026-02-09T07:25"),
    "three days a week": (builds(6, days=50, on=(0, 2, 4)), "2026-02-25T08:00", "2026-02-25T08:30"),
    "weekly": (builds(6, days=70, on=(2,)), "2026-03-18T09:00", "2026-03-18T09:30"),
    "three times a day": (builds(6, 12, 18, days=20), "2026-01-25T06:20", "2026-01-25T06:45"),
    "hourly": (builds(*range(24), days=10, jitter=4), "2026-01-15T00:10", "2026-01-15T00:20"),
    "hourly in office hours": (
        builds(*range(9, 18), days=19, on=WORKING_DAYS, jitter=4), "2026-01-26T09:10", "2026-01-26T09:20",
    ),
    "every five minutes": (
        builds(*(n / 12 for n in range(288)), days=9, jitter=1), "2026-01-14T00:10", "2026-01-14T00:20",
    ),
    "every other day": (builds(6, days=40)[::2], "2026-02-14T07:45", "2026-02-14T08:45"),
    "on the first of the month": (monthly(16), "2026-05-01T09:00", "2026-05-06T00:00"),
}  # fmt: skip


@pytest.mark.parametrize("name", CADENCES)
def test_every_cadence_has_its_deadline(name: str) -> None:
    """Too early would be a false alert, too late a miss that nobody hears of in time."""
    times, earliest, latest = CADENCES[name]
    assert utc(earliest) <= deadline(times) <= utc(latest)


def test_it_says_what_is_usual_and_by_when_it_is_due() -> None:
    times = builds(6, days=30)
    assert next_after(times).reason == (
        "last built Tue 06:05, usually every day at 06:00–06:08, due by Wed 07:08 UTC"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("on working days", "usually on working days at 06:0"),
        ("weekly", "usually on Wednesdays at 06:0"),
        ("three days a week", "usually on Mondays, Wednesdays and Fridays at"),
        ("three times a day", "usually 3 times a day, next at 06:0"),
        ("every other day", "usually every 1 d 23 h to 2 d"),
    ],
)
def test_each_cadence_is_said_in_its_own_words(name: str, says: str) -> None:
    assert says in next_after(CADENCES[name][0]).reason


def test_it_is_late_from_the_deadline_on_and_says_by_how_much() -> None:
    times = builds(6, days=30)
    by = deadline(times)
    before, at, after = (due(times, at=by + n * HOUR) for n in (-0.001, 0, 2.5))
    assert [before.late, at.late, after.late] == [False, True, True]
    assert at.score == pytest.approx(0.5)
    assert after.reason.endswith("UTC, 2 h 30 min late")
    assert before.score < at.score < after.score < 1


def test_a_missed_day_stays_missed_until_the_next_build() -> None:
    times = builds(6, days=30)
    assert due(times, at=times[-1] + timedelta(days=4)).deadline == deadline(times)


# ---- what must not move the deadline


def test_a_backfill_is_one_arrival() -> None:
    times = builds(6, days=30)
    backfill = [times[-3] + 5 * HOUR + n * MINUTE for n in range(300)]
    assert abs(deadline([*times, *backfill]) - deadline(times)) < 10 * MINUTE


def test_a_build_by_hand_in_the_afternoon_does_not_stand_for_tomorrows() -> None:
    times = builds(6, days=30)
    assert deadline([*times, times[-1] + 9 * HOUR]) == deadline(times)


def test_a_schedule_moved_forward_is_no_miss() -> None:
    """Built at 03:00 instead of 06:00: that is today's, and nobody wants to hear of 06:00."""
    times = builds(6, days=30)
    early = times[-1] + 21 * HOUR
    assert deadline([*times, early]) > early + 20 * HOUR


def test_a_few_days_without_a_build_do_not_make_it_patient() -> None:
    times = builds(6, days=60)
    holes = [each for n, each in enumerate(times) if n not in (20, 33, 34, 50)]
    assert abs(deadline(holes) - deadline(times)) < 15 * MINUTE


def test_one_very_late_build_does_not_either() -> None:
    times = builds(6, days=60)
    late = [*times[:40], times[40] + 11 * HOUR, *times[41:]]
    assert abs(deadline(late) - deadline(times)) < 5 * MINUTE


def test_the_hour_is_followed_when_it_moves_slowly() -> None:
    for step in (8, -8):
        times = [each + n * step * MINUTE for n, each in enumerate(builds(12, days=45))]
        late = [n for n in range(15, 45) if due(times[:n], at=times[n]).late]
        assert late == []
        assert deadline(times) - times[-1] < 26.5 * HOUR


# ---- clocks and calendars


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)], ids=["spring", "autumn"])
@pytest.mark.parametrize("runs_in", [BERLIN, UTC], ids=["by the local clock", "by UTC"])
def test_a_change_of_the_clocks_makes_nothing_late(change: date, runs_in: tzinfo) -> None:
    """Whichever clock the schedule keeps to, and although nothing told the two apart before."""
    times = builds(6, 12, 18, days=45, zone=runs_in, jitter=2, start=change - timedelta(days=25))
    late = [times[n] for n in range(60, 135) if due(times[:n], at=times[n], timezone=BERLIN).late]
    assert late == []


def test_after_a_change_of_the_clocks_the_steadier_one_is_known() -> None:
    """The next change finds it prepared: it does not wait for an hour more, as it would by the wrong clock."""
    autumn_to_spring = builds(6, days=270, zone=BERLIN, jitter=2, start=date(2025, 7, 2))
    assert autumn_to_spring[-1].date() == date(2026, 3, 28)
    assert deadline(autumn_to_spring, timezone=BERLIN) < utc("2026-03-29T05:10")


def test_hours_that_the_clock_repeats_confuse_nobody() -> None:
    times = builds(*range(24), days=20, jitter=4, start=date(2026, 10, 15))
    late = [times[n] for n in range(200, 400) if due(times[:n], at=times[n], timezone=BERLIN).late]
    assert late == []


def test_each_weekday_has_its_own_hour() -> None:
    on_sundays_later = sorted([*builds(6, days=140, on=range(6)), *builds(9, days=140, on=(6,))])
    sunday, monday = on_sundays_later[-1], on_sundays_later[-2] + 2 * DAY
    assert sunday.weekday() == 6
    assert not due(on_sundays_later[:-1], at=sunday).late
    assert deadline(on_sundays_later) - monday < 90 * MINUTE


def test_hours_that_vary_too_much_are_no_clock() -> None:
    """Once an hour, at any minute: the gaps say more than the hour does."""
    times = builds(*range(24), days=12, jitter=60)
    late = [n for n in range(200, 280) if due(times[:n], at=times[n]).late]
    assert late == []
    assert "usually every " in next_after(times).reason


def test_the_reason_is_told_in_the_zone_asked_for() -> None:
    times = builds(6, days=30)
    assert "last built Tue 07:05" in next_after(times, timezone=BERLIN).reason
    assert "Europe/Berlin" in next_after(times, timezone=BERLIN).reason


def test_nothing_is_expected_on_a_holiday() -> None:
    times = builds(6, days=30)
    tomorrow = date(2026, 2, 4)
    assert deadline(times, holidays=[tomorrow]) - deadline(times) == pytest.approx(24 * HOUR, abs=10 * MINUTE)


def test_the_night_and_the_weekend_are_no_delay_where_no_clock_is_kept() -> None:
    """Files that come whenever somebody sends them, in office hours."""
    random, at, times = Random(3), datetime(2026, 1, 5, 8, tzinfo=UTC), list[datetime]()
    while len(times) < 400:
        at += random.expovariate(1 / 40) * MINUTE
        if 8 <= at.hour < 18 and at.weekday() < 5:
            times.append(at)
    late = [times[n] for n in range(100, 399) if due(times[:n], at=times[n]).late]
    assert len(late) <= 6
    assert deadline(times) - times[-1] < timedelta(days=3)


# ---- little is known


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (builds(6, days=3), "learning, 3 of 7 builds, last built"),
        (builds(6, 18, days=3), "learning, 3 of 7 days with builds, last built"),
        (builds(*(n / 12 for n in range(288)), days=6, jitter=1), "learning, 6 of 7 days with builds"),
        ([], "never built"),
    ],
)
def test_it_says_that_it_is_learning(times: list[datetime], says: str) -> None:
    found = due(times, at=utc("2026-06-01T00:00"))
    assert found.reason.startswith(says)
    assert (found.learning, found.late, found.deadline, found.score) == (True, False, None, 0.0)


def test_the_first_weekend_of_an_asset_built_on_working_days_is_no_miss() -> None:
    times = builds(6, days=12, on=WORKING_DAYS)
    asked = [times[0] + n * HOUR for n in range(1, 24 * 12)]
    assert [at for at in asked if at < times[-1] and due([t for t in times if t <= at], at=at).late] == []


def test_a_build_in_the_future_counts_as_now() -> None:
    """A clock that goes ahead must neither hide a miss for ever nor make one."""
    times = builds(6, days=30)
    at = times[-1] + MINUTE
    found = due([*times, at + timedelta(days=400)], at=at)
    assert found.last == at
    assert found.deadline == deadline(times)


# ---- settings


def test_sensitivity_and_feedback_scale_the_margin() -> None:
    times = builds(6, days=30)
    usual = next_after(times)
    assert usual.expected is not None and usual.deadline is not None
    margin = usual.deadline - usual.expected
    assert deadline(times, sensitivity=2) - usual.expected == pytest.approx(margin / 2, abs=timedelta(seconds=1))
    assert deadline(times, widen=3) - usual.expected == pytest.approx(3 * margin, abs=timedelta(seconds=1))


def test_what_was_called_late_wrongly_would_have_been_in_time() -> None:
    """A false positive widens by 1.1 times the distance: see `feedback`."""
    times = builds(6, days=30)
    wrong = due(times, at=times[-1] + 27 * HOUR)
    beyond = wrong.score / (1 - wrong.score)
    assert wrong.late
    assert not due(times, at=wrong.at, widen=1.1 * beyond).late


@pytest.mark.parametrize(
    ("times", "options", "says"),
    [
        ([datetime(2026, 1, 1)], {}, "no time zone"),  # noqa: DTZ001 - that is what is refused
        ([], {"sensitivity": 0.0}, "must be positive"),
        ([], {"widen": -1.0}, "must be positive"),
    ],
)
def test_what_cannot_be_used_is_refused(times: list[datetime], options: dict[str, Any], says: str) -> None:
    with pytest.raises(ArrivalsError, match=says):
        due(times, at=utc("2026-06-01T00:00"), **options)


any_times = st.lists(
    st.datetimes(
        min_value=datetime(2025, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
        max_value=datetime(2026, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    max_size=60,
)


@given(any_times, st.randoms(use_true_random=False), st.sampled_from([UTC, BERLIN]))
def test_any_history_has_one_answer_whatever_its_order(
    times: list[datetime], random: Random, zone: tzinfo
) -> None:
    at = utc("2026-01-02T00:00")
    shuffled = random.sample(times, len(times))
    found = due(times, at=at, timezone=zone)
    assert due([*shuffled, *shuffled], at=at, timezone=zone) == found
    assert found.learning == (found.deadline is None)
    assert found.deadline is None or (found.last is not None and found.deadline > found.last)
