"""What is said of values of a daily table: the words, the bounds, and no exception whatever comes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil, floor, inf, isfinite, nan
from random import Random
from typing import Any, cast

import pytest

from incident_ops.core.anomaly import Series, judge

MONDAY = datetime(2025, 3, 3, 6, tzinfo=UTC)
WEEK = (1000, 1020, 990, 1010, 1000, 300, 250)
DAY = timedelta(days=1)


def daily(days: int, value_of: Callable[[int], float], *, start: datetime = MONDAY) -> Series:
    return [(start + day * DAY, value_of(day)) for day in range(days)]


def weekly(days: int, *, noise: float = 0.03, seed: int = 1, level: float = 1.0) -> Series:
    random = Random(seed)
    return daily(days, lambda day: round(level * WEEK[day % 7] * random.lognormvariate(0, noise)))


def after(history: Series) -> datetime:
    return max(at for at, _ in history) + DAY


def test_the_reason_says_what_came_and_what_is_usual_on_such_a_day():
    """A person who is woken wants to see at once that it is not a matter of taste."""
    history = weekly(70)
    found = judge(history, 3, at=after(history), unit="rows")
    assert found.anomalous
    assert found.reason == "3 rows, usually 825–1,242 on Mondays"
    assert (round(found.low), round(found.high)) == (825, 1243)  # the sentence names whole rows inside the bounds
    assert judge(history, 1001, at=after(history)).reason == "1,001, usually 825–1,242 on Mondays"


@pytest.mark.parametrize(
    ("day", "value", "anomalous"),
    [
        (70, 1000, False),
        (70, 300, True),  # Monday
        (75, 300, False),  # Saturday
        (75, 1000, True),
    ],
)
def test_a_weekend_is_compared_with_weekends(day: int, value: float, anomalous: bool):
    history = weekly(day)
    assert judge(history, value, at=after(history)).anomalous is anomalous


@pytest.mark.parametrize("count", range(8))
def test_few_points_are_learnt_from_and_not_guessed_with(count: int):
    """An alert from three points is a guess; the next one would not be believed."""
    found = judge(weekly(count), 0, at=MONDAY + count * DAY)
    assert found.learning and not found.anomalous
    assert found.reason == f"learning, {count} of 8"
    assert (found.score, found.low, found.high) == (0.0, -inf, inf)


@pytest.mark.parametrize("gap", [timedelta(seconds=2), timedelta(minutes=5), timedelta(hours=1)])
@pytest.mark.parametrize("builds", [8, 30])
def test_builds_by_hand_soon_after_one_another_tell_enough(gap: timedelta, builds: int):
    """Two days of habit are not there yet, and a table of 30 rows instead of 1,000 is wrong all the same."""
    history = [(MONDAY + number * gap, 1000 + number % 7) for number in range(builds)]
    now = MONDAY + builds * gap
    assert [judge(history, rows, at=now).anomalous for rows in (0, 30, 1000, 4000)] == [True, True, False, True]


@pytest.mark.parametrize("days", [8, 12, 20, 28, 70, 400])
def test_an_empty_table_is_told_of_from_the_eighth_day_on(days: int):
    history = weekly(days)
    found = judge(history, 0, at=after(history))
    assert found.anomalous and found.low > 0


@pytest.mark.parametrize("widen", [1.0, 50.0])
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.2])
def test_an_empty_table_is_told_of_however_wide_the_bounds(noise: float, widen: float):
    """The worst fault there is must not pass for noise."""
    history = weekly(120, noise=noise)
    found = judge(history, 0, at=after(history), widen=widen)
    assert found.anomalous and found.score > 0.5 and found.low > 0


def test_an_empty_table_is_as_usual_where_it_is_empty_every_such_day():
    history = daily(70, lambda day: 0 if day % 7 == 6 else 500 + day % 5)
    assert not judge(history[:-1], 0, at=history[-1][0]).anomalous
    assert judge(history, 0, at=after(history)).anomalous


def test_growth_is_followed():
    """Two per cent a day would leave any fixed bound within two weeks."""
    history = daily(150, lambda day: round(1000 * 1.02**day))
    expected = 1000 * 1.02**150
    found = judge(history, expected, at=after(history))
    assert not found.anomalous
    assert judge(history, expected * 0.8, at=after(history)).anomalous
    assert judge(history, expected * 1.25, at=after(history)).anomalous


def test_a_lasting_change_of_level_is_told_of_for_some_days_and_then_learnt():
    history, told = list(weekly(100)), list[int]()
    for day in range(100, 130):
        value = 0.5 * WEEK[day % 7]
        if judge(history, value, at=MONDAY + day * DAY).anomalous:
            told.append(day - 100)
        history.append((MONDAY + day * DAY, value))
    assert told[:3] == [0, 1, 2]
    assert len(told) <= 5 and told[-1] <= 7


def test_an_accepted_level_is_the_level_at_once():
    """Told that it is right, we must not ask about it a second time."""
    history = [*weekly(100), *((MONDAY + day * DAY, 0.5 * WEEK[day % 7]) for day in (100, 101))]
    at, accepted = MONDAY + 102 * DAY, MONDAY + 100 * DAY
    usual = 0.5 * WEEK[102 % 7]
    assert judge(history, usual, at=at).anomalous
    assert not judge(history, usual, at=at, accepted_from=accepted).anomalous
    assert judge(history, 2 * usual, at=at, accepted_from=accepted).anomalous
    saturday = MONDAY + 103 * DAY
    assert not judge(history, 0.5 * WEEK[5], at=saturday, accepted_from=accepted).anomalous
    assert judge(history, 0.5 * WEEK[4], at=saturday, accepted_from=accepted).anomalous
    assert judge(history[:100], usual, at=accepted, accepted_from=accepted).reason == (
        "learning the accepted level, 0 of 1"
    )


def test_an_acceptance_of_long_ago_changes_nothing():
    history = weekly(200)
    for value in (0, 500, 1000):
        plain = judge(history, value, at=after(history))
        assert judge(history, value, at=after(history), accepted_from=MONDAY - DAY) == plain


def test_a_holiday_may_be_like_a_sunday_or_like_its_weekday():
    history = weekly(119)
    at = after(history)
    assert at.weekday() == 0
    for value in (250, 600, 1000):
        assert not judge(history, value, at=at, holidays=[at.date()]).anomalous
    assert judge(history, 250, at=at).anomalous
    assert judge(history, 0, at=at, holidays=[at.date()]).anomalous
    assert judge(history, 250, at=at, holidays=[date(2020, 1, 1)]).anomalous


def test_a_month_s_end_may_be_like_the_earlier_ones():
    """Booking runs at the end of the month: ten times the rows, every month."""

    def value_of(day: int) -> float:
        when = MONDAY + day * DAY
        return (10_000 if (when + DAY).day == 1 else 1000) + day % 13

    days = (datetime(2025, 9, 30, 6, tzinfo=UTC) - MONDAY).days
    history = daily(days, value_of)
    assert not judge(history, 10_000, at=after(history)).anomalous
    assert not judge(history, 1000, at=after(history)).anomalous
    assert judge(history, 40_000, at=after(history)).anomalous
    assert judge(history[:-1], 10_000, at=after(history[:-1])).anomalous  # the day before


def test_bounds_follow_sensitivity_and_feedback():
    history = weekly(120, noise=0.1)
    at = after(history)
    plain, keen = judge(history, 1000, at=at), judge(history, 1000, at=at, sensitivity=2)
    taught = judge(history, 1000, at=at, widen=2)
    assert plain.low < keen.low < keen.high < plain.high
    assert taught.low < plain.low < plain.high < taught.high
    assert judge(history, 1000, at=at, sensitivity=2, widen=2) == plain


@pytest.mark.parametrize(
    ("name", "history", "value", "anomalous"),
    [
        ("constant", daily(60, lambda _: 149), 149, False),
        ("constant, and a step of a sixth", daily(60, lambda _: 128), 149, True),
        ("constant, and one row more", daily(60, lambda _: 128), 129, False),
        ("always one row, and none", daily(60, lambda _: 1), 0, True),
        ("always empty", daily(60, lambda _: 0), 0, False),
        ("always empty, and many rows", daily(60, lambda _: 0), 1000, True),
        ("a rate that was always 0, and a burst", daily(60, lambda _: 0.0), 0.3, True),
        ("a rate, and a burst", daily(60, lambda day: 0.02 + 0.001 * (day % 4)), 0.3, True),
        ("a rate as ever", daily(60, lambda day: 0.02 + 0.001 * (day % 4)), 0.021, False),
        ("balances below and above zero", daily(60, lambda day: (-1) ** day * 10.0), 9.0, False),
        ("balances, and one far out", daily(60, lambda day: (-1) ** day * 10.0), 300.0, True),
        ("counts, and less than nothing", weekly(60), -5, True),
        ("NaN in between", daily(60, lambda day: nan if day % 5 == 0 else 100), 100, False),
        ("infinities in between", daily(60, lambda day: inf if day % 5 == 0 else 100), 0, True),
        ("huge", daily(60, lambda _: 1e300), 1e300, False),
        ("minute", daily(60, lambda _: 1e-300), 1e-300, False),
        ("NaN now", weekly(60), nan, True),
        ("infinity now", weekly(60), inf, True),
        ("NaN now, of nothing", [], nan, True),
    ],
)
def test_every_series_gets_an_answer(name: str, history: Series, value: float, anomalous: bool):
    found = judge(history, value, at=MONDAY + 60 * DAY)
    assert found.anomalous is anomalous, (name, found)
    assert 0 <= found.score < 1 and found.anomalous == (found.score >= 0.5)
    assert found.low <= found.high


@pytest.mark.parametrize("unit", ["", "rows"])
def test_a_value_that_is_not_finite_says_so(unit: str):
    assert judge(weekly(60), nan, at=MONDAY + 60 * DAY, unit=unit).reason.startswith("not a number")
    assert judge(weekly(60), -inf, at=MONDAY + 60 * DAY, unit=unit).reason.startswith("infinite")


def test_order_doubles_and_the_future_make_no_difference():
    """Clocks that are off, loads that were repeated, and a history read too far."""
    history = weekly(120)
    at, expected = after(history), judge(history, 700, at=after(history))
    shuffled = list(history)
    Random(3).shuffle(shuffled)
    doubled = [point for when, value in history for point in ((when, 1e6), (when, value))]
    further = [*history, (at, 5.0), (at + DAY, 5.0)]
    for other in (shuffled, doubled, further):
        assert judge(other, 700, at=at) == expected


def test_loads_around_midnight_keep_their_weekday():
    """23:55 and 00:05 are the same load; a Saturday's must not be compared with Fridays."""
    random = Random(2)
    start = datetime(2025, 3, 3, tzinfo=UTC)
    history = [
        (start + day * DAY + timedelta(minutes=random.choice((-5, 5))), WEEK[day % 7]) for day in range(100)
    ]
    for minutes in (-5, 5):
        at = start + 100 * DAY + timedelta(minutes=minutes)
        assert not judge(history, WEEK[100 % 7], at=at).anomalous
        assert judge(history, WEEK[100 % 7] // 3, at=at).anomalous


def test_weekdays_only_and_long_pauses_are_no_anomaly():
    history = [point for point in weekly(200) if point[0].weekday() < 5]
    assert not judge(history, 1000, at=after(weekly(203))).anomalous
    paused = history[:60] + history[100:]
    assert not judge(paused, 1000, at=after(weekly(203))).anomalous
    assert not judge(history, 1000, at=MONDAY + 400 * DAY).anomalous


@pytest.mark.parametrize(
    "step", [timedelta(hours=3), timedelta(hours=6), timedelta(hours=12), timedelta(days=7), timedelta(days=30)]
)
def test_slower_and_faster_tables_are_judged_too(step: timedelta):
    random = Random(5)
    history = [(MONDAY + n * step, round(1000 * random.lognormvariate(0, 0.05))) for n in range(300)]
    at = MONDAY + 300 * step
    assert not judge(history, 1000, at=at).anomalous
    assert judge(history, 0, at=at).anomalous
    assert judge(history, 2500, at=at).anomalous


def test_a_table_loaded_every_six_hours_knows_the_hours_of_its_week():
    history = [
        (MONDAY + n * timedelta(hours=6), (1000 if n % 4 else 100) * (0.5 if n // 4 % 7 >= 5 else 1) + n % 7)
        for n in range(4 * 7 * 8)
    ]
    found = judge(history, 100, at=MONDAY + len(history) * timedelta(hours=6), unit="rows")
    assert not found.anomalous
    assert found.reason.endswith(" on Mondays at 06:00")
    assert judge(history, 1000, at=MONDAY + len(history) * timedelta(hours=6)).anomalous


def test_bounds_are_where_anomalies_begin():
    history = weekly(150, noise=0.1)
    found = judge(history, 1000, at=after(history))
    assert isfinite(found.low) and isfinite(found.high)
    for value, anomalous in (
        (floor(found.low), True),
        (ceil(found.low), False),
        (floor(found.high), False),
        (ceil(found.high), True),
    ):
        assert judge(history, value, at=after(history)).anomalous is anomalous


@pytest.mark.parametrize("wrong", [{"sensitivity": 0}, {"sensitivity": -1}, {"widen": 0}, {"widen": float("nan")}])
def test_a_factor_that_is_not_positive_is_refused(wrong: dict[str, float]):
    history = weekly(60)
    with pytest.raises(ValueError, match="must be positive"):
        judge(history, 1000, at=after(history), **cast("Any", wrong))


@pytest.mark.parametrize("usual", [1000.0, 1.7e308, -1.7e308, 5e-324])
@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 0.0, 1000.0, 10**400])
def test_the_greatest_numbers_that_there_are_are_judged_like_others(usual: float, value: float):
    history = [(when, usual) for when, _ in weekly(60)]
    judgement = judge(history, value, at=after(history))
    assert judgement.anomalous == (value != usual and (value, usual) != (0.0, 5e-324))


def test_decimals_are_judged_as_the_numbers_they_are():
    history = weekly(60, noise=0.1)
    decimals: Any = [(when, Decimal(str(value))) for when, value in history]
    number: Any = Decimal("1000.5")
    found = judge(decimals, number, at=after(history))
    assert found == judge(history, 1000.5, at=after(history))
