"""What is news in a series of minutes: told once, with bounds and a sentence, and an answer whatever the input."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import cos, inf, nan, pi
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.anomaly.days import DAY, Rhythm, usual_interval
from incident_ops.core.anomaly.intraday import INTRADAY_BELOW, judge_intraday, replay_intraday
from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops_tests.builders import T0

FIVE = timedelta(minutes=5)
A_DAY = 288
SWING = [20.0, 60.0, 30.0, 50.0, 40.0] * 807  # five do not go into a day: no time of it is like another
Points = list[tuple[datetime, float]]


def spaced(values: Sequence[float], step: timedelta = FIVE) -> Points:
    return [(T0 + step * number, value) for number, value in enumerate(values)]


def noise(days: float, *, level: float = 40.0, seed: int = 1, per_day: int = A_DAY) -> list[float]:
    random = Random(seed)
    return [level + random.uniform(-20, 20) for _ in range(round(days * per_day))]


def by_day(days: float, *, seed: int = 1, per_day: int = A_DAY) -> list[float]:
    """20 at midnight, 80 at noon, and a little noise."""
    random = Random(seed)
    count = round(days * per_day)
    return [50 - 30 * cos(2 * pi * number / per_day) + random.uniform(-2, 2) for number in range(count)]


def next_after(values: Sequence[float], value: float, step: timedelta = FIVE) -> Judgement:
    return judge_intraday(spaced(values, step), value, at=T0 + step * len(values))


def told(values: Sequence[float], *, last: int) -> list[int]:
    """Which of the last values are told of, counted from the first of them."""
    points = spaced(values)
    return [
        number - len(points) + last
        for number, (at, value) in enumerate(points)
        if number >= len(points) - last and judge_intraday(points[:number], value, at=at).anomalous
    ]


@pytest.mark.parametrize(
    ("points", "minutes", "reason"),
    [
        (0, 5, "learning, 0 of 144"),
        (1, 5, "learning, 1 of 144"),
        (2, 5, "learning, 2 of 576"),
        (575, 5, "learning, 575 of 576"),
        (100, 60, "learning, 100 of 144"),
        (143, 60, "learning, 143 of 144"),
    ],
)
def test_a_short_history_says_so_instead_of_guessing(points: int, minutes: int, reason: str):
    judgement = next_after(noise(9)[:points], 1e6, timedelta(minutes=minutes))
    assert judgement == Judgement(anomalous=False, score=0.0, low=-inf, high=inf, reason=reason, learning=True)


@pytest.mark.parametrize(("points", "minutes"), [(576, 5), (144, 60), (2880, 1)])
def test_two_days_and_144_points_are_enough(points: int, minutes: int):
    judgement = next_after(
        noise(9)[:points] if minutes > 1 else noise(9)[:2592] + noise(1), 1e6, timedelta(minutes=minutes)
    )
    assert judgement.anomalous
    assert not judgement.learning


def test_a_spike_is_told_of_with_what_is_usual():
    judgement = next_after(SWING, 412)
    assert judgement.reason == "412, usually 20–60"
    assert (judgement.anomalous, judgement.low, judgement.high) == (True, pytest.approx(17.2), pytest.approx(62.8))
    assert judgement.score > 0.99


def test_a_usual_value_is_said_to_be_one():
    judgement = judge_intraday(spaced(SWING), 33, at=T0 + FIVE * len(SWING), unit="rows")
    assert (judgement.anomalous, judgement.score) == (False, 0.0)
    assert judgement.reason == "33 rows, usually 20–60"


def test_noise_is_no_news():
    assert len(told(noise(20), last=6 * A_DAY)) <= 1


def test_the_same_value_five_minutes_later_is_no_news():
    assert told([*noise(14), 412, 412, 411, 413], last=4) == [0]


def test_what_grows_is_told_of_again():
    assert told([*noise(14), 412, 40, 900], last=3) == [0, 2]


@pytest.mark.parametrize(
    ("days_later", "again"), [(0.5, False), (2.9, False), (3.5, True), (7.0, True), (13.0, True)]
)
def test_one_bad_day_does_not_hide_the_next_one(days_later: float, again: bool):
    values = [*noise(14), 412.0, *noise(days_later, seed=2)]
    assert next_after(values, 412).anomalous is again


def test_two_bad_days_are_a_habit():
    values = [*noise(10), 412.0, *noise(4, seed=2), 412.0, *noise(4, seed=3)]
    assert not next_after(values, 412).anomalous
    assert next_after(values, 500).anomalous


def test_a_new_level_is_told_of_at_its_start_and_then_learnt():
    news = told([*noise(14), *noise(6, level=140, seed=2)], last=6 * A_DAY)
    assert news[0] == 0
    assert news[-1] < A_DAY / 4
    assert len(news) <= 4


def test_a_value_of_the_night_is_news_at_noon_and_none_at_night():
    values = by_day(13.5)
    at_noon, at_night = next_after(values, 20), next_after(by_day(14), 20)
    assert at_noon.anomalous
    assert at_noon.reason.startswith("20, usually 7")
    assert at_noon.reason.endswith(" at this time of day")
    assert not at_night.anomalous


def test_hourly_values_have_a_time_of_day_too():
    judgement = next_after(by_day(20.5, per_day=24), 25, timedelta(hours=1))
    assert judgement.anomalous
    assert "at this time of day" in judgement.reason


def test_where_days_do_not_repeat_the_time_of_day_is_no_ground():
    judgement = next_after(noise(13.5), 25)
    assert not judgement.anomalous
    assert (judgement.low, judgement.high) == (pytest.approx(17.2, abs=0.2), pytest.approx(62.8, abs=0.2))


def test_a_weekend_that_comes_each_week_is_no_news():
    weekday, weekend = by_day(1), [value / 4 for value in by_day(1, seed=2)]
    week = [*weekday * 5, *weekend * 2]
    assert told([*week * 3, *week], last=7 * A_DAY) == []


def test_nought_now_and_then_is_usual_and_half_an_hour_of_it_is_news():
    values = [0.0 if number % 5 == 0 else 50.0 for number in range(14 * A_DAY)]
    silent = [*values, *[0.0] * 9]
    assert told(silent, last=9) == [5]
    assert replay_intraday(spaced(silent))[-4].reason == "0, below 50 for 30 min, usually not for so long"


def test_by_a_row_of_values_only_the_side_that_they_are_on_is_bounded():
    values = [0.0 if number % 5 == 0 else 50.0 for number in range(14 * A_DAY)]
    judgement = next_after([*values, *[0.0] * 5], 0)
    assert judgement.low == pytest.approx(50 - 3.5)
    assert judgement.high == pytest.approx(53.5)


@pytest.mark.parametrize(
    ("constant", "value", "news"),
    [(5.0, 5.003, False), (5.0, 5.1, True), (-5.0, -5.1, True), (0.0, 0.0, False), (0.0, 1e-9, True)],
)
def test_of_a_constant_a_hundredth_is_no_news(constant: float, value: float, news: bool):
    judgement = next_after([constant] * (14 * A_DAY), value)
    assert judgement.anomalous is news


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1_234_567.0, "1,234,567, usually 20–60"),
        (64.0, "64, usually 20–60"),
        (nan, "not a number, where a finite value is expected"),
        (-inf, "infinite, where a finite value is expected"),
        (1e300, "1e+300, usually 20–60"),
    ],
)
def test_numbers_are_said_as_people_write_them(value: float, reason: str):
    judgement = next_after(SWING, value)
    assert judgement.reason == reason
    assert judgement.anomalous
    assert 0.5 <= judgement.score < 1


def test_small_numbers_are_said_with_the_digits_that_matter():
    assert next_after([value / 1000 for value in SWING], 0.4).reason == "0.4, usually 0.02–0.06"
    assert next_after([value / 5 - 6 for value in SWING], 40).reason == "40, usually -2 to 6"


@pytest.mark.parametrize(("usually", "value", "news"), [(0.0, -1.0, True), (-1.0, -2.0, False), (0.0, 0.0, False)])
def test_below_nought_where_nothing_was_is_news(usually: float, value: float, news: bool):
    judgement = next_after([number + usually - 20 for number in SWING], value)
    assert judgement.anomalous is news
    assert judgement.score == pytest.approx(0.5) if news else judgement.score < 0.5


def test_sensitivity_narrows_and_widening_widens_by_the_margin_alone():
    history, at = spaced(SWING), T0 + FIVE * len(SWING)
    assert judge_intraday(history, 62, at=at, sensitivity=2.0).high == pytest.approx(61.4)
    assert judge_intraday(history, 62, at=at, widen=3.0).high == pytest.approx(68.4)
    assert judge_intraday(history, 62, at=at, sensitivity=2.0).anomalous
    assert not judge_intraday(history, 62, at=at).anomalous


def without_some(points: Points) -> Points:
    return points[:2000] + points[2003:3000] + points[3400:]


BAD: dict[str, Callable[[Points], Points]] = {
    "NaN and infinities": lambda points: [
        (at, nan if number % 50 == 0 else inf if number % 51 == 0 else value)
        for number, (at, value) in enumerate(points)
    ],
    "absurd sizes": lambda points: [*points[:1000], (points[1000][0], 1e305), *points[1001:]],
    "each twice": lambda points: [point for point in points for _ in range(2)],
    "gaps": without_some,
    "backwards": lambda points: points[::-1],
    "late ones between": lambda points: [*points[:3990], *points[3995:], *points[3990:3995]],
    "a few seconds off": lambda points: [
        (at + timedelta(seconds=Random(number).uniform(-60, 60)), value)
        for number, (at, value) in enumerate(points)
    ],
    "later than the moment": lambda points: [*points, (points[-1][0] + timedelta(days=1), 1e6)],
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_an_answer(kind: str):
    history = BAD[kind](spaced(noise(14)))
    judgement = judge_intraday(history, 412, at=T0 + 14 * DAY)
    assert judgement.learning or judgement.anomalous
    assert judgement.low <= judgement.high


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "backwards"])
def test_what_is_bad_in_the_history_does_not_change_what_is_usual(kind: str):
    history = BAD[kind](spaced(noise(14)))
    high = judge_intraday(history, 40, at=T0 + 14 * DAY).high
    assert high == pytest.approx(62.8, abs=0.3)


def test_a_history_without_a_single_number_is_learning():
    judgement = next_after([nan] * (14 * A_DAY), 40)
    assert judgement.reason == "learning, 0 of 144"


def test_the_time_of_day_is_found_across_a_gap():
    history = spaced(by_day(13.5))
    history = history[: 10 * A_DAY] + history[10 * A_DAY + 77 :]
    judgement = judge_intraday(history, 20, at=T0 + 13.5 * DAY)
    assert judgement.anomalous
    assert judgement.reason.endswith(" at this time of day")


def test_all_points_at_one_moment_are_no_history():
    assert judge_intraday([(T0, 1.0)] * 1000, 5, at=T0 + DAY).learning


def test_only_the_last_two_weeks_count():
    recent = noise(14)
    assert next_after([*noise(30, level=900), *recent], 70) == next_after([*[1e9] * (3 * A_DAY), *recent], 70)


values = st.one_of(st.floats(-200, 200), st.sampled_from([0.0, 50.0, 1e200]))
readings = st.one_of(st.floats(0, 100), st.sampled_from([0.0, 50.0, nan, inf, -inf, 1e200]))
pauses = st.sampled_from([60, 60, 60, 60, 60, 59, 0, 25, 61, 600, 3000])


@st.composite
def hourly_series(draw: st.DrawFn) -> Points:
    """Hourly points from day to day much alike, with gaps, doubles and faults."""
    pattern = draw(st.lists(st.floats(0, 100), min_size=1, max_size=24))
    faults = draw(st.dictionaries(st.integers(0, 260), readings, max_size=20))
    gaps = draw(st.dictionaries(st.integers(0, 260), pauses, max_size=12))
    points, at = [], T0
    for number in range(260):
        at += timedelta(minutes=gaps.get(number, 60))
        points.append((at, faults.get(number, pattern[number % len(pattern)])))
    return points


@given(hourly_series())
def test_a_replay_says_what_single_judgements_say(series: Points):
    replayed = replay_intraday(series)
    for number in range(130, len(series), 7):
        at, value = series[number]
        assert repr(judge_intraday(series[:number], value, at=at)) == repr(replayed[number])


@given(hourly_series(), values)
def test_anomalous_is_out_of_the_bounds_and_a_score_of_half(series: Points, value: float):
    judgement = judge_intraday(series, value, at=series[-1][0] + timedelta(hours=1))
    assert judgement.low <= judgement.high
    assert judgement.anomalous is not (judgement.low <= value <= judgement.high)
    assert judgement.anomalous is (judgement.score >= 0.5)
    assert 0 <= judgement.score < 1
    assert judgement.reason


@given(hourly_series(), st.floats(0, 200), st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**20]))
def test_the_unit_of_a_metric_does_not_matter(series: Points, value: float, factor: float):
    at = series[-1][0] + timedelta(hours=1)
    known = [(when, number) for when, number in series if abs(number) < 1e9]
    scaled: Series = [(when, number * factor) for when, number in known]
    one, other = judge_intraday(known, value, at=at), judge_intraday(scaled, value * factor, at=at)
    assert (one.anomalous, one.score) == (other.anomalous, pytest.approx(other.score))
    assert one.high * factor == pytest.approx(other.high)


@pytest.mark.parametrize(
    ("seconds", "slots", "is_daily"),
    [
        (300, 288, True),
        (299, 288, True),
        (3600, 24, True),
        (60, 1440, True),
        (420, 206, True),
        (10, 1440, False),
        (86_400, 24, False),
    ],
)
def test_a_day_is_cut_by_the_interval_that_is_meant(seconds: int, slots: int, is_daily: bool):
    rhythm = Rhythm.of(timedelta(seconds=seconds))
    assert (rhythm.slots, rhythm.is_daily) == (slots, is_daily)


def test_hourly_series_are_judged_here_and_slower_ones_are_not():
    assert usual_interval(spaced(noise(2), timedelta(hours=1))) < INTRADAY_BELOW
    assert usual_interval(spaced(noise(2), timedelta(hours=2))) > INTRADAY_BELOW
    assert usual_interval([]) == usual_interval([(T0, 1.0)] * 9) == DAY
