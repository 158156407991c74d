"""Whatever the series: an answer, and the same one from `replay` as from `judge` day by day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from math import inf, isfinite, nan

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_ops.core.anomaly import Series, judge, replay

START = datetime(2024, 11, 20, 3, tzinfo=UTC)
DAY = timedelta(days=1)
HOLIDAYS = (date(2024, 12, 25), date(2024, 12, 26), date(2025, 1, 1))
PROFILE = settings(suppress_health_check=[HealthCheck.too_slow])

whole = st.integers(0, 5000).map(float)
amounts = st.floats(0, 1e6)
differences = st.floats(-1e6, 1e6)
odd = st.sampled_from((0.0, nan, inf, -inf, -1.0, 1e15, 1e-9))


@st.composite
def daily(draw: st.DrawFn, *, odd_days: bool = True) -> Series:
    """A series of days with gaps, loaded within some hours of the same time, of one kind of value, some odd."""
    kind = draw(st.sampled_from((whole, amounts, differences)))
    values = draw(st.lists(st.one_of(kind, kind, kind, odd) if odd_days else whole, min_size=0, max_size=160))
    missing = draw(st.sets(st.integers(0, 160), max_size=20))
    late = draw(st.integers(0, 4))
    return [
        (START + day * DAY + timedelta(hours=day * 7 % 5 * late / 4), value)
        for day, value in enumerate(values)
        if day not in missing
    ]


@st.composite
def any_times(draw: st.DrawFn) -> Series:
    """Points of any times, in any order."""
    step = draw(st.sampled_from((1, 60, 1440, 7 * 1440)))
    minutes = draw(st.lists(st.integers(0, 90), max_size=60))
    values = draw(st.lists(st.one_of(whole, amounts, odd), min_size=len(minutes), max_size=len(minutes)))
    return [
        (START + step * minute * timedelta(minutes=1), value)
        for minute, value in zip(minutes, values, strict=True)
    ]


def one_by_one(
    series: Series, peers: Sequence[Series] = (), *, sensitivity: float = 1.0, widen: float = 1.0
) -> list[str]:
    asked = partial(judge, peers=peers, holidays=HOLIDAYS, sensitivity=sensitivity, widen=widen)
    return [repr(asked(series[:n], value, at=at)) for n, (at, value) in enumerate(series)]


def said(judgements: Sequence[object]) -> list[str]:
    """As text: NaN is not equal to itself."""
    return list(map(repr, judgements))


@PROFILE
@given(series=daily())
def test_a_replay_says_what_was_said_day_by_day(series: Series):
    assert said(replay(series, holidays=HOLIDAYS)) == one_by_one(series)


@PROFILE
@given(series=daily(odd_days=False), peers=st.lists(daily(odd_days=False), min_size=3, max_size=4))
def test_a_replay_with_peers_says_what_was_said_day_by_day(series: Series, peers: list[Series]):
    assert said(replay(series, peers=peers, holidays=HOLIDAYS)) == one_by_one(series, peers)


@PROFILE
@given(series=daily(), sensitivity=st.floats(0.2, 5), widen=st.floats(0.2, 5))
def test_a_replay_is_as_sensitive_as_asked(series: Series, sensitivity: float, widen: float):
    told = replay(series, holidays=HOLIDAYS, sensitivity=sensitivity, widen=widen)
    assert said(told) == one_by_one(series, sensitivity=sensitivity, widen=widen)


@PROFILE
@given(series=any_times())
def test_a_replay_of_any_times_says_what_judge_says_of_each_point(series: Series):
    expected = [judge(series, value, at=at) for at, value in series]
    assert said(replay(series)) == said(expected)


@PROFILE
@given(
    history=st.one_of(daily(), any_times()),
    value=st.one_of(whole, differences, odd),
    at=st.integers(-10, 200),
    accepted=st.none() | st.integers(-10, 200),
)
def test_there_is_always_an_answer_that_agrees_with_its_bounds(
    history: Series, value: float, at: int, accepted: int | None
):
    accepted_from = None if accepted is None else START + accepted * DAY
    found = judge(history, value, at=START + at * DAY, accepted_from=accepted_from, holidays=HOLIDAYS)
    assert 0 <= found.score < 1 and found.anomalous == (found.score >= 0.5)
    assert found.low <= found.high and found.reason
    assert not (found.learning and found.anomalous)
    slack = 1e-9 * (1 + abs(value))
    if not isfinite(value):
        assert found.anomalous
    elif found.anomalous:
        assert value <= found.low + slack or value >= found.high - slack
    elif not found.learning:
        assert found.low - slack <= value <= found.high + slack
