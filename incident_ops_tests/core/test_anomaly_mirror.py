"""A value between its neighbours in time: what came after it, as though it had come before."""

from datetime import UTC, datetime, timedelta

import pytest

from incident_ops.core.anomaly import judge
from incident_ops.core.anomaly.mirror import mirrored

SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_nearest_is_the_latest_and_what_came_before_or_at_the_time_is_left_out() -> None:
    history = [(SUNDAY + day * DAY, float(day)) for day in (-1, 0, 3, 1, 2, 8)]
    assert mirrored(history, SUNDAY) == [(SUNDAY - day * DAY, float(day)) for day in (8, 3, 2, 1)]
    assert mirrored(history, SUNDAY, until=SUNDAY + 3 * DAY) == [
        (SUNDAY - day * DAY, float(day)) for day in (2, 1)
    ]
    assert mirrored(history, SUNDAY + 8 * DAY) == []


@pytest.mark.parametrize(("weekday", "usual"), [(0, 100), (1, 1000), (6, 1000)])
def test_the_weekday_is_still_the_same(weekday: int, usual: int) -> None:
    """Sundays have 100 rows, all other days 1,000: those after a day say so as well as those before."""
    at = SUNDAY + weekday * DAY
    days = [at + day * DAY for day in range(1, 100)]
    later = [(day, (100 if day.weekday() == SUNDAY.weekday() else 1000) + day.day % 3) for day in days]
    found = {value: judge(mirrored(later, at), value, at=at).anomalous for value in (100, 1000)}
    assert found == {value: value != usual for value in (100, 1000)}
