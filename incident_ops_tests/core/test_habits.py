"""How an asset is usually built, from its past."""

from datetime import timedelta
from statistics import median

import pytest

from incident_ops.core.forecast.habits import Habit, Way, habits_of
from incident_ops.core.provenance import Materialization, RecordKind
from incident_ops_tests.builders import T0
from incident_ops_tests.core.builds import built, chain

DAY = timedelta(days=1)
UPSTREAM_TOOK = [10, 14, 6, 22, 9, 17, 12, 5, 25, 11, 13, 8]


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def days_of(*, lag: float | None, late_by: float = 0) -> list[Materialization]:
    """raw begins at 06:00 and takes as long as it takes; orders begins `lag` after it, or (None) at 07:00."""
    records: list[Materialization] = []
    for day, took in enumerate(UPSTREAM_TOOK):
        six = T0 - minutes(180) + day * DAY
        raw = built("raw", six + minutes(took), took=took)
        start = six + minutes(60) if lag is None else raw.at + minutes(lag)
        records += [raw, built("orders", start + minutes(20 + late_by), took=20, reads={"raw": raw})]
    return records


def habit_of(asset: str, records: list[Materialization]) -> Habit:
    return habits_of(records, [asset])[asset]


def test_a_build_lasts_from_its_last_input_to_its_record() -> None:
    habit = habit_of("orders", chain(raw=10, orders=7))
    assert habit.builds == 14
    assert median(habit.durations) == 7 * 60


def test_the_response_holds_the_waiting_too() -> None:
    habit = habit_of("orders", days_of(lag=4))
    assert median(habit.durations) == 20 * 60
    assert median(habit.responses) == 24 * 60


@pytest.mark.parametrize(
    ("lag", "way"),
    [(0, Way.FOLLOWS), (4, Way.FOLLOWS), (None, Way.SCHEDULED)],
    ids=["at once", "by a sensor", "by the clock"],
)
def test_starts_that_keep_step_with_the_clock_and_not_with_the_upstream_are_a_schedule(
    lag: float | None, way: Way
) -> None:
    assert habit_of("orders", days_of(lag=lag)).way is way


def test_where_the_upstream_is_as_steady_as_the_clock_it_is_taken_to_follow() -> None:
    """Nothing tells the two apart; following is the earlier of both, and an arrival is said at the earliest."""
    assert habit_of("orders", chain(raw=10, orders=7)).way is Way.FOLLOWS


def test_lags_that_vary_are_no_schedule_when_the_starts_vary_too() -> None:
    """A busy queue: the next start cannot be told from the last ones."""
    records: list[Materialization] = []
    for day, took in enumerate(UPSTREAM_TOOK):
        raw = built("raw", T0 + day * DAY + minutes(took), took=took)
        records += [raw, built("orders", raw.at + minutes(took % 7 * 5), took=0, reads={"raw": raw})]
    assert habit_of("orders", records).way is Way.FOLLOWS


def test_without_pointers_nothing_is_known_of_the_way() -> None:
    records = [built("orders", T0 + day * DAY, took=9) for day in range(9)]
    habit = habit_of("orders", records)
    assert (habit.way, habit.responses, habit.idle) == (Way.UNKNOWN, (), frozenset())
    assert habit.every == DAY


def test_an_input_that_is_seldom_new_is_not_waited_for() -> None:
    """A weekly table of countries under a daily one: when it is late the daily one is built all the same."""
    records = [built("countries", T0 + week * 7 * DAY) for week in range(2)]
    for day in range(13):
        raw = built("raw", T0 + day * DAY + minutes(60))
        records += [raw, built("orders", raw.at + minutes(5), reads={"raw": raw, "countries": records[day // 7]})]
    assert habit_of("orders", sorted(records, key=lambda m: m.at)).idle == {"countries"}


def test_a_backfill_does_not_look_like_building_without_news() -> None:
    """Ten partitions from the same inputs are one occasion, or every backfill would cut an edge."""
    records = days_of(lag=0)
    last = records[-2]
    records += [
        built("orders", last.at + minutes(n), reads={"raw": last}, partition=f"p{n}") for n in range(40, 50)
    ]
    assert habit_of("orders", records).idle == frozenset()


def test_a_rebuild_by_hand_now_and_then_does_not_either() -> None:
    records = days_of(lag=0)
    records += [built("orders", m.at + minutes(90), reads=_reads(m, records)) for m in records[1:15:2]]
    assert habit_of("orders", records).idle == frozenset()


def _reads(record: Materialization, among: list[Materialization]) -> dict[str, Materialization]:
    return {m.asset: m for m in among if record.inputs.get(m.asset) == m.id}


def test_no_response_is_longer_than_the_time_between_builds() -> None:
    """An hourly table reads a daily one eight hours after it came: it does not need eight hours."""
    records: list[Materialization] = []
    for day in range(6):
        raw = built("raw", T0 + day * DAY)
        first = [built("hourly", raw.at + minutes(480 + 60 * n), took=2, reads={"raw": raw}) for n in range(3)]
        records += [raw, *first]
    assert max(habit_of("hourly", records).responses) <= 3600


@pytest.mark.parametrize("kept", [set[str](), {"raw"}], ids=["none is left", "one is left"])
def test_an_input_that_nobody_has_any_more_gives_no_response(kept: set[str]) -> None:
    """It may have been the last to come: the lag behind the one that is left is too long."""
    records: list[Materialization] = []
    for day in range(9):
        raw = built("raw", T0 + day * DAY)
        last = built("last", raw.at + minutes(300))
        records += [raw, last, built("orders", last.at + minutes(5), took=5, reads={"raw": raw, "last": last})]
    habit = habit_of("orders", [m for m in records if m.asset in {"orders", *kept}])
    assert habit.responses == ()
    assert median(habit.durations) == 300


def test_observations_are_no_builds() -> None:
    seen = [built("raw", T0 + n * DAY, took=600, kind=RecordKind.OBSERVATION) for n in range(9)]
    assert habit_of("raw", seen) == Habit()


def test_one_odd_night_moves_nothing() -> None:
    records = chain(raw=10, orders=7)
    odd = built("raw", T0, took=900)
    assert median(habit_of("raw", [*records, odd]).durations) == 600


def test_a_clock_that_is_behind_makes_no_negative_duration() -> None:
    records = [built("raw", T0 + n * DAY, took=-3) for n in range(6)]
    assert min(habit_of("raw", records).durations) == 0
