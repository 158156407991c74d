"""When a policy begins to fail. That this is what Dagster decides is shown beside Dagster itself, in
`adapters/test_dagster_deadlines.py`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from incident_ops.core.forecast.deadlines import (
    CronWindow,
    FreshnessTerms,
    TimeWindow,
    next_deadline,
    next_deadlines,
)

DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def daily_at_nine(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    assert (cron, timezone) == ("0 9 * * *", "UTC")
    tick = after.replace(hour=9, minute=0, second=0, microsecond=0)
    while True:
        if tick > after:
            yield tick
        tick += DAY


NINE = CronWindow(deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=1))
SIX_HOURS = TimeWindow(fail_window=timedelta(hours=6), warn_window=timedelta(hours=1))


@pytest.mark.parametrize(
    ("terms", "last", "deadline"),
    [
        (SIX_HOURS, "20T03:00", "20T09:00"),
        (NINE, "20T08:30", "21T09:00"),
        (NINE, "20T08:00", "21T09:00"),
        (NINE, "20T07:59", "20T09:00"),  # built before the window opened: it does not count
        (NINE, "20T09:30", "21T09:00"),
        (NINE, "18T08:30", "19T09:00"),  # failed long ago
    ],
)
def test_the_deadline_is_where_the_policy_begins_to_fail(terms: FreshnessTerms, last: str, deadline: str) -> None:
    assert next_deadline(terms, at(last), ticks=daily_at_nine) == at(deadline)


def test_what_was_never_built_has_no_deadline() -> None:
    """Dagster calls it UNKNOWN for ever; a deadline out of nowhere would be a false alarm."""
    assert next_deadline(NINE, None, ticks=daily_at_nine) is None
    assert next_deadlines(
        {"a": NINE, "b": SIX_HOURS, "c": NINE}, {"a": at("20T08:30"), "b": at("20T08:30")}, ticks=daily_at_nine
    ) == {"a": at("21T09:00"), "b": at("20T14:30")}


def test_a_cron_line_that_never_comes_true_is_no_deadline() -> None:
    assert next_deadline(NINE, at("20T08:30"), ticks=lambda *_: iter(())) is None
