"""Whether builds add to a table or replace it, and how a gain is read after a build that was wrong."""

import random
from datetime import timedelta

import pytest

from incident_ops.core.growth import gains, gains_to, is_cumulative
from incident_ops_tests.builders import minutes

START = minutes(0)


def series(*totals: float) -> list[tuple[object, float]]:
    return [(START + timedelta(days=day), total) for day, total in enumerate(totals)]


@pytest.mark.parametrize(
    ("totals", "cumulative"),
    [
        ([], False),
        ([1, 2, 3, 4, 5], False),  # too few to tell
        ([1, 2, 3, 4, 5, 6], True),
        ([5, 5, 5, 5, 5, 5, 6], False),  # a list that hardly changes
        ([100, 90, 110, 95, 105, 100, 98], False),
        ([*range(0, 100, 10), 20, *range(100, 200, 10)], True),  # lost rows once
        ([9, 7, 5, 3, 2, 1, 0], False),
        ([*random.Random(3).sample(range(500), 300), *range(1000, 1070)], True),  # appended to since lately
    ],
)
def test_a_table_is_cumulative_when_it_nearly_always_grows(totals: list[float], cumulative: bool) -> None:
    assert is_cumulative(series(*totals)) is cumulative  # pyright: ignore[reportArgumentType]


def test_a_table_that_is_replaced_is_hardly_ever_taken_for_one_that_grows() -> None:
    chance = random.Random(1)
    taken = sum(
        is_cumulative(series(*(chance.gauss(1000, 50) for _ in range(20))))  # pyright: ignore[reportArgumentType]
        for _ in range(2000)
    )
    assert taken == 0


@pytest.mark.parametrize(
    ("total", "wrong_days", "expected"),
    [
        (400, [], [100]),
        (300, [2], [0, 50]),  # still stuck: by both readings
        (400, [2], [100, 100]),  # catches up
        (400, [1, 2], [100, 100]),
        (400, [0, 1, 2], [100]),  # nothing right to compare with
    ],
)
def test_a_gain_is_read_since_the_build_before_and_since_the_last_right_one(
    total: float, wrong_days: list[int], expected: list[float]
) -> None:
    totals = series(100, 200, 300)
    wrong = {START + timedelta(days=day) for day in wrong_days}
    assert gains_to(total, totals, wrong=wrong) == expected  # pyright: ignore[reportArgumentType]


def test_a_first_build_has_no_gain() -> None:
    assert gains_to(5, [], wrong=()) == [] and gains([]) == []
