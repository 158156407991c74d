"""Who is on call: tables and stories, most of them in Berlin."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.hours import Hours
from incident_ops.core.oncall import (
    Layer,
    OnCall,
    Override,
    Schedule,
    Shift,
    Swap,
    gaps,
    next_handoff,
    shifts,
    who_is_on_call,
)

BERLIN = ZoneInfo("Europe/Berlin")
TICK = timedelta(microseconds=1)
WEEKLY = Layer(members=("erin", "otto"), rotation="weekly", handoff=time(9), handoff_day=0, start=date(2026, 1, 5))
NIGHTS = Layer(
    members=("nina",),
    rotation="daily",
    handoff=time(18),
    start=date(2026, 1, 5),
    restrict=Hours(zone=BERLIN, begins=time(18), ends=time(9)),
)


def schedule(*layers: Layer, zone: ZoneInfo = BERLIN, **anything: Any) -> Schedule:
    return Schedule(name="fin-primary", zone=zone, layers=layers or (WEEKLY,), **anything)


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """`2026-10-25 02:30`, and with `again` behind it the second time that the clocks show it."""
    wall = datetime.fromisoformat(text.removesuffix(" again"))
    return wall.replace(tzinfo=zone, fold=int(text.endswith("again"))).astimezone(UTC)


def override(member: str, begins: str, ends: str) -> Override:
    return Override(member=member, begins=local(begins), ends=local(ends))


def swap(one: str, other: str, begins: str, ends: str) -> Swap:
    return Swap(between=(one, other), begins=local(begins), ends=local(ends))


def on_call(asked: Schedule, at: datetime) -> str | None:
    """Asked of the function and of the class, which have to agree."""
    found = who_is_on_call(asked, at)
    assert OnCall(asked).who(at) == found
    assert len(found) <= 1
    return found[0] if found else None


def told(asked: Schedule, begins: str, ends: str) -> list[str]:
    """Shifts and gaps of a period as a person would write them, in Berlin."""

    def written(at: datetime) -> str:
        return at.astimezone(BERLIN).strftime("%d.%m. %H:%M")

    period = local(begins), local(ends)
    lines = [(shift.begins, shift.ends, shift.member) for shift in shifts(asked, *period)]
    lines += [(since, until, "nobody") for since, until in gaps(asked, *period)]
    return [f"{written(since)} - {written(until)} {who}" for since, until, who in sorted(lines)]


@pytest.mark.parametrize(
    ("monday", "before", "after"),
    [
        ("2026-03-23", "erin", "otto"),
        ("2026-03-30", "otto", "erin"),  # the clocks went forward the day before
        ("2026-04-06", "erin", "otto"),
        ("2026-10-19", "erin", "otto"),
        ("2026-10-26", "otto", "erin"),  # the clocks went back the day before
        ("2026-11-02", "erin", "otto"),
    ],
)
def test_the_week_is_handed_over_at_nine_in_berlin_on_both_sides_of_both_changes_of_the_clocks(
    monday: str, before: str, after: str
) -> None:
    nine = local(f"{monday} 09:00")
    assert on_call(schedule(), nine - TICK) == before
    assert on_call(schedule(), nine) == after
    assert on_call(schedule(), nine + TICK) == after
    assert next_handoff(schedule(), nine - timedelta(hours=1)) == nine


@pytest.mark.parametrize(
    ("begins", "ends", "hours"),
    [
        ("2026-03-16 09:00", "2026-03-23 09:00", 168),
        ("2026-03-23 09:00", "2026-03-30 09:00", 167),
        ("2026-10-19 09:00", "2026-10-26 09:00", 169),
    ],
)
def test_the_week_of_a_change_is_an_hour_shorter_or_longer(begins: str, ends: str, hours: int) -> None:
    (shift,) = shifts(schedule(), local(begins), local(ends))
    assert shift.ends - shift.begins == timedelta(hours=hours)


DAILY = Layer(members=("erin", "otto", "nina"), rotation="daily", handoff=time(2, 30), start=date(2026, 3, 27))


def test_a_hand_off_at_a_time_that_does_not_exist_is_when_the_clocks_are_put_forward() -> None:
    assert told(schedule(DAILY), "2026-03-28 00:00", "2026-03-31 00:00") == [
        "28.03. 00:00 - 28.03. 02:30 erin",
        "28.03. 02:30 - 29.03. 03:00 otto",
        "29.03. 03:00 - 30.03. 02:30 nina",
        "30.03. 02:30 - 31.03. 00:00 erin",
    ]


def test_a_hand_off_at_a_time_that_exists_twice_is_the_first_and_is_not_taken_back() -> None:
    layer = replace(DAILY, start=date(2026, 10, 24))
    first, second = local("2026-10-25 02:30"), local("2026-10-25 02:30 again")
    assert second - first == timedelta(hours=1)
    assert on_call(schedule(layer), first - TICK) == "erin"
    assert on_call(schedule(layer), first) == "otto"
    assert on_call(schedule(layer), local("2026-10-25 02:15 again")) == "otto"
    assert on_call(schedule(layer), second) == "otto"
    assert next_handoff(schedule(layer), first) == local("2026-10-26 02:30")


def test_a_layer_that_starts_in_the_hour_that_exists_twice_starts_once() -> None:
    layer = replace(DAILY, start=date(2026, 10, 25))
    assert on_call(schedule(layer), local("2026-10-25 02:29")) is None
    assert on_call(schedule(layer), local("2026-10-25 02:30")) == "erin"
    assert on_call(schedule(layer), local("2026-10-25 02:15 again")) == "erin"


def test_turns_that_go_into_a_day_hand_over_at_the_same_time_of_day_all_the_year_round() -> None:
    layer = Layer(members=("erin", "otto"), rotation=timedelta(hours=12), handoff=time(8), start=date(2026, 3, 28))
    assert told(schedule(layer), "2026-03-28 08:00", "2026-03-30 08:00") == [
        "28.03. 08:00 - 28.03. 20:00 erin",
        "28.03. 20:00 - 29.03. 08:00 otto",
        "29.03. 08:00 - 29.03. 20:00 erin",
        "29.03. 20:00 - 30.03. 08:00 otto",
    ]


def test_turns_of_an_odd_length_count_the_hours_whatever_the_clocks_do() -> None:
    layer = Layer(members=("erin", "otto"), rotation=timedelta(hours=36), handoff=time(8), start=date(2026, 3, 28))
    assert told(schedule(layer), "2026-03-28 08:00", "2026-03-31 09:00") == [
        "28.03. 08:00 - 29.03. 21:00 erin",
        "29.03. 21:00 - 31.03. 09:00 otto",
    ]


def test_before_the_start_nobody_is_on_call_and_the_first_hand_off_is_the_start() -> None:
    start = local("2026-01-05 09:00")
    assert on_call(schedule(), start - TICK) is None
    assert on_call(schedule(), start) == "erin"
    assert next_handoff(schedule(), start - timedelta(days=399)) == start
    assert next_handoff(schedule(), start - timedelta(days=401)) is None
    assert gaps(schedule(), start - timedelta(days=3), start) == ((start - timedelta(days=3), start),)
    assert shifts(schedule(), start - timedelta(days=3), start) == ()


def test_a_weekly_rotation_that_starts_on_another_day_has_a_short_first_turn() -> None:
    thursday = replace(WEEKLY, start=date(2026, 1, 8))
    assert told(schedule(thursday), "2026-01-05 00:00", "2026-01-26 09:00") == [
        "05.01. 00:00 - 08.01. 09:00 nobody",
        "08.01. 09:00 - 12.01. 09:00 erin",
        "12.01. 09:00 - 19.01. 09:00 otto",
        "19.01. 09:00 - 26.01. 09:00 erin",
    ]
    sunday = replace(thursday, handoff_day=6)
    assert told(schedule(sunday), "2026-01-08 09:00", "2026-01-18 09:00") == [
        "08.01. 09:00 - 11.01. 09:00 erin",
        "11.01. 09:00 - 18.01. 09:00 otto",
    ]
    unsaid = replace(thursday, handoff_day=None)
    assert told(schedule(unsaid), "2026-01-08 09:00", "2026-01-22 09:00") == [
        "08.01. 09:00 - 15.01. 09:00 erin",
        "15.01. 09:00 - 22.01. 09:00 otto",
    ]


def test_one_member_has_one_unbroken_shift_and_hands_off_to_nobody() -> None:
    alone = schedule(replace(WEEKLY, members=("erin",)))
    begins, ends = local("2026-03-01 00:00"), local("2026-12-01 00:00")
    assert shifts(alone, begins, ends) == (Shift(begins=begins, ends=ends, member="erin"),)
    assert next_handoff(alone, begins) is None


def test_who_appears_twice_has_two_turns_in_a_round_and_turns_that_touch_are_one_shift() -> None:
    twice = replace(WEEKLY, members=("erin", "erin", "otto"))
    assert told(schedule(twice), "2026-01-05 09:00", "2026-02-02 09:00") == [
        "05.01. 09:00 - 19.01. 09:00 erin",
        "19.01. 09:00 - 26.01. 09:00 otto",
        "26.01. 09:00 - 02.02. 09:00 erin",
    ]
    assert next_handoff(schedule(twice), local("2026-01-06 00:00")) == local("2026-01-19 09:00")


def test_the_later_layer_wins_where_it_has_somebody() -> None:
    assert told(schedule(WEEKLY, NIGHTS), "2026-03-28 12:00", "2026-03-30 12:00") == [
        "28.03. 12:00 - 28.03. 18:00 otto",
        "28.03. 18:00 - 29.03. 09:00 nina",
        "29.03. 09:00 - 29.03. 18:00 otto",
        "29.03. 18:00 - 30.03. 09:00 nina",
        "30.03. 09:00 - 30.03. 12:00 erin",
    ]


def test_alone_a_restricted_layer_leaves_gaps_and_its_turns_go_on_in_them() -> None:
    layer = replace(NIGHTS, members=("nina", "otto"))
    assert told(schedule(layer), "2026-10-24 12:00", "2026-10-26 09:00") == [
        "24.10. 12:00 - 24.10. 18:00 nobody",
        "24.10. 18:00 - 25.10. 09:00 nina",
        "25.10. 09:00 - 25.10. 18:00 nobody",
        "25.10. 18:00 - 26.10. 09:00 otto",
    ]


def test_a_hand_off_within_the_restriction_divides_the_night() -> None:
    layer = replace(NIGHTS, members=("nina", "otto"), handoff=time(0))
    assert told(schedule(layer), "2026-01-05 18:00", "2026-01-06 18:00") == [
        "05.01. 18:00 - 06.01. 00:00 nina",
        "06.01. 00:00 - 06.01. 09:00 otto",
        "06.01. 09:00 - 06.01. 18:00 nobody",
    ]


def test_an_override_wins_over_every_layer_and_fills_gaps_and_the_later_one_wins() -> None:
    asked = schedule(
        replace(NIGHTS, members=("nina", "otto")),
        overrides=(
            override("lea", "2026-01-06 12:00", "2026-01-06 20:00"),
            override("erin", "2026-01-06 16:00", "2026-01-06 17:00"),
        ),
    )
    assert told(asked, "2026-01-06 00:00", "2026-01-07 00:00") == [
        "06.01. 00:00 - 06.01. 09:00 nina",
        "06.01. 09:00 - 06.01. 12:00 nobody",
        "06.01. 12:00 - 06.01. 16:00 lea",
        "06.01. 16:00 - 06.01. 17:00 erin",
        "06.01. 17:00 - 06.01. 20:00 lea",
        "06.01. 20:00 - 07.01. 00:00 otto",
    ]


def test_an_override_before_the_start_of_every_layer_holds() -> None:
    asked = schedule(overrides=(override("lea", "2025-12-31 18:00", "2026-01-01 09:00"),))
    assert on_call(asked, local("2025-12-31 18:00")) == "lea"
    assert on_call(asked, local("2026-01-01 09:00")) is None


def test_a_swap_exchanges_two_both_ways_and_nobody_else() -> None:
    layer = replace(WEEKLY, members=("erin", "otto", "nina"), rotation="daily", handoff_day=None)
    asked = schedule(layer, swaps=(swap("erin", "nina", "2026-01-05 12:00", "2026-01-08 12:00"),))
    assert told(asked, "2026-01-05 09:00", "2026-01-09 09:00") == [
        "05.01. 09:00 - 05.01. 12:00 erin",
        "05.01. 12:00 - 06.01. 09:00 nina",
        "06.01. 09:00 - 07.01. 09:00 otto",
        "07.01. 09:00 - 08.01. 09:00 erin",
        "08.01. 09:00 - 08.01. 12:00 nina",
        "08.01. 12:00 - 09.01. 09:00 erin",
    ]


def test_swaps_come_one_after_the_other_and_overrides_after_them() -> None:
    day = "2026-01-05 09:00", "2026-01-05 21:00"
    asked = schedule(
        swaps=(swap("erin", "otto", *day), swap("otto", "nina", *day)),
        overrides=(override("erin", "2026-01-05 15:00", "2026-01-05 18:00"),),
    )
    assert told(asked, *day) == [
        "05.01. 09:00 - 05.01. 15:00 nina",
        "05.01. 15:00 - 05.01. 18:00 erin",
        "05.01. 18:00 - 05.01. 21:00 nina",
    ]


def test_a_swap_leaves_a_gap_a_gap() -> None:
    asked = schedule(NIGHTS, swaps=(swap("nina", "otto", "2026-01-06 00:00", "2026-01-07 00:00"),))
    assert on_call(asked, local("2026-01-06 12:00")) is None
    assert on_call(asked, local("2026-01-06 20:00")) == "otto"


@pytest.mark.parametrize(
    ("at", "then"),
    [
        ("2026-01-06 08:00", "2026-01-06 09:00"),  # to nobody
        ("2026-01-06 09:00", "2026-01-06 18:00"),  # from nobody
        ("2026-01-06 18:00", "2026-01-07 09:00"),
        ("2026-03-28 18:00", "2026-03-29 09:00"),
    ],
)
def test_the_next_hand_off_is_also_from_and_to_nobody(at: str, then: str) -> None:
    assert next_handoff(schedule(NIGHTS), local(at)) == local(then)


def test_the_last_override_of_a_schedule_hands_off_to_the_layer_below() -> None:
    asked = schedule(
        replace(WEEKLY, members=("erin",)), overrides=(override("otto", "2026-12-01 09:00", "2026-12-02 09:00"),)
    )
    assert next_handoff(asked, local("2026-01-06 00:00")) == local("2026-12-01 09:00")
    assert next_handoff(asked, local("2026-12-01 09:00")) == local("2026-12-02 09:00")
    assert next_handoff(asked, local("2026-12-02 09:00")) is None


def test_a_day_that_a_zone_left_out_takes_its_turn_with_it() -> None:
    apia = ZoneInfo("Pacific/Apia")  # Thursday 29 December 2011 was followed by Saturday 31
    layer = Layer(members=("erin", "otto", "nina"), rotation="daily", handoff=time(9), start=date(2011, 12, 28))
    asked = schedule(layer, zone=apia)
    midnight, nine = local("2011-12-31 00:00", apia), local("2011-12-31 09:00", apia)
    assert shifts(asked, midnight - TICK, nine + TICK) == (
        Shift(begins=midnight - TICK, ends=midnight, member="otto"),
        Shift(begins=midnight, ends=nine, member="nina"),
        Shift(begins=nine, ends=nine + TICK, member="erin"),
    )
    early = schedule(replace(layer, handoff=time(0)), zone=apia)  # nina's turn would begin and end at once
    assert shifts(early, midnight - TICK, midnight + TICK) == (
        Shift(begins=midnight - TICK, ends=midnight, member="otto"),
        Shift(begins=midnight, ends=midnight + TICK, member="erin"),
    )


@pytest.mark.parametrize("length", [timedelta(0), -timedelta(days=1)])
def test_no_time_at_all_has_neither_shifts_nor_gaps(length: timedelta) -> None:
    asked = schedule(WEEKLY, NIGHTS, overrides=(override("lea", "2026-01-05 12:00", "2026-01-20 12:00"),))
    at = local("2026-01-10 12:00")
    assert shifts(asked, at, at + length) == ()
    assert gaps(asked, at, at + length) == ()


def test_equal_schedules_are_one_key() -> None:
    assert len({schedule(WEEKLY, NIGHTS), schedule(WEEKLY, NIGHTS)}) == 1


def test_turns_of_a_second_do_not_fill_the_memory() -> None:
    """A month of them is 2.7 million shifts, half a gigabyte."""
    layer = Layer(members=("erin", "otto"), rotation=timedelta(seconds=1), handoff=time(0), start=date(2026, 1, 5))
    asked = OnCall(schedule(layer))
    begins = local("2026-01-05 00:00")
    tracemalloc.start()
    who = [asked.who(begins + timedelta(seconds=n)) for n in (0, 1, 2, 10**6, 10**7 + 1)]
    then = next_handoff(schedule(layer), begins)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert who == [("erin",), ("otto",), ("erin",), ("erin",), ("otto",)]
    assert then == begins + timedelta(seconds=1)
    assert peak < 10_000_000, f"{peak:,} bytes"


def test_a_moment_without_an_offset_is_refused_and_not_guessed() -> None:
    naive = local("2026-01-06 00:00").replace(tzinfo=None)
    with pytest.raises(TypeError):
        OnCall(schedule()).who(naive)
    with pytest.raises(TypeError):
        who_is_on_call(schedule(), naive)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"members": ()}, "at least one member"),
        ({"rotation": timedelta(0), "handoff_day": None}, "a turn takes time"),
        ({"handoff_day": 7}, "hand-off day"),
        ({"rotation": "daily"}, "only a weekly rotation"),
    ],
)
def test_a_layer_without_turns_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(WEEKLY, **values)


def test_an_override_or_a_swap_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-01-05 08:00, and so not after"):
        override("erin", "2026-01-06 09:00", "2026-01-05 09:00")
    with pytest.raises(ValueError, match="2026-01-06 08:00, and so not after"):
        swap("erin", "otto", "2026-01-06 09:00", "2026-01-06 09:00")
